//! The inbox: what waits is bounded, waits for the right thing, and gets its turn.

use model::{AbortReason, Promise, ShardId, Time, TransactionId, Verdict};

use super::*;
use crate::sbac::testing::{NOW, OURS, delivery, leaf, ledger, ledger_that_waits, transaction};

const VOTE: Promise = Promise::Prepared(Verdict::Commit);

/// The decider aborts what is not known here: to be noted at once.
const ABORT: Promise = Promise::Accept(Verdict::Abort(AbortReason::Deadline));

const TIMER: Time = Time::from_ms(5);

fn nothing(_: &TransactionId) -> bool {
    false
}

fn put(inbox: &mut Inbox, delivery: Arc<Delivery>) -> Arrived {
    inbox.insert(delivery, &ledger(), nothing, NOW.plus_ms(1), TIMER)
}

fn chosen(inbox: &Inbox) -> Vec<ParcelKey> {
    let actions = inbox.payload(usize::MAX, 100).into_iter();
    let keys = actions.map(|action| match action.key() {
        ActionKey::Parcel(key) => key,
        ActionKey::Transaction(_) | ActionKey::Epoch(..) => panic!("an inbox has parcels"),
    });
    keys.collect()
}

#[test]
fn a_vote_waits_for_its_transaction_and_names_it_as_lacking() {
    let mut inbox = Inbox::default();
    let vote = delivery(ShardId::new(1), 9, &[leaf(OURS, 1, 100, VOTE)]);
    let arrived = put(&mut inbox, vote);
    assert_eq!(arrived.lacking, [transaction(1)]);
    assert!(!inbox.is_urgent(TIMER) && chosen(&inbox).is_empty());
    assert!(inbox.rouse(&transaction(1), TIMER), "a vote waited for it");
    assert!(inbox.is_urgent(TIMER));
    assert_eq!(chosen(&inbox).len(), 1);
}

#[test]
fn a_vote_on_a_transaction_that_waits_here_is_urgent_at_once() {
    let mut inbox = Inbox::default();
    let vote = delivery(ShardId::new(1), 9, &[leaf(OURS, 1, 100, VOTE)]);
    let arrived = inbox.insert(vote, &ledger(), |_| true, NOW.plus_ms(1), TIMER);
    assert_eq!(arrived.voted_on, [transaction(1)]);
    assert!(inbox.is_urgent(TIMER));
}

#[test]
fn what_nothing_would_come_of_is_not_kept() {
    let mut inbox = Inbox::default();
    for promise in [
        Promise::Acknowledged,
        Promise::NoDecision,
        Promise::Accept(Verdict::Commit),
    ] {
        drop(put(
            &mut inbox,
            delivery(ShardId::new(1), 9, &[leaf(OURS, 1, 100, promise)]),
        ));
        assert_eq!(inbox.len(), 0, "{promise:?}");
    }
}

#[test]
fn a_copy_brings_nothing_before_and_after_it_is_sequenced() {
    let mut inbox = Inbox::default();
    let abort = delivery(ShardId::new(1), 9, &[leaf(OURS, 1, 100, ABORT)]);
    drop(put(&mut inbox, Arc::clone(&abort)));
    drop(put(&mut inbox, Arc::clone(&abort)));
    assert_eq!(inbox.len(), 1);
    let key = ParcelKey::of(&abort);
    inbox.applied([key].iter(), &ledger(), nothing, TIMER);
    assert_eq!(inbox.len(), 0, "it has had its effect");
    drop(put(&mut inbox, abort));
    assert_eq!(inbox.len(), 0, "it was sequenced before");
}

#[test]
fn a_vote_that_was_sequenced_too_early_goes_on_waiting() {
    let mut inbox = Inbox::default();
    let vote = delivery(ShardId::new(1), 9, &[leaf(OURS, 1, 60_000, VOTE)]);
    drop(put(&mut inbox, Arc::clone(&vote)));
    inbox.applied([ParcelKey::of(&vote)].iter(), &ledger(), nothing, TIMER);
    assert_eq!(inbox.len(), 1);
}

#[test]
fn shards_take_turns() {
    let mut inbox = Inbox::default();
    let (one, two) = (ShardId::new(1), ShardId::new(2));
    for height in 1..=3 {
        let mark = u8::try_from(height).expect("a low height");
        drop(put(
            &mut inbox,
            delivery(one, height, &[leaf(OURS, mark, 100, ABORT)]),
        ));
    }
    drop(put(
        &mut inbox,
        delivery(two, 1, &[leaf(OURS, 9, 100, ABORT)]),
    ));
    let shards: Vec<ShardId> = chosen(&inbox).iter().map(|key| key.from).collect();
    assert_eq!(shards, [one, two, one, one]);
    assert_eq!(inbox.payload(usize::MAX, 2).len(), 2);
    assert_eq!(inbox.payload(0, 100), [], "there is no room");
}

#[test]
fn what_rests_in_a_block_short_of_final_is_not_proposed_again() {
    let mut inbox = Inbox::default();
    let abort = delivery(ShardId::new(1), 9, &[leaf(OURS, 1, 100, ABORT)]);
    let key = ActionKey::Parcel(ParcelKey::of(&abort));
    drop(put(&mut inbox, abort));
    inbox.set_aside(&[key].into());
    assert!(!inbox.is_urgent(TIMER) && chosen(&inbox).is_empty());
    inbox.set_aside(&BTreeSet::new());
    assert!(inbox.is_urgent(TIMER));
}

#[test]
fn one_shard_cannot_fill_the_inbox_for_others() {
    let mut inbox = Inbox::default();
    let leaves: Vec<_> = (0..=127).map(|mark| leaf(OURS, mark, 100, ABORT)).collect();
    for height in 0..1_000 {
        drop(put(&mut inbox, delivery(ShardId::new(1), height, &leaves)));
    }
    let held = inbox.len();
    assert!(held < 1_000, "{held}");
    let other = delivery(ShardId::new(2), 1, &[leaf(OURS, 1, 100, ABORT)]);
    drop(put(&mut inbox, other));
    assert_eq!(inbox.len(), held + 1);
}

#[test]
fn what_was_sequenced_counts_no_more_while_a_vote_of_it_goes_on_waiting() {
    let mut inbox = Inbox::default();
    let leaves = [leaf(OURS, 1, 60_000, VOTE), leaf(OURS, 2, 60_000, ABORT)];
    let both = delivery(ShardId::new(1), 9, &leaves);
    let key = ParcelKey::of(&both);
    drop(put(&mut inbox, both));
    assert!(inbox.is_urgent(TIMER), "for the decision");
    inbox.applied([key].iter(), &ledger(), nothing, TIMER);
    assert!(!inbox.is_urgent(TIMER) && chosen(&inbox).is_empty());
    assert!(inbox.rouse(&transaction(1), TIMER), "its vote still waits");
    assert_eq!(chosen(&inbox), [key]);
}

#[test]
fn what_is_sequenced_after_the_deadline_has_been_answered() {
    let mut inbox = Inbox::default();
    let mut late = leaf(OURS, 1, 0, VOTE);
    late.valid_until = Time::from_ms(NOW.as_ms() - 1);
    let late = delivery(ShardId::new(1), 9, &[late]);
    drop(put(&mut inbox, Arc::clone(&late)));
    assert!(
        !inbox.is_urgent(TIMER),
        "it may be made up, and others may come"
    );
    assert!(inbox.is_urgent(TIMER.plus_ms(SOON_MS)));
    inbox.applied([ParcelKey::of(&late)].iter(), &ledger(), nothing, TIMER);
    assert_eq!(inbox.len(), 0);
}

#[test]
fn what_waits_in_vain_is_dropped_and_what_waits_for_a_transaction_is_not() {
    let mut inbox = Inbox::default();
    for (height, promise) in [(1, VOTE), (2, ABORT)] {
        let told = delivery(ShardId::new(1), height, &[leaf(OURS, 1, 60_000, promise)]);
        drop(put(&mut inbox, told));
    }
    inbox.drop_stale(TIMER.plus_ms(PATIENCE_MS - 1));
    assert_eq!(inbox.len(), 2);
    inbox.drop_stale(TIMER.plus_ms(PATIENCE_MS));
    assert_eq!(inbox.len(), 1);
    assert!(!inbox.is_urgent(TIMER), "the vote waits");
}

#[test]
fn what_is_older_than_all_that_is_remembered_is_a_replay() {
    let mut source = Source::default();
    let key = |height| ParcelKey {
        from: ShardId::new(1),
        height: model::Height::new(height),
        first: 0,
    };
    for height in 10..10 + SEEN as u64 {
        source.see(key(height));
    }
    assert!(source.has_seen(&key(9)) && source.has_seen(&key(10)));
    let next = 10 + SEEN as u64;
    assert!(!source.has_seen(&key(next)));
    source.see(key(next));
    assert!(source.has_seen(&key(10)), "it is not remembered, and older");
}

/// The decision to commit that a ledger waits for, with the vote that it needs and without it.
fn decisions(of: TransactionId) -> [Arc<Delivery>; 2] {
    let (decider, voter) = (ShardId::new(1), ShardId::new(2));
    let about = |to, promise| Leaf {
        transaction: of,
        ..leaf(to, 1, 60_000, promise)
    };
    let vote = delivery(voter, 3, &[about(decider, VOTE)]);
    let stripped = delivery(decider, 9, &[about(OURS, Promise::Accept(Verdict::Commit))]);
    let mut whole = (*stripped).clone();
    whole.votes.push(vote.parcel.clone());
    [Arc::new(whole), stripped]
}

#[test]
fn a_decision_that_is_sequenced_without_its_votes_is_proposed_again_with_them() {
    let (ledger, id) = ledger_that_waits();
    let [whole, stripped] = decisions(id);
    let key = ParcelKey::of(&stripped);
    let late = NOW.plus_ms(1);
    for comes_first in [true, false] {
        let mut inbox = Inbox::default();
        if comes_first {
            inbox.insert(Arc::clone(&whole), &ledger, nothing, late, TIMER);
            assert!(inbox.is_urgent(TIMER));
        }
        // A leader has sequenced it as it likes, and the ledger still waits.
        inbox.applied([key].iter(), &ledger, nothing, TIMER);
        if !comes_first {
            inbox.insert(Arc::clone(&whole), &ledger, nothing, late, TIMER);
        }
        assert!(inbox.is_urgent(TIMER), "{comes_first}");
        let again = inbox.payload(usize::MAX, 100);
        assert_eq!(again, [Action::Deliver(Arc::clone(&whole))]);
        // With its votes it has its effect, and nobody waits any more.
        inbox.applied([key].iter(), &self::ledger(), nothing, TIMER);
        assert_eq!(inbox.len(), 0);
        inbox.insert(Arc::clone(&whole), &self::ledger(), nothing, late, TIMER);
        assert_eq!(inbox.len(), 0);
    }
}

#[test]
fn a_decision_with_its_votes_takes_the_place_of_one_without_them() {
    let (ledger, id) = ledger_that_waits();
    let [whole, stripped] = decisions(id);
    let abort = leaf(OURS, 7, 60_000, ABORT);
    let mut inbox = Inbox::default();
    let late = NOW.plus_ms(1);
    inbox.insert(Arc::clone(&stripped), &ledger, nothing, late, TIMER);
    assert_eq!(inbox.len(), 0, "nothing would come of it");
    // Beside it is something that does make sense, so that it is kept.
    let both = |votes: Vec<model::Parcel>| {
        let mut leaves = vec![abort, stripped.parcel.leaves[0]];
        leaves.sort_unstable();
        let mut both = (*delivery(ShardId::new(1), 10, &leaves)).clone();
        both.votes = votes;
        Arc::new(both)
    };
    let (without, with) = (both(Vec::new()), both(whole.votes.clone()));
    for (next, held) in [(&without, &without), (&with, &with), (&without, &with)] {
        inbox.insert(Arc::clone(next), &ledger, nothing, late, TIMER);
        let chosen = inbox.payload(usize::MAX, 100);
        assert_eq!(chosen, [Action::Deliver(Arc::clone(held))]);
    }
}
