//! That the judge of the history counts money by itself, in all shards together.

use model::Outcome;
use model::transaction::Authorized;

use super::History;
use crate::invariants::testing::{Scripted, turn};

fn begun() -> ([Scripted; 2], History) {
    let shards = Scripted::two();
    let judge = History::new(&shards[0].setting);
    (shards, judge)
}

#[test]
fn a_payment_across_shards_counts_once() {
    let ([mut first, mut second], mut judge) = begun();
    let payment = turn(&first.setting, 1, second.setting.shard(), 0);
    for shard in [&mut second, &mut first] {
        shard
            .ends(&mut judge, &payment, Outcome::Committed)
            .unwrap();
    }
}

#[test]
fn money_from_nowhere_is_seen() {
    let ([mut first, second], mut judge) = begun();
    let gift = turn(&first.setting, 1, second.setting.shard(), 5);
    let said = first.ends(&mut judge, &gift, Outcome::Committed);
    assert!(said.unwrap_err().contains("hold"));
}

#[test]
fn money_that_is_spent_in_two_shards_is_seen() {
    let ([mut first, mut second], mut judge) = begun();
    let home = second.setting.shard();
    let (one, other) = (
        turn(&first.setting, 1, home, 0),
        turn(&first.setting, 2, home, 0),
    );
    first.ends(&mut judge, &one, Outcome::Committed).unwrap();
    let said = second.ends(&mut judge, &other, Outcome::Committed);
    assert!(said.unwrap_err().contains("not there"));
}

#[test]
fn money_whose_owner_did_not_sign_is_seen() {
    let ([mut first, second], mut judge) = begun();
    let payment = turn(&first.setting, 1, second.setting.shard(), 0);
    let network = first.setting.scope().network;
    let mut unsigned = payment.transaction().clone();
    unsigned.authorizations.clear();
    let theft: Authorized = unsigned.check_form(&network).unwrap().trust();
    let said = first.ends(&mut judge, &theft, Outcome::Committed);
    assert!(said.unwrap_err().contains("did not sign"));
}
