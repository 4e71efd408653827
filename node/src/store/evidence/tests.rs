//! Which proofs of lies are kept, and how they are read.

use model::statement::{Scope, Slot, Statement, Vote};
use model::{Epoch, Hash, Height, Lie, NetworkId, SecretKey, Signature, Time};

use super::*;

/// The shard of the node.
const OWN: ShardId = ShardId::new(0);

/// Another shard of genesis.
const OTHER: ShardId = ShardId::new(7);

fn seen(height: u64) -> Progress {
    Progress {
        height: Height::new(height),
        time: Time::from_ms(height),
    }
}

/// Two statements of one of many liars in the name of its shard. Whether it signed them is for others to say.
fn record(shard: ShardId, liar: u16, statement: fn(u8) -> Statement) -> Malpractice {
    let mut seed = [7; 32];
    seed[..2].copy_from_slice(&liar.to_be_bytes());
    let signature = Signature::from_bytes([0; 64]);
    Malpractice {
        node: NodeId::new(SecretKey::from_seed(seed).public()),
        lie: Lie::Statements {
            scope: Scope {
                network: NetworkId::from_bytes([1; 32]),
                shard,
                epoch: Epoch::ZERO,
            },
            first: (statement(1), signature),
            second: (statement(2), signature),
        },
    }
}

/// Takes in as many liars of a shard as there is room for.
#[track_caller]
fn fill(evidence: &mut Evidence, shard: ShardId, room: usize) {
    let room = u16::try_from(room).unwrap();
    for liar in 0..room + 3 {
        let added = evidence.add(seen(1), &record(shard, liar, vote));
        assert_eq!(added.is_some(), liar < room, "{liar} of {shard}");
    }
}

const fn vote(block: u8) -> Statement {
    Statement::Vote {
        slot: Slot::new(7),
        vote: Vote::Notarize(Hash::from_bytes([block; 32])),
    }
}

const fn head(head: u8) -> Statement {
    Statement::Head {
        height: Height::new(7),
        head: Hash::from_bytes([head; 32]),
    }
}

#[test]
fn the_first_record_of_each_kind_against_each_node_is_kept() {
    let mut evidence = Evidence::restore(OWN, Vec::new());
    let cases = [
        (record(OWN, 1, vote), Some(0)),
        (record(OWN, 1, vote), None),
        (record(OWN, 2, vote), Some(1)),
        (record(OWN, 1, head), Some(2)),
        (record(OWN, 2, vote), None),
        // What it says in another shard hides nothing.
        (record(OTHER, 1, vote), Some(3)),
    ];
    for (height, (record, expected)) in (1..).zip(cases) {
        let added = evidence.add(seen(height), &record);
        assert_eq!(added.map(|(number, _)| number), expected, "at {height}");
    }
    let page = evidence.page(0);
    let heights: Vec<u64> = page
        .exhibits
        .iter()
        .map(|exhibit| exhibit.seen.height.number())
        .collect();
    assert_eq!((heights, page.more), (vec![1, 3, 4, 6], false));
    let again = Evidence::restore(OWN, page.exhibits.clone());
    assert_eq!(again.page(0), page);
}

#[test]
fn records_are_read_in_pages_and_none_are_kept_without_end() {
    let mut evidence = Evidence::restore(OWN, Vec::new());
    fill(&mut evidence, OWN, OWN_EXHIBITS_MAX);
    let mut read = 0;
    loop {
        let page = evidence.page(read);
        assert!(page.exhibits.len() <= PAGE_EXHIBITS_MAX);
        read += u32::try_from(page.exhibits.len()).unwrap();
        if !page.more {
            break;
        }
    }
    assert_eq!(read as usize, OWN_EXHIBITS_MAX);
    let beyond = evidence.page(u32::MAX);
    assert!(beyond.exhibits.is_empty() && !beyond.more);
}

#[test]
fn a_shard_of_liars_takes_no_room_from_others() {
    let mut evidence = Evidence::restore(OWN, Vec::new());
    fill(&mut evidence, OTHER, SHARD_EXHIBITS_MAX);
    for shard in [0, 1, 8, 63, 64, 1_000].map(ShardId::new) {
        let added = evidence.add(seen(2), &record(shard, 1, vote));
        assert!(added.is_some(), "{shard}");
    }
}

#[test]
fn late_shards_share_their_room_and_take_none_from_genesis_and_the_shard_of_the_node() {
    let own = ShardId::new(2_000);
    let mut evidence = Evidence::restore(own, Vec::new());
    let full = LATE_EXHIBITS_MAX / SHARD_EXHIBITS_MAX;
    let late = (LATE.number()..).map(ShardId::new);
    for shard in late.take(full) {
        fill(&mut evidence, shard, SHARD_EXHIBITS_MAX);
    }
    fill(&mut evidence, ShardId::new(1_000), 0);
    fill(&mut evidence, OTHER, SHARD_EXHIBITS_MAX);
    fill(&mut evidence, own, OWN_EXHIBITS_MAX);
}

#[test]
fn what_the_tables_have_stays_and_leaves_room_for_others() {
    // As many of one shard as used to be kept of all.
    let liars = 0..1_024;
    let kept = liars.map(|liar| Exhibit {
        seen: seen(1),
        record: record(OTHER, liar, vote),
    });
    let mut evidence = Evidence::restore(OWN, kept.collect());
    assert_eq!(evidence.count(), 1_024);
    fill(&mut evidence, ShardId::new(64), SHARD_EXHIBITS_MAX);
    let (number, _) = evidence.add(seen(2), &record(OWN, 1, vote)).unwrap();
    assert_eq!(number as usize, 1_024 + SHARD_EXHIBITS_MAX);
    assert_eq!(evidence.add(seen(2), &record(OTHER, 2_000, vote)), None);
}
