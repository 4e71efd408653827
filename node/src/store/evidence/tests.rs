//! Which proofs of lies are kept, and how they are read.

use model::statement::{Scope, Slot, Statement, Vote};
use model::{Epoch, Hash, Height, Lie, NetworkId, SecretKey, ShardId, Signature, Time};

use super::*;

fn seen(height: u64) -> Progress {
    Progress {
        height: Height::new(height),
        time: Time::from_ms(height),
    }
}

/// Two statements of one of many liars. Whether it signed them is for others to say.
fn record(liar: u16, statement: fn(u8) -> Statement) -> Malpractice {
    let mut seed = [7; 32];
    seed[..2].copy_from_slice(&liar.to_be_bytes());
    let signature = Signature::from_bytes([0; 64]);
    Malpractice {
        node: NodeId::new(SecretKey::from_seed(seed).public()),
        lie: Lie::Statements {
            scope: Scope {
                network: NetworkId::from_bytes([1; 32]),
                shard: ShardId::new(0),
                epoch: Epoch::ZERO,
            },
            first: (statement(1), signature),
            second: (statement(2), signature),
        },
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
    let mut evidence = Evidence::default();
    let cases = [
        (record(1, vote), Some(0)),
        (record(1, vote), None),
        (record(2, vote), Some(1)),
        (record(1, head), Some(2)),
        (record(2, vote), None),
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
    assert_eq!((heights, page.more), (vec![1, 3, 4], false));
    let again = Evidence::restore(page.exhibits.clone());
    assert_eq!(again.page(0), page);
}

#[test]
fn records_are_read_in_pages_and_none_are_kept_without_end() {
    let mut evidence = Evidence::default();
    let most = u16::try_from(EXHIBITS_MAX).unwrap();
    for liar in 0..most + 3 {
        let added = evidence.add(seen(1), &record(liar, vote));
        assert_eq!(added.is_some(), liar < most, "{liar}");
    }
    let mut read = 0;
    loop {
        let page = evidence.page(read);
        assert!(page.exhibits.len() <= PAGE_EXHIBITS_MAX);
        read += u32::try_from(page.exhibits.len()).unwrap();
        if !page.more {
            break;
        }
    }
    assert_eq!(read as usize, EXHIBITS_MAX);
    let beyond = evidence.page(u32::MAX);
    assert!(beyond.exhibits.is_empty() && !beyond.more);
}
