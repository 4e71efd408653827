//! Which shards a transaction concerns, and what each of them has to check.
//!
//! Paper: Section IV-B. `phi(o)` is [`crate::Object::home`]: the home is chosen when the object is
//! made and bound by its identifier (decision D2), so nothing moves when shards come and go.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{ContractId, NetworkId, ObjectId, ShardId, TraceId};
use crate::object::Object;
use crate::trace::Trace;
use crate::transaction::{Mode, TransactionBody};

/// What the traces of a transaction use and make, by identifier.
///
/// Paper: Section IV-B, the sets zeta and xi.
#[derive(Default)]
pub(crate) struct Flow {
    used: BTreeSet<ObjectId>,
    consumed: BTreeSet<ObjectId>,
    created: Vec<(ObjectId, ContractId, ShardId)>,
    contracts: BTreeSet<ContractId>,
}

impl Flow {
    pub(crate) fn of(body: &TransactionBody) -> Self {
        let mut flow = Self::default();
        for trace in &body.traces {
            flow.add(&body.network, trace);
        }
        flow
    }

    fn add(&mut self, network: &NetworkId, trace: &Trace) -> TraceId {
        let dependencies: Vec<TraceId> = trace
            .dependencies
            .iter()
            .map(|dependency| self.add(network, dependency))
            .collect();
        let id = trace.id_above(network, &dependencies);
        self.used.extend(&trace.inputs);
        self.used.extend(&trace.references);
        self.consumed.extend(&trace.inputs);
        let contract = trace.contract;
        self.contracts.insert(contract);
        let created = trace.objects(id);
        self.created
            .extend(created.map(|object| (object.id(), contract, object.home)));
        id
    }

    /// zeta \ xi.
    pub(crate) fn free(&self) -> BTreeSet<ObjectId> {
        let mut free = self.used.clone();
        for (created, _, _) in &self.created {
            free.remove(created);
        }
        free
    }

    /// The outputs that survive the transaction.
    fn surviving(&self) -> impl Iterator<Item = &(ObjectId, ContractId, ShardId)> {
        let survives = |(created, _, _): &&_| !self.consumed.contains(created);
        self.created.iter().filter(survives)
    }

    fn participants(
        &self,
        mode: Mode,
        homes: impl IntoIterator<Item = ShardId>,
    ) -> BTreeSet<ShardId> {
        let mut shards: BTreeSet<ShardId> = homes.into_iter().collect();
        shards.extend(self.surviving().map(|(_, _, home)| *home));
        if let Mode::Decider(decider) = mode {
            shards.insert(decider);
        }
        shards
    }

    /// What the transaction touches, its free objects being these.
    pub(crate) fn footprint(
        self,
        mode: Mode,
        openings: &BTreeMap<ObjectId, &Object>,
    ) -> (Footprint, BTreeSet<ShardId>) {
        let homes = openings.values().map(|object| object.home);
        let participants = self.participants(mode, homes);
        let free = openings.iter().map(|(id, object)| Touch {
            object: *id,
            contract: object.object_type.contract,
            home: object.home,
            how: if self.consumed.contains(id) {
                How::Consumes
            } else {
                How::References
            },
        });
        let created = self.surviving().map(|(object, contract, home)| Touch {
            object: *object,
            contract: *contract,
            home: *home,
            how: How::Creates,
        });
        let touches = free.chain(created).collect();
        let footprint = Footprint {
            touches,
            contracts: self.contracts,
        };
        (footprint, participants)
    }
}

/// What a transaction does to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It consumes it: it must be active, and nobody else may use it meanwhile.
    Consumes,
    /// It reads it: it must be active, and nobody may consume it meanwhile.
    References,
    /// It creates it, and does not consume it again.
    Creates,
}

/// A transaction touches an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The object.
    pub object: ObjectId,
    /// The contract of its type.
    pub contract: ContractId,
    /// Its home.
    pub home: ShardId,
    /// What becomes of it.
    pub how: How,
}

/// What a transaction touches: its free objects, and the outputs that survive it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footprint {
    touches: Vec<Touch>,
    contracts: BTreeSet<ContractId>,
}

impl Footprint {
    /// All that it touches.
    #[must_use]
    pub fn touches(&self) -> &[Touch] {
        &self.touches
    }

    /// What it touches in one shard.
    pub fn at(&self, shard: ShardId) -> impl Iterator<Item = &Touch> {
        self.touches.iter().filter(move |touch| touch.home == shard)
    }

    /// The contracts whose checkers a shard must run: those of which an object that the transaction
    /// touches lives there, and those of which no object is touched anywhere.
    ///
    /// The paper has every shard with an input run the checkers of its contracts, which leaves traces
    /// without objects unchecked, and outputs in shards that have no input (decision D13).
    ///
    /// Paper: Section IV-B, Security Theorem 2. Deviation: D-8.
    #[must_use]
    pub fn mandate(&self, shard: ShardId) -> BTreeSet<ContractId> {
        let mut mandate = self.contracts.clone();
        for touch in &self.touches {
            mandate.remove(&touch.contract);
        }
        mandate.extend(self.at(shard).map(|touch| touch.contract));
        mandate
    }
}

/// The objects that must exist for the transaction to succeed: zeta \ xi, used but not created.
///
/// Paper: Section IV-B, "its free variables".
#[must_use]
pub fn free_objects(body: &TransactionBody) -> BTreeSet<ObjectId> {
    Flow::of(body).free()
}

/// The shards that vote on a transaction whose free objects live in `homes`, ascending.
///
/// `Phi(T)` of the paper, and beyond it the homes of the outputs that survive the transaction (they
/// vote as witnesses, decision D10) and the decider.
///
/// Paper: Section IV-B. Deviation: D-3.
#[must_use]
pub fn participants(
    body: &TransactionBody,
    homes: impl IntoIterator<Item = ShardId>,
) -> BTreeSet<ShardId> {
    Flow::of(body).participants(body.mode, homes)
}
