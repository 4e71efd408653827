//! Members change, shards are founded, and the client comes to know of it without believing anybody.

use model::{Epoch, Height, Outcome};
use system_contracts::cscoin::CSC;
use tempfile::TempDir;

use super::*;
use crate::amount::Amount;
use crate::connection::{Heights, Options};
use crate::follow::Watch;
use crate::keys::LocalKeys;
use crate::outcome::Settled;
use crate::receipt::{self, StepTaken};
use crate::testing::{Manner, SHARD, World, directory, key};
use crate::wallet::{Founding, Order, Wallet};

/// A wallet in a world.
fn wallet(world: &World, client: Client<World>) -> (TempDir, Wallet<World>) {
    let directory = directory();
    let keys = Box::new(LocalKeys::of(&world.genesis));
    let wallet = Wallet::open_with_clock(client, keys, directory.path(), world.clock());
    (directory, wallet.expect("the directory is there"))
}

/// A payment that commits.
async fn pay(wallet: &Wallet<World>) -> Settled {
    let order = Order {
        from: key("alice"),
        to: key("bob"),
        amount: Amount::from_ncsc(5 * CSC),
        using: None,
        home: None,
    };
    let sent = wallet.send(&order, &Watch::nobody()).await;
    let settled = sent.expect("it is decided");
    assert_eq!(settled.outcome(), Outcome::Committed);
    settled
}

fn epoch(client: &Client<World>) -> u64 {
    let committee = client.committee(SHARD).expect("it is known");
    committee.scope().epoch.number()
}

#[tokio::test(start_paused = true)]
async fn a_decision_by_new_members_is_believed_with_the_steps_to_them() {
    let world = World::new(&[1_000]);
    let (_kept, wallet) = wallet(&world, world.client(Options::default()));
    for number in 0..3 {
        world.replace(0, number, number);
    }
    assert_eq!(epoch(wallet.client()), 0);
    let settled = pay(&wallet).await;
    assert_eq!(epoch(wallet.client()), 3);
    let receipt = receipt::receipt(wallet.client(), &settled);
    let summary = receipt::check(&receipt, Some(world.genesis.network()));
    let summary = summary.expect("it proves itself");
    assert_eq!((summary.signatures, summary.steps.len()), (3, 3));
    let last = StepTaken::Changed {
        shard: SHARD,
        epoch: Epoch::new(3),
        height: Height::new(3),
    };
    assert_eq!(summary.steps.last(), Some(&last));
    let text = summary.to_string();
    assert!(
        text.ends_with("1 path checked, after 3 steps from the genesis document"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_of_a_bit_of_any_byte_of_a_receipt_with_steps_is_found() {
    let world = World::new(&[1_000]);
    let (_kept, wallet) = wallet(&world, world.client(Options::default()));
    world.replace(0, 2, 2);
    let settled = pay(&wallet).await;
    let bytes = receipt::receipt(wallet.client(), &settled).to_bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let read = model::Receipt::from_bytes(&changed);
        let checked = read.map(|receipt| receipt::check(&receipt, None).is_ok());
        assert!(!checked.unwrap_or(false), "byte {at}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_caught_up_needs_none_of_the_members_of_genesis() {
    let world = World::new(&[1_000]);
    let (_kept, wallet) = wallet(&world, world.client(Options::default()));
    for number in 0..4 {
        world.replace(0, number, number);
    }
    wallet.client().catch_up().await;
    assert_eq!(epoch(wallet.client()), 4);
    for number in 0..4 {
        world.set(number, Manner::Gone);
    }
    let settled = pay(&wallet).await;
    assert_eq!(settled.decisions.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_shows_steps_that_prove_nothing_is_not_believed() {
    let world = World::new(&[1_000]);
    let client = world.client(Options::default());
    world.replace(0, 3, 0);
    for number in 0..3 {
        world.set(number, Manner::Plucker);
        client
            .ask_all(&world.node(number), None)
            .await
            .expect_err("too few");
    }
    assert_eq!(epoch(&client), 0);
    client.catch_up().await;
    assert_eq!(epoch(&client), 1, "there is one honest node");
}

#[tokio::test(start_paused = true)]
async fn nobody_who_answers_is_not_waited_for() {
    let world = World::new(&[1_000]);
    let client = world.client(Options::default());
    for number in 0..4 {
        world.set(number, Manner::Silent);
    }
    let started = Instant::now();
    client.catch_up().await;
    assert!(started.elapsed() <= CATCH_UP);
}

#[tokio::test(start_paused = true)]
async fn what_was_learned_is_kept_and_checked_again() {
    let (world, kept) = (World::new(&[1_000]), directory());
    let file = kept.path().join("shards");
    let remembering = || world.client(Options::default()).remembering(file.clone());
    world.replace(0, 1, 0);
    world.replace(0, 2, 1);
    let client = remembering();
    assert_eq!(epoch(&client), 0);
    assert!(!file.exists(), "there is nothing to keep");
    client.catch_up().await;
    assert_eq!(epoch(&remembering()), 2);

    let bytes = fs::read(&file).expect("it is kept");
    let mut changed = bytes.clone();
    let last = changed.len() - 1;
    changed[last - 20] ^= 1; // in a signature of the second step
    // What comes before the damage proves itself.
    for (bytes, expected) in [(&bytes[..last], 0), (&changed, 1), (b"garbage", 0)] {
        fs::write(&file, bytes).expect("it can be written");
        let client = remembering();
        assert_eq!(epoch(&client), expected);
        client.catch_up().await;
        assert_eq!(fs::read(&file).expect("it is replaced").len(), last + 1);
    }
    let elsewhere = World::of_shards(&[&[1_000], &[5]]);
    let client = elsewhere.client(Options::default()).remembering(file);
    assert_eq!(epoch(&client), 0);
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_was_founded_is_found_and_need_not_answer() {
    let world = World::of_shards(&[&[1_000], &[]]);
    world.inner().agreeable = true;
    let (_kept, wallet) = wallet(&world, world.client(Options::default()));
    world.replace(0, 0, 0);
    let founding = Founding {
        payer: key("alice"),
        members: (4..8).map(|number| world.descriptor(number)).collect(),
        price: 0,
        consents: None,
    };
    let founded = wallet.found(founding, &Watch::nobody()).await;
    assert!(founded.expect("it is decided").is_committed());

    let (client, two) = (world.client(Options::default()), ShardId::new(2));
    assert_eq!(client.shards().len(), 2);
    let committee = client.committee_of(two).await.expect("it is founded");
    assert_eq!(committee.members()[0], world.node(4));
    assert_eq!(client.shards().len(), 3);
    let nowhere = client.committee_of(ShardId::new(9)).await;
    assert!(matches!(nowhere, Err(Error::NoSuchShard(_))));
    // It is another shard that answers, and none says that it has nothing.
    for number in 4..8 {
        world.set(number, Manner::Silent);
    }
    let shard_one = client.holdings(&key("alice"), &Heights::new()).await;
    assert!(shard_one.is_err(), "shard 1 is one of genesis");
    let steps = client.members.known().steps();
    let founding = |step: &Step| matches!(step, Step::Founded(_));
    assert_eq!(steps.iter().position(founding), Some(1));
    assert_eq!(steps.len(), 2);
}

/// The first shard founds another one of these nodes. Its acts, as a node shows them.
async fn founding(world: &World, members: std::ops::Range<usize>) -> Vec<Act> {
    world.inner().agreeable = true;
    let (_kept, wallet) = wallet(world, world.client(Options::default()));
    let founding = Founding {
        payer: key("alice"),
        members: members.map(|number| world.descriptor(number)).collect(),
        price: 0,
        consents: None,
    };
    let founded = wallet.found(founding, &Watch::nobody()).await;
    assert!(founded.expect("it is decided").is_committed());
    let request = Request::Acts { after: 0 };
    match world.ask(&world.node(0), request, ANSWER).await {
        Ok(Response::Acts(acts)) => acts,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_founding_that_proves_nothing_hides_no_other() {
    let world = World::of_shards(&[&[1_000], &[]]);
    let good = founding(&world, 4..8).await;
    let spoil = |change: &dyn Fn(&mut model::Transaction)| {
        let mut act = good[0].clone();
        change(&mut act.transaction);
        act
    };
    let spoiled = [
        spoil(&|transaction| drop(transaction.openings.pop())),
        spoil(&|transaction| {
            transaction.authorizations = vec![model::Authorization {
                key: key("alice"),
                signature: model::Signature::from_bytes([7; 64]),
            }];
        }),
        spoil(&|transaction| transaction.body.nonce[0] ^= 1),
    ];
    let (client, node) = (world.client(Options::default()), world.node(0));
    assert!(!client.take_foundings(&node, spoiled.iter().cloned()));
    let two = ShardId::new(2);
    assert!(client.committee(two).is_err());
    let all = spoiled.iter().chain(&good).cloned();
    assert!(client.take_foundings(&node, all));
    assert!(client.committee(two).is_ok());
}

#[tokio::test(start_paused = true)]
async fn each_question_is_about_the_shard_that_is_wanted_and_all_have_their_turn() {
    let world = World::of_shards(&[&[1], &[], &[], &[], &[], &[], &[]]);
    let client = world.client(Options::default());
    let known = client.members.known();
    let wanted = ShardId::new(5);
    let mut asked = BTreeSet::new();
    let mut question = Question {
        wanted: Some(wanted),
        turn: 0,
        shards_max: 4,
    };
    assert_eq!(question.turns(&known), 4);
    for turn in 0..4 {
        question.turn = turn;
        let shards = question.shards(&known);
        let shards: BTreeSet<ShardId> = shards.into_iter().map(|(shard, _)| shard).collect();
        assert_eq!(shards.len(), 4);
        assert!(shards.contains(&SHARD) && shards.contains(&wanted));
        asked.extend(shards);
    }
    assert_eq!(asked.len(), 7);
    // Where all fit, nobody waits for a turn.
    question.shards_max = 7;
    assert_eq!(question.shards(&known).len(), 7);
}
