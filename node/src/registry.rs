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
//! Paper: Section VI-A. Deviation: D-10.

#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contracts::Content as _;
use model::api::{Act, PAGE_BYTES_AIM, Refused, Request, Response, SHARDS_ASKED_MAX};
use model::key::Zip215;
use model::receipt::Unproven;
use model::{
    Committee, Directory, Epoch, EpochChange, Fact, Genesis, NodeId, NotAFact, ObjectType, Outcome,
    ShardId, ShardRecord, TransactionId, encoding,
};
use system_contracts::manage_shards::{self, Shard};
use tokio::sync::watch;

/// Acts that are kept: one for each shard that was founded, each member that was excluded, and each
/// change that the root shard was told of.
const ACTS_MAX: usize = 16_384;

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
    /// The record of each shard as the root shard has it, where it is another one than that of genesis.
    records: Arc<BTreeMap<ShardId, ShardRecord>>,
    /// Where this node is; `None` while it is in no shard.
    pub(crate) place: Option<Place>,
    /// What the root shard has committed, in the order in which it became known.
    acts: Arc<Acts>,
}

/// What the root shard has committed about shards.
#[derive(Clone, Debug, Default)]
struct Acts {
    list: Vec<Arc<Act>>,
    known: BTreeSet<TransactionId>,
}

/// Why something that somebody shows is no act of the root shard.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAnAct {
    /// The decision is another one, or of another shard.
    #[error("it is not a decision of the root shard to commit that transaction")]
    Other,
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

/// What is known, for all threads of a node.
pub(crate) struct Registry {
    node: NodeId,
    root: ShardId,
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

    /// The shard that a node should be in: the one whose store it has, or else one that lists it.
    pub(crate) fn shard_for(&self, node: &NodeId) -> Option<ShardId> {
        let place = self.place.map(|place| place.shard);
        place.or_else(|| self.directory.shard_of(node))
    }

    /// How many acts are known.
    pub(crate) fn acts_known(&self) -> usize {
        self.acts.list.len()
    }

    /// The acts that are known, without the first so many.
    pub(crate) fn acts_after(&self, first: usize) -> &[Arc<Act>] {
        self.acts.list.get(first..).unwrap_or_default()
    }

    /// The shard that lists a node, if the node has a store of another one.
    pub(crate) fn elsewhere(&self, node: &NodeId) -> Option<ShardId> {
        let here = self.place?.shard;
        let listed = self.directory.shard_of(node);
        listed.filter(|listed| *listed != here)
    }

    fn enact(&mut self, act: Act, records: Vec<(bool, ShardRecord)>) {
        let acts = Arc::make_mut(&mut self.acts);
        acts.known.insert(act.transaction.body.id());
        acts.list.push(Arc::new(act));
        for (founded, record) in records {
            if founded {
                // A shard of genesis is known, and nothing else has its number.
                let _ = self.directory.trust(&Fact::Founded(record.clone()));
            }
            let records = Arc::make_mut(&mut self.records);
            let newer = records
                .get(&record.shard)
                .is_none_or(|known| is_later(&record, known));
            if newer {
                records.insert(record.shard, record);
            }
        }
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
        let directory =
            Directory::of_genesis(genesis).expect("a genesis document that was read is checked");
        let root = genesis.shards.first().map(|first| first.shard);
        Self {
            node,
            root: root.unwrap_or(ShardId::new(0)),
            known: watch::Sender::new(Known {
                directory,
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

    /// Takes in what the replica knows.
    pub(crate) fn adopt(&self, directory: &Directory) {
        let facts = directory.beyond(&self.known.borrow().directory);
        if !facts.is_empty() {
            self.trust(&facts);
        }
    }

    /// Checks that a shard has begun an epoch, and takes it in. Whether it is news.
    ///
    /// # Errors
    ///
    /// [`NotAFact`] if it proves nothing here.
    pub(crate) fn learn(&self, change: EpochChange) -> Result<bool, NotAFact> {
        let change = Arc::new(change);
        // Signatures are checked without the lock.
        let mut directory = self.known.borrow().directory.clone();
        let news = directory.learn(&change, &mut Zip215)?;
        if news {
            self.trust(&[Fact::Changed((*change).clone())]);
        }
        Ok(news)
    }

    /// Checks that the root shard has committed something about shards, and takes it in. Whether it is
    /// news.
    ///
    /// # Errors
    ///
    /// [`NotAnAct`] if it is not proven.
    pub(crate) fn enact(&self, act: Act) -> Result<bool, NotAnAct> {
        let (full, directory) = {
            let known = self.known.borrow();
            if known.acts.known.contains(&act.transaction.body.id()) {
                return Ok(false);
            }
            let full = known.acts.list.len() >= ACTS_MAX;
            (full, known.directory.clone())
        };
        self.check(&act, &directory)?;
        let records = records(&act);
        if full || records.is_empty() {
            return Ok(false);
        }
        self.known.send_modify(|known| known.enact(act, records));
        Ok(true)
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
            .flat_map(|(shard, after)| directory.changes(*shard, *after));
        Ok(Response::Changes(page(changes)))
    }

    /// Answers [`Request::Acts`].
    pub(crate) fn acts(&self, after: u32) -> Response {
        let acts = Arc::clone(&self.known.borrow().acts);
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        let rest = acts.list.get(after..).unwrap_or_default();
        Response::Acts(page(rest.iter()))
    }

    /// What to ask others for: how far each shard is known.
    pub(crate) fn question(&self) -> Request {
        let known = self.known.borrow();
        let shards = known.directory.all().map(|committee| committee.scope());
        let shards = shards.map(|scope| (scope.shard, scope.epoch));
        Request::Changes(shards.take(SHARDS_ASKED_MAX).collect())
    }
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

/// The records of shards that a transaction has made, each with whether it founds the shard.
fn records(act: &Act) -> Vec<(bool, ShardRecord)> {
    let contract = manage_shards::id();
    let mut records = Vec::new();
    for trace in &act.transaction.body.traces {
        trace.depth_first(&mut |trace| {
            if trace.contract != contract {
                return;
            }
            let founds = trace.procedure == manage_shards::CREATE;
            for output in &trace.outputs {
                let name = output.type_name.clone();
                let object_type = ObjectType { contract, name };
                let shard = Shard::decode(contract, &object_type, &output.content);
                records.extend(shard.ok().map(|Shard(record)| (founds, record)));
            }
        });
    }
    records
}
