//! Looking at a network while it lives: whom a node is connected with, and how the shards are.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::{SHARED, eventually, program, signal};

#[test]
fn a_node_shows_whom_it_is_connected_with() {
    // Two nodes may be connected twice, when each has called the other; one of the two is the link.
    let linked = |list: &Value| -> Vec<String> {
        let rows = list["peers"].as_array().expect("peers").iter();
        let rows = rows.filter(|row| row["shard"] == 0 && row["connection"]["linked"] == true);
        rows.filter_map(|row| row["name"].as_str().map(str::to_owned))
            .collect()
    };
    eventually("it is linked with the other members", || {
        let names = linked(&SHARED.json(0, &["peers", "n1"]));
        (names == ["n0", "n2", "n3"]).then_some(())
    });
    let table = SHARED.run(&["peers", "n1"]);
    assert_eq!(table.code, 0, "{table:?}");
    let mut rows = table.stdout.lines().filter(|line| line.starts_with("n0 "));
    assert!(rows.any(|row| row.contains("linked")), "{table:?}");
    assert!(
        table.stdout.contains("\nlistens  /ip4/127.0.0.1/tcp/"),
        "{table:?}"
    );

    let config = SHARED.root().join("nodes/n1/config.toml");
    let config = config.to_str().expect("the path is text");
    let own = SHARED.json(0, &["peers", "--config", config]);
    assert_eq!(own["name"], "n1");
    assert_eq!(linked(&own).len(), 3);
    let nobody = SHARED.run(&["peers", "n99"]);
    assert_eq!(nobody.code, 2, "{nobody:?}");
}

#[test]
fn a_watch_has_a_line_for_each_change_and_ends_well_by_a_signal() {
    let mut child = program(SHARED.directory(), &["status", "--watch", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let stdout = child.stdout.take().expect("stdout is a pipe");
    let lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let mut events = lines
        .map(|line| -> Value { serde_json::from_str(&line).expect("stdout is lines of JSON") });
    let of_two = |event: &Value| {
        let shards = event["shards"].as_array().expect("shards");
        assert_eq!(event["event"], "status");
        shards.iter().take(2).all(|shard| shard["ready"] == 4)
    };
    let event = events.find(of_two).expect("it goes on");
    assert_eq!(event["shards"][1]["seats"][0]["name"], "n4");
    let heights = |event: &Value| -> u64 {
        let shards = event["shards"].as_array().expect("shards").iter();
        shards.filter_map(|shard| shard["height"].as_u64()).sum()
    };
    let before = heights(&event);
    // Nobody has more or less after it.
    SHARED.json(0, &["send", "1", "judy", "--from", "judy"]);
    assert!(events.any(|event| heights(&event) > before));
    signal(child.id(), Signal::SIGINT);
    assert!(child.wait().expect("it is our child").success());

    // Where nobody sees it drawn, lines.
    let mut child = program(SHARED.directory(), &["status", "--watch"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let stdout = child.stdout.take().expect("stdout is a pipe");
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let line = lines
        .find(|line| line.contains("ready 4 of 4"))
        .expect("it goes on");
    assert!(
        line.starts_with("shard ") && line.contains("epoch 0"),
        "{line}"
    );
    signal(child.id(), Signal::SIGINT);
    assert!(child.wait().expect("it is our child").success());
}
