//! Tests of payments that are made in advance.

use std::sync::atomic::AtomicBool;

use client::keys::{LOCAL_NAMES, local_secret};
use consensus::{Action, Ledger};
use model::block::{BlockRef, Header, encode_entries, payload_hash};
use model::genesis::GenesisShard;
use model::key::Zip215;
use model::transaction::Authorized;
use model::{
    Block, Entry, Genesis, NodeDescriptor, Outcome, PublicKey, SecretKey, ShardId, Slot, Time,
};
use system_contracts::genesis::genesis;

use super::{BenchError, Book, Kind, Payments};

const SHARD: ShardId = ShardId::new(0);
const CREATED: Time = Time::from_ms(1_000);

fn document(accounts: usize) -> Genesis {
    of_owners(Book::owners(accounts, kind(Payments::WithChange)))
}

/// Four shards, of which tests that cross nothing use the first.
fn of_owners(owners: Vec<(PublicKey, ShardId, u64)>) -> Genesis {
    let member = |index: u32| NodeDescriptor {
        name: format!("n{index}"),
        node: model::NodeId::new(SecretKey::from_seed([index as u8; 32]).public()),
        addresses: Vec::new(),
    };
    let shard = |shard: u32| GenesisShard {
        shard: ShardId::new(shard),
        members: (0..4).map(|seat| member(4 * shard + seat)).collect(),
    };
    let named = LOCAL_NAMES.map(|name| (local_secret(name).public(), SHARD, 5));
    let accounts: Vec<_> = named.into_iter().chain(owners).collect();
    let shards = (0..4).map(shard).collect();
    genesis("local-test", CREATED, shards, &accounts)
}

/// Payments within one shard.
const fn kind(payments: Payments) -> Kind {
    Kind {
        payments,
        inputs: 1,
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
            let formed = payment.ready.transaction.check_form(ledger.network());
            let formed = formed.expect("it is well-formed");
            assert_eq!(formed.id(), payment.ready.id);
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

#[test]
fn payments_of_several_inputs_spend_as_many_accounts_of_one_owner_each_time() {
    for payments in [Payments::WithChange, Payments::WholeBalance] {
        let kind = Kind {
            inputs: 3,
            ..kind(payments)
        };
        let genesis = of_owners(Book::owners(4, kind));
        let mut ledger = Ledger::genesis(&genesis, SHARD);
        let mut book = Book::open(&genesis, kind);
        assert_eq!(book.chains.len(), 4);
        sign(&mut book, 3);
        for _ in 0..3 {
            let before = ledger.state.objects.len();
            commits(&mut ledger, &mut book);
            let more = usize::from(payments == Payments::WithChange) * 4;
            assert_eq!(ledger.state.objects.len(), before + more, "{payments:?}");
        }
    }
}

#[test]
fn several_inputs_are_in_random_shards_unless_nothing_crosses() {
    for (cross, spread) in [(0, 1.0..=1.0), (100, 2.2..=3.9)] {
        let kind = Kind {
            inputs: 4,
            shards: 4,
            cross,
            ..kind(Payments::WholeBalance)
        };
        let mut book = Book::open(&of_owners(Book::owners(40, kind)), kind);
        sign(&mut book, 3);
        while book.chains.iter_mut().any(|chain| chain.pop().is_some()) {}
        let concerned = book.concerned();
        assert!(spread.contains(&concerned), "{cross}: {concerned}");
    }
}
