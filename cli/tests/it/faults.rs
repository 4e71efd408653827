//! Nodes that end without warning, users that spend twice: what is promised is kept.

use std::path::Path;
use std::thread;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::{Network, Ran, eventually, folder, is_alive, pid, run, signal};

const CSC: u64 = 1_000_000_000;
const SUPPLY: u64 = 10_000 * CSC;

#[test]
fn with_one_node_of_four_killed_payments_commit_and_it_catches_up() {
    let network = Network::start();
    network.json(0, &["testnet", "kill", "n3"]);
    assert_eq!(network.nodes()[3]["pid"], Value::Null);
    for paid in 1..=3 {
        let data = network.json(0, &["send", "1", "bob", "--from", "alice"]);
        assert_eq!(data["outcome"], "committed", "payment {paid}");
        assert_eq!(network.balance("bob"), (1_000 + paid) * CSC);
    }
    network.json(0, &["testnet", "restart", "n3"]);
    network.agreed_head();
    assert_eq!(network.supply(), SUPPLY);
}

#[test]
fn with_two_nodes_killed_nothing_commits_nothing_is_lost_and_the_same_command_commits_once() {
    let network = Network::start();
    network.json(0, &["testnet", "kill", "n2"]);
    network.json(0, &["testnet", "kill", "n3"]);
    let unknown = network.json(
        11,
        &["send", "7", "bob", "--from", "alice", "--timeout", "10"],
    );
    let id = unknown["transaction"]
        .as_str()
        .expect("the id is never lost")
        .to_owned();
    assert!(id.starts_with("lcstx1"), "{id}");
    network.json(0, &["testnet", "restart", "n2"]);
    network.json(0, &["testnet", "restart", "n3"]);
    let committed = network.json(0, &["send", "7", "bob", "--from", "alice"]);
    assert_eq!(committed["outcome"], "committed");
    network.agreed_head();
    assert_eq!(network.balance("bob"), 1_007 * CSC);
    assert_eq!(network.balance("alice"), 993 * CSC);
    assert_eq!(network.supply(), SUPPLY);
}

#[test]
fn all_four_nodes_killed_at_once_come_back_to_the_same_state() {
    let network = Network::start();
    network.json(0, &["send", "3", "bob", "--from", "alice"]);
    let before = network.agreed_head();
    let pids: Vec<u32> = network.nodes().iter().filter_map(pid).collect();
    pids.iter().for_each(|pid| signal(*pid, Signal::SIGKILL));
    eventually("the supervisor has seen all of them end", || {
        let gone = network
            .nodes()
            .iter()
            .all(|node| node["state"] == "stopped");
        gone.then_some(())
    });
    let said = network.stderr();
    assert!(said.contains("node n0 was ended by SIGKILL"), "{said}");
    for node in ["n0", "n1", "n2", "n3"] {
        network.json(0, &["testnet", "restart", node]);
    }
    assert_eq!(network.agreed_head(), before);
    assert_eq!(network.balance("bob"), 1_003 * CSC);
    network.json(0, &["send", "3", "bob", "--from", "alice"]);
    assert_eq!(network.supply(), SUPPLY);
}

#[test]
fn a_node_that_is_paused_holds_nobody_up_and_catches_up() {
    let network = Network::start();
    network.json(0, &["testnet", "pause", "n1"]);
    assert_eq!(network.nodes()[1]["state"], "paused");
    let data = network.json(0, &["send", "2", "bob", "--from", "alice"]);
    assert_eq!(data["outcome"], "committed");
    network.json(0, &["testnet", "resume", "n1"]);
    network.agreed_head();
    assert_eq!(network.run(&["testnet", "resume", "n1"]).code, 1);
}

#[test]
fn no_process_outlives_a_supervisor_that_is_killed_and_the_state_is_kept() {
    let folder = folder();
    let network = Network::start_in(folder.path(), &[]);
    network.json(0, &["send", "4", "bob", "--from", "alice"]);
    let pids: Vec<u32> = network.nodes().iter().filter_map(pid).collect();
    assert_eq!(pids.len(), 4);
    network.json(0, &["testnet", "pause", "n2"]);
    signal(network.supervisor(), Signal::SIGKILL);
    for pid in pids {
        eventually("the node ends", || (!is_alive(pid)).then_some(()));
    }
    drop(network);
    let network = Network::start_in(folder.path(), &[]);
    assert_eq!(network.events[0]["resumed"], true);
    assert_eq!(network.balance("bob"), 1_004 * CSC);
    assert_eq!(network.supply(), SUPPLY);
}

#[test]
fn a_network_resumes_at_once_after_its_supervisor_was_killed_at_any_moment() {
    let folder = folder();
    for round in 1..=3 {
        let network = Network::start_in(folder.path(), &[]);
        assert_eq!(network.balance("bob"), (999 + round) * CSC);
        network.json(0, &["send", "1", "bob", "--from", "alice"]);
        signal(network.supervisor(), Signal::SIGKILL);
    }
    let network = Network::start_in(folder.path(), &[]);
    assert_eq!(network.balance("bob"), 1_003 * CSC);
    assert_eq!(network.supply(), SUPPLY);
}

/// Two wallets that know nothing of each other spend one object through two nodes at once.
#[test]
fn of_two_payments_from_one_object_exactly_one_commits() {
    let network = Network::start();
    let other = folder();
    copy_network(network.directory(), other.path());
    for round in 0..10 {
        let object = largest_object(&network, "alice");
        let spend = |directory: &Path, to: &str, via: &str| -> Ran {
            let from = [
                "--from", "alice", "--using", &object, "--via", via, "--json",
            ];
            run(directory, &[&["send", "1", to], &from[..]].concat())
        };
        let (one, two) = thread::scope(|scope| {
            let one = scope.spawn(|| spend(network.directory(), "bob", "n0"));
            let two = scope.spawn(|| spend(other.path(), "carol", "n3"));
            (one.join().expect("it ends"), two.join().expect("it ends"))
        });
        let mut codes = [one.code, two.code];
        codes.sort_unstable();
        assert_eq!(codes, [0, 10], "round {round}: {one:?} {two:?}");
        assert_eq!(network.supply(), SUPPLY, "round {round}");
    }
    let paid = network.balance("bob") + network.balance("carol") - 2_000 * CSC;
    assert_eq!(paid, 10 * CSC);
    network.agreed_head();
}

fn largest_object(network: &Network, account: &str) -> String {
    let shown = network.json(0, &["account", "show", account]);
    let object = shown["objects"][0]["object"].as_str();
    object.expect("the account has an object").to_owned()
}

/// Lets commands in `to` find the network that runs in `from`, with a wallet of their own.
fn copy_network(from: &Path, to: &Path) {
    let (from, to) = (from.join(".chainspace/local"), to.join(".chainspace/local"));
    std::fs::create_dir_all(&to).expect("the folder can be written");
    for file in ["network.json", "genesis", "endpoint.json"] {
        std::fs::copy(from.join(file), to.join(file)).expect("the file can be copied");
    }
}
