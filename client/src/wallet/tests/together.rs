//! Commands at the same time.

use super::*;

#[tokio::test(start_paused = true)]
async fn two_payments_of_one_account_at_once_commit_one() {
    let desk = Desk::new(&[1_000]);
    for round in 0..20 {
        let object = desk.world.inner().ledger.accounts_of(&key("alice"))[0].id();
        let using = Some(object);
        let via = |number| Options {
            via: Some(desk.world.node(number)),
            ..Options::default()
        };
        // The same order, so that neither may take the other one up.
        let (one, other) = tokio::join!(
            desk.send_with(Order { using, ..pay(5) }, via(round % 4)),
            desk.send_with(Order { using, ..pay(5) }, via((round + 1) % 4)),
        );
        let sent = [one.expect("it is decided"), other.expect("it is decided")];
        let aborted: Vec<&Settled> = sent.iter().filter(|s| !s.is_committed()).collect();
        let [aborted] = aborted[..] else {
            panic!("round {round}: one of two commits");
        };
        let Outcome::Aborted(AbortReason::Invalid(Invalid::NotActive { object: spent, .. })) =
            aborted.outcome()
        else {
            panic!("round {round}: the account is spent");
        };
        assert_eq!(spent, object);
        assert_eq!(desk.world.inner().ledger.supply(), 2_000 * CSC);
    }
    assert_eq!(desk.world.balance("bob"), 1_100);
}

#[tokio::test(start_paused = true)]
async fn two_equal_orders_at_once_are_two_payments() {
    let desk = Desk::new(&[1_000, 1_000]);
    let (one, other) = tokio::join!(desk.send(pay(5)), desk.send(pay(5)));
    assert_ne!(committed(one).id, committed(other).id);
    assert_eq!(desk.world.balance("bob"), 1_010);
}

#[tokio::test(start_paused = true)]
async fn payments_at_once_out_of_one_account_wait_for_each_other() {
    let desk = Desk::new(&[1_000]);
    let payments = (1..=5).map(|csc| desk.send(pay(csc)));
    for sent in futures::future::join_all(payments).await {
        committed(sent);
    }
    assert_eq!(desk.world.balance("bob"), 1_015);
    assert!(desk.has_told(|event| matches!(event, Event::Waiting { .. })));
}

#[tokio::test(start_paused = true)]
async fn money_that_an_undecided_payment_holds_is_not_spent_twice() {
    let desk = Desk::new(&[1_000]);
    desk.stall();
    let first = unknown(desk.send(pay(5)).await);
    let error = desk.send(pay(6)).await.expect_err("the money is held");
    assert!(matches!(error, Error::Held { transaction } if transaction.id == first));
    assert!(error.to_string().contains(" lcstx1"), "{error}");
    assert_eq!(error.class(), Class::Funds);
}
