//! Tests of a process, with programs that every system has.

use std::path::Path;
use std::process::{Command, ExitStatus};

use super::{Process, State, describe};
use crate::local::{Layout, LocalError, file};

fn ended(script: &str) -> ExitStatus {
    Command::new("sh")
        .args(["-c", script])
        .status()
        .expect("there is a shell")
}

#[test]
fn how_a_process_ended_is_said_in_words() {
    assert_eq!(describe(ended("exit 0")), "ended with exit code 0");
    assert_eq!(describe(ended("exit 7")), "ended with exit code 7");
    assert_eq!(describe(ended("kill -9 $$")), "was ended by SIGKILL");
}

#[test]
fn what_does_not_run_cannot_be_told_anything() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = Layout::of(folder.path());
    file::create_folder(&layout.logs()).expect("it can be made");
    let mut process = Process::new(&layout, Path::new("no-such-program"), "n0");
    assert!(matches!(process.kill(), Err(LocalError::NodeStopped(_))));
    assert!(matches!(process.pause(), Err(LocalError::NodeStopped(_))));
    assert!(matches!(process.start(), Err(LocalError::Io { .. })));
    assert_eq!(process.state(), State::Stopped);
    assert_eq!(process.reap().expect("there is nothing to ask about"), None);
}
