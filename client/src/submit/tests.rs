//! Submitting and following, among nodes that do not all tell the truth.

use std::time::Duration;

use contracts::{Arguments, Calls, Procedure, Secret, Terms};
use model::api::Request;
use model::result::Outcome;
use model::transaction::Authorized;
use model::{Mode, ShardId, key::Zip215};
use system_contracts::cscoin::{CSC, CannotRun, Payment, Transfer};

use super::{Fate, Subject};
use crate::api::Api;
use crate::connection::{Client, Options};
use crate::error::{Class, Error};
use crate::find::Survey;
use crate::follow::Watch;
use crate::keys::local_secret;
use crate::outcome::Settled;
use crate::testing::{Manner, World, key};

/// Five CSC from alice's first account to bob, as `procedure` has it.
fn made<P>(world: &World, valid_ms: u64, procedure: &P) -> Authorized
where
    P: Procedure<LocalParameters = Vec<Payment>, SecretParameters = (), Error = CannotRun>,
{
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
        .call(procedure, arguments)
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

/// A payment that concerns the first shard alone.
fn payment(world: &World, valid_ms: u64) -> Authorized {
    made(world, valid_ms, &Transfer::NEAR)
}

/// A payment into the second shard.
fn across(world: &World) -> Authorized {
    made(
        world,
        20_000,
        &Transfer {
            home: Some(ShardId::new(1)),
        },
    )
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
        ..
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
        ..
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

/// Sets how the nodes of the second shard behave.
fn second(world: &World, manner: Manner) {
    for number in 4..8 {
        world.set(number, manner);
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_one_shard_outweighs_whatever_another_one_denies() {
    let world = World::of_shards(&[&[1_000], &[]]);
    let client = world.client(Options::default());
    let payment = across(&world);
    assert!(is_committed(&settle(&client, &payment).await));
    second(&world, Manner::Denier);
    let fate = settle(&client, &payment).await;
    let Ok(Fate::Open { unknown, .. }) = fate else {
        panic!("it is committed");
    };
    assert_eq!(unknown.shard, ShardId::new(1));
    let survey = client.survey(&payment.id(), payment.transaction()).await;
    assert!(matches!(survey, Survey::Open));
}

#[tokio::test(start_paused = true)]
async fn an_abort_of_one_shard_is_enough_and_the_others_are_not_waited_for_long() {
    let world = World::of_shards(&[&[1_000], &[]]);
    let client = world.client(Options::default());
    let (first, second_one) = (payment(&world, 40_000), across(&world));
    assert!(is_committed(&settle(&client, &first).await));
    second(&world, Manner::Silent);
    let began = tokio::time::Instant::now();
    let Ok(Fate::Decided(settled)) = settle(&client, &second_one).await else {
        panic!("its input is spent");
    };
    assert!(began.elapsed() < Duration::from_secs(10));
    assert!(!settled.is_committed() && !settled.is_complete());
    assert_eq!(
        settled.cause().map(|(shard, _)| shard),
        Some(ShardId::new(0))
    );
    let id = second_one.id();
    let survey = client.survey(&id, second_one.transaction()).await;
    assert!(matches!(survey, Survey::Decided(found) if found.decisions == settled.decisions));
    let shown = client.transaction(&id).await.expect("a shard answers");
    assert_eq!(shown.expect("it is decided").decisions, settled.decisions);
}

#[tokio::test(start_paused = true)]
async fn one_shard_that_had_not_begun_it_by_the_deadline_speaks_for_all() {
    let world = World::of_shards(&[&[1_000], &[]]);
    world.set_hearing_in(0, false);
    world.set_deciding_in(1, false);
    let client = world.client(Options {
        timeout: Duration::from_secs(10),
        ..Options::default()
    });
    let payment = across(&world);
    let fate = settle(&client, &payment).await;
    assert!(matches!(
        fate,
        Ok(Fate::Open {
            under_way: true,
            ..
        })
    ));
    tokio::time::sleep(Duration::from_secs(25)).await;
    let now = world.now();
    world.inner().ledger.pass_time(now);
    let subject = Subject {
        id: payment.id(),
        submit: None,
        valid_until: Some(payment.body().valid_until),
    };
    let (shards, nobody) = (&payment.body().participants, Watch::nobody());
    let until = client.deadline();
    let fate = client.follow_all(&subject, shards, until, &nobody).await;
    assert!(matches!(fate, Ok(Fate::Never)));
    let survey = client.survey(&payment.id(), payment.transaction()).await;
    assert!(matches!(survey, Survey::Never));
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_a_shard_has_begun_may_be_decided_after_its_deadline() {
    let world = World::of_shards(&[&[1_000], &[]]);
    world.set_hearing_in(0, false);
    let client = world.client(Options {
        timeout: Duration::from_secs(60),
        ..Options::default()
    });
    let payment = across(&world);
    let time = async {
        tokio::time::sleep(Duration::from_secs(25)).await;
        let now = world.now();
        world.inner().ledger.pass_time(now);
        // One of them says what is not so. Two would have to.
        world.set(0, Manner::Denier);
        let survey = client.survey(&payment.id(), payment.transaction()).await;
        assert!(matches!(survey, Survey::Open));
        tokio::time::sleep(Duration::from_secs(15)).await;
        world.set_hearing_in(0, true);
    };
    let (fate, ()) = tokio::join!(settle(&client, &payment), time);
    assert!(is_committed(&fate));
}
