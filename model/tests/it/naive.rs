//! Figure 2 again, as plainly as it can be written: sets of names, no objects, no reasons.
//!
//! It shares no code with `model::validity` and judges it. The second side condition can be left
//! out, to show what it is for.

use std::collections::{BTreeMap, BTreeSet};

use model::{ContractId, ObjectId, Trace};

use crate::world::{NETWORK, OPEN, OTHER, THING};

/// Which rules hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rules {
    /// Those of the paper.
    Paper,
    /// Those of the paper without `x != {} -> w != {}`.
    WithoutSideCondition2,
}

/// What the naive judge knows of a history.
#[derive(Clone, Default)]
pub(crate) struct Naive {
    /// alpha.
    pub(crate) active: BTreeSet<ObjectId>,
    /// Every object that was ever created, in order, as often as it was.
    pub(crate) created: Vec<ObjectId>,
    /// The contract of the type of each object.
    pub(crate) contract_of: BTreeMap<ObjectId, ContractId>,
}

impl Naive {
    /// Applies a transaction if it is valid, and says whether it was.
    pub(crate) fn apply(&mut self, rules: Rules, traces: &[Trace]) -> bool {
        let mut after = self.clone();
        let valid = after.sequence(rules, traces);
        if valid {
            *self = after;
        }
        valid
    }

    fn sequence(&mut self, rules: Rules, traces: &[Trace]) -> bool {
        traces.iter().all(|trace| self.check(rules, trace))
    }

    fn check(&mut self, rules: Rules, trace: &Trace) -> bool {
        if !self.sequence(rules, &trace.dependencies) {
            return false;
        }
        let used: Vec<ObjectId> = [&*trace.inputs, &*trace.references].concat();
        let once = used.iter().collect::<BTreeSet<_>>().len() == used.len();
        let all_active = used.iter().all(|id| self.active.contains(id));
        let own_types = used
            .iter()
            .all(|id| self.contract_of.get(id) == Some(&trace.contract))
            && trace.outputs.iter().all(|output| output.type_name == THING);
        let from_something = trace.outputs.is_empty() || !trace.inputs.is_empty();
        let known = [OPEN, OTHER].contains(&trace.contract);
        let holds = once
            && all_active
            && own_types
            && known
            && (from_something || rules == Rules::WithoutSideCondition2);
        if !holds {
            return false;
        }
        for input in &trace.inputs {
            self.active.remove(input);
        }
        for object in trace.objects(trace.id(&NETWORK)) {
            let id = object.id();
            self.active.insert(id);
            self.created.push(id);
            self.contract_of.insert(id, trace.contract);
        }
        true
    }
}
