//! How anybody who has the genesis document comes to know who is in which shard: step by step, each with
//! its proof.
//!
//! ```text
//!   genesis --Changed--> the root shard in a later epoch --Founded--> another shard --Changed--> ...
//! ```
//!
//! A shard proves its own epochs. That there is a shard at all is proven by the root shard, which has
//! committed the transaction that founded it. So a lineage needs no node that is believed, and nothing
//! beside it to be checked.
//!
//! Paper: Section VI-A, `MS.create` and `MS.update`. Deviation: D-10.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::api::Act;
use crate::bounds;
use crate::directory::{Directory, Fact, NotAFact};
use crate::encoding;
use crate::epoch::EpochChange;
use crate::genesis::{BadGenesis, Genesis};
use crate::head::Head;
use crate::id::{ContractId, ObjectId, ShardId, TraceId};
use crate::key::SignatureCheck;
use crate::membership::ShardRecord;
use crate::placement::{Flow, How};
use crate::receipt::Unproven;
use crate::result::Outcome;
use crate::shard::Committee;
use crate::statement::Epoch;
use crate::trace::Trace;
use crate::transaction::{Malformed, TransactionBody};

/// The name of the contract that keeps the records of shards.
///
/// Paper: Section VI-A, `ManageShards`.
pub const CONTRACT: &str = "ManageShards";

/// The procedure of it that founds a shard.
///
/// Paper: Section VI-A, `MS.create`.
pub const CREATE: &str = "create";

/// The type of a record. Its content is the encoding of a [`ShardRecord`].
///
/// Paper: Section VI-A, `MS.Shard`.
pub const RECORD_TYPE: &str = "Shard";

/// One step, and its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// The root shard has committed a transaction that founds a shard.
    Founded(Box<Act>),
    /// A shard has begun an epoch.
    Changed(Box<EpochChange>),
}

/// What a transaction leaves in the root shard about a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The shard is founded, and this is its first record.
    Founded(ShardRecord),
    /// The shard has another record than before.
    Changed(ShardRecord),
}

/// Why nobody is known who could have signed a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSigners {
    /// The shard is not known.
    #[error("shard {0} is not known")]
    UnknownShard(ShardId),
    /// The epoch is not known yet.
    #[error("shard {shard} is known up to epoch {known}, and this is of a later one")]
    Ahead {
        /// The shard.
        shard: ShardId,
        /// The last epoch of it that is known.
        known: Epoch,
    },
    /// The epoch had ended at the height of the head.
    #[error("the head is above the last one of its epoch")]
    AfterEnd,
}

/// Why a step leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadStep {
    /// The members of a shard did not change like that.
    #[error(transparent)]
    Fact(#[from] NotAFact),
    /// The transaction founds no shard, or its decision is about another one.
    #[error("it is not a decision of the root shard that founds a shard")]
    NoFounding,
    /// The transaction is malformed, or of another network.
    #[error(transparent)]
    Transaction(#[from] Malformed),
    /// It is not known who was in the root shard.
    #[error(transparent)]
    Signers(#[from] NoSigners),
    /// The root shard has not decided so.
    #[error("the decision of the root shard is not proven: {0}")]
    Unproven(#[from] Unproven),
}

/// Who is in which shard, and was, with the proofs.
#[derive(Clone, Debug)]
pub struct Lineage {
    /// The shard that has the records of all.
    root: Option<ShardId>,
    directory: Directory,
    /// What founded the shards that are not in genesis.
    foundings: BTreeMap<ShardId, Arc<Act>>,
}

impl Lineage {
    /// What the genesis document says.
    ///
    /// # Errors
    ///
    /// [`BadGenesis`] if the members of a shard cannot form one.
    pub fn of_genesis(genesis: &Genesis) -> Result<Self, BadGenesis> {
        let contract = ContractId::system(CONTRACT);
        let mut mappings = genesis.mappings.iter();
        let mapping = mappings.find(|mapping| mapping.contract == contract);
        Ok(Self {
            root: mapping.and_then(|found| found.mapping.homes.first().copied()),
            directory: Directory::of_genesis(genesis)?,
            foundings: BTreeMap::new(),
        })
    }

    /// The shard that has the records of all; `None` in a network in which none is founded.
    #[must_use]
    pub const fn root(&self) -> Option<ShardId> {
        self.root
    }

    /// Who is in which shard, and was.
    #[must_use]
    pub const fn directory(&self) -> &Directory {
        &self.directory
    }

    /// How many steps have led here.
    #[must_use]
    pub fn count(&self) -> usize {
        let epochs = self
            .directory
            .all()
            .map(|committee| committee.scope().epoch);
        let changes = epochs.map(|epoch| usize::try_from(epoch.number()).unwrap_or(usize::MAX));
        changes.fold(self.foundings.len(), usize::saturating_add)
    }

    /// Whether a transaction is said to found a shard that is not known.
    #[must_use]
    pub fn lacks(&self, act: &Act) -> bool {
        let founded = self.root.map(|root| founded(&act.transaction.body, root));
        let mut records = founded.into_iter().flatten();
        records.any(|record| self.directory.current(record.shard).is_none())
    }

    /// Who can have signed a head.
    ///
    /// # Errors
    ///
    /// [`NoSigners`] if that is not known.
    pub fn signers(&self, head: &Head) -> Result<&Committee, NoSigners> {
        let (shard, epoch) = (head.scope.shard, head.scope.epoch);
        let current = self.directory.current(shard);
        let known = current.ok_or(NoSigners::UnknownShard(shard))?.scope().epoch;
        let committee = self.directory.committee(shard, epoch);
        let committee = committee.ok_or(NoSigners::Ahead { shard, known })?;
        let end = self.directory.end(shard, epoch);
        if end.is_some_and(|end| head.height > end) {
            return Err(NoSigners::AfterEnd);
        }
        Ok(committee)
    }

    /// Checks a step and takes it. Whether it is news.
    ///
    /// # Errors
    ///
    /// [`BadStep`] if it proves nothing to whoever knows no more than this.
    pub fn take(&mut self, step: &Step, check: &mut impl SignatureCheck) -> Result<bool, BadStep> {
        match step {
            Step::Changed(change) => {
                let change = Arc::new((**change).clone());
                Ok(self.directory.learn(&change, check)?)
            }
            Step::Founded(act) => self.found(act, check),
        }
    }

    fn found(&mut self, act: &Act, check: &mut impl SignatureCheck) -> Result<bool, BadStep> {
        let root = self.root.ok_or(BadStep::NoFounding)?;
        let (result, transaction) = (&act.result.result, &act.transaction);
        let formed = transaction.clone().check_form(&self.directory.network())?;
        let decided = result.transaction == formed.id() && result.outcome == Outcome::Committed;
        let records = founded(&transaction.body, root);
        if !decided || act.result.shard() != root || records.is_empty() {
            return Err(BadStep::NoFounding);
        }
        formed.verify(check)?;
        act.result
            .verify(self.signers(&act.result.head.head)?, check)?;
        let mut news = false;
        for record in records {
            let shard = record.shard;
            if self.directory.trust(&Fact::Founded(record))? {
                self.foundings.insert(shard, Arc::new(act.clone()));
                news = true;
            }
        }
        Ok(news)
    }

    /// The steps from the genesis document to these epochs of these shards, in an order in which they can
    /// be taken. Those to what is not known are left out.
    #[must_use]
    pub fn steps_to(&self, epochs: &BTreeMap<ShardId, Epoch>) -> Vec<Step> {
        let mut needed = epochs.clone();
        let founding = |shard: &ShardId| self.foundings.get(shard);
        let mut foundings: Vec<&Arc<Act>> = Vec::new();
        for act in epochs.keys().filter_map(founding) {
            let scope = act.result.head.head.scope;
            let of_root = needed.entry(scope.shard).or_default();
            *of_root = scope.epoch.max(*of_root);
            if !foundings.contains(&act) {
                foundings.push(act);
            }
        }
        let changes = |(shard, upto): (&ShardId, &Epoch)| {
            let all = self.directory.changes(*shard, Epoch::ZERO);
            let upto = *upto;
            let wanted = all.take_while(move |change| change.next.epoch <= upto);
            let steps = wanted.map(|change| Step::Changed(Box::new((**change).clone())));
            steps.collect::<Vec<_>>()
        };
        let (of_root, of_others): (BTreeMap<_, _>, BTreeMap<_, _>) = needed
            .iter()
            .partition(|(shard, _)| Some(**shard) == self.root);
        let foundings = foundings
            .into_iter()
            .map(|act| Step::Founded(Box::new((**act).clone())));
        let steps = of_root.into_iter().flat_map(changes).chain(foundings);
        steps
            .chain(of_others.into_iter().flat_map(changes))
            .collect()
    }

    /// All steps that are known, in an order in which they can be taken.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        let scopes = self.directory.all().map(Committee::scope);
        self.steps_to(&scopes.map(|scope| (scope.shard, scope.epoch)).collect())
    }
}

impl Recorded {
    /// The record.
    #[must_use]
    pub const fn record(&self) -> &ShardRecord {
        match self {
            Self::Founded(record) | Self::Changed(record) => record,
        }
    }
}

/// The records of shards that a transaction leaves in the root shard, if that has committed it.
///
/// What it makes elsewhere, or consumes again, is no record: the root shard may have committed it
/// without having looked. It runs the checker of ManageShards if an object of the contract lives there
/// that the transaction touches, and a record that is left is one; see
/// [`Footprint::mandate`](crate::placement::Footprint::mandate).
#[must_use]
pub fn recorded(body: &TransactionBody, root: ShardId) -> Vec<Recorded> {
    // What is made and left is the same whatever is consumed.
    let (footprint, _) = Flow::of(body).footprint(body.mode, &BTreeMap::new());
    let contract = ContractId::system(CONTRACT);
    let made = footprint.at(root).filter(|touch| touch.how == How::Creates);
    let made = made.filter(|touch| touch.contract == contract);
    let mut reading = Reading {
        body,
        left: made.map(|touch| touch.object).collect(),
        records: Vec::new(),
    };
    for trace in &body.traces {
        reading.read(trace);
    }
    reading.records
}

/// Looks for records among the outputs of a transaction.
struct Reading<'a> {
    body: &'a TransactionBody,
    /// The objects of ManageShards that the transaction leaves in the root shard.
    left: BTreeSet<ObjectId>,
    records: Vec<Recorded>,
}

impl Reading<'_> {
    fn read(&mut self, trace: &Trace) -> TraceId {
        let below: Vec<TraceId> = trace
            .dependencies
            .iter()
            .map(|dependency| self.read(dependency))
            .collect();
        let id = trace.id_above(&self.body.network, &below);
        for object in trace.objects(id) {
            let is_record = object.object_type.name == RECORD_TYPE;
            if !is_record || !self.left.contains(&object.id()) {
                continue;
            }
            let read =
                encoding::decode::<ShardRecord>(&object.content, bounds::TRANSACTION_BYTES_MAX);
            let read = read.ok().map(|record| match trace.procedure == CREATE {
                true => Recorded::Founded(record),
                false => Recorded::Changed(record),
            });
            self.records.extend(read);
        }
        id
    }
}

/// The records with which a transaction founds shards, if the root shard has committed it.
fn founded(body: &TransactionBody, root: ShardId) -> Vec<ShardRecord> {
    let recorded = recorded(body, root).into_iter();
    let founded = recorded.filter_map(|recorded| match recorded {
        Recorded::Founded(record) => Some(record),
        Recorded::Changed(_) => None,
    });
    founded
        .filter(|record| record.epoch == Epoch::ZERO)
        .collect()
}
