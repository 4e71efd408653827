//! What the disks of nodes that have stopped say: the chain of each shard from its beginning on, audited.
//!
//! Who is in which shard is taken from the disk of a member of the root shard; that each epoch follows
//! from the one before is checked by the audit itself.

use std::path::{Path, PathBuf};

use audit::{Replay, compatible};
use contracts::Content as _;
use model::key::Zip215;
use model::{Directory, Fact, Genesis, Height, NodeId, ShardId};
use node::store::{self, Setup};
use node::{Contracts, Reads};
use system_contracts::cscoin::{self, Account};

/// The disk of a member of a shard.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    pub(super) shard: ShardId,
    pub(super) node: NodeId,
    pub(super) store: PathBuf,
}

/// What the disks say together.
#[derive(Clone, Debug, Default)]
pub(super) struct Books {
    /// How many blocks of each shard were audited.
    pub(super) heights: Vec<(ShardId, u64)>,
    /// What all accounts hold, in ncsc.
    pub(super) supply: u64,
}

/// Audits one disk of each shard, that of the root shard first, and lays the chains side by side.
///
/// # Errors
///
/// A sentence that says what is not in order.
pub(super) fn audit(genesis: &Genesis, disks: &[Disk]) -> Result<Books, String> {
    let mut directory = Directory::of_genesis(genesis).map_err(|bad| bad.to_string())?;
    let mut books = Books::default();
    let mut replays: Vec<(ShardId, Replay)> = Vec::new();
    for disk in disks {
        let replay = replay(genesis, &mut directory, disk)
            .map_err(|why| format!("the chain of shard {}: {why}", disk.shard))?;
        let (height, _) = replay
            .finish()
            .map_err(|finding| format!("the chain of shard {}: {}", disk.shard, finding.problem))?;
        books.heights.push((disk.shard, height.number()));
        replays.push((disk.shard, replay));
    }
    for (at, (one, first)) in replays.iter().enumerate() {
        for (other, second) in &replays[at + 1..] {
            compatible(first, second)
                .map_err(|finding| format!("shards {one} and {other}: {}", finding.problem))?;
        }
    }
    books.supply = replays.iter().map(|(_, replay)| money(replay)).sum();
    Ok(books)
}

/// Replays the chain on one disk, with what the disks before have said of shards.
fn replay(genesis: &Genesis, directory: &mut Directory, disk: &Disk) -> Result<Replay, String> {
    let contracts = Contracts::system();
    let folder = store::Directory::open(&disk.store).map_err(|bad| bad.to_string())?;
    let setup = Setup {
        genesis,
        shard: disk.shard,
        node: disk.node,
        labels: contracts.labels,
    };
    let (store, start) = folder.store(setup).map_err(|bad| bad.to_string())?;
    for fact in start
        .facts
        .iter()
        .filter(|fact| matches!(fact, Fact::Founded(_)))
    {
        directory.trust(fact).map_err(|bad| bad.to_string())?;
    }
    let (known, checkers) = (directory.clone(), contracts.checkers);
    let replay = Replay::within(known, genesis, disk.shard, checkers);
    let mut replay = replay.ok_or("nobody knows of its founding")?;
    let reads = Reads::new(store.state(), store.reader());
    let tip = start.ledger.tip.height;
    let mut next = Height::new(1);
    while next <= tip {
        let found = reads.blocks(next).map_err(|bad| bad.to_string())?;
        if found.blocks.is_empty() {
            return Err(format!("there is no final block at {next}"));
        }
        for block in &found.blocks {
            replay
                .block(block, &mut Zip215)
                .map_err(|finding| format!("at height {}: {}", finding.height, finding.problem))?;
            next = next.next();
        }
    }
    Ok(replay)
}

/// What the accounts of a shard hold.
fn money(replay: &Replay) -> u64 {
    let objects = replay.active().values();
    let accounts = objects.filter(|object| object.object_type.contract == cscoin::id());
    let balances = accounts.map(|object| Account::read(cscoin::id(), object));
    balances
        .map(|account| account.map_or(0, |account| account.balance))
        .sum()
}

/// Where a node of a local network keeps its store.
pub(super) fn local_store(root: &Path, node: &str) -> PathBuf {
    root.join("nodes").join(node).join("store")
}
