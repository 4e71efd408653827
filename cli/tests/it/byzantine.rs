//! A node that lies on purpose: it is caught, who has proof of it can be asked, and nobody is held up.

use std::fs;

use model::key::Zip215;
use model::{Malpractice, encoding};
use serde_json::Value;

use crate::support::{Network, eventually};

/// Pays until the nodes have a proof of each of these lies, and returns what they have.
fn caught(network: &Network, send: &[&str], lies: &[(&str, &str)]) -> Vec<Value> {
    eventually("the liar is caught", || {
        assert_eq!(network.json(0, send)["outcome"], "committed");
        let data = network.json(0, &["evidence", "list"]);
        let found = data["evidence"].as_array().expect("a list").clone();
        let proven = |(name, lie): &(&str, &str)| {
            let mut found = found.iter();
            found.any(|proof| proof["name"] == *name && proof["lie"] == *lie)
        };
        lies.iter().all(proven).then_some(found)
    })
}

#[test]
fn who_equivocates_is_caught_and_the_proof_can_be_checked_by_anybody() {
    let network = Network::start();
    let none = network.json(0, &["evidence", "list"]);
    assert_eq!(none["evidence"], serde_json::json!([]));
    let told = network.json(0, &["testnet", "byzantine", "n3", "--equivocate"]);
    assert_eq!(told["nodes"][3]["lies"], serde_json::json!(["equivocate"]));
    let status = network.run(&["status"]);
    assert!(status.stdout.contains(", lies on purpose"), "{status:?}");

    let send = ["send", "1", "bob", "--from", "alice"];
    let lies = [("n3", "two votes"), ("n3", "two proposals")];
    let found = caught(&network, &send, &lies);
    assert!(found.iter().all(|proof| proof["name"] == "n3"), "{found:?}");

    let saved = network.json(0, &["evidence", "save", "1", "--out", "lie.cse"]);
    let bytes = fs::read(network.directory().join("lie.cse")).expect("it was written");
    let record: Malpractice = encoding::decode(&bytes, bytes.len()).expect("it is a record");
    assert_eq!(record.verify(&mut Zip215), Ok(()));
    assert_eq!(saved["lie"], record.lie.kind().to_string());

    // The proofs outlive the nodes' processes, and an honest node is one again.
    network.json(0, &["testnet", "byzantine", "n3", "--honest"]);
    for node in ["n0", "n1", "n2"] {
        network.json(0, &["testnet", "kill", node]);
        network.json(0, &["testnet", "restart", node]);
    }
    let found = caught(&network, &send, &lies[..1]);
    assert!(found.iter().all(|proof| proof["name"] == "n3"), "{found:?}");
    assert!(
        network
            .nodes()
            .iter()
            .all(|node| node["lies"] == serde_json::json!([]))
    );
    network.agreed_head();
}

#[test]
fn who_signs_two_heads_or_shows_another_shard_the_opposite_holds_nobody_up() {
    let network = Network::start_across();
    let flags = ["testnet", "byzantine", "n6", "--two-heads", "--false-votes"];
    network.json(0, &flags);
    let send = ["send", "1", "bob", "--from", "alice", "--shard", "1"];
    let found = caught(&network, &send, &[("n6", "two heads")]);
    assert!(found.iter().all(|proof| proof["name"] == "n6"), "{found:?}");
}

#[test]
fn who_shows_another_shard_the_opposite_under_its_own_name_alone_is_caught() {
    let network = Network::start_across();
    network.json(0, &["testnet", "byzantine", "n3", "--false-votes"]);
    let send = ["send", "1", "bob", "--from", "alice", "--shard", "1"];
    let found = caught(&network, &send, &[("n3", "two heads")]);
    assert!(found.iter().all(|proof| proof["name"] == "n3"), "{found:?}");
}

#[test]
fn what_makes_no_sense_is_refused_and_nobody_lies() {
    let network = Network::start();
    let refused = |code: i32, arguments: &[&str], why: &str| {
        let ran = network.run(arguments);
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.stderr.contains(why), "{ran:?}");
    };
    refused(2, &["testnet", "byzantine", "n3"], "required");
    let both = ["testnet", "byzantine", "n3", "--honest", "--equivocate"];
    refused(2, &both, "cannot be used with");
    let nobody = ["testnet", "byzantine", "n9", "--equivocate"];
    refused(2, &nobody, "there is no node n9");
    let save = |number| ["evidence", "save", number, "--out", "lie.cse"];
    refused(2, &save("1"), "there is no evidence 1: there are 0");
    refused(2, &save("0"), "there is no evidence 0");
    assert!(!network.directory().join("lie.cse").exists());
    assert!(
        network
            .nodes()
            .iter()
            .all(|node| node["lies"] == serde_json::json!([]))
    );
}
