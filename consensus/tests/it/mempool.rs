//! The pool of waiting transactions: in order of arrival, each once, within bounds.

use std::collections::BTreeSet;

use consensus::mempool::{Mempool, NotTaken, POOL_BYTES_MAX};
use model::bounds::{ENTRIES_MAX, PAYLOAD_BYTES_MAX, TRANSACTION_BYTES_MAX};
use model::transaction::Authorized;
use model::{Transaction, TransactionId, block, encoding};

use crate::network::clock;
use crate::world::World;

/// Transactions that differ in nothing but their nonces and deadlines.
fn gifts(count: u8) -> Vec<Authorized> {
    let world = World::new(4, 1);
    let thing = &world.things()[0];
    (0..count)
        .map(|nonce| world.gift(thing, nonce, 1_000 + u64::from(nonce)))
        .map(|gift| world.authorized(&gift))
        .collect()
}

/// A transaction with a parameter of so many bytes.
fn bulky(nonce: u8, bytes: usize) -> Authorized {
    let world = World::new(4, 1);
    let things = world.things();
    let mut trace = world.gift_of(0).body.traces[0].clone();
    trace.local_parameters = vec![0; bytes].into();
    let transaction = world.transaction(vec![trace], &things, nonce, clock(1_000));
    world.authorized(&transaction)
}

fn pool_of(transactions: &[Authorized]) -> Mempool {
    let mut pool = Mempool::default();
    for transaction in transactions {
        assert_eq!(pool.insert(transaction.clone()), Ok(()));
    }
    pool
}

fn ids(transactions: &[Authorized]) -> Vec<TransactionId> {
    transactions
        .iter()
        .map(|transaction| transaction.id())
        .collect()
}

fn ready(pool: &Mempool) -> Vec<TransactionId> {
    pool.ready().map(|transaction| transaction.id()).collect()
}

fn proposed(pool: &Mempool) -> Vec<TransactionId> {
    ids(&pool.payload(|_| true))
}

#[test]
fn transactions_wait_in_the_order_of_their_arrival() {
    let mut gifts = gifts(5);
    gifts.reverse();
    let mut pool = pool_of(&gifts);
    assert_eq!((ready(&pool), proposed(&pool)), (ids(&gifts), ids(&gifts)));
    pool.remove(&gifts[2].id());
    pool.remove(&gifts[2].id());
    gifts.remove(2);
    assert_eq!((ready(&pool), pool.len()), (ids(&gifts), 4));
}

#[test]
fn a_payload_is_as_short_as_its_proposer_wants_it() {
    let gifts = gifts(4);
    let mut pool = pool_of(&gifts);
    pool.limit_payload(3);
    assert_eq!(proposed(&pool), ids(&gifts)[..3]);
    pool.limit_payload(usize::MAX);
    assert_eq!(proposed(&pool), ids(&gifts));
}

#[test]
fn a_transaction_waits_once() {
    let gifts = gifts(1);
    let mut pool = pool_of(&gifts);
    assert_eq!(pool.insert(gifts[0].clone()), Err(NotTaken::Known));
    pool.set_aside(BTreeSet::from([gifts[0].id()]));
    assert_eq!(pool.insert(gifts[0].clone()), Err(NotTaken::Known));
    assert_eq!(pool.len(), 1);
    pool.remove(&gifts[0].id());
    assert!(pool.is_empty() && !pool.contains(&gifts[0].id()));
}

#[test]
fn what_rests_is_not_proposed_and_comes_back_in_its_place() {
    let gifts = gifts(4);
    let all = ids(&gifts);
    let mut pool = pool_of(&gifts);
    pool.set_aside(BTreeSet::from([all[0], all[2]]));
    assert_eq!((proposed(&pool), pool.len()), (vec![all[1], all[3]], 4));
    pool.set_aside(BTreeSet::from([all[2], all[3]]));
    assert_eq!(proposed(&pool), [all[0], all[1]]);
    pool.set_aside(BTreeSet::new());
    assert_eq!(proposed(&pool), all);
}

#[test]
fn what_comes_while_it_rests_elsewhere_rests_here() {
    let gifts = gifts(2);
    let mut pool = Mempool::default();
    pool.set_aside(BTreeSet::from([gifts[0].id()]));
    assert_eq!(pool.insert(gifts[0].clone()), Ok(()));
    assert_eq!(pool.insert(gifts[1].clone()), Ok(()));
    assert_eq!(ready(&pool), [gifts[1].id()]);
    pool.set_aside(BTreeSet::new());
    assert_eq!(ready(&pool), ids(&gifts));
}

#[test]
fn what_was_decided_while_it_rested_does_not_come_back() {
    let gifts = gifts(2);
    let mut pool = pool_of(&gifts);
    pool.set_aside(ids(&gifts).into_iter().collect());
    pool.remove(&gifts[0].id());
    pool.set_aside(BTreeSet::new());
    assert_eq!(ready(&pool), [gifts[1].id()]);
}

#[test]
fn what_has_expired_is_dropped_at_rest_or_not() {
    let gifts = gifts(4);
    let mut pool = pool_of(&gifts);
    pool.set_aside(BTreeSet::from([gifts[0].id(), gifts[3].id()]));
    // Deadlines are at 1,000 to 1,003 ms.
    pool.drop_expired(clock(1_000));
    assert_eq!(pool.len(), 4, "the last moment is in time");
    pool.drop_expired(clock(1_002));
    assert_eq!(pool.len(), 2);
    pool.set_aside(BTreeSet::new());
    assert_eq!(ready(&pool), [gifts[2].id(), gifts[3].id()]);
}

#[test]
fn a_payload_takes_what_is_chosen() {
    let gifts = gifts(4);
    let pool = pool_of(&gifts);
    let chosen = pool.payload(|transaction| transaction.id() != gifts[1].id());
    assert_eq!(ids(&chosen), [0, 2, 3].map(|index| gifts[index].id()));
}

fn encoded(transactions: &[Authorized]) -> usize {
    let entries: Vec<block::Entry> = transactions
        .iter()
        .map(|transaction| block::Entry::Prepare(transaction.transaction().clone()))
        .collect();
    block::encode_entries(&entries).len()
}

#[test]
fn a_payload_is_full_and_never_longer_than_it_may_be() {
    let bulk = TRANSACTION_BYTES_MAX - 1_024;
    let bulky: Vec<_> = (0..12).map(|nonce| bulky(nonce, bulk)).collect();
    let pool = pool_of(&bulky);
    let chosen = pool.payload(|_| true);
    assert_eq!(ids(&chosen), ids(&bulky)[..8]);
    let bytes = encoded(&chosen);
    assert!(
        bytes <= PAYLOAD_BYTES_MAX && bytes + bulk > PAYLOAD_BYTES_MAX,
        "{bytes} bytes"
    );
}

#[test]
fn a_payload_has_no_more_entries_than_it_may_have() {
    // The smallest transactions there are: many fit into the bytes of a payload.
    let world = World::new(4, 1);
    let things = world.things();
    let mut pool = Mempool::default();
    for number in 0..=u16::try_from(ENTRIES_MAX).expect("small") {
        let mut trace = world.gift_of(0).body.traces[0].clone();
        trace.outputs.clear();
        trace.local_parameters = number.to_le_bytes().to_vec().into();
        let mut transaction = world.transaction(vec![trace], &things, 0, clock(1_000));
        transaction.authorizations.clear();
        pool.insert(world.authorized(&transaction))
            .expect("there is room");
    }
    let chosen = pool.payload(|_| true);
    assert_eq!(chosen.len(), ENTRIES_MAX);
    assert!(encoded(&chosen) <= PAYLOAD_BYTES_MAX);
}

#[test]
fn a_full_pool_takes_no_more_and_loses_nothing() {
    let bulk = TRANSACTION_BYTES_MAX - 1_024;
    let mut pool = Mempool::default();
    let mut bytes = 0;
    let first = bulky(0, bulk);
    let size = encoding::encode::<Transaction>(first.transaction()).len();
    let mut number = 0_usize;
    while bytes + size <= POOL_BYTES_MAX {
        let world = World::new(4, 1);
        let mut trace = first.body().traces[0].clone();
        trace.local_parameters = vec![u8::try_from(number % 251).expect("a byte"); bulk].into();
        let nonce = u8::try_from(number / 251).expect("a byte");
        let things = world.things();
        let transaction = world.transaction(vec![trace], &things, nonce, clock(1_000));
        assert_eq!(pool.insert(world.authorized(&transaction)), Ok(()));
        bytes += size;
        number += 1;
    }
    let more = bulky(200, bulk);
    assert_eq!(pool.insert(more.clone()), Err(NotTaken::Full));
    assert_eq!(pool.len(), number);
    // Room comes back with what is taken out.
    let out = ready(&pool)[0];
    pool.remove(&out);
    assert_eq!(pool.insert(more), Ok(()));
}
