//! Random histories of transactions, made by an adversary and seen by two judges.
//!
//! The adversary submits random traces with dependencies, and submits again what was submitted
//! before: whole, twice in one transaction, below another trace, with other outputs, and with
//! inputs that are long consumed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::transaction::{Authorized, Malformed};
use model::{ContractId, Object, ObjectId, Output, Trace, validity};
use proptest::prelude::*;

use crate::naive::{Naive, Rules};
use crate::world::{Contracts, NETWORK, OPEN, OTHER, active, output, thing, trace, transaction};

/// A trace before it is known what there is to consume: choices are taken modulo what there is.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    contract: bool,
    procedure: bool,
    inputs: Vec<usize>,
    references: Vec<usize>,
    outputs: Vec<(u32, u8)>,
    /// Whether objects that are not active any more may be chosen.
    stale: bool,
    dependencies: Vec<Plan>,
}

/// One move of the adversary.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// New traces.
    New(Vec<Plan>),
    /// An earlier transaction, as it was.
    Again(usize),
    /// An earlier transaction, twice in one.
    Twice(usize),
    /// A new trace with an earlier transaction as its dependencies.
    Below(Plan, usize),
    /// An earlier transaction with other outputs of its first trace.
    OtherOutputs(usize, Vec<(u32, u8)>),
}

/// Homes and contents of outputs; few of each, so that many are alike.
fn outputs() -> impl Strategy<Value = Vec<(u32, u8)>> {
    proptest::collection::vec((0_u32..4, 0_u8..2), 0..4)
}

fn to_outputs(made: &[(u32, u8)]) -> Vec<Output> {
    made.iter()
        .map(|(home, content)| output(*home, *content))
        .collect()
}

fn plan() -> impl Strategy<Value = Plan> {
    let plan = |dependencies: BoxedStrategy<Vec<Plan>>| {
        let choices = |max| proptest::collection::vec(any::<usize>(), 0..max);
        let stale = proptest::bool::weighted(0.1);
        let name = (any::<bool>(), any::<bool>(), stale);
        (name, choices(3), choices(2), outputs(), dependencies).prop_map(
            |((contract, procedure, stale), inputs, references, outputs, dependencies)| Plan {
                contract,
                procedure,
                inputs,
                references,
                outputs,
                stale,
                dependencies,
            },
        )
    };
    let leaf = plan(Just(Vec::new()).boxed());
    leaf.prop_recursive(3, 8, 2, move |below| {
        plan(proptest::collection::vec(below, 0..3).boxed())
    })
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => proptest::collection::vec(plan(), 1..4).prop_map(Step::New),
        1 => any::<usize>().prop_map(Step::Again),
        1 => any::<usize>().prop_map(Step::Twice),
        1 => (plan(), any::<usize>()).prop_map(|(plan, which)| Step::Below(plan, which)),
        1 => (any::<usize>(), outputs()).prop_map(|(which, x)| Step::OtherOutputs(which, x)),
    ]
}

/// A history, as two judges see it.
pub(crate) struct History {
    alpha: BTreeMap<ObjectId, Arc<Object>>,
    pub(crate) naive: Naive,
    /// Every object that was ever active or ever proposed.
    known: Vec<Object>,
    /// Every transaction that was ever submitted.
    submitted: Vec<Vec<Trace>>,
    /// Those that were valid.
    pub(crate) valid: Vec<Authorized>,
}

impl History {
    pub(crate) fn new() -> Self {
        let known: Vec<Object> = (0..4)
            .flat_map(|index| [thing(OPEN, index, index), thing(OTHER, index, index)])
            .collect();
        let contract = |object: &Object| object.object_type.contract;
        Self {
            alpha: active(&known),
            naive: Naive {
                active: known.iter().map(Object::id).collect(),
                created: known.iter().map(Object::id).collect(),
                contract_of: known.iter().map(|o| (o.id(), contract(o))).collect(),
            },
            known,
            submitted: Vec::new(),
            valid: Vec::new(),
        }
    }

    fn traces(&self, step: &Step) -> Vec<Trace> {
        let earlier = |which: usize| -> Vec<Trace> {
            match self.submitted.len() {
                0 => vec![trace(&[], 0)],
                len => self.submitted[which % len].clone(),
            }
        };
        match step {
            Step::New(plans) => Planner::new(self).sequence(plans),
            Step::Again(which) => earlier(*which),
            Step::Twice(which) => [earlier(*which), earlier(*which)].concat(),
            Step::Below(plan, which) => {
                let above = Plan {
                    dependencies: Vec::new(),
                    ..plan.clone()
                };
                let mut trace = Planner::new(self).trace(&above);
                trace.dependencies = earlier(*which);
                vec![trace]
            }
            Step::OtherOutputs(which, made) => {
                let mut traces = earlier(*which);
                traces[0].outputs = to_outputs(made);
                traces
            }
        }
    }

    /// Submits a transaction, lets both judges judge it, and applies it if it is valid.
    pub(crate) fn submit(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let traces = self.traces(step);
        let mut known = self.known.clone();
        for trace in &traces {
            trace.depth_first(&mut |trace| known.extend(trace.objects(trace.id(&NETWORK))));
        }
        let authorized = match transaction(&traces, &known, &[]).check_form(&NETWORK) {
            Ok(well_formed) => well_formed.trust(),
            // Repetition of repetitions gets too long, which is not what this is about.
            Err(Malformed::TooMuch { .. }) => return Ok(()),
            Err(malformed) => return Err(TestCaseError::fail(malformed.to_string())),
        };
        let verdict = validity::valid(&self.alpha, &authorized, &Contracts);
        let naive = self.naive.apply(Rules::Paper, &traces);
        prop_assert_eq!(verdict.is_ok(), naive, "the judges disagree: {:?}", verdict);
        if let Ok(effects) = verdict {
            for consumed in &effects.consumed {
                prop_assert!(self.alpha.remove(consumed).is_some());
            }
            self.alpha.extend(effects.created);
            self.valid.push(authorized);
        }
        prop_assert!(self.alpha.keys().eq(&self.naive.active));
        self.known = known;
        self.submitted.push(traces);
        Ok(())
    }

    /// How many transactions were not valid.
    pub(crate) fn refused(&self) -> usize {
        self.submitted.len() - self.valid.len()
    }
}

/// Makes traces of plans, and keeps track of what would be active on the way.
struct Planner<'a> {
    history: &'a History,
    active: Vec<(ObjectId, ContractId)>,
}

impl<'a> Planner<'a> {
    fn new(history: &'a History) -> Self {
        let of = |id: &ObjectId| (*id, history.naive.contract_of[id]);
        Self {
            history,
            active: history.naive.active.iter().map(of).collect(),
        }
    }

    fn sequence(&mut self, plans: &[Plan]) -> Vec<Trace> {
        plans.iter().map(|plan| self.trace(plan)).collect()
    }

    fn trace(&mut self, plan: &Plan) -> Trace {
        let dependencies = self.sequence(&plan.dependencies);
        let contract = if plan.contract { OPEN } else { OTHER };
        let procedure = if plan.procedure { "do" } else { "undo" };
        let mut inputs = self.choose(plan, contract, &plan.inputs);
        let references = self.choose(plan, contract, &plan.references);
        inputs.retain(|id| !references.contains(id));
        let trace = Trace {
            contract,
            procedure: procedure.to_owned(),
            inputs,
            references,
            outputs: to_outputs(&plan.outputs),
            dependencies,
            ..trace(&[], 0)
        };
        self.active.retain(|(id, _)| !trace.inputs.contains(id));
        let made = trace.objects(trace.id(&NETWORK));
        self.active
            .extend(made.map(|object| (object.id(), contract)));
        trace
    }

    /// Different objects of the contract, by choices.
    fn choose(&self, plan: &Plan, contract: ContractId, choices: &[usize]) -> Vec<ObjectId> {
        let ever = self.history.naive.contract_of.iter();
        let candidates: Vec<ObjectId> = if plan.stale {
            ever.filter(|(_, of)| **of == contract)
                .map(|(id, _)| *id)
                .collect()
        } else {
            let active = self.active.iter();
            active
                .filter(|(_, of)| *of == contract)
                .map(|(id, _)| *id)
                .collect()
        };
        let chosen: BTreeSet<ObjectId> = choices
            .iter()
            .filter(|_| !candidates.is_empty())
            .map(|choice| candidates[choice % candidates.len()])
            .collect();
        chosen.into_iter().collect()
    }
}
