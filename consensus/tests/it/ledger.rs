//! The ledger: each transaction is decided once, in time, and all that it does is in the block's head.

use std::collections::BTreeMap;
use std::sync::Arc;

use consensus::ledger::{Applied, Decided, Role};
use consensus::{Ledger, message::entries_of_final};
use model::active_set::ActiveSet;
use model::bounds::VALIDITY_MS_MAX;
use model::result::results_tree;
use model::{
    AbortReason, Block, Hash, Invalid, Object, ObjectId, Outcome, ShardId, Time, Transaction,
    TransactionId,
};

use crate::network::clock;
use crate::world::{CREATED, Place, World};

/// A ledger and the blocks that it has applied.
struct Chain {
    world: World,
    ledger: Ledger,
    place: Place,
}

impl Chain {
    fn new() -> Self {
        let world = World::new(4, 4);
        Self {
            ledger: world.ledger(),
            place: world.root(),
            world,
        }
    }

    fn block(&self, time: Time, transactions: &[Transaction]) -> Block {
        let slot = self.place.height.number() + 1;
        self.world.block_at(slot, self.place, time, transactions)
    }

    /// Applies a block of these transactions at so many milliseconds after the beginning.
    fn apply(&mut self, ms: u64, transactions: &[Transaction]) -> Applied {
        let block = self.block(clock(ms), transactions);
        let entries = entries_of_final(&block, &self.world.shards).expect("well-formed");
        self.place = Place::of(&block);
        self.ledger.apply(&block, &entries, &self.world.checkers())
    }

    fn is_open(&self, ms: u64, transaction: &Transaction) -> bool {
        let authorized = self.world.authorized(transaction);
        self.ledger.is_open(&authorized, clock(ms))
    }
}

fn outcomes(applied: &Applied) -> Vec<(TransactionId, Outcome)> {
    let results = applied.results.iter();
    results
        .map(|result| (result.transaction, result.outcome))
        .collect()
}

/// The transactions whose records a block dropped.
fn forgotten(applied: &Applied) -> Vec<TransactionId> {
    let records = applied.decided.iter();
    let dropped = records.filter(|(_, record)| record.is_none());
    dropped.map(|(id, _)| *id).collect()
}

fn committed(transaction: &Transaction) -> (TransactionId, Outcome) {
    (transaction.body.id(), Outcome::Committed)
}

/// The objects that a transaction of one trace creates.
fn created(transaction: &Transaction) -> Vec<Object> {
    let trace = &transaction.body.traces[0];
    trace.objects(trace.id(&transaction.body.network)).collect()
}

#[test]
fn d11_prepare_decision_and_acceptance_are_one_entry() {
    let mut chain = Chain::new();
    let gift = chain.world.gift_of(0);
    let thing = chain.world.things()[0].id();
    let new = created(&gift)[0].clone();
    let applied = chain.apply(1, std::slice::from_ref(&gift));
    assert_eq!(outcomes(&applied), [committed(&gift)]);
    assert_eq!(chain.ledger.active(&thing), None);
    assert_eq!(chain.ledger.active(&new.id()).as_deref(), Some(&new));
    assert!(applied.consumed.keys().eq([&thing]));
    assert!(applied.created.keys().eq([&new.id()]));
    let concluded = (chain.world.authorized(&gift), applied.head.height);
    assert_eq!(applied.concluded, [concluded]);
}

#[test]
fn the_head_commits_to_the_chain_the_block_and_the_results() {
    let mut chain = Chain::new();
    let before = chain.ledger.tip.head;
    let block = chain.block(clock(1), &[chain.world.gift_of(0)]);
    let applied = chain.apply(1, &[chain.world.gift_of(0)]);
    let head = &applied.head;
    assert_eq!(head.previous, before);
    assert_eq!(
        (head.block, head.height),
        (block.hash(), block.header.height)
    );
    assert_eq!((head.time, head.scope), (clock(1), chain.world.scope()));
    assert_eq!(head.results, results_tree(&applied.results).root());
    let tip = chain.ledger.tip;
    assert_eq!(
        (tip.head, tip.block, tip.time),
        (head.hash(), block.name(), clock(1))
    );
    assert_eq!(chain.apply(2, &[]).head.previous, head.hash());
}

#[test]
fn d3_a_transaction_is_decided_at_most_once_ever() {
    let mut chain = Chain::new();
    let gift = chain.world.gift(&chain.world.things()[0], 0, 1_000);
    let twice = [gift.clone(), gift.clone()];
    assert_eq!(outcomes(&chain.apply(1, &twice)), [committed(&gift)]);
    for ms in [2, 1_000, 1_001, 100_000] {
        assert!(!chain.is_open(ms, &gift));
        let applied = chain.apply(ms, &twice);
        assert_eq!(outcomes(&applied), [], "at {ms} ms");
        assert_eq!(applied.head.results, results_tree(&[]).root());
    }
}

#[test]
fn d3_an_aborted_transaction_is_decided_as_well() {
    let mut chain = Chain::new();
    let things = chain.world.things();
    let first = chain.world.gift(&things[0], 1, 1_000);
    let second = chain.world.gift(&things[0], 2, 1_000);
    chain.apply(1, std::slice::from_ref(&first));
    let applied = chain.apply(2, std::slice::from_ref(&second));
    let trace = second.body.traces[0].id(&second.body.network);
    let object = things[0].id();
    let invalid = Invalid::NotActive { trace, object };
    let aborted = Outcome::Aborted(AbortReason::Invalid(invalid));
    assert_eq!(outcomes(&applied), [(second.body.id(), aborted)]);
    assert!(!chain.is_open(3, &second));
    assert_eq!(outcomes(&chain.apply(3, &[second])), []);
}

#[test]
fn an_aborted_transaction_changes_nothing() {
    let mut chain = Chain::new();
    let mut unsigned = chain.world.gift_of(0);
    unsigned.authorizations.clear();
    let before = chain.ledger.state.objects.clone();
    let applied = chain.apply(1, &[unsigned]);
    assert!(matches!(
        applied.results[0].outcome,
        Outcome::Aborted(AbortReason::Invalid(Invalid::CheckerRefused { .. }))
    ));
    assert_eq!(chain.ledger.state.objects, before);
    assert!(applied.consumed.is_empty() && applied.created.is_empty());
}

#[test]
fn of_two_that_consume_one_object_in_one_block_the_first_commits() {
    let mut chain = Chain::new();
    let things = chain.world.things();
    let first = chain.world.gift(&things[0], 1, 1_000);
    let second = chain.world.gift(&things[0], 2, 1_000);
    let applied = chain.apply(1, &[second.clone(), first.clone()]);
    assert_eq!(outcomes(&applied)[0], committed(&second));
    assert!(matches!(applied.results[1].outcome, Outcome::Aborted(_)));
    assert_eq!(chain.ledger.state.objects.len(), things.len());
}

#[test]
fn an_object_made_and_used_in_one_block_is_neither_consumed_nor_created_by_it() {
    let mut chain = Chain::new();
    let gift = chain.world.gift_of(0);
    let thing = created(&gift)[0].clone();
    // Person 2 owns it now; person 1 gives it on in vain, person 2 is not asked.
    let next = chain.world.gift(&thing, 1, 1_000);
    let mut signed = next.clone();
    let id = next.body.id();
    signed.authorizations = vec![model::Authorization::new(&crate::world::person(2), &id)];
    let applied = chain.apply(1, &[gift, signed.clone()]);
    assert_eq!(outcomes(&applied)[1], committed(&signed));
    let last = created(&signed)[0].id();
    let ids: Vec<ObjectId> = applied.created.keys().copied().collect();
    assert_eq!(ids, [last]);
    let consumed = chain.world.things()[0].clone();
    assert_eq!(
        applied.consumed,
        BTreeMap::from([(consumed.id(), Arc::new(consumed))])
    );
    assert_eq!(chain.ledger.active(&thing.id()), None);
}

/// Whether a block at a time decides a transaction with a deadline, both in milliseconds after the
/// beginning.
fn decides(ms: u64, valid_ms: u64) -> bool {
    let mut chain = Chain::new();
    let gift = chain.world.gift(&chain.world.things()[0], 0, valid_ms);
    let open = chain.is_open(ms, &gift);
    let decided = !chain
        .apply(ms, std::slice::from_ref(&gift))
        .results
        .is_empty();
    assert_eq!(
        open, decided,
        "a block at {ms} ms, a deadline at {valid_ms} ms"
    );
    assert_eq!(
        chain.ledger.state.decided.contains_key(&gift.body.id()),
        decided
    );
    decided
}

#[test]
fn d3_deadlines_at_their_edges() {
    let last = 500;
    assert!(decides(last, last), "the deadline is the last moment");
    assert!(!decides(last + 1, last), "a late one is ignored");
    let first = 7;
    assert!(decides(first, first + VALIDITY_MS_MAX));
    assert!(
        !decides(first, first + VALIDITY_MS_MAX + 1),
        "one too far ahead is ignored"
    );
    assert!(!decides(first, u64::MAX - CREATED.as_ms()));
}

#[test]
fn one_too_early_is_decided_later() {
    let mut chain = Chain::new();
    let gift = chain
        .world
        .gift(&chain.world.things()[0], 0, VALIDITY_MS_MAX + 10);
    assert_eq!(outcomes(&chain.apply(9, std::slice::from_ref(&gift))), []);
    assert_eq!(
        outcomes(&chain.apply(10, std::slice::from_ref(&gift))),
        [committed(&gift)]
    );
}

#[test]
fn d14_records_are_forgotten_when_their_deadlines_are_over() {
    let mut chain = Chain::new();
    let things = chain.world.things();
    let early = chain.world.gift(&things[0], 0, 100);
    let late = chain.world.gift(&things[1], 0, 200);
    chain.apply(1, &[late.clone(), early.clone()]);
    let (early, late) = (early.body.id(), late.body.id());
    let height = chain.ledger.tip.height;
    let record = |ms| Decided {
        valid_until: clock(ms),
        height,
        committed: true,
        role: Role::Alone,
        answered: clock(1),
    };
    assert!(
        chain
            .ledger
            .state
            .decided
            .iter()
            .map(|(id, record)| (*id, *record))
            .eq(std::collections::BTreeMap::from([
                (early, record(100)),
                (late, record(200))
            ]))
    );
    assert_eq!(
        forgotten(&chain.apply(100, &[])),
        [],
        "its deadline is not over"
    );
    assert_eq!(forgotten(&chain.apply(101, &[])), [early]);
    assert_eq!(forgotten(&chain.apply(500, &[])), [late]);
    assert!(chain.ledger.state.decided.is_empty());
}

#[test]
fn what_was_restored_forgets_as_what_was_lived() {
    let mut chain = Chain::new();
    chain.apply(1, &[chain.world.gift_of(0), chain.world.gift_of(1)]);
    let Ledger {
        scope, tip, state, ..
    } = chain.ledger.clone();
    let policy = Arc::new(chain.world.genesis.policy());
    let mut restored = Ledger::restore(scope, tip, policy, state);
    assert_eq!(restored, chain.ledger);
    let block = chain.block(clock(40_000), &[]);
    let lived = chain.apply(40_000, &[]);
    assert_eq!(restored.apply(&block, &[], &chain.world.checkers()), lived);
    assert_eq!(restored, chain.ledger);
    assert_eq!(forgotten(&lived).len(), 2);
}

#[test]
fn an_output_in_a_shard_that_the_contract_does_not_trust_aborts_the_transaction() {
    let mut chain = Chain::new();
    let things = chain.world.things();
    let mut trace = chain.world.gift_of(0).body.traces[0].clone();
    let (contract, home) = (trace.contract, ShardId::new(1));
    trace.outputs[0].home = home;
    let openings = std::slice::from_ref(&things[0]);
    let abroad = chain
        .world
        .transaction(vec![trace], openings, 0, clock(1_000));
    assert_eq!(abroad.body.participants, [ShardId::new(0), home]);
    let before = chain.ledger.state.objects.clone();
    let reason = AbortReason::Home { contract, home };
    let aborted = (abroad.body.id(), Outcome::Aborted(reason));
    assert_eq!(outcomes(&chain.apply(1, &[abroad])), [aborted]);
    assert_eq!(chain.ledger.state.objects, before);
}

#[test]
fn only_keys_that_signed_count_and_whoever_carries_a_transaction_can_strip_it() {
    // Signatures are beside the body, so a transaction without them has the same identifier and is
    // decided, for ever, as one that its owner did not agree to. An identifier that covered the keys
    // that must sign would make the stripped one malformed.
    let mut chain = Chain::new();
    let gift = chain.world.gift_of(0);
    let mut stripped = gift.clone();
    stripped.authorizations.clear();
    assert_eq!(stripped.body.id(), gift.body.id());
    assert!(matches!(
        chain.apply(1, &[stripped]).results[0].outcome,
        Outcome::Aborted(_)
    ));
    assert!(!chain.is_open(2, &gift));
}

#[test]
#[should_panic(expected = "blocks are applied in order")]
fn a_block_on_another_parent_is_our_own_mistake() {
    let mut chain = Chain::new();
    chain.place.name.hash = Hash::ZERO;
    chain.apply(1, &[]);
}

#[test]
#[should_panic(expected = "block time goes forward")]
fn a_block_that_is_not_later_is_our_own_mistake() {
    Chain::new().apply(0, &[]);
}
