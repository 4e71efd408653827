//! Who is to follow when the epoch ends: the plans of this shard, and the members that are for them.
//!
//! A member is for a plan because its operator is, or because the root shard has excluded somebody. It
//! tells all others, and with the signatures of a quorum a leader ends the epoch. A member may be for
//! one plan after another: which of two that race is taken is what the agreement decides.
//!
//! Paper: Section VI-A, `MS.update`. Deviation: D-10.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::shard::Seat;
use model::{Certificate, Ending, Hash, Plan, Signature};

use crate::action::Action;
use crate::member::Member;
use crate::message::{Approval, Message};

/// The last plan of each member.
#[derive(Clone, Debug, Default)]
pub(crate) struct Succession {
    approvals: BTreeMap<Seat, Approved>,
    /// Whether a block short of final ends the epoch already.
    aside: bool,
}

#[derive(Clone, Debug)]
struct Approved {
    plan: Arc<Plan>,
    hash: Hash,
    signature: Signature,
}

impl Succession {
    /// This member is for a plan, which has been checked. What to say to all others.
    pub(crate) fn approve(&mut self, member: &Member, plan: Plan) -> Message {
        let signature = member.sign(&plan.statement());
        let approval = Approval { plan, signature };
        self.keep(member.seat(), approval.clone());
        Message::Approval(approval)
    }

    /// A member is for a plan, which has been checked.
    pub(crate) fn on_approval(&mut self, member: &mut Member, from: Seat, approval: Approval) {
        let known = self.approvals.get(&from);
        let same = known.is_some_and(|known| known.signature == approval.signature);
        let statement = approval.plan.statement();
        if !same && member.verify(from, &statement, &approval.signature) {
            self.keep(from, approval);
        }
    }

    fn keep(&mut self, seat: Seat, approval: Approval) {
        let Approval { plan, signature } = approval;
        let hash = plan.next.hash();
        let held = self.approvals.values().find(|held| *held.plan == plan);
        let plan = held.map_or_else(|| Arc::new(plan), |held| Arc::clone(&held.plan));
        let approved = Approved {
            plan,
            hash,
            signature,
        };
        self.approvals.insert(seat, approved);
    }

    /// What this member has said.
    pub(crate) fn said(&self, seat: Seat) -> Option<Message> {
        let own = self.approvals.get(&seat)?;
        Some(Message::Approval(Approval {
            plan: (*own.plan).clone(),
            signature: own.signature,
        }))
    }

    /// Whether a block short of final ends the epoch.
    pub(crate) fn set_aside(&mut self, aside: bool) {
        self.aside = aside;
    }

    /// The end of the epoch, if a quorum is for one and the same plan.
    pub(crate) fn ending(&self, quorum: usize) -> Option<Action> {
        if self.aside || self.approvals.len() < quorum {
            return None;
        }
        let supporters = |hash: Hash| {
            let all = self.approvals.iter();
            all.filter(move |(_, approved)| approved.hash == hash)
        };
        let mut plans = self.approvals.values();
        let chosen = plans.find(|approved| supporters(approved.hash).count() >= quorum)?;
        let signatures = supporters(chosen.hash).take(quorum);
        let approvals = Certificate {
            statement: chosen.plan.statement(),
            signatures: signatures
                .map(|(seat, approved)| (*seat, approved.signature))
                .collect(),
        };
        Some(Action::End(Arc::new(Ending {
            plan: (*chosen.plan).clone(),
            approvals,
        })))
    }
}
