//! How far a node has come with what another one shows.

use model::Outcome;
use system_contracts::manage_shards;

use super::*;
use crate::registry::tests::{decided, record, transaction};

/// Acts with these nonces.
fn acts(nonces: std::ops::Range<u8>) -> Vec<Act> {
    let act = |nonce| {
        let mut transaction = transaction(manage_shards::CREATE, &record());
        transaction.body.nonce = [nonce; 16];
        decided(transaction, Outcome::Committed, 0, &[0, 1, 2])
    };
    nonces.map(act).collect()
}

fn ids(acts: &[Act]) -> Vec<TransactionId> {
    acts.iter().map(|act| act.transaction.body.id()).collect()
}

/// What a node that has this list answers.
fn answer(list: &[Act], shown: &Shown) -> Vec<Act> {
    let after = usize::try_from(shown.after()).unwrap();
    list.get(after..).unwrap_or_default().to_vec()
}

#[test]
fn each_act_is_looked_at_once_and_those_that_cannot_be_judged_again() {
    let (mut shown, list) = (Shown::default(), acts(0..5));
    let unseen = shown.unseen(answer(&list[..3], &shown)).unwrap();
    assert_eq!(unseen, list[..3]);
    shown.saw(&ids(&unseen), 2);
    for _ in 0..2 {
        let unseen = shown.unseen(answer(&list, &shown)).unwrap();
        assert_eq!(unseen, list[2..]);
        shown.saw(&ids(&unseen), 0);
    }
    shown.saw(&ids(&list[2..]), 3);
    assert_eq!(shown.unseen(answer(&list, &shown)), Some(Vec::new()));
    assert_eq!(shown.acts, 5);
}

#[test]
fn a_list_of_which_something_was_forgotten_is_looked_at_again() {
    let list = acts(0..6);
    // The first act is gone, or all but the last, or there is another list altogether.
    for forgotten in [list[1..].to_vec(), list[5..].to_vec(), acts(7..20)] {
        let mut shown = Shown::default();
        let unseen = shown.unseen(answer(&list[..4], &shown)).unwrap();
        shown.saw(&ids(&unseen), 4);
        assert_eq!(shown.unseen(answer(&forgotten, &shown)), None);
        let again = shown.unseen(answer(&forgotten, &shown));
        assert_eq!(again, Some(forgotten));
    }
    // Nothing before those that were looked at last is gone.
    let mut shown = Shown::default();
    shown.saw(&ids(&list), 4);
    let kept = [&list[..4], &list[5..]].concat();
    let unseen = shown.unseen(answer(&kept, &shown));
    assert_eq!(unseen, Some(list[5..].to_vec()));
}
