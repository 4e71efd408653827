//! What proves that a node lied, and what does not.

use model::key::Zip215;
use model::malpractice::NoMalpractice;
use model::outbox::outbox_tree;
use model::shard::Seat;
use model::statement::Scope;
use model::{
    AbortReason, Certificate, Epoch, Hash, Head, HeadCertificate, Height, Leaf, Lie, Malpractice,
    NetworkId, Parcel, Promise, Signature, SignedLeaf, Statement, Time, TransactionId, Verdict,
    encoding,
};

use crate::conflicts::all_statements;
use crate::samples::broken_promises;
use crate::world::{NETWORK, node, secret, shard};

const LIAR: u8 = 1;

const SCOPE: Scope = Scope {
    network: NETWORK,
    shard: shard(1),
    epoch: Epoch::new(1),
};

/// A statement as `person` signs it in `scope`.
fn signed(person: u8, scope: &Scope, statement: Statement) -> (Statement, Signature) {
    let signature = secret(person).sign(&statement.signing_bytes(scope));
    (statement, signature)
}

fn record(first: (Statement, Signature), second: (Statement, Signature)) -> Malpractice {
    Malpractice {
        node: node(LIAR),
        lie: Lie::Statements {
            scope: SCOPE,
            first,
            second,
        },
    }
}

fn verify(record: &Malpractice) -> Result<(), NoMalpractice> {
    record.verify(&mut Zip215)
}

#[test]
fn two_signed_statements_prove_malpractice_exactly_if_they_conflict() {
    for first in all_statements() {
        for second in all_statements() {
            let record = record(signed(LIAR, &SCOPE, first), signed(LIAR, &SCOPE, second));
            let expected = if first.conflicts(&second) {
                Ok(())
            } else {
                Err(NoMalpractice::NoConflict)
            };
            assert_eq!(verify(&record), expected, "{first:?} and {second:?}");
        }
    }
}

/// Two statements that conflict.
fn conflict() -> (Statement, Statement) {
    let all = all_statements();
    let first = all[0];
    let second = all.into_iter().find(|second| first.conflicts(second));
    (first, second.expect("two proposals in one slot"))
}

#[test]
fn both_signatures_must_be_the_nodes() {
    let (first, second) = conflict();
    let good = (signed(LIAR, &SCOPE, first), signed(LIAR, &SCOPE, second));
    let framed = [
        record(signed(2, &SCOPE, first), good.1),
        record(good.0, signed(2, &SCOPE, second)),
        record((first, good.1.1), good.1),
        record(good.0, (second, good.0.1)),
        Malpractice {
            node: node(2),
            ..record(good.0, good.1)
        },
    ];
    assert_eq!(verify(&record(good.0, good.1)), Ok(()));
    for record in framed {
        assert_eq!(verify(&record), Err(NoMalpractice::BadSignature));
    }
}

#[test]
fn statements_of_two_scopes_prove_nothing_together() {
    let (first, second) = conflict();
    let later = Scope {
        epoch: Epoch::new(2),
        ..SCOPE
    };
    let record = record(signed(LIAR, &SCOPE, first), signed(LIAR, &later, second));
    assert_eq!(verify(&record), Err(NoMalpractice::BadSignature));
}

const COMMIT: Verdict = Verdict::Commit;
const DEADLINE: Verdict = Verdict::Abort(AbortReason::Deadline);
const REFUSED: Verdict = Verdict::Abort(AbortReason::Refused { shard: shard(2) });

/// The promise, among others of a block at `height` of `scope`, with the signature of `person`.
fn promised(person: u8, scope: &Scope, height: u64, leaf: Leaf) -> SignedLeaf {
    let other = Leaf {
        transaction: TransactionId::from_bytes([0xff; 32]),
        ..leaf
    };
    let tree = outbox_tree(&[leaf, other], None);
    let head = Head {
        scope: *scope,
        height: Height::new(height),
        previous: Hash::ZERO,
        block: Hash::ZERO,
        time: Time::from_ms(height),
        results: Hash::ZERO,
        outbox: tree.root(),
        state: None,
    };
    SignedLeaf {
        signature: secret(person).sign(&head.statement().signing_bytes(scope)),
        head,
        leaf,
        proof: tree.prove(0).expect("the first leaf"),
    }
}

fn leaf(to: u32, promise: Promise) -> Leaf {
    Leaf {
        to: shard(to),
        transaction: TransactionId::from_bytes([7; 32]),
        valid_until: Time::from_ms(1_000),
        promise,
    }
}

/// A promise of the liar to shard 2.
fn by_liar(height: u64, promise: Promise) -> SignedLeaf {
    promised(LIAR, &SCOPE, height, leaf(2, promise))
}

#[track_caller]
fn check(first: &SignedLeaf, second: &SignedLeaf, expected: Result<(), NoMalpractice>) {
    for (first, second) in [(first, second), (second, first)] {
        let record = Malpractice {
            node: node(LIAR),
            lie: Lie::Promises {
                first: Box::new(first.clone()),
                second: Box::new(second.clone()),
            },
        };
        assert_eq!(verify(&record), expected, "{record:?}");
    }
}

#[test]
fn two_promises_prove_malpractice_exactly_if_one_is_to_commit_and_the_other_to_abort() {
    let verdicts = [COMMIT, DEADLINE, REFUSED];
    let votes = verdicts.map(Promise::Prepared);
    let decisions = verdicts.map(Promise::Accept);
    let others = [Promise::NoDecision, Promise::Acknowledged];
    let all = || votes.into_iter().chain(decisions).chain(others);
    for first in all() {
        for second in all() {
            let pair = [first, second];
            let opposite = |of: fn(Verdict) -> Promise| {
                pair.contains(&of(COMMIT))
                    && (pair.contains(&of(DEADLINE)) || pair.contains(&of(REFUSED)))
            };
            let expected = if opposite(Promise::Prepared) || opposite(Promise::Accept) {
                Ok(())
            } else {
                Err(NoMalpractice::NoConflict)
            };
            for height in [5, 6] {
                check(&by_liar(5, first), &by_liar(height, second), expected);
            }
        }
    }
}

#[test]
fn conflicting_promises_may_be_made_to_anyone_at_any_height_and_in_any_epoch() {
    let first = by_liar(5, Promise::Prepared(COMMIT));
    let later = Scope {
        epoch: Epoch::new(2),
        ..SCOPE
    };
    for to in [2, 3] {
        for height in [5, 6, 1 << 40] {
            for scope in [SCOPE, later] {
                let abort = leaf(to, Promise::Prepared(DEADLINE));
                check(&first, &promised(LIAR, &scope, height, abort), Ok(()));
            }
        }
    }
}

#[test]
fn promises_of_two_shards_networks_or_transactions_prove_nothing_together() {
    let first = by_liar(5, Promise::Accept(COMMIT));
    let abort = leaf(2, Promise::Accept(DEADLINE));
    let elsewhere = [
        Scope {
            shard: shard(4),
            ..SCOPE
        },
        Scope {
            network: NetworkId::from_bytes([8; 32]),
            ..SCOPE
        },
    ];
    for scope in elsewhere {
        let second = promised(LIAR, &scope, 5, abort);
        check(&first, &second, Err(NoMalpractice::NoConflict));
    }
    let of_another = Leaf {
        transaction: TransactionId::from_bytes([8; 32]),
        ..abort
    };
    let second = promised(LIAR, &SCOPE, 5, of_another);
    check(&first, &second, Err(NoMalpractice::NoConflict));
}

#[test]
fn a_promise_counts_against_who_signed_the_head_above_it() {
    let first = by_liar(5, Promise::Prepared(COMMIT));
    let second = by_liar(6, Promise::Prepared(DEADLINE));
    check(&first, &second, Ok(()));

    let by_another = promised(2, &SCOPE, 6, second.leaf);
    check(&first, &by_another, Err(NoMalpractice::BadSignature));
    let mut other_head = second.clone();
    other_head.head.height = Height::new(7);
    check(&first, &other_head, Err(NoMalpractice::BadSignature));

    let mut not_under = second.clone();
    not_under.leaf.valid_until = Time::from_ms(1_001);
    check(&first, &not_under, Err(NoMalpractice::Path));
    let mut other_place = second;
    other_place.proof.index = 1;
    check(&first, &other_place, Err(NoMalpractice::Path));
}

#[test]
fn a_lie_is_told_in_the_name_of_one_shard() {
    let (first, second) = conflict();
    let record = record(signed(LIAR, &SCOPE, first), signed(LIAR, &SCOPE, second));
    assert_eq!(record.lie.told_in(), (NETWORK, shard(1)));
    let [first, second] =
        [COMMIT, DEADLINE].map(|verdict| Box::new(by_liar(5, Promise::Prepared(verdict))));
    let lie = Lie::Promises { first, second };
    assert_eq!(lie.told_in(), (NETWORK, shard(1)));
}

#[test]
fn a_record_with_one_bit_changed_proves_nothing() {
    let (first, second) = conflict();
    let heads = [1, 2].map(|hash| Statement::Head {
        height: Height::new(5),
        head: Hash::from_bytes([hash; 32]),
    });
    let of = |first, second| record(signed(LIAR, &SCOPE, first), signed(LIAR, &SCOPE, second));
    let mut records = vec![of(first, second), of(heads[0], heads[1])];
    records.extend(broken_promises().map(|(_, record)| record));
    for record in records {
        assert_eq!(verify(&record), Ok(()));
        let bytes = encoding::encode(&record);
        for bit in 0..8 * bytes.len() {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let proves = encoding::decode::<Malpractice>(&changed, changed.len())
                .is_ok_and(|changed| verify(&changed).is_ok());
            assert!(!proves, "bit {bit} of {record:?}");
        }
    }
}

#[test]
fn what_a_shard_says_in_two_parcels_proves_that_those_lied_who_signed_both() {
    let parcels = [COMMIT, DEADLINE].map(|verdict| {
        let vote = leaf(2, Promise::Prepared(verdict));
        let mut leaves = [1, 5, 9].map(|transaction| Leaf {
            transaction: TransactionId::from_bytes([transaction; 32]),
            ..vote
        });
        leaves[1] = vote;
        let one = promised(LIAR, &SCOPE, 5, vote);
        let tree = outbox_tree(&leaves, None);
        let head = Head {
            outbox: tree.root(),
            ..one.head
        };
        let statement = head.statement();
        let signer = |person: u8| {
            let seat = Seat::new(usize::from(person) - 1).expect("few seats");
            (seat, signed(person, &SCOPE, statement).1)
        };
        Parcel {
            leaves: leaves.to_vec(),
            proof: tree.prove_range(0, 3).expect("all leaves"),
            head: HeadCertificate {
                certificate: Certificate {
                    statement,
                    signatures: [LIAR, 3, 4].map(signer).to_vec(),
                },
                head,
            },
        }
    });
    let seat = |index| Seat::new(index).expect("few seats");
    for person in [LIAR, 3, 4] {
        let [first, second] = [0, 1].map(|parcel: usize| {
            let leaf = parcels[parcel].signed_leaf(1, seat(usize::from(person) - 1));
            Box::new(leaf.expect("it signed the head"))
        });
        let record = Malpractice {
            node: node(person),
            lie: Lie::Promises { first, second },
        };
        assert_eq!(verify(&record), Ok(()));
    }
    assert_eq!(parcels[0].signed_leaf(1, seat(1)), None, "it did not sign");
    assert_eq!(parcels[0].signed_leaf(3, seat(0)), None, "no such leaf");
}
