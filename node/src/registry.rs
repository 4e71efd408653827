//! Who is in which shard, as this node knows it: shared by all its threads.
//!
//! ```text
//!   genesis, what was kept ---.        .---> admission, links, the view of the network
//!   what the replica learned --+-> known --> the replica
//!   what others could prove --'        '---> others who ask
//! ```
//!
//! Nobody is believed. That a shard changed its members is proven by the members before; that there is
//! a shard at all, or that somebody was excluded from one, by a decision of the root shard. What can be
//! proven is passed on with its proof.
//!
//! A shard is followed no further than so many epochs after the last one that the root shard has recorded:
//! anybody can found a shard, whose epochs cost nothing, and each of them is kept for ever.
//!
//! Paper: Section VI-A. Deviation: D-10.

#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use model::api::{Act, PAGE_BYTES_AIM, Refused, Request, Response, SHARDS_ASKED_MAX};
use model::key::Zip215;
use model::lineage::{Recorded, recorded};
use model::receipt::Unproven;
use model::transaction::Malformed;
use model::{
    Committee, Directory, Epoch, EpochChange, Fact, Genesis, NodeId, NotAFact, Outcome, ShardId,
    ShardRecord, TransactionId, encoding,
};
use system_contracts::manage_shards;
use tokio::sync::watch;

/// Acts that are kept although later ones have taken their place. If there are more, all of them are
/// forgotten at once, and whoever follows the list begins anew: seldom enough, and so many are a few
/// megabytes.
const SUPERSEDED_MAX: usize = 256;

/// How many epochs of a shard are followed beyond the last one that the root shard has recorded. Those
/// cost a transaction each. An honest shard tells the root shard of each epoch at once, and is ahead of
/// it by some only while the root shard does not answer.
const EPOCHS_AHEAD_MAX: u64 = 1_024;

/// Where this node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its shard.
    pub(crate) shard: ShardId,
    /// The epoch that its replica is in.
    pub(crate) epoch: Epoch,
}

/// What is known at one moment. A clone shares what it holds.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Who is in which shard, and was.
    pub(crate) directory: Directory,
    /// The shard that keeps the records of all shards.
    root: ShardId,
    /// The record of each shard as the root shard has it, where it is another one than that of genesis.
    records: Arc<BTreeMap<ShardId, ShardRecord>>,
    /// Where this node is; `None` while it is in no shard.
    pub(crate) place: Option<Place>,
    /// What the root shard has committed, in the order in which it became known.
    acts: Arc<Acts>,
}

/// What the root shard has committed about shards: of each shard what founded it, and what has made its
/// last record.
#[derive(Clone, Debug, Default)]
struct Acts {
    /// Those, and some that came before them.
    list: Vec<Arc<Act>>,
    /// The transactions of the list.
    known: BTreeSet<TransactionId>,
    /// The transaction by which each of these is proven.
    proofs: BTreeMap<(ShardId, Proven), TransactionId>,
    /// How many have been in the list and are not any more.
    forgotten: usize,
}

/// What an act proves of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Proven {
    /// It was founded.
    Founding,
    /// Its last record is this.
    Record,
}

/// Why something that somebody shows is no act of the root shard.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAnAct {
    /// The decision is another one, or of another shard.
    #[error("it is not a decision of the root shard to commit that transaction")]
    Other,
    /// The transaction leaves no record in the root shard, which has perhaps not looked at what it says.
    #[error("the transaction leaves no record of a shard in the root shard")]
    NoRecord,
    /// Not that transaction as it was committed.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The root shard is further than is known here.
    #[error("the root shard is in epoch {0}, of which nothing is known here")]
    Ahead(Epoch),
    /// The epoch had ended before the decision was made.
    #[error("it was decided after the end of epoch {0} of the root shard")]
    AfterEnd(Epoch),
    /// The proof does not hold.
    #[error(transparent)]
    Unproven(#[from] Unproven),
}

/// Why a change of a shard is not taken in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotLearned {
    /// It proves nothing here.
    #[error(transparent)]
    Fact(#[from] NotAFact),
    /// The root shard has not been told of what came before it.
    #[error(
        "the root shard has recorded shard {shard} up to epoch {recorded}, and this is far later"
    )]
    Unrecorded {
        /// The shard.
        shard: ShardId,
        /// The last epoch of it that is known to be recorded.
        recorded: Epoch,
    },
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// See [`SUPERSEDED_MAX`].
    superseded_max: usize,
    /// See [`EPOCHS_AHEAD_MAX`].
    epochs_ahead_max: u64,
}

/// What is known, for all threads of a node.
pub(crate) struct Registry {
    node: NodeId,
    root: ShardId,
    bounds: Bounds,
    known: watch::Sender<Known>,
}

impl Known {
    /// The record of a shard as the root shard has it, as far as that is known here.
    pub(crate) fn on_ledger(&self, shard: ShardId) -> Option<&ShardRecord> {
        let founded = self.directory.record(shard, Epoch::ZERO);
        self.records.get(&shard).or(founded)
    }

    /// The members of this node's shard in the epoch that it is in.
    pub(crate) fn committee(&self) -> Option<&Committee> {
        let place = self.place?;
        self.directory.committee(place.shard, place.epoch)
    }

    /// How many members it has to be linked to, so that they and it are a quorum: none while it is in no
    /// shard.
    pub(crate) fn links_needed(&self) -> u32 {
        let others = self.committee().map(|ours| ours.quorum().saturating_sub(1));
        u32::try_from(others.unwrap_or(0)).expect("a shard has few members")
    }

    /// The shard that a node should be in: the one whose store it has, or else one in which the root shard
    /// says that it is.
    pub(crate) fn shard_for(&self, node: &NodeId) -> Option<ShardId> {
        let place = self.place.map(|place| place.shard);
        place.or_else(|| self.vouched(node).next())
    }

    /// The shard that a node may join: one in which the root shard says that it is, or else one with a
    /// record that it `agrees` to. A shard says itself who follows when an epoch ends, and anybody can found
    /// a shard, so that it lists a node does not mean that the node was asked.
    pub(crate) fn shard_to_join(
        &self,
        node: &NodeId,
        agrees: impl Fn(&ShardRecord) -> bool,
    ) -> Option<ShardId> {
        let agreed = |shard: &ShardId| self.directory.last_record(*shard).is_some_and(&agrees);
        let vouched = self.vouched(node).next();
        vouched.or_else(|| self.listing(node).find(agreed))
    }

    /// The shards that list a node and of which the root shard says that it has agreed.
    fn vouched(&self, node: &NodeId) -> impl Iterator<Item = ShardId> {
        self.listing(node)
            .filter(move |shard| self.is_vouched(*shard, node))
    }

    /// The shards that list a node in the last epochs that are known, ascending.
    fn listing(&self, node: &NodeId) -> impl Iterator<Item = ShardId> {
        let all = self.directory.all();
        let listing = all.filter(move |committee| committee.seat(node).is_some());
        listing.map(|committee| committee.scope().shard)
    }

    /// Whether a node is a member of a shard in its record in the root shard, which has checked that it has
    /// agreed, and in all epochs since: who stays is not asked again. Of its own members the root shard is
    /// believed without a record: before new members have come, it may not be able to make one.
    fn is_vouched(&self, shard: ShardId, node: &NodeId) -> bool {
        if shard == self.root {
            return true;
        }
        let Some(record) = self.on_ledger(shard) else {
            return false;
        };
        let lists = |committee: &Committee| committee.seat(node).is_some();
        let recorded = record.committee(self.directory.network());
        let next = record.epoch.number().saturating_add(1);
        let mut since =
            (next..).map_while(|epoch| self.directory.committee(shard, Epoch::new(epoch)));
        recorded.is_ok_and(|committee| lists(&committee)) && since.all(lists)
    }

    /// How many acts have become known.
    pub(crate) fn acts_known(&self) -> usize {
        self.acts.forgotten + self.acts.list.len()
    }

    /// The acts that became known after the first so many, and perhaps some before, without those that are
    /// kept no more.
    pub(crate) fn acts_after(&self, first: usize) -> &[Arc<Act>] {
        let first = first.saturating_sub(self.acts.forgotten);
        self.acts.list.get(first..).unwrap_or_default()
    }

    /// A shard in which the root shard says that a node is, if the node has a store of another one.
    pub(crate) fn elsewhere(&self, node: &NodeId) -> Option<ShardId> {
        let here = self.place?.shard;
        self.vouched(node).find(|listed| *listed != here)
    }

    /// Whether it is news that the root shard has recorded this.
    fn is_news(&self, recorded: &Recorded) -> bool {
        self.is_founding(recorded) || self.is_later(recorded.record())
    }

    /// Whether it founds a shard whose founding is not proven yet. The shard itself may be known.
    fn is_founding(&self, recorded: &Recorded) -> bool {
        match recorded {
            Recorded::Founded(record) => {
                let proven = (record.shard, Proven::Founding);
                !self.acts.proofs.contains_key(&proven)
            }
            Recorded::Changed(_) => false,
        }
    }

    fn is_later(&self, record: &ShardRecord) -> bool {
        let known = self.records.get(&record.shard);
        known.is_none_or(|known| is_later(record, known))
    }

    /// Takes in an act that leaves these records. Whether any is news; otherwise it is not kept.
    fn enact(&mut self, act: Act, recorded: &[Recorded], superseded_max: usize) -> bool {
        let mut proven = Vec::new();
        for recorded in recorded {
            let record = recorded.record();
            if self.is_founding(recorded) {
                let fact = Fact::Founded(record.clone());
                if self.directory.trust(&fact).is_err() {
                    // A shard of genesis is known, and nothing else has its number.
                    continue;
                }
                proven.push((record.shard, Proven::Founding));
            }
            if self.is_later(record) {
                let records = Arc::make_mut(&mut self.records);
                records.insert(record.shard, record.clone());
                proven.push((record.shard, Proven::Record));
            }
        }
        if proven.is_empty() {
            return false;
        }
        Arc::make_mut(&mut self.acts).keep(act, proven, superseded_max);
        true
    }
}

impl Acts {
    /// Keeps an act that proves this, in the place of those that did so before.
    fn keep(&mut self, act: Act, proven: Vec<(ShardId, Proven)>, superseded_max: usize) {
        let transaction = act.transaction.body.id();
        let proofs = proven.into_iter().map(|proven| (proven, transaction));
        self.proofs.extend(proofs);
        self.known.insert(transaction);
        self.list.push(Arc::new(act));
        if self.list.len() > self.proofs.len() + superseded_max {
            self.forget_superseded();
        }
    }

    fn forget_superseded(&mut self) {
        let before = self.list.len();
        let needed: BTreeSet<TransactionId> = self.proofs.values().copied().collect();
        self.list
            .retain(|act| needed.contains(&act.transaction.body.id()));
        self.known = needed;
        self.forgotten += before - self.list.len();
    }
}

/// Whether a record is of a later moment than another one of the same shard: within an epoch seats are
/// vacated and nothing else happens.
fn is_later(record: &ShardRecord, known: &ShardRecord) -> bool {
    let rank = |record: &ShardRecord| (record.epoch, record.vacated().count());
    rank(record) > rank(known)
}

impl Registry {
    /// What `node` knows from the genesis document.
    pub(crate) fn new(node: NodeId, genesis: &Genesis) -> Self {
        let contract = manage_shards::id();
        let mut mappings = genesis.mappings.iter();
        let has_records = mappings.any(|mapping| mapping.contract == contract);
        let bounds = Bounds {
            superseded_max: SUPERSEDED_MAX,
            // Where nobody can tell the root shard of an epoch, nobody can found a shard either.
            epochs_ahead_max: if has_records {
                EPOCHS_AHEAD_MAX
            } else {
                u64::MAX
            },
        };
        Self::bounded(node, genesis, bounds)
    }

    fn bounded(node: NodeId, genesis: &Genesis, bounds: Bounds) -> Self {
        let directory =
            Directory::of_genesis(genesis).expect("a genesis document that was read is checked");
        let root = genesis.shards.first().map(|first| first.shard);
        let root = root.unwrap_or(ShardId::new(0));
        Self {
            node,
            root,
            bounds,
            known: watch::Sender::new(Known {
                directory,
                root,
                records: Arc::default(),
                place: None,
                acts: Arc::default(),
            }),
        }
    }

    /// This node.
    pub(crate) const fn node(&self) -> NodeId {
        self.node
    }

    /// The shard that keeps the records of all shards.
    pub(crate) const fn root(&self) -> ShardId {
        self.root
    }

    /// What is known now.
    pub(crate) fn known(&self) -> Known {
        self.known.borrow().clone()
    }

    /// Tells of everything that becomes known.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Known> {
        self.known.subscribe()
    }

    /// The replica is in this place from now on.
    pub(crate) fn set_place(&self, place: Place) {
        self.known.send_if_modified(|known| {
            let news = known.place != Some(place);
            known.place = Some(place);
            news
        });
    }

    /// Takes in facts that have been checked.
    pub(crate) fn trust(&self, facts: &[Fact]) {
        self.known.send_if_modified(|known| {
            let mut news = false;
            for fact in facts {
                // What does not go with what is known is known otherwise already.
                news |= known.directory.trust(fact).unwrap_or(false);
            }
            news
        });
    }

    /// Takes in what the replica knows. If a dishonest shard has told this node and its own shard different
    /// things, what its shard has agreed on counts.
    pub(crate) fn adopt(&self, directory: &Directory) {
        self.known.send_if_modified(|known| {
            let facts = directory.beyond(&known.directory);
            for fact in &facts {
                // What does not go with what is known of the epochs before is of no use here.
                let _ = match fact {
                    Fact::Founded(_) => known.directory.trust(fact),
                    Fact::Changed(change) => {
                        let change = Arc::new(change.clone());
                        known.directory.overrule(&change)
                    }
                };
            }
            !facts.is_empty()
        });
    }

    /// Checks that a shard has begun an epoch, and takes it in. Whether it is news.
    ///
    /// # Errors
    ///
    /// [`NotLearned`] if it proves nothing here, or comes too early.
    pub(crate) fn learn(&self, change: EpochChange) -> Result<bool, NotLearned> {
        let change = Arc::new(change);
        // Signatures are checked without the lock.
        let known = self.known();
        self.check_recorded(&change, &known)?;
        let mut directory = known.directory;
        let news = directory.learn(&change, &mut Zip215)?;
        if news {
            self.trust(&[Fact::Changed((*change).clone())]);
        }
        Ok(news)
    }

    /// Checks that the root shard has recorded what came before a change, all but some. The root shard
    /// itself is believed without: its records are signed by those who have to be known first.
    fn check_recorded(&self, change: &EpochChange, known: &Known) -> Result<(), NotLearned> {
        let (shard, epoch) = (change.next.shard, change.next.epoch);
        let Some(recorded) = known.on_ledger(shard).map(|record| record.epoch) else {
            return Ok(());
        };
        let ahead = epoch.number().saturating_sub(recorded.number());
        if shard != self.root && ahead > self.bounds.epochs_ahead_max {
            return Err(NotLearned::Unrecorded { shard, recorded });
        }
        Ok(())
    }

    /// Checks that the root shard has committed something about shards, and takes it in. Whether it is
    /// news.
    ///
    /// # Errors
    ///
    /// [`NotAnAct`] if it is not proven.
    pub(crate) fn enact(&self, act: Act) -> Result<bool, NotAnAct> {
        let Some(recorded) = self.news_of(&act)? else {
            return Ok(false);
        };
        let superseded_max = self.bounds.superseded_max;
        let news = self
            .known
            .send_if_modified(|known| known.enact(act, &recorded, superseded_max));
        Ok(news)
    }

    /// The records that an act leaves, if one of them is news: then all of the act is checked, without the
    /// lock.
    fn news_of(&self, act: &Act) -> Result<Option<Vec<Recorded>>, NotAnAct> {
        let (id, known) = (act.transaction.body.id(), self.known());
        if known.acts.known.contains(&id) {
            return Ok(None);
        }
        // A copy with another opening or signature would keep the good one from those who follow this node.
        let network = known.directory.network();
        let formed = act.transaction.clone().check_form(&network)?;
        let recorded = recorded(&act.transaction.body, self.root);
        if recorded.is_empty() {
            return Err(NotAnAct::NoRecord);
        }
        if !recorded.iter().any(|recorded| known.is_news(recorded)) {
            return Ok(None);
        }
        self.check(act, &known.directory)?;
        formed.verify(&mut Zip215)?;
        Ok(Some(recorded))
    }

    fn check(&self, act: &Act, directory: &Directory) -> Result<(), NotAnAct> {
        let (result, head) = (&act.result.result, &act.result.head.head);
        let decided = result.transaction == act.transaction.body.id()
            && result.outcome == Outcome::Committed
            && act.result.shard() == self.root;
        if !decided {
            return Err(NotAnAct::Other);
        }
        let epoch = head.scope.epoch;
        let committee = directory.committee(self.root, epoch);
        let committee = committee.ok_or(NotAnAct::Ahead(epoch))?;
        let end = directory.end(self.root, epoch);
        if end.is_some_and(|end| head.height > end) {
            return Err(NotAnAct::AfterEnd(epoch));
        }
        Ok(act.result.verify(committee, &mut Zip215)?)
    }

    /// Answers [`Request::Changes`].
    ///
    /// # Errors
    ///
    /// [`Refused::Malformed`] if it asks for too many shards.
    pub(crate) fn changes(&self, since: &[(ShardId, Epoch)]) -> Result<Response, Refused> {
        let count = since.len();
        if count > SHARDS_ASKED_MAX {
            return Err(Refused::malformed(format_args!(
                "{count} shards in one request, at most {SHARDS_ASKED_MAX} are allowed"
            )));
        }
        let directory = self.known.borrow().directory.clone();
        let changes = since
            .iter()
            .map(|(shard, after)| directory.changes(*shard, *after));
        Ok(Response::Changes(page(in_turn(changes))))
    }

    /// Answers [`Request::Acts`].
    pub(crate) fn acts(&self, after: u32) -> Response {
        let acts = Arc::clone(&self.known.borrow().acts);
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        let rest = acts.list.get(after..).unwrap_or_default();
        Response::Acts(page(rest.iter()))
    }

    /// What to ask others for: how far each shard is known. Where there are too many for one question, each
    /// turn is about others, and all are about the root shard, by which all else is proven.
    pub(crate) fn question(&self, turn: usize) -> Request {
        let directory = self.known.borrow().directory.clone();
        Request::Changes(directory.in_turn(&[self.root].into(), turn, SHARDS_ASKED_MAX))
    }
}

/// What there is in all of these lists, in their order, one of each at a time: so a long one hides no other.
fn in_turn<L: Iterator>(lists: impl Iterator<Item = L>) -> impl Iterator<Item = L::Item> {
    let mut lists: VecDeque<L> = lists.collect();
    std::iter::from_fn(move || {
        loop {
            let mut list = lists.pop_front()?;
            if let Some(next) = list.next() {
                lists.push_back(list);
                return Some(next);
            }
        }
    })
}

/// As many as fit into an answer, one at least.
fn page<'a, T: Clone + serde::Serialize + 'a>(all: impl Iterator<Item = &'a Arc<T>>) -> Vec<T> {
    let mut bytes = 0;
    let mut page = Vec::new();
    for one in all {
        bytes += encoding::encode(&**one).len();
        if bytes > PAGE_BYTES_AIM && !page.is_empty() {
            break;
        }
        page.push((**one).clone());
    }
    page
}
