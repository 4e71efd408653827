//! Tests of what is concluded from what was measured.

use std::time::Duration;

use super::drive::Tally;
use super::rig::Ran;
use super::usage::Usage;
use super::{Arrivals, Latency, chains, conclude, rounds};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn percentiles_are_latencies_that_somebody_had() {
    let mut latencies: Vec<Duration> = (1..=200).rev().map(ms).collect();
    let expected = Latency {
        p50: ms(100),
        p95: ms(190),
        p99: ms(198),
        max: ms(200),
    };
    assert_eq!(Latency::of(&mut latencies), expected);
    let alone = Latency::of(&mut [ms(7)]);
    assert_eq!((alone.p50, alone.max), (ms(7), ms(7)));
    assert_eq!(Latency::of(&mut []), Latency::default());
}

#[test]
fn rates_count_the_time_of_sending_and_costs_all_payments() {
    let tally = Tally {
        sent: 30,
        in_window: 20,
        window: Duration::from_secs(2),
        latencies: vec![ms(1); 30],
        blocks: 3,
        blocks_in_window: 2,
        ..Tally::default()
    };
    let nodes = Usage {
        cpu: ms(60),
        written: 300,
        loopback: 3_000,
    };
    let measured = conclude(Ran {
        tally,
        nodes,
        own: Usage::default(),
    });
    assert_eq!(measured.committed, 30);
    let found = [
        measured.committed_per_second,
        measured.cpu_ms_per_transaction,
        measured.blocks_per_second,
        measured.transactions_per_block,
        measured.written_bytes_per_transaction,
        measured.loopback_bytes_per_transaction,
    ];
    assert_eq!(found, [10.0, 2.0, 1.0, 10.0, 10.0, 100.0]);
}

#[test]
fn rounds_are_short_and_make_up_the_run() {
    for seconds in 1..200 {
        let rounds: Vec<u64> = rounds(seconds).collect();
        assert_eq!(rounds.iter().sum::<u64>(), seconds);
        assert!(rounds.iter().all(|round| (1..=40).contains(round)));
    }
    assert_eq!(rounds(40).count(), 1);
}

#[test]
fn runs_are_counted_together() {
    let run = || Tally {
        sent: 30,
        in_window: 20,
        window: Duration::from_secs(2),
        lead: ms(100),
        in_lead: 3,
        refused: 1,
        latencies: vec![ms(1); 30],
        blocks: 3,
        blocks_in_window: 2,
        exhausted: false,
    };
    let mut both = run();
    both.add(run());
    assert_eq!((both.sent, both.in_window, both.refused), (60, 40, 2));
    assert_eq!((both.window, both.latencies.len()), (ms(4_000), 60));
    assert_eq!((both.lead, both.in_lead), (ms(200), 6));
    assert_eq!((both.blocks, both.blocks_in_window), (6, 4));
}

#[test]
fn there_are_accounts_enough_and_not_more_than_a_genesis_document_holds() {
    assert_eq!(chains(Arrivals::Closed { in_flight: 4_000 }, 1), 5_000);
    assert_eq!(chains(Arrivals::Open { per_second: 10 }, 1), 100);
    let many = Arrivals::Open {
        per_second: 100_000,
    };
    assert_eq!(chains(many, 1), 16_000);
    assert_eq!(chains(many, 10), 1_600);
}
