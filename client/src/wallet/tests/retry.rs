//! Commands that are run again because the outcome of the first one was not known.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_taken_up_while_it_can_be_decided() {
    let desk = Desk::new(&[1_000]);
    desk.stall();
    let first = unknown(desk.send(pay(5)).await);
    assert_eq!(desk.open_attempts(), 1);
    desk.world.inner().ledger.lose_waiting();
    desk.world.set_deciding(true);
    let settled = committed(desk.send(pay(5)).await);
    assert_eq!((settled.id, settled.resumed), (first, true));
    assert!(desk.has_told(|event| matches!(event, Event::Resumed { .. })));
    assert_eq!(desk.world.balance("bob"), 1_005);
    assert_eq!(desk.open_attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_committed_meanwhile_is_reported_and_not_made_again() {
    for later in [1, 45, 100, 100_000] {
        let desk = Desk::new(&[1_000]);
        desk.stall();
        let first = unknown(desk.send(pay(5)).await);
        desk.world.set_deciding(true);
        sleep(Duration::from_secs(later)).await;
        let settled = committed(desk.send(pay(5)).await);
        assert_eq!(
            (settled.id, settled.resumed),
            (first, true),
            "{later} s later"
        );
        assert_eq!(desk.world.balance("bob"), 1_005, "{later} s later");
    }
}

#[tokio::test(start_paused = true)]
async fn after_its_deadline_the_next_attempt_consumes_the_same_objects() {
    let desk = Desk::new(&[500, 500, 500]);
    desk.stall();
    let first = unknown(desk.send(pay(5)).await);
    sleep(Duration::from_secs(60)).await;
    desk.world.set_deciding(true);
    let settled = committed(desk.send(pay(5)).await);
    assert_ne!(settled.id, first);
    assert!(!settled.resumed);
    let wallet = desk.wallet(Options::default());
    let older = wallet
        .journal
        .attempt(&first)
        .expect("in order")
        .expect("it is recorded");
    assert_eq!(older.transaction.openings, settled.transaction.openings);
    assert_eq!(older.closed, Some(Closed::Abandoned));
    assert_eq!(desk.world.balance("bob"), 1_005);
    let replaces =
        |event: &Event| matches!(event, Event::Recorded { replaces: Some(id), .. } if *id == first);
    assert!(desk.has_told(replaces));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_no_node_takes_any_more_is_replaced_at_once() {
    let desk = Desk::new(&[1_000]);
    desk.stall();
    unknown(desk.send(pay(5)).await);
    desk.world.inner().ledger.lose_waiting();
    desk.world.set_deciding(true);
    // Over for the nodes, and not yet over beyond doubt for the wallet.
    sleep(Duration::from_secs(12)).await;
    let began = tokio::time::Instant::now();
    committed(desk.send(pay(5)).await);
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(desk.world.balance("bob"), 1_005);
}

/// The worst case: the old attempt is in a block that is decided late, and every node that is asked
/// about it says that it knows nothing.
#[tokio::test(start_paused = true)]
async fn of_an_attempt_and_its_successor_one_commits() {
    let desk = Desk::new(&[500, 500, 500]);
    desk.stall();
    let first = unknown(desk.send(pay(5)).await);
    desk.world.set_deciding(true);
    assert_eq!(desk.world.balance("bob"), 1_005);
    sleep(Duration::from_secs(60)).await;
    desk.all(Manner::Forgetful);
    let sent = desk.send(pay(5)).await;
    assert_eq!(desk.world.balance("bob"), 1_005);
    assert_eq!(unknown(sent), first);
    desk.all(Manner::Honest);
    let settled = committed(desk.send(pay(5)).await);
    assert_eq!((settled.id, settled.resumed), (first, true));
    assert_eq!(desk.world.balance("bob"), 1_005);
    assert_eq!(desk.open_attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_can_never_be_decided_makes_room_for_other_accounts() {
    let desk = Desk::new(&[500, 400]);
    desk.stall();
    let first = unknown(desk.send(pay(5)).await);
    sleep(Duration::from_secs(60)).await;
    desk.world.inner().ledger.lose_waiting();
    desk.world.set_deciding(true);
    // Another payment consumes the account meanwhile, and block time goes on.
    committed(desk.send(pay(450)).await);
    let settled = committed(desk.send(pay(5)).await);
    assert_ne!(settled.id, first);
    assert_eq!(desk.world.balance("bob"), 1_455);
    assert_eq!(desk.open_attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_earlier_attempt_that_was_aborted_is_tried_anew() {
    let desk = Desk::new(&[500, 400]);
    desk.stall();
    let using = desk.world.inner().ledger.accounts_of(&key("alice"));
    let first = unknown(desk.send(pay(5)).await);
    // A second payment of the same accounts, from elsewhere, is decided first.
    let elsewhere = Desk {
        world: desk.world.clone(),
        ..Desk::new(&[])
    };
    let largest = using
        .iter()
        .max_by_key(|object| object.content.to_vec())
        .map(Object::id);
    desk.world.inner().ledger.lose_waiting();
    unknown(
        elsewhere
            .send(Order {
                using: largest,
                ..pay(7)
            })
            .await,
    );
    desk.world.set_deciding(true);
    sleep(Duration::from_secs(1)).await;
    let settled = committed(desk.send(pay(5)).await);
    assert_ne!(settled.id, first);
    assert_eq!(desk.world.balance("bob"), 1_012);
}

#[tokio::test(start_paused = true)]
async fn lost_answers_lose_nothing() {
    let desk = Desk::new(&[1_000]);
    desk.all(Manner::Mute);
    let sent = desk.send(pay(5)).await;
    // The transaction is with the nodes although none of them said so.
    assert_eq!(desk.world.balance("bob"), 1_005);
    let first = unknown(sent);
    desk.all(Manner::Honest);
    let settled = committed(desk.send(pay(5)).await);
    assert_eq!((settled.id, settled.resumed), (first, true));
    assert_eq!(desk.world.balance("bob"), 1_005);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_killed_is_taken_up() {
    let desk = Desk::new(&[1_000]);
    desk.stall();
    // Dropped in the middle of it, as by a signal.
    let killed = tokio::time::timeout(Duration::from_millis(500), desk.send(pay(5))).await;
    assert!(killed.is_err());
    assert_eq!(desk.open_attempts(), 1);
    desk.world.set_deciding(true);
    let settled = committed(desk.send(pay(5)).await);
    assert!(settled.resumed);
    assert_eq!(desk.world.balance("bob"), 1_005);
}

#[tokio::test(start_paused = true)]
async fn what_was_never_sent_is_not_taken_up() {
    let desk = Desk::new(&[1_000]);
    let accounts = desk.world.inner().ledger.accounts_of(&key("alice"));
    let order = Order {
        using: Some(accounts[0].id()),
        ..pay(5)
    };
    let via = Options {
        via: Some(desk.world.node(3)),
        ..Options::default()
    };
    desk.world.set(3, Manner::Gone);
    let error = desk
        .send_with(order, via)
        .await
        .expect_err("the node is not there");
    assert_eq!(error.class(), Class::Unreachable);
    assert_eq!(desk.open_attempts(), 0);
    assert!(!committed(desk.send(order).await).resumed);
    assert_eq!(desk.world.balance("bob"), 1_005);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_far_off_is_named_and_nothing_is_paid_twice() {
    for ahead in [true, false] {
        let desk = Desk::new(&[1_000]);
        let world = desk.world.clone();
        let wrong = move || {
            let now = world.now().as_ms();
            Time::from_ms(if ahead { now + 300_000 } else { now - 300_000 })
        };
        let wallet = Wallet {
            clock: Arc::new(wrong),
            ..desk.wallet(Options::default())
        };
        let error = wallet
            .send(&pay(5), &Watch::nobody())
            .await
            .expect_err("out of time");
        assert!(matches!(error, Error::Clock { .. }), "{error}");
        assert_eq!(error.class(), Class::Unknown);
        let sent = wallet.send(&pay(5), &Watch::nobody()).await;
        assert!(sent.is_err());
        drop(wallet);
        // The clock is set, and the same command is run again.
        committed(desk.send(pay(5)).await);
        assert_eq!(desk.world.balance("bob"), 1_005, "ahead: {ahead}");
    }
}
