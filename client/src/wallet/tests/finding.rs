//! Waiting for transactions, showing them, and reading after them.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_transaction_can_be_waited_for_and_shown() {
    let desk = Desk::new(&[1_000]);
    desk.stall();
    let id = unknown(desk.send(pay(5)).await);
    let wallet = desk.wallet(Options::default());
    let nobody = Watch::nobody();
    assert!(wallet.show(&id).await.expect("the nodes answer").is_none());
    let (waited, ()) = tokio::join!(wallet.wait(&id, &nobody), async {
        sleep(Duration::from_secs(3)).await;
        desk.world.set_deciding(true);
    });
    let settled = committed(waited);
    assert_eq!(settled.id, id);
    assert_eq!(desk.open_attempts(), 0);
    let shown = wallet
        .show(&id)
        .await
        .expect("the nodes answer")
        .expect("it is decided");
    assert_eq!(shown.decisions, settled.decisions);
    let again = committed(wallet.wait(&id, &nobody).await);
    assert_eq!(again.transaction, settled.transaction);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_can_wait_for_a_transaction_by_its_name_alone() {
    let desk = Desk::new(&[1_000]);
    desk.stall();
    let id = unknown(desk.send(pay(5)).await);
    let client = desk.world.client(Options::default());
    let nobody = Watch::nobody();
    let (waited, ()) = tokio::join!(client.wait(&id, None, &nobody), async {
        sleep(Duration::from_secs(3)).await;
        desk.world.set_deciding(true);
    });
    assert_eq!(committed(waited).id, id);
    let other = TransactionId::from_bytes([1; 32]);
    assert_eq!(unknown(client.wait(&other, None, &nobody).await), other);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_what_can_never_be_decided_ends() {
    let desk = Desk::new(&[1_000]);
    desk.stall();
    let id = unknown(desk.send(pay(5)).await);
    desk.world.inner().ledger.lose_waiting();
    sleep(Duration::from_secs(60)).await;
    let now = desk.world.now();
    desk.world.inner().ledger.pass_time(now);
    let wallet = desk.wallet(Options::default());
    let error = wallet
        .wait(&id, &Watch::nobody())
        .await
        .expect_err("it is over");
    assert!(matches!(error, Error::Expired { transaction } if transaction.id == id));
    assert_eq!(desk.open_attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_read_after_a_payment_sees_it_whichever_node_answers() {
    let desk = Desk::new(&[1_000]);
    committed(desk.send(pay(5)).await);
    for number in 0..4 {
        desk.all(Manner::Behind(0));
        desk.world.set(number, Manner::Honest);
        let wallet = desk.wallet(Options::default());
        let holdings = wallet
            .holdings(&key("bob"))
            .await
            .expect("one node is up to date");
        assert_eq!(
            holdings.balance(),
            Amount::from_ncsc(1_005 * CSC),
            "node {number}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_was_waited_for_ends_all_attempts_at_the_payment() {
    let desk = Desk::new(&[1_000]);
    desk.stall();
    let first = unknown(desk.send(pay(5)).await);
    sleep(Duration::from_secs(60)).await;
    let second = unknown(desk.send(pay(5)).await);
    assert_ne!(first, second);
    assert_eq!(desk.open_attempts(), 2);
    desk.world.set_deciding(true);
    let wallet = desk.wallet(Options::default());
    committed(wallet.wait(&second, &Watch::nobody()).await);
    assert_eq!(desk.open_attempts(), 0);
    assert!(!committed(desk.send(pay(5)).await).resumed);
    assert_eq!(desk.world.balance("bob"), 1_010);
}
