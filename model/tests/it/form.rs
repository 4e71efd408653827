//! What makes a transaction well-formed, and each way in which it is not.

use model::key::Zip215;
use model::transaction::Malformed;
use model::{
    Authorization, Mode, NetworkId, Object, Output, ShardId, Time, Trace, Transaction, bounds,
};

use crate::world::{
    NETWORK, OPEN, created, key, output, secret, shard, sign, thing, trace, transaction,
};

/// Objects in the shards 0, 1 and 2.
fn objects() -> [Object; 3] {
    [0, 1, 2].map(|home| thing(OPEN, 0, home))
}

/// A transaction that is well-formed, and has something of everything.
fn good() -> Transaction {
    let [a, b, c] = objects();
    let below = trace(&[&a], 2);
    let above = Trace {
        references: vec![c.id()],
        dependencies: vec![below.clone()],
        ..trace(&[&created(&below)[0], &b], 1)
    };
    transaction(&[above], &[a, b, c], &[1, 2, 3])
}

fn judge(transaction: Transaction) -> Result<(), Malformed> {
    let well_formed = transaction.check_form(&NETWORK)?;
    well_formed.verify(&mut Zip215).map(|_| ())
}

#[track_caller]
fn check(change: impl FnOnce(&mut Transaction), expected: Malformed) {
    let mut transaction = good();
    change(&mut transaction);
    assert_eq!(judge(transaction), Err(expected));
}

#[test]
fn a_transaction_with_something_of_everything_is_well_formed() {
    let transaction = good();
    let id = transaction.body.id();
    let well_formed = transaction.clone().check_form(&NETWORK).expect("good");
    assert_eq!(well_formed.id(), id);
    assert_eq!(well_formed.transaction(), &transaction);
    let authorized = well_formed.verify(&mut Zip215).expect("good");
    assert_eq!(authorized.id(), id);
    assert_eq!(authorized.signers(), [1, 2, 3].map(key).into());
}

#[test]
fn it_is_for_this_network() {
    let found = NetworkId::from_bytes([8; 32]);
    check(
        |transaction| transaction.body.network = found,
        Malformed::OtherNetwork {
            expected: NETWORK,
            found,
        },
    );
}

#[test]
fn it_does_something() {
    check(
        |transaction| transaction.body.traces.clear(),
        Malformed::Empty,
    );
}

/// Checks that this many of something are allowed and one more is not.
#[track_caller]
fn check_limit(what: &'static str, limit: usize, with: impl Fn(usize) -> Transaction) {
    assert_eq!(judge(with(limit)), Ok(()), "{limit} {what}");
    let found = limit + 1;
    let too_much = Malformed::TooMuch { what, limit, found };
    assert_eq!(judge(with(found)), Err(too_much));
}

fn of(traces: &[Trace], known: &[Object]) -> Transaction {
    transaction(traces, known, &[])
}

/// Things of one contract in one shard.
fn things(count: usize) -> Vec<Object> {
    (0..)
        .take(count)
        .map(|index| thing(OPEN, index, 0))
        .collect()
}

fn using(objects: &[Object]) -> Trace {
    trace(&objects.iter().collect::<Vec<_>>(), 0)
}

#[test]
fn it_has_not_too_many_traces() {
    check_limit("traces", bounds::TRACES_MAX, |count| {
        of(&vec![trace(&[], 0); count], &[])
    });
    // Dependencies count too.
    check_limit("traces", bounds::TRACES_MAX, |count| {
        let above = Trace {
            dependencies: vec![trace(&[], 0); count - 1],
            ..trace(&[], 0)
        };
        of(&[above], &[])
    });
}

#[test]
fn its_dependencies_are_not_nested_too_deeply() {
    let limit = bounds::DEPENDENCY_DEPTH_MAX;
    check_limit("levels of dependencies", limit, |depth| {
        let tower = (1..depth).fold(trace(&[], 0), |below, _| Trace {
            dependencies: vec![below],
            ..trace(&[], 0)
        });
        of(&[tower], &[])
    });
}

#[test]
fn it_touches_not_too_many_objects() {
    check_limit("objects", bounds::OBJECTS_MAX, |count| {
        let things = things(count);
        of(&[using(&things)], &things)
    });
    // References and outputs count too, an object as often as it is used.
    check_limit("objects", bounds::OBJECTS_MAX, |count| {
        let things = things(count - 2);
        let t = Trace {
            references: vec![things[1].id(), things[2].id()],
            outputs: vec![output(0, 0); 2],
            ..using(&things[..count - 4])
        };
        of(&[t], &things[..count - 4])
    });
}

#[test]
fn its_names_are_not_too_long() {
    check_limit("bytes in a name", bounds::NAME_BYTES_MAX, |length| {
        let procedure = "p".repeat(length);
        let t = Trace {
            procedure,
            ..trace(&[], 0)
        };
        of(&[t], &[])
    });
    check_limit("bytes in a name", bounds::NAME_BYTES_MAX, |length| {
        let [a, ..] = objects();
        let t = Trace {
            outputs: vec![Output {
                type_name: "t".repeat(length),
                ..output(0, 0)
            }],
            ..trace(&[&a], 0)
        };
        of(&[t], &[a])
    });
}

#[test]
fn it_concerns_not_too_many_shards() {
    check_limit("participants", bounds::PARTICIPANTS_MAX, |count| {
        let things: Vec<Object> = (0..).take(count).map(|home| thing(OPEN, 0, home)).collect();
        of(&[using(&things)], &things)
    });
}

#[test]
fn it_has_not_too_many_signatures() {
    check_limit("authorizations", bounds::AUTHORIZATIONS_MAX, |count| {
        let people: Vec<u8> = (0..).take(count).collect();
        transaction(&[trace(&[], 0)], &[], &people)
    });
}

#[test]
fn it_has_not_too_many_openings() {
    let things = things(bounds::OBJECTS_MAX + 1);
    let mut openings = things.clone();
    openings.sort_by_key(Object::id);
    let transaction = Transaction {
        openings,
        ..of(&[trace(&[], 0)], &[])
    };
    assert_eq!(
        judge(transaction),
        Err(Malformed::TooMuch {
            what: "openings",
            limit: bounds::OBJECTS_MAX,
            found: bounds::OBJECTS_MAX + 1,
        })
    );
}

#[test]
fn it_is_not_too_long() {
    let with = |padding: usize| {
        let t = Trace {
            local_parameters: vec![0; padding].into(),
            ..trace(&[], 0)
        };
        of(&[t], &[])
    };
    let limit = bounds::TRANSACTION_BYTES_MAX;
    let length = |transaction: &Transaction| model::encoding::encode(transaction).len();
    // From 256 bytes on, a byte string of up to 65,535 has a head of three bytes.
    let around = length(&with(1_000)) - 1_000;
    check_limit("bytes", limit, |bytes| {
        let transaction = with(bytes - around);
        assert_eq!(length(&transaction), bytes);
        transaction
    });
}

fn openings(what: &'static str, object: &Object) -> Malformed {
    Malformed::Openings {
        what,
        object: object.id(),
    }
}

#[test]
fn every_free_object_is_opened() {
    for index in 0..3 {
        let missing = good().openings[index].clone();
        check(
            |transaction| {
                transaction.openings.remove(index);
            },
            openings("missing is", &missing),
        );
    }
}

#[test]
fn nothing_else_is_opened() {
    let insert = |transaction: &mut Transaction, object: &Object| {
        transaction.openings.push(object.clone());
        transaction.openings.sort_by_key(Object::id);
    };
    let stranger = thing(OPEN, 77, 0);
    check(|t| insert(t, &stranger), openings("unused is", &stranger));
    // What the transaction itself creates is not free.
    let made = created(&good().body.traces[0].dependencies[0]).remove(0);
    check(|t| insert(t, &made), openings("unused is", &made));
}

#[test]
fn openings_are_in_the_order_of_their_identifiers() {
    let [first, second, _] = <[Object; 3]>::try_from(good().openings).expect("three openings");
    check(
        |t| t.openings.swap(0, 1),
        openings("out of order is", &first),
    );
    check(
        |t| t.openings.insert(1, second.clone()),
        openings("out of order is", &second),
    );
}

#[test]
fn an_opening_with_another_content_is_another_object() {
    for change in [
        |object: &mut Object| object.content = [1].into(),
        |object: &mut Object| object.home = shard(9),
        |object: &mut Object| object.object_type.name.push('s'),
        |object: &mut Object| object.index += 1,
    ] {
        let mut transaction = good();
        let true_object = transaction.openings[0].clone();
        change(&mut transaction.openings[0]);
        transaction.openings.sort_by_key(Object::id);
        assert_eq!(
            judge(transaction),
            Err(openings("missing is", &true_object))
        );
    }
}

#[test]
fn the_participants_are_the_shards_concerned_in_order() {
    let derived: Vec<ShardId> = [0, 1, 2].map(shard).into();
    for declared in [
        vec![],
        vec![0, 1],
        vec![0, 1, 2, 3],
        vec![1, 0, 2],
        vec![0, 1, 1, 2],
    ] {
        let declared: Vec<ShardId> = declared.into_iter().map(shard).collect();
        check(
            |transaction| transaction.body.participants = declared.clone(),
            Malformed::Participants {
                declared: declared.clone(),
                derived: derived.clone(),
            },
        );
    }
    check(
        |transaction| transaction.body.mode = Mode::Decider(shard(5)),
        Malformed::Participants {
            declared: derived,
            derived: [0, 1, 2, 5].map(shard).into(),
        },
    );
}

#[test]
fn authorizations_strictly_ascend_by_key() {
    let swap = |transaction: &mut Transaction| transaction.authorizations.swap(0, 1);
    check(swap, Malformed::Authorizations);
    let repeat = |transaction: &mut Transaction| {
        let first = transaction.authorizations[0].clone();
        transaction.authorizations.insert(0, first);
    };
    check(repeat, Malformed::Authorizations);
}

#[test]
fn every_signature_is_over_this_transaction() {
    for index in 0..3 {
        let signer = good().authorizations[index].key;
        let bad = Malformed::BadSignature { key: signer };
        let other = good().authorizations[(index + 1) % 3].signature;
        check(|t| t.authorizations[index].signature = other, bad.clone());
        let other_id = of(&[trace(&[], 0)], &[]).body.id();
        let person = [1, 2, 3].into_iter().find(|person| key(*person) == signer);
        let other = Authorization::new(&secret(person.expect("a signer")), &other_id);
        check(|t| t.authorizations[index] = other, bad);
    }
}

#[test]
fn a_signed_body_cannot_be_changed() {
    let key = good().authorizations[0].key;
    let changes: [fn(&mut Transaction); 6] = [
        |transaction| transaction.body.nonce = [8; 16],
        |transaction| transaction.body.valid_until = Time::from_ms(1_001),
        |transaction| transaction.body.mode = Mode::Decider(shard(0)),
        |transaction| transaction.body.traces[0].procedure.push('!'),
        |transaction| transaction.body.traces[0].local_returns = [1].into(),
        |transaction| transaction.body.traces[0].outputs[0].content = [1].into(),
    ];
    for change in changes {
        check(change, Malformed::BadSignature { key });
    }
}

#[test]
fn openings_and_signatures_are_not_part_of_the_identifier() {
    let signed = good();
    let unsigned = sign(signed.body.clone(), Vec::new(), &[]);
    assert_eq!(signed.body.id(), unsigned.body.id());
}
