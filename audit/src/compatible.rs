//! Two audited chains side by side.
//!
//! Every promise that a shard has acted upon names a head of the shard that made it, so whether two
//! histories fit together comes down to whether their heads are the same. What follows from equal
//! heads is checked as well, for a third shard may have told the two of them different things.
//!
//! Whoever signed both sides of a contradiction is named by the committee of the epoch it signed in. A
//! shard that has gone on in an epoch which it had ended contradicts itself, too, and so do two heads of
//! different epochs at one height.
//!
//! Paper: Section V-B, Security Theorem 3: "all prepared(T,*) messages in one chain are compatible
//! with all messages seen in the other chain".

use std::collections::BTreeMap;

use model::shard::Seat;
use model::statement::{Epoch, Height};
use model::{
    Committee, EpochChange, Hash, Lie, Malpractice, Outcome, ShardId, Signature, SignedEnd,
    SignedHead,
};

use crate::account::{Heads, Known, Word};
use crate::finding::{Finding, Problem};
use crate::replay::Replay;

/// Checks that the histories of two shards, as far as each has been audited, fit together: no shard has
/// gone on in an epoch after its end; each shard has one head at a height, whoever heard of it; none has promised a thing and its opposite; and no
/// transaction is committed in one and aborted in the other.
///
/// Two histories of one shard can be compared as well.
///
/// # Errors
///
/// The first [`Finding`]. It blames the members that signed both sides, with a proof against each.
///
/// Paper: Security Theorem 3.
pub fn compatible(first: &Replay, second: &Replay) -> Result<(), Finding> {
    let pair = Pair { first, second };
    pair.ends()?;
    pair.heads()?;
    pair.promises()?;
    pair.outcomes()
}

/// The two sides of the double entry.
struct Pair<'a> {
    first: &'a Replay,
    second: &'a Replay,
}

/// The epoch of a head and the signatures over it; none if they are not known.
type Signed<'a> = (Epoch, &'a [(Seat, Signature)]);

impl Pair<'_> {
    /// No shard has gone on in an epoch that it has ended.
    fn ends(&self) -> Result<(), Finding> {
        let (ones, others) = (&self.first.account().heads, &self.second.account().heads);
        for ((shard, height), heads) in ones.iter().chain(others) {
            for (head, known) in heads {
                let (shard, height, epoch) = (*shard, *height, known.epoch);
                let end = self.change(shard, epoch);
                let Some(end) = end.filter(|end| height > end.hand_over.head.head.height) else {
                    continue;
                };
                let signed = (epoch, signatures(known));
                let seats = signed.1.iter().map(|(seat, _)| *seat);
                let proofs = self.proofs((shard, epoch), seats, |committee, seat| {
                    Some(Lie::PastEnd {
                        end: Box::new(SignedEnd::of(end, seat)?),
                        head: said(committee, seat, height, (*head, signed))?,
                    })
                });
                return Err(blame(height, Problem::PastEnd(shard), proofs));
            }
        }
        Ok(())
    }

    /// Each shard has one head at a height.
    fn heads(&self) -> Result<(), Finding> {
        let (ones, others) = (&self.first.account().heads, &self.second.account().heads);
        for at in ones.keys().chain(others.keys()) {
            let mut known = joined(ones.get(at), others.get(at)).into_iter();
            if let (Some(one), Some(other)) = (known.next(), known.next()) {
                let (shard, height) = *at;
                let (_, (epoch, signatures)) = one;
                let seats = signatures.iter().map(|(seat, _)| *seat);
                let then = self.committee(shard, other.1.0);
                let proofs = self.proofs((shard, epoch), seats, |committee, seat| {
                    let (node, then) = (committee.member(seat)?, then?);
                    let first = said(committee, seat, height, one)?;
                    let second = said(then, then.seat(&node)?, height, other)?;
                    Some(lie_of_heads(first, second))
                });
                return Err(blame(height, Problem::TwoHeads(shard), proofs));
            }
        }
        Ok(())
    }

    /// No shard has voted both ways on a transaction, or decided it both ways.
    fn promises(&self) -> Result<(), Finding> {
        let (ones, others) = (&self.first.account().words, &self.second.account().words);
        for about in ones.keys().chain(others.keys()) {
            let both = [ones.get(about), others.get(about)];
            let mut commits = both
                .iter()
                .flatten()
                .filter_map(|words| words.commit.as_ref());
            let mut aborts = both
                .iter()
                .flatten()
                .filter_map(|words| words.abort.as_ref());
            if let (Some(commit), Some(abort)) = (commits.next(), aborts.next()) {
                let (transaction, shard, _) = *about;
                let then = self.committee(shard, abort.epoch());
                let of = (shard, commit.epoch());
                let proofs = self.proofs(of, commit.seats(), |committee, seat| {
                    let node = committee.member(seat)?;
                    lie_of_promises((seat, commit), (then?.seat(&node)?, abort))
                });
                let problem = Problem::TwoPromises { shard, transaction };
                return Err(blame(commit.height(), problem, proofs));
            }
        }
        Ok(())
    }

    /// No transaction is committed in one chain and aborted in the other one.
    ///
    /// A shard commits by what others have promised, so with equal heads and no promise that is broken
    /// this can only be the work of a decider that says to one shard that it never decided.
    fn outcomes(&self) -> Result<(), Finding> {
        let others = &self.second.account().outcomes;
        for (transaction, (height, one)) in &self.first.account().outcomes {
            let Some((_, other)) = others.get(transaction) else {
                continue;
            };
            if (*one == Outcome::Committed) != (*other == Outcome::Committed) {
                return Err(blame(*height, Problem::Split(*transaction), Vec::new()));
            }
        }
        Ok(())
    }

    /// The lies that members of a shard in an epoch, of those on these seats, are shown to have told.
    fn proofs(
        &self,
        (shard, epoch): (ShardId, Epoch),
        seats: impl Iterator<Item = Seat>,
        lie: impl Fn(&Committee, Seat) -> Option<Lie>,
    ) -> Vec<Malpractice> {
        let Some(committee) = self.committee(shard, epoch) else {
            return Vec::new();
        };
        let proof = |seat| {
            Some(Malpractice {
                node: committee.member(seat)?,
                lie: lie(committee, seat)?,
            })
        };
        seats.filter_map(proof).collect()
    }

    /// The members of a shard in an epoch, if either audit knows them.
    fn committee(&self, shard: ShardId, epoch: Epoch) -> Option<&Committee> {
        let known = [self.first, self.second];
        known.iter().find_map(|audit| audit.committee(shard, epoch))
    }

    /// How a shard has ended an epoch, if either audit knows it.
    fn change(&self, shard: ShardId, epoch: Epoch) -> Option<&EpochChange> {
        let known = [self.first, self.second];
        known.iter().find_map(|audit| audit.change(shard, epoch))
    }
}

/// The heads of a shard at one height that either chain knows, with the signatures that either has.
fn joined<'a>(one: Option<&'a Heads>, other: Option<&'a Heads>) -> BTreeMap<Hash, Signed<'a>> {
    let mut joined: BTreeMap<Hash, Signed<'_>> = BTreeMap::new();
    for (head, known) in one.into_iter().chain(other).flatten() {
        let (_, signatures) = joined.entry(*head).or_insert((known.epoch, &[]));
        if signatures.is_empty() {
            *signatures = self::signatures(known);
        }
    }
    joined
}

/// The signatures over a head that are known.
fn signatures(known: &Known) -> &[(Seat, Signature)] {
    let signed = known.signed.as_ref();
    signed.map_or(&[], |found| &found.signatures)
}

/// What the member on a seat said with a head at a height, if it is among those who signed it.
fn said(
    committee: &Committee,
    seat: Seat,
    height: Height,
    (head, (_, signatures)): (Hash, Signed<'_>),
) -> Option<SignedHead> {
    let mut signatures = signatures.iter();
    let (_, signature) = signatures.find(|(signer, _)| *signer == seat)?;
    Some(SignedHead {
        scope: *committee.scope(),
        height,
        head,
        signature: *signature,
    })
}

/// A member that signed two heads for one height, in one epoch or in two.
fn lie_of_heads(first: SignedHead, second: SignedHead) -> Lie {
    if first.scope == second.scope {
        Lie::Statements {
            scope: first.scope,
            first: (first.statement(), first.signature),
            second: (second.statement(), second.signature),
        }
    } else {
        Lie::Epochs { first, second }
    }
}

/// A member that signed a promise to commit and a promise to abort, each from the seat it had then.
fn lie_of_promises(commit: (Seat, &Word), abort: (Seat, &Word)) -> Option<Lie> {
    let said = |(seat, word): (Seat, &Word)| word.signed_by(seat).map(Box::new);
    Some(Lie::Promises {
        first: said(commit)?,
        second: said(abort)?,
    })
}

/// The finding that blames those against whom there are proofs.
fn blame(height: Height, problem: Problem, proofs: Vec<Malpractice>) -> Finding {
    Finding {
        height,
        problem,
        signers: proofs.iter().map(|proof| proof.node).collect(),
        proofs,
    }
}
