//! Tests of the lock.

use std::time::Duration;

use super::Lock;
use crate::local::{Layout, LocalError};

#[test]
fn one_holder_at_a_time_who_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = Layout::of(folder.path());
    let lock = Lock::take(&layout).expect("nobody has it");
    let refused = [Lock::take(&layout), Lock::wait(&layout, Duration::ZERO)];
    for refused in refused {
        let Err(LocalError::Running { pid, .. }) = refused else {
            panic!("it is held: {refused:?}");
        };
        assert_eq!(pid, Some(std::process::id()));
    }
    drop(lock);
    Lock::take(&layout).expect("nobody has it any more");
}
