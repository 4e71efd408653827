//! What the procedures of ManageShards make, and why they refuse.

use contracts::{Called, Calls, Content};
use model::descriptor::BadDescriptor;
use model::hand_over::BadHandOver;
use model::head::HeadError;
use model::malpractice::NoMalpractice;
use model::membership::{BadConsent, BadRecord, NoSeat};
use model::{CertificateError, Epoch, NodeDescriptor, Object, ShardId, ShardRecord, Signature};
use system_contracts::manage_shards::{
    self, CannotRun, Create, Exclude, Succession, Token, Update,
};

use super::evidence::{LIAR, every_kind, scope, two_statements};
use super::world::{
    PRICE, ROOT, consents, founded, hand_over, next, node, people, read, shard, token,
};
use crate::world::{NETWORK, account, arguments};

fn create(
    input: Object,
    members: Vec<NodeDescriptor>,
    consents: Vec<Signature>,
) -> Result<Called<Create>, CannotRun> {
    let procedure = Create {
        members,
        price: PRICE,
    };
    Calls::new(NETWORK).call(&procedure, arguments(vec![input], consents))
}

fn update(before: &ShardRecord, seats: &[usize]) -> Result<Called<Update>, CannotRun> {
    let procedure = Update { next: next() };
    let succession = Succession {
        hand_over: hand_over(before, &next(), seats),
        consents: consents(&next(), Some(before)),
    };
    Calls::new(NETWORK).call(&procedure, arguments(vec![shard(before)], succession))
}

fn agreed() -> Vec<Signature> {
    consents(&founded(1..=4), None)
}

#[test]
fn a_founder_gets_the_number_of_the_token() {
    let called = create(token(7), people(1..=4), agreed()).expect("all agree");
    assert_eq!(called.local_returns, ShardId::new(7));
    let [counted, shard] = &*called.outputs else {
        panic!("a token and a shard");
    };
    assert_eq!(
        Token::read(manage_shards::id(), counted),
        Ok(Token {
            next: ShardId::new(8)
        })
    );
    assert_eq!(read(shard), founded(1..=4));
    assert!(
        called
            .outputs
            .iter()
            .all(|made| made.home == ShardId::new(ROOT))
    );
}

#[test]
fn a_founder_is_told_what_is_wrong() {
    let refused = |input, members, consents| create(input, members, consents).err();
    assert_eq!(
        refused(account(0, 1, 8), people(1..=4), agreed()),
        Some(CannotRun::Inputs("Token"))
    );
    assert_eq!(
        refused(token(u32::MAX), people(1..=4), agreed()),
        Some(CannotRun::Exhausted)
    );
    assert_eq!(
        refused(token(7), people(1..=5), agreed()),
        Some(BadRecord::Form(5).into())
    );
    let mut nameless = people(1..=4);
    nameless[0].name.clear();
    let (node, reason) = (nameless[0].node, BadDescriptor::Name);
    assert_eq!(
        refused(token(7), nameless, agreed()),
        Some(BadRecord::Descriptor { node, reason }.into())
    );
    assert_eq!(
        refused(token(8), people(1..=4), agreed()),
        Some(BadConsent::Signature(super::world::node(1)).into())
    );
}

#[test]
fn a_procedure_takes_one_object() {
    let procedure = Create {
        members: people(1..=4),
        price: PRICE,
    };
    for inputs in [Vec::new(), vec![token(7), token(8)]] {
        let called = Calls::new(NETWORK).call(&procedure, arguments(inputs, agreed()));
        assert_eq!(called.err(), Some(CannotRun::Inputs("Token")));
    }
    let mut given = arguments(vec![token(7)], agreed());
    given.references.push(token(8));
    let called = Calls::new(NETWORK).call(&procedure, given);
    assert_eq!(called.err(), Some(CannotRun::Inputs("Token")));
}

#[test]
fn an_update_is_what_the_shard_handed_over_to() {
    let before = founded(1..=7);
    let called = update(&before, &[0, 1, 2, 3, 4]).expect("it handed over");
    assert_eq!(
        called.outputs.iter().map(read).collect::<Vec<_>>(),
        [next()]
    );

    let (needed, found) = (5, 4);
    let few = HeadError::Certificate(CertificateError::TooFew { needed, found });
    assert_eq!(
        update(&before, &[0, 1, 2, 3]).err(),
        Some(BadHandOver::Head(few).into())
    );
    let later = ShardRecord {
        epoch: Epoch::new(1),
        ..before.clone()
    };
    assert_eq!(
        update(&later, &[0, 1, 2, 3, 4]).err(),
        Some(CannotRun::Follows)
    );
    let last = ShardRecord {
        epoch: Epoch::new(u64::MAX),
        ..before
    };
    assert_eq!(
        update(&last, &[0, 1, 2, 3, 4]).err(),
        Some(CannotRun::Follows)
    );
}

#[test]
fn anybody_excludes_who_lied_and_nobody_else() {
    let before = founded(1..=7);
    let run = |record, input: &ShardRecord| {
        Calls::new(NETWORK).call(&Exclude, arguments(vec![shard(input)], record))
    };
    let record = || every_kind(0).swap_remove(5).1;
    let left = before.without(&node(LIAR)).expect("a member");
    let called = run(record(), &before).expect("it lied");
    assert_eq!(read(&called.outputs[0]), left);

    assert_eq!(
        run(record(), &left).err(),
        Some(NoSeat::AlreadyVacated(node(LIAR)).into())
    );
    let (network, shard) = (NETWORK, ShardId::new(8));
    let mut elsewhere = scope(0);
    elsewhere.shard = shard;
    let model::Lie::Statements { first, second, .. } = record().lie else {
        panic!("two heads");
    };
    assert_eq!(
        run(two_statements(elsewhere, first.0, second.0), &before).err(),
        Some(CannotRun::OtherShard { network, shard })
    );
    assert_eq!(
        run(two_statements(scope(0), first.0, first.0), &before).err(),
        Some(NoMalpractice::NoConflict.into())
    );
}
