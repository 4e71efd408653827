use std::sync::Arc;

use consensus::Record;
use model::{NetworkId, NodeId, SecretKey};
use proptest::prelude::*;

use super::frame::{FRAME_BYTES, HEADER_BYTES};
use super::{Log, LogError, Owner, Position, Torn};
use crate::store::medium::Medium as _;
use crate::store::testing::{Disk, owner, vote};

fn open(disk: &Arc<Disk>) -> Result<(Log, Option<Torn>), LogError> {
    Log::open(Arc::clone(disk) as _, owner(), Position::FIRST)
}

fn records(log: &Log) -> Vec<Record> {
    let mut found = Vec::new();
    log.reader()
        .replay_from(Position::FIRST, |position, record| {
            assert_eq!(log.reader().read(position)?, record);
            found.push(record);
            Ok::<(), LogError>(())
        })
        .expect("a log that opens can be replayed");
    found
}

/// A disk with votes in slots `1..=count`, each appended and synced by itself, and their places.
fn written(count: u64) -> (Arc<Disk>, Vec<Position>) {
    let disk = Arc::new(Disk::default());
    let (mut log, _) = open(&disk).unwrap();
    let mut places = Vec::new();
    for slot in 1..=count {
        places.extend(log.append(&[vote(slot)]).unwrap());
        log.sync().unwrap();
    }
    (disk, places)
}

#[test]
fn what_is_appended_is_read_back_in_order_and_at_its_place() {
    let disk = Arc::new(Disk::default());
    let (mut log, torn) = open(&disk).unwrap();
    assert_eq!(torn, None);
    assert_eq!(log.end(), Position::FIRST);
    let all: Vec<Record> = (1..=20).map(vote).collect();
    for chunk in all.chunks(3) {
        let before = log.end();
        let places = log.append(chunk).unwrap();
        assert_eq!(places.first(), Some(&before));
        assert!(places.is_sorted());
    }
    assert_eq!(records(&log), all);
    let (again, torn) = open(&disk).unwrap();
    assert_eq!((again.end(), torn), (log.end(), None));
    assert_eq!(records(&again), all);
}

#[test]
fn a_log_torn_at_every_byte_of_its_last_record_loses_that_record_alone() {
    let (whole, places) = written(3);
    let last = places[2].offset as usize;
    let bytes = whole.bytes(1);
    for cut in last..bytes.len() {
        let disk = Arc::new(Disk::default());
        disk.put(1, bytes[..cut].to_vec());
        let (log, torn) = open(&disk).unwrap();
        assert_eq!(records(&log), vec![vote(1), vote(2)], "cut at {cut}");
        assert_eq!(torn.map_or(0, |torn| torn.bytes), (cut - last) as u64);
    }
}

#[test]
fn a_log_cut_at_every_byte_opens_with_a_prefix_and_goes_on() {
    let (whole, _) = written(4);
    let bytes = whole.bytes(1);
    for cut in 0..=bytes.len() {
        let disk = Arc::new(Disk::default());
        disk.put(1, bytes[..cut].to_vec());
        let (mut log, _) = open(&disk).unwrap();
        let kept = records(&log).len() as u64;
        log.append(&[vote(99)]).unwrap();
        log.sync().unwrap();
        let (log, torn) = open(&disk).unwrap();
        let expected: Vec<Record> = (1..=kept).chain([99]).map(vote).collect();
        assert_eq!((records(&log), torn), (expected, None), "cut at {cut}");
    }
}

#[test]
fn garbage_at_the_end_is_cut_off_whatever_it_is() {
    for garbage in [vec![0; 40], vec![0xff; 4], vec![7; 5_000]] {
        let (disk, _) = written(2);
        let mut bytes = disk.bytes(1);
        bytes.extend_from_slice(&garbage);
        disk.put(1, bytes);
        let (log, torn) = open(&disk).unwrap();
        assert_eq!(records(&log), vec![vote(1), vote(2)]);
        assert_eq!(torn.unwrap().bytes, garbage.len() as u64);
    }
}

#[test]
fn a_flipped_bit_in_a_record_that_was_confirmed_is_refused_with_its_place() {
    let (whole, places) = written(3);
    let bytes = whole.bytes(1);
    // The third record says that the first one was durable.
    let first = places[0].offset as usize..places[1].offset as usize;
    for at in first {
        for bit in 0..8 {
            let disk = Arc::new(Disk::default());
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            disk.put(1, damaged);
            match open(&disk).map(|_| ()) {
                Err(LogError::Damaged { file, offset, .. }) => {
                    assert_eq!((file.as_str(), offset), ("segment 1", places[0].offset));
                }
                other => panic!("byte {at}, bit {bit}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_damaged_end_is_refused_when_the_tables_know_that_it_was_there() {
    let (disk, places) = written(3);
    let mut bytes = disk.bytes(1);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    disk.put(1, bytes.clone());
    let end = Position {
        segment: 1,
        offset: bytes.len() as u64,
    };
    let refused = Log::open(Arc::clone(&disk) as _, owner(), end).map(|_| ());
    assert!(
        matches!(&refused, Err(LogError::Damaged { offset, .. }) if *offset == places[2].offset),
        "{refused:?}"
    );
    // Without that knowledge it could be the write that the crash tore.
    assert_eq!(records(&open(&disk).unwrap().0), vec![vote(1), vote(2)]);
}

#[test]
fn a_log_shorter_than_the_tables_know_is_refused() {
    let (disk, places) = written(3);
    let end = Position {
        segment: 1,
        offset: disk.bytes(1).len() as u64,
    };
    disk.put(1, disk.bytes(1)[..places[2].offset as usize].to_vec());
    let refused = Log::open(Arc::clone(&disk) as _, owner(), end).map(|_| ());
    assert!(
        matches!(refused, Err(LogError::Damaged { .. })),
        "{refused:?}"
    );

    let next = Position {
        segment: 2,
        offset: 500,
    };
    let refused = Log::open(Arc::clone(&disk) as _, owner(), next).map(|_| ());
    assert!(matches!(&refused, Err(LogError::Missing { file }) if file == "segment 2"));
    disk.remove(1);
    let refused = Log::open(disk as _, owner(), end).map(|_| ());
    assert!(matches!(&refused, Err(LogError::Missing { file }) if file == "segment 1"));
}

#[test]
fn pages_that_reach_the_disk_out_of_order_are_no_damage() {
    let disk = Arc::new(Disk::default());
    let (mut log, _) = open(&disk).unwrap();
    log.append(&[vote(1)]).unwrap();
    log.sync().unwrap();
    let lost = log.end().offset as usize;
    log.append(&[vote(2)]).unwrap();
    let arrived = log.end().offset as usize;
    log.append(&[vote(3)]).unwrap();
    let mut bytes = disk.bytes(1);
    bytes[lost..arrived].fill(0);
    disk.put(1, bytes);
    let (log, torn) = open(&disk).unwrap();
    assert_eq!(records(&log), vec![vote(1)]);
    assert!(torn.is_some());
}

#[test]
fn a_log_of_another_network_node_or_version_is_refused_by_name() {
    let (disk, _) = written(1);
    let ours = owner();
    let network = NetworkId::from_bytes([9; 32]);
    let refused = Log::open(
        disk.clone() as _,
        Owner { network, ..ours },
        Position::FIRST,
    );
    match refused.map(|_| ()) {
        Err(error @ LogError::OtherNetwork { .. }) => {
            let text = error.to_string();
            assert!(text.contains(&network.to_string()), "{text}");
            assert!(text.contains(&ours.network.to_string()), "{text}");
        }
        other => panic!("{other:?}"),
    }
    let node = NodeId::new(SecretKey::from_seed([9; 32]).public());
    let refused = Log::open(disk.clone() as _, Owner { node, ..ours }, Position::FIRST);
    assert!(matches!(
        refused.map(|_| ()),
        Err(LogError::OtherNode { found, expected, .. }) if found == ours.node && expected == node
    ));

    let mut bytes = disk.bytes(1);
    bytes[8] = 2;
    let crc = crc32fast::hash(&bytes[..92]);
    bytes[92..96].copy_from_slice(&crc.to_le_bytes());
    disk.put(1, bytes);
    assert!(matches!(
        open(&disk).map(|_| ()),
        Err(LogError::Version { found: 2, .. })
    ));
}

#[test]
fn segments_follow_each_other_and_a_gap_is_refused() {
    let disk = Arc::new(Disk::default());
    let (mut log, _) = Log::open_with(disk.clone() as _, owner(), Position::FIRST, 300).unwrap();
    let all: Vec<Record> = (1..=30).map(vote).collect();
    for record in &all {
        log.append([record]).unwrap();
    }
    assert!(log.end().segment > 5);
    assert_eq!(records(&log), all);
    let (log, _) = open(&disk).unwrap();
    assert_eq!(records(&log), all);

    let older = disk.copy();
    let mut bytes = older.bytes(2);
    bytes[HEADER_BYTES + FRAME_BYTES + 3] ^= 1;
    older.put(2, bytes);
    let (log, _) = open(&Arc::new(older)).unwrap();
    let replay = log
        .reader()
        .replay_from(Position::FIRST, |_, _| Ok::<(), LogError>(()));
    match replay {
        Err(LogError::Damaged { file, offset, .. }) => {
            assert_eq!((file.as_str(), offset), ("segment 2", HEADER_BYTES as u64));
        }
        other => panic!("{other:?}"),
    }
    disk.remove(3);
    assert!(matches!(
        open(&disk).map(|_| ()),
        Err(LogError::Missing { file }) if file == "segment 3"
    ));
}

#[test]
fn a_full_disk_is_an_error_and_loses_nothing_that_was_synced() {
    for room in 0..200 {
        let disk = Arc::new(Disk::default());
        let (mut log, _) = open(&disk).unwrap();
        disk.fill_after(room);
        let mut kept = 0;
        let failure = loop {
            if let Err(error) = log.append(&[vote(kept + 1)]).and_then(|_| log.sync()) {
                break error;
            }
            kept += 1;
        };
        assert!(
            matches!(failure, LogError::Disk { doing: "write", .. }),
            "{failure}"
        );
        assert!(matches!(log.append(&[vote(7)]), Err(LogError::Failed)));
        assert!(matches!(log.sync(), Err(LogError::Failed)));
        disk.crash(usize::MAX);
        let expected: Vec<Record> = (1..=kept).map(vote).collect();
        assert_eq!(records(&open(&disk).unwrap().0), expected, "room {room}");
    }
}

#[test]
fn a_failed_sync_is_never_tried_again() {
    let disk = Arc::new(Disk::default());
    let (mut log, _) = open(&disk).unwrap();
    log.append(&[vote(1)]).unwrap();
    disk.break_sync();
    assert!(matches!(
        log.sync(),
        Err(LogError::Disk { doing: "sync", .. })
    ));
    assert!(matches!(log.sync(), Err(LogError::Failed)));
}

#[test]
fn frames_of_another_segment_within_a_torn_record_are_not_taken_for_frames() {
    // What a stranger can do at best: a transaction whose bytes are frames, of a salt that is not
    // ours, and that say that everything was durable.
    let theirs = Arc::new(Disk::default());
    theirs.salt().unwrap();
    let (mut log, _) = open(&theirs).unwrap();
    for slot in 1..5 {
        log.append(&[vote(slot)]).unwrap();
        log.sync().unwrap();
    }
    let frames = &theirs.bytes(1)[HEADER_BYTES..];

    let (disk, _) = written(1);
    let mut bytes = disk.bytes(1);
    bytes.extend_from_slice(frames);
    disk.put(1, bytes);
    let (log, torn) = open(&disk).unwrap();
    assert_eq!(records(&log), vec![vote(1)]);
    assert_eq!(torn.unwrap().bytes, frames.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_crash_keeps_what_was_synced_and_a_prefix_of_the_rest(
        batches in prop::collection::vec((0_usize..4, any::<bool>()), 1..20),
        kept in 0_usize..400,
        segment_bytes in 200_u64..2_000,
    ) {
        let disk = Arc::new(Disk::default());
        let (mut log, _) =
            Log::open_with(disk.clone() as _, owner(), Position::FIRST, segment_bytes).unwrap();
        let mut all = Vec::new();
        let mut synced = 0;
        for (count, sync) in batches {
            let batch: Vec<Record> = (0..count).map(|i| vote((all.len() + i) as u64)).collect();
            log.append(&batch).unwrap();
            all.extend(batch);
            if sync {
                log.sync().unwrap();
                synced = all.len();
            }
        }
        disk.crash(kept);
        let (log, _) = open(&disk).unwrap();
        let found = records(&log);
        prop_assert!(found.len() >= synced);
        prop_assert_eq!(&found[..], &all[..found.len()]);
    }
}
