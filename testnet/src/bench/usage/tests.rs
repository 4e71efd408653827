//! Tests of reading what the system says.

use std::time::Duration;

use super::{Usage, cpu, loopback, occupied, resident, written};

#[test]
fn processor_time_is_user_and_system_time_whatever_the_program_is_called() {
    let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 9 8 7 6 123 45 3 2 20 0 1 0 99 1 1";
    assert_eq!(cpu(stat), Some(Duration::from_millis(1_680)));
    assert_eq!(cpu("7 (a) S 1"), None);
}

#[test]
fn written_bytes_are_those_that_went_to_a_disk() {
    let io = "rchar: 1\nwchar: 2\nwrite_bytes: 4096\ncancelled_write_bytes: 5\n";
    assert_eq!(written(io), Some(4_096));
    assert_eq!(written("rchar: 1\n"), None);
}

#[test]
fn sent_bytes_are_those_of_loopback_alone() {
    let dev = "Inter-|   Receive\n eth0: 1 1 1 1 1 1 1 1 7 1\n    lo: 10 2 0 0 0 0 0 0 11 2 0\n";
    assert_eq!(loopback(dev), Some(11));
    assert_eq!(loopback("eth0: 1 1 1 1 1 1 1 1 7 1\n"), None);
}

#[test]
fn what_this_process_uses_can_be_read_and_grows() {
    let own = [std::process::id()];
    let before = Usage::of(&own).expect("the system says it");
    let after = Usage::of(&own).expect("the system says it");
    assert!(after.cpu >= before.cpu && after.loopback >= before.loopback);
    assert_eq!(
        before - after,
        Usage::default(),
        "differences do not overflow"
    );
}

#[test]
fn memory_is_what_is_occupied_and_not_what_is_reserved() {
    let status = "Name:\tnode\nVmPeak:\t  999 kB\nVmSize:\t  900 kB\nVmRSS:\t    12 kB\n";
    assert_eq!(occupied(status), Some(12 * 1_024));
    assert_eq!(occupied("Name:\tzombie\n"), None);
    let own = resident(&[std::process::id()]).expect("this process lives");
    assert!(own > 0);
}
