//! How a directory grows, and what it does not take in.

use std::sync::Arc;

use model::certificate::CertificateError;
use model::epoch::BadChange;
use model::hand_over::BadHandOver;
use model::head::HeadError;
use model::key::Zip215;
use model::{Directory, Epoch, EpochChange, Fact, Height, NotAFact, ShardRecord};

use crate::hand_over::hand_over;
use crate::membership::{describe, record};
use crate::world::{NETWORK, shard};

/// The shard of the people 1 to 7, and nothing else.
fn directory() -> Directory {
    Directory::alone(NETWORK, record(1..=7)).expect("a shard")
}

/// The record that follows, in which person 8 has come and person 1 has left.
fn next() -> ShardRecord {
    let members = (2..=8).map(describe).collect();
    record(1..=7).followed_by(members, 5_000).expect("a number")
}

/// The change, signed by these seats.
fn change(seats: &[usize]) -> EpochChange {
    let next = next();
    EpochChange {
        hand_over: hand_over(&next, seats),
        next,
    }
}

fn learn(directory: &mut Directory, change: EpochChange) -> Result<bool, NotAFact> {
    directory.learn(&Arc::new(change), &mut Zip215)
}

#[test]
fn a_change_is_news_once() {
    let mut directory = directory();
    let first = change(&[0, 1, 2, 3, 4]);
    assert_eq!(learn(&mut directory, first.clone()), Ok(true));
    assert_eq!(learn(&mut directory, first.clone()), Ok(false));
    assert_eq!(learn(&mut directory, change(&[0, 1, 2, 3, 5])), Ok(false));
    let seven = shard(7);
    let current = directory.current(seven).expect("it is known");
    assert_eq!(current.scope().epoch, Epoch::new(1));
    assert_eq!(directory.last_record(seven), Some(&next()));
    assert_eq!(directory.end(seven, Epoch::ZERO), Some(Height::new(9)));
    let kept: Vec<_> = directory.changes(seven, Epoch::ZERO).collect();
    assert_eq!(kept, [&Arc::new(first.clone())]);
    let facts = [Fact::Founded(record(1..=7)), Fact::Changed(first)];
    assert_eq!(directory.facts(), facts);
}

#[test]
fn what_is_no_news_has_to_be_so_all_the_same() {
    let mut directory = directory();
    assert_eq!(learn(&mut directory, change(&[0, 1, 2, 3, 4])), Ok(true));
    let head = |reason| NotAFact::Change(BadChange::HandOver(BadHandOver::Head(reason)));
    let (needed, found) = (5, 4);
    let too_few = head(HeadError::Certificate(CertificateError::TooFew {
        needed,
        found,
    }));
    assert_eq!(learn(&mut directory, change(&[0, 1, 2, 3])), Err(too_few));
    let contradicts = || NotAFact::Contradicts {
        shard: shard(7),
        epoch: Epoch::new(1),
    };
    // The epoch would have ended elsewhere.
    let mut elsewhere = change(&[0, 1, 2, 3, 4]);
    elsewhere.hand_over.head.head.height = Height::new(10);
    assert_eq!(learn(&mut directory, elsewhere), Err(contradicts()));
    let mut other = change(&[0, 1, 2, 3, 4]);
    other.next.price += 1;
    assert_eq!(learn(&mut directory, other), Err(contradicts()));
    // No change leads to the first epoch.
    let mut first = change(&[0, 1, 2, 3, 4]);
    first.next = record(1..=7);
    let follows = NotAFact::Change(BadChange::Follows);
    assert_eq!(learn(&mut directory, first), Err(follows));
}

#[test]
fn a_change_needs_the_one_before_it() {
    let mut directory = directory();
    let mut later = change(&[0, 1, 2, 3, 4]);
    later.next.epoch = Epoch::new(2);
    let (known, seven) = (Epoch::ZERO, shard(7));
    let gap = NotAFact::Gap {
        shard: seven,
        known,
    };
    assert_eq!(learn(&mut directory, later), Err(gap));
    let mut elsewhere = change(&[0, 1, 2, 3, 4]);
    elsewhere.next.shard = shard(8);
    let unknown = NotAFact::UnknownShard(shard(8));
    assert_eq!(learn(&mut directory, elsewhere), Err(unknown));
}

#[test]
fn a_shard_is_founded_once() {
    let mut directory = directory();
    let eight = ShardRecord {
        shard: shard(8),
        ..record(1..=4)
    };
    let founded = Fact::Founded(eight.clone());
    assert_eq!(directory.trust(&founded), Ok(true));
    assert_eq!(directory.trust(&founded), Ok(false));
    let other = Fact::Founded(ShardRecord { price: 1, ..eight });
    let contradicts = NotAFact::Contradicts {
        shard: shard(8),
        epoch: Epoch::ZERO,
    };
    assert_eq!(directory.trust(&other), Err(contradicts));
}
