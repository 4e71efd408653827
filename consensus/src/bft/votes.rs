//! The votes of all members in one slot.
//!
//! Votes are kept unchecked, for the link proves who sent them, and checked when they are enough for
//! a certificate: those that come after it are never checked at all. One vote of each kind is kept
//! per member, so memory is bounded by the size of the shard.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

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
    /// The member has said so before, or is known to lie.
    Known,
    /// It is not kept: it conflicts with this earlier vote of the member, which has not been reported
    /// yet. Neither signature has been checked here.
    Conflict(Ballot),
}

/// The votes.
#[derive(Clone, Debug, Default)]
pub(super) struct Ballots {
    ballots: BTreeMap<(Kind, Seat), Ballot>,
    /// The members that were reported: once is enough.
    liars: BTreeSet<Seat>,
}

impl Ballots {
    /// Takes in the vote of a member; `checked` says whether its signature has been looked at.
    pub(super) fn add(
        &mut self,
        seat: Seat,
        vote: Vote,
        signature: Signature,
        checked: bool,
    ) -> Added {
        let key = (Kind::of(vote), seat);
        let ballot = Ballot {
            vote,
            signature,
            checked,
        };
        if let Some(known) = self
            .ballots
            .get_mut(&key)
            .filter(|known| known.vote == vote)
        {
            if checked {
                *known = ballot;
            }
            return Added::Known;
        }
        match self.conflict(seat, vote) {
            Some(_) if self.liars.contains(&seat) => Added::Known,
            Some(earlier) => Added::Conflict(earlier),
            None => {
                self.ballots.insert(key, ballot);
                Added::New
            }
        }
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

    /// The member has been reported.
    pub(super) fn note_liar(&mut self, seat: Seat) {
        self.liars.insert(seat);
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

    /// How many members beside this one have voted at all.
    pub(super) fn voters_beside(&self, own: Seat) -> usize {
        let seats: BTreeSet<Seat> = self.ballots.keys().map(|(_, seat)| *seat).collect();
        seats.iter().filter(|seat| **seat != own).count()
    }

    /// Whether the member has cast this vote, its signature checked. A vote that it did not sign is
    /// thrown away, so that a genuine one can take its place.
    pub(super) fn is_genuine(
        &mut self,
        member: &mut Member,
        slot: Slot,
        seat: Seat,
        vote: Vote,
    ) -> bool {
        let key = (Kind::of(vote), seat);
        let Some(ballot) = self.ballots.get_mut(&key).filter(|held| held.vote == vote) else {
            return false;
        };
        if !ballot.checked {
            let statement = Statement::Vote { slot, vote };
            ballot.checked = member.verify(seat, &statement, &ballot.signature);
            if !ballot.checked {
                self.ballots.remove(&key);
                return false;
            }
        }
        true
    }

    /// The signature of the member's vote, if it cast this one.
    pub(super) fn signature(&self, seat: Seat, vote: Vote) -> Option<Signature> {
        self.ballots
            .get(&(Kind::of(vote), seat))
            .filter(|ballot| ballot.vote == vote)
            .map(|ballot| ballot.signature)
    }

    /// The votes that are kept of a member.
    pub(super) fn of_member(&self, seat: Seat) -> impl Iterator<Item = (Vote, Signature)> + '_ {
        self.ballots
            .iter()
            .filter(move |((_, found), _)| *found == seat)
            .map(|(_, ballot)| (ballot.vote, ballot.signature))
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
        let quorum = member.quorum();
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
            if signatures.len() < quorum && self.is_genuine(member, slot, seat, vote) {
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

    /// The votes that are held, and whose they are.
    #[cfg(feature = "exploration")]
    pub(super) fn held(&self) -> impl Iterator<Item = (Seat, Vote)> {
        let ballots = self.ballots.iter();
        ballots.map(|((_, seat), ballot)| (*seat, ballot.vote))
    }

    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (Seat, &Ballot)> {
        self.ballots
            .iter()
            .filter(move |((found, _), _)| *found == kind)
            .map(|((_, seat), ballot)| (*seat, ballot))
    }
}
