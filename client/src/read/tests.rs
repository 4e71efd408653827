//! Reading among nodes that do not all tell the truth.

use std::time::Duration;

use model::{Height, ObjectId};
use system_contracts::cscoin::CSC;

use super::Holdings;
use crate::amount::Amount;
use crate::connection::{Heights, Options};
use crate::error::{Class, Error};
use crate::testing::{Manner, SHARD, World, key};

/// Alice has seven accounts, which is more than a page.
const BALANCES: [u64; 7] = [10, 70, 30, 40, 50, 20, 60];

async fn holdings(world: &World, at_least: u64) -> Result<Holdings, Error> {
    let at_least = Heights::from([(SHARD, Height::new(at_least))]);
    world
        .client(Options::default())
        .holdings(&key("alice"), &at_least)
        .await
}

fn balances(holdings: &Result<Holdings, Error>) -> Vec<u64> {
    let holdings = holdings.as_ref().expect("some node is honest");
    let balances = holdings
        .accounts
        .iter()
        .map(|account| account.balance.ncsc() / CSC);
    balances.collect()
}

/// A world in which time has gone on for some blocks in which nothing happened.
fn world() -> World {
    let world = World::new(&BALANCES);
    let now = world.now();
    world.inner().ledger.pass_time(now);
    world
}

#[tokio::test(start_paused = true)]
async fn accounts_come_largest_first_over_all_pages() {
    let holdings = holdings(&world(), 0).await;
    assert_eq!(balances(&holdings), [70, 60, 50, 40, 30, 20, 10]);
    let holdings = holdings.expect("all nodes are honest");
    assert_eq!(holdings.balance(), Amount::from_ncsc(280 * CSC));
    assert_eq!(holdings.heights[&SHARD], Height::new(1));
}

#[tokio::test(start_paused = true)]
async fn one_faulty_node_of_any_kind_changes_nothing() {
    for manner in Manner::TO_READERS {
        for number in 0..4 {
            let world = world();
            world.set(number, manner);
            let read = holdings(&world, 1).await;
            assert_eq!(balances(&read)[0], 70, "{manner:?} at node {number}");
            assert_eq!(balances(&read).len(), 7, "{manner:?} at node {number}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_only_node_that_answers_is_taken_at_its_word() {
    let world = world();
    for number in 0..3 {
        world.set(number, Manner::Gone);
    }
    assert_eq!(balances(&holdings(&world, 1).await).len(), 7);
}

#[tokio::test(start_paused = true)]
async fn where_nobody_agrees_the_highest_answer_counts() {
    let world = World::new(&BALANCES);
    let now = world.now();
    world.inner().ledger.pass_time(now);
    world.set(0, Manner::Gone);
    world.set(1, Manner::Gone);
    world.set(2, Manner::Thief);
    assert_eq!(balances(&holdings(&world, 0).await).len(), 7);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_from_before_what_was_seen() {
    let world = world();
    for number in 0..4 {
        world.set(number, Manner::Behind(0));
    }
    let error = holdings(&world, 1).await.expect_err("all nodes are behind");
    assert_eq!(error.class(), Class::Unreachable);
    assert!(error.to_string().contains("height 1 is needed"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn without_any_node_there_is_no_answer() {
    let world = world();
    for (manner, class) in [
        (Manner::Gone, Class::Unreachable),
        (Manner::Silent, Class::Unreachable),
        (Manner::Foreign, Class::WrongNetwork),
    ] {
        for number in 0..4 {
            world.set(number, manner);
        }
        let error = holdings(&world, 0).await.expect_err("no node answers");
        assert_eq!(error.class(), class, "{manner:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_is_the_one_that_was_asked_for() {
    let world = world();
    let object = world.inner().ledger.accounts_of(&key("alice")).remove(0);
    for manner in [
        Manner::Swapper,
        Manner::Gone,
        Manner::Silent,
        Manner::Confused,
    ] {
        world.set(0, manner);
        let client = world.client(Options::default());
        let account = client
            .account(&object.id())
            .await
            .expect("three nodes are honest");
        assert_eq!(
            (account.id, account.owner),
            (object.id(), key("alice")),
            "{manner:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_not_active_takes_more_than_one_word() {
    let world = world();
    let id = ObjectId::from_bytes([3; 32]);
    let client = world.client(Options::default());
    let error = client
        .account(&id)
        .await
        .expect_err("there is no such object");
    assert!(matches!(error, Error::NotActive { object } if object.id == id));
    for number in 0..3 {
        world.set(number, Manner::Gone);
    }
    let error = client
        .account(&id)
        .await
        .expect_err("one node is not enough");
    assert_eq!(error.class(), Class::Unreachable);
}

#[tokio::test(start_paused = true)]
async fn where_all_nodes_are_crowded_everybody_has_a_turn() {
    let world = world();
    for number in 0..4 {
        world.set(number, Manner::Crowded(1_000));
    }
    assert_eq!(balances(&holdings(&world, 1).await)[0], 70);
    assert!(world.age() >= Duration::from_secs(1));
}
