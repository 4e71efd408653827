//! Shards whose members change while transactions are under way: what the auditor finds in order, and
//! each way in which a shard may break the rules of epochs.
//!
//! Paper: Section VI-A, `MS.update`.

use audit::{Problem, Replay, compatible};
use model::certificate::CertificateError;
use model::epoch::{BadChange, BadEnding};
use model::hand_over::BadHandOver;
use model::head::HeadError;
use model::membership::BadConsent;
use model::outbox::BadParcel;
use model::{
    AbortReason, Ending, Entry, Epoch, Mode, NodeId, NotAFact, Profile, Promise, SecretKey,
    Transaction, Verdict,
};

use crate::honest::in_order;
use crate::lies::{caught, three_voted, voted};
use crate::network::{A, B, C, Network, committed, key, leaf, prepare};
use crate::pairs::{audits, found};
use crate::traffic::Traffic;

const FOR: Promise = Promise::Prepared(Verdict::Commit);
const AGAINST: Promise = Promise::Prepared(Verdict::Abort(AbortReason::Deadline));

#[test]
fn s18_the_histories_of_honest_shards_are_in_order_across_epochs() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 200..206 {
        let profile = if seed % 2 == 0 {
            Profile::Open
        } else {
            Profile::Paper
        };
        let traffic = Traffic::run(seed, (3, None), profile, (150, 5));
        let what = format!("seed {seed}");
        let network = &traffic.network;
        let audits: Vec<Replay> = [A, B, C].map(|id| in_order(network, id, &what)).into();
        for first in &audits {
            for second in &audits {
                compatible(first, second).unwrap_or_else(|found| panic!("{what}: {found}"));
            }
        }
        seen.extend(traffic.seen);
    }
    for happens in ["ended", "heard of an ended epoch", "committed", "repeated"] {
        assert!(seen.contains(happens), "{happens}");
    }
}

/// The last block of A ends its epoch like that, and this is wrong with it.
#[track_caller]
fn ends_badly(change: impl FnOnce(&Network) -> Ending, problem: impl Into<Problem>) {
    let mut network = Network::new(2, Profile::Open);
    let ending = change(&network);
    network.block(A, 100, vec![Entry::End(ending)]);
    caught(&network, A, &problem.into());
}

#[test]
fn a_quorum_has_to_be_for_who_follows() {
    let (needed, found) = (3, 2);
    ends_badly(
        |network| network.approved(network.ending(A).plan.next, 2),
        BadEnding::Approvals(CertificateError::TooFew { needed, found }),
    );
    ends_badly(
        |network| {
            let mut ending = network.ending(A);
            ending.approvals = network.ending(B).approvals;
            ending
        },
        BadEnding::OtherPlan,
    );
}

#[test]
fn who_follows_has_to_be_of_the_next_epoch_and_to_agree() {
    ends_badly(
        |network| {
            let mut next = network.ending(A).plan.next;
            next.epoch = Epoch::new(2);
            network.approved(next, 3)
        },
        BadEnding::Follows,
    );
    let newcomer = NodeId::new(key(A, 4).public());
    ends_badly(
        |network| {
            let mut ending = network.ending(A);
            ending.plan.consents = network.ending(B).plan.consents;
            ending
        },
        BadEnding::Consent(BadConsent::Signature(newcomer)),
    );
}

#[test]
fn nothing_comes_after_the_end() {
    let (mut network, swap) = voted();
    let ending = network.ending(A);
    network.block(A, 200, vec![Entry::End(ending), prepare(&swap)]);
    caught(&network, A, &Problem::AfterEnd);

    let (mut network, _) = voted();
    network.end(A, 200);
    network.stay(A);
    network.block(A, 300, Vec::new());
    let finding = network.audit(A).err().expect("the epoch is over");
    assert_eq!(finding.problem, Problem::OtherScope);
}

#[test]
fn no_epoch_begins_that_nobody_ended() {
    let mut network = Network::new(2, Profile::Open);
    network.block(A, 100, Vec::new());
    network.end(B, 100);
    let first = network.block(B, 200, Vec::new());
    let mut chain = network.chain(B).to_vec();
    chain.remove(0);
    let audit = network.audit_within(&network.directory, B, &chain);
    assert_eq!(
        audit.err().map(|finding| finding.problem),
        Some(Problem::OtherScope)
    );
    assert_eq!(first.head.scope.epoch, Epoch::new(1));
}

#[test]
fn the_head_names_who_follows() {
    let (mut network, _) = voted();
    let ending = network.ending(A);
    network.lie(A, 200, vec![Entry::End(ending)], |claims| {
        claims.next = None;
    });
    caught(&network, A, &Problem::OtherOutbox);

    let (mut network, _) = voted();
    let ending = network.ending(A);
    network.lie(A, 200, vec![Entry::End(ending)], |claims| {
        let next = claims.next.as_mut().expect("the epoch ends");
        next.seats.reverse();
    });
    caught(&network, A, &Problem::OtherOutbox);

    let (mut network, _) = voted();
    let next = network.ending(A).plan.next;
    network.lie(A, 200, Vec::new(), |claims| claims.next = Some(next));
    caught(&network, A, &Problem::OtherOutbox);
}

#[test]
fn the_next_epoch_rests_on_the_signed_head_of_the_last_block() {
    let (mut network, _) = voted();
    network.end(A, 200);
    network.block(A, 300, Vec::new());
    let mut chain = network.chain(A).to_vec();
    // It is final by its head alone.
    chain[1].certificate = None;
    let genesis = model::Directory::of_genesis(&network.genesis).expect("a sound document");
    let replay = network.audit_within(&genesis, A, &chain[..2]);
    replay.expect("the last block of an epoch");
    chain[1].head = None;
    let finding = network.audit_within(&genesis, A, &chain);
    assert_eq!(
        finding.err().map(|finding| finding.problem),
        Some(Problem::NotHandedOver)
    );
    // Whoever has seen the signatures elsewhere does not need them again.
    let replay = network.audit_within(&network.directory, A, &chain);
    replay.expect("the hand-over is known");
}

#[test]
fn each_block_is_signed_by_the_members_of_its_epoch() {
    let (mut network, _) = voted();
    network.end(A, 200);
    network.block(A, 300, Vec::new());
    let mut chain = network.chain(A).to_vec();
    let scope = chain[2].block.header.scope;
    let certificate = chain[2].certificate.as_mut().expect("each block has one");
    let bytes = certificate.statement.signing_bytes(&scope);
    for (seat, signature) in &mut certificate.signatures {
        // The old members do not speak for the new ones, though two of them still are members.
        *signature = key(A, seat.index()).sign(&bytes);
    }
    let finding = network.audit_within(&network.directory, A, &chain);
    assert_eq!(
        finding.err().map(|finding| finding.problem),
        Some(Problem::Certificate)
    );
}

#[test]
fn promises_are_made_again_in_the_first_block_of_an_epoch() {
    let (mut network, swap) = voted();
    let last = network.end(A, 200);
    assert_eq!(last.outbox, []);
    let first = network.block(A, 300, Vec::new());
    assert_eq!(first.outbox, [leaf(B, &swap, FOR)]);
    in_order(&network, A, "a vote is repeated");

    let (mut network, _) = voted();
    network.end(A, 200);
    network.lie(A, 300, Vec::new(), |claims| claims.outbox.clear());
    caught(&network, A, &Problem::OtherOutbox);
}

#[test]
fn a_shard_is_heard_in_its_epoch_and_in_no_other() {
    let (mut network, swap) = voted();
    let old = network.last(A, B);
    network.end(A, 200);
    network.block(A, 300, Vec::new());
    let new = network.last(A, B);
    let mut entries = network.changes(B);
    entries.extend([prepare(&swap), old.clone()]);
    let mut lied = network.block(B, 400, entries.clone());
    assert_eq!(lied.results, [], "the vote is of an ended epoch");
    let decided = network.block(B, 500, vec![new]);
    assert_eq!(decided.results, [committed(&swap)]);
    in_order(&network, B, "a vote that is made again");

    let (mut network, swap) = voted();
    network.end(A, 200);
    lied = network.lie(B, 400, entries, |claims| {
        claims.results = vec![committed(&swap)];
    });
    assert_eq!(lied.results, []);
    caught(&network, B, &Problem::OtherResults);
}

#[test]
fn what_is_of_a_later_epoch_than_the_chain_tells_of_can_be_checked_by_who_knows_it() {
    let (mut network, swap) = voted();
    network.end(A, 200);
    network.block(A, 300, Vec::new());
    let ahead = network.last(A, B);
    network.block(B, 400, vec![prepare(&swap), ahead]);
    let ahead = BadParcel::Ahead {
        shard: A,
        known: Epoch::ZERO,
    };
    caught(&network, B, &Problem::Unproven(ahead));
    let audit = network.audit_within(&network.directory, B, network.chain(B));
    audit.expect("it is genuine, and counts for nothing");
}

/// What B is told of the epochs of A proves nothing.
#[track_caller]
fn untold(to: model::ShardId, change: impl FnOnce(&mut model::EpochChange), reason: NotAFact) {
    let (mut network, _) = voted();
    network.end(A, 200);
    network.end(A, 300);
    let told = network.changes(B).into_iter().next();
    let Some(Entry::Change(mut told)) = told else {
        panic!("A has begun two epochs");
    };
    change(&mut told);
    network.block(to, 400, vec![Entry::Change(told)]);
    let finding = network.audit(to).err().expect("it is not so");
    assert_eq!(finding.problem, Problem::Epochs(reason));
    assert_eq!(finding.signers.len(), 3);
}

#[test]
fn what_is_told_of_epochs_proves_itself() {
    let head = |reason| NotAFact::Change(BadChange::HandOver(BadHandOver::Head(reason)));
    untold(
        B,
        |told| told.hand_over.head.certificate.signatures.truncate(2),
        head(HeadError::Certificate(CertificateError::TooFew {
            needed: 3,
            found: 2,
        })),
    );
    untold(
        B,
        |told| told.hand_over.head.head.height = model::Height::new(9),
        head(HeadError::OtherStatement),
    );
    untold(
        B,
        |told| told.next.price += 1,
        NotAFact::Change(BadChange::HandOver(BadHandOver::Path)),
    );
    let gap = NotAFact::Gap {
        shard: A,
        known: Epoch::ZERO,
    };
    untold(B, |told| told.next.epoch = Epoch::new(2), gap);
    // No shard tells of its own epochs like that.
    untold(A, |_| (), NotAFact::UnknownShard(A));
}

/// A, B and C exchange a thing and C has decided, when A begins an epoch and B hears of it.
fn decided_before_the_end(vote: impl FnOnce(&Network, &Transaction) -> Option<Entry>) -> Network {
    let (mut network, swap) = three_voted(Profile::Open);
    let votes = [network.last(A, C), network.last(B, C)];
    network.end(A, 200);
    let entries = [vec![prepare(&swap)], votes.into()].concat();
    let decided = network.block(C, 300, entries);
    assert_eq!(decided.results, [committed(&swap)]);
    let decision = vote(&network, &swap).unwrap_or_else(|| network.last(C, B));
    let mut entries = network.changes(B);
    entries.push(decision);
    let followed = network.lie(B, 400, entries, |claims| {
        claims.results = vec![committed(&swap)];
        claims.outbox = vec![leaf(C, &swap, Promise::Acknowledged)];
    });
    assert!(followed.results.len() <= 1);
    network
}

#[test]
fn a_vote_that_was_cast_before_the_end_of_an_epoch_is_shown_after_it() {
    let network = decided_before_the_end(|_, _| None);
    in_order(&network, B, "the vote is of an epoch that has ended");
}

#[test]
fn a_vote_that_was_cast_after_the_end_of_an_epoch_is_shown_in_vain() {
    let network = decided_before_the_end(|network, swap| {
        let Entry::Deliver(mut delivery) = network.last(C, B) else {
            panic!("the decision is a delivery");
        };
        delivery.votes = vec![network.after_the_end(A, leaf(C, swap, FOR))];
        Some(Entry::Deliver(delivery))
    });
    caught(&network, B, &Problem::OtherResults);
}

fn nodes<const N: usize>(people: [usize; N]) -> [NodeId; N] {
    people.map(|person| {
        let secret: SecretKey = key(A, person);
        NodeId::new(secret.public())
    })
}

#[test]
fn members_of_a_later_epoch_who_lie_are_named() {
    let (mut network, swap) = voted();
    network.end(A, 200);
    network.block(A, 300, Vec::new());
    let forged = network.forged(A, leaf(B, &swap, AGAINST));
    let mut entries = network.changes(B);
    entries.extend([prepare(&swap), network.delivery(forged)]);
    network.block(B, 400, entries);
    let [a, b] = audits(&network, [A, B]);
    found(&a, &b, &Problem::TwoHeads(A), &nodes([1, 2, 3]));
}

#[test]
fn who_goes_on_after_the_end_is_named_if_it_signed_the_end() {
    let (mut network, swap) = voted();
    network.end(A, 200);
    network.block(A, 300, Vec::new());
    let forged = network.after_the_end(A, leaf(B, &swap, FOR));
    network.block(B, 400, vec![prepare(&swap), network.delivery(forged)]);
    let [a, b] = audits(&network, [A, B]);
    found(&a, &b, &Problem::PastEnd(A), &nodes([0, 1, 2]));
}

#[test]
fn who_begins_an_epoch_below_the_end_of_the_one_before_is_named_if_a_member_of_both() {
    let (mut network, swap) = voted();
    network.end(A, 200);
    network.block(A, 300, Vec::new());
    let mut entries = network.changes(B);
    let forged = network.before_the_beginning(A, leaf(B, &swap, FOR));
    entries.extend([prepare(&swap), network.delivery(forged)]);
    network.block(B, 400, entries);
    let [a, b] = audits(&network, [A, B]);
    found(&a, &b, &Problem::TwoHeads(A), &nodes([1, 2]));
}

#[test]
fn who_votes_otherwise_in_another_epoch_is_named_if_a_member_of_both() {
    let mut network = Network::new(3, Profile::Open);
    let things = [A, B, C].map(|shard| network.thing(shard, 0));
    let swap = network.swap(Mode::AllVotes, &things, &[], &[A, B, C]);
    network.block(A, 100, vec![prepare(&swap)]);
    let to_b = network.last(A, B);
    network.end(A, 200);
    network.lie(A, 300, Vec::new(), |claims| {
        claims.outbox = vec![leaf(C, &swap, AGAINST)];
    });
    network.block(B, 400, vec![prepare(&swap), to_b]);
    let mut entries = network.changes(C);
    entries.extend([prepare(&swap), network.last(A, C)]);
    network.block(C, 400, entries);
    let [b, c] = audits(&network, [B, C]);
    let problem = Problem::TwoPromises {
        shard: A,
        transaction: swap.body.id(),
    };
    found(&b, &c, &problem, &nodes([1, 2]));
}
