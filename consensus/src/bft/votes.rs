//! The votes of all members in one slot.
//!
//! Votes are kept unchecked, for the link proves who sent them, and checked when they are enough for
//! a certificate: those that come after it are never checked at all. One vote of each kind is kept
//! per member, so memory is bounded by the size of the shard.

use std::collections::BTreeMap;

use model::shard::Seat;
use model::statement::{Slot, Statement, Vote};
use model::{Certificate, Hash, Signature};

use crate::member::Member;

/// The kinds of votes, without what they are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Notarize,
    Skip,
    Finalize,
}

impl Kind {
    const fn of(vote: Vote) -> Self {
        match vote {
            Vote::Notarize(_) => Self::Notarize,
            Vote::Skip => Self::Skip,
            Vote::Finalize(_) => Self::Finalize,
        }
    }
}

/// One member's vote of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ballot {
    pub(super) vote: Vote,
    pub(super) signature: Signature,
    checked: bool,
}

/// What became of a vote that was handed in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Added {
    /// It is kept.
    New,
    /// The member has said so before.
    Known,
    /// It conflicts with this earlier vote of the member. Neither signature has been checked here.
    Conflict(Ballot),
}

/// The votes.
#[derive(Clone, Debug, Default)]
pub(super) struct Ballots {
    ballots: BTreeMap<(Kind, Seat), Ballot>,
}

impl Ballots {
    /// Takes in the vote of a member.
    pub(super) fn add(&mut self, seat: Seat, vote: Vote, signature: Signature) -> Added {
        let key = (Kind::of(vote), seat);
        if self.ballots.get(&key).is_some_and(|known| known.vote == vote) {
            return Added::Known;
        }
        if let Some(conflict) = self.conflict(seat, vote) {
            return Added::Conflict(conflict);
        }
        let ballot = Ballot {
            vote,
            signature,
            checked: false,
        };
        self.ballots.insert(key, ballot);
        Added::New
    }

    /// Takes in this member's own vote, which needs no check.
    pub(super) fn add_own(&mut self, seat: Seat, vote: Vote, signature: Signature) {
        let ballot = Ballot {
            vote,
            signature,
            checked: true,
        };
        self.ballots.insert((Kind::of(vote), seat), ballot);
    }

    /// An earlier vote of the member that no honest member casts beside `vote`.
    fn conflict(&self, seat: Seat, vote: Vote) -> Option<Ballot> {
        let statement = |vote| Statement::Vote {
            slot: Slot::ZERO,
            vote,
        };
        [Kind::Notarize, Kind::Skip, Kind::Finalize]
            .into_iter()
            .filter_map(|kind| self.ballots.get(&(kind, seat)))
            .find(|earlier| statement(earlier.vote).conflicts(&statement(vote)))
            .copied()
    }

    /// How many members have voted at all.
    pub(super) fn voters(&self) -> usize {
        let mut seats: Vec<Seat> = self.ballots.keys().map(|(_, seat)| *seat).collect();
        seats.sort_unstable();
        seats.dedup();
        seats.len()
    }

    /// Whether the member has voted to skip, its signature checked.
    pub(super) fn has_skipped(&mut self, member: &mut Member, slot: Slot, seat: Seat) -> bool {
        self.is_genuine(member, slot, (Kind::Skip, seat))
    }

    /// The signature of the member's vote, if it cast this one.
    pub(super) fn signature(&self, seat: Seat, vote: Vote) -> Option<Signature> {
        self.ballots
            .get(&(Kind::of(vote), seat))
            .filter(|ballot| ballot.vote == vote)
            .map(|ballot| ballot.signature)
    }

    /// How many members voted to notarize this block.
    pub(super) fn supporters(&self, hash: &Hash) -> usize {
        self.of_kind(Kind::Notarize)
            .filter(|(_, ballot)| ballot.vote == Vote::Notarize(*hash))
            .count()
    }

    /// The block that most members voted to notarize, and who they are.
    pub(super) fn favourite(&self) -> Option<(Hash, Vec<Seat>)> {
        let mut supporters: BTreeMap<Hash, Vec<Seat>> = BTreeMap::new();
        for ((_, seat), ballot) in &self.ballots {
            if let Vote::Notarize(hash) = ballot.vote {
                supporters.entry(hash).or_default().push(*seat);
            }
        }
        supporters
            .into_iter()
            .max_by_key(|(hash, seats)| (seats.len(), *hash))
    }

    /// The certificates that are `lacking` and for which there are enough votes, at most one of each
    /// kind.
    pub(super) fn certificates(
        &mut self,
        member: &mut Member,
        slot: Slot,
        lacking: impl Fn(Vote) -> bool,
    ) -> Vec<(Vote, Certificate)> {
        let quorum = member.committee().quorum();
        [Kind::Notarize, Kind::Skip, Kind::Finalize]
            .into_iter()
            .filter_map(|kind| self.vote_of_quorum(kind, quorum))
            .filter(|vote| lacking(*vote))
            .collect::<Vec<_>>()
            .into_iter()
            .filter_map(|vote| self.certificate(member, slot, vote, quorum))
            .collect()
    }

    fn certificate(
        &mut self,
        member: &mut Member,
        slot: Slot,
        vote: Vote,
        quorum: usize,
    ) -> Option<(Vote, Certificate)> {
        let kind = Kind::of(vote);
        let seats: Vec<Seat> = self
            .of_kind(kind)
            .filter(|(_, ballot)| ballot.vote == vote)
            .map(|(seat, _)| seat)
            .collect();
        let mut signatures = Vec::with_capacity(quorum);
        for seat in seats {
            if signatures.len() < quorum && self.is_genuine(member, slot, (kind, seat)) {
                signatures.push((seat, self.ballots[&(kind, seat)].signature));
            }
        }
        if signatures.len() < quorum {
            return None;
        }
        let statement = Statement::Vote { slot, vote };
        Some((
            vote,
            Certificate {
                statement,
                signatures,
            },
        ))
    }

    /// The vote of this kind that a quorum seems to have cast.
    fn vote_of_quorum(&self, kind: Kind, quorum: usize) -> Option<Vote> {
        let mut counts: BTreeMap<Vote, usize> = BTreeMap::new();
        for (_, ballot) in self.of_kind(kind) {
            *counts.entry(ballot.vote).or_default() += 1;
        }
        counts
            .into_iter()
            .find(|(_, count)| *count >= quorum)
            .map(|(vote, _)| vote)
    }

    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (Seat, &Ballot)> {
        self.ballots
            .iter()
            .filter(move |((found, _), _)| *found == kind)
            .map(|((_, seat), ballot)| (*seat, ballot))
    }

    /// Whether the ballot is there and signed by its member. One that is not is thrown away, so that
    /// a genuine one can take its place.
    fn is_genuine(&mut self, member: &mut Member, slot: Slot, key: (Kind, Seat)) -> bool {
        let Some(ballot) = self.ballots.get_mut(&key) else {
            return false;
        };
        if !ballot.checked {
            let statement = Statement::Vote {
                slot,
                vote: ballot.vote,
            };
            ballot.checked = member.verify(key.1, &statement, &ballot.signature);
            if !ballot.checked {
                self.ballots.remove(&key);
                return false;
            }
        }
        true
    }
}
