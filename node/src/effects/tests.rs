use std::sync::{Arc, Mutex};

use bytes::Bytes;
use consensus::message::{BlocksRequest, Status};
use consensus::replica::{Contradiction, Open, Output};
use consensus::{Message, Record};
use model::shard::Seat;
use model::{EpochChange, Height, ShardId, Slot};
use tokio::sync::mpsc;

use super::{Effects, Links, Turn};
use crate::error::Fatal;
use crate::flusher::Flusher;
use crate::gauges::Gauges;
use crate::labels::SystemLabels;
use crate::stop::Stopper;
use crate::store::log::LogError;
use crate::store::testing::{Disk, TablesFile, vote};
use crate::store::{self, Store, StoreError};
use crate::testing::{SHARD, genesis, node, nothing_open};
use crate::waiters::Waiters;

/// What left the node, and whether all that was written was durable then.
type Sent = Arc<Mutex<Vec<(Slot, bool)>>>;

/// Links that only remember.
struct Remembering {
    disk: Arc<Disk>,
    sent: Sent,
}

impl Links for Remembering {
    fn send(&self, _: Seat, frame: Bytes) {
        self.broadcast(frame);
    }

    fn broadcast(&self, frame: Bytes) {
        let Ok((_, Message::Status(status))) = Message::decode_in(&frame) else {
            panic!("these tests send statuses only");
        };
        let durable = self.disk.is_durable();
        self.sent.lock().unwrap().push((status.frontier, durable));
    }

    fn tell(&self, _: ShardId, _: Option<Seat>, _: Bytes) {}

    fn entered(&mut self, _: &Arc<EpochChange>) {}

    fn fetch(&self, _: Seat, _: BlocksRequest) {}
}

/// What a replica holds beyond its ledger: these records.
fn open_with(records: Vec<Record>) -> Open {
    Open {
        records,
        ..nothing_open()
    }
}

/// A message that is told from others by its number.
fn message(number: u64) -> Arc<Message> {
    Arc::new(Message::Status(Status {
        finalization: None,
        frontier: Slot::new(number),
        certified: Height::ZERO,
    }))
}

fn broadcast(number: u64) -> Output {
    Output::Broadcast(message(number))
}

fn persist(record: Record) -> Output {
    Output::Persist(record)
}

/// A record that is no promise.
fn head() -> Record {
    let certificate = model::Certificate {
        statement: model::Statement::Vote {
            slot: Slot::new(1),
            vote: model::Vote::Skip,
        },
        signatures: Vec::new(),
    };
    let record = Record::Certificate(certificate);
    assert!(!record.is_promise());
    record
}

struct Node {
    disk: Arc<Disk>,
    tables: TablesFile,
    sent: Sent,
    effects: Effects<Remembering>,
}

fn open(disk: &Arc<Disk>, tables: &TablesFile) -> (Store, store::Start) {
    let setup = store::Setup {
        genesis: &genesis(),
        shard: SHARD,
        node: node(0),
        labels: Arc::new(SystemLabels),
    };
    Store::open(Arc::clone(disk) as _, tables.clone(), setup).unwrap()
}

fn start() -> Node {
    let (disk, tables) = (Arc::new(Disk::default()), TablesFile::default());
    let (store, _) = open(&disk, &tables);
    let sent = Sent::default();
    let links = Remembering {
        disk: Arc::clone(&disk),
        sent: Arc::clone(&sent),
    };
    let flusher = Flusher::new(Arc::new(Gauges::default()), Stopper::new());
    let waiters = Arc::new(Waiters::new(Height::ZERO, Height::ZERO));
    Node {
        disk,
        tables,
        sent,
        effects: Effects::new(store, links, waiters, flusher, Arc::default()),
    }
}

/// Carries out turns that all wait already, and returns what left and how it ended.
fn run(node: Node, turns: Vec<Vec<Output>>) -> (Vec<(u64, bool)>, Result<(), Fatal>) {
    let turn = |outputs| Turn {
        outputs,
        flush: None,
    };
    run_turns(node, turns.into_iter().map(turn).collect())
}

fn run_turns(node: Node, turns: Vec<Turn>) -> (Vec<(u64, bool)>, Result<(), Fatal>) {
    let (sender, receiver) = mpsc::channel(64);
    for turn in turns {
        sender.try_send(turn).unwrap();
    }
    drop(sender);
    let ended = node.effects.run(receiver);
    let sent = node.sent.lock().unwrap();
    let sent = sent.iter().map(|(slot, durable)| (slot.number(), *durable));
    (sent.collect(), ended)
}

#[test]
fn nothing_leaves_before_the_promise_that_it_rests_on_is_durable() {
    let node = start();
    let turns = vec![
        vec![broadcast(1), persist(vote(1)), broadcast(2)],
        vec![persist(head()), broadcast(3), persist(vote(2))],
        vec![broadcast(4)],
    ];
    let (sent, ended) = run(node, turns);
    ended.unwrap();
    assert_eq!(sent, [(1, true), (2, true), (3, true), (4, true)]);
}

#[test]
fn turns_that_wait_share_one_sync() {
    let node = start();
    let disk = Arc::clone(&node.disk);
    let before = disk.syncs();
    let turns = (0..50)
        .map(|slot| vec![persist(vote(slot)), broadcast(slot)])
        .collect();
    let (sent, ended) = run(node, turns);
    ended.unwrap();
    assert!(sent.iter().map(|(number, _)| *number).eq(0..50));
    assert_eq!(disk.syncs() - before, 1);
}

#[test]
fn what_is_no_promise_is_written_and_not_synced() {
    let node = start();
    let disk = Arc::clone(&node.disk);
    let before = disk.syncs();
    let (sent, ended) = run(node, vec![vec![persist(head()), broadcast(1)]]);
    ended.unwrap();
    assert_eq!(sent, [(1, false)]);
    assert_eq!(disk.syncs(), before);
}

#[test]
fn a_full_disk_ends_the_node_and_nothing_leaves_that_rests_on_it() {
    let node = start();
    node.disk.fill_after(20);
    let turns = vec![vec![broadcast(1), persist(vote(1)), broadcast(2)]];
    let (sent, ended) = run(node, turns);
    assert_eq!(sent, [(1, true)]);
    match ended {
        Err(error @ Fatal::Store(StoreError::Log(LogError::Disk { doing: "write", .. }))) => {
            assert!(error.to_string().contains("segment 1"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_failed_sync_ends_the_node() {
    let node = start();
    node.disk.break_sync();
    let turns = vec![vec![persist(vote(1)), broadcast(1)], vec![broadcast(2)]];
    let (sent, ended) = run(node, turns);
    assert_eq!(sent, []);
    let failed = matches!(
        ended,
        Err(Fatal::Store(StoreError::Log(LogError::Disk {
            doing: "sync",
            ..
        })))
    );
    assert!(failed);
}

#[test]
fn a_contradiction_ends_the_node_after_what_came_before_it() {
    let node = start();
    let disk = Arc::clone(&node.disk);
    let contradiction = Contradiction::SignedHead {
        height: Height::new(7),
    };
    let turns = vec![vec![
        persist(vote(1)),
        broadcast(1),
        Output::Halt(contradiction),
        broadcast(2),
    ]];
    let (sent, ended) = run(node, turns);
    assert_eq!(sent, [(1, true)]);
    assert!(matches!(ended, Err(Fatal::Contradiction(found)) if found == contradiction));
    assert!(disk.is_durable());
}

#[test]
fn a_message_for_several_members_is_encoded_once() {
    let mut node = start();
    let first = message(1);
    let frame = node.effects.encode(Arc::clone(&first));
    assert_eq!(node.effects.encode(first).as_ptr(), frame.as_ptr());
    assert_ne!(node.effects.encode(message(2)), frame);
}

#[test]
fn a_flush_reflects_the_records_before_it_and_none_after_it() {
    let node = start();
    let (disk, tables) = (Arc::clone(&node.disk), node.tables.clone());
    let turn = |slot, flush: Option<u64>| Turn {
        outputs: vec![persist(vote(slot)), broadcast(slot)],
        flush: flush.map(|slot| open_with(vec![vote(slot)])),
    };
    // All of them wait, and the second flush comes while the first one is under way.
    let turns = vec![
        turn(1, None),
        turn(2, Some(20)),
        turn(3, Some(30)),
        turn(4, None),
    ];
    let (sent, ended) = run_turns(node, turns);
    ended.unwrap();
    assert_eq!(sent.len(), 4);

    let (store, start) = open(&disk, &tables);
    assert_eq!(start.open, [vote(30)]);
    let mut after = Vec::new();
    let replayed = store.reader().replay_from(start.position, |_, record| {
        after.push(record);
        Ok::<(), StoreError>(())
    });
    replayed.unwrap();
    assert_eq!(after, [vote(4)]);
}

#[test]
fn tables_that_cannot_be_written_end_the_node() {
    let node = start();
    node.tables.break_writes();
    let stopper = Stopper::new();
    let mut effects = node.effects;
    effects.flusher = Flusher::new(Arc::new(Gauges::default()), stopper.clone());
    let (sender, receiver) = mpsc::channel(1);
    let turn = Turn {
        outputs: Vec::new(),
        flush: Some(nothing_open()),
    };
    sender.try_send(turn).unwrap();
    drop(sender);
    let ended = effects.run(receiver);
    assert!(
        matches!(ended, Err(Fatal::Store(StoreError::Tables { .. }))),
        "{ended:?}"
    );
    assert!(stopper.is_stopping());
}
