//! How much memory this process has left.
//!
//! The kernel of a machine that runs out of memory ends whichever process it likes, so a node that comes
//! near its share takes no more guests, and nearer still it lets those go that it has. Members and
//! neighbours stay: what they cost is bounded, and without them there is no node.

use std::fs;
use std::path::{Path, PathBuf};

/// How near the process is to its share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pressure {
    /// There is room.
    #[default]
    None,
    /// Three quarters are used: no more guests.
    Tight,
    /// Seventeen twentieths are used: the guests have to go.
    Critical,
}

impl Pressure {
    /// The pressure when this much of a share is used.
    pub(crate) const fn of(used: u64, share: u64) -> Self {
        let percent = used.saturating_mul(100);
        if percent >= share.saturating_mul(85) {
            Self::Critical
        } else if percent >= share.saturating_mul(75) {
            Self::Tight
        } else {
            Self::None
        }
    }
}

/// The memory of this process, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// What it uses.
    pub used: u64,
    /// The most that it has used at a time.
    pub peak: u64,
    /// What it may use: guests are refused at 75 % of that, and let go at 85 %.
    pub share: u64,
}

impl Memory {
    /// The memory of this process now, which may use `share` if somebody has said so. What the system
    /// does not say is zero.
    pub(crate) fn now(share: Option<u64>) -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        Self {
            used: kib_after("VmRSS:", &status).unwrap_or_default(),
            peak: kib_after("VmHWM:", &status).unwrap_or_default(),
            share: share.or_else(self::share).unwrap_or_default(),
        }
    }
}

/// What this process uses, in bytes. `None` where the system does not say.
pub(crate) fn used() -> Option<u64> {
    kib_after("VmRSS:", &fs::read_to_string("/proc/self/status").ok()?)
}

/// What this process may use, in bytes: the smallest limit of the control groups that it is in, or else
/// all that the machine has. `None` where the system does not say.
pub(crate) fn share() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    group_limit(Path::new("/sys/fs/cgroup"), &groups)
        .or_else(|| kib_after("MemTotal:", &fs::read_to_string("/proc/meminfo").ok()?))
}

/// The number of kibibytes behind a word, in bytes.
fn kib_after(word: &str, text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(word))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

/// The smallest limit on the way from the control group of this process up to the root, in version 2 of
/// control groups.
fn group_limit(root: &Path, groups: &str) -> Option<u64> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let group: PathBuf = root.join(group);
    let ways = group.ancestors().take_while(|way| way.starts_with(root));
    let limit = |way: &Path| {
        let text = fs::read_to_string(way.join("memory.max")).ok()?;
        // Where there is none, the text is "max".
        text.trim().parse().ok()
    };
    ways.filter_map(limit).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_begins_at_three_quarters_and_is_critical_at_85_percent() {
        let of = |used| Pressure::of(used, 1000);
        assert_eq!(of(0), Pressure::None);
        assert_eq!(of(749), Pressure::None);
        assert_eq!(of(750), Pressure::Tight);
        assert_eq!(of(849), Pressure::Tight);
        assert_eq!(of(850), Pressure::Critical);
        assert_eq!(of(u64::MAX), Pressure::Critical);
    }

    #[test]
    fn the_system_says_what_is_used_and_what_there_is() {
        let (used, share) = (used().expect("on Linux"), share().expect("on Linux"));
        let memory = Memory::now(Some(1));
        assert!(0 < memory.used && memory.used <= memory.peak, "{memory:?}");
        assert_eq!((memory.share, Memory::now(None).share), (1, share));
        assert!(0 < used && used < share, "{used} of {share}");
        assert_eq!(
            kib_after("VmRSS:", "VmSize: 9 kB\nVmRSS:\t  12 kB\n"),
            Some(12 * 1024)
        );
        assert_eq!(kib_after("VmRSS:", "VmRSS: much kB"), None);
    }

    #[test]
    fn the_smallest_limit_of_nested_groups_counts() {
        let root = std::env::temp_dir().join(format!("chainspace-memory-{}", std::process::id()));
        let inner = root.join("outer/inner");
        fs::create_dir_all(&inner).expect("a folder");
        let write = |folder: &Path, text: &str| {
            fs::write(folder.join("memory.max"), text).expect("a file");
        };
        write(&inner, "max\n");
        assert_eq!(group_limit(&root, "0::/outer/inner\n"), None);
        write(&root.join("outer"), "4096\n");
        assert_eq!(
            group_limit(&root, "1:cpu:/x\n0::/outer/inner\n"),
            Some(4096)
        );
        write(&inner, "2048\n");
        assert_eq!(group_limit(&root, "0::/outer/inner\n"), Some(2048));
        assert_eq!(group_limit(&root, ""), None);
        fs::remove_dir_all(&root).expect("it was made here");
    }
}
