//! L3: when the network is calm, every transaction that is valid, unexpired and uncontended commits,
//! and all honest nodes of a shard come to one certified head. Then they fall silent. L1, L2: nothing
//! is left under way then, and nothing is locked.
//!
//! Paper: Section V-A, S-BAC Theorem 1.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use consensus::Ledger;
use consensus::sbac::session::{Session, Stage};
use model::statement::Height;
use model::transaction::TransactionBody;
use model::{Epoch, Hash, Outcome, ShardId, TransactionId, TransactionResult};

use system_contracts::cscoin;

use super::{Sighting, What};
use crate::simulation::{Place, Trust};

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
    /// Nobody knows: a dishonest shard takes part.
    Anything,
}

/// Where an honest node stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Stand {
    tip: Option<(Height, Hash)>,
    certified: BTreeMap<Height, Hash>,
    /// Transactions under way, and objects that are locked.
    open: (usize, usize),
}

/// What became of a transaction.
#[derive(Clone, Debug)]
struct End {
    outcome: Outcome,
    /// The shards that it concerns and in which it has not ended.
    missing: BTreeSet<ShardId>,
}

impl End {
    /// Whether users may count on it: it has aborted, or committed wherever it was to.
    fn is_known(&self) -> bool {
        self.outcome != Outcome::Committed || self.missing.is_empty()
    }
}

/// Whether a transaction consumes or creates accounts here: not if only objects of contracts that trust
/// every shard are at stake.
fn holds_money(ledger: &Ledger, session: &Session) -> bool {
    let Stage::Prepared(held) = &session.stage else {
        return true;
    };
    let consumed = held.consumed.iter();
    let consumed = consumed.filter_map(|object| ledger.state.objects.get(object));
    let mut touched = consumed.chain(held.created.values());
    touched.any(|object| object.object_type.contract == cscoin::id())
}

/// How many transactions are under way, and how many objects are locked, that honest shards alone can
/// bring to an end.
fn open(ledger: &Ledger, trust: &Trust) -> (usize, usize) {
    let bribed: BTreeSet<TransactionId> = ledger
        .state
        .sessions
        .iter()
        .filter(|(_, session)| {
            let body = session.transaction.body();
            trust.is_bribed(body) || trust.is_ruled(body) && !holds_money(ledger, session)
        })
        .map(|(id, _)| *id)
        .collect();
    let sessions = ledger.state.sessions.iter().filter(|(id, session)| {
        let unheard = match &session.stage {
            Stage::Decided { waiting, .. } => waiting.is_subset(trust.dishonest()),
            Stage::Prepared(_) | Stage::Open(_) => false,
        };
        !unheard && !bribed.contains(id)
    });
    let locked = ledger.locked();
    let locks = locked.filter(|(_, holders, _)| holders.iter().any(|id| !bribed.contains(id)));
    (sessions.count(), locks.count())
}

/// See the module.
pub struct Liveness {
    honest: BTreeSet<Place>,
    /// Those of them that are members now.
    members: BTreeSet<Place>,
    /// The epoch that each shard is in, and the one that it is to come to.
    epochs: BTreeMap<ShardId, (Epoch, Epoch)>,
    /// The last height and head of each epoch. A member of the next one needs no certificate of it.
    turns: BTreeSet<(ShardId, Height, Hash)>,
    trust: Trust,
    stands: BTreeMap<Place, Stand>,
    expected: BTreeMap<TransactionId, Expected>,
    ends: BTreeMap<TransactionId, End>,
    /// Decisions that nobody has asked about yet.
    news: Vec<(TransactionId, Outcome)>,
    highest: BTreeMap<ShardId, Height>,
}

impl Liveness {
    /// These nodes are honest, and these shards are.
    pub fn new(
        honest: impl Iterator<Item = Place>,
        members: impl Iterator<Item = Place>,
        trust: Trust,
    ) -> Self {
        let honest: BTreeSet<Place> = honest.collect();
        Self {
            members: members.filter(|place| honest.contains(place)).collect(),
            honest,
            epochs: BTreeMap::new(),
            turns: BTreeSet::new(),
            trust,
            stands: BTreeMap::new(),
            expected: BTreeMap::new(),
            ends: BTreeMap::new(),
            news: Vec::new(),
            highest: BTreeMap::new(),
        }
    }

    /// An honest node does something.
    pub fn see(&mut self, sighting: &Sighting<'_>) {
        let place = Place {
            shard: sighting.shard,
            seat: sighting.seat,
        };
        let stand = self.stands.entry(place).or_default();
        match sighting.what {
            What::Began { .. } => stand.certified.clear(),
            What::Crashed => {
                self.stands.remove(&place);
            }
            What::Stands(ledger) => {
                stand.tip = Some((ledger.tip.height, ledger.tip.head));
                stand.open = open(ledger, &self.trust);
                let highest = self.highest.entry(place.shard).or_insert(Height::ZERO);
                *highest = ledger.tip.height.max(*highest);
            }
            What::Entered(change) => {
                let end = &change.hand_over.head.head;
                self.turns.insert((place.shard, end.height, end.hash()));
                self.entered(sighting);
            }
            What::Certified(certificate) => {
                let head = &certificate.head;
                stand.certified.insert(head.height, head.hash());
            }
            What::Applied(applied) => {
                let done = &applied.applied;
                for ((transaction, _), result) in done.concluded.iter().zip(&done.results) {
                    self.ended(place.shard, result, transaction.body());
                }
            }
            _ => {}
        }
    }

    /// A shard has come to an epoch.
    fn entered(&mut self, sighting: &Sighting<'_>) {
        let (shard, roll) = (sighting.shard, sighting.roll);
        let current = roll.current().scope().epoch;
        let (now, _) = self.epochs.entry(shard).or_default();
        if *now < current {
            *now = current;
            self.members.retain(|place| place.shard != shard);
            let members = roll.members().map(|seat| Place { shard, seat });
            let honest = members.filter(|place| self.honest.contains(place));
            self.members.extend(honest);
        }
    }

    /// A shard is to come to an epoch before the world is settled.
    pub fn expect_epoch(&mut self, shard: ShardId, epoch: Epoch) {
        let (_, due) = self.epochs.entry(shard).or_default();
        *due = epoch.max(*due);
    }

    fn ended(&mut self, shard: ShardId, result: &TransactionResult, body: &TransactionBody) {
        let trust = &self.trust;
        let bribed = trust.is_bribed(body);
        let participants = body.participants.iter().copied();
        let expected = participants.filter(|shard| !bribed && !trust.is_dishonest(*shard));
        let id = result.transaction;
        let mut is_news = false;
        let end = self.ends.entry(id).or_insert_with(|| {
            is_news = true;
            End {
                outcome: result.outcome,
                missing: expected.collect(),
            }
        });
        let before = !is_news && end.is_known();
        end.missing.remove(&shard);
        if end.is_known() && !before {
            self.news.push((id, end.outcome));
        }
    }

    /// Something is to become of a transaction before the world is settled.
    pub fn expect(&mut self, transaction: TransactionId, expected: Expected) {
        self.expected.insert(transaction, expected);
    }

    /// Nothing more is to become of what is not decided: who heard of it may be gone. Nor of what
    /// contends with it.
    pub fn expect_no_more(&mut self) {
        let ends = &self.ends;
        let open = self.expected.extract_if(.., |id, _| !ends.contains_key(id));
        let open: BTreeSet<Expected> = open.map(|(_, expected)| expected).collect();
        let contends = |expected: &Expected| matches!(expected, Expected::OneOf(_));
        self.expected
            .retain(|_, expected| !contends(expected) || !open.contains(expected));
    }

    /// The decisions since the last time.
    pub fn news(&mut self) -> Vec<(TransactionId, Outcome)> {
        std::mem::take(&mut self.news)
    }

    /// The height of the highest block that an honest node applied, all shards together.
    #[must_use]
    pub fn blocks(&self) -> u64 {
        self.highest.values().map(|height| height.number()).sum()
    }

    /// How many transactions committed and how many aborted.
    #[must_use]
    pub fn outcomes(&self) -> (usize, usize) {
        let ends = self.ends.values();
        let committed = ends.filter(|end| end.outcome == Outcome::Committed).count();
        (committed, self.ends.len() - committed)
    }

    /// Whether everything that is expected has happened.
    ///
    /// # Errors
    ///
    /// What has not.
    pub fn settled(&self) -> Result<(), String> {
        for id in self.expected.keys() {
            if !self.ends.get(id).is_some_and(End::is_known) {
                return Err(format!("transaction {id} is not decided"));
            }
        }
        let mut epochs = self.epochs.iter();
        if let Some((shard, (now, due))) = epochs.find(|(_, (now, due))| now < due) {
            return Err(format!("shard {shard} is in epoch {now}, not in {due}"));
        }
        let unfinished = self.ends.iter().find(|(_, end)| !end.is_known());
        if let Some((id, end)) = unfinished {
            return Err(format!(
                "transaction {id} committed, and not in {:?}",
                end.missing
            ));
        }
        let mut heads: BTreeMap<ShardId, Hash> = BTreeMap::new();
        for place in &self.members {
            let index = place.seat.index();
            let stand = self.stands.get(place);
            let Some((height, head)) = stand.and_then(|stand| stand.tip) else {
                return Err(format!("node {index} is not up"));
            };
            if *heads.entry(place.shard).or_insert(head) != head {
                return Err(format!("node {index} has another head, at height {height}"));
            }
            let certified = stand.and_then(|stand| stand.certified.get(&height));
            let is_end = self.turns.contains(&(place.shard, height, head));
            if height > Height::ZERO && certified != Some(&head) && !is_end {
                return Err(format!(
                    "node {index} has no certificate of height {height}"
                ));
            }
            if let Some((sessions, locks)) = stand.map(|stand| stand.open)
                && sessions + locks > 0
            {
                return Err(format!(
                    "shard {}, node {index}: {sessions} transactions are under way, {locks} objects \
                     are locked",
                    place.shard
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
            let end = self.ends.get(id);
            let commits = end.is_some_and(|end| end.outcome == Outcome::Committed);
            match expected {
                Expected::Committed if !commits => {
                    let outcome = end.map(|end| end.outcome);
                    return Err(format!(
                        "transaction {id} is valid and did not commit: {outcome:?}"
                    ));
                }
                Expected::Committed | Expected::Decided | Expected::Anything => {}
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

    /// Whether both nodes are honest members of the last epochs of their shards.
    #[must_use]
    pub fn are_members(&self, one: Place, other: Place) -> bool {
        self.members.contains(&one) && self.members.contains(&other)
    }

    /// Whether so many frames in so many milliseconds are no more than idle nodes send.
    ///
    /// # Errors
    ///
    /// That they are more, or that there were blocks: `before` is how many there were.
    pub fn silent(&self, frames: u64, ms: u64, before: u64) -> Result<(), String> {
        let blocks = self.blocks();
        if blocks > before {
            return Err(format!("{} blocks were made without work", blocks - before));
        }
        let honest = self.members.len() as u64;
        let most = honest * FRAMES_IN_FIVE_SECONDS * (ms / 5_000 + 1);
        if frames > most {
            return Err(format!(
                "{frames} frames in {ms} ms without work, not {most}"
            ));
        }
        Ok(())
    }
}
