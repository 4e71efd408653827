//! Whatever honest shards do, the auditor comes to the same heads.

use std::collections::BTreeSet;

use audit::{Replay, compatible};
use model::bounds::{ALARMS_MAX, EARLY_ABORTS_MAX, VALIDITY_MS_MAX};
use model::{AbortReason, Entry, Leaf, Mode, Profile, Promise, ShardId, Transaction, Verdict};

use crate::network::{A, B, C, CREATED, Network, leaf, prepare};
use crate::traffic::Traffic;

/// Blocks of one run, over all shards.
const BLOCKS: usize = 150;

/// What is to happen in the runs, so that they show something.
const HAPPENS: [&str; 12] = [
    "accept",
    "acknowledged",
    "committed",
    "deadline",
    "decider",
    "home",
    "invalid",
    "locked",
    "never will",
    "prepared",
    "refused",
    "repeated",
];

/// Audits the chain of a shard, which ends where its ledger stands.
#[track_caller]
pub(crate) fn in_order(network: &Network, shard: ShardId, what: &str) -> Replay {
    let replay = network.audit(shard);
    let replay = replay.unwrap_or_else(|found| panic!("{what}, shard {shard}: {found}"));
    let ledger = network.ledger(shard);
    assert_eq!(*replay.active(), ledger.state.objects, "{what}");
    assert_eq!(replay.state(), ledger.state.as_committed(None), "{what}");
    let end = replay.finish().expect("the last block is final");
    assert_eq!(end, (ledger.tip.height, ledger.tip.head), "{what}");
    replay
}

#[test]
fn s18_the_histories_of_honest_shards_are_in_order_and_compatible() {
    let mut seen = BTreeSet::new();
    for seed in 0..12 {
        let shards = if seed % 3 == 0 { 2 } else { 3 };
        let profile = if seed % 2 == 0 {
            Profile::Open
        } else {
            Profile::Paper
        };
        let traffic = Traffic::run(seed, (shards, None), profile, (BLOCKS, 0));
        let what = format!("seed {seed}");
        let ids = traffic.network.ids().into_iter();
        let audits: Vec<Replay> = ids
            .map(|shard| in_order(&traffic.network, shard, &what))
            .collect();
        for first in &audits {
            for second in &audits {
                compatible(first, second).unwrap_or_else(|found| panic!("{what}: {found}"));
            }
        }
        seen.extend(traffic.seen);
    }
    assert!(seen.into_iter().eq(HAPPENS));
}

#[test]
fn honest_shards_are_in_order_whatever_a_dishonest_one_promises_them() {
    for seed in 100..116 {
        let profile = if seed % 2 == 0 {
            Profile::Open
        } else {
            Profile::Paper
        };
        let ends = if seed % 4 < 2 { 0 } else { 4 };
        let traffic = Traffic::run(seed, (3, Some(C)), profile, (BLOCKS, ends));
        for shard in [A, B] {
            in_order(&traffic.network, shard, &format!("seed {seed}"));
        }
    }
}

#[test]
fn a_block_that_has_more_to_repeat_than_it_may_is_in_order() {
    let mut network = Network::new(2, Profile::Open);
    let (law, thing) = (network.thing(A, 6), network.thing(B, 0));
    let inputs = [thing];
    let reads = (0..=ALARMS_MAX)
        .map(|_| network.swap(Mode::Decider(B), &inputs, std::slice::from_ref(&law), &[B]));
    let reads: Vec<_> = reads.collect();
    for (number, some) in (1..).zip(reads.chunks(400)) {
        network.block(A, 100 * number, some.iter().map(prepare).collect());
    }
    let repeated = network.block(A, 9_000, Vec::new());
    assert_eq!(repeated.outbox.len(), ALARMS_MAX);
    let repeated = network.block(A, 9_100, Vec::new());
    assert_eq!(repeated.outbox.len(), 1);
    in_order(&network, A, "many sessions");
}

#[test]
fn a_shard_that_hears_of_more_aborts_than_it_notes_is_in_order() {
    let mut network = Network::new(2, Profile::Open);
    let things = [network.thing(A, 0), network.thing(B, 0)];
    let swaps = (0..=EARLY_ABORTS_MAX).map(|_| network.swap(Mode::Decider(B), &things, &[], &[A]));
    let swaps: Vec<_> = swaps.collect();
    abort_all(&mut network, 100, &swaps);
    let said = all_said(&network);
    let heard = network.block(A, 200, said);
    assert_eq!(heard.outbox.len(), EARLY_ABORTS_MAX);
    let acknowledged = |swap: &&_| {
        heard
            .outbox
            .contains(&far(leaf(B, swap, Promise::Acknowledged)))
    };
    let (noted, lost): (Vec<_>, Vec<_>) = swaps.iter().partition(acknowledged);
    let votes = [noted[0], lost[0]].map(prepare);
    let voted = network.block(A, 300, votes.into());
    assert_eq!(
        voted.results.len(),
        1,
        "one is refused at once, the other is prepared"
    );
    // When their deadlines could have passed there is room again, whatever B says of the deadlines.
    abort_all(&mut network, 50_000, &swaps[..1]);
    let said = network.last(B, A);
    let heard = network.block(A, 201 + VALIDITY_MS_MAX, vec![said]);
    assert_eq!(heard.outbox.len(), 2, "it acknowledges, and repeats a vote");
    in_order(&network, A, "many aborts");
}

/// B says to A that it has aborted these, and that their deadlines are far.
fn abort_all(network: &mut Network, ms: u64, swaps: &[Transaction]) {
    network.lie(B, ms, Vec::new(), |claims| {
        let abort = Promise::Accept(Verdict::Abort(AbortReason::Deadline));
        let leaves = swaps.iter().map(|swap| far(leaf(A, swap, abort)));
        claims.outbox = leaves.collect();
    });
}

fn far(leaf: Leaf) -> Leaf {
    Leaf {
        valid_until: CREATED.plus_ms(1_000_000),
        ..leaf
    }
}

/// All that B has said to A, in order.
fn all_said(network: &Network) -> Vec<Entry> {
    let said = network.parcels(B, A).into_iter().rev();
    said.map(|parcel| network.delivery(parcel)).collect()
}

#[test]
fn promises_are_repeated_ever_more_seldom() {
    let mut network = Network::new(2, Profile::Open);
    let things = [network.thing(A, 0), network.thing(B, 0)];
    let swap = network.swap(Mode::Decider(B), &things, &[], &[A]);
    network.block(A, 100, vec![prepare(&swap)]);
    let mut repeats = 0;
    for second in 1..200 {
        let block = network.block(A, 1_000 * second, Vec::new());
        repeats += block.outbox.len();
    }
    assert_eq!(
        repeats, 6,
        "after 4, 8, 16, 32 seconds, and from then on after 64"
    );
    in_order(&network, A, "a vote without an answer");
}
