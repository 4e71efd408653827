use std::sync::Arc;

use consensus::replica::Output;
use consensus::{Ledger, Message, Record, Replica};
use model::api::{Refused, Taken};
use model::{Time, Transaction};
use tokio::sync::{mpsc, oneshot};

use super::EventLoop;
use crate::clock::Clock;
use crate::effects::Turn;
use crate::event::{Event, Submitted};
use crate::gauges::Gauges;
use crate::stop::Stopper;
use crate::testing::{SHARD, account_of, genesis, payment, registry, setup};

/// A loop around the replica on seat 0, and its ends.
struct Fixture {
    events: mpsc::Sender<Event>,
    turns: mpsc::Receiver<Turn>,
    stopper: Stopper,
    gauges: Arc<Gauges>,
}

impl Fixture {
    fn start() -> Self {
        let replica = Replica::new(setup(0), Ledger::genesis(&genesis(), SHARD));
        let (events, events_in) = mpsc::channel(8);
        let (turns_out, turns) = mpsc::channel(1_024);
        let (gauges, stopper) = (Arc::new(Gauges::default()), Stopper::new());
        let shared = Arc::clone(&gauges);
        let event_loop = EventLoop::new(
            replica,
            events_in,
            turns_out,
            shared,
            registry(),
            stopper.clone(),
        );
        tokio::spawn(event_loop.run());
        Self {
            events,
            turns,
            stopper,
            gauges,
        }
    }

    /// Submits a transaction and returns what becomes of it.
    async fn submit(&self, transaction: Transaction) -> Taken {
        let well_formed = transaction.check_form(&genesis().network()).unwrap();
        let (answer, taken) = oneshot::channel();
        let submitted = Submitted {
            transaction: well_formed.trust(),
            answer,
        };
        let event = Event::Submitted(vec![submitted]);
        assert!(self.events.send(event).await.is_ok());
        taken.await.unwrap()
    }

    /// Stops the loop and returns all its turns.
    async fn stop(mut self) -> Vec<Turn> {
        self.stopper.stop();
        let mut turns = Vec::new();
        while let Some(turn) = self.turns.recv().await {
            turns.push(turn);
        }
        turns
    }
}

fn pay(valid_until: Time) -> Transaction {
    let ledger = Ledger::genesis(&genesis(), SHARD);
    payment(&account_of(&ledger, 0), 0, 1, 1, 1, valid_until)
}

fn now() -> Time {
    Clock::start().now().clock
}

#[tokio::test]
async fn a_transaction_in_time_waits_and_is_passed_on() {
    let fixture = Fixture::start();
    let transaction = pay(now().plus_ms(30_000));
    for _ in 0..2 {
        assert_eq!(fixture.submit(transaction.clone()).await, Taken::Waits);
    }
    assert_eq!(fixture.gauges.waiting(), 1);
    let turns = fixture.stop().await;
    let passed_on = turns.iter().flat_map(|turn| &turn.outputs).any(|output| {
        matches!(output, Output::Broadcast(message)
            if matches!(&**message, Message::Transactions(found) if found[0] == transaction))
    });
    assert!(passed_on);
}

#[tokio::test]
async fn a_transaction_out_of_time_is_refused() {
    let fixture = Fixture::start();
    for valid_until in [Time::from_ms(5), now().plus_ms(3_600_000)] {
        let refused = fixture.submit(pay(valid_until)).await;
        assert!(
            matches!(refused, Taken::Refused(Refused::OutOfTime(_))),
            "{refused:?}"
        );
    }
    assert_eq!(fixture.gauges.waiting(), 0);
}

#[tokio::test]
async fn a_loop_that_is_stopped_has_the_tables_written_and_ends() {
    let turns = Fixture::start().stop().await;
    let (last, before) = turns.split_last().unwrap();
    assert!(before.iter().all(|turn| turn.flush.is_none()));
    let open = last.flush.as_ref().unwrap();
    assert!(
        matches!(open.records[..], [Record::Reserved(_), ..]),
        "{open:?}"
    );
}

#[tokio::test]
async fn a_loop_whose_effects_have_ended_ends() {
    let Fixture { events, turns, .. } = Fixture::start();
    drop(turns);
    events.closed().await;
}
