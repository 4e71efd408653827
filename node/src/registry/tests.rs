//! What a node takes for true about shards.

use contracts::Content as _;
use model::encoding::Bytes;
use model::merkle::Lookup;
use model::outbox::outbox_tree;
use model::receipt::CertifiedResult;
use model::result::results_tree;
use model::shard::Seat;
use model::statement::Scope;
use model::transaction::TransactionBody;
use model::{
    AbortReason, Authorization, Certificate, HandOver, Hash, Head, HeadCertificate, Height, Mode,
    NodeDescriptor, Object, ObjectType, SecretKey, Time, Trace, TraceId, Transaction,
    TransactionResult,
};
use system_contracts::manage_shards::Shard;

use super::*;
use crate::testing::{SHARD, genesis, member_key, node, registry};

/// The shard that is founded in these tests.
const NEW: ShardId = ShardId::new(1);

fn describe(number: usize) -> NodeDescriptor {
    NodeDescriptor {
        name: format!("node-{number}"),
        node: node(number),
        addresses: Vec::new(),
    }
}

pub(crate) fn record() -> ShardRecord {
    ShardRecord::founded(NEW, (10..14).map(describe).collect(), 7)
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

/// A shard says that a record follows, as all of its members sign.
fn change(before: &ShardRecord, next: &ShardRecord) -> EpochChange {
    let committee = before.committee(genesis().network()).unwrap();
    let tree = outbox_tree(&[], Some(next));
    let scope = *committee.scope();
    let head = Head {
        scope,
        height: Height::new(10 + before.epoch.number()),
        previous: Hash::ZERO,
        block: Hash::ZERO,
        time: Time::from_ms(5),
        results: Hash::ZERO,
        outbox: tree.root(),
        state: None,
    };
    let statement = head.statement();
    let bytes = statement.signing_bytes(&scope);
    let signatures = committee.seats().map(|seat| {
        let mut numbers = 0..50;
        let number = numbers.find(|number| Some(node(*number)) == committee.member(seat));
        (
            seat,
            member_key(number.expect("a node of these tests")).sign(&bytes),
        )
    });
    let certificate = Certificate {
        statement,
        signatures: signatures.collect(),
    };
    EpochChange {
        next: next.clone(),
        hand_over: HandOver {
            head: HeadCertificate { head, certificate },
            proof: tree.prove(0).unwrap(),
        },
    }
}

/// The record of these nodes after another one.
fn after(before: &ShardRecord, numbers: std::ops::Range<usize>) -> ShardRecord {
    let members = numbers.map(describe).collect();
    before.followed_by(members, 7).expect("a number")
}

/// The root shard has committed that this is the record of a shard.
fn recording(record: &ShardRecord) -> Act {
    let update = transaction(manage_shards::UPDATE, record);
    decided(update, Outcome::Committed, 0, &[0, 1, 2])
}

fn bounded(superseded_max: usize, epochs_ahead_max: u64) -> Registry {
    let bounds = Bounds {
        superseded_max,
        epochs_ahead_max,
    };
    Registry::bounded(node(0), &genesis(), bounds)
}

#[test]
fn what_the_root_shard_has_not_looked_at_is_no_record() {
    let mut elsewhere = transaction(manage_shards::CREATE, &record());
    elsewhere.body.traces[0].outputs = vec![Shard(record()).output(NEW)];
    elsewhere.body.participants = vec![SHARD, NEW];

    let mut passing = transaction(manage_shards::CREATE, &record());
    let create = passing.body.traces[0].clone();
    let made = create.objects(create.id(&passing.body.network)).next();
    passing.body.traces.push(Trace {
        procedure: manage_shards::UPDATE.to_owned(),
        inputs: vec![made.expect("the only output").id()],
        outputs: vec![Shard(record()).output(NEW)],
        ..create
    });
    passing.body.participants = vec![SHARD, NEW];

    let registry = registry();
    for transaction in [elsewhere, passing] {
        let formed = transaction.clone().check_form(&genesis().network());
        let mandate = formed.unwrap().trust().footprint().mandate(SHARD);
        assert!(!mandate.contains(&manage_shards::id()));
        let act = decided(transaction, Outcome::Committed, 0, &[0, 1, 2]);
        assert!(matches!(registry.enact(act), Err(NotAnAct::NoRecord)));
    }
    assert_eq!(registry.known().directory.current(NEW), None);
    assert_eq!(registry.known().on_ledger(NEW), None);
}

#[test]
fn a_spoiled_copy_of_an_act_is_refused_and_displaces_nothing() {
    let token = Object {
        trace: TraceId::from_bytes([0; 32]),
        index: 0,
        object_type: ObjectType {
            contract: manage_shards::id(),
            name: "Token".to_owned(),
        },
        home: SHARD,
        content: Bytes::default(),
    };
    let mut founding = transaction(manage_shards::CREATE, &record());
    founding.body.traces[0].inputs = vec![token.id()];
    founding.openings = vec![token];
    let payer = SecretKey::from_seed([9; 32]);
    founding.authorizations = vec![Authorization::new(&payer, &founding.body.id())];
    let good = decided(founding, Outcome::Committed, 0, &[0, 1, 2]);

    let registry = registry();
    let refused = |spoil: &dyn Fn(&mut Transaction)| {
        let mut act = good.clone();
        spoil(&mut act.transaction);
        let refused = registry.enact(act);
        assert!(
            matches!(refused, Err(NotAnAct::Malformed(_))),
            "{refused:?}"
        );
    };
    refused(&|transaction| transaction.openings.clear());
    refused(&|transaction| transaction.openings[0].content = [1].into());
    refused(&|transaction| {
        let id = TransactionId::from_bytes([1; 32]);
        transaction.authorizations = vec![Authorization::new(&payer, &id)];
    });
    assert!(registry.enact(good.clone()).expect("it is proven"));
    assert_eq!(registry.acts(0), Response::Acts(vec![good]));
}

#[test]
fn what_an_act_says_counts_however_many_there_were() {
    let superseded_max = 2;
    let registry = bounded(superseded_max, 100);
    assert!(registry.enact(founding()).expect("it is proven"));
    let mut last = record();
    for _ in 0..20 {
        last = after(&last, 10..14);
        assert!(registry.enact(recording(&last)).expect("it is proven"));
        // Its founding and its last record, and what these have taken the place of.
        assert!(registry.known().acts_after(0).len() <= 2 + superseded_max);
    }
    let left = last.without(&node(11)).expect("a member");
    let object = transaction(manage_shards::OBJECT, &left);
    let object = decided(object, Outcome::Committed, 0, &[0, 1, 2]);
    assert!(registry.enact(object.clone()).expect("it is proven"));
    assert!(!registry.enact(object.clone()).expect("it is known"));
    let known = registry.known();
    assert_eq!(known.on_ledger(NEW), Some(&left));
    // What has come is told once, and all that is needed to whoever asks.
    assert_eq!(known.acts_known(), 22);
    assert!(known.acts_after(22).is_empty());
    let told = known.acts_after(21).last().map(|act| &**act);
    assert_eq!(told, Some(&object));
    let newcomer = bounded(superseded_max, 100);
    let Response::Acts(acts) = registry.acts(0) else {
        panic!("acts are asked for");
    };
    for act in acts {
        newcomer.enact(act).expect("it is proven");
    }
    assert_eq!(newcomer.known().on_ledger(NEW), Some(&left));
    assert!(newcomer.known().directory.current(NEW).is_some());
    // What was superseded is no news any more.
    let old = recording(&after(&record(), 10..14));
    assert!(!registry.enact(old).expect("of no use"));
}

#[test]
fn the_founding_of_a_shard_that_is_known_is_kept_for_others() {
    let registry = registry();
    registry.trust(&[Fact::Founded(record())]);
    let later = recording(&after(&record(), 11..15));
    assert!(registry.enact(later.clone()).expect("it is proven"));
    assert!(registry.enact(founding()).expect("it is proven"));
    let all = vec![later, founding()];
    assert_eq!(registry.acts(0), Response::Acts(all));
}

#[test]
fn a_node_joins_a_shard_by_whose_founding_it_has_agreed() {
    let registry = Registry::new(node(20), &genesis());
    assert!(registry.enact(founding()).expect("it is proven"));
    let known = registry.known();
    let nobody = |_: &ShardRecord| false;
    assert_eq!(known.shard_to_join(&node(0), nobody), Some(SHARD));
    assert_eq!(known.shard_to_join(&node(10), nobody), Some(NEW));
    assert_eq!(known.shard_to_join(&node(20), nobody), None);
    assert_eq!(known.shard_for(&node(10)), Some(NEW));
}

#[test]
fn a_shard_that_says_itself_that_it_has_a_node_has_to_wait_for_the_root_shard() {
    let registry = Registry::new(node(14), &genesis());
    assert!(registry.enact(founding()).expect("it is proven"));
    let nobody = |_: &ShardRecord| false;
    let second = after(&record(), 11..15);
    let learned = registry.learn(change(&record(), &second));
    assert!(learned.expect("the shard says so"));
    let known = registry.known();
    assert_eq!(known.directory.shard_of(&node(14)), Some(NEW));
    assert_eq!(known.shard_to_join(&node(14), nobody), None);
    assert_eq!(known.shard_for(&node(14)), None);
    // Who is in the shard already is not asked again.
    assert_eq!(known.shard_to_join(&node(11), nobody), Some(NEW));
    // Who has left it and is listed again is.
    let third = after(&second, 12..16);
    let fourth = after(&third, 11..15);
    for [before, next] in [[&second, &third], [&third, &fourth]] {
        registry.learn(change(before, next)).expect("it is proven");
    }
    let known = registry.known();
    assert_eq!(known.shard_to_join(&node(11), nobody), None);
    assert_eq!(known.shard_to_join(&node(12), nobody), Some(NEW));

    assert!(registry.enact(recording(&second)).expect("it is proven"));
    let known = registry.known();
    assert_eq!(known.shard_to_join(&node(14), nobody), Some(NEW));
    assert_eq!(known.shard_to_join(&node(11), nobody), None);
    assert!(registry.enact(recording(&fourth)).expect("it is proven"));
    let known = registry.known();
    assert_eq!(known.shard_to_join(&node(11), nobody), Some(NEW));
}

#[test]
fn a_node_that_agrees_does_not_wait_and_what_the_root_shard_says_comes_first() {
    let registry = Registry::new(node(14), &genesis());
    assert!(registry.enact(founding()).expect("it is proven"));
    let second = after(&record(), 11..15);
    let learned = registry.learn(change(&record(), &second));
    assert!(learned.expect("the shard says so"));
    let agrees = |record: &ShardRecord| *record == second;
    let known = registry.known();
    assert_eq!(known.shard_to_join(&node(14), agrees), Some(NEW));
    // A shard with a higher number was founded with the node.
    let other = ShardRecord::founded(ShardId::new(2), (14..18).map(describe).collect(), 7);
    let create = transaction(manage_shards::CREATE, &other);
    let create = decided(create, Outcome::Committed, 0, &[0, 1, 2]);
    assert!(registry.enact(create).expect("it is proven"));
    let known = registry.known();
    assert_eq!(known.directory.shard_of(&node(14)), Some(NEW));
    assert_eq!(known.shard_to_join(&node(14), agrees), Some(other.shard));
}

#[test]
fn the_root_shard_needs_no_record_of_its_own_members() {
    let registry = Registry::new(node(4), &genesis());
    let first = genesis().record(SHARD).unwrap();
    let second = after(&first, 2..6);
    let learned = registry.learn(change(&first, &second));
    assert!(learned.expect("the shard says so"));
    let nobody = |_: &ShardRecord| false;
    let shard = registry.known().shard_to_join(&node(4), nobody);
    assert_eq!(shard, Some(SHARD));
}

#[test]
fn a_shard_is_followed_so_far_as_the_root_shard_has_recorded_it_and_a_little_further() {
    let registry = bounded(2, 2);
    assert!(registry.enact(founding()).expect("it is proven"));
    let mut records = vec![record()];
    for _ in 0..4 {
        records.push(after(&records[records.len() - 1], 10..14));
    }
    let learn = |at: usize| registry.learn(change(&records[at - 1], &records[at]));
    for at in [1, 2] {
        assert!(learn(at).expect("it is not far ahead"));
    }
    match learn(3) {
        Err(NotLearned::Unrecorded { shard, recorded }) => {
            assert_eq!((shard, recorded), (NEW, Epoch::ZERO));
        }
        other => panic!("{other:?}"),
    }
    assert!(
        registry
            .enact(recording(&records[1]))
            .expect("it is proven")
    );
    assert!(learn(3).expect("it is not far ahead"));
    assert!(matches!(learn(4), Err(NotLearned::Unrecorded { .. })));
    // What comes of the replica is followed: its shard has agreed on it.
    let told = change(&records[3], &records[4]);
    registry.trust(&[Fact::Changed(told)]);
    let current = registry.known().directory.current(NEW).cloned();
    assert_eq!(current.unwrap().scope().epoch, Epoch::new(4));
    // What the root shard itself is comes before what it has recorded.
    let mut before = genesis().record(SHARD).unwrap();
    for _ in 0..4 {
        let next = after(&before, 0..4);
        assert!(registry.learn(change(&before, &next)).expect("it is root"));
        before = next;
    }
}

#[test]
fn a_record_that_is_none_is_refused_whoever_has_signed_it() {
    let registry = registry();
    assert!(registry.enact(founding()).expect("it is proven"));
    let crowded = after(&record(), 10..15);
    let refused = registry.learn(change(&record(), &crowded));
    let reason = model::membership::BadRecord::Form(5);
    let reason = model::epoch::BadChange::Record(reason);
    match refused {
        Err(NotLearned::Fact(NotAFact::Change(found))) => assert_eq!(found, reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_long_list_of_one_shard_hides_no_other() {
    let registry = registry();
    assert!(registry.enact(founding()).expect("it is proven"));
    let mut before = genesis().record(SHARD).unwrap();
    for _ in 0..3 {
        let next = after(&before, 0..4);
        registry
            .learn(change(&before, &next))
            .expect("it is proven");
        before = next;
    }
    let second = after(&record(), 11..15);
    let learned = registry.learn(change(&record(), &second));
    assert!(learned.expect("the shard says so"));
    let since = [(SHARD, Epoch::ZERO), (NEW, Epoch::ZERO)];
    let Ok(Response::Changes(changes)) = registry.changes(&since) else {
        panic!("changes are asked for");
    };
    let told = changes.iter().map(|change| {
        let next = &change.next;
        (next.shard.number(), next.epoch.number())
    });
    let told: Vec<_> = told.collect();
    assert_eq!(told, [(0, 1), (1, 1), (0, 2), (0, 3)]);
}

#[test]
fn all_shards_are_asked_about_in_turn() {
    let registry = registry();
    let last = u32::try_from(SHARDS_ASKED_MAX).unwrap() + 1;
    let founded = (1..=last).map(|number| {
        Fact::Founded(ShardRecord {
            shard: ShardId::new(number),
            ..record()
        })
    });
    registry.trust(&founded.collect::<Vec<_>>());
    let asked = |turn| match registry.question(turn) {
        Request::Changes(shards) => shards.into_iter().map(|(shard, _)| shard.number()),
        other => panic!("{other:?}"),
    };
    let asked = |turn| asked(turn).collect::<Vec<u32>>();
    for turn in 0..3 {
        assert_eq!(asked(turn).len(), SHARDS_ASKED_MAX);
        assert_eq!(asked(turn).first(), Some(&0));
    }
    assert!(!asked(0).contains(&last));
    assert!(asked(1).contains(&last));
}
