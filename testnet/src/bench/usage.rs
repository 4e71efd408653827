//! What processes use, as the system counts it.
//!
//! `/proc/PID/stat` has the processor time of all threads of a process, those that have ended
//! included, and `/proc/PID/status` the memory that it occupies; `/proc/PID/io` the bytes that it caused to be written to a disk; `/proc/net/dev` the
//! bytes that went over loopback, headers included, whoever sent them.

#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::ops::{AddAssign, Sub};
use std::time::Duration;

use super::error::BenchError;

/// Units of processor time per second in `/proc`, on every architecture that Linux has added for
/// decades.
const TICKS_PER_SECOND: u64 = 100;

/// What some processes have used so far, or between two moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Processor time, in user and in system mode.
    pub(crate) cpu: Duration,
    /// Bytes written to a disk.
    pub(crate) written: u64,
    /// Bytes sent over loopback by all processes of the machine.
    pub(crate) loopback: u64,
}

impl Usage {
    /// What these processes have used since they were started.
    ///
    /// # Errors
    ///
    /// [`BenchError::System`] if the system does not say: it is no Linux, or a process has ended.
    pub(crate) fn of(processes: &[u32]) -> Result<Self, BenchError> {
        let read = || {
            let mut usage = Self {
                loopback: loopback(&fs::read_to_string("/proc/net/dev")?).ok_or(unreadable())?,
                ..Self::default()
            };
            for pid in processes {
                let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
                usage.cpu += cpu(&stat).ok_or(unreadable())?;
                let io = fs::read_to_string(format!("/proc/{pid}/io"))?;
                usage.written += written(&io).ok_or(unreadable())?;
            }
            Ok(usage)
        };
        read().map_err(BenchError::system("read what processes use in /proc"))
    }
}

/// The bytes of memory that these processes occupy now.
///
/// # Errors
///
/// As [`Usage::of`].
pub(crate) fn resident(processes: &[u32]) -> Result<u64, BenchError> {
    let read = || {
        processes.iter().try_fold(0, |sum, pid| {
            let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
            Ok(sum + occupied(&status).ok_or(unreadable())?)
        })
    };
    read().map_err(BenchError::system("read what processes use in /proc"))
}

impl AddAssign for Usage {
    fn add_assign(&mut self, more: Self) {
        self.cpu += more.cpu;
        self.written += more.written;
        self.loopback += more.loopback;
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            written: self.written.saturating_sub(earlier.written),
            loopback: self.loopback.saturating_sub(earlier.loopback),
        }
    }
}

fn unreadable() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it has another form")
}

/// The processor time in `/proc/PID/stat`.
fn cpu(stat: &str) -> Option<Duration> {
    // The name of the program is in parentheses and may contain any.
    let (_, fields) = stat.rsplit_once(')')?;
    // The fields after the name begin with the third; user and system time are the 14th and 15th.
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis(
        (user + system) * 1_000 / TICKS_PER_SECOND,
    ))
}

/// The bytes written to disks in `/proc/PID/io`.
fn written(io: &str) -> Option<u64> {
    let line = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes:"));
    line?.trim().parse().ok()
}

/// The bytes of memory in `/proc/PID/status`.
fn occupied(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes: u64 = line?.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1_024)
}

/// The bytes sent over loopback in `/proc/net/dev`.
fn loopback(dev: &str) -> Option<u64> {
    let line = dev.lines().find_map(|line| line.trim().strip_prefix("lo:"));
    // Eight columns of what was received come first.
    line?.split_whitespace().nth(8)?.parse().ok()
}
