//! The shell of one node: the production replica and the production log, on a simulated disk.
//!
//! It does what the event loop of a node does, and crashes between any two things that it does.

mod arrivals;
mod carry;
mod damage;
mod guest;
mod life;
mod snapshot;

use std::sync::Arc;

use consensus::replica::Output;
use consensus::{Input, Ledger};
use model::Finalized;
use model::shard::Seat;

use super::around::{Alarm, Around, Happening, Purpose};
use super::chain::Chain;
use super::disk::{Disk, Outage};
use super::fault::Faults;
use super::habits::{Flaw, Habits};
use super::notary::Journal;
use super::random::Random;
use super::setting::Setting;
use crate::invariants::What;
use life::Life;
use snapshot::Snapshot;

/// A node.
pub struct Node {
    seat: Seat,
    /// Which of the members on its seat it is: see [`Alarm::holder`].
    holder: u8,
    habits: Habits,
    journal: Journal,
    /// How far its time of day is from the right one, in milliseconds.
    skew_ms: i64,
    disk: Arc<Disk>,
    /// What it falls back on when it begins again.
    kept: Snapshot,
    lives: u32,
    life: Option<Life>,
    /// Whether somebody wants it to become a member.
    invited: bool,
    /// How many more things it does before it crashes, and how.
    fuse: Option<(u64, Outage)>,
    /// How many things it has done.
    deeds: u64,
    faults: Faults,
}

impl Node {
    /// The node on `seat`, with an empty disk.
    #[must_use]
    pub fn new(
        seat: Seat,
        holder: u8,
        habits: Habits,
        setting: &Setting,
        random: &mut Random,
    ) -> Self {
        let disk = match habits.flaw {
            Some(Flaw::LyingDisk) => Disk::lying(random.fork()),
            Some(Flaw::SendsFirst | Flaw::WritesLast | Flaw::EmptyDisk) | None => {
                Disk::new(random.fork())
            }
        };
        Self {
            seat,
            holder,
            habits,
            journal: Journal::default(),
            skew_ms: 0,
            disk: Arc::new(disk),
            kept: Snapshot::empty(setting),
            lives: 0,
            life: None,
            invited: false,
            fuse: None,
            deeds: 0,
            faults: Faults::default(),
        }
    }

    /// Something happens to the node. A node that is down notices nothing but its beginning.
    pub fn on(&mut self, around: &mut Around<'_>, happening: Happening) {
        match happening {
            Happening::Begin => self.begin(around),
            Happening::Arrived { from, frame } => self.arrived(around, from, frame),
            Happening::Letter { from, bytes } => self.letter(around, from, &bytes),
            Happening::Alarm(alarm) => self.alarm(around, alarm),
            Happening::LinkUp(node) => {
                if let Some(seat) = self.seat_of(around, node) {
                    self.step(around, Input::LinkUp(seat));
                }
            }
            Happening::Invited => self.invited(around),
            Happening::Approve(plan) => self.approve(around, &plan),
            Happening::Learn(changes) => self.learn(around, &changes),
            Happening::Leaked(_) => {}
            Happening::Submitted(bytes) => self.submitted(around, &bytes),
        }
    }

    /// Whether the node is up.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.life.is_some()
    }

    /// Sets how far the node's time of day is from the right one, in milliseconds.
    pub const fn set_skew(&mut self, skew_ms: i64) {
        self.skew_ms = skew_ms;
    }

    /// The node will crash after so many more things that it does; never, with `None`.
    pub const fn set_fuse(&mut self, fuse: Option<(u64, Outage)>) {
        self.fuse = fuse;
    }

    /// The state at the node's last applied block, if it is up.
    #[must_use]
    pub fn ledger(&self) -> Option<&Ledger> {
        self.life.as_ref().map(|life| life.replica.ledger())
    }

    /// The node's final blocks and the state they lead to, if it is up.
    pub fn history(&self) -> Option<(impl Iterator<Item = &Finalized>, &Ledger)> {
        let life = self.life.as_ref()?;
        Some((life.chain.blocks(), life.replica.ledger()))
    }

    /// How many transactions wait at the node.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.life.as_ref().map_or(0, |life| life.replica.waiting())
    }

    /// Something happens to the replica.
    fn step(&mut self, around: &mut Around<'_>, input: Input) {
        let Some(born) = self.life.as_ref().map(|life| life.born) else {
            return;
        };
        let now = self.clocks(around.now, born);
        if let Some(life) = &mut self.life {
            let outputs = life.replica.step(now, input);
            self.took_step(around, outputs);
        }
    }

    /// The replica has taken a step: tell what is to be seen of it, and do what it asks for.
    fn took_step(&mut self, around: &mut Around<'_>, outputs: Vec<Output>) {
        let Some(life) = &mut self.life else {
            return;
        };
        for signed in self.journal.take() {
            around.observe(self.seat, &What::Signed(&signed));
        }
        let mut applied = false;
        for output in &outputs {
            applied |= matches!(output, Output::Applied(_));
            witness(around, self.seat, output);
        }
        if applied {
            around.observe(self.seat, &What::Stands(life.replica.ledger()));
        }
        around.observe(self.seat, &What::Stepped);
        life.outbox.extend(outputs);
        self.carry_out(around);
    }

    fn alarm(&mut self, around: &mut Around<'_>, alarm: Alarm) {
        if alarm.life != self.lives {
            return;
        }
        let Some(life) = &mut self.life else {
            return;
        };
        match alarm.purpose {
            Purpose::Tick => {
                if life.wake.is_some_and(|wake| wake <= around.now) {
                    life.wake = None;
                    self.step(around, Input::Tick);
                }
            }
            Purpose::Synced => self.synced(around),
            Purpose::Unanswered { number } => {
                if life.replica.is_retired() {
                    self.unanswered(around, number);
                    return;
                }
                let asked = life.questions.remove(&number);
                if let Some(from) = asked.and_then(|from| self.seat_of(around, from)) {
                    self.step(around, Input::FetchFailed { from });
                }
            }
            Purpose::Scheme => {} // honest nodes have none
        }
    }
}

/// What a node derives from final blocks and their heads.
fn derive(chain: &mut Chain, output: &Output) {
    match output {
        Output::Applied(applied) => chain.applied(applied),
        Output::HeadCertified(certificate) => chain.certified(certificate),
        Output::Persist(_)
        | Output::Send { .. }
        | Output::Broadcast(_)
        | Output::Tell { .. }
        | Output::FetchBlocks { .. }
        | Output::WakeAt(_)
        | Output::Entered(_)
        | Output::Malpractice(_)
        | Output::Halt(_) => {}
    }
}

/// What is to be seen of an output before anything is done about it.
fn witness(around: &mut Around<'_>, seat: Seat, output: &Output) {
    match output {
        Output::Applied(applied) => around.observe(seat, &What::Applied(applied)),
        Output::HeadCertified(certificate) => around.observe(seat, &What::Certified(certificate)),
        Output::Malpractice(record) => around.observe(seat, &What::Accused(record)),
        Output::Halt(contradiction) => around.observe(seat, &What::Halted(*contradiction)),
        Output::Entered(change) => around.observe(seat, &What::Entered(change)),
        Output::Persist(_)
        | Output::Send { .. }
        | Output::Broadcast(_)
        | Output::Tell { .. }
        | Output::FetchBlocks { .. }
        | Output::WakeAt(_) => {}
    }
}
