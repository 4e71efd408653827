//! A shard changes its members by papers that people mail to each other.

use std::fs;
use std::path::Path;

use crate::support::{Network, Ran, folder, run};

#[track_caller]
fn refused(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, code, "{ran:?}");
    let said = format!("{}{}", ran.stdout, ran.stderr);
    for word in words {
        assert!(said.contains(word), "{word}: {ran:?}");
    }
}

/// Runs a command, and keeps what it writes on stdout in a file. Where.
#[track_caller]
fn written(here: &Path, file: &str, arguments: &[&str]) -> String {
    let ran = run(here, arguments);
    assert_eq!(ran.code, 0, "{ran:?}");
    let path = here.join(file);
    fs::write(&path, ran.stdout).expect("it can be written");
    path.to_str().expect("the path is text").to_owned()
}

#[test]
fn a_newcomer_that_does_not_run_agrees_by_mail_and_the_same_command_again_finds_it_done() {
    let network = Network::start_across();
    let elsewhere = folder();
    let here = elsewhere.path();
    let file = network.root().join("genesis");
    let file = file.to_str().expect("the path is text");
    let listen = "/ip4/127.0.0.1/tcp/40110";
    let made = run(
        here,
        &["join", file, "eve", "--name", "eve", "--listen", listen],
    );
    assert_eq!(made.code, 0, "{made:?}");
    let config = ["--config", "eve/node.toml"];
    let eve = written(
        here,
        "eve.csd",
        &[&["node", "descriptor"], &config[..]].concat(),
    );

    let next = ["n4", "n5", "n6", &eve];
    let propose = |shard: &str| {
        network.run(&[&["shard", "propose"], &next[..], &["--shard", shard]].concat())
    };
    refused(
        &propose("0"),
        2,
        &["`n4` is no file, and no node of shard 0"],
    );
    let proposed = propose("1");
    assert!(
        proposed.stderr.contains("epoch 1 of shard 1"),
        "{proposed:?}"
    );
    let proposal = here.join("next.csp");
    fs::write(&proposal, &proposed.stdout).expect("it can be written");
    let proposal = proposal.to_str().expect("the path is text");

    let update = |shard: &str, papers: &[&str], rest: &[&str]| {
        let from = ["--from", "alice", "--json"];
        network.run(&[&["shard", "update", shard, proposal], papers, rest, &from].concat())
    };
    refused(&update("1", &[], &[]), 10, &["eve has not agreed"]);
    refused(&update("0", &[], &[]), 2, &["for epoch 1 of shard 1"]);
    refused(
        &update("1", &[], &["--price", "1CSC"]),
        2,
        &["leave out --price"],
    );
    refused(
        &update("1", &[&eve], &[]),
        2,
        &["no consent", "it is a descriptor"],
    );

    let consent = written(
        here,
        "eve.csc",
        &[&["node", "consent", proposal], &config[..]].concat(),
    );
    let changed = update("1", &[&consent], &[]).data(0);
    assert_eq!(
        (&changed["epoch"], &changed["changed"]),
        (&1.into(), &true.into())
    );
    let shown = network.json(0, &["shard", "show", "1"]);
    let names = shown["seats"].as_array().expect("seats").iter();
    let names: Vec<&str> = names.filter_map(|seat| seat["name"].as_str()).collect();
    assert_eq!(names, ["n4", "n5", "n6", "eve"]);
    let again = update("1", &[&consent], &[]).data(0);
    assert_eq!(
        (&again["epoch"], &again["changed"]),
        (&1.into(), &false.into())
    );

    // What it has lost is said by a node that was replaced, and by one that is not there.
    let retired = network.root().join("nodes/n7/config.toml");
    let retired = retired.to_str().expect("the path is text");
    let retired = network.json(0, &["status", "--config", retired]);
    let doing = retired["node"]["doing"].as_str().expect("a sentence");
    assert!(doing.contains("has no seat in shard 1 any more"), "{doing}");
    let silent = run(here, &[&["status"], &config[..]].concat());
    refused(&silent, 13, &["node eve does not answer"]);
}
