//! Payments that are made once, whatever nodes, networks, clocks and users do.

mod accounts;
mod finding;
mod manage;
mod retry;
mod shards;
mod storm;
mod together;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::api::Request;
use model::result::{AbortReason, Outcome};
use model::{Invalid, Mode, Object, ShardId};
use system_contracts::cscoin::CSC;
use tempfile::TempDir;
use tokio::time::sleep;

use super::*;
use crate::connection::Options;
use crate::error::Class;
use crate::follow::{Event, Progress};
use crate::keys::LocalKeys;
use crate::testing::{Manner, World, directory, key};

/// A wallet in a world, and everything that it tells.
struct Desk {
    world: World,
    directory: TempDir,
    told: Mutex<Vec<Event>>,
}

impl Desk {
    fn new(alice: &[u64]) -> Self {
        Self::of_shards(&[alice])
    }

    fn of_shards(alice: &[&[u64]]) -> Self {
        Self {
            world: World::of_shards(alice),
            directory: directory(),
            told: Mutex::default(),
        }
    }

    /// The wallet, as another process opens it.
    fn wallet(&self, options: Options) -> Wallet<World> {
        let keys = Box::new(LocalKeys::of(&self.world.genesis));
        let client = self.world.client(options);
        let clock = self.world.clock();
        let wallet = Wallet::open_with_clock(client, keys, self.directory.path(), clock);
        wallet.expect("the directory is there")
    }

    /// Pays as a command does: in a wallet of its own.
    async fn send(&self, order: Order) -> Result<Settled, Error> {
        self.send_with(order, Options::default()).await
    }

    async fn send_with(&self, order: Order, options: Options) -> Result<Settled, Error> {
        let watch = Watch::new(|progress: Progress| self.told().push(progress.event));
        self.wallet(options).send(&order, &watch).await
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Vec<Event>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_told(&self, what: impl Fn(&Event) -> bool) -> bool {
        self.told().iter().any(what)
    }

    fn open_attempts(&self) -> usize {
        let wallet = self.wallet(Options::default());
        let read = wallet.journal.read(|state| {
            state
                .attempts
                .iter()
                .filter(|attempt| attempt.closed.is_none())
                .count()
        });
        read.expect("the journal is in order")
    }

    /// Cuts the nodes off the network among themselves: they take what comes and decide nothing.
    fn stall(&self) {
        self.world.set_deciding(false);
    }

    fn all(&self, manner: Manner) {
        for number in 0..self.world.size() {
            self.world.set(number, manner);
        }
    }
}

fn pay(csc: u64) -> Order {
    Order {
        from: key("alice"),
        to: key("bob"),
        amount: Amount::from_ncsc(csc * CSC),
        using: None,
        home: None,
    }
}

#[track_caller]
fn committed(sent: Result<Settled, Error>) -> Settled {
    let settled = sent.expect("it is decided");
    assert_eq!(settled.outcome(), Outcome::Committed);
    settled
}

#[track_caller]
fn unknown(sent: Result<Settled, Error>) -> TransactionId {
    match sent {
        Err(Error::Unknown(unknown)) => unknown.transaction,
        other => panic!("the outcome should be unknown: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_payment_moves_money_and_is_read_back() {
    let desk = Desk::new(&[1_000]);
    let settled = committed(desk.send(pay(5)).await);
    assert!(!settled.resumed);
    let wallet = desk.wallet(Options::default());
    for (name, expected) in [("alice", 995), ("bob", 1_005)] {
        let holdings = wallet
            .holdings(&key(name))
            .await
            .expect("the nodes are honest");
        assert_eq!(
            holdings.balance(),
            Amount::from_ncsc(expected * CSC),
            "{name}"
        );
    }
    assert_eq!(desk.open_attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_id_is_recorded_and_told_before_anything_is_sent() {
    let desk = Desk::new(&[1_000]);
    let recorded = Mutex::new(None);
    let watch = Watch::new(|progress: Progress| {
        if let Event::Recorded {
            transaction,
            shards,
            inputs,
            outputs,
            replaces,
        } = progress.event
        {
            assert_eq!(
                desk.world
                    .count(|asked| matches!(asked, Request::Submit(_))),
                0
            );
            assert_eq!((inputs, outputs, replaces), (1, 2, None));
            assert_eq!(shards, [ShardId::new(0)]);
            *recorded.lock().expect("no panic") = Some(transaction);
        }
    });
    let wallet = desk.wallet(Options::default());
    let settled = committed(wallet.send(&pay(5), &watch).await);
    let recorded = recorded.lock().expect("no panic").expect("it was told");
    assert_eq!(recorded, settled.id);
    let attempt = wallet
        .journal
        .attempt(&recorded)
        .expect("in order")
        .expect("it is recorded");
    assert_eq!(attempt.transaction, settled.transaction);
    assert_eq!(
        attempt.transaction.body.mode,
        Mode::Decider(ShardId::new(0))
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_order_after_a_decision_is_another_payment() {
    let desk = Desk::new(&[1_000]);
    let first = committed(desk.send(pay(5)).await);
    let second = committed(desk.send(pay(5)).await);
    assert_ne!(first.id, second.id);
    assert_eq!(desk.world.balance("bob"), 1_010);
}

#[tokio::test(start_paused = true)]
async fn orders_that_make_no_sense_are_refused_before_anything_is_asked() {
    let desk = Desk::new(&[10]);
    let stranger = model::SecretKey::from_seed([1; 32]).public();
    let error = desk
        .send(Order {
            from: stranger,
            ..pay(5)
        })
        .await
        .expect_err("no key");
    assert_eq!(error.class(), Class::Locked);
    let error = desk.send(pay(0)).await.expect_err("nothing to send");
    assert_eq!(error.class(), Class::Usage);
    assert_eq!(desk.world.inner().asked.len(), 0);
    let weak = PublicKey::from_bytes({
        let mut bytes = [0; 32];
        bytes[0] = 1;
        bytes
    });
    let error = desk
        .send(Order { to: weak, ..pay(5) })
        .await
        .expect_err("anybody could spend it");
    assert!(matches!(error, Error::CannotRun(_)));
    assert_eq!(desk.open_attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_faulty_node_of_any_kind_changes_nothing() {
    use Manner::*;
    for manner in [
        Gone,
        Foreign,
        Silent,
        Mute,
        Sink,
        Forger,
        Denier,
        Busy,
        Refuser,
        Behind(0),
        Pretender(0),
        Fabulist,
        Thief,
        Swapper,
        Confused,
        Plucker,
        Forgetful,
    ] {
        let desk = Desk::new(&[20, 1_000, 30]);
        for round in 0..8 {
            desk.world.set((round + 3) % 4, Honest);
            desk.world.set(round % 4, manner);
            committed(desk.send(pay(5)).await);
        }
        assert_eq!(desk.world.balance("bob"), 1_040, "{manner:?}");
        assert_eq!(desk.open_attempts(), 0, "{manner:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn people_are_found_by_name_and_address() {
    let desk = Desk::new(&[10]);
    let wallet = desk.wallet(Options::default());
    let bob = key("bob");
    let address = wallet.client().addresses().account(&bob);
    for text in ["bob", &address, &bob.to_string()] {
        assert_eq!(wallet.party(text).expect("it is bob"), bob);
    }
    let error = wallet.party("bop").expect_err("nobody has that name");
    assert!(
        error
            .to_string()
            .contains("known names are: alice, bob, carol"),
        "{error}"
    );
    let mut typed = address.clone();
    typed.pop();
    let error = wallet.party(&typed).expect_err("a character is missing");
    assert!(matches!(error, Error::Address(AddressError::Typo { .. })));
}
