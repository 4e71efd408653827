//! That a simulated disk keeps what it must, and loses what it may.

use node::store::medium::Medium;

use std::sync::Arc;

use consensus::Record;
use model::shard::Seat;
use model::statement::Slot;
use node::store::log::{Log, LogError, Owner, Position};

use super::{Disk, Outage};
use crate::simulation::Setting;
use crate::simulation::fault::Fault;
use crate::simulation::random::Random;

/// A disk with `synced` durable and `written` not.
fn disk(seed: u64, synced: &[u8], written: &[u8]) -> Disk {
    let disk = Disk::new(Random::new(seed));
    disk.create(1).unwrap();
    disk.append(1, synced).unwrap();
    disk.sync(1).unwrap();
    disk.append(1, written).unwrap();
    disk
}

fn contents(disk: &Disk) -> Vec<u8> {
    let length = usize::try_from(disk.length(1).unwrap()).unwrap();
    let mut bytes = vec![0; length];
    disk.read(1, 0, &mut bytes).unwrap();
    bytes
}

#[test]
fn what_is_synced_survives_every_loss_of_power() {
    for seed in 0..200 {
        let disk = disk(seed, b"promised", b"not promised");
        disk.crash(Outage::PowerLost);
        assert!(contents(&disk).starts_with(b"promised"), "seed {seed}");
        assert_eq!(disk.durable().offset, 8, "seed {seed}");
    }
}

#[test]
fn what_is_not_synced_is_cut_at_every_byte() {
    let mut lengths: Vec<usize> = (0..500)
        .map(|seed| {
            let disk = disk(seed, b"", b"0123456789");
            disk.crash(Outage::PowerLost);
            contents(&disk).len()
        })
        .collect();
    lengths.sort_unstable();
    lengths.dedup();
    assert_eq!(lengths, (0..=10).collect::<Vec<_>>());
}

#[test]
fn what_is_written_survives_the_end_of_the_process() {
    let disk = disk(1, b"promised", b"not promised");
    disk.crash(Outage::Killed);
    assert_eq!(contents(&disk), b"promisednot promised");
}

#[test]
fn a_lying_disk_makes_nothing_durable() {
    let disk = Disk::lying(Random::new(1));
    disk.create(1).unwrap();
    disk.append(1, b"promised").unwrap();
    disk.sync(1).unwrap();
    assert_eq!(disk.durable().offset, 0);
}

#[test]
fn what_is_not_there_cannot_be_read() {
    let disk = disk(1, b"four", b"");
    let mut bytes = [0; 5];
    assert!(disk.read(1, 0, &mut bytes).is_err());
    assert!(disk.read(1, u64::MAX, &mut bytes).is_err());
    assert!(disk.read(2, 0, &mut bytes).is_err());
}

fn open(disk: &Arc<Disk>) -> Result<Log, LogError> {
    let setting = Setting::new(4);
    let seat = Seat::new(0).unwrap();
    let owner = Owner {
        network: setting.scope().network,
        node: setting.committee.member(seat).unwrap(),
    };
    let (log, _torn) = Log::open(Arc::<Disk>::clone(disk), owner, Position::FIRST)?;
    Ok(log)
}

/// The slots that the records of a log name.
fn slots(log: &Log) -> Vec<u64> {
    let mut slots = Vec::new();
    log.reader()
        .replay_from(Position::FIRST, |_, record| {
            if let Record::Reserved(slot) = record {
                slots.push(slot.number());
            }
            Ok::<(), LogError>(())
        })
        .unwrap();
    slots
}

/// A log with the first record synced, and the error that keeping the second one comes to.
fn fail(disk: &Arc<Disk>, how: impl FnOnce(&Disk)) -> LogError {
    let mut log = open(disk).unwrap();
    log.append([&Record::Reserved(Slot::new(1))]).unwrap();
    log.sync().unwrap();
    how(disk);
    let kept = log.append([&Record::Reserved(Slot::new(2))]);
    let error = kept.and_then(|_| log.sync()).unwrap_err();
    assert!(matches!(log.sync(), Err(LogError::Failed)));
    error
}

#[test]
fn a_full_disk_is_named_and_takes_nothing_that_was_promised() {
    let disk = Arc::new(Disk::new(Random::new(1)));
    let error = fail(&disk, |disk| disk.fill_up(10));
    assert!(
        matches!(error, LogError::Disk { doing: "write", .. }),
        "{error}"
    );
    assert_eq!(disk.take_failure(), Some(Fault::DiskFull));
    disk.mend();
    assert_eq!(slots(&open(&disk).unwrap()), [1]);
}

#[test]
fn what_a_failed_sync_did_not_write_is_not_taken_for_durable() {
    let disk = Arc::new(Disk::new(Random::new(1)));
    let error = fail(&disk, Disk::fail_next_sync);
    assert!(
        matches!(error, LogError::Disk { doing: "sync", .. }),
        "{error}"
    );
    assert_eq!(disk.take_failure(), Some(Fault::SyncFailed));
    let mut log = open(&disk).unwrap();
    assert_eq!(slots(&log), [1]);
    log.append([&Record::Reserved(Slot::new(3))]).unwrap();
    log.sync().unwrap();
    disk.crash(Outage::PowerLost);
    assert_eq!(slots(&open(&disk).unwrap()), [1, 3]);
}

#[test]
fn a_bit_that_flips_below_what_a_later_record_confirms_is_noticed() {
    for seed in 0..200 {
        let disk = Arc::new(Disk::new(Random::new(seed)));
        let mut log = open(&disk).unwrap();
        assert!(!disk.flip_bit(), "nothing confirms the header");
        for slot in 1..4 {
            log.append([&Record::Reserved(Slot::new(slot))]).unwrap();
            log.sync().unwrap();
        }
        assert!(disk.flip_bit());
        let refused = open(&disk).map(|log| slots(&log));
        assert!(
            matches!(refused, Err(LogError::Damaged { .. })),
            "seed {seed}"
        );
        disk.restore();
        assert_eq!(slots(&open(&disk).unwrap()), [1, 2, 3], "seed {seed}");
    }
}
