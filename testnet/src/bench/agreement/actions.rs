//! The actions of one member, from the moment they are given to the moment they are in their place.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use consensus::Payloads;
use model::block::payload_hash;
use model::bounds::{ENTRIES_MAX, PAYLOAD_BYTES_MAX};
use model::encoding::Bytes;
use model::{Block, Hash};

/// An action: its number, and when it was given. Its bytes are made when it is proposed.
#[derive(Clone, Copy, Debug)]
struct Action {
    number: u64,
    given: Instant,
}

/// Actions of one member, so many under way at a time.
#[derive(Debug)]
pub(super) struct Actions {
    member: u64,
    bytes: usize,
    waiting: VecDeque<Action>,
    /// What was proposed and is not in its place, oldest first.
    proposed: VecDeque<(Hash, Vec<Action>)>,
    given: u64,
}

impl Actions {
    /// `count` actions of `bytes` bytes each, given now.
    pub(super) fn new(member: u64, bytes: usize, count: usize) -> Self {
        let mut actions = Self {
            member,
            bytes,
            waiting: VecDeque::new(),
            proposed: VecDeque::new(),
            given: 0,
        };
        actions.give(count);
        actions
    }

    fn give(&mut self, count: usize) {
        for _ in 0..count {
            self.given += 1;
            self.waiting.push_back(Action {
                number: self.given,
                given: Instant::now(),
            });
        }
    }

    /// A block is in its place. Notes how long each action took that was this member's, and gives as
    /// many again. What was proposed before it and is in no place waits again.
    pub(super) fn ordered(&mut self, block: &Block, latencies: &mut Vec<Duration>) {
        let mut proposed = self.proposed.iter();
        let Some(found) = proposed.position(|(hash, _)| *hash == block.header.payload) else {
            return;
        };
        let mut passed_over: Vec<_> = self.proposed.drain(..=found).collect();
        let actions = passed_over
            .pop()
            .map_or_else(Vec::new, |(_, actions)| actions);
        for (_, actions) in passed_over.into_iter().rev() {
            actions
                .into_iter()
                .rev()
                .for_each(|action| self.waiting.push_front(action));
        }
        latencies.extend(actions.iter().map(|action| action.given.elapsed()));
        self.give(actions.len());
    }
}

impl Payloads for Actions {
    fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn next(&mut self) -> Bytes {
        let fits = (PAYLOAD_BYTES_MAX / self.bytes).min(ENTRIES_MAX);
        let count = fits.min(self.waiting.len());
        let actions: Vec<Action> = self.waiting.drain(..count).collect();
        let mut payload = vec![0x5a; count * self.bytes];
        for (action, bytes) in actions.iter().zip(payload.chunks_exact_mut(self.bytes)) {
            bytes[..8].copy_from_slice(&self.member.to_le_bytes());
            bytes[8..16].copy_from_slice(&action.number.to_le_bytes());
        }
        if count > 0 {
            self.proposed.push_back((payload_hash(&payload), actions));
        }
        payload.into()
    }
}
