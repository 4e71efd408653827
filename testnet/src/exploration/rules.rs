//! What must hold, in arithmetic of its own: nothing here asks the agreement what it thinks.
//!
//! Design: bft.md, section 3, item 2, and section 6, item 2.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use consensus::{Message, Output};
use model::shard::Seat;
use model::{Hash, Lie, Malpractice, Statement};

use super::board::Board;
use super::player::{Said, Scene};
use super::words::{Blocks, Word, Words};

/// The byte of a signed statement that says its kind, and the kind of heads.
const KIND_AT: usize = 23 + 32 + 4 + 8;
const HEAD: u8 = 5;

/// Two final blocks of which neither builds on the other, and who brought that about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fork {
    /// The blocks.
    pub(super) blocks: [usize; 2],
    /// What each named member voted and should not have voted together.
    pub(super) pair: [Word; 2],
    /// The members.
    pub(super) named: Vec<Seat>,
}

/// No honest member signs two votes that conflict, or proposes twice in a slot.
pub(super) fn no_conflict(board: &Board, seat: Seat, said: Said) -> Result<(), String> {
    let words: Vec<Word> = said.votes.iter().collect();
    for first in &words {
        if let Some(second) = words
            .iter()
            .find(|second| conflict(board, *first, **second))
        {
            let (first, second) = (title(board, *first), title(board, *second));
            return Err(format!("signed a vote to {first} and one to {second}"));
        }
    }
    let slots = said.proposed.numbers().map(|block| board.slot(block));
    let slots: BTreeSet<u64> = slots.collect();
    if slots.len() != said.proposed.count() as usize {
        return Err("proposed two blocks in one slot".to_owned());
    }
    if slots.iter().any(|slot| board.leader(*slot) != seat) {
        return Err("proposed a block in a slot of another".to_owned());
    }
    Ok(())
}

/// What a member signs it says; heads aside, which are not explored.
pub(super) fn nothing_else_signed(
    board: &Board,
    outputs: &[Output],
    signed: &[Vec<u8>],
) -> Result<(), String> {
    let said: BTreeSet<Vec<u8>> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Broadcast(message) => match &**message {
                Message::Vote(vote) => Some(Statement::Vote {
                    slot: vote.slot,
                    vote: vote.vote,
                }),
                Message::Proposal(proposal) => Some(proposal.statement()),
                _ => None,
            },
            _ => None,
        })
        .map(|statement| statement.signing_bytes(board.setting.scope()))
        .collect();
    let unsaid = |bytes: &&Vec<u8>| bytes.get(KIND_AT) != Some(&HEAD) && !said.contains(*bytes);
    match signed.iter().find(unsaid) {
        Some(_) => Err("signed something that it did not say".to_owned()),
        None => Ok(()),
    }
}

/// A block that an honest member takes for final is below one that a quorum voted to finalize.
pub(super) fn is_final(board: &Board, certified: Words, block: &Hash) -> Result<(), String> {
    let block = board.number(block);
    let block = block.ok_or("applied a block that nobody made")?;
    let mut finalized = certified.finalized().numbers();
    if finalized.any(|last| board.line(last).has(block)) {
        return Ok(());
    }
    let title = board.title(block);
    Err(format!("applied {title}, which no quorum finalized"))
}

/// A record of malpractice proves something, and against a liar.
pub(super) fn names_a_liar(board: &Board, record: &Malpractice) -> Result<(), String> {
    let seat = board.setting.committee.seat(&record.node);
    let seat = seat.ok_or("accused somebody who is no member")?;
    if !board.liars.contains(&seat) {
        return Err(format!("accused node {}, which is honest", seat.index()));
    }
    record
        .verify(&mut board.setting.notary.clone())
        .map_err(|nothing| format!("accused node {} of nothing: {nothing}", seat.index()))
}

/// Looks at what quorums voted. A fork is no error when more lie than a shard tolerates, and is then
/// to name them.
pub(super) fn judge(board: &Board, scene: &Scene) -> Result<Option<Fork>, String> {
    let finals = scene.certified.finalized();
    let fork = finals
        .numbers()
        .flat_map(|first| finals.numbers().map(move |second| [first, second]))
        .find(|[first, second]| !follows(board, *first, *second));
    if !board.is_tolerable() {
        return fork
            .map(|blocks| accountable(board, scene, blocks))
            .transpose();
    }
    if let Some([first, second]) = fork {
        let (first, second) = (board.title(first), board.title(second));
        return Err(format!("{first} and {second} are both final"));
    }
    for slot in 1..=board.slots {
        let of_slot = |blocks: Blocks| {
            let found = blocks.numbers().filter(|block| board.slot(*block) == slot);
            found.count()
        };
        if of_slot(scene.certified.notarized()) > 1 {
            return Err(format!("two blocks of slot {slot} are notarized"));
        }
        if of_slot(finals) > 0 && scene.certified.has(Word::Skip(slot)) {
            return Err(format!("slot {slot} is skipped and has a final block"));
        }
    }
    Ok(None)
}

/// Whether one of two blocks builds on the other, or they are the same.
fn follows(board: &Board, first: usize, second: usize) -> bool {
    board.line(first).has(second) || board.line(second).has(first)
}

/// A fork names `f + 1` members at least by pairs of their own votes, and no honest one.
///
/// Whichever quorums signed the two certificates, as long as each member under them did vote so.
fn accountable(board: &Board, scene: &Scene, blocks: [usize; 2]) -> Result<Fork, String> {
    let needed = (board.setting.committee.size() - 1) / 3 + 1;
    let mut best: Option<Fork> = None;
    for first in scene.certified.iter() {
        for second in scene.certified.iter() {
            if !conflict(board, first, second) {
                continue;
            }
            let named = least_named(&voters(scene, first), &voters(scene, second));
            if let Some(honest) = named.iter().find(|seat| !board.liars.contains(seat)) {
                let (first, second) = (title(board, first), title(board, second));
                let honest = honest.index();
                return Err(format!("node {honest} voted to {first} and to {second}"));
            }
            let about = matches!(first, Word::Finalize(block) if blocks.contains(&block));
            if about
                && best
                    .as_ref()
                    .is_none_or(|best| named.len() > best.named.len())
            {
                let pair = [first, second];
                best = Some(Fork {
                    blocks,
                    pair,
                    named,
                });
            }
        }
    }
    let [first, second] = blocks.map(|block| board.title(block));
    let fork =
        best.ok_or_else(|| format!("nothing explains that {first} and {second} are final"))?;
    if fork.named.len() < needed {
        let named = fork.named.len();
        return Err(format!(
            "{first} and {second} are final, and only {named} are named"
        ));
    }
    Ok(fork)
}

/// The members that two quorums share: the fewest that there can be.
fn least_named(first: &[Seat], second: &[Seat]) -> Vec<Seat> {
    let seconds: Vec<[Seat; 3]> = quorums(second).collect();
    quorums(first)
        .flat_map(|one| {
            let shared = |other: &[Seat; 3]| -> Vec<Seat> {
                let both = one.into_iter().filter(|seat| other.contains(seat));
                both.collect()
            };
            seconds.iter().map(shared).collect::<Vec<_>>()
        })
        .min_by_key(Vec::len)
        .unwrap_or_default()
}

/// The quorums of a shard of four among these members.
pub(super) fn quorums(voters: &[Seat]) -> impl Iterator<Item = [Seat; 3]> + use<> {
    let found = match voters {
        [a, b, c] => vec![[*a, *b, *c]],
        [a, b, c, d] => vec![[*a, *b, *c], [*a, *b, *d], [*a, *c, *d], [*b, *c, *d]],
        _ => Vec::new(),
    };
    found.into_iter()
}

/// Who cast a vote.
pub(super) fn voters(scene: &Scene, word: Word) -> Vec<Seat> {
    let said = scene.voted.iter().enumerate();
    said.filter(|(_, said)| said.has(word))
        .filter_map(|(index, _)| Seat::new(index))
        .collect()
}

/// Whether no honest member casts both votes.
fn conflict(board: &Board, first: Word, second: Word) -> bool {
    if board.slot_of(first) != board.slot_of(second) {
        return false;
    }
    match (first, second) {
        (Word::Skip(_), Word::Finalize(_)) | (Word::Finalize(_), Word::Skip(_)) => true,
        (Word::Skip(_), _) | (_, Word::Skip(_)) => false,
        (Word::Notarize(a) | Word::Finalize(a), Word::Notarize(b) | Word::Finalize(b)) => a != b,
    }
}

/// A vote in words.
pub(super) fn title(board: &Board, word: Word) -> String {
    match word {
        Word::Notarize(block) => format!("notarize {}", board.title(block)),
        Word::Finalize(block) => format!("finalize {}", board.title(block)),
        Word::Skip(slot) => format!("skip slot {slot}"),
    }
}

/// Turns a fork into records of malpractice, with the real signatures under two certificates, and
/// checks each as anybody would.
pub(super) fn prove(board: &Board, scene: &Scene, fork: &Fork) -> Result<(), String> {
    let [first, second] = fork.pair;
    let certificates = fork
        .pair
        .map(|word| board.certificate(word, &voters(scene, word)));
    for certificate in &certificates {
        certificate
            .verify(&board.setting.committee, &mut model::key::Zip215)
            .map_err(|error| format!("a quorum voted, and yet {error}"))?;
    }
    let [one, other] = certificates;
    let mut named = 0;
    for (seat, signature) in one.signatures {
        let again = other.signatures.iter().find(|(also, _)| *also == seat);
        let node = board.setting.committee.member(seat);
        if let (Some((_, again)), Some(node)) = (again, node) {
            let record = Malpractice {
                node,
                lie: Lie::Statements {
                    scope: *board.setting.scope(),
                    first: (board.statement(first), signature),
                    second: (board.statement(second), *again),
                },
            };
            record.verify(&mut model::key::Zip215).map_err(|nothing| {
                format!("node {} is accused of nothing: {nothing}", seat.index())
            })?;
            named += 1;
        }
    }
    if named < fork.named.len() {
        return Err(format!("the certificates name {named} members"));
    }
    Ok(())
}
