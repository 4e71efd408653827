//! That a simulated disk keeps what it must, and loses what it may.

use node::store::medium::Medium;

use super::{Disk, Outage};
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
