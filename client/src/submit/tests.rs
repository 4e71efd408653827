//! Submitting and following, among nodes that do not all tell the truth.

use std::time::Duration;

use contracts::{Arguments, Calls, Secret, Terms};
use model::api::Request;
use model::result::Outcome;
use model::transaction::Authorized;
use model::{Mode, key::Zip215};
use system_contracts::cscoin::{CSC, Payment, Transfer};

use super::Fate;
use crate::api::Api;
use crate::connection::{Client, Options};
use crate::error::{Class, Error};
use crate::follow::Watch;
use crate::keys::local_secret;
use crate::outcome::Settled;
use crate::testing::{Manner, World, key};

/// Five CSC from alice's first account to bob.
fn payment(world: &World, valid_ms: u64) -> Authorized {
    let inputs = world.inner().ledger.accounts_of(&key("alice"));
    let arguments = Arguments {
        inputs: inputs.into_iter().take(1).collect(),
        references: Vec::new(),
        local_parameters: vec![Payment {
            payee: key("bob"),
            amount: 5 * CSC,
        }],
        secret_parameters: Secret::NONE,
    };
    let mut calls = Calls::new(world.genesis.network());
    calls
        .call(&Transfer, arguments)
        .expect("alice has an account");
    let draft = calls.draft(Terms {
        nonce: [7; 16],
        valid_until: world.now().plus_ms(valid_ms),
        mode: Mode::AllVotes,
    });
    let formed = draft
        .sign(&local_secret("alice"))
        .finish()
        .expect("one call");
    formed.verify(&mut Zip215).expect("alice signed")
}

async fn settle<A: Api>(client: &Client<A>, payment: &Authorized) -> Result<Fate<Settled>, Error> {
    let nobody = Watch::nobody();
    let until = client.deadline();
    client
        .settle(payment.transaction(), payment.id(), until, &nobody)
        .await
}

/// Settles a payment when the nodes behave like this.
async fn among(manners: [Manner; 4]) -> (World, Result<Fate<Settled>, Error>) {
    let world = World::new(&[1_000]);
    for (number, manner) in manners.into_iter().enumerate() {
        world.set(number, manner);
    }
    let client = world.client(Options::default());
    let fate = settle(&client, &payment(&world, 40_000)).await;
    (world, fate)
}

fn is_committed(fate: &Result<Fate<Settled>, Error>) -> bool {
    matches!(fate, Ok(Fate::Decided(settled)) if settled.outcome() == Outcome::Committed)
}

#[tokio::test(start_paused = true)]
async fn one_faulty_node_of_any_kind_changes_nothing() {
    use Manner::*;
    let faulty = [
        Gone,
        Foreign,
        Silent,
        Mute,
        Sink,
        Forger,
        Denier,
        Busy,
        Refuser,
        Behind(0),
        Swapper,
        Confused,
        Plucker,
    ];
    for manner in faulty {
        for number in 0..4 {
            let mut manners = [Honest; 4];
            manners[number] = manner;
            let (world, fate) = among(manners).await;
            assert!(is_committed(&fate), "{manner:?} at node {number}");
            assert_eq!(world.balance("bob"), 1_005, "{manner:?} at node {number}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_honest_node_among_dead_ones_is_found() {
    use Manner::*;
    for dead in [Gone, Silent, Foreign] {
        for number in 0..4 {
            let mut manners = [dead; 4];
            manners[number] = Honest;
            let (_, fate) = among(manners).await;
            assert!(is_committed(&fate), "{dead:?}, node {number} is honest");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_transaction_goes_to_as_many_nodes_as_make_sure_of_an_honest_one() {
    let (world, fate) = among([Manner::Honest; 4]).await;
    assert!(is_committed(&fate));
    assert_eq!(
        world.count(|request| matches!(request, Request::Submit(_))),
        2
    );
}

#[tokio::test(start_paused = true)]
async fn forged_decisions_are_not_believed() {
    let (world, fate) = among([Manner::Forger; 4]).await;
    let Ok(Fate::Open {
        unknown,
        unsent: None,
    }) = fate
    else {
        panic!("nobody has told the truth");
    };
    assert_eq!((unknown.members, unknown.needed), (4, 3));
    assert_eq!(world.balance("bob"), 1_000);
}

#[tokio::test(start_paused = true)]
async fn without_a_decision_the_outcome_is_unknown_after_the_time() {
    let world = World::new(&[1_000]);
    world.set_deciding(false);
    world.set(0, Manner::Gone);
    world.set(1, Manner::Gone);
    let client = world.client(Options::default());
    let Ok(Fate::Open {
        unknown,
        unsent: None,
    }) = settle(&client, &payment(&world, 40_000)).await
    else {
        panic!("nothing was decided");
    };
    assert_eq!(
        unknown.to_string(),
        "no decision from shard 0 after 30 s (2 of 4 members answering, 3 needed)"
    );
}

#[tokio::test(start_paused = true)]
async fn what_no_node_received_is_unsent() {
    let (_, fate) = among([Manner::Gone; 4]).await;
    let Ok(Fate::Open {
        unsent: Some(error),
        ..
    }) = fate
    else {
        panic!("no node was there");
    };
    assert_eq!(error.class(), Class::Unreachable);
    assert!(
        error
            .to_string()
            .contains("n3 cannot be reached: connection refused")
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_node_may_have_received_is_not_unsent() {
    let (_, fate) = among([Manner::Gone, Manner::Gone, Manner::Gone, Manner::Silent]).await;
    assert!(matches!(fate, Ok(Fate::Open { unsent: None, .. })));
}

#[tokio::test(start_paused = true)]
async fn nodes_of_another_network_are_told_apart() {
    let (_, fate) = among([Manner::Foreign; 4]).await;
    let Ok(Fate::Open {
        unsent: Some(error),
        ..
    }) = fate
    else {
        panic!("no node was of our network");
    };
    assert_eq!(error.class(), Class::WrongNetwork);
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_nodes_lost_is_submitted_again() {
    let world = World::new(&[1_000]);
    world.set_deciding(false);
    let client = world.client(Options::default());
    let payment = payment(&world, 40_000);
    let restart = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.inner().ledger.lose_waiting();
        world.set_deciding(true);
    };
    let (fate, ()) = tokio::join!(settle(&client, &payment), restart);
    assert!(is_committed(&fate));
    assert_eq!(world.inner().ledger.committed(), 1);
}

#[tokio::test(start_paused = true)]
async fn nodes_that_come_back_are_asked_again() {
    let world = World::new(&[1_000]);
    for number in 0..4 {
        world.set(number, Manner::Gone);
    }
    let client = world.client(Options::default());
    let payment = payment(&world, 40_000);
    let restart = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        world.set(2, Manner::Honest);
    };
    let (fate, ()) = tokio::join!(settle(&client, &payment), restart);
    assert!(is_committed(&fate));
}

#[tokio::test(start_paused = true)]
async fn the_same_transaction_again_is_decided_once() {
    let world = World::new(&[1_000]);
    let client = world.client(Options::default());
    let payment = payment(&world, 40_000);
    for _ in 0..3 {
        assert!(is_committed(&settle(&client, &payment).await));
    }
    assert_eq!(world.inner().ledger.committed(), 1);
    assert_eq!(world.balance("bob"), 1_005);
}

#[tokio::test(start_paused = true)]
async fn an_abort_is_proven_as_well() {
    let world = World::new(&[1_000]);
    let client = world.client(Options::default());
    let first = payment(&world, 40_000);
    let second = payment(&world, 30_000);
    assert!(is_committed(&settle(&client, &first).await));
    let Ok(Fate::Decided(settled)) = settle(&client, &second).await else {
        panic!("it is decided");
    };
    assert!(!settled.is_committed());
    assert_eq!(settled.decisions[0].signatures(), 3);
}

#[tokio::test(start_paused = true)]
async fn via_gives_the_transaction_to_one_node_alone() {
    let world = World::new(&[1_000]);
    let via = Some(world.node(3));
    let client = world.client(Options {
        via,
        ..Options::default()
    });
    assert!(is_committed(
        &settle(&client, &payment(&world, 40_000)).await
    ));
    let inner = world.inner();
    let submitted = inner
        .asked
        .iter()
        .filter(|(_, asked)| matches!(asked, Request::Submit(_)));
    assert!(submitted.map(|(node, _)| Some(*node)).eq([via]));
}

#[tokio::test(start_paused = true)]
async fn via_a_node_that_is_not_there_nothing_is_sent_and_nothing_is_waited_for() {
    let world = World::new(&[1_000]);
    world.set(3, Manner::Gone);
    let via = Some(world.node(3));
    let client = world.client(Options {
        via,
        ..Options::default()
    });
    let began = tokio::time::Instant::now();
    let fate = settle(&client, &payment(&world, 40_000)).await;
    assert!(matches!(
        fate,
        Ok(Fate::Open {
            unsent: Some(_),
            ..
        })
    ));
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(
        world.count(|request| matches!(request, Request::Submit(_))),
        0
    );
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_f_plus_1_nodes_refuse_is_refused() {
    use Manner::*;
    let (_, fate) = among([Refuser, Refuser, Sink, Sink]).await;
    let Err(error @ Error::Refused { .. }) = fate else {
        panic!("two of four refuse");
    };
    assert_eq!(error.class(), Class::Aborted);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_over_in_block_time_is_over_for_good() {
    let world = World::new(&[1_000]);
    let client = world.client(Options::default());
    let payment = payment(&world, 1_000);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let now = world.now();
    world.inner().ledger.pass_time(now);
    assert!(matches!(settle(&client, &payment).await, Ok(Fate::Never)));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_over_by_the_clocks_of_idle_nodes_is_out_of_time() {
    let world = World::new(&[1_000]);
    let client = world.client(Options::default());
    let payment = payment(&world, 1_000);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(matches!(
        settle(&client, &payment).await,
        Ok(Fate::OutOfTime)
    ));
}

#[tokio::test(start_paused = true)]
async fn a_decision_from_before_the_deadline_is_found_after_it() {
    let world = World::new(&[1_000]);
    let client = world.client(Options::default());
    let payment = payment(&world, 1_000);
    assert!(is_committed(&settle(&client, &payment).await));
    tokio::time::sleep(Duration::from_secs(60)).await;
    let now = world.now();
    world.inner().ledger.pass_time(now);
    world.set(0, Manner::Denier);
    assert!(is_committed(&settle(&client, &payment).await));
}
