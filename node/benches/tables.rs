//! What a block of payments costs beyond the ledger: to note what it changed, and to write that to the
//! tables. See `log.rs` for the folder.

#[path = "../../system-contracts/benches/payments/mod.rs"]
mod payments;

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use consensus::replica::{AppliedBlock, Open};
use consensus::{Action, Ledger, Record};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use model::Genesis;
use node::labels::SystemLabels;
use node::store::{Directory, Setup, Store};
use tempfile::TempDir;

use payments::SHARD;

/// A store that has written the first objects and the block, and the block as it was applied.
struct Scene {
    store: Store,
    applied: AppliedBlock,
    shards: model::Directory,
    _directory: Directory,
    _folder: TempDir,
}

impl Scene {
    fn new(genesis: &Genesis, applied: &AppliedBlock) -> Self {
        let below = env::var_os("CHAINSPACE_BENCH_DIR").map_or_else(env::temp_dir, PathBuf::from);
        let folder = tempfile::tempdir_in(below).expect("a folder to write to");
        let directory = Directory::open(folder.path()).expect("nobody else has the folder");
        let opened = directory.store(Setup {
            genesis,
            shard: SHARD,
            node: payments::committee(genesis).members()[0],
            labels: Arc::new(SystemLabels),
        });
        let shards = model::Directory::of_genesis(genesis).expect("its members form a shard");
        let (mut store, _) = opened.expect("an empty folder");
        let flush = store
            .flush(Open::nothing(shards.clone()))
            .expect("the disk takes it");
        flush.commit().expect("the disk keeps it");
        let record = Record::Block((*applied.block).clone());
        store.append([&record].into_iter()).expect("as before");
        Self {
            store,
            applied: applied.clone(),
            shards,
            _directory: directory,
            _folder: folder,
        }
    }

    fn apply(mut self) -> Self {
        self.store.applied(&self.applied);
        self
    }

    fn flush(mut self) -> Self {
        let flush = self
            .store
            .flush(Open::nothing(self.shards.clone()))
            .expect("the disk takes it");
        flush.commit().expect("the disk keeps it");
        self
    }
}

/// The block of all payments, applied to a ledger.
fn applied(genesis: &Genesis) -> AppliedBlock {
    let block = payments::block(genesis);
    let entries: Vec<_> = payments::payments(genesis)
        .into_iter()
        .filter_map(|payment| payment.check_form(&genesis.network()).ok())
        .map(|payment| Action::Prepare(payment.trust()))
        .collect();
    let mut ledger = Ledger::genesis(genesis, SHARD);
    AppliedBlock {
        applied: Arc::new(ledger.apply(&block, &entries, &system_contracts::checkers())),
        block: Arc::new(block),
        certificate: None,
    }
}

fn tables(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tables");
    group.sample_size(10);
    for size in [1, 1000] {
        let genesis = payments::genesis(size);
        let applied = applied(&genesis);
        let scene = || Scene::new(&genesis, &applied);
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("apply", size), |bencher| {
            bencher.iter_batched(scene, Scene::apply, BatchSize::PerIteration);
        });
        group.bench_function(BenchmarkId::new("flush", size), |bencher| {
            bencher.iter_batched(|| scene().apply(), Scene::flush, BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, tables);
criterion_main!(benches);
