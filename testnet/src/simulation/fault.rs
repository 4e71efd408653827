//! The kinds of things that go wrong in a world, and how often each did.

use std::fmt;

/// Something that went wrong and had an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Links were cut.
    Partition,
    /// The process of a node died.
    Killed,
    /// The machine of a node lost power.
    PowerLost,
    /// A loss of power cut off the end of what was written.
    TruncatedTail,
    /// A loss of power left some pages of what was written and not others.
    ReorderedWrites,
    /// All nodes went down at once.
    Blackout,
    /// The time of day of a node jumped.
    ClockJump,
    /// A disk was full, and its node stopped.
    DiskFull,
    /// A disk could not make durable what was written, and its node stopped.
    SyncFailed,
    /// A bit flipped in what was durable, and the node refused to start.
    FlippedBit,
    /// A node came back with the disk that it had some time before.
    OldBackup,
    /// A node came back with its keys and nothing else.
    LostLog,
}

impl Fault {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::Partition,
        Self::Killed,
        Self::PowerLost,
        Self::TruncatedTail,
        Self::ReorderedWrites,
        Self::Blackout,
        Self::ClockJump,
        Self::DiskFull,
        Self::SyncFailed,
        Self::FlippedBit,
        Self::OldBackup,
        Self::LostLog,
    ];

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Partition => "partition",
            Self::Killed => "killed",
            Self::PowerLost => "power-lost",
            Self::TruncatedTail => "truncated-tail",
            Self::ReorderedWrites => "reordered-writes",
            Self::Blackout => "blackout",
            Self::ClockJump => "clock-jump",
            Self::DiskFull => "disk-full",
            Self::SyncFailed => "sync-failed",
            Self::FlippedBit => "flipped-bit",
            Self::OldBackup => "old-backup",
            Self::LostLog => "lost-log",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How often each kind of fault had an effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults([u64; Fault::ALL.len()]);

impl Faults {
    /// One more.
    pub(super) const fn count(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// All of another count.
    pub(super) fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// How often a kind had an effect.
    #[must_use]
    pub const fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// Each kind and how often it had an effect.
    pub fn iter(&self) -> impl Iterator<Item = (Fault, u64)> + '_ {
        Fault::ALL.into_iter().map(|fault| (fault, self.of(fault)))
    }
}
