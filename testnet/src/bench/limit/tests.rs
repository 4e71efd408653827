//! Tests of the formula.

use std::time::Duration;

use super::{Costs, Limit};

const fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

const COSTS: Costs = Costs {
    sign: us(16),
    verify: us(36),
    verify_of_100: us(19),
    verify_of_1000: us(16),
    verify_of_block: us(20),
    verify_quorum: us(60),
    sha256_64: us(1),
    sha256_payment: us(1),
    encode: us(1),
    decode: us(2),
    form: us(3),
    apply: us(4),
    crossing: us(0),
    note: us(5),
    flush: us(6),
    log: us(100),
    syncs_per_second: 10_000.0,
    payment_bytes: 700,
};

#[test]
fn a_payment_costs_what_all_members_spend_and_its_share_of_the_block() {
    let limit = Limit::of(COSTS, 4, 100, 1.0);
    // 4 * (20 + 2 + 3 + 4 + 5 + 6) + (13 * 16 + 3 * 36 + 12 * 60 + 4 * 100) / 100
    assert_eq!(limit.cpu, Duration::from_nanos(174_360));
    let alone = Limit::of(COSTS, 4, 1, 1.0);
    assert_eq!(alone.cpu, us(160 + 1_436));
}

#[test]
fn the_smaller_bound_is_the_limit() {
    let disk = Limit::of(COSTS, 4, 1, 1.0);
    assert!((disk.sync_per_second - 2_500.0).abs() < 1e-9);
    let slow = Costs {
        syncs_per_second: 1.0,
        ..COSTS
    };
    let slow = Limit::of(slow, 4, 1, 1.0);
    assert!((slow.per_second - 0.25).abs() < 1e-9, "{slow:?}");
    let fast = Limit::of(COSTS, 4, 1_000, 1.0);
    assert!(
        (fast.per_second - fast.cpu_per_second).abs() < 1e-9,
        "{fast:?}"
    );
}

#[test]
fn a_payment_that_crosses_costs_both_shards_and_what_they_tell_each_other() {
    let crossing = Costs {
        crossing: us(10),
        ..COSTS
    };
    let limit = Limit::of(crossing, 4, 100, 2.0);
    // 2 * 4 * (40 + 10) + 1,436 / 100
    assert_eq!(limit.cpu, Duration::from_nanos(414_360));
}
