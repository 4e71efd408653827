//! The log of a node over a disk that does not give back what was written.
//!
//! Opening it never panics, and never passes over a loss in silence: what it gives back is the
//! beginning of what was written, all that was confirmed is in it, and what was cut off is said.

use std::sync::Arc;

use crate::choices::Choices;
use consensus::Record;
use model::shard::Seat;
use model::statement::{Slot, Vote};
use model::{Certificate, Hash, NetworkId, NodeId, PublicKey, Signature, Statement};
use node::store::log::{Log, LogError, Owner, Position, Torn};

use crate::disk::Disk;

/// Bytes before the first record of a segment.
const HEADER_BYTES: usize = 96;

/// Bits that may be flipped. Fewer than four in one frame always change its checksum.
const FLIPS: usize = 3;

fn owner() -> Owner {
    Owner {
        network: NetworkId::from_bytes([1; 32]),
        node: NodeId::new(PublicKey::from_bytes([2; 32])),
    }
}

fn open(disk: &Arc<Disk>, confirmed: Position) -> Result<(Log, Option<Torn>), LogError> {
    Log::open(Arc::<Disk>::clone(disk), owner(), confirmed)
}

fn replay(log: &Log) -> Result<Vec<(Position, Record)>, LogError> {
    let mut records = Vec::new();
    log.reader()
        .replay_from(Position::FIRST, |position, record| {
            records.push((position, record));
            Ok::<(), LogError>(())
        })?;
    Ok(records)
}

/// A log of which the disk holds any bytes, perhaps behind the headers of real segments.
pub fn strange(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let disk = Arc::new(Disk::default());
    let count = 1 + choices.below(3) as u64;
    for segment in 1..=count {
        let mut held = if choices.once_in(4) {
            Vec::new()
        } else {
            header(segment)
        };
        held.extend(choices.some_bytes());
        disk.put(segment, held);
    }
    let before = disk.bytes(count);
    let Ok((mut log, torn)) = open(&disk, Position::FIRST) else {
        return;
    };
    let after = disk.bytes(count);
    if before.len() > HEADER_BYTES {
        assert!(before.starts_with(&after), "what is there was changed");
        let cut = (before.len() - after.len()) as u64;
        assert_eq!(torn.map_or(0, |torn| torn.bytes), cut, "a loss in silence");
    }
    if let Ok(records) = replay(&log) {
        go_on(&disk, &mut log, records);
    }
}

/// The header of a real segment, from a log that was begun there.
fn header(segment: u64) -> Vec<u8> {
    let disk = Arc::new(Disk::default());
    for before in 1..=segment {
        disk.put(before, Vec::new());
    }
    open(&disk, Position::FIRST).expect("an empty disk");
    disk.bytes(segment)
}

/// A log that was opened takes a record and gives back all.
fn go_on(disk: &Arc<Disk>, log: &mut Log, mut records: Vec<(Position, Record)>) {
    let record = Record::Reserved(Slot::new(records.len() as u64));
    let positions = log.append([&record]).expect("a disk without faults");
    log.sync().expect("a disk without faults");
    records.push((positions[0], record));
    for (position, record) in &records {
        assert_eq!(
            log.reader().read(*position).expect("it was just written"),
            *record
        );
    }
    let (again, torn) = open(disk, log.end()).expect("nothing happened to the disk");
    assert_eq!(torn, None, "nothing was torn");
    assert_eq!(
        replay(&again).expect("as before"),
        records,
        "other records come back"
    );
}

/// A log that was written, damaged and opened again.
pub fn damaged(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let disk = Arc::new(Disk::default());
    let (mut log, _) = open(&disk, Position::FIRST).expect("an empty disk");
    let (mut written, mut confirmed, mut end) = (Vec::new(), 0, log.end());
    for _ in 0..choices.below(12) {
        let record = some_record(&mut choices);
        log.append([&record]).expect("a disk without faults");
        written.push(record);
        if choices.once_in(3) {
            log.sync().expect("a disk without faults");
            (confirmed, end) = (written.len(), log.end());
        }
    }
    let before = disk.bytes(1);
    damage(&mut choices, &disk);
    let found = disk.bytes(1);
    // Whoever keeps tables knows a place up to which all was confirmed; without them nobody does.
    let known = if choices.once_in(2) {
        end
    } else {
        Position::FIRST
    };
    let confirmed = if known == end { confirmed } else { 0 };
    let Ok((mut log, torn)) = open(&disk, known) else {
        assert_ne!(found, before, "a log that nothing happened to is refused");
        return;
    };
    let records = replay(&log).expect("what is behind the end was cut off");
    let plain: Vec<&Record> = records.iter().map(|(_, record)| record).collect();
    assert!(
        plain.len() >= confirmed,
        "{} of {confirmed} records",
        plain.len()
    );
    assert!(
        written.iter().take(plain.len()).eq(plain.iter().copied()),
        "other records"
    );
    let cut = found.len().saturating_sub(disk.bytes(1).len()) as u64;
    if found.len() > HEADER_BYTES {
        assert_eq!(torn.map_or(0, |torn| torn.bytes), cut, "a loss in silence");
    }
    go_on(&disk, &mut log, records);
}

/// Things that disks and crashes do to a file.
fn damage(choices: &mut Choices<'_>, disk: &Disk) {
    let mut bytes = disk.bytes(1);
    let flips = choices.below(FLIPS + 1);
    for _ in 0..flips {
        let at = place(choices, &bytes);
        let bit = choices.below(8);
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << bit;
        }
    }
    if choices.once_in(3) {
        let (from, count) = (place(choices, &bytes), choices.below(256));
        bytes
            .iter_mut()
            .skip(from)
            .take(count)
            .for_each(|byte| *byte = 0);
    }
    if choices.once_in(3) {
        bytes.truncate(place(choices, &bytes));
    }
    if choices.once_in(3) {
        bytes.resize(bytes.len() + choices.below(256), 0);
    }
    disk.put(1, bytes);
}

fn place(choices: &mut Choices<'_>, bytes: &[u8]) -> usize {
    let place = usize::from(choices.byte()) << 8 | usize::from(choices.byte());
    place % bytes.len().max(1)
}

fn some_record(choices: &mut Choices<'_>) -> Record {
    let slot = Slot::new(choices.near(1));
    let hash = Hash::from_bytes([choices.byte(); 32]);
    match choices.below(3) {
        0 => Record::Reserved(slot),
        1 => Record::Vote {
            slot,
            vote: Vote::Notarize(hash),
        },
        _ => Record::Certificate(Certificate {
            statement: Statement::Vote {
                slot,
                vote: Vote::Finalize(hash),
            },
            signatures: (0..choices.below(8))
                .filter_map(Seat::new)
                .map(signed)
                .collect(),
        }),
    }
}

const fn signed(seat: Seat) -> (Seat, Signature) {
    (seat, Signature::from_bytes([3; 64]))
}
