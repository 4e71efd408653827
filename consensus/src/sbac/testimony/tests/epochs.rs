//! What a node signed on one seat and then on another one is held together, and what it signed in an
//! epoch that has no such height.

use model::outbox::outbox_tree;
use model::{EpochChange, HandOver, Height};

use super::*;

/// The height of the last block of the first epoch.
const END: u64 = 20;

/// The liars' shard changes its seats: who was on seat 1 is on seat 0, and so on; a newcomer is last.
fn change(directory: &Directory) -> EpochChange {
    let members = [key(LIAR, 1), key(LIAR, 2), key(LIAR, 3), key(LIAR, 7)];
    let members = members.iter().map(describe).collect();
    let record = directory.last_record(LIAR).expect("the shard is known");
    let next = record.followed_by(members, 0).expect("a number");
    let said = signed(LIAR, END, &[leaf(OURS, 1, 100, YES)], &[0, 1, 2]);
    let mut head = said.parcel.head.clone();
    let tree = outbox_tree(&said.parcel.leaves, Some(&next));
    head.head.outbox = tree.root();
    head.certificate.statement = head.head.statement();
    let proof = tree.prove(1).expect("the leaf after all promises");
    EpochChange {
        hand_over: HandOver { head, proof },
        next,
    }
}

impl Listener {
    /// It hears of the change, and who is suspected for it.
    fn learn(&mut self) -> Vec<Malpractice> {
        let change = Arc::new(change(&self.directory));
        assert_eq!(self.directory.follow(&change), Ok(true));
        let known = Known {
            directory: &self.directory,
            reported: &self.reported,
        };
        self.testimony.change(LIAR, known)
    }
}

/// The same, as it is said in the second epoch.
fn later(said: &Delivery) -> Arc<Delivery> {
    let mut said = said.clone();
    let head = &mut said.parcel.head;
    head.head.scope.epoch = model::Epoch::new(1);
    head.certificate.statement = head.head.statement();
    Arc::new(said)
}

#[test]
fn opposite_promises_are_held_together_by_who_made_them_and_not_by_the_seat() {
    let mut listener = Listener::new();
    assert_eq!(listener.hear(&says(3, YES, &[0, 1, 2])), []);
    assert_eq!(listener.learn(), []);
    // On seats 0, 1 and 3 are now those who were on 1 and 2, and the newcomer.
    let denial = later(&says(END + 1, NO, &[0, 1, 3]));
    assert_eq!(seats(&listener.hear(&denial)), [1, 2]);
}

#[test]
fn a_head_of_a_later_epoch_that_is_not_above_those_before_convicts_who_signed_both() {
    for (height, suspects) in [(7, vec![1, 2]), (6, vec![1, 2]), (8, vec![])] {
        let mut listener = Listener::new();
        assert_eq!(listener.hear_heads(&shows(7, 1, &[0, 1, 2])), []);
        assert_eq!(listener.learn(), []);
        let again = later(&shows(height, 1, &[0, 1, 3]));
        let found = listener.hear_heads(&again);
        assert_eq!(seats(&found), suspects, "height {height}");
        for record in found {
            assert_eq!(record.lie.kind(), LieKind::Epochs);
        }
    }
}

#[test]
fn a_head_by_itself_that_its_epoch_has_no_room_for_convicts_who_handed_over() {
    let (node, past) = alone(END + 1, 9, 2);
    let (stranger, theirs) = alone(END + 1, 9, 3);
    let (_, last) = alone(END, 9, 1);

    // It is known where the epoch ends, or becomes known later.
    let mut late = Listener::new();
    assert_eq!(late.learn(), []);
    let record = late.hear_alone(&node, past).expect("it handed over");
    assert_eq!((record.node, record.lie.kind()), (node, LieKind::PastEnd));
    let who_knows = late.hear_alone(&stranger, theirs);
    assert_eq!(who_knows, None, "nobody shows that it handed over");

    let mut early = Listener::new();
    assert_eq!(early.hear_alone(&node, past), None);
    assert_eq!(seats(&early.learn()), [2]);

    // The second epoch begins above the first.
    let again = SignedHead {
        scope: later(&shows(1, 1, &[0])).parcel.head.head.scope,
        ..last
    };
    let node = NodeId::new(key(LIAR, 1).public());
    let record = late.hear_alone(&node, again).expect("it handed over");
    assert_eq!(record.lie.kind(), LieKind::Epochs);
    let height = Height::new(END + 1);
    let above = SignedHead { height, ..again };
    assert_eq!(late.hear_alone(&node, above), None);
}
