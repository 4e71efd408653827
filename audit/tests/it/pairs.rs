//! Security Theorem 3: what dishonest shards have told different shards comes out when the chains of
//! two of them are laid side by side, with proofs against those who signed it.

use audit::{Finding, Problem, Replay, compatible};
use model::key::Zip215;
use model::{
    AbortReason, Entry, Height, Mode, NodeId, Profile, Promise, ShardId, Transaction,
    TransactionResult, Verdict,
};

use crate::network::{A, B, C, Network, committed, leaf, prepare};

const FOR: Promise = Promise::Prepared(Verdict::Commit);
const AGAINST: Promise = Promise::Prepared(Verdict::Abort(AbortReason::Deadline));

#[track_caller]
pub(crate) fn audits<const N: usize>(network: &Network, shards: [ShardId; N]) -> [Replay; N] {
    shards.map(|shard| {
        let replay = network.audit(shard);
        replay.unwrap_or_else(|found| panic!("shard {shard} is in order: {found}"))
    })
}

/// Both ways round there is this problem, and these members of a shard are shown to have lied.
#[track_caller]
pub(crate) fn found(
    first: &Replay,
    second: &Replay,
    problem: &Problem,
    liars: &[NodeId],
) -> Finding {
    for pair in [(second, first), (first, second)] {
        let finding = compatible(pair.0, pair.1).expect_err("they do not fit together");
        assert_eq!(finding.problem, *problem);
        assert_eq!(finding.signers, liars);
        assert_eq!(finding.proofs.len(), liars.len());
        for (proof, liar) in finding.proofs.iter().zip(liars) {
            assert_eq!(proof.node, *liar);
            assert_eq!(proof.verify(&mut Zip215), Ok(()));
        }
    }
    compatible(first, second).expect_err("as above")
}

/// The members that sign for a shard.
fn signers(network: &Network, shard: ShardId) -> Vec<NodeId> {
    let shard = network.genesis.shard(shard).expect("a shard");
    let members = shard.members.iter().take(3);
    members.map(|member| member.node).collect()
}

/// A swap among all shards, which each has prepared.
fn prepared(shards: u32, mode: Mode) -> (Network, Transaction) {
    let mut network = Network::new(shards, Profile::Open);
    let ids = network.ids();
    let things: Vec<_> = ids.iter().map(|shard| network.thing(*shard, 0)).collect();
    let swap = network.swap(mode, &things, &[], &ids);
    for shard in ids {
        network.block(shard, 100, vec![prepare(&swap)]);
    }
    (network, swap)
}

#[test]
fn i4_a_shard_that_shows_another_head_than_its_own_is_named() {
    let (mut network, swap) = prepared(2, Mode::Decider(B));
    let forged = network.forged(A, leaf(B, &swap, FOR));
    let entry = network.delivery(forged);
    network.block(B, 200, vec![entry]);
    let [a, b] = audits(&network, [A, B]);
    compatible(&a, &b).expect("the only promise of A is the one that it made");
    let forged = network.forged(A, leaf(B, &swap, AGAINST));
    let entry = network.delivery(forged);
    network.block(B, 300, vec![entry]);
    let [a, b] = audits(&network, [A, B]);
    let finding = found(&a, &b, &Problem::TwoHeads(A), &signers(&network, A));
    assert_eq!(finding.height, Height::new(1));
}

#[test]
fn b10_a_shard_that_shows_each_of_two_others_another_head_is_named_without_its_chain() {
    let (mut network, swap) = prepared(3, Mode::AllVotes);
    let real = network.last(C, A);
    let forged = network.forged(C, leaf(B, &swap, AGAINST));
    let forged = network.delivery(forged);
    network.block(A, 200, vec![real]);
    network.block(B, 200, vec![forged]);
    let [a, b] = audits(&network, [A, B]);
    found(&a, &b, &Problem::TwoHeads(C), &signers(&network, C));
}

#[test]
fn two_histories_of_one_shard_are_not_compatible() {
    let (mut one, _) = prepared(2, Mode::Decider(B));
    let (mut other, _) = prepared(2, Mode::Decider(B));
    let [first, second] = [&one, &other].map(|network| audits(network, [A]));
    compatible(&first[0], &second[0]).expect("they are the same so far");
    one.block(A, 200, Vec::new());
    let [longer] = audits(&one, [A]);
    compatible(&longer, &second[0]).expect("one of them is only longer");
    other.block(A, 201, Vec::new());
    let [second] = audits(&other, [A]);
    found(&longer, &second, &Problem::TwoHeads(A), &signers(&one, A));
}

#[test]
fn b8_a_shard_that_votes_for_and_against_splits_the_others_and_is_named() {
    let mut network = Network::new(3, Profile::Open);
    let things = [A, B, C].map(|shard| network.thing(shard, 0));
    let swap = network.swap(Mode::AllVotes, &things, &[], &[A, B, C]);
    network.block(A, 100, vec![prepare(&swap)]);
    network.block(B, 100, vec![prepare(&swap)]);
    network.lie(C, 100, vec![prepare(&swap)], |claims| {
        claims.outbox = vec![leaf(A, &swap, FOR), leaf(B, &swap, AGAINST)];
    });
    let at_a = vec![network.last(B, A), network.last(C, A)];
    let at_b = vec![network.last(A, B), network.last(C, B)];
    let applied = network.block(A, 200, at_a);
    assert_eq!(applied.results, [committed(&swap)]);
    let applied = network.block(B, 200, at_b);
    assert_ne!(applied.results, [committed(&swap)]);
    assert!(network.audit(C).is_err());
    let [a, b] = audits(&network, [A, B]);
    let problem = Problem::TwoPromises {
        shard: C,
        transaction: swap.body.id(),
    };
    found(&a, &b, &problem, &signers(&network, C));
}

/// A commits what C decides, and B hears something else of C; the audits of A and B.
fn split(other: Promise) -> (Network, Transaction, [Replay; 2]) {
    let mut network = Network::new(3, Profile::Open);
    let things = [A, B, C].map(|shard| network.thing(shard, 0));
    let swap = network.swap(Mode::Decider(C), &things, &[], &[A, B, C]);
    network.block(A, 100, vec![prepare(&swap)]);
    network.block(B, 100, vec![prepare(&swap)]);
    network.lie(C, 200, Vec::new(), |claims| {
        let commit = Promise::Accept(Verdict::Commit);
        claims.outbox = vec![leaf(A, &swap, commit), leaf(B, &swap, other)];
    });
    for shard in [A, B] {
        let decision: Entry = network.last(C, shard);
        network.block(shard, 300, vec![decision]);
    }
    let audits = audits(&network, [A, B]);
    (network, swap, audits)
}

#[test]
fn b5_a_decider_that_decides_both_ways_is_named() {
    let abort = Promise::Accept(Verdict::Abort(AbortReason::Deadline));
    let (network, swap, [a, b]) = split(abort);
    let problem = Problem::TwoPromises {
        shard: C,
        transaction: swap.body.id(),
    };
    found(&a, &b, &problem, &signers(&network, C));
}

#[test]
fn a_decider_that_denies_its_decision_is_found_and_cannot_be_proven_to_lie() {
    let (_, swap, [a, b]) = split(Promise::NoDecision);
    found(&a, &b, &Problem::Split(swap.body.id()), &[]);
}

/// A refuses a swap that B has prepared, and `f + 1` members of A tell B that it does not.
fn false_vote(profile: Profile) -> (Network, Transaction, Vec<TransactionResult>) {
    let mut network = Network::new(3, profile);
    let things = [A, B].map(|shard| network.thing(shard, 0));
    let rival = network.swap(Mode::Decider(C), &things[..1], &[], &[]);
    let swap = network.swap(Mode::AllVotes, &things, &[], &[A, B]);
    network.block(A, 100, vec![prepare(&rival), prepare(&swap)]);
    let forged = network.forged_by(2, A, leaf(B, &swap, FOR));
    let forged = network.delivery(forged);
    let applied = network.block(B, 200, vec![prepare(&swap), forged]);
    (network, swap, applied.results)
}

#[test]
fn c4_f_plus_1_members_who_sign_a_false_vote_are_named_and_nobody_else() {
    let (network, swap, results) = false_vote(Profile::Paper);
    assert_eq!(results, [committed(&swap)], "B believes them");
    let [a, b] = audits(&network, [A, B]);
    found(&a, &b, &Problem::TwoHeads(A), &signers(&network, A)[..2]);
}

#[test]
fn c4_where_a_quorum_is_asked_for_who_believes_f_plus_1_members_is_caught() {
    let (network, _, _) = false_vote(Profile::Open);
    let Err(caught) = network.audit(B) else {
        panic!("two of four are no quorum");
    };
    assert!(matches!(caught.problem, Problem::Unproven(_)), "{caught}");
    assert!(network.audit(A).is_ok(), "what few members say is not its");
}
