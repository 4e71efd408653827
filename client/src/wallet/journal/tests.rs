//! The journal: torn files, damaged files, many users at once, and what it remembers.

use std::fs;
use std::sync::Arc;

use model::{Height, ObjectId, ShardId, Time};
use tempfile::TempDir;

use super::*;
use crate::amount::Amount;
use crate::testing::{SHARD, World, directory, key};
use crate::wallet::Order;
use crate::wallet::deed::{self, Deed, Terms};

fn order(amount: u64) -> Order {
    Order {
        from: key("alice"),
        to: key("bob"),
        amount: Amount::from_ncsc(amount),
        using: None,
        home: None,
    }
}

/// A network, and transactions in it to write down.
struct Desk {
    world: World,
    directory: TempDir,
    journal: Journal,
}

impl Desk {
    fn new() -> Self {
        let world = World::new(&[10]);
        let directory = directory();
        let journal = Journal::open(directory.path(), world.genesis.network());
        Self {
            world,
            directory,
            journal: journal.expect("a new journal"),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join(FILE)
    }

    /// Records a payment of so many ncsc.
    fn begin(&self, amount: u64) -> (Attempt, Option<Claim>) {
        let intent = Intent::Pay(order(amount));
        let terms = Terms {
            network: self.world.genesis.network(),
            profile: self.world.genesis.profile,
            nonce: [0; 16],
            created: Time::from_ms(amount),
        };
        let inputs = self.world.inner().ledger.accounts_of(&key("alice"));
        let secret = crate::keys::local_secret("alice");
        let wanted = Deed::Pay(order(amount));
        let make = |_: &State| deed::make(&wanted, inputs, terms, &secret).map(Ok);
        let begun = self
            .journal
            .begin::<(), crate::Error>(intent, None, terms.created, make);
        begun
            .expect("the journal is in order")
            .expect("there is no obstacle")
    }

    fn close(&self, id: TransactionId, closed: Closed) {
        let seen = BTreeMap::from([(SHARD, Height::new(1))]);
        self.journal
            .close(Some((id, closed)), &seen)
            .expect("the journal is in order");
    }

    fn attempts(&self) -> Vec<(TransactionId, Option<Closed>)> {
        let read = self.journal.read(|state| {
            let attempts = state.attempts.iter();
            attempts
                .map(|attempt| (attempt.id, attempt.closed))
                .collect()
        });
        read.expect("the journal is in order")
    }
}

#[tokio::test]
async fn what_is_recorded_is_remembered() {
    let desk = Desk::new();
    let (first, _) = desk.begin(1);
    let (second, _) = desk.begin(2);
    desk.close(first.id, Closed::Committed);
    assert_eq!(
        desk.attempts(),
        [(first.id, Some(Closed::Committed)), (second.id, None)]
    );
    let remembered = desk
        .journal
        .attempt(&second.id)
        .expect("the journal is in order");
    assert_eq!(remembered, Some(second));
    let seen = desk.journal.seen().expect("the journal is in order");
    assert_eq!(seen, Heights::from([(SHARD, Height::new(1))]));
}

#[tokio::test]
async fn the_lines_are_an_interface() {
    let desk = Desk::new();
    let (attempt, _) = desk.begin(1);
    desk.close(attempt.id, Closed::Abandoned);
    let bytes = model::encoding::encode(&attempt.transaction);
    let expected = format!(
        "{{\"line\":\"journal\",\"version\":1,\"network\":\"{}\"}}\n\
         {{\"line\":\"begun\",\"id\":\"{id}\",\"payment\":\"{id}\",\"intent\":{{\"pay\":\
         {{\"from\":\"{}\",\"to\":\"{}\",\"amount\":1,\"using\":null}}}},\"created\":1,\
         \"transaction\":\"{}\"}}\n\
         {{\"line\":\"closed\",\"id\":\"{id}\",\"state\":\"abandoned\"}}\n\
         {{\"line\":\"seen\",\"shard\":0,\"height\":1}}\n",
        desk.world.genesis.network(),
        key("alice"),
        key("bob"),
        model::encoding::Bytes::from(bytes),
        id = attempt.id,
    );
    assert_eq!(
        fs::read_to_string(desk.path()).expect("it is there"),
        expected
    );
}

#[tokio::test]
async fn a_file_torn_at_any_byte_keeps_all_complete_lines() {
    let desk = Desk::new();
    let (first, _) = desk.begin(1);
    desk.close(first.id, Closed::Committed);
    let (second, _) = desk.begin(2);
    let whole = fs::read(desk.path()).expect("it is there");
    let ends: Vec<usize> = (1..=whole.len())
        .filter(|end| whole[end - 1] == b'\n')
        .collect();
    for end in 0..=whole.len() {
        fs::write(desk.path(), &whole[..end]).expect("it can be written");
        let lines = ends.iter().filter(|line| **line <= end).count();
        let expected: Vec<(TransactionId, Option<Closed>)> = match lines {
            0 | 1 => vec![],
            2 => vec![(first.id, None)],
            3 | 4 => vec![(first.id, Some(Closed::Committed))],
            _ => vec![(first.id, Some(Closed::Committed)), (second.id, None)],
        };
        assert_eq!(desk.attempts(), expected, "torn at byte {end}");
        if end.is_multiple_of(97) {
            let (third, _) = desk.begin(3);
            let attempts = desk.attempts();
            assert_eq!(
                attempts.last(),
                Some(&(third.id, None)),
                "torn at byte {end}"
            );
            assert_eq!(
                attempts[..attempts.len() - 1],
                expected,
                "torn at byte {end}"
            );
        }
    }
}

#[tokio::test]
async fn a_damaged_line_is_named_and_nothing_is_lost_silently() {
    let desk = Desk::new();
    let (first, _) = desk.begin(1);
    desk.begin(2);
    let whole = fs::read_to_string(desk.path()).expect("it is there");
    let hex = model::encoding::Bytes::from(model::encoding::encode(&first.transaction)).to_string();
    let mut other = hex.clone();
    let last = if hex.ends_with('0') { "1" } else { "0" };
    other.replace_range(hex.len() - 1.., last);
    for (damaged, line) in [
        (whole.replace("\"begun\"", "\"begum\""), 2),
        (whole.replace(&hex, &hex[2..]), 2),
        (whole.replace("\"amount\":2", "\"amount\":-2"), 3),
        (whole.replacen("\"version\":1", "\"version\":2", 1), 1),
        (whole.split_inclusive('\n').skip(1).collect(), 1),
        (format!("{whole}{whole}"), 4),
        (
            format!(
                "{whole}{{\"line\":\"closed\",\"id\":\"{}\",\"state\":\"committed\"}}\n",
                TransactionId::from_bytes([1; 32])
            ),
            4,
        ),
    ] {
        fs::write(desk.path(), &damaged).expect("it can be written");
        let error = desk.journal.seen().expect_err("it is damaged");
        assert!(
            matches!(error, JournalError::Damaged { line: found, .. } if found == line),
            "{error}"
        );
        assert_eq!(
            fs::read_to_string(desk.path()).expect("it is there"),
            damaged
        );
    }
}

#[tokio::test]
async fn every_changed_digit_of_a_transaction_is_noticed() {
    let desk = Desk::new();
    let (first, _) = desk.begin(1);
    let whole = fs::read_to_string(desk.path()).expect("it is there");
    let body = model::encoding::encode(&first.transaction.body);
    let hex = model::encoding::Bytes::from(body).to_string();
    let start = whole.find(&hex[..64]).expect("the body is in the line");
    for at in (start..start + hex.len()).step_by(7) {
        let mut changed = whole.clone();
        let digit = if whole[at..].starts_with('0') {
            "1"
        } else {
            "0"
        };
        changed.replace_range(at..=at, digit);
        fs::write(desk.path(), &changed).expect("it can be written");
        assert!(desk.journal.seen().is_err(), "byte {at}");
    }
}

#[tokio::test]
async fn the_journal_of_another_network_is_refused() {
    let desk = Desk::new();
    desk.begin(1);
    let other = NetworkId::from_bytes([1; 32]);
    let error = Journal::open(desk.directory.path(), other).expect_err("another network");
    assert_eq!(error.class(), Class::WrongNetwork);
}

#[tokio::test]
async fn an_open_payment_is_taken_up_by_the_same_order_once_nobody_works_on_it() {
    let desk = Desk::new();
    let (attempt, claim) = desk.begin(1);
    let resume = |amount| {
        let resumed = desk.journal.resume(&Intent::Pay(order(amount)));
        resumed.expect("the journal is in order")
    };
    assert!(resume(1).is_none(), "somebody works on it");
    drop(claim);
    assert!(resume(2).is_none(), "another order");
    let (claim, attempts) = resume(1).expect("nobody works on it");
    assert_eq!(claim.payment(), attempt.id);
    assert_eq!(attempts, std::slice::from_ref(&attempt));
    assert!(resume(1).is_none(), "the one who took it up works on it");
    desk.close(attempt.id, Closed::Aborted);
    drop(claim);
    assert!(resume(1).is_none(), "it is closed");
}

#[tokio::test]
async fn claims_leave_no_files_behind() {
    let desk = Desk::new();
    for amount in 1..20 {
        let (attempt, _claim) = desk.begin(amount);
        desk.close(attempt.id, Closed::Committed);
    }
    let claims = fs::read_dir(desk.directory.path().join(CLAIMS)).expect("it is there");
    assert!(claims.count() <= 1);
}

#[tokio::test]
async fn what_open_attempts_consume_is_held_until_their_deadlines_are_over() {
    let desk = Desk::new();
    let (attempt, _) = desk.begin(1);
    let held = |is_over: bool| {
        let held = desk.journal.read(|state| state.held(|_| is_over));
        held.expect("the journal is in order")
    };
    let inputs: Vec<ObjectId> = attempt
        .transaction
        .openings
        .iter()
        .map(model::Object::id)
        .collect();
    assert!(held(false).into_keys().eq(inputs));
    assert!(held(true).is_empty());
    desk.close(attempt.id, Closed::Committed);
    assert!(held(false).is_empty());
}

#[tokio::test]
async fn the_file_stays_small_and_forgets_nothing_that_is_open() {
    let desk = Desk::new();
    let (open, _claim) = desk.begin(1_000_000);
    let mut largest = 0;
    for amount in 1..150 {
        let (attempt, _) = desk.begin(amount);
        desk.close(attempt.id, Closed::Committed);
        largest = largest.max(fs::metadata(desk.path()).expect("it is there").len());
    }
    assert!(largest < 512 * 1024, "{largest} bytes");
    let attempts = desk.attempts();
    assert_eq!(attempts.first(), Some(&(open.id, None)));
    assert!(attempts.len() < 200);
}

#[tokio::test]
async fn nothing_is_written_twice() {
    let desk = Desk::new();
    let (attempt, _) = desk.begin(1);
    desk.close(attempt.id, Closed::Committed);
    let before = fs::read(desk.path()).expect("it is there");
    desk.close(attempt.id, Closed::Aborted);
    assert_eq!(fs::read(desk.path()).expect("it is there"), before);
}

#[tokio::test]
async fn many_users_at_once_lose_nothing() {
    const USERS: u64 = 6;
    const EACH: u64 = 15;
    let desk = Arc::new(Desk::new());
    let users = (0..USERS).map(|user| {
        let desk = Arc::clone(&desk);
        thread::spawn(move || {
            // A journal of its own, as another process would have.
            let journal = Journal::open(desk.directory.path(), desk.world.genesis.network());
            let journal = journal.expect("the journal is in order");
            let shard = ShardId::new(u32::try_from(user).expect("few users"));
            for turn in 0..EACH {
                let (attempt, _claim) = desk.begin(1 + user * EACH + turn);
                let seen = BTreeMap::from([(shard, Height::new(turn))]);
                journal
                    .close(Some((attempt.id, Closed::Committed)), &seen)
                    .expect("the journal is in order");
            }
        })
    });
    for user in users.collect::<Vec<_>>() {
        user.join().expect("no user fails");
    }
    let attempts = desk.attempts();
    assert!(
        attempts
            .iter()
            .all(|(_, closed)| *closed == Some(Closed::Committed))
    );
    let seen = desk.journal.seen().expect("the journal is in order");
    assert!(
        seen.values().all(|height| *height == Height::new(EACH - 1)),
        "{seen:?}"
    );
    assert_eq!(seen.len() as u64, USERS);
}

#[tokio::test]
async fn a_lock_that_is_held_is_waited_for() {
    let desk = Arc::new(Desk::new());
    let lock = desk.journal.lock().expect("nobody holds it");
    let waiting = {
        let desk = Arc::clone(&desk);
        thread::spawn(move || desk.begin(1).0.id)
    };
    drop(lock);
    let id = waiting.join().expect("the lock was given back");
    assert_eq!(desk.attempts(), [(id, None)]);
}

#[tokio::test]
async fn what_cannot_be_made_is_not_recorded() {
    let desk = Desk::new();
    let intent = Intent::Pay(order(1));
    let obstacle = desk
        .journal
        .begin::<u8, crate::Error>(intent.clone(), None, Time::ZERO, |_| Ok(Err(7)));
    assert!(matches!(obstacle, Ok(Err(7))));
    let error = desk
        .journal
        .begin::<u8, crate::Error>(intent, None, Time::ZERO, |_| {
            Err(crate::Error::internal("no"))
        });
    assert!(error.is_err());
    assert!(!desk.path().exists());
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_named() {
    let directory = directory();
    let file = directory.path().join("file");
    fs::write(&file, "").expect("it can be written");
    let error = Journal::open(&file, NetworkId::from_bytes([1; 32])).expect_err("not a directory");
    assert_eq!(error.class(), Class::Internal);
    assert!(error.to_string().contains(&file.display().to_string()));
}
