//! What it costs a member to know the root of the whole state, which it does every
//! [`model::bounds::STATE_BLOCKS`] blocks and where an epoch ends.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use model::state::ShardState;
use model::{Bytes, ContractId, Object, ObjectId, ObjectType, ShardId, TraceId};

/// Active objects of a shard.
const SIZES: [u32; 2] = [10_000, 1_000_000];

/// As many as an account has.
const CONTENT_BYTES: usize = 40;

fn objects(count: u32) -> BTreeMap<ObjectId, Arc<Object>> {
    let object = |index| Object {
        trace: TraceId::from_bytes([1; 32]),
        index,
        object_type: ObjectType {
            contract: ContractId::system("Thing"),
            name: "thing".to_owned(),
        },
        home: ShardId::new(0),
        content: Bytes::from(vec![7; CONTENT_BYTES]),
    };
    let objects = (0..count).map(object);
    objects
        .map(|object| (object.id(), Arc::new(object)))
        .collect()
}

fn roots(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("state");
    group.sample_size(10);
    for size in SIZES {
        let objects = objects(size);
        let state = ShardState {
            objects: &objects,
            decided: Vec::new(),
            sessions: Vec::new(),
            foreign: Vec::new(),
            next: None,
        };
        group.throughput(Throughput::Elements(u64::from(size)));
        group.bench_function(BenchmarkId::new("root", size), |bencher| {
            bencher.iter(|| black_box(&state).root());
        });
    }
    group.finish();
}

criterion_group!(benches, roots);
criterion_main!(benches);
