//! What must hold in every run, judged by code that shares nothing with what it judges.
//!
//! The simulator tells [`Judges`] everything that an honest node does, as it does it. Each judge
//! keeps tables of its own and restates one rule in its own plain arithmetic; the first rule that is
//! broken ends the run. Paper: Section V. Design: sbac.md, section 9.
//!
//! | judge | rule |
//! | --- | --- |
//! | [`agreement`] | S10: no two honest nodes have different blocks or heads at a height |
//! | [`roll`] | S15: all go the same way from epoch to epoch, and a quorum of the one that ends signed it |
//! | [`signing`] | S11: no honest node lets out two signatures that conflict, crashes included |
//! | [`recall`] | a node that begins signs nothing before a quorum with itself told what it signed |
//! | [`durability`] | nothing leaves a node before what it rests on is on its disk |
//! | [`objects`] | S4, S5, S9: each object appears and disappears once, the supply is constant |
//! | [`decisions`] | S3: a transaction is decided at most once, in time, and only if users signed it |
//! | [`evidence`] | S12: a record of malpractice is sound; who is seen to lie is named |
//! | [`audit`] | S18: the history of an honest node is in order, as an auditor sees it |
//! | [`standing`] | no honest node stops, loses its log, or contradicts itself |
//! | [`locks`] | S6: exactly what prepared transactions use is locked; L5: records are dropped |
//! | [`promises`] | S2, S3: a shard promises one vote and one decision, whoever asks, for ever |
//! | [`atomicity`] | S1: no two shards come to different ends of a transaction |
//! | [`accountability`] | S12, S13: what convicts anybody is sound; who splits others can be convicted |
//! | [`shadow`] | S17: a shard that forgets says what it would have said if it never forgot |
//! | [`history`] | S7, S8, S9: what committed is a serial history of valid transactions |
//! | [`liveness`] | L3: when the network is calm, what is valid commits; then there is silence |

pub mod accountability;
pub mod agreement;
pub mod atomicity;
pub mod audit;
pub mod decisions;
pub mod durability;
pub mod evidence;
mod firsts;
pub mod history;
pub mod liveness;
pub mod locks;
pub mod objects;
pub mod promises;
pub mod recall;
pub mod roll;
pub mod shadow;
pub mod signing;
pub mod standing;
#[cfg(test)]
mod testing;

use std::collections::{BTreeMap, BTreeSet};

use consensus::replica::{AppliedBlock, Contradiction};
use consensus::sbac::letter::{AdmittedLetter, Letter};
use consensus::{Admitted, Ledger, Message, Record};
use model::shard::Seat;
use model::statement::Slot;
use model::{Epoch, EpochChange, HeadCertificate, Malpractice, NodeId, ShardId, Time};
use node::store::log::Position;

use crate::simulation::{Coverage, Place, Setting, Trust};
use accountability::Accountability;
use liveness::Liveness;
use roll::Roll;

/// Something that is to be seen of an honest node.
#[derive(Debug)]
pub enum What<'a> {
    /// It begins, for the first time or again, with this state; its log follows.
    Began {
        /// The state.
        ledger: &'a Ledger,
        /// Where what is on its disk ends.
        durable: Position,
    },
    /// It signed these bytes.
    Signed(&'a [u8]),
    /// It wrote a record to its log.
    Written {
        /// The record.
        record: &'a Record,
        /// Where the record ends.
        end: Position,
    },
    /// It let a message out.
    Sent {
        /// The epoch in which it said it.
        epoch: Epoch,
        /// The message.
        message: &'a Message,
        /// Where what is on its disk ends, whatever the disk says.
        durable: Position,
    },
    /// It let a letter out.
    Told(&'a Letter),
    /// It admitted a message, and has not done anything about it yet.
    Heard {
        /// Who said it.
        from: Seat,
        /// The message.
        message: &'a Admitted,
        /// The slot of its last final block.
        tip: Slot,
    },
    /// It admitted a letter of another shard, and has not done anything about it yet.
    HeardFromAfar(&'a AdmittedLetter),
    /// It applied a block.
    Applied(&'a AppliedBlock),
    /// It puts a block that it applied among what it derives from its log.
    Settled(&'a AppliedBlock),
    /// Where it stands after it applied blocks.
    Stands(&'a Ledger),
    /// It holds the certificate of a head.
    Certified(&'a HeadCertificate),
    /// It says that a member lied.
    Accused(&'a Malpractice),
    /// It is in the next epoch of its shard from now on.
    Entered(&'a EpochChange),
    /// Its replica has finished a step.
    Stepped,
    /// It crashed.
    Crashed,
    /// It stopped by itself.
    Halted(Contradiction),
    /// It cannot come back, or cannot go on.
    Lost(&'a str),
}

/// Something that an honest node does.
#[derive(Debug)]
pub struct Sighting<'a> {
    /// Virtual time.
    pub at: Time,
    /// Its shard.
    pub shard: ShardId,
    /// The node.
    pub seat: Seat,
    /// The epoch that it is in.
    pub epoch: Epoch,
    /// Who was a member of its shard when.
    pub roll: &'a Roll,
    /// What it does.
    pub what: &'a What<'a>,
}

/// A rule that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {how}")]
pub struct Broken {
    /// The name of the judge.
    pub rule: &'static str,
    /// How the rule was broken.
    pub how: String,
}

/// One rule.
pub trait Judge {
    /// What people call it.
    fn rule(&self) -> &'static str;

    /// Looks at one thing that an honest node does.
    ///
    /// # Errors
    ///
    /// How the rule is broken.
    fn see(&mut self, sighting: &Sighting<'_>) -> Result<(), String>;

    /// A node has lost records of what it signed. If it is `forgiven`, it is one of the `f` from now
    /// on and not held to them.
    fn forgot(&mut self, _seat: Seat, _forgiven: bool) {}
}

/// All judges, and the first rule that was broken.
pub struct Judges {
    rolls: BTreeMap<ShardId, Roll>,
    /// The epoch that each node is in.
    epochs: BTreeMap<Place, Epoch>,
    /// Those who judge one shard each.
    benches: BTreeMap<ShardId, Vec<Box<dyn Judge>>>,
    /// Those who judge all shards together.
    high: Vec<Box<dyn Judge>>,
    /// The judge that is also told what is expected.
    pub liveness: Liveness,
    /// The judge that is asked at the end whether those who split others can be convicted.
    pub accountability: Accountability,
    /// Who was seen to lie.
    named: BTreeSet<NodeId>,
    /// What honest nodes have been through.
    pub(crate) coverage: Coverage,
    broken: Option<Broken>,
}

/// Those who judge one shard.
fn bench(setting: &Setting, liars: &BTreeSet<Place>, trust: &Trust) -> Vec<Box<dyn Judge>> {
    let liars = liars.iter().filter(|liar| liar.shard == setting.shard());
    let liars = liars.map(|liar| liar.seat).collect();
    vec![
        Box::<agreement::Agreement>::default(),
        Box::<signing::Signing>::default(),
        Box::<durability::Durability>::default(),
        Box::<recall::Recall>::default(),
        Box::new(objects::Objects::new(
            &setting.genesis,
            setting.shard(),
            trust.clone(),
        )),
        Box::<decisions::Decisions>::default(),
        Box::<locks::Locks>::default(),
        Box::new(shadow::Shadow::new(setting)),
        Box::new(evidence::Evidence::new(setting, liars)),
        Box::new(standing::Standing),
    ]
}

impl Judges {
    /// Judges of a world of these shards, in which the members on the places of `liars` lie, and thus all
    /// of those that are not to be trusted.
    #[must_use]
    pub fn new<'a>(
        settings: impl Iterator<Item = &'a Setting> + Clone,
        liars: &BTreeSet<Place>,
        trust: &Trust,
    ) -> Self {
        let benches = settings
            .clone()
            .map(|setting| (setting.shard(), bench(setting, liars, trust)));
        let first = settings.clone().next().expect("there is a shard");
        let in_shard = |setting: &Setting| {
            let shard = setting.shard();
            setting.nodes().map(move |seat| Place { shard, seat })
        };
        let honest = settings.clone().flat_map(in_shard);
        let mut high: Vec<Box<dyn Judge>> = vec![
            Box::<promises::Promises>::default(),
            Box::new(atomicity::Atomicity::new(trust.clone())),
        ];
        if trust.is_isolated() {
            high.push(Box::new(history::History::new(first)));
        }
        let members = settings.clone().flat_map(|setting: &Setting| {
            let shard = setting.shard();
            setting.seats().map(move |seat| Place { shard, seat })
        });
        let honest = honest.filter(|place| !liars.contains(place));
        let rolls = settings
            .clone()
            .map(|setting| (setting.shard(), Roll::new(setting)));
        Self {
            rolls: rolls.collect(),
            epochs: BTreeMap::new(),
            benches: benches.collect(),
            high,
            liveness: Liveness::new(honest, members, trust.clone()),
            accountability: Accountability::new(settings, liars, trust.clone()),
            named: BTreeSet::new(),
            coverage: Coverage::default(),
            broken: None,
        }
    }

    /// A node has lost records of what it signed. If it is `forgiven`, it is one of the `f` from now
    /// on and not held to them.
    pub fn forgot(&mut self, place: Place, forgiven: bool) {
        for judge in self.benches.get_mut(&place.shard).into_iter().flatten() {
            judge.forgot(place.seat, forgiven);
        }
    }

    /// Dismisses a judge, to see what the others say without it.
    pub fn dismiss(&mut self, rule: &str) {
        for bench in self.benches.values_mut().chain([&mut self.high]) {
            bench.retain(|judge| judge.rule() != rule);
        }
    }

    /// An honest node does something.
    pub fn see(&mut self, at: Time, place: Place, what: &What<'_>) {
        let Place { shard, seat } = place;
        let entered = self.follow(place, what);
        if let Err(how) = entered
            && self.broken.is_none()
        {
            let rule = roll::RULE;
            self.broken = Some(Broken { rule, how });
        }
        let Some(roll) = self.rolls.get(&shard) else {
            return;
        };
        let sighting = Sighting {
            at,
            shard,
            seat,
            epoch: self.epochs.get(&place).copied().unwrap_or(Epoch::ZERO),
            roll,
            what,
        };
        self.liveness.see(&sighting);
        self.coverage.see(&sighting);
        self.accountability.see(&sighting);
        if let What::Accused(record) = what {
            self.named.insert(record.node);
        }
        let bench = self.benches.get_mut(&shard).into_iter().flatten();
        for judge in bench.chain(&mut self.high) {
            if let Err(how) = judge.see(&sighting)
                && self.broken.is_none()
            {
                self.broken = Some(Broken {
                    rule: judge.rule(),
                    how: format!("shard {shard}, node {}: {how}", seat.index()),
                });
            }
        }
    }

    /// Takes note of the epochs that nodes are in.
    fn follow(&mut self, place: Place, what: &What<'_>) -> Result<(), String> {
        match what {
            What::Began { ledger, .. } => {
                self.epochs.insert(place, ledger.scope.epoch);
            }
            What::Entered(change) => {
                self.epochs.insert(place, change.next.epoch);
                if let Some(roll) = self.rolls.get_mut(&place.shard) {
                    roll.enter(change)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Who was a member of a shard when.
    #[must_use]
    pub fn roll(&self, shard: ShardId) -> Option<&Roll> {
        self.rolls.get(&shard)
    }

    /// How many members honest nodes have seen to lie.
    #[must_use]
    pub fn named(&self) -> usize {
        self.named.len()
    }

    /// The first rule that was broken, if one was.
    pub const fn broken(&mut self) -> Option<Broken> {
        self.broken.take()
    }
}
