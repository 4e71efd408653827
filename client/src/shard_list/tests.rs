//! The shards of the network are read right among nodes that do not all tell the truth.

use model::Place;

use super::*;
use crate::connection::Options;
use crate::testing::{Manner, SHARD, World};

async fn shard_list(world: &World) -> Result<ShardList, Error> {
    let client = world.client(Options::default());
    client.shard_list(&Heights::new()).await
}

#[tokio::test(start_paused = true)]
async fn the_first_shards_are_those_of_the_genesis_document() {
    let world = World::of_shards(&[&[1], &[]]);
    let shard_list = shard_list(&world).await.expect("the nodes are honest");
    assert_eq!(shard_list.root, SHARD);
    assert_eq!(shard_list.token.next, ShardId::new(2));
    assert_eq!(shard_list.witnesses, 2);
    assert_eq!(shard_list.shards.len(), 2);
    for (founder, (number, listed)) in world.genesis.shards.iter().zip(&shard_list.shards) {
        assert_eq!((founder.shard, listed.source), (*number, Source::Genesis));
        let places = founder.members.iter().cloned().map(Place::Taken);
        assert_eq!(listed.record.seats, places.collect::<Vec<_>>());
        assert_eq!(shard_list.shard(*number).expect("it is there"), listed);
    }
    let missing = shard_list.shard(ShardId::new(7));
    assert!(matches!(missing, Err(Error::NoSuchShard(_))));
}

#[tokio::test(start_paused = true)]
async fn one_faulty_node_of_any_kind_changes_nothing() {
    for manner in Manner::TO_READERS {
        let world = World::of_shards(&[&[1], &[]]);
        world.set(0, manner);
        let shard_list = shard_list(&world).await.expect("the others are honest");
        assert_eq!(shard_list.shards.len(), 2, "{manner:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_is_refused() {
    let world = World::of_shards(&[&[1], &[]]);
    let client = world.client(Options::default());
    let good = || -> BTreeMap<ObjectId, (Object, Entry)> {
        let objects = world.genesis.objects_of(SHARD).into_iter();
        let objects = objects.map(|(id, object)| (id, Object::clone(&object)));
        objects
            .filter_map(|(id, object)| Some((id, (object.clone(), entry(&object)?))))
            .collect()
    };
    let judge = |found| {
        let judged = client.shard_list_of(found, SHARD, Height::ZERO, 2);
        judged.map(|shard_list| shard_list.shards.len())
    };
    assert_eq!(judge(good()), Ok(2));
    let is_token = |entry: &Entry| matches!(entry, Entry::Token(_));

    let mut without = good();
    without.retain(|_, (_, entry)| !is_token(entry));
    assert_eq!(judge(without), Err("there is no token".to_owned()));

    let mut missing = good();
    missing.retain(|_, (_, entry)| match entry {
        Entry::Token(_) => true,
        Entry::Shard(record) => record.shard != ShardId::new(1),
    });
    assert_eq!(judge(missing), Err("shard 1 has no record".to_owned()));

    let mut twice = good();
    for (_, entry) in twice.values_mut() {
        if let Entry::Shard(record) = entry {
            record.shard = ShardId::new(1);
        }
    }
    assert_eq!(judge(twice), Err("shard 1 has two records".to_owned()));

    let mut early = good();
    for (_, entry) in early.values_mut() {
        if let Entry::Token(token) = entry {
            token.next = ShardId::new(1);
        }
    }
    let early = judge(early).expect_err("the number is not given");
    assert_eq!(early, "a shard has a number that is not given yet");
}
