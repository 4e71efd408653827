//! Traces: the record of one execution of a procedure.
//!
//! Paper: Section III, "Representation of Transactions".

use serde::{Deserialize, Serialize};

use crate::encoding::Bytes;
use crate::hash::{Tag, hash, hash_value};
use crate::id::{ContractId, NetworkId, ObjectId, ShardId, TraceId};
use crate::object::{Object, ObjectType};

/// An object that a trace creates. Its type belongs to the contract of the trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The name of its type within the trace's contract.
    pub type_name: String,
    /// The shard that will manage it, chosen by the procedure (decision D2).
    pub home: ShardId,
    /// What it holds.
    pub content: Bytes,
}

/// One execution of a procedure, with all that a checker needs to judge it.
///
/// Paper: Section III, `type Trace`. The fields are the paper's, in its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// `c`: the contract.
    pub contract: ContractId,
    /// `p`: the procedure.
    pub procedure: String,
    /// `w`: the objects that are consumed.
    pub inputs: Vec<ObjectId>,
    /// `r`: the objects that are only read.
    pub references: Vec<ObjectId>,
    /// `x`: the objects that are created.
    pub outputs: Vec<Output>,
    /// `lpar`: public parameters.
    pub local_parameters: Bytes,
    /// `lret`: public results, for the traces that call this one.
    pub local_returns: Bytes,
    /// `dep`: the executions that this one called, valid before it.
    pub dependencies: Vec<Trace>,
}

impl Trace {
    /// `id(Trace)`: everything that defines the trace on `network`, except its outputs.
    ///
    /// Paper: Section IV-A. Deviation: D-1, the network is included, and parameters and returns are
    /// hashed by themselves first.
    #[must_use]
    pub fn id(&self, network: &NetworkId) -> TraceId {
        let dependencies: Vec<TraceId> = self
            .dependencies
            .iter()
            .map(|dependency| dependency.id(network))
            .collect();
        self.id_above(network, &dependencies)
    }

    /// [`Trace::id`] for a caller that knows the identifiers of the dependencies already.
    #[must_use]
    pub fn id_above(&self, network: &NetworkId, dependencies: &[TraceId]) -> TraceId {
        TraceId::from_hash(hash_value(
            Tag::Trace,
            &(
                network,
                self.contract,
                &self.procedure,
                &self.inputs,
                &self.references,
                hash(Tag::Content, &self.local_parameters),
                hash(Tag::Content, &self.local_returns),
                dependencies,
            ),
        ))
    }

    /// The objects that this trace creates, given its own identifier.
    pub fn objects(&self, id: TraceId) -> impl Iterator<Item = Object> + '_ {
        (0_u32..)
            .zip(&self.outputs)
            .map(move |(index, output)| Object {
                trace: id,
                index,
                object_type: ObjectType {
                    contract: self.contract,
                    name: output.type_name.clone(),
                },
                home: output.home,
                content: output.content.clone(),
            })
    }

    /// This trace and all below it, dependencies before the trace that calls them.
    pub fn depth_first<'a>(&'a self, visit: &mut impl FnMut(&'a Trace)) {
        for dependency in &self.dependencies {
            dependency.depth_first(visit);
        }
        visit(self);
    }
}
