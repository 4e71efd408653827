//! What a block of payments costs a member: to let it in, and to apply it.

#[path = "../../system-contracts/benches/payments/mod.rs"]
mod payments;

use consensus::message::{Checks, Proposal};
use consensus::{Action, Ledger, Message, Shards};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use model::key::{Batch, Zip215};
use model::outbox::BadParcel;
use model::transaction::{Authorized, Malformed, WellFormed, authorization_bytes};
use model::{Committee, Parcel, Signature, SignatureCheck};

use payments::{SHARD, block};

/// Checks all signatures in one batch, as a node does.
struct Batched(Zip215);

impl Checks for Batched {
    fn authorize(&mut self, transactions: Vec<WellFormed>) -> Vec<Result<Authorized, Malformed>> {
        let mut batch = Batch::new();
        for transaction in &transactions {
            let bytes = authorization_bytes(&transaction.id());
            for authorization in &transaction.transaction().authorizations {
                batch.queue(&authorization.key, &bytes, &authorization.signature);
            }
        }
        assert!(batch.verify_all());
        transactions
            .into_iter()
            .map(|transaction| Ok(transaction.trust()))
            .collect()
    }

    fn certified(
        &mut self,
        parcel: &Parcel,
        committee: &Committee,
        needed: usize,
    ) -> Result<(), BadParcel> {
        parcel.check_head(committee, needed, &mut Zip215)
    }

    fn signed(&mut self) -> &mut dyn SignatureCheck {
        &mut self.0
    }
}

fn apply(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ledger/apply");
    let checkers = system_contracts::checkers();
    for size in [1, 100, 1000] {
        let genesis = payments::genesis(size);
        let block = block(&genesis);
        let payments = payments::payments(&genesis).into_iter();
        let entries: Vec<Action> = payments
            .filter_map(|payment| payment.check_form(&genesis.network()).ok())
            .map(|payment| Action::Prepare(payment.trust()))
            .collect();
        let ledger = Ledger::genesis(&genesis, SHARD);
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter_batched(
                || ledger.clone(),
                |mut ledger| {
                    let applied = ledger.apply(&block, &entries, &checkers);
                    assert_eq!(
                        applied.created.len(),
                        2 * size,
                        "every payment is committed"
                    );
                    (ledger, applied)
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// From the bytes of a proposal to what a replica takes, with signatures checked one by one and in a
/// batch.
fn admit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("proposal/admit");
    for size in [100, 800] {
        let genesis = payments::genesis(size);
        let shard = payments::committee(&genesis).scope().shard;
        let shards = Shards::of_genesis(&genesis, shard).expect("it has the shard");
        let shards = shards.expect("members that can form a shard");
        let proposal = Proposal {
            block: block(&genesis),
            signature: Signature::from_bytes([0; 64]),
        };
        let bytes = Message::Proposal(proposal).encode();
        let decode = || Message::decode(&bytes).expect("it was just written");
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("single", size), |bencher| {
            bencher.iter(|| {
                decode()
                    .admit(&shards, &mut Zip215)
                    .expect("it is well-formed")
            });
        });
        group.bench_function(BenchmarkId::new("batch", size), |bencher| {
            bencher.iter(|| {
                decode()
                    .admit(&shards, &mut Batched(Zip215))
                    .expect("it is well-formed")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, apply, admit);
criterion_main!(benches);
