//! What contracts allow: which shards may hold their objects, and which may decide about them.
//!
//! Paper: Section II-B, Section VI-A, `MC.Mapping`.

use std::collections::{BTreeMap, BTreeSet};

use model::placement::Footprint;
use model::{AbortReason, ContractId, Mapping, Mode, Object, Policy, Profile, ShardId, Trace};

use crate::world::{OPEN, OTHER, authorized, output, shard, thing, trace};

fn shards(numbers: &[u32]) -> Vec<ShardId> {
    numbers.iter().map(|number| shard(*number)).collect()
}

/// A network that began with the shards 0, 1 and 2. [`OPEN`] lives in 0 and 1 and trusts only 1 to
/// decide; the others say nothing.
fn policy() -> Policy {
    let mapping = Mapping {
        homes: shards(&[0, 1]),
        deciders: shards(&[1]),
        frozen: Vec::new(),
    };
    let founders: BTreeSet<ShardId> = shards(&[0, 1, 2]).into_iter().collect();
    Policy::new(Profile::Open, founders, BTreeMap::from([(OPEN, mapping)]))
}

/// Objects of [`OPEN`] and of [`OTHER`] that are consumed in these shards.
fn consuming(open: &[u32], other: &[u32]) -> Footprint {
    let of = |contract: ContractId, homes: &[u32]| -> Vec<Object> {
        let homes = homes.iter();
        homes.map(|home| thing(contract, *home, *home)).collect()
    };
    let (open, other) = (of(OPEN, open), of(OTHER, other));
    let traces = [
        trace(&open.iter().collect::<Vec<_>>(), 0),
        Trace {
            contract: OTHER,
            ..trace(&other.iter().collect::<Vec<_>>(), 0)
        },
    ];
    let known = [open, other].concat();
    authorized(&traces, &known).footprint().clone()
}

#[track_caller]
fn check(footprint: &Footprint, mode: Mode, at: u32, expected: Result<(), AbortReason>) {
    assert_eq!(policy().check(footprint, mode, shard(at)), expected);
}

fn home(contract: ContractId, home: u32) -> Result<(), AbortReason> {
    let home = shard(home);
    Err(AbortReason::Home { contract, home })
}

fn decider(contract: ContractId, decider: u32) -> Result<(), AbortReason> {
    let decider = shard(decider);
    Err(AbortReason::Decider { contract, decider })
}

const BY_1: Mode = Mode::Decider(shard(1));
const BY_2: Mode = Mode::Decider(shard(2));
const BY_9: Mode = Mode::Decider(shard(9));

#[test]
fn a_transaction_within_the_mappings_is_allowed() {
    for at in 0..3 {
        check(&consuming(&[0, 1], &[0, 1, 2]), BY_1, at, Ok(()));
        check(&consuming(&[0, 1], &[0, 1]), Mode::AllVotes, at, Ok(()));
    }
}

#[test]
fn who_holds_an_object_of_a_contract_refuses_objects_of_it_elsewhere() {
    let mapped = consuming(&[0, 2], &[]);
    check(&mapped, Mode::AllVotes, 0, home(OPEN, 2));
    check(&mapped, Mode::AllVotes, 2, home(OPEN, 2));
    let founded = consuming(&[], &[0, 9]);
    check(&founded, Mode::AllVotes, 0, home(OTHER, 9));
}

#[test]
fn outputs_and_references_need_a_home_that_is_allowed_too() {
    let a = thing(OPEN, 0, 0);
    let makes = Trace {
        outputs: vec![output(2, 0)],
        ..trace(&[&a], 0)
    };
    let b = thing(OPEN, 0, 2);
    let reads = Trace {
        references: vec![b.id()],
        ..trace(&[&a], 0)
    };
    for (trace, known) in [(makes, vec![a.clone()]), (reads, vec![a, b])] {
        let transaction = authorized(&[trace], &known);
        check(transaction.footprint(), BY_1, 0, home(OPEN, 2));
    }
}

#[test]
fn who_holds_an_object_of_a_contract_refuses_a_decider_it_does_not_trust() {
    let mapped = consuming(&[0, 1], &[]);
    check(&mapped, BY_2, 0, decider(OPEN, 2));
    check(&mapped, Mode::Decider(shard(0)), 1, decider(OPEN, 0));
    let founded = consuming(&[], &[0, 1]);
    check(&founded, BY_2, 0, Ok(()));
    check(&founded, BY_9, 0, decider(OTHER, 9));
    check(&founded, Mode::AllVotes, 0, Ok(()));
}

#[test]
fn where_all_decide_all_must_be_trusted() {
    // Shard 0 holds objects of OPEN and is trusted to do so, though not to decide.
    check(&consuming(&[0, 1], &[]), Mode::AllVotes, 1, Ok(()));
    let foreign = consuming(&[0, 1], &[2]);
    check(&foreign, Mode::AllVotes, 0, decider(OPEN, 2));
    check(&foreign, Mode::AllVotes, 1, decider(OPEN, 2));
    check(&foreign, Mode::AllVotes, 2, Ok(()));
}

/// Nobody would ever vote for such a shard, or decide in its place, and an object that a transaction
/// with it locks would be lost.
#[test]
fn a_shard_that_is_mapped_and_not_founded_yet_has_no_part_in_anything() {
    let mapping = Mapping {
        homes: shards(&[0, 1, 7]),
        deciders: shards(&[1, 7]),
        frozen: Vec::new(),
    };
    let founders: BTreeSet<ShardId> = shards(&[0, 1, 2]).into_iter().collect();
    let policy = Policy::new(Profile::Open, founders, BTreeMap::from([(OPEN, mapping)]));
    let ours = shard(0);
    let by_7 = Mode::Decider(shard(7));
    let elsewhere = consuming(&[0, 7], &[]);
    assert_eq!(policy.check(&elsewhere, BY_1, ours), home(OPEN, 7));
    assert_eq!(policy.check(&elsewhere, by_7, ours), home(OPEN, 7));
    let decided = consuming(&[0], &[]);
    assert_eq!(policy.check(&decided, by_7, ours), decider(OPEN, 7));
    let foreign = consuming(&[0], &[7]);
    let all = policy.check(&foreign, Mode::AllVotes, ours);
    assert_eq!(all, decider(OPEN, 7));
}

#[test]
fn contracts_without_an_object_here_are_for_others_to_judge() {
    // Shard 2 holds an object of OTHER only, and shard 8 nothing at all.
    let footprint = consuming(&[0], &[2, 9]);
    check(&footprint, BY_2, 8, Ok(()));
    check(&footprint, BY_9, 8, Ok(()));
    check(&footprint, BY_2, 2, home(OTHER, 9));
    let decided = consuming(&[0], &[2]);
    check(&decided, BY_2, 2, Ok(()));
    check(&decided, BY_2, 0, decider(OPEN, 2));
}

/// Its checker would run in shard 9 alone, and others would take what shard 9 says for what the contract
/// says.
#[test]
fn an_object_where_its_mapping_does_not_allow_it_is_refused_by_all() {
    let footprint = consuming(&[9], &[]);
    for at in [0, 1, 2, 8] {
        check(&footprint, BY_1, at, home(OPEN, 9));
    }
}

#[test]
fn a_profile_says_how_s_bac_is_run() {
    let said = |profile: Profile| (profile.shares_references(), profile.mode(shard(2)));
    assert_eq!(said(Profile::Open), (true, BY_2));
    assert_eq!(said(Profile::Paper), (false, Mode::AllVotes));
    assert_eq!(Profile::default(), Profile::Open);
}
