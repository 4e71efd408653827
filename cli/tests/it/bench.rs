//! What `bench` measures is not tested, nor how fast it is: that it measures, and leaves nothing.

use std::fs;
use std::process::Stdio;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::{PATIENCE, Started, eventually, folder, lines_of, program, run, signal};

/// The numbers that every envelope of `bench transfers` has.
const PROMISED: [&str; 5] = [
    "/committed_per_second",
    "/cpu_ms_per_transaction",
    "/limit_per_second",
    "/ratio_to_limit",
    "/latency_ms/p99",
];

#[track_caller]
fn is_positive(data: &Value, pointer: &str) {
    let number = data.pointer(pointer).and_then(Value::as_f64);
    assert!(
        number.is_some_and(|number| number > 0.0),
        "{pointer}: {data}"
    );
}

#[test]
fn transfers_are_measured_with_their_limit_and_nothing_is_left() {
    let folder = folder();
    let arguments = [
        "bench",
        "transfers",
        "--seconds",
        "5",
        "--rate",
        "20",
        "--payments",
        "whole-balance",
        "--batch-cap",
        "7",
        "--json",
        "--dir",
        ".",
    ];
    let data = run(folder.path(), &arguments).data(0);
    for pointer in PROMISED {
        is_positive(&data, pointer);
    }
    assert_eq!(data["committed"], 100, "{data}");
    let per_block = data["transactions_per_block"].as_f64();
    assert!(per_block.is_some_and(|found| found <= 7.0), "{data}");
    let left = fs::read_dir(folder.path()).expect("it is there").count();
    assert_eq!(left, 0);
}

#[test]
fn as_many_payments_as_a_shard_takes_are_counted() {
    let folder = folder();
    let arguments = ["bench", "transfers", "--seconds", "1", "--in-flight", "20"];
    let ran = run(folder.path(), &arguments);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.starts_with("committed  "), "{ran:?}");
    assert!(ran.stderr.contains("before any is sent"), "{ran:?}");
}

#[test]
fn a_measurement_that_is_interrupted_leaves_nothing() {
    let folder = folder();
    let arguments = [
        "bench",
        "transfers",
        "--seconds",
        "40",
        "--rate",
        "10",
        "--dir",
        ".",
    ];
    let mut bench = Started::of(program(folder.path(), &arguments).stderr(Stdio::piped()));
    let lines = lines_of(bench.0.stderr.take().expect("stderr is a pipe"));
    eventually("payments are being sent", || {
        let line = lines.recv_timeout(PATIENCE).expect("it goes on");
        line.contains("sending").then_some(())
    });
    signal(bench.0.id(), Signal::SIGINT);
    let ended = bench.wait();
    let said: Vec<String> = lines.try_iter().collect();
    assert_eq!(ended.code(), Some(1), "{said:?}");
    let left = fs::read_dir(folder.path()).expect("it is there").count();
    assert_eq!(left, 0);
}

#[test]
fn what_cannot_be_measured_is_refused_with_a_reason() {
    let folder = folder();
    fs::write(folder.path().join("precious"), "mine").expect("it can be written");
    for (arguments, reason) in [
        (&["transfers", "--cross", "5"][..], "two shards or more"),
        (&["transfers", "--nodes", "3"], "4 to 100 nodes"),
        (&["transfers", "--dir", "."], "is not empty"),
        (&["transfers", "--seconds", "3601"], "1..=3600"),
        (&["transfers", "--payments", "half"], "whole-balance"),
        (
            &["transfers", "--rate", "9", "--in-flight", "9"],
            "--in-flight",
        ),
        (&["transfers", "--inputs", "11"], "1..=10"),
        (&["figures"], "--out"),
        (&["figures", "--out", "made", "--figures", "5"], "6..=9"),
        (&["figures", "--out", "made", "--seconds", "31"], "1..=30"),
        (&["flood", "--seconds", "41"], "1..=40"),
        (&["flood", "--memory", "9"], "256..="),
        (&["flood", "--cross", "9"], "two shards or more"),
        (&["agreement", "--action-bytes", "8"], "16 to"),
        (&["agreement", "--nodes", "3"], "4 to 100 nodes"),
        (&["agreement", "--in-flight", "3"], "of each member"),
    ] {
        let ran = run(folder.path(), &[&["bench"], arguments].concat());
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(reason), "{arguments:?}: {ran:?}");
    }
    assert!(folder.path().join("precious").exists());
    assert!(!folder.path().join("made").exists());
}

#[test]
fn the_agreement_is_measured_with_durable_votes_and_without() {
    let folder = folder();
    let arguments = [
        "bench",
        "agreement",
        "--seconds",
        "5",
        "--in-flight",
        "40",
        "--json",
    ];
    let data = run(folder.path(), &arguments).data(0);
    for votes in ["durable", "volatile"] {
        for pointer in ["actions_per_second", "cpu_us_per_action", "latency_ms/p50"] {
            is_positive(&data, &format!("/{votes}/{pointer}"));
        }
    }
}

#[test]
fn a_node_that_was_away_is_timed_until_it_is_back_and_nothing_is_left() {
    let folder = folder();
    let arguments = [
        "bench", "catch-up", "--blocks", "30", "--json", "--dir", ".",
    ];
    let data = run(folder.path(), &arguments).data(0);
    assert!(data["blocks"].as_u64() >= Some(30), "{data}");
    for pointer in ["/ready_ms", "/blocks_per_second", "/limit_per_second"] {
        is_positive(&data, pointer);
    }
    let left = fs::read_dir(folder.path()).expect("it is there").count();
    assert_eq!(left, 0);
}

#[test]
fn members_pay_on_under_every_flood_within_their_memory_and_turn_strangers_away() {
    let folder = folder();
    let arguments = [
        "bench",
        "flood",
        "--seconds",
        "1",
        "--in-flight",
        "100",
        "--json",
        "--dir",
        ".",
    ];
    let data = run(folder.path(), &arguments).data(0);
    // Whatever is certified has a latency, also after the second in which payments are sent.
    is_positive(&data, "/undisturbed/latency_ms/p50");
    assert_eq!(data["memory_limit_bytes"], 512 << 20, "{data}");
    let floods = data["floods"].as_array().expect("there are some");
    // What each is stopped by, whatever else.
    let stopped_by = [
        ("connections", "net_connections_refused"),
        ("garbage", "net_offences"),
        ("requests", "admission_unfunded"),
    ];
    assert_eq!(floods.len(), stopped_by.len());
    for (flood, (kind, counter)) in floods.iter().zip(stopped_by) {
        assert_eq!(flood["kind"], kind);
        is_positive(flood, "/speed/latency_ms/p50");
        is_positive(flood, "/memory_peak_bytes");
        is_positive(flood, &format!("/refused/{counter}"));
        assert!(
            flood["memory_peak_bytes"].as_u64() < data["memory_limit_bytes"].as_u64(),
            "{data}"
        );
    }
    is_positive(&floods[1], "/disconnected");
    let left = fs::read_dir(folder.path()).expect("it is there").count();
    assert_eq!(left, 0);
}
