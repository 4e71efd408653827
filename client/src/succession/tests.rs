//! A new list of nodes: who is asked, what is believed, and that the root shard is told of it.

use model::{Consent, Signature};

use super::*;
use crate::connection::Options;
use crate::error::Class;
use crate::follow::Watch;
use crate::keys::LocalKeys;
use crate::testing::{World, directory, key};
use crate::wallet::{Updating, Wallet};

/// The shard that changes. The first one keeps the records.
const CHANGING: ShardId = ShardId::new(1);

fn world() -> World {
    World::of_shards(&[&[1_000], &[1_000]])
}

fn set_agreeable(world: &World, agreeable: bool) {
    world.inner().agreeable = agreeable;
}

/// The members of a record with a newcomer on a seat.
fn with_newcomer(record: &ShardRecord, seat: usize, number: usize) -> Vec<NodeDescriptor> {
    let mut members: Vec<NodeDescriptor> = record.descriptors().cloned().collect();
    members[seat] = World::newcomer(number);
    members
}

async fn before(client: &Client<World>) -> ShardRecord {
    let record = client.last_record(CHANGING).await;
    record.expect("the shard is there")
}

#[tokio::test(start_paused = true)]
async fn all_members_are_asked_and_each_says_why_not() {
    let world = world();
    let client = world.client(Options::default());
    let before = before(&client).await;
    let next = client.successor(&before, with_newcomer(&before, 3, 0), 0);
    let next = next.expect("one of four is new");
    let plan = Plan {
        next,
        consents: Vec::new(),
    };
    let stances = client.put_forward(&plan, &before).await;
    assert_eq!(stances.len(), 4);
    for stance in &stances {
        let why = stance.answer.as_ref().expect_err("nobody has allowed it");
        assert!(why.to_string().contains("approves = "), "{why}");
    }
    set_agreeable(&world, true);
    let stances = client.put_forward(&plan, &before).await;
    let names: Vec<&str> = stances.iter().map(|stance| &*stance.member.name).collect();
    assert_eq!(names, ["n4", "n5", "n6", "n7"]);
    assert!(stances.iter().all(|stance| stance.answer.is_ok()));
    assert_eq!(client.needed(&before).expect("a shard"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_follow_is_refused_before_anybody_is_asked() {
    let world = world();
    let client = world.client(Options::default());
    let before = before(&client).await;
    let mut few = with_newcomer(&before, 3, 0);
    few.truncate(3);
    let mut twice = with_newcomer(&before, 3, 0);
    twice[0] = twice[3].clone();
    for members in [few, twice, Vec::new()] {
        let refused = client.successor(&before, members, 0);
        assert_eq!(refused.expect_err("no shard").class(), Class::Usage);
    }
    assert_eq!(
        world.count(|request| matches!(request, Request::Consent(_))),
        0
    );
}

#[tokio::test(start_paused = true)]
async fn only_newcomers_have_to_agree_over_the_network_or_by_mail() {
    let world = world();
    let client = world.client(Options::default());
    let before = before(&client).await;
    let next = client.successor(&before, with_newcomer(&before, 0, 0), 0);
    let next = next.expect("one of four is new");
    let newcomer = World::newcomer(0).node;
    let by_mail = world.consent(&newcomer, &next);

    let consents = client
        .consents(&next, Some(&before), Some(std::slice::from_ref(&by_mail)))
        .await;
    assert_eq!(consents.expect("it has agreed"), [by_mail.signature]);
    assert_eq!(
        world.count(|request| matches!(request, Request::Consent(_))),
        0
    );

    let forged = Consent {
        signature: Signature::from_bytes([9; 64]),
        ..by_mail
    };
    let to_another = world.consent(&newcomer, &before);
    for given in [&[][..], &[forged], &[to_another]] {
        let refused = client.consents(&next, Some(&before), Some(given)).await;
        let refused = refused.expect_err("it has not agreed");
        assert!(refused.to_string().contains("new0"), "{refused}");
    }

    let refused = client.consents(&next, Some(&before), None).await;
    assert!(matches!(refused, Err(Error::NotAgreed { .. })));
    set_agreeable(&world, true);
    let asked = client.consents(&next, Some(&before), None).await;
    assert_eq!(asked.expect("it agrees").len(), 1);
    let consents = world.count(|request| matches!(request, Request::Consent(_)));
    assert_eq!(consents, 2, "one newcomer was asked twice, and nobody else");
}

#[tokio::test(start_paused = true)]
async fn an_epoch_has_begun_when_that_is_proven_and_not_before() {
    let world = world();
    let client = world.client(Options::default());
    let epoch = before(&client).await.epoch.next();
    let patience = Duration::from_secs(3);
    assert!(client.begun(CHANGING, epoch, patience).await.is_none());
    assert!(client.change_after(CHANGING, Epoch::ZERO).is_none());
    world.replace(1, 3, 0);
    let record = client.begun(CHANGING, epoch, patience).await;
    let record = record.expect("it has begun");
    assert!(record.descriptors().any(|node| node.name == "new0"));
    let change = client
        .change_after(CHANGING, Epoch::ZERO)
        .expect("it is known");
    assert_eq!(change.next, record);
}

#[tokio::test(start_paused = true)]
async fn a_wallet_tells_the_root_shard_of_an_epoch_and_telling_again_is_refused() {
    let world = world();
    let directory = directory();
    let keys = Box::new(LocalKeys::of(&world.genesis));
    let client = world.client(Options::default());
    let wallet = Wallet::open_with_clock(client, keys, directory.path(), world.clock());
    let wallet = wallet.expect("it opens");
    let before = before(wallet.client()).await;
    world.replace(1, 3, 0);
    wallet.client().catch_up().await;
    let change = wallet.client().change_after(CHANGING, Epoch::ZERO);
    let change = change.expect("it is known");
    let consent = world.consent(&World::newcomer(0).node, &change.next);
    let consents = wallet
        .client()
        .sort_consents(&change.next, Some(&before), &[consent]);
    let updating = |consents| Updating {
        payer: key("alice"),
        change: change.clone(),
        consents,
    };
    // The newcomer has to have agreed.
    let without = wallet.update(updating(Vec::new()), &Watch::nobody()).await;
    assert!(without.is_err(), "{without:?}");
    let consents = consents.expect("it has agreed");
    let settled = wallet
        .update(updating(consents.clone()), &Watch::nobody())
        .await;
    assert!(settled.expect("it is decided").is_committed());
    let shard_list = wallet.shard_list().await.expect("nodes answer");
    let listed = shard_list.shard(CHANGING).expect("it is there");
    assert_eq!(listed.record, change.next);
    let again = wallet.update(updating(consents), &Watch::nobody()).await;
    assert!(matches!(again, Err(Error::CannotManage(_))), "{again:?}");
}
