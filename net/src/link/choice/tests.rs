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
        assert!(race.smaller.open(node(2), id(BY_SMALLER), now).is_some());
        assert!(race.larger.open(node(1), id(BY_LARGER), now).is_some());
        let mut hear = |smaller: bool| {
            if smaller {
                assert!(race.smaller.accept(node(2), id(BY_LARGER), now).is_none());
            } else {
                assert!(race.larger.accept(node(1), id(BY_SMALLER), now).is_some());
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
    assert!(race.larger.open(node(1), id(BY_LARGER), now).is_some());
    assert!(race.smaller.accept(node(2), id(BY_LARGER), now).is_some());
    assert!(race.smaller.open(node(2), id(BY_SMALLER), now).is_none());
    assert_eq!(race.kept(), [Some(id(BY_LARGER)); 2]);
}

#[test]
fn after_the_race_whoever_asks_has_lost_its_link() {
    let mut links = Links::new(node(1));
    let start = Instant::now();
    assert!(links.open(node(2), id(1), start).is_some());
    let early = start + RACE_WINDOW - Duration::from_millis(1);
    assert!(links.accept(node(2), id(2), early).is_none());
    assert!(links.accept(node(2), id(2), start + RACE_WINDOW).is_some());
    assert_eq!(links.connection(&node(2)), Some(id(2)));
}

#[test]
fn a_member_that_dials_again_replaces_its_own_link_at_once() {
    let mut links = Links::new(node(1));
    let now = Instant::now();
    assert!(links.accept(node(2), id(1), now).is_some());
    assert!(links.accept(node(2), id(2), now).is_some());
    assert_eq!(links.connection(&node(2)), Some(id(2)));
}

#[test]
fn a_connection_carries_one_link_at_a_time() {
    let mut links = Links::new(node(1));
    let now = Instant::now();
    assert!(links.accept(node(2), id(1), now).is_some());
    assert!(links.accept(node(2), id(1), now + RACE_WINDOW).is_none());
    assert!(links.release(&node(2), id(1)));
    assert!(links.accept(node(2), id(1), now).is_some());
}

#[test]
fn only_the_connection_that_holds_a_link_releases_it() {
    let mut links = Links::new(node(1));
    let now = Instant::now();
    assert!(links.accept(node(2), id(1), now).is_some());
    assert!(links.accept(node(2), id(2), now).is_some());
    assert!(!links.release(&node(2), id(1)));
    assert!(links.release(&node(2), id(2)));
    assert_eq!(links.connection(&node(2)), None);
    assert!(links.open(node(2), id(3), now).is_some());
}

#[test]
fn a_claim_is_over_when_its_link_is_replaced_or_let_go() {
    use futures::FutureExt;

    let mut links = Links::new(node(1));
    let now = Instant::now();
    let mut old = links.open(node(3), id(1), now).expect("there is no link");
    assert_eq!(old.unless_over(async { 7 }).now_or_never(), Some(Some(7)));
    let mut new = links.accept(node(3), id(2), now + RACE_WINDOW);
    let new = new.as_mut().expect("it asks because it has none");
    assert!(links.stands(&node(3), new) && !links.stands(&node(3), &old));
    assert_eq!(old.unless_over(async { 7 }).now_or_never(), Some(None));
    let forever = std::future::pending::<()>;
    assert_eq!(new.unless_over(forever()).now_or_never(), None);
    assert!(links.release(&node(3), id(2)));
    assert_eq!(new.unless_over(forever()).now_or_never(), Some(None));
    assert!(!links.stands(&node(3), new));
}
