//! What a node does when its disk fails it: it stops, and says why.

use std::sync::Arc;

use node::store::log::LogError;

use super::Node;
use super::life::Lost;
use super::snapshot::Snapshot;
use crate::invariants::What;
use crate::simulation::around::{Around, Effect};
use crate::simulation::disk::Disk;
use crate::simulation::fault::{Fault, Faults};

impl Node {
    /// Something could not be written or synced. A node stops then, and promises nothing more.
    pub(super) fn cannot_keep(&mut self, around: &mut Around<'_>, error: &LogError) {
        let Some(failure) = self.disk.take_failure().filter(|_| names_disk(error)) else {
            around.observe(self.seat, &What::Lost(&error.to_string()));
            return;
        };
        self.faults.count(failure);
        self.life = None;
        self.fuse = None;
        drop(self.journal.take());
        around.observe(self.seat, &What::Crashed);
        around.effects.push(Effect::Crashed);
    }

    /// The node does not come back with what its disk has. It must not if the disk is damaged.
    pub(super) fn cannot_begin(&mut self, around: &mut Around<'_>, lost: &Lost) {
        let fault = match lost {
            Lost::Log(LogError::Damaged { .. }) if self.disk.is_damaged() => {
                Some(Fault::FlippedBit)
            }
            Lost::Log(error) if names_disk(error) => self.disk.take_failure(),
            Lost::Log(_) | Lost::Contradiction(_) | Lost::Unnoticed => None,
        };
        match fault {
            Some(fault) => self.faults.count(fault),
            None => around.observe(self.seat, &What::Lost(&lost.to_string())),
        }
    }

    /// Only so many more bytes fit on the disk.
    pub fn fill_disk(&self, room: usize) {
        self.disk.fill_up(room);
    }

    /// The next sync of the disk fails.
    pub fn fail_next_sync(&self) {
        self.disk.fail_next_sync();
    }

    /// The disk is in order again. The node does not begin by itself.
    pub fn mend_disk(&self) {
        self.disk.mend();
        self.disk.restore();
    }

    /// A bit of the disk flips, if the node is down and there is one that must be noticed.
    pub fn flip_bit(&self) -> bool {
        !self.is_up() && self.disk.flip_bit()
    }

    /// The disk becomes what it was some time before. The node is down.
    pub fn roll_back(&mut self, around: &Around<'_>) {
        self.disk.roll_back();
        self.kept = Snapshot::empty(around.setting);
        self.faults.count(Fault::OldBackup);
    }

    /// Nothing is left but the keys. The node is down.
    pub fn lose_log(&mut self, around: &mut Around<'_>) {
        self.disk = Arc::new(Disk::new(around.random.fork()));
        self.kept = Snapshot::empty(around.setting);
        self.faults.count(Fault::LostLog);
    }

    /// What went wrong with the node.
    #[must_use]
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// How many things the node has done that it could crash after.
    #[must_use]
    pub const fn deeds(&self) -> u64 {
        self.deeds
    }
}

/// Whether an error says what the disk could not do, and with which file.
fn names_disk(error: &LogError) -> bool {
    matches!(error, LogError::Disk { file, .. } if !file.is_empty())
}
