//! What signatures cost, one by one and in batches. Most of the work of a node is this.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use model::key::{Batch, verify};
use model::{PublicKey, SecretKey, Signature, TransactionId, transaction::authorization_bytes};

/// Sizes of batches: one signature, certificates, and blocks.
const SIZES: [usize; 5] = [1, 4, 16, 64, 256];

/// What a number of different people sign, each their own transaction.
fn signed(count: usize) -> Vec<(PublicKey, Vec<u8>, Signature)> {
    (0..count as u64)
        .map(|number| {
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&number.to_le_bytes());
            let key = SecretKey::from_seed(seed);
            let message = authorization_bytes(&TransactionId::from_bytes(seed));
            let signature = key.sign(&message);
            (key.public(), message, signature)
        })
        .collect()
}

fn single(criterion: &mut Criterion) {
    let (key, message, signature) = signed(1).remove(0);
    let secret = SecretKey::from_seed([1; 32]);
    criterion.bench_function("signature/sign", |bencher| {
        bencher.iter(|| secret.sign(black_box(&message)));
    });
    criterion.bench_function("signature/verify", |bencher| {
        bencher.iter(|| assert!(verify(black_box(&key), &message, &signature)));
    });
}

fn batches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("signature/batch");
    for size in SIZES {
        let signed = signed(size);
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                let mut batch = Batch::new();
                for (key, message, signature) in black_box(&signed) {
                    batch.queue(key, message, signature);
                }
                assert!(batch.verify_all());
            });
        });
    }
    group.finish();
}

criterion_group!(benches, single, batches);
criterion_main!(benches);
