use std::sync::Arc;
use std::time::Duration;

use model::{Height, TransactionId};

use super::Waiters;

const FOR_EVER: Duration = Duration::from_secs(3_600);

fn id(number: u8) -> TransactionId {
    TransactionId::from_bytes([number; 32])
}

#[tokio::test]
async fn a_decision_that_comes_before_the_wait_is_not_missed() {
    let waiters = Waiters::new(Height::ZERO, Height::ZERO);
    let interest = waiters.interest(id(1));
    waiters.certified(Height::new(1), [id(1)].iter());
    interest.decided(FOR_EVER).await;
}

#[tokio::test]
async fn all_who_wait_for_a_transaction_are_woken_and_nobody_else() {
    let waiters = Waiters::new(Height::ZERO, Height::ZERO);
    let (first, second, other) = (
        waiters.interest(id(1)),
        waiters.interest(id(1)),
        waiters.interest(id(2)),
    );
    waiters.certified(Height::new(1), [id(3), id(1)].iter());
    first.decided(FOR_EVER).await;
    second.decided(FOR_EVER).await;
    assert!(!*other.decided.borrow());
    other.decided(Duration::ZERO).await;
}

#[tokio::test]
async fn interests_leave_nothing_behind() {
    let waiters = Waiters::new(Height::ZERO, Height::ZERO);
    let (first, second) = (waiters.interest(id(1)), waiters.interest(id(1)));
    drop(first);
    waiters.certified(Height::new(1), [id(1)].iter());
    second.decided(FOR_EVER).await;
    assert_eq!(waiters.decisions().len(), 1);
    drop(second);
    assert!(waiters.decisions().is_empty());
}

#[tokio::test]
async fn a_height_is_waited_for() {
    let waiters = Arc::new(Waiters::new(Height::new(5), Height::new(4)));
    assert!(waiters.height(Height::new(5), Duration::ZERO).await);
    assert!(!waiters.height(Height::new(6), Duration::ZERO).await);
    let shared = Arc::clone(&waiters);
    let waiting = tokio::spawn(async move { shared.height(Height::new(7), FOR_EVER).await });
    tokio::task::yield_now().await;
    waiters.applied(Height::new(6));
    waiters.applied(Height::new(8));
    assert!(waiting.await.unwrap());
}

#[tokio::test]
async fn every_head_is_told_of_and_the_highest_stays() {
    let waiters = Waiters::new(Height::new(5), Height::new(4));
    let mut heads = waiters.heads();
    for (certified, highest) in [(6, 6), (5, 6), (7, 7)] {
        waiters.certified(Height::new(certified), [].iter());
        heads.changed().await.unwrap();
        assert_eq!(*heads.borrow_and_update(), Height::new(highest));
    }
}
