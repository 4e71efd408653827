//! What it costs to put the results of a block under one hash, to prove one, and to check the proof.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use model::Hash;
use model::merkle::{self, InclusionProof, Tree};

/// Results of a block.
const SIZES: [usize; 3] = [10, 100, 1000];

fn leaves(count: usize) -> Vec<Hash> {
    (0..count as u64)
        .map(|number| merkle::leaf_hash(&number.to_le_bytes()))
        .collect()
}

fn trees(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("merkle");
    for size in SIZES {
        let leaves = leaves(size);
        let (root, last) = (merkle::root(&leaves), size - 1);
        group.bench_function(BenchmarkId::new("root", size), |bencher| {
            bencher.iter(|| merkle::root(black_box(&leaves)));
        });
        let tree = Tree::new(leaves.clone());
        let proof: InclusionProof = tree.prove(last).expect("the last leaf");
        group.bench_function(BenchmarkId::new("prove", size), |bencher| {
            bencher.iter(|| black_box(&tree).prove(last));
        });
        group.bench_function(BenchmarkId::new("verify", size), |bencher| {
            bencher.iter(|| assert!(black_box(&proof).verify(&root, &leaves[last])));
        });
    }
    group.finish();
}

criterion_group!(benches, trees);
criterion_main!(benches);
