//! Nodes that are cut off from each other, or hear each other late.

use serde_json::Value;

use crate::support::{Network, eventually};

const CSC: u64 = 1_000_000_000;
const SUPPLY: u64 = 10_000 * CSC;

/// Waits until these nodes have noticed that they are linked with so many others.
fn linked(network: &Network, nodes: &[usize], peers: u64) {
    eventually("the nodes notice", || {
        let found = network.nodes();
        let all = nodes.iter().all(|node| found[*node]["peers"] == peers);
        all.then_some(())
    });
}

#[test]
fn with_one_node_of_each_shard_cut_off_payments_commit_and_both_catch_up() {
    let network = Network::start_across();
    let cut = network.json(0, &["testnet", "partition", "n1", "n6"]);
    let is_cut: Vec<&Value> = (0..8).map(|node| &cut["nodes"][node]["cut"]).collect();
    let expected = [false, true, false, false, false, false, true, false];
    assert_eq!(is_cut, expected);
    for shard in ["0", "1"] {
        let send = ["send", "1", "bob", "--from", "alice", "--shard", shard];
        assert_eq!(network.json(0, &send)["outcome"], "committed");
    }
    network.json(0, &["testnet", "heal"]);
    caught_up(&network);
    assert_eq!(network.balance("bob"), 1_002 * CSC);
    assert_eq!(network.supply(), SUPPLY);
}

#[test]
fn with_two_nodes_of_four_cut_off_nothing_commits_and_after_healing_it_does() {
    let network = Network::start();
    network.json(0, &["testnet", "partition", "n2", "n3"]);
    linked(&network, &[0, 1, 2, 3], 1);
    let status = network.run(&["status"]);
    assert!(status.stdout.contains(", cut off"), "{status:?}");
    let send = ["send", "7", "bob", "--from", "alice"];
    let unknown = network.json(11, &[&send[..], &["--timeout", "10"]].concat());
    let sent = unknown["transaction"].clone();
    // Whoever is restarted in a partition is in it from the first word on.
    network.json(0, &["testnet", "restart", "n3"]);
    let unknown = network.json(11, &[&send[..], &["--timeout", "1"]].concat());
    assert_eq!(unknown["transaction"], sent);
    network.json(0, &["testnet", "heal"]);
    let settled = network.json(0, &send);
    assert_eq!(settled["outcome"], "committed");
    assert_eq!(settled["transaction"], sent, "it was paid once");
    assert_eq!(network.balance("bob"), 1_007 * CSC);
    network.agreed_head();
    assert_eq!(network.supply(), SUPPLY);
}

#[test]
fn a_node_that_hears_everything_late_holds_nobody_up_and_can_be_used() {
    let network = Network::start();
    let late = network.json(0, &["testnet", "delay", "n1", "300"]);
    assert_eq!(late["nodes"][1]["delay_ms"], 300);
    for via in ["n0", "n1"] {
        let data = network.json(0, &["send", "1", "bob", "--from", "alice", "--via", via]);
        assert_eq!(data["outcome"], "committed", "via {via}");
    }
    let over = network.json(0, &["testnet", "delay", "n1", "0"]);
    assert_eq!(over["nodes"][1]["delay_ms"], 0);
    network.agreed_head();
    assert_eq!(network.supply(), SUPPLY);
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let network = Network::start();
    let refused = |code: i32, arguments: &[&str], why: &str| {
        let ran = network.run(&[&["testnet"], arguments].concat());
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.stderr.contains(why), "{ran:?}");
    };
    refused(2, &["partition"], "required");
    refused(2, &["partition", "n1", "n9"], "there is no node n9");
    refused(1, &["partition", "n1", "n1"], "node n1 is named twice");
    refused(1, &["partition", "n0", "n1", "n2", "n3"], "two sides");
    refused(2, &["delay", "n9", "100"], "there is no node n9");
    refused(2, &["delay", "n1", "60001"], "60000");
    refused(2, &["delay", "n1", "-1"], "-1");
    let nodes = network.nodes();
    assert!(
        nodes
            .iter()
            .all(|node| node["cut"] == false && node["delay_ms"] == 0)
    );
}

/// One node of each shard is killed with signal 9 while payments cross the shards.
#[test]
fn survival_across_shards() {
    let network = Network::start_across();
    let (mut paid, mut orders) = (0, 0);
    for victims in [["n1", "n5"], ["n2", "n4"], ["n0", "n7"]] {
        std::thread::scope(|scope| {
            let payer = |from: &'static str, shard: &'static str| {
                let network = &network;
                scope.spawn(move || {
                    let send = ["send", "1", "judy", "--from", from, "--shard", shard];
                    (0..3).map(|_| network.run(&send).code).collect::<Vec<_>>()
                })
            };
            let payers = [("alice", "1"), ("bob", "0"), ("carol", "1"), ("dave", "0")];
            let payers = payers.map(|(from, shard)| payer(from, shard));
            for node in victims {
                network.json(0, &["testnet", "kill", node]);
            }
            for payer in payers {
                let codes = payer.join().expect("it ends");
                orders += codes.len();
                paid += codes.iter().filter(|code| **code == 0).count();
            }
        });
        for node in victims {
            network.json(0, &["testnet", "restart", node]);
        }
        caught_up(&network);
    }
    assert_eq!(paid, orders, "three of four are enough in each shard");
    assert_eq!(network.balance("judy"), (1_000 + paid as u64) * CSC);
    assert_eq!(network.supply(), SUPPLY);
}

#[test]
fn a_short_torture_breaks_no_promise_and_leaves_nothing_behind() {
    let folder = crate::support::folder();
    let place = folder.path().join("torture");
    let place = place.to_str().expect("the path is text");
    let torture = ["testnet", "torture", "--seconds", "15", "--seed", "3"];
    let ran = crate::support::run(
        folder.path(),
        &[&torture[..], &["--dir", place, "--json"]].concat(),
    );
    let data = ran.data(0);
    assert_eq!(data["broken"], serde_json::json!([]), "seed 3: {ran:?}");
    assert!(data["committed"].as_u64() > Some(0), "seed 3: {ran:?}");
    assert!(data["across"].as_u64() > Some(0), "seed 3: {ran:?}");
    let faults = data["faults"].as_object().expect("faults");
    let faults: u64 = faults.values().filter_map(Value::as_u64).sum();
    assert!(faults > 0, "seed 3: {ran:?}");
    let left = std::fs::read_dir(place).map_or(0, Iterator::count);
    assert_eq!(left, 0, "nothing is kept");
}

#[test]
fn members_that_are_killed_while_an_epoch_ends_break_no_promise() {
    let folder = crate::support::folder();
    let place = folder.path().join("torture");
    let place = place.to_str().expect("the path is text");
    let torture = "testnet torture --epochs --seconds 12 --seed 5 --json --dir";
    let arguments: Vec<&str> = torture.split(' ').chain([place]).collect();
    let ran = crate::support::run(folder.path(), &arguments);
    let data = ran.data(0);
    assert_eq!(data["broken"], serde_json::json!([]), "seed 5: {ran:?}");
    assert!(data["committed"].as_u64() > Some(0), "seed 5: {ran:?}");
    assert!(data["epochs"].as_u64() > Some(0), "seed 5: {ran:?}");
    assert!(
        data["faults"]["kills"].as_u64() > Some(0),
        "seed 5: {ran:?}"
    );
}

/// Waits until all nodes of each shard are ready and have one head.
fn caught_up(network: &Network) {
    eventually("all nodes of a shard have the same head", || {
        let nodes = network.nodes();
        let same = |shard: &[Value]| {
            let first = &shard[0]["head"];
            let agrees = |node: &Value| node["head"] == *first && node["ready"] == true;
            shard.iter().all(agrees)
        };
        nodes.chunks(4).all(same).then_some(())
    });
}
