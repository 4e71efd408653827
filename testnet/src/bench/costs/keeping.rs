//! What it costs to apply blocks and to keep them.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use consensus::replica::{AppliedBlock, Open};
use consensus::{Action, Applied, Ledger, Record};
use model::block::{Header, encode_entries, payload_hash};
use model::transaction::Malformed;
use model::{Block, Entry, Genesis, Slot, Time, Transaction};
use node::Contracts;
use node::store::{Directory, Flush, Setup, Store, StoreError};

use super::{Costs, cpu, per};
use crate::bench::error::BenchError;
use crate::bench::now;

/// How long syncs are counted.
const SYNC_TIME: Duration = Duration::from_millis(500);

/// What was spent, on all payments together.
#[derive(Default)]
struct Spent {
    apply: Duration,
    log: Duration,
    note: Duration,
}

/// A ledger and a store as a node has them.
struct Shelf {
    contracts: Contracts,
    ledger: Ledger,
    store: Store,
    spent: Spent,
    _directory: Directory,
}

/// Applies and keeps the payments in blocks of `entries`, as a node does. Returns the bytes of the last
/// block.
///
/// # Errors
///
/// [`BenchError::Wrong`] if the disk fails, or a payment.
pub(super) fn keep_blocks(
    costs: &mut Costs,
    payments: &[Transaction],
    entries: usize,
    genesis: &Genesis,
    folder: &Path,
) -> Result<Vec<u8>, BenchError> {
    let mut shelf = Shelf::open(genesis, folder)?;
    let mut last = Vec::new();
    // However long it takes to keep them, no payment is too late.
    let began = now();
    for transactions in payments.chunks(entries) {
        let block = block_of(&shelf.ledger, began, transactions);
        last = block.payload.to_vec();
        shelf.apply_and_keep(block, transactions)?;
    }
    let began = cpu()?;
    let open = Open {
        records: Vec::new(),
        foreign: shelf.ledger.state.foreign.clone(),
        epoch: shelf.ledger.scope.epoch,
        directory: model::Directory::of_genesis(genesis).map_err(|error| wrong(&error))?,
    };
    let flush = shelf.store.flush(open).and_then(Flush::commit);
    flush.map_err(|error| wrong(&error))?;
    let count = payments.len();
    costs.flush = per(cpu()? - began, count);
    costs.apply = per(shelf.spent.apply, count);
    costs.note = per(shelf.spent.note, count);
    costs.log = per(shelf.spent.log, count.div_ceil(entries));
    Ok(last)
}

impl Shelf {
    fn open(genesis: &Genesis, folder: &Path) -> Result<Self, BenchError> {
        let contracts = Contracts::system();
        let shard = genesis.shards.first();
        let member = shard.and_then(|shard| Some((shard.shard, shard.members.first()?.node)));
        let (shard, node) = member.ok_or_else(|| wrong(&"the network has no members"))?;
        let directory = Directory::open(folder.join("costs")).map_err(|error| wrong(&error))?;
        let labels = Arc::clone(&contracts.labels);
        let setup = Setup {
            genesis,
            shard,
            node,
            labels,
        };
        let (store, start) = directory.store(setup).map_err(|error| wrong(&error))?;
        Ok(Self {
            contracts,
            ledger: start.ledger,
            store,
            spent: Spent::default(),
            _directory: directory,
        })
    }

    fn apply_and_keep(
        &mut self,
        block: Block,
        transactions: &[Transaction],
    ) -> Result<(), BenchError> {
        let network = *self.ledger.network();
        let actions: Result<Vec<Action>, Malformed> = transactions
            .iter()
            .map(|transaction| transaction.clone().check_form(&network))
            .map(|formed| Ok(Action::Prepare(formed?.trust())))
            .collect();
        let actions = actions.map_err(|error| wrong(&error))?;

        let began = cpu()?;
        let applied: Applied = self
            .ledger
            .apply(&block, &actions, &*self.contracts.checkers);
        self.spent.apply += cpu()? - began;
        if applied.results.len() != actions.len() {
            return Err(wrong(&"a payment that is in order is passed over"));
        }

        let began = cpu()?;
        keep(&mut self.store, &block).map_err(|error| wrong(&error))?;
        self.spent.log += cpu()? - began;

        let applied = AppliedBlock {
            block: Arc::new(block),
            certificate: None,
            applied: Arc::new(applied),
        };
        let began = cpu()?;
        self.store.applied(&applied);
        self.spent.note += cpu()? - began;
        Ok(())
    }
}

fn wrong(error: &dyn std::fmt::Display) -> BenchError {
    BenchError::Wrong(error.to_string())
}

fn keep(store: &mut Store, block: &Block) -> Result<(), StoreError> {
    let record = Record::Block(block.clone());
    store.append([&record].into_iter())?;
    store.sync()
}

/// The next block of a ledger, not before a time.
fn block_of(ledger: &Ledger, earliest: Time, transactions: &[Transaction]) -> Block {
    let entries: Vec<Entry> = transactions.iter().cloned().map(Entry::Prepare).collect();
    let payload = encode_entries(&entries);
    Block {
        header: Header {
            scope: ledger.scope,
            slot: Slot::new(ledger.tip.block.slot.number() + 1),
            parent: ledger.tip.block,
            height: ledger.tip.height.next(),
            time: ledger.tip.time.plus_ms(1).max(earliest),
            payload: payload_hash(&payload),
        },
        payload,
    }
}

/// How many blocks can be made durable in a second: by as many threads as there are nodes, each of
/// which appends to a file of its own.
pub(super) fn syncs(bytes: &[u8], nodes: usize, folder: &Path) -> Result<f64, BenchError> {
    let failed = BenchError::system("write to the disk of the nodes");
    let began = Instant::now();
    let counted: Result<Vec<u32>, _> = thread::scope(|scope| {
        let threads: Vec<_> = (0..nodes)
            .map(|node| {
                let path = folder.join(format!("syncs-{node}"));
                scope.spawn(move || count_syncs(&path, bytes))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                let counted = thread.join();
                counted.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    });
    let counted: u32 = counted.map_err(failed)?.into_iter().sum();
    Ok(f64::from(counted) / began.elapsed().as_secs_f64())
}

fn count_syncs(path: &Path, bytes: &[u8]) -> std::io::Result<u32> {
    let mut file = File::create(path)?;
    let began = Instant::now();
    let mut count = 0;
    while began.elapsed() < SYNC_TIME {
        file.write_all(bytes)?;
        file.sync_data()?;
        count += 1;
    }
    drop(file);
    fs::remove_file(path)?;
    Ok(count)
}
