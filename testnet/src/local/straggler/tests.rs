//! Tests of looking for processes of an earlier run.

use std::process::{Command, Stdio};

use super::{is_running, is_used};
use crate::local::{Layout, file};
use node::store::Directory;

#[test]
fn a_process_runs_until_it_has_ended_seen_or_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = Layout::of(folder.path());
    file::create_folder(&layout.node("n0")).expect("it can be made");
    assert!(!is_running(&layout, "n0"), "nobody said that it does");
    let mut child = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("there is a cat");
    let pid = child.id().to_string();
    file::replace(&layout.pid("n0"), pid.as_bytes()).expect("it can be written");
    assert!(is_running(&layout, "n0"));
    drop(child.stdin.take());
    let mut rest = child.stdout.take().expect("it is a pipe");
    std::io::copy(&mut rest, &mut std::io::sink()).expect("it ends");
    child.wait().expect("it is our child");
    assert!(!is_running(&layout, "n0"));
}

#[test]
fn what_is_no_number_of_a_process_is_no_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = Layout::of(folder.path());
    file::create_folder(&layout.node("n0")).expect("it can be made");
    for text in ["", "0", "-1", "abc", "99999999999999999999", "2147483647"] {
        file::replace(&layout.pid("n0"), text.as_bytes()).expect("it can be written");
        assert!(!is_running(&layout, "n0"), "{text}");
    }
}

#[test]
fn a_directory_is_used_while_somebody_holds_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = Layout::of(folder.path());
    file::create_folder(&layout.node("n0")).expect("it can be made");
    let directory = Directory::open(layout.store("n0")).expect("nobody has it");
    assert!(is_used(&layout, "n0"));
    drop(directory);
    assert!(!is_used(&layout, "n0"));
}
