//! What it costs to make what happened in one turn durable: one append and one fdatasync.
//!
//! The log is written to a folder of its own below `CHAINSPACE_BENCH_DIR`, or below the system's
//! temporary folder, which may be in memory: name a folder on the disk that is to be measured.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use consensus::Record;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use model::block::{BlockRef, Header, payload_hash};
use model::statement::{Epoch, Scope};
use model::{Block, Height, NetworkId, NodeId, SecretKey, ShardId, Slot, Time};
use node::store::log::{Log, Owner, Position};
use node::store::medium::Files;
use tempfile::TempDir;

/// A log is thrown away at this size, in bytes, so that a long measurement does not fill the disk.
const LOG_BYTES_MAX: u64 = 48 * 1024 * 1024;

const NETWORK: NetworkId = NetworkId::from_bytes([1; 32]);

/// A block with a payload of this size, which the log does not look into.
fn block(payload_bytes: usize) -> Block {
    let payload = vec![7; payload_bytes];
    Block {
        header: Header {
            scope: Scope {
                network: NETWORK,
                shard: ShardId::new(0),
                epoch: Epoch::ZERO,
            },
            slot: Slot::new(1),
            parent: BlockRef::genesis(&NETWORK),
            height: Height::new(1),
            time: Time::from_ms(1),
            payload: payload_hash(&payload),
        },
        payload: payload.into(),
    }
}

/// An empty log in a new folder, which is removed with the first of the two.
fn log() -> (TempDir, Log) {
    let below = env::var_os("CHAINSPACE_BENCH_DIR").map_or_else(env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(below).expect("a folder to write to");
    let medium = Files::open(folder.path()).expect("the folder was just made");
    let owner = Owner {
        network: NETWORK,
        node: NodeId::new(SecretKey::from_seed([1; 32]).public()),
    };
    let (log, _) = Log::open(Arc::new(medium), owner, Position::FIRST).expect("an empty folder");
    (folder, log)
}

fn append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("log/append+sync");
    group.sample_size(20);
    for kilobytes in [1, 100] {
        let record = Record::Block(block(kilobytes * 1024));
        group.throughput(Throughput::Bytes(kilobytes as u64 * 1024));
        let name = BenchmarkId::from_parameter(format!("{kilobytes}KB"));
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| {
                let (mut folder, mut held) = log();
                let mut spent = Duration::ZERO;
                for _ in 0..count {
                    if held.end().offset > LOG_BYTES_MAX {
                        (folder, held) = log();
                    }
                    let began = Instant::now();
                    held.append([&record]).expect("the disk takes it");
                    held.sync().expect("the disk keeps it");
                    spent += began.elapsed();
                }
                drop((folder, held));
                spent
            });
        });
    }
    group.finish();
}

criterion_group!(benches, append);
criterion_main!(benches);
