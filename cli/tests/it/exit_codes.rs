//! The table of exit codes: one case or more for each.

use std::fs;
use std::net::TcpListener;

use model::Genesis;
use serde_json::Value;

use crate::support::{Network, SHARED, folder, run};

#[track_caller]
fn check(code: i32, arguments: &[&str]) {
    let ran = SHARED.run(arguments);
    assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
    assert!(!ran.stderr.contains("panicked"), "{arguments:?}: {ran:?}");
    if code != 0 {
        assert!(ran.stderr.contains("error: "), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn code_0_done() {
    check(0, &["account", "list"]);
}

#[test]
fn code_1_failed() {
    check(1, &["testnet", "up"]);
}

#[test]
fn code_2_what_is_asked_makes_no_sense() {
    let pay = |amount: &'static str, to: &'static str, from: &'static str| {
        check(2, &["send", amount, to, "--from", from]);
    };
    for amount in [
        "0",
        "0.0",
        "-5",
        "five",
        "",
        "1e3",
        "0x10",
        "5 EUR",
        "0.0000000001",
        "18446744073709551616ncsc",
        "18446744074",
        "99999999999999999999999999999999",
    ] {
        pay(amount, "bob", "alice");
    }
    pay("5", "nobody", "alice");
    pay("5", "bob", "nobody");
    pay("5", "", "alice");
    pay(
        "5",
        "lcs1qzv0flayk34lp73llexg0f2fx56aevfd7rfszrq8ts4cwg63dpruwlw9r2x",
        "alice",
    );
    pay(
        "5",
        "cs1qzv0flayk34lp73llexg0f2fx56aevfd7rfszrq8ts4cwg63dpruwlw9r2l",
        "alice",
    );
    check(2, &["send", "5", "bob"]);
    check(2, &["send", "5", "bob", "--from", "alice", "--via", "n9"]);
    check(
        2,
        &[
            "send",
            "5",
            "bob",
            "--from",
            "alice",
            "--using",
            "something",
        ],
    );
    check(
        2,
        &["send", "5", "bob", "--from", "alice", "--timeout", "0"],
    );
    check(
        2,
        &[
            "send",
            "5",
            "bob",
            "--from",
            "alice",
            "--receipt",
            "no/such/folder/r.csr",
        ],
    );
    check(2, &["receipt", "verify", "no-such-file.csr"]);
    check(2, &["account", "show", "nobody"]);
    check(2, &["tx", "show", "something"]);
    check(2, &["tx", "wait", ""]);
    check(2, &["testnet", "kill", "n9"]);
    check(2, &["testnet", "restart", "n9"]);
    let empty = folder();
    for up in [
        &["--shards", "17"][..],
        &["--nodes", "3"],
        &["--nodes", "101"],
        &["--port", "0"],
    ] {
        let ran = run(empty.path(), &[&["testnet", "up"], up].concat());
        assert_eq!(ran.code, 2, "{up:?}: {ran:?}");
    }
    assert!(
        run(empty.path(), &["testnet", "up", "--shards", "17"])
            .stderr
            .contains("64 nodes at most")
    );
}

#[test]
fn an_unknown_name_is_answered_with_the_names_there_are() {
    let ran = SHARED.run(&["send", "5", "bobb", "--from", "alice"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    for words in ["`bobb`", "alice, bob, carol", "did you mean bob?"] {
        assert!(ran.stderr.contains(words), "{words}: {ran:?}");
    }
}

#[test]
fn code_10_aborted() {
    let network = Network::start();
    let shown = network.json(0, &["account", "show", "alice"]);
    let object = shown["objects"][0]["object"]
        .as_str()
        .expect("an object")
        .to_owned();
    let pay = ["send", "1", "bob", "--from", "alice", "--using", &object];
    assert_eq!(network.run(&pay).code, 0);
    let ran = network.run(&["send", "2", "bob", "--from", "alice", "--using", &object]);
    assert_eq!(ran.code, 10, "{ran:?}");
    assert_eq!(network.balance("bob"), 1_001_000_000_000);
}

#[test]
fn code_11_the_outcome_is_not_known() {
    let nothing = "0".repeat(64);
    check(11, &["tx", "show", &nothing]);
    check(11, &["tx", "wait", &nothing, "--timeout", "6"]);
}

#[test]
fn code_12_not_enough_money() {
    check(12, &["send", "1000.000000001", "bob", "--from", "judy"]);
    check(
        12,
        &["send", "18446744073709551615ncsc", "bob", "--from", "judy"],
    );
}

#[test]
fn code_13_nobody_is_there() {
    let empty = folder();
    for line in [
        &["account", "list"][..],
        &["send", "5", "bob", "--from", "alice"],
        &["status"],
        &["tx", "show", "00"],
        &["testnet", "kill", "n0"],
        &["testnet", "stop"],
        &["testnet", "reset", "-y"],
        &["testnet", "env"],
    ] {
        let ran = run(empty.path(), line);
        assert_eq!(ran.code, 13, "{line:?}: {ran:?}");
        assert!(
            ran.stderr.contains("chainspace testnet up"),
            "{line:?}: {ran:?}"
        );
    }
}

/// A network that was made and never started, because its port was taken.
fn made_and_not_started() -> tempfile::TempDir {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let ran = run(folder.path(), &["testnet", "up", "--port", &port]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains(&port), "{ran:?}");
    folder
}

#[test]
fn code_14_the_nodes_are_of_another_network() {
    let foreign = made_and_not_started();
    let root = foreign.path().join(".chainspace/local");
    let bytes = fs::read(root.join("genesis")).expect("the genesis document is there");
    let genesis = Genesis::from_bytes(&bytes).expect("it is one");
    let running = fs::read(SHARED.root().join("endpoint.json")).expect("the network runs");
    let mut endpoint: Value = serde_json::from_slice(&running).expect("it is JSON");
    endpoint["network"] = genesis.network().to_string().into();
    let members = genesis.shards.iter().flat_map(|shard| &shard.members);
    for (index, member) in members.enumerate() {
        endpoint["nodes"][index]["node"] = member.node.to_string().into();
    }
    fs::write(root.join("endpoint.json"), endpoint.to_string()).expect("it can be written");
    let ran = run(foreign.path(), &["send", "5", "bob", "--from", "alice"]);
    assert_eq!(ran.code, 14, "{ran:?}");
    let ours = genesis.network().to_string();
    let theirs = SHARED.events[0]["network"].as_str().expect("a hash");
    assert!(
        ran.stderr.contains(&ours) && ran.stderr.contains(theirs),
        "{ran:?}"
    );
}

#[test]
fn code_15_there_is_no_key() {
    let bytes = fs::read(SHARED.root().join("genesis")).expect("the genesis document is there");
    let genesis = Genesis::from_bytes(&bytes).expect("it is one");
    let stranger = genesis.shards[0].members[0].node.to_string();
    check(15, &["send", "5", "bob", "--from", &stranger]);
}

#[test]
fn code_20_a_proof_does_not_verify() {
    let folder = folder();
    fs::write(folder.path().join("fake.csr"), [0x83, 0, 1]).expect("the folder can be written");
    let ran = run(folder.path(), &["receipt", "verify", "fake.csr"]);
    assert_eq!(ran.code, 20, "{ran:?}");
}
