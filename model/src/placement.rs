//! Which shards a transaction concerns.
//!
//! Paper: Section IV-B. `phi(o)` is [`crate::Object::home`]: the home is chosen when the object is
//! made and bound by its identifier (decision D2), so nothing moves when shards come and go.

use std::collections::BTreeSet;

use crate::id::{NetworkId, ObjectId, ShardId, TraceId};
use crate::trace::Trace;
use crate::transaction::{Mode, TransactionBody};

/// What the traces of a transaction use and make, by identifier.
///
/// Paper: Section IV-B, the sets zeta and xi.
#[derive(Default)]
struct Flow {
    used: BTreeSet<ObjectId>,
    consumed: BTreeSet<ObjectId>,
    created: Vec<(ObjectId, ShardId)>,
}

impl Flow {
    fn of(body: &TransactionBody) -> Self {
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
        self.created
            .extend(trace.objects(id).map(|object| (object.id(), object.home)));
        id
    }
}

/// The objects that must exist for the transaction to succeed: zeta \ xi, used but not created.
///
/// Paper: Section IV-B, "its free variables".
#[must_use]
pub fn free_objects(body: &TransactionBody) -> BTreeSet<ObjectId> {
    let mut flow = Flow::of(body);
    for (created, _) in &flow.created {
        flow.used.remove(created);
    }
    flow.used
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
    let flow = Flow::of(body);
    let mut shards: BTreeSet<ShardId> = homes.into_iter().collect();
    for (created, home) in &flow.created {
        if !flow.consumed.contains(created) {
            shards.insert(*home);
        }
    }
    if let Mode::Decider(decider) = body.mode {
        shards.insert(decider);
    }
    shards
}
