//! One lie at a time, signed by a quorum: the auditor finds each, where it was told, and names who
//! signed it.

use audit::Problem;
use model::certificate::CertificateError;
use model::head::HeadError;
use model::outbox::BadParcel;
use model::{AbortReason, Delivery, Entry, Mode, Profile, Promise, ShardId, Transaction, Verdict};

use crate::network::{A, B, C, Claims, Network, committed, leaf, prepare, signed};

const COMMIT: Promise = Promise::Accept(Verdict::Commit);

/// The audit of a shard ends with this finding about its last block.
#[track_caller]
pub(crate) fn caught(network: &Network, shard: ShardId, problem: &Problem) {
    let found = network.audit(shard).err().expect("there is a lie");
    assert_eq!(found.problem, *problem);
    assert_eq!(found.signers.len(), 3, "{found:?}");
    let last = network.chain(shard).last().expect("it has blocks");
    assert_eq!(found.height, last.block.header.height);
}

/// A and B exchange a thing, and B decides; A has voted for it.
pub(crate) fn voted() -> (Network, Transaction) {
    let mut network = Network::new(2, Profile::Open);
    let things = [network.thing(A, 0), network.thing(B, 0)];
    let swap = network.swap(Mode::Decider(B), &things, &[], &[A, B]);
    network.block(A, 100, vec![prepare(&swap)]);
    (network, swap)
}

/// As before, and B has decided to commit.
fn decided() -> (Network, Transaction) {
    let (mut network, swap) = voted();
    let vote = network.last(A, B);
    network.block(B, 200, vec![prepare(&swap), vote]);
    (network, swap)
}

/// A, B and C exchange a thing, and C decides; A and B have voted for it.
pub(crate) fn three_voted(profile: Profile) -> (Network, Transaction) {
    let mut network = Network::new(3, profile);
    let things = [A, B, C].map(|shard| network.thing(shard, 0));
    let swap = network.swap(Mode::Decider(C), &things, &[], &[A, B, C]);
    network.block(A, 100, vec![prepare(&swap)]);
    network.block(B, 100, vec![prepare(&swap)]);
    (network, swap)
}

fn claims_commit(claims: &mut Claims, swap: &Transaction, to: &[(ShardId, Promise)]) {
    claims.results = vec![committed(swap)];
    let leaves = to.iter().map(|(to, promise)| leaf(*to, swap, *promise));
    claims.outbox = leaves.collect();
}

#[test]
fn a_lock_that_is_skipped() {
    let (mut network, _) = voted();
    let things = [network.thing(A, 0), network.thing(B, 1)];
    let rival = network.swap(Mode::Decider(B), &things, &[], &[A]);
    let honest = network.lie(A, 200, vec![prepare(&rival)], |claims| {
        claims.results.clear();
        claims.outbox = vec![leaf(B, &rival, Promise::Prepared(Verdict::Commit))];
    });
    assert_eq!(honest.results.len(), 1, "the rival is aborted");
    caught(&network, A, &Problem::OtherResults);
}

#[test]
fn a_lock_that_is_let_go_before_the_decision() {
    let (mut network, _) = voted();
    let thing = network.thing(A, 0);
    let rival = network.swap(Mode::Decider(A), &[thing], &[], &[A]);
    network.lie(A, 200, vec![prepare(&rival)], |claims| {
        claims.results = vec![committed(&rival)];
    });
    caught(&network, A, &Problem::OtherResults);
}

#[test]
fn an_abort_that_is_applied() {
    let (mut network, swap) = voted();
    let thing = network.thing(B, 0);
    let rival = network.swap(Mode::Decider(B), &[thing], &[], &[B]);
    let vote = network.last(A, B);
    network.block(B, 200, vec![prepare(&rival), prepare(&swap), vote]);
    let decision = network.last(B, A);
    network.lie(A, 300, vec![decision], |claims| {
        claims.results = vec![committed(&swap)];
    });
    caught(&network, A, &Problem::OtherResults);
}

#[test]
fn a_promise_that_does_not_follow() {
    let (mut network, swap) = voted();
    network.lie(A, 200, Vec::new(), |claims| {
        claims.outbox.push(leaf(B, &swap, Promise::Acknowledged));
    });
    caught(&network, A, &Problem::OtherOutbox);
}

#[test]
fn a_commit_without_a_vote() {
    let (mut network, swap) = three_voted(Profile::Open);
    let vote = network.last(A, C);
    network.lie(C, 200, vec![prepare(&swap), vote], |claims| {
        claims_commit(claims, &swap, &[(A, COMMIT), (B, COMMIT)]);
    });
    caught(&network, C, &Problem::OtherResults);
}

#[test]
fn b6_a_commit_that_is_believed_without_the_votes() {
    let (mut network, swap) = three_voted(Profile::Open);
    let votes = [network.last(A, C), network.last(B, C)];
    let entries = [vec![prepare(&swap)], votes.into()].concat();
    let honest = network.block(C, 200, entries);
    assert_eq!(honest.results, [committed(&swap)]);
    let Entry::Deliver(Delivery { parcel, votes }) = network.last(C, A) else {
        panic!("it is a delivery");
    };
    assert_eq!(votes.len(), 1, "the vote of B comes with it");
    let votes = Vec::new();
    network.lie(
        A,
        300,
        vec![Entry::Deliver(Delivery { parcel, votes })],
        |claims| {
            claims_commit(claims, &swap, &[(C, Promise::Acknowledged)]);
        },
    );
    caught(&network, A, &Problem::OtherResults);
}

#[test]
fn a_decision_that_is_forgotten_before_it_is_acknowledged() {
    let (mut network, swap) = decided();
    network.block(A, 40_000, Vec::new());
    let vote_again = network.last(A, B);
    let honest = network.lie(B, 41_000, vec![vote_again], |claims| {
        claims.outbox = vec![leaf(A, &swap, Promise::NoDecision)];
    });
    assert_eq!(honest.outbox, [leaf(A, &swap, COMMIT)]);
    caught(&network, B, &Problem::OtherOutbox);
}

#[test]
fn a_promise_that_is_not_repeated() {
    let (mut network, _) = voted();
    network.lie(A, 10_000, Vec::new(), |claims| claims.outbox.clear());
    caught(&network, A, &Problem::OtherOutbox);
}

#[test]
fn a_deadline_that_is_passed_over() {
    let (mut network, swap) = voted();
    network.block(B, 200, vec![prepare(&swap)]);
    let vote = network.last(A, B);
    network.lie(B, 31_000, vec![vote], |claims| {
        claims_commit(claims, &swap, &[(A, COMMIT)]);
    });
    caught(&network, B, &Problem::OtherResults);
}

#[test]
fn a_delivery_that_is_not_in_the_block() {
    let (mut network, swap) = voted();
    network.lie(B, 200, vec![prepare(&swap)], |claims| {
        claims_commit(claims, &swap, &[(A, COMMIT)]);
    });
    caught(&network, B, &Problem::OtherResults);
}

#[test]
fn a_decision_that_is_acknowledged_and_not_carried_out() {
    let (mut network, _) = decided();
    let decision = network.last(B, A);
    network.lie(A, 300, vec![decision], |claims| claims.results.clear());
    caught(&network, A, &Problem::OtherResults);
}

#[test]
fn a22_a_second_vote() {
    let (mut network, swap) = voted();
    network.lie(A, 200, vec![prepare(&swap)], |claims| {
        let abort = Verdict::Abort(AbortReason::Deadline);
        claims.outbox.push(leaf(B, &swap, Promise::Prepared(abort)));
    });
    caught(&network, A, &Problem::OtherOutbox);
}

/// The last that A has said to B, with a change.
fn changed(network: &Network, change: impl FnOnce(&mut Delivery)) -> Entry {
    let Entry::Deliver(mut delivery) = network.last(A, B) else {
        panic!("it is a delivery");
    };
    change(&mut delivery);
    Entry::Deliver(delivery)
}

/// B sequences the vote of A after this change.
#[track_caller]
fn unproven(expected: BadParcel, change: impl FnOnce(&mut Delivery)) {
    let (mut network, _) = voted();
    let entry = changed(&network, change);
    network.block(B, 200, vec![entry]);
    caught(&network, B, &Problem::Unproven(expected));
}

#[test]
fn promises_that_another_shard_did_not_make() {
    unproven(BadParcel::Path, |delivery| {
        delivery.parcel.leaves[0].promise = Promise::Acknowledged;
    });
    unproven(BadParcel::OtherShard, |delivery| {
        delivery.parcel.leaves[0].to = C;
    });
    let certificate = |error| BadParcel::Head(HeadError::Certificate(error));
    let too_few = CertificateError::TooFew {
        needed: 3,
        found: 2,
    };
    unproven(certificate(too_few), |delivery| {
        delivery.parcel.head.certificate.signatures.pop();
    });
    unproven(certificate(CertificateError::BadSignature), |delivery| {
        let mut scope = delivery.parcel.head.head.scope;
        scope.shard = B;
        let statement = delivery.parcel.head.head.statement();
        delivery.parcel.head.certificate = signed(scope, statement, 3);
    });
    unproven(BadParcel::Head(HeadError::OtherStatement), |delivery| {
        delivery.parcel.head.head.time = model::Time::ZERO;
    });
}

#[test]
fn d12_the_profile_says_how_many_speak_for_a_shard() {
    let (mut network, swap) = three_voted(Profile::Paper);
    let Entry::Deliver(mut delivery) = network.last(A, C) else {
        panic!("it is a delivery");
    };
    delivery.parcel.head.certificate.signatures.truncate(2);
    network.block(C, 200, vec![prepare(&swap), Entry::Deliver(delivery)]);
    network.audit(C).expect("f + 1 are enough");
}

#[test]
fn the_vote_of_the_shard_that_decides_is_no_decision() {
    let after = |claim: fn(&mut Claims, &Transaction)| {
        let (mut network, swap) = voted();
        network.lie(B, 200, Vec::new(), |claims| {
            let vote = Promise::Prepared(Verdict::Commit);
            claims.outbox.push(leaf(A, &swap, vote));
        });
        let vote = network.last(B, A);
        network.lie(A, 300, vec![vote], |claims| claim(claims, &swap));
        network
    };
    let ignored = after(|claims, _| {
        claims.results.clear();
        claims.outbox.clear();
    });
    ignored.audit(A).expect("nothing follows from it");
    let believed = after(|claims, swap| claims_commit(claims, swap, &[]));
    caught(&believed, A, &Problem::OtherResults);
}

/// A, after C has decided to commit and B has shown A another head than the one that its vote is under.
fn with_a_forked_voter(claim: fn(&mut Claims, &Transaction)) -> Network {
    let (mut network, swap) = three_voted(Profile::Open);
    let votes = [network.last(A, C), network.last(B, C)];
    network.block(C, 200, [vec![prepare(&swap)], votes.into()].concat());
    let other = network.forged(B, leaf(A, &swap, Promise::Acknowledged));
    let other = network.delivery(other);
    network.block(A, 300, vec![other]);
    let decision = network.last(C, A);
    network.lie(A, 400, vec![decision], |claims| claim(claims, &swap));
    network
}

#[test]
fn b10_a_voter_that_forks_cannot_keep_others_from_following_an_honest_decider() {
    let followed = with_a_forked_voter(|claims, swap| {
        claims_commit(claims, swap, &[(C, Promise::Acknowledged)]);
    });
    followed.audit(A).expect("the word of C counts");
    let stuck = with_a_forked_voter(|claims, _| {
        claims.results.clear();
        claims.outbox.clear();
    });
    caught(&stuck, A, &Problem::OtherResults);
}

#[test]
fn b10_the_promises_of_a_shard_that_forks_count_no_more() {
    let (mut network, swap) = decided();
    let other = network.forged(B, leaf(A, &swap, Promise::Acknowledged));
    let other = network.delivery(other);
    let decision = network.last(B, A);
    network.block(A, 300, vec![other]);
    let honest = network.block(A, 400, vec![decision]);
    assert!(honest.results.is_empty());
    network.audit(A).expect("the shard does well to wait");
}
