//! That both sides of a race keep the same link.

use std::time::Duration;

use model::PublicKey;

use super::*;

fn node(byte: u8) -> NodeId {
    NodeId::new(PublicKey::from_bytes([byte; 32]))
}

fn id(number: usize) -> ConnectionId {
    ConnectionId::new_unchecked(number)
}

/// The connection that the smaller node dialed, and the one that the larger node dialed.
const BY_SMALLER: usize = 1;
const BY_LARGER: usize = 2;

/// Two nodes that have dialed each other, and the links they have asked for.
struct Race {
    smaller: Links,
    larger: Links,
    now: Instant,
}

impl Race {
    fn new() -> Self {
        Self {
            smaller: Links::new(node(1)),
            larger: Links::new(node(2)),
            now: Instant::now(),
        }
    }

    /// What each node keeps in the end.
    fn kept(&self) -> [Option<ConnectionId>; 2] {
        [
            self.smaller.connection(&node(2)),
            self.larger.connection(&node(1)),
        ]
    }
}

#[test]
fn both_sides_of_a_race_keep_what_the_smaller_one_dialed() {
    for smaller_hears_first in [true, false] {
        let mut race = Race::new();
        let now = race.now;
        assert!(race.smaller.open(node(2), id(BY_SMALLER), now));
        assert!(race.larger.open(node(1), id(BY_LARGER), now));
        let mut hear = |smaller: bool| {
            if smaller {
                assert!(!race.smaller.accept(node(2), id(BY_LARGER), now));
            } else {
                assert!(race.larger.accept(node(1), id(BY_SMALLER), now));
            }
        };
        hear(smaller_hears_first);
        hear(!smaller_hears_first);
        assert_eq!(race.kept(), [Some(id(BY_SMALLER)); 2]);
    }
}

#[test]
fn a_link_that_came_first_is_kept_whoever_dialed_it() {
    let mut race = Race::new();
    let now = race.now;
    assert!(race.larger.open(node(1), id(BY_LARGER), now));
    assert!(race.smaller.accept(node(2), id(BY_LARGER), now));
    assert!(!race.smaller.open(node(2), id(BY_SMALLER), now));
    assert_eq!(race.kept(), [Some(id(BY_LARGER)); 2]);
}

#[test]
fn after_the_race_whoever_asks_has_lost_its_link() {
    let mut links = Links::new(node(1));
    let start = Instant::now();
    assert!(links.open(node(2), id(1), start));
    let early = start + RACE_WINDOW - Duration::from_millis(1);
    assert!(!links.accept(node(2), id(2), early));
    assert!(links.accept(node(2), id(2), start + RACE_WINDOW));
    assert_eq!(links.connection(&node(2)), Some(id(2)));
}

#[test]
fn a_member_that_dials_again_replaces_its_own_link_at_once() {
    let mut links = Links::new(node(1));
    let now = Instant::now();
    assert!(links.accept(node(2), id(1), now));
    assert!(links.accept(node(2), id(2), now));
    assert_eq!(links.connection(&node(2)), Some(id(2)));
}

#[test]
fn a_connection_carries_one_link_in_its_life() {
    let mut links = Links::new(node(1));
    let now = Instant::now();
    assert!(links.accept(node(2), id(1), now));
    assert!(!links.accept(node(2), id(1), now + RACE_WINDOW));
}

#[test]
fn only_the_connection_that_holds_a_link_releases_it() {
    let mut links = Links::new(node(1));
    let now = Instant::now();
    assert!(links.accept(node(2), id(1), now));
    assert!(links.accept(node(2), id(2), now));
    assert!(!links.release(&node(2), id(1)));
    assert!(links.release(&node(2), id(2)));
    assert_eq!(links.connection(&node(2)), None);
    assert!(links.open(node(2), id(3), now));
}
