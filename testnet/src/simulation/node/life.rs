//! The lives of a node: how it begins with what its disk has, and what a crash takes away.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use consensus::bft::Pace;
use consensus::replica::{Contradiction, Output, Setup};
use consensus::{Now, Record, Replica};
use model::shard::Seat;
use model::{Epoch, Time};
use node::store::log::{Log, LogError, Owner};

use super::guest::Trail;
use super::snapshot::Snapshot;
use super::{Node, derive, witness};
use crate::invariants::What;
use crate::simulation::around::{Around, Effect};
use crate::simulation::chain::Chain;
use crate::simulation::disk::{Disk, Outage};
use crate::simulation::fault::Fault;
use crate::simulation::habits::Flaw;
use crate::simulation::setting::{DAWN, Place};

/// What a crash takes away.
pub(super) struct Life {
    pub(super) born: Time,
    pub(super) replica: Replica,
    /// The epoch in which it speaks: what it has asked for before is said in the one before.
    pub(super) epoch: Epoch,
    pub(super) log: Log,
    pub(super) chain: Chain,
    /// What is still to be done, in order.
    pub(super) outbox: VecDeque<Output>,
    /// Whether the log has a promise that is not durable.
    pub(super) owes: bool,
    /// Whether the disk is at work.
    pub(super) syncing: bool,
    /// A snapshot that counts as soon as what it reflects is durable.
    pub(super) fresh: Option<Snapshot>,
    /// When the replica wants to be woken.
    pub(super) wake: Option<Time>,
    pub(super) questions: BTreeMap<u64, Seat>,
    pub(super) asked: u64,
    /// How it follows while it has no seat.
    pub(super) trail: Trail,
}

/// Why a node cannot come back.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    #[error("the log cannot be read: {0}")]
    Log(#[from] LogError),
    #[error("the log contradicts the state: {0}")]
    Contradiction(#[from] Contradiction),
    #[error("the log is damaged, and nobody noticed")]
    Unnoticed,
}

impl Node {
    /// The node begins with what its disk has.
    pub(super) fn begin(&mut self, around: &mut Around<'_>) {
        if self.life.is_some() {
            return;
        }
        let has_seat = self.kept.has_seat(around.setting, self.seat);
        if !has_seat && !self.invited {
            return;
        }
        self.lives += 1;
        match self.revive(around) {
            Ok(life) => {
                let now = self.clocks(around.now, life.born);
                let life = self.life.insert(life);
                let outputs = life.replica.start(now);
                self.took_step(around, outputs);
                self.follow(around);
            }
            Err(lost) => self.cannot_begin(around, &lost),
        }
    }

    /// A life made of what the disk has.
    fn revive(&self, around: &mut Around<'_>) -> Result<Life, Lost> {
        let Snapshot {
            ledger,
            open,
            position,
            mut chain,
        } = self.kept.clone();
        let setting = around.setting;
        let place = Place {
            shard: setting.shard(),
            seat: self.seat,
        };
        let node = setting.node(place);
        let owner = Owner {
            network: setting.scope().network,
            node,
        };
        let shards = self.kept.shards(setting).ok_or(Lost::Unnoticed)?;
        let seat = shards.ours().seat(&node);
        let (log, _torn) = Log::open(Arc::<Disk>::clone(&self.disk), owner, position)?;
        around.observe(
            self.seat,
            &What::Began {
                ledger: &ledger,
                durable: self.disk.durable(),
            },
        );
        let setup = Setup {
            shards,
            seat: seat.unwrap_or(self.seat),
            signer: Box::new(setting.scribe(self.seat, self.journal.clone())),
            check: Box::new(setting.notary.clone()),
            checkers: Arc::clone(&setting.checkers),
            pace: Pace::default(),
        };
        let mut replica = match seat {
            Some(_) => Replica::new(setup, ledger),
            None => Replica::guest(node, setup, ledger),
        };
        let mut restore = |record: Record| -> Result<(), Lost> {
            for output in replica.restore(record)? {
                derive(&mut chain, &output);
                witness(around, self.seat, &output);
            }
            Ok(())
        };
        open.records.into_iter().try_for_each(&mut restore)?;
        log.reader()
            .replay_from(position, |_, record| restore(record))?;
        // What is signed again on the way back was signed before, or lost with the crash.
        drop(self.journal.take());
        if self.disk.is_damaged() {
            return Err(Lost::Unnoticed);
        }
        around.observe(self.seat, &What::Stands(replica.ledger()));
        Ok(Life {
            born: around.now,
            epoch: replica.ledger().scope.epoch,
            replica,
            log,
            chain,
            outbox: VecDeque::new(),
            owes: false,
            syncing: false,
            fresh: None,
            wake: None,
            questions: BTreeMap::new(),
            asked: 0,
            trail: Trail::default(),
        })
    }

    /// What the node's clocks show.
    pub(super) fn clocks(&self, now: Time, born: Time) -> Now {
        let clock = DAWN.as_ms() + now.as_ms();
        Now {
            timer: Time::from_ms(now.since_ms(born)),
            clock: Time::from_ms(clock.saturating_add_signed(self.skew_ms)),
        }
    }

    /// The node crashes now.
    pub fn crash(&mut self, around: &mut Around<'_>, outage: Outage) {
        if self.life.take().is_none() {
            return;
        }
        self.fuse = None;
        drop(self.journal.take());
        self.faults.count(match outage {
            Outage::Killed => Fault::Killed,
            Outage::PowerLost => Fault::PowerLost,
        });
        if let Some(loss) = self.disk.crash(outage) {
            self.faults.count(loss);
        }
        if self.habits.flaw == Some(Flaw::EmptyDisk) {
            self.disk = Arc::new(Disk::new(around.random.fork()));
            self.kept = Snapshot::empty(around.setting);
        }
        around.observe(self.seat, &What::Crashed);
        around.effects.push(Effect::Crashed);
    }
}
