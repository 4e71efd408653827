//! S12, S13: a record of malpractice is sound and never names an honest node; a member that shows one
//! honest node two statements that conflict is named by it. So is one of another shard that signed two
//! heads of one height of which an honest node was told.
//!
//! A node forgets what members said of slots that are final, so a pair counts if both came while
//! their slot was open.

mod forks;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use consensus::Admitted;
use model::shard::Seat;
use model::statement::{Scope, Slot, Statement, Vote};
use model::{
    HandOver, Lie, Malpractice, NodeId, Promise, Signature, SignatureCheck, SignedHead, SignedLeaf,
    Verdict, key,
};

use self::forks::Forks;
use super::roll::Roll;
use super::{Judge, Sighting, What};
use crate::simulation::{Notary, Setting};

/// Slots above the last final block in which every node listens to proposals: bft.md bounds them,
/// and a node's frontier is at least one above its last final block.
const PROPOSALS_AHEAD: u64 = 8;

/// Slots above the last final block in which every node listens to votes.
const VOTES_AHEAD: u64 = 64;

/// So often one node may name one member for one slot. Each record is in the log for ever.
const NAMED_MAX: usize = 4;

/// A statement and a signature over it.
type Signed = (Statement, Signature);

/// See the module.
pub struct Evidence {
    notary: Notary,
    liars: BTreeSet<Seat>,
    /// What other shards have shown.
    forks: Forks,
    /// What each node heard each liar say of open slots, since it began.
    heard: BTreeMap<Seat, BTreeMap<(Seat, Slot), Vec<Statement>>>,
    /// Who is to be named by whom before the step is over.
    due: BTreeSet<(Seat, Seat)>,
    /// Whom each node named since it began, for what slot or height, how often.
    named: BTreeMap<Seat, BTreeMap<(Seat, u64), usize>>,
}

impl Evidence {
    /// Nobody has said anything.
    #[must_use]
    pub fn new(setting: &Setting, liars: BTreeSet<Seat>) -> Self {
        Self {
            notary: setting.notary.clone(),
            liars,
            forks: Forks::new(setting),
            heard: BTreeMap::new(),
            due: BTreeSet::new(),
            named: BTreeMap::new(),
        }
    }

    fn heard(&mut self, sighting: &Sighting<'_>, from: Seat, message: &Admitted, tip: Slot) {
        if !listens(sighting) {
            return;
        }
        let Some((statement, genuine)) = self.statement(sighting, from, message) else {
            return;
        };
        let seat = sighting.seat;
        let (slot, ahead) = match statement {
            Statement::Proposal { slot, .. } => (slot, PROPOSALS_AHEAD),
            Statement::Vote { slot, .. } => (slot, VOTES_AHEAD),
            // heads that conflict take a forged state
            Statement::Head { .. } | Statement::Succession { .. } => return,
        };
        let open = slot > tip && slot.number() <= tip.number() + ahead;
        if !open || !genuine || !self.liars.contains(&from) {
            return;
        }
        let heard = self.heard.entry(seat).or_default();
        let said = heard.entry((from, slot)).or_default();
        if said.iter().any(|earlier| conflict(earlier, &statement)) {
            self.due.insert((seat, from));
        }
        if !said.contains(&statement) {
            said.push(statement);
        }
    }

    /// What the sender of a message says itself, and whether it signed that.
    fn statement(
        &mut self,
        sighting: &Sighting<'_>,
        from: Seat,
        message: &Admitted,
    ) -> Option<(Statement, bool)> {
        let Sighting { epoch, roll, .. } = sighting;
        let (statement, signature) = match message {
            Admitted::Proposal(admitted) => {
                let proposal = &admitted.proposal;
                let slot = proposal.block.header.slot;
                if !roll.leads(*epoch, from, slot) {
                    return None;
                }
                let block = proposal.block.hash();
                (Statement::Proposal { slot, block }, proposal.signature)
            }
            Admitted::Vote(vote) => {
                let (slot, vote, signature) = (vote.slot, vote.vote, vote.signature);
                (Statement::Vote { slot, vote }, signature)
            }
            _ => return None,
        };
        let committee = roll.committee(*epoch)?;
        let bytes = statement.signing_bytes(committee.scope());
        let key = committee.member(roll.seat(*epoch, from)?)?;
        let genuine =
            self.liars.contains(&from) && self.notary.check(key.key(), &bytes, &signature);
        Some((statement, genuine))
    }

    fn accused(&mut self, sighting: &Sighting<'_>, record: &Malpractice) -> Result<(), String> {
        let Malpractice { node, lie } = record;
        let (seat, roll) = (sighting.seat, sighting.roll);
        let (scope, first, second) = match lie {
            Lie::Statements {
                scope,
                first,
                second,
            } => (scope, first, second),
            Lie::Promises { first, second } => {
                self.forks.named(seat, record);
                return accused_of_promises(roll, node, first, second);
            }
            Lie::PastEnd { .. } | Lie::Epochs { .. } => {
                self.forks.named(seat, record);
                return self.accused_about_epochs(roll, record);
            }
        };
        self.forks.named(seat, record);
        if scope.shard != roll.current().scope().shard {
            return accused_of_heads(roll, node, scope, first, second);
        }
        let Some(named) = roll.node(node) else {
            return Err(format!("accused {node}, which is no member"));
        };
        if !self.liars.contains(&named) {
            return Err(format!("accused node {}, which is honest", named.index()));
        }
        let committee = roll.committee(scope.epoch);
        let ours = committee.is_some_and(|committee| committee.scope() == scope);
        if !ours || !proves(node, scope, first, second) {
            return Err("made a record of malpractice that proves nothing".to_owned());
        }
        self.due.remove(&(seat, named));
        let times = self.named.entry(seat).or_default();
        let times = times.entry((named, number(&first.0))).or_default();
        *times += 1;
        if *times > NAMED_MAX {
            return Err(format!(
                "named node {} {times} times for slot {}",
                named.index(),
                number(&first.0)
            ));
        }
        Ok(())
    }

    /// Whoever is named for what it signed in one epoch and in another is a stranger or a liar.
    fn accused_about_epochs(&self, roll: &Roll, record: &Malpractice) -> Result<(), String> {
        let honest = roll.node(&record.node);
        if let Some(honest) = honest.filter(|named| !self.liars.contains(named)) {
            let honest = honest.index();
            return Err(format!(
                "accused node {honest}, which is honest, of an epoch"
            ));
        }
        if out_of_epoch(record) {
            Ok(())
        } else {
            Err("made a record about epochs that proves nothing".to_owned())
        }
    }

    /// A step is over: who is due must have been named, now or before.
    fn stepped(&mut self, seat: Seat) -> Result<(), String> {
        let named = self.named.entry(seat).or_default();
        let due = std::mem::take(&mut self.due);
        if let Some(forker) = self.forks.stepped(seat) {
            return Err(format!(
                "was shown two heads of one height that {forker} signed, and did not name it"
            ));
        }
        let unnamed = due
            .iter()
            .find(|(_, liar)| !named.keys().any(|(named, _)| named == liar));
        match unnamed {
            Some((_, liar)) => Err(format!(
                "heard two statements of node {} that conflict, and did not name it",
                liar.index()
            )),
            None => Ok(()),
        }
    }
}

impl Judge for Evidence {
    fn rule(&self) -> &'static str {
        "evidence"
    }

    fn forgot(&mut self, seat: Seat, forgiven: bool) {
        if forgiven {
            self.liars.insert(seat);
        }
    }

    fn see(&mut self, sighting: &Sighting<'_>) -> Result<(), String> {
        let seat = sighting.seat;
        match sighting.what {
            What::Heard { from, message, tip } => {
                self.heard(sighting, *from, message, *tip);
                Ok(())
            }
            What::Accused(record) => self.accused(sighting, record),
            What::HeardFromAfar(letter) => {
                if listens(sighting) {
                    self.forks.told(seat, letter);
                }
                Ok(())
            }
            What::Applied(applied) => {
                if listens(sighting) {
                    self.forks.applied(seat, applied);
                }
                Ok(())
            }
            What::Stepped => self.stepped(seat),
            What::Entered(_) => {
                self.heard.remove(&seat);
                Ok(())
            }
            What::Began { .. } => {
                self.heard.remove(&seat);
                self.named.remove(&seat);
                self.forks.began(seat);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Whether the node has a seat. Who has none follows, and listens to nobody: it compares nothing of what
/// it is told, nor of the blocks that it is given.
fn listens(sighting: &Sighting<'_>) -> bool {
    sighting.roll.seat(sighting.epoch, sighting.seat).is_some()
}

/// A node hears nothing of the agreement of another shard, so all that it can name a member of one for
/// is two heads.
fn accused_of_heads(
    roll: &Roll,
    node: &NodeId,
    scope: &Scope,
    first: &Signed,
    second: &Signed,
) -> Result<(), String> {
    if roll.node(node).is_some() {
        return Err(format!("accused {node} of heads of another shard"));
    }
    let heads = matches!(first.0, Statement::Head { .. });
    if heads && proves(node, scope, first, second) {
        Ok(())
    } else {
        Err("made a record of heads that proves nothing".to_owned())
    }
}

/// Promises are made by whole shards, so whoever is named for two of them is a member of another one:
/// enough of its members must have lied for them to be believed.
fn accused_of_promises(
    roll: &Roll,
    node: &NodeId,
    first: &SignedLeaf,
    second: &SignedLeaf,
) -> Result<(), String> {
    if roll.node(node).is_some() {
        return Err(format!("accused {node} of promises to its own shard"));
    }
    let signed = [first, second].into_iter().all(|said| {
        let head = &said.head;
        let bytes = head.statement().signing_bytes(&head.scope);
        said.proof.verify(&head.outbox, &said.leaf.hash())
            && key::verify(node.key(), &bytes, &said.signature)
    });
    let same = first.head.scope.shard == second.head.scope.shard
        && first.head.scope.network == second.head.scope.network
        && first.leaf.transaction == second.leaf.transaction;
    if signed && same && contradict(&first.leaf.promise, &second.leaf.promise) {
        Ok(())
    } else {
        Err("made a record of promises that proves nothing".to_owned())
    }
}

/// Whether a node signed heads that do not go with the order of epochs: one above the end of its epoch,
/// or one of a later epoch that is not above one of an earlier one.
fn out_of_epoch(record: &Malpractice) -> bool {
    let signed = |head: &SignedHead| {
        let bytes = head.statement().signing_bytes(&head.scope);
        key::verify(record.node.key(), &bytes, &head.signature)
    };
    let place = |head: &SignedHead| (head.scope.epoch.number(), head.height.number());
    match &record.lie {
        Lie::PastEnd { end, head } => {
            let last = SignedHead {
                scope: end.head.scope,
                height: end.head.height,
                head: end.head.hash(),
                signature: end.signature,
            };
            let leaf = HandOver::leaf_of(&end.next);
            let above = head.scope == last.scope && place(head).1 > place(&last).1;
            above && end.proof.verify(&end.head.outbox, &leaf) && signed(&last) && signed(head)
        }
        Lie::Epochs { first, second } => {
            let of = |head: &SignedHead| (head.scope.network, head.scope.shard);
            let (one, other) = (place(first), place(second));
            let (early, late) = (one.min(other), one.max(other));
            let reversed = early.0 < late.0 && early.1 >= late.1;
            of(first) == of(second) && reversed && signed(first) && signed(second)
        }
        Lie::Statements { .. } | Lie::Promises { .. } => false,
    }
}

/// The slot or the height that a statement is about.
const fn number(statement: &Statement) -> u64 {
    match statement {
        Statement::Proposal { slot, .. } | Statement::Vote { slot, .. } => slot.number(),
        Statement::Head { height, .. } => height.number(),
        Statement::Succession { .. } => 0,
    }
}

/// Whether a node signed two statements that conflict.
fn proves(node: &NodeId, scope: &Scope, first: &Signed, second: &Signed) -> bool {
    let signed = [first, second].into_iter().all(|(statement, signature)| {
        key::verify(node.key(), &statement.signing_bytes(scope), signature)
    });
    signed && conflict(&first.0, &second.0)
}

/// Whether no honest shard promises both: sbac.md, section 9, S2 and S3.
fn contradict(first: &Promise, second: &Promise) -> bool {
    match (first, second) {
        (Promise::Prepared(a), Promise::Prepared(b)) | (Promise::Accept(a), Promise::Accept(b)) => {
            (*a == Verdict::Commit) != (*b == Verdict::Commit)
        }
        _ => false,
    }
}

/// Whether no honest node signs both: bft.md, section 3, item 2.
fn conflict(first: &Statement, second: &Statement) -> bool {
    if number(first) != number(second) {
        return false;
    }
    match (first, second) {
        (Statement::Proposal { block: a, .. }, Statement::Proposal { block: b, .. })
        | (Statement::Head { head: a, .. }, Statement::Head { head: b, .. }) => a != b,
        (Statement::Vote { vote: a, .. }, Statement::Vote { vote: b, .. }) => match (a, b) {
            (Vote::Skip, Vote::Finalize(_)) | (Vote::Finalize(_), Vote::Skip) => true,
            (Vote::Skip, _) | (_, Vote::Skip) => false,
            (Vote::Notarize(a) | Vote::Finalize(a), Vote::Notarize(b) | Vote::Finalize(b)) => {
                a != b
            }
        },
        _ => false,
    }
}
