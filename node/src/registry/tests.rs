//! What a node takes for true about shards.

use model::encoding::Bytes;
use model::merkle::Lookup;
use model::receipt::CertifiedResult;
use model::result::results_tree;
use model::shard::Seat;
use model::statement::Scope;
use model::transaction::TransactionBody;
use model::{
    AbortReason, Certificate, Hash, Head, HeadCertificate, Height, Mode, NodeDescriptor, Time,
    Trace, Transaction, TransactionResult,
};

use super::*;
use crate::testing::{SHARD, genesis, member_key, node, registry};

/// The shard that is founded in these tests.
const NEW: ShardId = ShardId::new(1);

pub(crate) fn record() -> ShardRecord {
    let members = (10..14).map(|number| NodeDescriptor {
        name: format!("node-{number}"),
        node: node(number),
        addresses: Vec::new(),
    });
    ShardRecord::founded(NEW, members.collect(), 7)
}

/// A transaction of ManageShards that makes this record.
pub(crate) fn transaction(procedure: &str, record: &ShardRecord) -> Transaction {
    let trace = Trace {
        contract: manage_shards::id(),
        procedure: procedure.to_owned(),
        inputs: Vec::new(),
        references: Vec::new(),
        outputs: vec![Shard(record.clone()).output(SHARD)],
        local_parameters: Bytes::default(),
        local_returns: Bytes::default(),
        dependencies: Vec::new(),
    };
    Transaction {
        body: TransactionBody {
            network: genesis().network(),
            nonce: [1; 16],
            valid_until: Time::from_ms(1),
            mode: Mode::Decider(SHARD),
            participants: vec![SHARD],
            traces: vec![trace],
        },
        openings: Vec::new(),
        authorizations: Vec::new(),
    }
}

/// What these members of the root shard have decided about a transaction.
pub(crate) fn decided(
    transaction: Transaction,
    outcome: Outcome,
    epoch: u64,
    seats: &[usize],
) -> Act {
    let result = TransactionResult {
        transaction: transaction.body.id(),
        outcome,
    };
    let tree = results_tree(&[result]);
    let Lookup::Present(proof) = tree.prove(&result.key()) else {
        panic!("it is in the tree");
    };
    let scope = Scope {
        network: genesis().network(),
        shard: SHARD,
        epoch: Epoch::new(epoch),
    };
    let head = Head {
        scope,
        height: Height::new(5),
        previous: Hash::ZERO,
        block: Hash::ZERO,
        time: Time::from_ms(5),
        results: tree.root(),
        outbox: Hash::ZERO,
        state: None,
    };
    let statement = head.statement();
    let bytes = statement.signing_bytes(&scope);
    let signatures = seats.iter().map(|seat| {
        let signature = member_key(*seat).sign(&bytes);
        (Seat::new(*seat).expect("a seat"), signature)
    });
    let certificate = Certificate {
        statement,
        signatures: signatures.collect(),
    };
    Act {
        transaction,
        result: CertifiedResult {
            result,
            proof,
            head: HeadCertificate { head, certificate },
        },
    }
}

pub(crate) fn founding() -> Act {
    let transaction = transaction(manage_shards::CREATE, &record());
    decided(transaction, Outcome::Committed, 0, &[0, 1, 2])
}

#[test]
fn a_shard_that_the_root_shard_has_founded_is_one() {
    let registry = registry();
    assert_eq!(registry.known().shard_for(&node(10)), Some(SHARD));
    assert!(registry.enact(founding()).expect("it is proven"));
    let known = registry.known();
    assert_eq!(known.directory.shard_of(&node(10)), Some(NEW));
    assert_eq!(known.on_ledger(NEW), Some(&record()));
    // It is passed on as it came, and once.
    assert!(!registry.enact(founding()).expect("it is known"));
    assert_eq!(registry.acts(0), Response::Acts(vec![founding()]));
    assert_eq!(registry.acts(1), Response::Acts(Vec::new()));
}

#[test]
fn what_the_root_shard_has_not_committed_founds_nothing() {
    let registry = registry();
    let create = || transaction(manage_shards::CREATE, &record());
    let aborted = Outcome::Aborted(AbortReason::Deadline);
    let mut other = founding();
    other.transaction.body.nonce = [2; 16];
    for act in [decided(create(), aborted, 0, &[0, 1, 2]), other] {
        assert!(matches!(registry.enact(act), Err(NotAnAct::Other)));
    }
    let few = decided(create(), Outcome::Committed, 0, &[0, 1]);
    assert!(matches!(registry.enact(few), Err(NotAnAct::Unproven(_))));
    let later = decided(create(), Outcome::Committed, 1, &[0, 1, 2]);
    assert!(matches!(registry.enact(later), Err(NotAnAct::Ahead(_))));
    assert_eq!(registry.known().directory.current(NEW), None);
    assert_eq!(registry.acts(0), Response::Acts(Vec::new()));
}

#[test]
fn an_exclusion_counts_in_its_epoch_and_whatever_comes_first() {
    let registry = registry();
    let left = record().without(&node(11)).expect("a member");
    let object = transaction(manage_shards::OBJECT, &left);
    let object = decided(object, Outcome::Committed, 0, &[1, 2, 3]);
    assert!(registry.enact(object).expect("it is proven"));
    // Nobody is a member of a shard whose founding is not known.
    assert_eq!(registry.known().directory.current(NEW), None);
    assert!(registry.enact(founding()).expect("it is proven"));
    assert_eq!(registry.known().on_ledger(NEW), Some(&left));
}

#[test]
fn too_many_questions_at_once_are_refused() {
    let registry = registry();
    let many = vec![(SHARD, Epoch::ZERO); SHARDS_ASKED_MAX + 1];
    assert!(matches!(
        registry.changes(&many),
        Err(Refused::Malformed(_))
    ));
    let all = registry.changes(&many[1..]);
    assert_eq!(all, Ok(Response::Changes(Vec::new())));
}
