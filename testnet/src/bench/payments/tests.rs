//! Tests of payments that are made in advance.

use std::sync::atomic::AtomicBool;

use client::keys::{LOCAL_NAMES, local_secret};
use consensus::{Action, Ledger};
use model::block::{BlockRef, Header, encode_entries, payload_hash};
use model::genesis::GenesisShard;
use model::key::Zip215;
use model::transaction::Authorized;
use model::{Block, Entry, Genesis, NodeDescriptor, Outcome, SecretKey, ShardId, Slot, Time};
use system_contracts::genesis::genesis;

use super::{BenchError, Book, Kind, Payments};

const SHARD: ShardId = ShardId::new(0);
const CREATED: Time = Time::from_ms(1_000);

fn document(accounts: usize) -> Genesis {
    let member = |index: u8| NodeDescriptor {
        name: format!("n{index}"),
        node: model::NodeId::new(SecretKey::from_seed([index; 32]).public()),
        addresses: Vec::new(),
    };
    let shard = GenesisShard {
        shard: SHARD,
        members: (0..4).map(member).collect(),
    };
    let named = LOCAL_NAMES.map(|name| (local_secret(name).public(), SHARD, 5));
    let accounts: Vec<_> = named.into_iter().chain(Book::owners(accounts, 1)).collect();
    genesis("local-test", CREATED, vec![shard], &accounts)
}

/// Payments within one shard.
const fn kind(payments: Payments) -> Kind {
    Kind {
        payments,
        shards: 1,
        cross: 0,
        all_votes: false,
    }
}

fn sign(book: &mut Book, length: usize) {
    let until = CREATED.plus_ms(30_000);
    let signed = book.sign(length, until, &AtomicBool::new(false));
    signed.expect("the payments can be made");
}

/// Whether a block of the next payment of each chain commits all of them.
#[track_caller]
fn commits(ledger: &mut Ledger, book: &mut Book) {
    let payments = book.chains.iter_mut().filter_map(|chain| chain.pop());
    let authorized: Vec<Authorized> = payments
        .map(|payment| {
            let formed = payment.transaction.check_form(ledger.network());
            let formed = formed.expect("it is well-formed");
            assert_eq!(formed.id(), payment.id);
            formed.verify(&mut Zip215).expect("it is signed")
        })
        .collect();
    let entries = authorized
        .iter()
        .map(|one| Entry::Prepare(one.transaction().clone()));
    let payload = encode_entries(&entries.collect::<Vec<_>>());
    let parent: BlockRef = ledger.tip.block;
    let header = Header {
        scope: ledger.scope,
        slot: Slot::new(parent.slot.number() + 1),
        parent,
        height: ledger.tip.height.next(),
        time: ledger.tip.time.plus_ms(1),
        payload: payload_hash(&payload),
    };
    let block = Block { header, payload };
    let actions: Vec<Action> = authorized.into_iter().map(Action::Prepare).collect();
    let applied = ledger.apply(&block, &actions, &system_contracts::checkers());
    let outcomes: Vec<Outcome> = applied
        .results
        .iter()
        .map(|result| result.outcome)
        .collect();
    assert_eq!(outcomes, vec![Outcome::Committed; book.chains.len()]);
}

#[test]
fn chains_that_were_signed_in_advance_commit_payment_by_payment() {
    let genesis = document(3);
    for (payments, new_accounts) in [(Payments::WithChange, 3), (Payments::WholeBalance, 0)] {
        let mut ledger = Ledger::genesis(&genesis, SHARD);
        let mut book = Book::open(&genesis, kind(payments));
        assert_eq!(book.chains.len(), 3);
        sign(&mut book, 4);
        for _ in 0..4 {
            let before = ledger.state.objects.len();
            commits(&mut ledger, &mut book);
            assert_eq!(
                ledger.state.objects.len(),
                before + new_accounts,
                "{payments:?}"
            );
        }
        assert!(book.chains[0].pop().is_none());
    }
}

#[test]
fn a_chain_goes_on_from_the_last_payment_that_was_sent() {
    let genesis = document(2);
    for payments in [Payments::WithChange, Payments::WholeBalance] {
        let mut ledger = Ledger::genesis(&genesis, SHARD);
        let mut book = Book::open(&genesis, kind(payments));
        sign(&mut book, 5);
        commits(&mut ledger, &mut book);
        sign(&mut book, 2);
        commits(&mut ledger, &mut book);
    }
}

#[test]
fn signing_ends_when_it_is_told_to() {
    let mut book = Book::open(&document(2), kind(Payments::WithChange));
    let signed = book.sign(1, CREATED, &AtomicBool::new(true));
    assert!(matches!(signed, Err(BenchError::Interrupted)));
}
