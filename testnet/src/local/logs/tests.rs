//! Tests of the logs.

use std::fs;
use std::io::Write;

use super::{LOG_BYTES_MAX, TAIL_LINES, open, rotate, tail};

#[test]
fn what_was_said_before_is_moved_aside_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("n0.log");
    for said in ["first", "second", "third"] {
        let mut file = open(&log).expect("it can be opened");
        file.write_all(said.as_bytes()).expect("it can be written");
    }
    assert_eq!(fs::read_to_string(&log).expect("it is there"), "third");
    let before = folder.path().join("n0.log.1");
    assert_eq!(fs::read_to_string(before).expect("it is there"), "second");
}

#[test]
fn a_log_that_is_too_long_is_cut_while_it_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("n0.log");
    let mut file = open(&log).expect("it can be opened");
    file.write_all(b"short\n").expect("it can be written");
    rotate(&log).expect("it can be looked at");
    assert_eq!(tail(&log), ["short"]);
    file.set_len(LOG_BYTES_MAX + 1)
        .expect("it can be made long");
    rotate(&log).expect("it can be cut");
    file.write_all(b"after\n").expect("it can be written");
    assert_eq!(fs::read_to_string(&log).expect("it is there"), "after\n");
}

#[test]
fn the_tail_is_the_last_lines_whatever_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("n0.log");
    assert!(tail(&log).is_empty(), "there is no log");
    let lines: Vec<String> = (0..2_000).map(|line| format!("line {line}")).collect();
    fs::write(&log, lines.join("\n")).expect("it can be written");
    assert_eq!(tail(&log), lines[lines.len() - TAIL_LINES..]);
    fs::write(&log, [0xff; 20_000]).expect("it can be written");
    assert_eq!(tail(&log).len(), 1, "bytes that are no text");
}
