//! Tests that what is measured is the whole way across two shards.

use std::time::Duration;

use super::{Kind, measure};
use crate::bench::payments::Payments;

#[test]
fn payments_commit_in_both_shards_in_either_mode_and_cost_more_than_within_one() {
    for all_votes in [false, true] {
        let kind = Kind {
            payments: Payments::WithChange,
            inputs: 1,
            shards: 2,
            cross: 50,
            all_votes,
        };
        let measured = measure(kind, 4, 500, Duration::ZERO).expect("they commit");
        assert!(measured > Duration::ZERO);
    }
}
