//! How a directory grows, and what it does not take in.

use std::collections::BTreeSet;
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

#[test]
fn what_others_have_agreed_on_takes_the_place_of_what_was_known() {
    let mut directory = directory();
    let known = change(&[0, 1, 2, 3, 4]);
    assert_eq!(directory.overrule(&Arc::new(known.clone())), Ok(false));
    assert_eq!(directory.overrule(&Arc::new(known.clone())), Ok(false));
    let mut other = known.clone();
    other.hand_over.head.head.height = Height::new(10);
    let other = Arc::new(other);
    assert!(directory.overrule_checked(&other, &mut Zip215).is_err());
    assert_eq!(directory.end(shard(7), Epoch::ZERO), Some(Height::new(9)));
    assert_eq!(directory.overrule(&other), Ok(true));
    assert_eq!(directory.end(shard(7), Epoch::ZERO), Some(Height::new(10)));
    // Who knows the one tells those who know the other.
    let mut elsewhere = self::directory();
    assert_eq!(learn(&mut elsewhere, known), Ok(true));
    assert_eq!(
        directory.beyond(&elsewhere),
        [Fact::Changed((*other).clone())]
    );
    assert_eq!(directory.beyond(&directory), []);
}

#[test]
fn all_shards_have_their_turn_and_some_have_each() {
    let mut directory = directory();
    for number in 0..7 {
        let founded = ShardRecord {
            shard: shard(10 + number),
            ..record(1..=4)
        };
        assert_eq!(directory.trust(&Fact::Founded(founded)), Ok(true));
    }
    assert_eq!(
        learn(&mut directory, change(&[0, 1, 2, 3, 4])),
        Ok(true),
        "shard 7 is further than the others"
    );
    let first = [shard(7), shard(99)].into();
    let in_turn = |turn, count| directory.in_turn(&first, turn, count);
    let seven = (shard(7), Epoch::new(1));
    let at = |number| (shard(number), Epoch::ZERO);
    assert_eq!(in_turn(0, 4), [seven, at(10), at(11), at(12)]);
    assert_eq!(in_turn(1, 4), [seven, at(13), at(14), at(15)]);
    assert_eq!(in_turn(2, 4), [seven, at(16), at(10), at(11)]);
    assert_eq!(in_turn(usize::MAX, 1), [seven]);
    // Where there is room for all, each turn is about all.
    for turn in 0..3 {
        assert_eq!(in_turn(turn, 8).len(), 8);
        assert_eq!(in_turn(turn, 100).len(), 8);
    }
    let alone = self::directory();
    let known = [(shard(7), Epoch::ZERO)];
    assert_eq!(alone.in_turn(&first, 5, 4), known);
    assert_eq!(alone.in_turn(&BTreeSet::new(), 5, 4), known);
}
