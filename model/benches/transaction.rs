//! What a payment costs before it is applied: bytes, identifiers, form and its one signature.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use model::key::Zip215;
use model::{
    Authorization, Bytes, ContractId, Mode, NetworkId, Object, ObjectType, Output, SecretKey,
    ShardId, Time, Trace, TraceId, Transaction, TransactionBody, bounds, encoding,
};

const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);
const SHARD: ShardId = ShardId::new(0);
const ACCOUNT: &str = "Account";

/// The content of an account, as CSCoin writes it: an owner and a balance.
fn account(person: u8, balance: u64) -> Bytes {
    let owner = SecretKey::from_seed([person; 32]).public();
    encoding::encode(&(owner, balance)).into()
}

/// An account that was there before.
fn opening() -> Object {
    Object {
        trace: TraceId::from_bytes([3; 32]),
        index: 0,
        object_type: ObjectType {
            contract: ContractId::system("CSCoin"),
            name: ACCOUNT.to_owned(),
        },
        home: SHARD,
        content: account(1, 10_000_000_000),
    }
}

/// A payment out of one account, with change.
fn payment() -> Transaction {
    let (from, to) = (SecretKey::from_seed([1; 32]), SecretKey::from_seed([2; 32]));
    let opening = opening();
    let output = |person: u8, balance: u64| Output {
        type_name: ACCOUNT.to_owned(),
        home: SHARD,
        content: account(person, balance),
    };
    let amount = 1_000_000_000_u64;
    let flows = (vec![(from.public(), amount)], vec![(to.public(), amount)]);
    let trace = Trace {
        contract: ContractId::system("CSCoin"),
        procedure: "transfer".to_owned(),
        inputs: vec![opening.id()],
        references: Vec::new(),
        outputs: vec![output(2, amount), output(1, 9 * amount)],
        local_parameters: encoding::encode(&[(to.public(), amount)]).into(),
        local_returns: encoding::encode(&flows).into(),
        dependencies: Vec::new(),
    };
    let body = TransactionBody {
        network: NETWORK,
        nonce: [5; 16],
        valid_until: Time::from_ms(1_800_000_000_000),
        mode: Mode::AllVotes,
        participants: vec![SHARD],
        traces: vec![trace],
    };
    Transaction {
        authorizations: vec![Authorization::new(&from, &body.id())],
        openings: vec![opening],
        body,
    }
}

fn bytes(criterion: &mut Criterion) {
    let payment = payment();
    let encoded = encoding::encode(&payment);
    let mut group = criterion.benchmark_group("transaction");
    group.throughput(Throughput::Bytes(encoded.len() as u64));
    group.bench_function("encode", |bencher| {
        bencher.iter(|| encoding::encode(black_box(&payment)));
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            let read = encoding::decode(black_box(&encoded), bounds::TRANSACTION_BYTES_MAX);
            let read: Transaction = read.expect("it was just written");
            read
        });
    });
    group.finish();
}

fn identifiers(criterion: &mut Criterion) {
    let payment = payment();
    let (trace, opening) = (&payment.body.traces[0], &payment.openings[0]);
    criterion.bench_function("transaction/id", |bencher| {
        bencher.iter(|| black_box(&payment.body).id());
    });
    criterion.bench_function("trace/id", |bencher| {
        bencher.iter(|| black_box(trace).id(&NETWORK));
    });
    criterion.bench_function("object/id", |bencher| {
        bencher.iter(|| black_box(opening).id())
    });
}

/// Both include a copy of the transaction, which the checks consume.
fn checks(criterion: &mut Criterion) {
    let payment = payment();
    criterion.bench_function("transaction/check_form+verify", |bencher| {
        bencher.iter(|| {
            let checked = black_box(&payment).clone().check_form(&NETWORK);
            let checked = checked.and_then(|payment| payment.verify(&mut Zip215));
            checked.expect("a payment is well-formed and signed")
        });
    });
    criterion.bench_function("transaction/check_form", |bencher| {
        bencher.iter(|| {
            let checked = black_box(&payment).clone().check_form(&NETWORK);
            checked.expect("a payment is well-formed")
        });
    });
}

criterion_group!(benches, bytes, identifiers, checks);
criterion_main!(benches);
