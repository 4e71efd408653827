use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use consensus::replica::{Input, Output};
use consensus::{Ledger, Record, Replica};
use model::api::owner_label;
use model::{Head, HeadCertificate, Height, NodeId, ObjectId, TransactionId, TransactionResult};
use proptest::prelude::*;

use super::testing::{Disk, TablesFile};
use super::{Setup, Start, State, Store, StoreError};
use crate::labels::SystemLabels;
use crate::testing::{
    MEMBERS, PEOPLE, SHARD, Shard, account_of, genesis, member_key, node, nothing_open, payment,
    person, seat, setup,
};

/// The disk of the node on seat 0.
#[derive(Clone, Default)]
struct Machine {
    log: Arc<Disk>,
    tables: TablesFile,
}

impl Machine {
    fn open_as(&self, node: NodeId) -> Result<(Store, Start), StoreError> {
        let setup = Setup {
            genesis: &genesis(),
            shard: SHARD,
            node,
            labels: Arc::new(SystemLabels),
        };
        Store::open(Arc::clone(&self.log) as _, self.tables.clone(), setup)
    }

    /// Opens the store and gets the replica back.
    fn start(&self) -> (Store, Replica) {
        let (mut store, start) = self.open_as(node(0)).unwrap();
        let mut replica = Replica::new(setup(0), start.ledger);
        store
            .recover(&mut replica, start.open, start.position)
            .unwrap();
        (store, replica)
    }
}

/// What the replica on seat 0 has put out, in plain maps: what a store must know.
#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    objects: BTreeMap<ObjectId, Arc<model::Object>>,
    blocks: BTreeMap<
        Height,
        (
            model::Block,
            Option<model::Certificate>,
            Head,
            Vec<TransactionResult>,
        ),
    >,
    heads: BTreeMap<Height, HeadCertificate>,
    transactions: BTreeMap<TransactionId, (Height, u32)>,
}

impl Known {
    fn new() -> Self {
        Self {
            objects: genesis().objects_of(SHARD),
            ..Self::default()
        }
    }

    fn take(&mut self, output: &Output) {
        match output {
            Output::Applied(block) => {
                let applied = &block.applied;
                self.objects
                    .retain(|id, _| !applied.consumed.contains_key(id));
                self.objects.extend(applied.created.clone());
                let height = applied.head.height;
                for (index, result) in applied.results.iter().enumerate() {
                    let place = (height, index as u32);
                    self.transactions.insert(result.transaction, place);
                }
                let row = (
                    (*block.block).clone(),
                    block.certificate.clone(),
                    applied.head.clone(),
                    applied.results.clone(),
                );
                self.blocks.insert(height, row);
            }
            Output::HeadCertified(head) => {
                self.heads.insert(head.head.height, head.clone());
            }
            _ => {}
        }
    }

    /// Compares with everything that a store shows to readers.
    fn check(&self, store: &Store) {
        let state = store.state();
        for (id, object) in &self.objects {
            let found = state.object(id).unwrap();
            assert_eq!(found, Some((Arc::clone(object), state.tip().height)));
        }
        for (height, (block, certificate, head, results)) in &self.blocks {
            let row = state.block(*height).unwrap().expect("the block is known");
            let kept = match store.reader().read(row.position).unwrap() {
                Record::Proposal(proposal) => proposal.block,
                Record::Block(block) => block,
                other => panic!("not a block: {other:?}"),
            };
            assert_eq!((&kept, &row.head, &row.results), (block, head, results));
            assert_eq!(&row.certificate, certificate, "at {height}");
        }
        for (height, head) in &self.heads {
            assert_eq!(state.head(*height).unwrap().as_ref(), Some(head));
        }
        for (id, (height, index)) in &self.transactions {
            let place = state.place(id).unwrap().expect("the transaction is known");
            assert_eq!((&place.height, &place.index), (height, index));
        }
        let last = self
            .blocks
            .keys()
            .next_back()
            .copied()
            .unwrap_or(Height::ZERO);
        assert_eq!(state.tip().height, last);
        let certified = self
            .heads
            .keys()
            .next_back()
            .copied()
            .unwrap_or(Height::ZERO);
        assert_eq!(state.certified(), certified);
        self.check_labels(&state);
    }

    fn check_labels(&self, state: &State) {
        for number in 0..PEOPLE {
            let label = owner_label(&person(number).public());
            let mut expected: BTreeSet<ObjectId> = BTreeSet::new();
            for (id, object) in &self.objects {
                if crate::labels::Labels::labels(&SystemLabels, object).contains(&label) {
                    expected.insert(*id);
                }
            }
            for count in [1, 3, 1_000] {
                assert_eq!(pages(state, label, count), expected, "pages of {count}");
            }
        }
    }
}

/// All objects with a label, read in pages.
fn pages(state: &State, label: model::Hash, count: usize) -> BTreeSet<ObjectId> {
    let mut found = BTreeSet::new();
    let mut after = None;
    loop {
        let page = state.labelled(label, after, count).unwrap();
        assert!(page.objects.len() <= count);
        assert_eq!(page.height, state.tip().height);
        let ids: Vec<ObjectId> = page.objects.iter().map(model::Object::id).collect();
        assert!(ids.is_sorted());
        found.extend(&ids);
        after = ids.last().copied();
        if !page.more {
            return found;
        }
        assert!(
            !ids.is_empty(),
            "a page that promises more brings something"
        );
    }
}

/// A shard of which the node on seat 0 keeps what it must on a machine.
struct Run {
    shard: Shard,
    machine: Machine,
    store: Option<Store>,
    known: Known,
    nonce: u64,
}

impl Run {
    fn new() -> Self {
        let machine = Machine::default();
        let (store, _) = machine.start();
        let mut run = Self {
            shard: Shard::new(),
            machine,
            store: Some(store),
            known: Known::new(),
            nonce: 0,
        };
        run.keep();
        run
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().expect("the node is up")
    }

    /// Does with the outputs of seat 0 what a node does.
    fn keep(&mut self) {
        for output in std::mem::take(&mut self.shard.outputs[0]) {
            self.known.take(&output);
            match output {
                Output::Persist(record) => {
                    let promise = record.is_promise();
                    self.store().append([record].iter()).unwrap();
                    if promise {
                        self.store().sync().unwrap();
                    }
                }
                Output::Applied(block) => self.store().applied(&block),
                Output::HeadCertified(head) => self.store().certified(head),
                Output::Halt(contradiction) => panic!("{contradiction}"),
                _ => {}
            }
        }
    }

    fn advance(&mut self, steps: usize) {
        for _ in 0..steps {
            self.shard.advance();
            self.keep();
        }
    }

    fn pay(&mut self, from: u8, to: u8, amount: u64) -> TransactionId {
        self.nonce += 1;
        let until = self.shard.now.plus_ms(30_000);
        let account = account_of(self.shard.ledger(), from);
        let transaction = payment(&account, from, to, amount, self.nonce, until);
        let transaction = transaction.check_form(&genesis().network()).unwrap();
        let id = transaction.id();
        for number in 0..MEMBERS {
            let submitted = vec![transaction.clone().trust()];
            self.shard.input(number, Input::Submitted(submitted));
        }
        self.keep();
        id
    }

    /// Writes the tables, or only begins to.
    fn flush(&mut self, commit: bool) {
        let replica = self.shard.replicas[0].as_ref().expect("it is up");
        let open = replica.open();
        let flush = self.store().flush(open).unwrap();
        if commit {
            flush.commit().unwrap();
        } else {
            // The process is killed before the tables are written.
            drop(flush);
            self.restart();
        }
    }

    /// Kills the process and starts it again.
    fn restart(&mut self) {
        let before = self.shard.replicas[0].take().expect("it is up");
        self.store = None;
        let (store, replica) = self.machine.start();
        assert_eq!(replica.ledger(), before.ledger());
        assert_eq!(
            sorted(replica.open().records),
            sorted(before.open().records)
        );
        self.known.check(&store);
        self.store = Some(store);
        self.shard.replicas[0] = Some(replica);
        self.shard.start(0);
        self.keep();
    }
}

fn sorted(mut records: Vec<Record>) -> Vec<Vec<u8>> {
    let mut encoded: Vec<_> = records
        .drain(..)
        .map(|r| model::encoding::encode(&r))
        .collect();
    encoded.sort();
    encoded
}

#[test]
fn an_empty_store_shows_what_genesis_says() {
    let mut run = Run::new();
    let known = run.known.clone();
    known.check(run.store());
    run.flush(true);
    known.check(run.store());
    run.restart();
}

#[test]
fn a_store_that_was_never_flushed_is_replayed_from_genesis() {
    let mut run = Run::new();
    for amount in 1..=5 {
        run.pay(0, 1, amount);
        run.advance(200);
    }
    assert!(run.known.blocks.len() >= 5);
    run.restart();
    // And one whose tables are lost.
    run.flush(true);
    run.machine.tables = TablesFile::default();
    run.restart();
    run.pay(1, 2, 10);
    run.advance(300);
    run.restart();
}

#[test]
fn what_clients_ask_for_is_there_before_and_after_a_flush() {
    let mut run = Run::new();
    let id = run.pay(2, 3, 100);
    run.advance(300);
    for _ in 0..2 {
        let known = run.known.clone();
        assert!(known.transactions.contains_key(&id));
        known.check(run.store());
        run.flush(true);
    }
}

/// The votes of a member for two blocks of one slot.
fn lie() -> model::Malpractice {
    let genesis = genesis();
    let committee = genesis.committee(SHARD).unwrap().unwrap();
    let signed = |block| {
        let vote = model::statement::Vote::Notarize(model::Hash::from_bytes([block; 32]));
        let statement = model::Statement::Vote {
            slot: model::Slot::new(7),
            vote,
        };
        let bytes = statement.signing_bytes(committee.scope());
        (statement, member_key(1).sign(&bytes))
    };
    model::Malpractice {
        node: node(1),
        lie: model::Lie::Statements {
            scope: *committee.scope(),
            first: signed(1),
            second: signed(2),
        },
    }
}

#[test]
fn the_proof_of_a_lie_outlives_restarts_and_its_place_in_the_log() {
    let machine = Machine::default();
    let (mut store, replica) = machine.start();
    let record = Record::Malpractice(lie());
    for _ in 0..2 {
        store.append([&record].into_iter()).unwrap();
    }
    let shown = |store: &Store| store.state().evidence(0).exhibits;
    let kept = shown(&store);
    assert_eq!(
        kept.iter().map(|kept| &kept.record).collect::<Vec<_>>(),
        [&lie()]
    );
    drop(store);
    let (mut store, _) = machine.start();
    assert_eq!(shown(&store), kept, "replayed");
    store.flush(replica.open()).unwrap().commit().unwrap();
    drop(store);
    let (store, start) = machine.open_as(node(0)).unwrap();
    assert_eq!(start.position, store.log.end(), "nothing is replayed");
    assert_eq!(shown(&store), kept, "from the tables");
}

#[test]
fn a_store_of_another_node_network_or_shard_is_refused() {
    let machine = Machine::default();
    drop(machine.open_as(node(0)).unwrap());
    match machine.open_as(node(1)).map(|_| ()) {
        Err(error @ StoreError::OtherNode { .. }) => {
            let text = error.to_string();
            assert!(text.contains(&node(0).to_string()) && text.contains(&node(1).to_string()));
        }
        other => panic!("{other:?}"),
    }
    let mut other = genesis();
    other.name = "another".to_owned();
    let setup = |shard| Setup {
        genesis: &other,
        shard,
        node: node(0),
        labels: Arc::new(SystemLabels),
    };
    let refused = Store::open(
        machine.log.clone() as _,
        machine.tables.clone(),
        setup(SHARD),
    );
    match refused.map(|_| ()) {
        Err(error @ StoreError::OtherNetwork { .. }) => {
            let text = error.to_string();
            assert!(text.contains(&other.network().to_string()));
            assert!(text.contains(&genesis().network().to_string()));
        }
        other => panic!("{other:?}"),
    }
    let machine = Machine::default();
    let opened = Store::open(
        machine.log.clone() as _,
        machine.tables.clone(),
        setup(SHARD),
    );
    let (mut store, _) = opened.unwrap();
    let record = Record::Reserved(model::Slot::new(1));
    store.append([record].iter()).unwrap();
    drop(store);
    let shard = model::ShardId::new(7);
    let refused = Store::open(machine.log as _, machine.tables, setup(shard));
    assert!(matches!(
        refused.map(|_| ()),
        Err(StoreError::OtherShard { .. })
    ));
}

#[test]
fn tables_without_their_log_are_refused() {
    let mut run = Run::new();
    run.pay(0, 1, 1);
    run.advance(300);
    run.flush(true);
    run.store = None;
    run.machine.log.remove(1);
    let refused = run.machine.open_as(node(0)).map(|_| ());
    assert!(matches!(refused, Err(StoreError::Log(_))), "{refused:?}");
}

#[test]
fn a_full_disk_stops_the_store_and_loses_nothing_that_was_synced() {
    let mut run = Run::new();
    run.pay(0, 1, 1);
    run.advance(300);
    let (ledger, known) = (run.shard.ledger().clone(), run.known.clone());
    run.machine.log.fill_after(10);
    let vote = super::testing::vote(1_000);
    let refused = run.store().append([vote].iter());
    assert!(matches!(refused, Err(StoreError::Log(_))));
    assert!(matches!(run.store().sync(), Err(StoreError::Log(_))));
    run.store = None;
    run.machine.log.crash(usize::MAX);
    let (store, replica) = run.machine.start();
    assert_eq!(replica.ledger(), &ledger);
    known.check(&store);
}

#[test]
fn two_processes_do_not_share_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let first = super::Directory::open(directory.path()).unwrap();
    match super::Directory::open(directory.path()).map(|_| ()) {
        Err(StoreError::InUse { directory: named }) => {
            assert_eq!(named, directory.path().display().to_string());
        }
        other => panic!("{other:?}"),
    }
    drop(first);
    super::Directory::open(directory.path()).unwrap();
}

#[test]
fn a_node_is_bound_to_a_shard_once_it_has_something_of_it() {
    let path = tempfile::tempdir().unwrap();
    let (genesis, other) = (genesis(), model::ShardId::new(7));
    let directory = super::Directory::open(path.path()).unwrap();
    let left = || {
        let left = directory.left(genesis.network(), node(0)).unwrap();
        left.map(|(shard, _)| shard)
    };
    let open = |shard| {
        directory.store(Setup {
            genesis: &genesis,
            shard,
            node: node(0),
            labels: Arc::new(SystemLabels),
        })
    };
    let is_refused = |shard| {
        let refused = open(shard).map(|_| ());
        matches!(refused, Err(StoreError::OtherShard { .. }))
    };
    assert_eq!(left(), None);
    // The process is killed before anything is written.
    drop(open(SHARD).unwrap());
    assert_eq!(left(), None);
    let (mut store, start) = open(other).unwrap();
    assert_eq!((start.is_new, start.ledger.scope.shard), (true, other));
    let record = Record::Reserved(model::Slot::new(1));
    store.append([record].iter()).unwrap();
    drop(store);
    assert_eq!(left(), Some(other));
    assert!(is_refused(SHARD) && !is_refused(other));
}

#[test]
fn tables_that_were_written_bind_a_node_to_their_shard_without_any_log() {
    let machine = Machine::default();
    let (mut store, _) = machine.open_as(node(0)).unwrap();
    let flush = store.flush(nothing_open()).unwrap();
    flush.commit().unwrap();
    assert!(store.is_blank());
    drop(store);
    let genesis = genesis();
    let elsewhere = Setup {
        genesis: &genesis,
        shard: model::ShardId::new(7),
        node: node(0),
        labels: Arc::new(SystemLabels),
    };
    let refused = Store::open(machine.log as _, machine.tables, elsewhere).map(|_| ());
    assert!(matches!(refused, Err(StoreError::OtherShard { .. })));
}

#[test]
fn a_directory_keeps_a_store() {
    let path = tempfile::tempdir().unwrap();
    let setup = || Setup {
        genesis: Box::leak(Box::new(genesis())),
        shard: SHARD,
        node: node(0),
        labels: Arc::new(SystemLabels),
    };
    for count in 0..3 {
        let directory = super::Directory::open(path.path()).unwrap();
        let (mut store, start) = directory.store(setup()).unwrap();
        let mut found = 0;
        let replay = store.reader().replay_from(start.position, |_, _| {
            found += 1;
            Ok::<(), StoreError>(())
        });
        replay.unwrap();
        assert_eq!(found, count);
        let record = Record::Reserved(model::Slot::new(count));
        store.append([record].iter()).unwrap();
        store.sync().unwrap();
    }
}

/// One thing that happens to a node.
#[derive(Clone, Debug)]
enum Event {
    Pay(u8, u8, u64),
    Advance(usize),
    Flush,
    FlushTorn,
    Restart,
    LinkUp(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..PEOPLE, 0..PEOPLE, 1_u64..20).prop_map(|(a, b, n)| Event::Pay(a, b, n)),
        6 => (1_usize..60).prop_map(Event::Advance),
        1 => Just(Event::Flush),
        1 => Just(Event::FlushTorn),
        1 => Just(Event::Restart),
        1 => (1..MEMBERS).prop_map(Event::LinkUp),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn flushes_and_restarts_at_any_moment_give_what_a_straight_run_gives(
        events in prop::collection::vec(event(), 1..60),
    ) {
        let mut run = Run::new();
        for event in events {
            match event {
                Event::Pay(from, to, amount) => drop(run.pay(from, to, amount)),
                Event::Advance(steps) => run.advance(steps),
                Event::Flush => run.flush(true),
                Event::FlushTorn => run.flush(false),
                Event::Restart => run.restart(),
                Event::LinkUp(from) => {
                    run.shard.input(0, Input::LinkUp(seat(from)));
                    run.keep();
                }
            }
        }
        let known = run.known.clone();
        known.check(run.store());
        run.restart();
        let fresh = Ledger::genesis(&genesis(), SHARD);
        prop_assert_eq!(run.shard.ledger().scope, fresh.scope);
    }
}
