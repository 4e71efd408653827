//! What can be found out on this machine alone: files, limits, the disk.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use model::{NetworkId, NodeId};
use nix::sys::statvfs::statvfs;
use node::Config;
use node::limits::{OPEN_FILES_NEEDED, open_files_max};
use node::signer::{MemberKey, peer_name};

use super::finding::Finding;

/// Free bytes below which a node will not run for long, and below which somebody should know.
const SPACE_NEEDED: u64 = 1 << 30;
const SPACE_WANTED: u64 = 5 << 30;

/// How often the disk is tried. The one in the middle counts.
const SYNCS: usize = 9;

/// How much is written each time: about what a turn of a busy node is.
const SYNC_BYTES: usize = 4 * 1024;

/// A sync that takes longer slows down every block.
const SYNC_SLOW: Duration = Duration::from_millis(20);

/// The member key, and the node that it makes.
pub(super) fn member_key(config: &Config) -> (Finding, Option<NodeId>) {
    const CHECK: &str = "member key";
    match MemberKey::load(&config.member_key) {
        Ok(key) => {
            let found = format!("node {}, {}", key.node(), config.member_key.display());
            (Finding::ok(CHECK, found), Some(key.node()))
        }
        Err(error) => {
            let fix = "do as it says; a key that is lost cannot be made again, only replaced in the shard";
            (Finding::problem(CHECK, error.to_string(), fix), None)
        }
    }
}

/// The key by which peers know the node.
pub(super) fn network_key(config: &Config) -> Finding {
    const CHECK: &str = "network key";
    let path = &config.network_key;
    if !path.exists() {
        let found = format!("{} will be made at the first start", path.display());
        return Finding::ok(CHECK, found);
    }
    match peer_name(path) {
        Ok(peer) => Finding::ok(CHECK, format!("peer {peer}, {}", path.display())),
        Err(error) => {
            let fix = "do as it says, or remove the file: another one is made at the next start";
            Finding::problem(CHECK, error.to_string(), fix)
        }
    }
}

/// The genesis document, and the network that it makes.
pub(super) fn genesis(config: &Config, node: Option<NodeId>) -> (Finding, Option<NetworkId>) {
    const CHECK: &str = "genesis";
    let genesis = match node::load_genesis(&config.genesis) {
        Ok(genesis) => genesis,
        Err(error) => {
            let fix = "get the genesis document of the network again, and compare its hash";
            return (Finding::problem(CHECK, error.to_string(), fix), None);
        }
    };
    let network = genesis.network();
    let found = format!("network {network}");
    let finding = match node.map(|node| genesis.shard_of(&node)) {
        Some(Some(shard)) => Finding::ok(CHECK, format!("{found}, a founder of shard {shard}")),
        Some(None) => Finding::ok(CHECK, format!("{found}, not among its founders")),
        None => Finding::ok(CHECK, found),
    };
    (finding, Some(network))
}

/// How many files the node may have open.
pub(super) fn open_files() -> Finding {
    const CHECK: &str = "open files";
    match open_files_max() {
        Some(max) if max < OPEN_FILES_NEEDED => Finding::problem(
            CHECK,
            format!("at most {max}, a node may need {OPEN_FILES_NEEDED}"),
            "raise the hard limit: LimitNOFILE= for systemd, or /etc/security/limits.conf",
        ),
        Some(max) => Finding::ok(CHECK, format!("at most {max}")),
        None => Finding::ok(CHECK, "the system does not say"),
    }
}

/// How much room there is for what the node keeps.
pub(super) fn disk_space(config: &Config) -> Finding {
    const CHECK: &str = "disk space";
    let path = existing(&config.directory);
    let free = match statvfs(path) {
        Ok(disk) => disk.blocks_available().saturating_mul(disk.fragment_size()),
        Err(error) => {
            let found = format!("cannot look at {}: {error}", path.display());
            return Finding::problem(CHECK, found, "choose another `directory`");
        }
    };
    let found = format!("{} MiB are free at {}", free >> 20, path.display());
    let fix = "make room, or move `directory` to a larger disk while the node is stopped";
    match free {
        SPACE_WANTED.. => Finding::ok(CHECK, found),
        SPACE_NEEDED.. => Finding::warning(CHECK, found, fix),
        _ => Finding::problem(CHECK, found, fix),
    }
}

/// How long the disk takes to keep a promise.
pub(super) fn disk_sync(config: &Config) -> Finding {
    const CHECK: &str = "disk sync";
    let path = existing(&config.directory);
    let took = match measure_sync(path) {
        Ok(took) => took,
        Err(error) => {
            let found = format!("cannot write to {}: {error}", path.display());
            let fix = "give the user of the node the right to write there";
            return Finding::problem(CHECK, found, fix);
        }
    };
    let found = format!("fdatasync takes {:.1} ms", took.as_secs_f64() * 1_000.0);
    if took < SYNC_SLOW {
        return Finding::ok(CHECK, found);
    }
    let fix = "every block waits for it: use a faster disk, one with a write cache that survives a power cut";
    Finding::warning(CHECK, found, fix)
}

/// The nearest folder that is there.
fn existing(path: &Path) -> &Path {
    let mut above = path.ancestors();
    let here = Path::new(".");
    let found = above.find(|folder| folder.is_dir()).unwrap_or(here);
    if found.as_os_str().is_empty() {
        here
    } else {
        found
    }
}

/// How long it usually takes to make a few bytes durable in a folder.
fn measure_sync(folder: &Path) -> io::Result<Duration> {
    let path = folder.join(format!("doctor-{}", std::process::id()));
    let mut file = File::create_new(&path)?;
    // It has no name from now on, so nothing is left of it, however this ends.
    fs::remove_file(&path)?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.write_all(&[0; SYNC_BYTES])?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    times.sort();
    Ok(times[SYNCS / 2])
}
