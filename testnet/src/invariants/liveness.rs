//! L3: when the network is calm, every transaction that is valid, unexpired and uncontended commits,
//! and all honest nodes come to one certified head. Then they fall silent.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use model::shard::Seat;
use model::statement::Height;
use model::{Hash, Outcome, TransactionId};

use super::{Sighting, What};

/// Frames that an idle node may send in five seconds, beside one more at the beginning: a heartbeat,
/// and an answer to one.
const FRAMES_IN_FIVE_SECONDS: u64 = 2;

/// What is to become of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expected {
    /// It commits.
    Committed,
    /// It is decided, one way or the other.
    Decided,
    /// It is one of those with this number, of which exactly one commits.
    OneOf(u64),
}

/// Where an honest node stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Stand {
    tip: Option<(Height, Hash)>,
    certified: BTreeMap<Height, Hash>,
}

/// See the module.
pub struct Liveness {
    honest: BTreeSet<Seat>,
    stands: BTreeMap<Seat, Stand>,
    expected: BTreeMap<TransactionId, Expected>,
    decided: BTreeMap<TransactionId, Outcome>,
    /// Decisions that nobody has asked about yet.
    news: Vec<(TransactionId, Outcome)>,
    highest: Height,
}

impl Liveness {
    /// These nodes are honest.
    pub fn new(honest: impl Iterator<Item = Seat>) -> Self {
        Self {
            honest: honest.collect(),
            stands: BTreeMap::new(),
            expected: BTreeMap::new(),
            decided: BTreeMap::new(),
            news: Vec::new(),
            highest: Height::ZERO,
        }
    }

    /// An honest node does something.
    pub fn see(&mut self, sighting: &Sighting<'_>) {
        let stand = self.stands.entry(sighting.seat).or_default();
        match sighting.what {
            What::Began { .. } => stand.certified.clear(),
            What::Crashed => {
                self.stands.remove(&sighting.seat);
            }
            What::Stands(ledger) => {
                stand.tip = Some((ledger.tip.height, ledger.tip.head));
                self.highest = self.highest.max(ledger.tip.height);
            }
            What::Certified(certificate) => {
                let head = &certificate.head;
                stand.certified.insert(head.height, head.hash());
            }
            What::Applied(applied) => {
                for result in &applied.applied.results {
                    let (id, outcome) = (result.transaction, result.outcome);
                    if self.decided.insert(id, outcome).is_none() {
                        self.news.push((id, outcome));
                    }
                }
            }
            _ => {}
        }
    }

    /// Something is to become of a transaction before the world is settled.
    pub fn expect(&mut self, transaction: TransactionId, expected: Expected) {
        self.expected.insert(transaction, expected);
    }

    /// The decisions since the last time.
    pub fn news(&mut self) -> Vec<(TransactionId, Outcome)> {
        std::mem::take(&mut self.news)
    }

    /// The highest block that an honest node applied.
    #[must_use]
    pub const fn highest(&self) -> Height {
        self.highest
    }

    /// How many transactions committed and how many aborted.
    #[must_use]
    pub fn outcomes(&self) -> (usize, usize) {
        let committed = self
            .decided
            .values()
            .filter(|outcome| **outcome == Outcome::Committed)
            .count();
        (committed, self.decided.len() - committed)
    }

    /// Whether everything that is expected has happened.
    ///
    /// # Errors
    ///
    /// What has not.
    pub fn settled(&self) -> Result<(), String> {
        for id in self.expected.keys() {
            if !self.decided.contains_key(id) {
                return Err(format!("transaction {id} is not decided"));
            }
        }
        let mut first = None;
        for seat in &self.honest {
            let index = seat.index();
            let stand = self.stands.get(seat);
            let Some((height, head)) = stand.and_then(|stand| stand.tip) else {
                return Err(format!("node {index} is not up"));
            };
            if *first.get_or_insert(head) != head {
                return Err(format!("node {index} has another head, at height {height}"));
            }
            let certified = stand.and_then(|stand| stand.certified.get(&height));
            if height > Height::ZERO && certified != Some(&head) {
                return Err(format!(
                    "node {index} has no certificate of height {height}"
                ));
            }
        }
        Ok(())
    }

    /// Whether the decisions are those that are expected.
    ///
    /// # Errors
    ///
    /// Which one is not.
    pub fn just(&self) -> Result<(), String> {
        let mut committed: BTreeMap<u64, usize> = BTreeMap::new();
        for (id, expected) in &self.expected {
            let commits = self.decided.get(id) == Some(&Outcome::Committed);
            match expected {
                Expected::Committed if !commits => {
                    return Err(format!("transaction {id} is valid and did not commit"));
                }
                Expected::Committed | Expected::Decided => {}
                Expected::OneOf(group) => {
                    *committed.entry(*group).or_default() += usize::from(commits);
                }
            }
        }
        match committed.into_iter().find(|(_, commits)| *commits != 1) {
            Some((_, commits)) => Err(format!("{commits} of two that contend committed")),
            None => Ok(()),
        }
    }

    /// Whether so many frames in so many milliseconds are no more than idle nodes send.
    ///
    /// # Errors
    ///
    /// That they are more, or that there were blocks: `before` was the height.
    pub fn silent(&self, frames: u64, ms: u64, before: Height) -> Result<(), String> {
        if self.highest > before {
            return Err(format!("height {} was reached without work", self.highest));
        }
        let honest = self.honest.len() as u64;
        let most = honest * FRAMES_IN_FIVE_SECONDS * (ms / 5_000 + 1);
        if frames > most {
            return Err(format!(
                "{frames} frames in {ms} ms without work, not {most}"
            ));
        }
        Ok(())
    }
}
