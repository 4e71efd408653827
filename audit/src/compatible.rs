//! Two audited chains side by side.
//!
//! Every promise that a shard has acted upon names a head of the shard that made it, so whether two
//! histories fit together comes down to whether their heads are the same. What follows from equal
//! heads is checked as well, for a third shard may have told the two of them different things.
//!
//! Whoever signed both sides of a contradiction is named by the committee of the epoch it signed in. Two
//! heads of different epochs at one height are a contradiction as well, but nobody need have signed both:
//! it takes the two lists of nodes, of whom the old one has gone on after its end.
//!
//! Paper: Section V-B, Security Theorem 3: "all prepared(T,*) messages in one chain are compatible
//! with all messages seen in the other chain".

use std::collections::BTreeMap;

use model::shard::Seat;
use model::statement::{Epoch, Height, Statement};
use model::{Committee, Hash, Lie, Malpractice, Outcome, ShardId, Signature};

use crate::account::{Heads, Word};
use crate::finding::{Finding, Problem};
use crate::replay::Replay;

/// Checks that the histories of two shards, as far as each has been audited, fit together: each shard
/// has one head at a height, whoever heard of it; none has promised a thing and its opposite; and no
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
    /// Each shard has one head at a height.
    fn heads(&self) -> Result<(), Finding> {
        let (ones, others) = (&self.first.account().heads, &self.second.account().heads);
        for at in ones.keys().chain(others.keys()) {
            let mut known = joined(ones.get(at), others.get(at)).into_iter();
            if let (Some(one), Some(other)) = (known.next(), known.next()) {
                let (shard, height) = *at;
                let (_, (epoch, signatures)) = one;
                let seats = signatures.iter().map(|(seat, _)| *seat);
                let proofs = self.proofs((shard, epoch), seats, |committee, seat| {
                    lie_of_heads(committee, height, seat, one, other)
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
}

/// The heads of a shard at one height that either chain knows, with the signatures that either has.
fn joined<'a>(one: Option<&'a Heads>, other: Option<&'a Heads>) -> BTreeMap<Hash, Signed<'a>> {
    let mut joined: BTreeMap<Hash, Signed<'_>> = BTreeMap::new();
    for (head, known) in one.into_iter().chain(other).flatten() {
        let (_, signatures) = joined.entry(*head).or_insert((known.epoch, &[]));
        if signatures.is_empty() {
            *signatures = known.signed.as_ref().map_or(&[], |found| &found.signatures);
        }
    }
    joined
}

/// A member that signed two heads for one height in one epoch.
fn lie_of_heads(
    committee: &Committee,
    height: Height,
    seat: Seat,
    one: (Hash, Signed<'_>),
    other: (Hash, Signed<'_>),
) -> Option<Lie> {
    let scope = committee.scope();
    let said = |(head, (epoch, signatures)): (Hash, Signed<'_>)| {
        let mut signatures = signatures.iter().filter(|_| epoch == scope.epoch);
        let (_, signature) = signatures.find(|(signer, _)| *signer == seat)?;
        Some((Statement::Head { height, head }, *signature))
    };
    Some(Lie::Statements {
        scope: *scope,
        first: said(one)?,
        second: said(other)?,
    })
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
