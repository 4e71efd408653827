//! Which accounts are spent.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_not_sent() {
    let desk = Desk::new(&[10, 20]);
    let error = desk.send(pay(31)).await.expect_err("there are 30");
    assert_eq!(
        error.to_string(),
        "there is not enough money: 30 CSC are there, 31 CSC are needed"
    );
    assert_eq!(error.class(), Class::Funds);
    assert_eq!(
        desk.world
            .count(|asked| matches!(asked, Request::Submit(_))),
        0
    );
    assert_eq!(desk.open_attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn many_accounts_are_spent_at_once() {
    let desk = Desk::new(&[1; 100]);
    let settled = committed(desk.send(pay(100)).await);
    assert_eq!(settled.transaction.openings.len(), 100);
    assert_eq!(desk.world.balance("bob"), 1_100);
}

#[tokio::test(start_paused = true)]
async fn too_many_accounts_are_merged_first() {
    let desk = Desk::new(&[1; 300]);
    committed(desk.send(pay(299)).await);
    assert_eq!(desk.world.balance("bob"), 1_299);
    let merges = desk
        .told()
        .iter()
        .filter(|event| matches!(event, Event::Merging { .. }))
        .count();
    assert_eq!(merges, 2);
    assert_eq!(desk.open_attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn only_the_given_account_is_spent() {
    let desk = Desk::new(&[10, 1_000]);
    let ledger = |desk: &Desk| desk.world.inner().ledger.accounts_of(&key("alice"));
    let using = ledger(&desk).iter().map(Object::id).min();
    let settled = committed(desk.send(Order { using, ..pay(7) }).await);
    let spent: Vec<_> = settled
        .transaction
        .openings
        .iter()
        .map(Object::id)
        .collect();
    assert_eq!(Some(spent), using.map(|id| vec![id]));
    // It is spent now.
    let error = desk
        .send(Order { using, ..pay(8) })
        .await
        .expect_err("it is spent");
    assert!(matches!(error, Error::NotActive { .. }));
    assert_eq!(error.class(), Class::Aborted);
}

#[tokio::test(start_paused = true)]
async fn a_given_account_must_be_the_payers_and_hold_enough() {
    let desk = Desk::new(&[10]);
    let first = |name| desk.world.inner().ledger.accounts_of(&key(name))[0].id();
    let using = Some(first("bob"));
    let error = desk
        .send(Order { using, ..pay(7) })
        .await
        .expect_err("it is bob's");
    assert!(matches!(error, Error::NotAnAccount { .. }));
    let using = Some(first("alice"));
    let error = desk
        .send(Order { using, ..pay(11) })
        .await
        .expect_err("it holds 10");
    assert_eq!(error.class(), Class::Funds);
}
