//! A shard of which every member lies: one puppeteer has all their keys, and says to other shards
//! whatever it likes, under heads that a quorum signed.
//!
//! ```text
//!   letters, users --> mind: what an honest shard would say --> scheme: what is said --> voice: certified
//! ```
//!
//! The mind follows the protocol on a production ledger, so that a [`Scheme`] has something to twist; a
//! scheme is one file beside this one. Members of such a shard tell each other nothing, for they are one.
//!
//! Paper: Section II-C, "a dishonest shard".

mod mind;
mod voice;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use model::shard::Seat;
use model::transaction::Authorized;
use model::{Leaf, Mode, Parcel, Promise, ShardId, TransactionId, Verdict};

use super::{Adversary, Kind};
use crate::simulation::{Around, Happening, Random, Setting};
use mind::Mind;

/// What the puppeteer knows.
pub(super) struct Known {
    /// The shard.
    pub(super) ours: ShardId,
    /// All transactions that it ever heard of.
    pub(super) transactions: BTreeMap<TransactionId, Authorized>,
    /// The votes to commit that others have shown, each in a parcel of its own.
    pub(super) votes: BTreeMap<(TransactionId, ShardId), Parcel>,
}

impl Known {
    /// The transactions that the shard is to decide.
    pub(super) fn decided_here(&self) -> impl Iterator<Item = &Authorized> {
        let ours = Mode::Decider(self.ours);
        let all = self.transactions.values();
        all.filter(move |transaction| transaction.body().mode == ours)
    }

    /// The participants of a transaction beside the shard.
    pub(super) fn others(&self, transaction: &Authorized) -> Vec<ShardId> {
        let participants = transaction.body().participants.iter().copied();
        participants.filter(|shard| *shard != self.ours).collect()
    }

    /// Whether all others are known to have voted to commit.
    pub(super) fn all_voted(&self, transaction: &Authorized) -> bool {
        let id = transaction.id();
        let others = self.others(transaction);
        others
            .iter()
            .all(|shard| self.votes.contains_key(&(id, *shard)))
    }

    /// A promise about a transaction.
    pub(super) fn leaf(to: ShardId, about: &Authorized, promise: Promise) -> Leaf {
        Leaf {
            to,
            transaction: about.id(),
            valid_until: about.body().valid_until,
            promise,
        }
    }
}

/// The votes that go beside decisions to commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// Those of the participants, as far as they are known.
    Votes,
    /// None.
    Nothing,
    /// Votes on something else.
    Others,
}

/// What the shard says to another one under one head.
#[derive(Clone, Debug)]
pub(super) struct Word {
    /// The promises, all to one shard.
    pub(super) leaves: Vec<Leaf>,
    /// What goes beside them.
    pub(super) beside: Beside,
    /// Whether the head has the height of other heads of this block.
    pub(super) forks: bool,
}

impl Word {
    /// Promises as an honest shard makes them, those to each shard by themselves.
    pub(super) fn each(leaves: impl IntoIterator<Item = Leaf>) -> Vec<Self> {
        let mut by_shard: BTreeMap<ShardId, BTreeSet<Leaf>> = BTreeMap::new();
        for leaf in leaves {
            by_shard.entry(leaf.to).or_default().insert(leaf);
        }
        let word = |leaves: BTreeSet<Leaf>| Self {
            leaves: leaves.into_iter().collect(),
            beside: Beside::Votes,
            forks: false,
        };
        by_shard.into_values().map(word).collect()
    }
}

/// What a dishonest shard is after.
pub(super) trait Scheme {
    /// What it says in place of what an honest shard would say in a block.
    fn speak(&mut self, honest: Vec<Leaf>, known: &Known, random: &mut Random) -> Vec<Word>;
}

/// The opposite of a vote or a decision; nothing for other promises.
pub(super) const fn opposite(promise: &Promise) -> Option<Promise> {
    const ABORT: Verdict = Verdict::Abort(model::AbortReason::Deadline);
    match promise {
        Promise::Prepared(Verdict::Commit) => Some(Promise::Prepared(ABORT)),
        Promise::Prepared(Verdict::Abort(_)) => Some(Promise::Prepared(Verdict::Commit)),
        Promise::Accept(Verdict::Commit) => Some(Promise::Accept(ABORT)),
        Promise::Accept(Verdict::Abort(_)) => Some(Promise::Accept(Verdict::Commit)),
        Promise::NoDecision | Promise::Acknowledged => None,
    }
}

/// One seat of the shard.
struct Member {
    kind: Kind,
    seat: Seat,
    mind: Rc<RefCell<Mind>>,
}

/// The members of a shard that follows a scheme.
pub(super) fn members(
    kind: Kind,
    scheme: Box<dyn Scheme>,
    setting: &Setting,
    random: &mut Random,
) -> BTreeMap<Seat, Box<dyn Adversary>> {
    let mind = Rc::new(RefCell::new(Mind::new(setting, scheme, random.fork())));
    let member = |seat| {
        let mind = Rc::clone(&mind);
        let member: Box<dyn Adversary> = Box::new(Member { kind, seat, mind });
        (seat, member)
    };
    setting.seats().map(member).collect()
}

impl Adversary for Member {
    fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// What all of them say is counted once.
    fn lies(&self) -> u64 {
        if self.seat.index() == 0 {
            self.mind.borrow().lies()
        } else {
            0
        }
    }

    fn on(&mut self, around: &mut Around<'_>, happening: Happening) {
        let mut mind = self.mind.borrow_mut();
        match happening {
            Happening::Letter { from, bytes } => mind.letter(around, from, &bytes),
            Happening::Submitted(bytes) => mind.submitted(around, &bytes),
            Happening::Alarm(_) => mind.alarm(around),
            Happening::Begin
            | Happening::Arrived { .. }
            | Happening::Invited
            | Happening::Approve(_)
            | Happening::Learn(_)
            | Happening::Leaked(_)
            | Happening::LinkUp(_) => {}
        }
    }
}
