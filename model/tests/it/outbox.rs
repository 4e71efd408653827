//! When a parcel proves what a shard said, and each reason why it does not.

use std::collections::BTreeSet;
use std::ops::Range;

use model::block::{EntryRef, decode_entries, encode_borrowed, encode_entries};
use model::head::HeadError;
use model::key::Zip215;
use model::outbox::{BadParcel, outbox_tree};
use model::shard::Seat;
use model::{
    AbortReason, Certificate, CertificateError, Committee, Delivery, Entry, Epoch, Hash, Head,
    HeadCertificate, Height, Leaf, Outcome, Parcel, Profile, Promise, Signature, Time,
    TransactionId, Verdict, bounds,
};

use crate::world::{NETWORK, node, secret, shard, trace, transaction};

const ABORT: Verdict = Verdict::Abort(AbortReason::Deadline);
const VOTE: Promise = Promise::Prepared(Verdict::Commit);

/// Everything that can be promised.
const PROMISES: [Promise; 6] = [
    VOTE,
    Promise::Prepared(ABORT),
    Promise::Accept(Verdict::Commit),
    Promise::Accept(ABORT),
    Promise::NoDecision,
    Promise::Acknowledged,
];

/// The nodes 1 to `size` as the shard with this number.
fn committee(number: u32, size: u8) -> Committee {
    let nodes = (1..=size).map(node).collect();
    Committee::new(NETWORK, shard(number), Epoch::new(0), nodes).expect("nodes of a shard")
}

fn seat(index: usize) -> Seat {
    Seat::new(index).expect("few seats")
}

fn leaf(to: u32, transaction: u8, promise: Promise) -> Leaf {
    Leaf {
        to: shard(to),
        transaction: TransactionId::from_bytes([transaction; 32]),
        valid_until: Time::from_ms(1_000),
        promise,
    }
}

/// What a shard says in one block: every promise to each of the shards 1, 2 and 3.
fn outbox() -> Vec<Leaf> {
    let mut leaves = Vec::new();
    for to in 1..=3 {
        for (transaction, promise) in (0..).zip(PROMISES) {
            leaves.push(leaf(to, transaction, promise));
        }
    }
    leaves.sort();
    leaves
}

fn sign(committee: &Committee, head: &Head, index: usize) -> (Seat, Signature) {
    let person = u8::try_from(index + 1).expect("few seats");
    let bytes = head.statement().signing_bytes(committee.scope());
    (seat(index), secret(person).sign(&bytes))
}

/// Some of the leaves of a block of the shard, with the signatures of the members on these seats.
fn parcel_of(committee: &Committee, all: &[Leaf], run: Range<usize>, signers: &[usize]) -> Parcel {
    let tree = outbox_tree(all, None);
    let head = Head {
        scope: *committee.scope(),
        height: Height::new(7),
        previous: Hash::ZERO,
        block: Hash::ZERO,
        time: Time::from_ms(1),
        results: Hash::ZERO,
        outbox: tree.root(),
        state: None,
    };
    let signers = signers.iter();
    Parcel {
        leaves: all[run.clone()].to_vec(),
        proof: tree.prove_range(run.start, run.len()).expect("leaves"),
        head: HeadCertificate {
            certificate: Certificate {
                statement: head.statement(),
                signatures: signers.map(|seat| sign(committee, &head, *seat)).collect(),
            },
            head,
        },
    }
}

/// What the shard says to another one, if it says only this.
fn parcel(from: u32, leaves: &[Leaf]) -> Parcel {
    parcel_of(&committee(from, 4), leaves, 0..leaves.len(), &[])
}

/// What shard 0 says to shard 2.
fn to_shard_2() -> Parcel {
    parcel_of(&committee(0, 4), &outbox(), 6..12, &[])
}

#[track_caller]
fn check_form(to: u32, change: impl FnOnce(&mut Parcel), expected: Result<(), BadParcel>) {
    let mut parcel = to_shard_2();
    change(&mut parcel);
    assert_eq!(parcel.check_form(shard(to)), expected);
}

#[test]
fn what_is_for_one_shard_is_one_run_and_any_part_of_it_is_a_parcel() {
    let all = outbox();
    let runs = all.chunk_by(|a, b| a.to == b.to);
    let addressees: Vec<_> = runs.map(|run| run[0].to).collect();
    assert_eq!(addressees, [1, 2, 3].map(shard), "each shard once");
    for begin in 6..12 {
        for end in begin + 1..=12 {
            let parcel = parcel_of(&committee(0, 4), &all, begin..end, &[]);
            assert_eq!(parcel.check_form(shard(2)), Ok(()), "{begin}..{end}");
            assert_eq!(parcel.from(), shard(0));
        }
    }
}

#[test]
fn each_leaf_of_a_parcel_is_a_parcel_by_itself() {
    let parcel = to_shard_2();
    let proofs = parcel.proofs().expect("they are under the head");
    for (at, leaf) in parcel.leaves.iter().enumerate() {
        let only = parcel.only(at, &proofs).expect("a leaf of the parcel");
        assert_eq!(only.check_form(shard(2)), Ok(()));
        assert_eq!((only.leaves, only.head), (vec![*leaf], parcel.head.clone()));
    }
    assert_eq!(parcel.only(parcel.leaves.len(), &proofs), None);
}

#[test]
fn borrowed_entries_have_the_bytes_of_owned_ones() {
    let transaction = transaction(&[trace(&[], 0)], &[], &[1]);
    let borrowed = encode_borrowed(&[
        EntryRef::Prepare(&transaction),
        EntryRef::Deliver(&delivery()),
    ]);
    let owned = [Entry::Prepare(transaction), Entry::Deliver(delivery())];
    assert_eq!(borrowed, encode_entries(&owned));
    assert_eq!(decode_entries(&borrowed).as_deref(), Ok(&owned[..]));
}

#[test]
fn a_parcel_has_a_leaf_and_no_more_than_the_limit() {
    let limit = bounds::PARCEL_LEAVES_MAX;
    let leaves = |found| Err(BadParcel::Leaves { limit, found });
    check_form(2, |parcel| parcel.leaves.clear(), leaves(0));
    let many = vec![leaf(2, 1, VOTE); limit + 1];
    assert_eq!(parcel(0, &many[1..]).check_form(shard(2)), Ok(()));
    assert_eq!(parcel(0, &many).check_form(shard(2)), leaves(limit + 1));
}

#[test]
fn a_parcel_is_shown_to_the_one_it_is_made_to() {
    let other = Err(BadParcel::OtherShard);
    check_form(2, |_| (), Ok(()));
    check_form(1, |_| (), other);
    check_form(3, |_| (), other);
    // Under the head, but beyond the run of the shard.
    let across = parcel_of(&committee(0, 4), &outbox(), 5..12, &[]);
    assert_eq!(across.check_form(shard(2)), other);
    assert_eq!(across.check_form(shard(1)), other);
}

#[test]
fn no_shard_makes_promises_to_itself() {
    let to_itself = parcel(2, &[leaf(2, 1, VOTE)]);
    assert_eq!(to_itself.check_form(shard(2)), Err(BadParcel::OtherShard));
}

#[test]
fn the_leaves_of_a_parcel_are_under_its_head() {
    let changes: [fn(&mut Parcel); 13] = [
        |parcel| parcel.head.head.outbox = Hash::ZERO,
        |parcel| parcel.leaves[3].valid_until = Time::from_ms(999),
        |parcel| parcel.leaves[3].transaction = TransactionId::from_bytes([9; 32]),
        |parcel| parcel.leaves[0].promise = Promise::Accept(Verdict::Commit),
        |parcel| parcel.leaves.swap(0, 1),
        |parcel| parcel.leaves.truncate(5),
        |parcel| parcel.leaves.rotate_left(1),
        |parcel| parcel.leaves = parcel.leaves[1..].to_vec(),
        |parcel| parcel.leaves.push(parcel.leaves[0]),
        |parcel| parcel.proof.first += 1,
        |parcel| parcel.proof.size += 1,
        |parcel| parcel.proof.path.truncate(1),
        |parcel| parcel.proof.path.push(Hash::ZERO),
    ];
    for change in changes {
        check_form(2, change, Err(BadParcel::Path));
    }
}

#[test]
fn every_field_of_a_leaf_is_in_its_hash() {
    let leaf = leaf(2, 1, VOTE);
    let others = [
        Leaf {
            to: shard(3),
            ..leaf
        },
        Leaf {
            transaction: TransactionId::from_bytes([2; 32]),
            ..leaf
        },
        Leaf {
            valid_until: Time::from_ms(1_001),
            ..leaf
        },
    ];
    let promises = PROMISES.map(|promise| Leaf { promise, ..leaf });
    let hashes: BTreeSet<Hash> = others.iter().chain(&promises).map(Leaf::hash).collect();
    assert_eq!(hashes.len(), others.len() + promises.len());
}

#[test]
fn a_verdict_is_the_outcome_that_it_leads_to() {
    let outcome = |verdict: Verdict| (verdict.is_commit(), Outcome::from(verdict));
    assert_eq!(outcome(Verdict::Commit), (true, Outcome::Committed));
    let aborted = Outcome::Aborted(AbortReason::Deadline);
    assert_eq!(outcome(ABORT), (false, aborted));
}

#[track_caller]
fn check_head(size: u8, needed: usize, signers: &[usize], expected: Result<(), CertificateError>) {
    let committee = committee(0, size);
    let parcel = parcel_of(&committee, &outbox(), 6..12, signers);
    let expected = expected.map_err(|error| BadParcel::Head(HeadError::Certificate(error)));
    assert_eq!(parcel.check_head(&committee, needed, &mut Zip215), expected);
}

/// Paper: Section V-A, `LocalPrepared`; decision D12.
#[test]
fn local_prepared_takes_f_plus_1_in_the_paper_and_2_f_plus_1_in_the_open() {
    for (size, paper, open) in [(4, 2, 3), (7, 3, 5), (10, 4, 7)] {
        let thresholds = [(Profile::Paper, paper), (Profile::Open, open)];
        for (profile, needed) in thresholds {
            assert_eq!(profile.threshold(&committee(0, size)), needed);
            for found in 0..=usize::from(size) {
                let signers: Vec<usize> = (0..found).collect();
                let expected = if found < needed {
                    Err(CertificateError::TooFew { needed, found })
                } else {
                    Ok(())
                };
                check_head(size, needed, &signers, expected);
            }
        }
    }
}

#[test]
fn each_signer_of_a_parcel_is_another_member() {
    check_head(4, 2, &[1, 3], Ok(()));
    check_head(4, 2, &[1, 1], Err(CertificateError::Order));
    check_head(4, 2, &[3, 1], Err(CertificateError::Order));
    check_head(4, 2, &[1, 4], Err(CertificateError::UnknownSeat));
    let committee = committee(0, 4);
    let mut parcel = parcel_of(&committee, &outbox(), 6..12, &[1, 2]);
    let signatures = &mut parcel.head.certificate.signatures;
    signatures[1].1 = signatures[0].1;
    let bad = BadParcel::Head(HeadError::Certificate(CertificateError::BadSignature));
    assert_eq!(parcel.check_head(&committee, 2, &mut Zip215), Err(bad));
}

#[test]
fn the_head_of_a_parcel_is_of_the_shard_that_speaks() {
    let ours = committee(0, 4);
    let nodes = || ours.members().to_vec();
    let network = model::NetworkId::from_bytes([8; 32]);
    let others = [
        Committee::new(network, shard(0), Epoch::new(0), nodes()),
        Committee::new(NETWORK, shard(1), Epoch::new(0), nodes()),
        Committee::new(NETWORK, shard(0), Epoch::new(1), nodes()),
    ];
    let good = parcel_of(&ours, &outbox(), 6..12, &[0, 1, 2]);
    assert_eq!(good.check_head(&ours, 3, &mut Zip215), Ok(()));
    for other in others {
        let other = other.expect("nodes of a shard");
        assert_eq!(
            good.check_head(&other, 3, &mut Zip215),
            Err(BadParcel::Head(HeadError::OtherScope))
        );
    }
    let mut changed = good;
    changed.head.head.outbox = Hash::ZERO;
    assert_eq!(
        changed.check_head(&ours, 3, &mut Zip215),
        Err(BadParcel::Head(HeadError::OtherStatement))
    );
}

/// Shard 0 tells shard 2 to commit, and shows the votes of the shards 1 and 3.
fn delivery() -> Delivery {
    Delivery {
        parcel: parcel(0, &[leaf(2, 1, Promise::Accept(Verdict::Commit))]),
        votes: [1, 3].map(|from| parcel(from, &[leaf(0, 1, VOTE)])).into(),
    }
}

#[track_caller]
fn check_delivery(change: impl FnOnce(&mut Delivery), expected: Result<(), BadParcel>) {
    let mut delivery = delivery();
    change(&mut delivery);
    assert_eq!(delivery.check_form(shard(2)), expected);
}

#[test]
fn a_delivery_is_a_parcel_and_the_votes_that_go_with_it() {
    check_delivery(|_| (), Ok(()));
    check_delivery(|delivery| delivery.votes.clear(), Ok(()));
    let senders: Vec<_> = delivery().parcels().map(Parcel::from).collect();
    assert_eq!(senders, [0, 1, 3].map(shard), "the votes last");
}

#[test]
fn every_parcel_of_a_delivery_is_in_form() {
    let path = Err(BadParcel::Path);
    check_delivery(|delivery| delivery.parcel.proof.size += 1, path);
    check_delivery(|delivery| delivery.votes[1].proof.size += 1, path);
}

#[test]
fn a_delivery_has_no_more_votes_than_the_limit() {
    let limit = bounds::DELIVERY_VOTES_MAX;
    let votes = |found| {
        move |delivery: &mut Delivery| delivery.votes = vec![delivery.votes[0].clone(); found]
    };
    check_delivery(votes(limit), Ok(()));
    let found = limit + 1;
    check_delivery(votes(found), Err(BadParcel::Votes { limit, found }));
}

#[test]
fn what_came_to_the_decider_with_a_vote_may_stay_with_it() {
    let leaves = PROMISES.map(|promise| leaf(0, 1, promise));
    check_delivery(|delivery| delivery.votes[1] = parcel(3, &leaves), Ok(()));
}

#[test]
fn a_vote_beside_a_decision_was_made_to_the_decider_by_another_shard() {
    let other = Err(BadParcel::OtherShard);
    for to in [1, 2, 4] {
        let vote = parcel(3, &[leaf(to, 1, VOTE)]);
        check_delivery(|delivery| delivery.votes[1] = vote, other);
    }
    let by_the_decider = parcel(0, &[leaf(0, 1, VOTE)]);
    check_delivery(|delivery| delivery.votes[1] = by_the_decider, other);
}
