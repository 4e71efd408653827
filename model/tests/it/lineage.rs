//! From the genesis document to shards that were founded and members that changed, and each step that
//! leads nowhere.

use std::collections::BTreeMap;

use model::api::Act;
use model::genesis::GenesisMapping;
use model::key::Zip215;
use model::lineage::{
    BadStep, CONTRACT, CREATE, Lineage, NoSigners, RECORD_TYPE, Recorded, Step, recorded,
};
use model::outbox::outbox_tree;
use model::receipt::{BadReceipt, Unproven};
use model::{
    Committee, ContractId, Epoch, EpochChange, Genesis, HandOver, Mapping, Mode, NotAFact, Object,
    Outcome, Output, Receipt, ShardId, ShardRecord, Time, Trace, Transaction, TransactionBody,
    encoding, placement,
};

use crate::membership::describe;
use crate::samples::{certified_by, signed_head};
use crate::world::{OPEN, OTHER, output, shard, sign, thing, trace, transaction};

/// The root shard, of the first people in the document.
const ROOT: ShardId = shard(1);

/// The shard that is founded, of the people 11 to 14.
const FOUNDED: ShardId = shard(5);

fn contract() -> ContractId {
    ContractId::system(CONTRACT)
}

/// The document of the samples, in a network in which shards are founded.
fn genesis() -> Genesis {
    let mut genesis = crate::genesis::genesis();
    genesis.mappings.push(GenesisMapping {
        contract: contract(),
        mapping: Mapping {
            homes: vec![ROOT],
            deciders: vec![ROOT],
            frozen: Vec::new(),
        },
    });
    genesis.mappings.sort_by_key(|mapping| mapping.contract);
    genesis
}

fn committee(record: &ShardRecord) -> Committee {
    let committee = record.committee(genesis().network());
    committee.expect("nodes that may form a shard")
}

/// The record of these people after another one.
fn after(before: &ShardRecord, people: std::ops::RangeInclusive<u8>) -> ShardRecord {
    let next = before.followed_by(people.map(describe).collect(), 9);
    next.expect("a number")
}

fn of_root() -> [ShardRecord; 2] {
    let first = genesis().record(ROOT).expect("it is in the document");
    let second = after(&first, 15..=18);
    [first, second]
}

fn of_founded() -> [ShardRecord; 2] {
    let members = (11..=14).map(describe).collect();
    let first = ShardRecord::founded(FOUNDED, members, 7);
    let second = after(&first, 12..=15);
    [first, second]
}

/// A shard ends an epoch at a height.
fn changed([before, next]: &[ShardRecord; 2], height: u64) -> EpochChange {
    let tree = outbox_tree(&[], Some(next));
    EpochChange {
        next: next.clone(),
        hand_over: HandOver {
            head: signed_head(&committee(before), height, tree.root()),
            proof: tree.prove(0).expect("the only leaf"),
        },
    }
}

/// A transaction by person 1 that consumes some things.
fn consuming(things: &[Object], calls: Trace, mode: Mode) -> Transaction {
    let mut body = transaction(&[calls], things, &[]).body;
    body.network = genesis().network();
    body.mode = mode;
    body.valid_until = Time::from_ms(2_000);
    let mut openings = things.to_vec();
    openings.sort_by_key(Object::id);
    sign(body, openings, &[1])
}

fn record_output(record: &ShardRecord) -> Output {
    Output {
        type_name: RECORD_TYPE.to_owned(),
        home: ROOT,
        content: encoding::encode(record).into(),
    }
}

/// The root shard has founded the other one, in its second epoch; `change` alters the call.
fn founding(change: impl FnOnce(&mut Trace)) -> Act {
    let token = thing(contract(), 0, ROOT.number());
    let mut call = Trace {
        contract: contract(),
        procedure: CREATE.to_owned(),
        outputs: vec![record_output(&of_founded()[0])],
        ..trace(&[&token], 0)
    };
    change(&mut call);
    let transaction = consuming(&[token], call, Mode::AllVotes);
    let id = transaction.body.id();
    Act {
        result: certified_by(&committee(&of_root()[1]), 12, id),
        transaction,
    }
}

/// All that there is to know.
fn steps() -> Vec<Step> {
    vec![
        Step::Changed(Box::new(changed(&of_root(), 9))),
        Step::Founded(Box::new(founding(|_| ()))),
        Step::Changed(Box::new(changed(&of_founded(), 3))),
    ]
}

fn nothing() -> Lineage {
    Lineage::of_genesis(&genesis()).expect("a sound document")
}

/// What is known after some steps.
fn known(steps: &[Step]) -> Lineage {
    let mut lineage = nothing();
    for step in steps {
        assert_eq!(lineage.take(step, &mut Zip215), Ok(true));
    }
    lineage
}

/// A receipt of a transaction of the root shard and the one that was founded, each in a later epoch.
pub(crate) fn receipt() -> Receipt {
    let things = [
        thing(OPEN, 0, ROOT.number()),
        thing(OTHER, 1, FOUNDED.number()),
    ];
    let calls = Trace {
        outputs: vec![output(ROOT.number(), 5)],
        dependencies: vec![Trace {
            contract: OTHER,
            ..trace(&[&things[1]], 0)
        }],
        ..trace(&[&things[0]], 0)
    };
    let transaction = consuming(&things, calls, Mode::Decider(ROOT));
    let id = transaction.body.id();
    Receipt {
        genesis: genesis(),
        steps: steps(),
        transaction,
        results: vec![
            certified_by(&committee(&of_root()[1]), 13, id),
            certified_by(&committee(&of_founded()[1]), 4, id),
        ],
    }
}

#[test]
fn steps_lead_to_a_shard_that_was_founded_and_has_changed() {
    let lineage = known(&steps());
    assert_eq!(lineage.root(), Some(ROOT));
    let directory = lineage.directory();
    for records in [of_root(), of_founded()] {
        let [first, second] = records;
        let of = first.shard;
        assert_eq!(directory.record(of, Epoch::ZERO), Some(&first));
        assert_eq!(directory.last_record(of), Some(&second));
    }
    let mut again = lineage.clone();
    for step in steps() {
        assert_eq!(again.take(&step, &mut Zip215), Ok(false));
    }
    assert_eq!(lineage.steps(), steps());
}

#[test]
fn only_the_steps_that_are_needed_are_told() {
    let lineage = known(&steps());
    let to = |of: &[(ShardId, u64)]| {
        let of = of.iter().map(|(shard, epoch)| (*shard, Epoch::new(*epoch)));
        lineage.steps_to(&of.collect::<BTreeMap<_, _>>())
    };
    assert_eq!(to(&[]), []);
    assert_eq!(to(&[(ROOT, 0), (shard(4), 0)]), []);
    assert_eq!(to(&[(ROOT, 1)]), steps()[..1]);
    assert_eq!(to(&[(FOUNDED, 0)]), steps()[..2]);
    assert_eq!(to(&[(ROOT, 0), (FOUNDED, 1)]), steps());
    assert_eq!(to(&[(shard(6), 3)]), []);
}

#[track_caller]
fn no_founding(act: Act, expected: &BadStep) {
    let step = Step::Founded(Box::new(act));
    let mut lineage = known(&steps()[..1]);
    assert_eq!(lineage.take(&step, &mut Zip215), Err(expected.clone()));
}

#[test]
fn what_founds_no_shard_is_refused() {
    let nothing = &BadStep::NoFounding;
    no_founding(founding(|call| call.contract = OPEN), nothing);
    no_founding(founding(|call| call.procedure = "update".into()), nothing);
    let another_type = founding(|call| call.outputs[0].type_name = "Token".into());
    no_founding(another_type, nothing);
    no_founding(founding(|call| call.outputs[0].home = shard(4)), nothing);
    no_founding(
        founding(|call| call.outputs[0].content = [7].into()),
        nothing,
    );
    // Another decision.
    let mut aborted = founding(|_| ());
    let late = model::AbortReason::Deadline;
    aborted.result.result.outcome = Outcome::Aborted(late);
    no_founding(aborted, nothing);
    let mut other = founding(|_| ());
    other.result = founding(|call| call.procedure.push('2')).result;
    no_founding(other, nothing);
    // Another shard.
    let mut elsewhere = founding(|_| ());
    let four = genesis().record(shard(4)).expect("in the document");
    let id = elsewhere.transaction.body.id();
    elsewhere.result = certified_by(&committee(&four), 12, id);
    no_founding(elsewhere, nothing);
}

/// The root shard has committed these traces, which begin with a token in a shard of its own choice.
fn unchecked(token: &Object, traces: Vec<Trace>) -> Act {
    let mut body = TransactionBody {
        network: genesis().network(),
        nonce: [9; 16],
        valid_until: Time::from_ms(2_000),
        mode: Mode::Decider(ROOT),
        participants: Vec::new(),
        traces,
    };
    let participants = placement::participants(&body, [token.home]);
    body.participants = participants.into_iter().collect();
    let transaction = sign(body, vec![token.clone()], &[1]);
    let formed = transaction.clone().check_form(&genesis().network());
    let mandate = formed.expect("it is in form").trust();
    let mandate = mandate.footprint().mandate(ROOT);
    assert!(!mandate.contains(&contract()), "{mandate:?}");
    let id = transaction.body.id();
    Act {
        result: certified_by(&committee(&of_root()[1]), 12, id),
        transaction,
    }
}

#[test]
fn what_the_root_shard_has_committed_without_a_look_founds_nothing() {
    let elsewhere = shard(4);
    let token = thing(contract(), 0, elsewhere.number());
    let create = |home| Trace {
        contract: contract(),
        procedure: CREATE.to_owned(),
        outputs: vec![Output {
            home,
            ..record_output(&of_founded()[0])
        }],
        ..trace(&[&token], 0)
    };
    // Everything is elsewhere, and the root shard decides.
    let decided = unchecked(&token, vec![create(elsewhere)]);
    // There is a record in the root shard for a moment, and nothing is left of it.
    let create = create(ROOT);
    let record = create.objects(create.id(&genesis().network())).next();
    let gone = Trace {
        contract: contract(),
        procedure: "update".to_owned(),
        outputs: vec![output(elsewhere.number(), 5)],
        ..trace(&[&record.expect("the only output")], 0)
    };
    let passing = unchecked(&token, vec![create.clone(), gone.clone()]);
    let below = Trace {
        dependencies: vec![create],
        ..gone
    };
    let nested = unchecked(&token, vec![below]);
    for act in [decided, passing, nested] {
        assert_eq!(recorded(&act.transaction.body, ROOT), []);
        assert!(!known(&steps()[..1]).lacks(&act));
        no_founding(act, &BadStep::NoFounding);
    }
}

#[test]
fn what_is_recorded_is_what_is_left_in_the_root_shard() {
    let [first, _] = of_founded();
    let body = |act: Act| act.transaction.body;
    let founded = body(founding(|_| ()));
    let expected = [Recorded::Founded(first.clone())];
    assert_eq!(recorded(&founded, ROOT), expected);
    assert_eq!(recorded(&founded, shard(4)), []);
    let left = first.without(&first.seats[2].descriptor().node);
    let left = left.expect("a member");
    let object = body(founding(|call| {
        call.procedure = "object".to_owned();
        call.outputs = vec![output(ROOT.number(), 1), record_output(&left)];
    }));
    assert_eq!(recorded(&object, ROOT), [Recorded::Changed(left)]);
}

#[test]
fn a_founding_is_signed_by_the_root_shard_as_it_was() {
    let step = &steps()[1];
    let (of, zero) = (ROOT, Epoch::ZERO);
    let ahead = NoSigners::Ahead {
        shard: of,
        known: zero,
    };
    assert_eq!(
        nothing().take(step, &mut Zip215),
        Err(BadStep::Signers(ahead))
    );
    // The members of the first epoch, after it.
    let mut late = founding(|_| ());
    let id = late.transaction.body.id();
    late.result = certified_by(&committee(&of_root()[0]), 10, id);
    no_founding(late.clone(), &BadStep::Signers(NoSigners::AfterEnd));
    late.result = certified_by(&committee(&of_root()[0]), 9, id);
    let step = Step::Founded(Box::new(late));
    let mut lineage = known(&steps()[..1]);
    assert_eq!(lineage.take(&step, &mut Zip215), Ok(true));

    let mut unsigned = founding(|_| ());
    unsigned.result.head.certificate.signatures.pop();
    let found = known(&steps()[..1]).take(&Step::Founded(Box::new(unsigned)), &mut Zip215);
    let head = |found: &_| matches!(found, Err(BadStep::Unproven(Unproven::Head(_))));
    assert!(head(&found), "{found:?}");
}

#[test]
fn a_shard_is_not_founded_twice() {
    let found = |record: &ShardRecord| {
        let act = founding(|call| call.outputs[0] = record_output(record));
        known(&steps()[..1]).take(&Step::Founded(Box::new(act)), &mut Zip215)
    };
    let [first, second] = of_root();
    assert_eq!(found(&first), Ok(false), "it is what the document says");
    let other = ShardRecord { price: 1, ..first };
    let contradicts = NotAFact::Contradicts {
        shard: ROOT,
        epoch: Epoch::ZERO,
    };
    assert_eq!(found(&other), Err(BadStep::Fact(contradicts)));
    // No shard begins with a later epoch.
    assert_eq!(found(&second), Err(BadStep::NoFounding));
}

#[test]
fn a_receipt_brings_the_steps_to_those_who_signed() {
    let receipt = receipt();
    let proven = receipt.verify(&mut Zip215).expect("good");
    assert_eq!((proven.signatures, proven.steps), (6, 3));

    let check = |change: &dyn Fn(&mut Receipt), expected: BadReceipt| {
        let mut changed = receipt.clone();
        change(&mut changed);
        assert_eq!(changed.verify(&mut Zip215), Err(expected));
    };
    let ahead = |shard| BadReceipt::Signers {
        shard,
        reason: NoSigners::Ahead {
            shard,
            known: Epoch::ZERO,
        },
    };
    check(&|receipt| drop(receipt.steps.pop()), ahead(FOUNDED));
    let unknown = BadReceipt::Signers {
        shard: FOUNDED,
        reason: NoSigners::UnknownShard(FOUNDED),
    };
    check(&|receipt| receipt.steps.truncate(1), unknown);
    let first = BadReceipt::Step {
        at: 1,
        reason: BadStep::Signers(NoSigners::Ahead {
            shard: ROOT,
            known: Epoch::ZERO,
        }),
    };
    check(&|receipt| drop(receipt.steps.remove(0)), first);
    let twice = |receipt: &mut Receipt| receipt.steps.extend(steps().into_iter().take(1));
    check(&twice, BadReceipt::OldStep(4));
    // Members of an epoch that was over.
    let usurped = |receipt: &mut Receipt| {
        let id = receipt.transaction.body.id();
        receipt.results[1] = certified_by(&committee(&of_founded()[0]), 4, id);
    };
    let after_end = BadReceipt::Signers {
        shard: FOUNDED,
        reason: NoSigners::AfterEnd,
    };
    check(&usurped, after_end);
}

#[test]
fn a_change_of_a_bit_of_any_byte_of_such_a_receipt_is_found() {
    let bytes = receipt().to_bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let read = Receipt::from_bytes(&changed);
        let proven = read.and_then(|receipt| receipt.verify(&mut Zip215));
        assert!(proven.is_err(), "byte {at}");
    }
}
