//! Looking at a network while it lives: whom a node is connected with, and how the shards are.

use std::process::Stdio;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::{PATIENCE, SHARED, Started, eventually, program, signal};

#[test]
fn a_node_shows_whom_it_is_connected_with() {
    // Two nodes may be connected twice, when each has called the other; one of the two is the link.
    let linked = |list: &Value| -> Vec<String> {
        let rows = list["peers"].as_array().expect("peers").iter();
        let rows = rows.filter(|row| row["shard"] == 0 && row["connection"]["linked"] == true);
        rows.filter_map(|row| row["name"].as_str().map(str::to_owned))
            .collect()
    };
    // It may take longer to answer than it is given.
    let asked = |arguments: &[&str]| {
        let ran = SHARED.run(&[&["peers"], arguments].concat());
        (ran.code == 0).then_some(ran)
    };
    eventually("it is linked with the other members", || {
        let names = linked(&asked(&["n1", "--json"])?.data(0));
        (names == ["n0", "n2", "n3"]).then_some(())
    });
    let table = eventually("it answers in time", || asked(&["n1"]));
    let mut rows = table.stdout.lines().filter(|line| line.starts_with("n0 "));
    assert!(rows.any(|row| row.contains("linked")), "{table:?}");
    assert!(
        table.stdout.contains("\nlistens  /ip4/127.0.0.1/tcp/"),
        "{table:?}"
    );

    let config = SHARED.root().join("nodes/n1/config.toml");
    let config = config.to_str().expect("the path is text");
    let own = eventually("it is linked as it says itself", || {
        let own = asked(&["--config", config, "--json"])?.data(0);
        (linked(&own).len() == 3).then_some(own)
    });
    assert_eq!(own["name"], "n1");
    let nobody = SHARED.run(&["peers", "n99"]);
    assert_eq!(nobody.code, 2, "{nobody:?}");
}

#[test]
fn a_watch_has_a_line_for_each_change_and_ends_well_by_a_signal() {
    let mut watch = Started::of(
        program(SHARED.directory(), &["status", "--watch", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null()),
    );
    let lines = watch.lines();
    let next = || -> Value {
        let line = lines.recv_timeout(PATIENCE).expect("it goes on");
        serde_json::from_str(&line).expect("stdout is lines of JSON")
    };
    let of_two = |event: &Value| {
        let shards = event["shards"].as_array().expect("shards");
        assert_eq!(event["event"], "status");
        shards.iter().take(2).all(|shard| shard["ready"] == 4)
    };
    let event = eventually("both shards are ready", || Some(next()).filter(of_two));
    assert_eq!(event["shards"][1]["seats"][0]["name"], "n4");
    let heights = |event: &Value| -> u64 {
        let shards = event["shards"].as_array().expect("shards").iter();
        shards.filter_map(|shard| shard["height"].as_u64()).sum()
    };
    let before = heights(&event);
    // Nobody has more or less after it.
    SHARED.json(0, &["send", "1", "judy", "--from", "judy"]);
    eventually("a shard is higher", || {
        (heights(&next()) > before).then_some(())
    });
    signal(watch.0.id(), Signal::SIGINT);
    assert!(watch.wait().success());

    // Where nobody sees it drawn, lines.
    let mut watch =
        Started::of(program(SHARED.directory(), &["status", "--watch"]).stdout(Stdio::piped()));
    let lines = watch.lines();
    let line = eventually("a shard is ready", || {
        let line = lines.recv_timeout(PATIENCE).expect("it goes on");
        Some(line).filter(|line| line.contains("ready 4 of 4"))
    });
    assert!(
        line.starts_with("shard ") && line.contains("epoch 0"),
        "{line}"
    );
    signal(watch.0.id(), Signal::SIGINT);
    assert!(watch.wait().success());
}
