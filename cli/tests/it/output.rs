//! The output contract, for every command: stdout is the result and nothing else.

use std::process::Stdio;
use std::sync::mpsc::RecvTimeoutError;

use serde_json::Value;

use crate::support::{
    Network, PATIENCE, Ran, SHARED, Started, eventually, finish, folder, lines_of, program, run,
};

/// What can be asked of a network without changing it.
const READS: [&[&str]; 9] = [
    &["account", "list"],
    &["account", "show", "alice"],
    &["status"],
    &["testnet", "env"],
    &["simulate", "--seeds", "2"],
    &["simulate", "--seeds", "2", "--faults", "--adversary", "all"],
    &["explore", "list"],
    &["explore", "sbac", "all-votes-liar"],
    &[
        "tx",
        "show",
        "0000000000000000000000000000000000000000000000000000000000000000",
    ],
];

/// One line of JSON with the five fields of the envelope, whose errors fit its success.
#[track_caller]
fn check_envelope(ran: &Ran) -> Value {
    let envelope = ran.envelope();
    let fields: Vec<&String> = envelope.as_object().expect("an object").keys().collect();
    assert_eq!(
        fields,
        ["schema_version", "success", "data", "errors", "warnings"],
        "{ran:?}"
    );
    assert_eq!(envelope["schema_version"], 1);
    assert_eq!(envelope["success"], ran.code == 0, "{ran:?}");
    assert_eq!(
        envelope["errors"].as_array().map(Vec::is_empty),
        Some(ran.code == 0),
        "{ran:?}"
    );
    assert!(envelope["data"].is_object(), "{ran:?}");
    envelope
}

#[test]
fn stdout_is_clean_and_json_is_one_envelope_for_every_command_that_reads() {
    for read in READS {
        let json = SHARED.run(&[read, &["--json", "-v", "-v"]].concat());
        check_envelope(&json);
        let quiet = SHARED.run(&[read, &["--quiet"]].concat());
        assert_eq!(quiet.stderr, "", "{read:?}");
        assert_eq!(quiet.code, json.code, "{read:?}");
        let plain = SHARED.run(read);
        assert_eq!(plain.stdout.is_empty(), plain.code != 0, "{plain:?}");
        assert!(
            !plain.stdout.contains('\u{1b}'),
            "no colors in a pipe: {plain:?}"
        );
        assert!(
            !plain.stderr.contains('\u{1b}'),
            "no colors in a pipe: {plain:?}"
        );
    }
}

#[test]
fn stdout_is_clean_and_json_is_one_envelope_for_every_command_that_changes_something() {
    let network = Network::start();
    let changes: [&[&str]; 8] = [
        &["send", "1", "bob", "--from", "alice", "--watch"],
        &["testnet", "pause", "n1"],
        &["testnet", "resume", "n1"],
        &["testnet", "kill", "n1"],
        &["testnet", "restart", "n1"],
        &["testnet", "reset"],
        &["testnet", "stop"],
        &["testnet", "reset", "-y"],
    ];
    for change in changes {
        let ran = network.run(&[change, &["--json"]].concat());
        check_envelope(&ran);
        assert_eq!(ran.code == 0, change != ["testnet", "reset"], "{ran:?}");
    }
}

#[test]
fn a_wrong_command_line_is_an_envelope_too() {
    let empty = folder();
    for line in [
        &["--json"][..],
        &["send", "--json"],
        &[
            "send",
            "5",
            "bob",
            "--from",
            "alice",
            "--no-such-flag",
            "--json",
        ],
        &["account", "show", "alice", "bob", "--json"],
        &["simulate", "--seeds", "0", "--json"],
        &["simulate", "--nodes", "5", "--json"],
        &["simulate", "--seeds", "2", "--minutes", "1", "--json"],
        &["simulate", "--adversary", "twin", "--json"],
        &["explore", "sbac", "decidr", "--json"],
        &["explore", "sbac", "--states", "0", "--json"],
        &["no-such-command", "--json"],
    ] {
        let ran = run(empty.path(), line);
        assert_eq!(ran.code, 2, "{line:?}: {ran:?}");
        let envelope = check_envelope(&ran);
        assert_eq!(envelope["errors"][0]["code"], "usage", "{line:?}");
    }
}

#[test]
fn a_mistyped_adversary_is_told_the_nearest_and_all_names() {
    let ran = run(folder().path(), &["simulate", "--adversary", "twin"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    for words in ["\"twin\"", "did you mean twins?", "equivocator", "none"] {
        assert!(ran.stderr.contains(words), "{words}: {ran:?}");
    }
}

#[test]
fn help_and_version_are_results() {
    let empty = folder();
    for line in [
        &["--help"][..],
        &["send", "--help"],
        &["testnet", "up", "-h"],
        &["--version"],
    ] {
        let ran = run(empty.path(), line);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{line:?}");
        assert!(!ran.stdout.is_empty(), "{line:?}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let mut command = program(SHARED.directory(), &["account", "list"]);
    let mut list = Started::of(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    drop(list.0.stdout.take());
    let lines = lines_of(list.0.stderr.take().expect("stderr is a pipe"));
    let said = lines.recv_timeout(PATIENCE);
    assert_eq!(said, Err(RecvTimeoutError::Disconnected), "nothing is said");
    assert_eq!(list.wait().code(), Some(0));
}

#[test]
fn status_has_what_programs_rely_on() {
    let nodes = eventually("all nodes answer in time", || {
        let nodes = SHARED.nodes();
        let all = nodes.iter().all(|node| node["head"].is_string());
        all.then_some(nodes)
    });
    for (node, name) in nodes.iter().zip(["n0", "n1", "n2", "n3"]) {
        assert_eq!(node["name"], name);
        assert_eq!(node["shard"], 0);
        assert!(
            node["pid"].is_u64() && node["height"].is_u64() && node["peers"].is_u64(),
            "{node}"
        );
        assert!(
            node["api"]
                .as_str()
                .is_some_and(|api| api.starts_with("/ip4/127.0.0.1/tcp/"))
        );
        assert!(
            node["head"]
                .as_str()
                .is_some_and(|head| head.starts_with("lcschk1")),
            "{node}"
        );
        assert!(node["ready"].is_boolean(), "{node}");
    }
}

#[test]
fn accounts_have_what_programs_rely_on() {
    let list = SHARED.json(0, &["account", "list"]);
    let accounts = list["accounts"].as_array().expect("accounts");
    assert_eq!(accounts.len(), 10);
    let shown = SHARED.json(0, &["account", "show", "alice"]);
    for account in accounts.iter().chain([&shown]) {
        assert!(
            account["name"].is_string() && account["balance"].is_string(),
            "{account}"
        );
        assert!(
            account["address"]
                .as_str()
                .is_some_and(|address| address.starts_with("lcs1"))
        );
        assert_eq!(account["decimals"], 9);
    }
    let address = shown["address"].as_str().expect("an address");
    assert_eq!(
        SHARED.json(0, &["account", "show", address])["name"],
        "alice"
    );
}

#[test]
fn commands_find_the_network_from_below_by_flag_and_by_environment() {
    let root = SHARED.root();
    let below = root.join("nodes/n0");
    assert_eq!(run(&below, &["account", "list"]).code, 0);
    let empty = folder();
    let directory = SHARED.directory().to_str().expect("the path is text");
    assert_eq!(run(empty.path(), &["account", "list"]).code, 13);
    assert_eq!(
        run(empty.path(), &["account", "list", "--dir", directory]).code,
        0
    );
    let mut command = program(empty.path(), &["account", "list"]);
    let ran = finish(command.env("CHAINSPACE_DIR", directory));
    assert_eq!(ran.code, 0, "{ran:?}");
    let env = SHARED.json(0, &["testnet", "env"]);
    assert_eq!(env["CHAINSPACE_DIR"], directory);
}
