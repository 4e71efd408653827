//! Leading a slot (rule 3), and whether there is a reason to.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::block::{BlockRef, Header, encode_entries, payload_hash};
use model::encoding::Bytes;
use model::{Block, Time};

use super::{Bft, Candidate, Turn};
use crate::action::{Action, ActionKey};
use crate::member::Member;
use crate::message::{Message, Proposal};

/// What there is to propose.
pub(crate) trait Work {
    /// Sets aside what blocks short of final hold already. It waits again when it is not named the
    /// next time.
    fn set_aside(&mut self, elsewhere: BTreeSet<ActionKey>);

    /// Whether anything waits that a block at `time` would do.
    fn waits(&self, time: Time) -> bool;

    /// The payload of a block at `time`, and its entries.
    fn payload(&self, time: Time) -> (Bytes, Vec<Action>);
}

/// What a leader builds on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Base {
    block: BlockRef,
    height: model::Height,
    time: Time,
}

impl Bft {
    /// Starts the clock of the frontier slot if there is a reason to leave it, and proposes if this
    /// member leads it. Whether it proposed.
    pub(super) fn lead(&mut self, turn: &mut Turn<'_>, work: &mut dyn Work) -> bool {
        let base = self.base();
        self.set_aside(base.as_ref(), work);
        let time = base.map_or(turn.now.clock, |base| {
            turn.now.clock.max(base.time.plus_ms(1))
        });
        let over = base.is_some_and(|base| self.is_over(&base.block));
        let waits = !over && work.waits(time);
        if !waits && !self.is_unfinished() && !self.others_act(turn) {
            self.waiting_since = None;
            return false;
        }
        let since = *self.waiting_since.get_or_insert(turn.now.timer);
        if !self.is_leader(turn.member) {
            return false;
        }
        if self.frontier <= self.barrier {
            // It may have proposed here before it was restarted, and does not remember.
            return self.cast(turn, self.frontier, model::Vote::Skip);
        }
        let patient = turn.now.timer >= since.plus_ms(self.pace.empty_ms);
        match base {
            Some(base) if waits || patient => {
                self.propose(turn, base, time, work);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Lets rest what is in blocks short of final, as far as this member would build
    /// on these blocks.
    fn set_aside(&mut self, base: Option<&Base>, work: &mut dyn Work) {
        if let Some(base) = base {
            let span = (self.tip.block, base.block);
            if self.aside != Some(span) {
                work.set_aside(self.keys_above_tip(&base.block));
                self.aside = Some(span);
            }
        }
    }

    /// When a leader with nothing to propose but unfinished business should propose an empty block.
    pub(super) fn empty_deadline(&self, member: &Member) -> Option<Time> {
        let since = self.waiting_since?;
        self.is_leader(member)
            .then(|| since.plus_ms(self.pace.empty_ms))
    }

    fn is_leader(&self, member: &Member) -> bool {
        let proposed = self
            .slots
            .get(&self.frontier)
            .is_some_and(|state| state.proposed || state.own.skip);
        let may_sign = member.recall.may_sign(self.frontier);
        member.leader(self.frontier) == member.seat() && may_sign && !proposed
    }

    /// Whether other members are at work in the frontier slot: so many of them voted that one is
    /// honest. A proposal alone is no reason, or a liar that shows it to one member only would keep
    /// that one busy for ever.
    fn others_act(&self, turn: &Turn<'_>) -> bool {
        let honest = turn.member.committee().honest_threshold();
        self.slots
            .get(&self.frontier)
            .is_some_and(|state| state.votes.voters_beside(turn.member.seat()) >= honest)
    }

    /// Whether a notarized block short of final has, or may have, transactions that somebody waits
    /// for. An empty one is left as it is, or where links are slow each would call for the next.
    fn is_unfinished(&self) -> bool {
        self.slots.values().any(|state| {
            state.notarized().is_some_and(|hash| {
                let block = state.candidates.get(&hash);
                block.is_none_or(|candidate| !candidate.entries.is_empty())
            })
        })
    }

    /// The highest notarized block below the frontier.
    pub(super) fn highest_notarized(&self) -> Option<BlockRef> {
        self.slots
            .range(..self.frontier)
            .rev()
            .find_map(|(slot, state)| {
                let hash = state.notarized()?;
                Some(BlockRef { slot: *slot, hash })
            })
    }

    /// The highest notarized block below the frontier, if it and all below it are at hand, and the
    /// slots between are skipped (they are: the frontier has passed them).
    fn base(&self) -> Option<Base> {
        let block = self.highest_notarized().unwrap_or(self.tip.block);
        let (height, time) = self.notarized_parent(&block)?;
        self.chain_to(&block)?;
        self.first_unskipped(block.slot, self.frontier)
            .is_none()
            .then_some(Base {
                block,
                height,
                time,
            })
    }

    /// The actions of the blocks from the last final one up to `block`.
    fn keys_above_tip(&self, block: &BlockRef) -> BTreeSet<ActionKey> {
        self.chain_to(block)
            .unwrap_or_default()
            .iter()
            .flat_map(|candidate| candidate.entries.iter().map(Action::key))
            .collect()
    }

    /// The candidates above the last final block up to `block`, oldest first, if all are at hand.
    pub(super) fn chain_to(&self, block: &BlockRef) -> Option<Vec<&Candidate>> {
        let mut chain = Vec::new();
        let mut next = *block;
        while next != self.tip.block {
            if next.slot <= self.tip.block.slot {
                return None;
            }
            let candidate = self.candidate(&next)?;
            next = candidate.block.header.parent;
            chain.push(candidate);
        }
        chain.reverse();
        Some(chain)
    }

    fn propose(&mut self, turn: &mut Turn<'_>, base: Base, time: Time, work: &dyn Work) {
        let slot = self.frontier;
        let (payload, entries) = if self.is_over(&base.block) {
            (encode_entries(&[]), Vec::new())
        } else {
            work.payload(time)
        };
        let header = Header {
            scope: *turn.member.committee().scope(),
            slot,
            parent: base.block,
            height: base.height.next(),
            time,
            payload: payload_hash(&payload),
        };
        let block = Block { header, payload };
        let hash = block.hash();
        self.reserve_through(turn, slot);
        let statement = model::Statement::Proposal { slot, block: hash };
        let signature = turn.member.sign(&statement);
        turn.broadcast(Message::Proposal(Proposal {
            block: block.clone(),
            signature,
        }));
        let state = self.slots.entry(slot).or_default();
        state.proposed = true;
        state.candidates.insert(
            hash,
            Candidate {
                block: Arc::new(block),
                entries: Arc::new(entries),
                signature: Some(signature),
                logged: false,
            },
        );
    }
}
