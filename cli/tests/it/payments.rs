//! Payments, what they leave, and what they prove.

use std::fs;

use crate::support::{Network, SHARED, folder, number, run};

const CSC: u64 = 1_000_000_000;

#[test]
fn a_payment_commits_and_moves_exactly_what_it_says() {
    let network = &*SHARED;
    let data = network.json(0, &["send", "5", "dave", "--from", "carol"]);
    assert_eq!(data["outcome"], "committed");
    let shards = data["shards"].as_array().expect("the shards");
    assert_eq!(shards.len(), 1, "the money stays where it is");
    assert!(data["milliseconds"].is_u64(), "{data}");
    assert_eq!(number(&data["amount"]), 5 * CSC);
    assert_eq!(network.balance("carol"), 995 * CSC);
    assert_eq!(network.balance("dave"), 1_005 * CSC);
    let id = data["transaction"].as_str().expect("an id");
    for command in ["show", "wait"] {
        let found = network.json(0, &["tx", command, id]);
        assert_eq!(found["transaction"], id);
        assert_eq!(found["outcome"], "committed");
    }
}

#[test]
fn every_node_answers_like_the_others_after_a_payment() {
    let network = &*SHARED;
    for (paid, via) in (1..).zip(["n0", "n1", "n2", "n3"]) {
        let data = network.json(0, &["send", "1", "frank", "--from", "erin", "--via", via]);
        assert_eq!(data["outcome"], "committed", "via {via}");
        assert_eq!(network.balance("frank"), (1_000 + paid) * CSC, "via {via}");
    }
}

#[test]
fn a_payment_into_another_shard_commits_in_both_or_in_none() {
    let network = Network::start_across();
    let homes = |name: &str| -> Vec<u64> {
        let shown = network.json(0, &["account", "show", name]);
        let objects = shown["objects"].as_array().expect("objects");
        objects
            .iter()
            .filter_map(|object| object["shard"].as_u64())
            .collect()
    };
    let [home] = homes("erin")[..] else {
        panic!("erin begins with one account");
    };
    let other = (1 - home).to_string();
    let send = ["send", "5", "ivan", "--from", "erin", "--shard", &other];
    let ran = network.run(&[&send[..], &["--watch"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    for shard in 0..2 {
        let lane = |line: &&str| line.starts_with(&format!("shard {shard}  "));
        let lane = ran
            .stderr
            .lines()
            .find(lane)
            .expect("a lane for each shard");
        assert!(
            lane.contains("commit ") && lane.contains("signed by"),
            "{lane}"
        );
    }
    let shown = network.json(0, &["tx", "show", ran.stdout.trim()]);
    assert_eq!(shown["shards"], serde_json::json!([0, 1]));
    let decisions = shown["decisions"].as_array().expect("decisions");
    assert!(
        decisions
            .iter()
            .all(|decision| decision["outcome"] == "committed")
    );
    assert!(homes("ivan").contains(&(1 - home)));
    assert_eq!(network.balance("erin"), 995 * CSC);
    assert_eq!(network.balance("ivan"), 1_005 * CSC);

    // Two of the four members of the other shard are too few.
    let first = 4 * (1 - home);
    for node in [format!("n{first}"), format!("n{}", first + 1)] {
        network.json(0, &["testnet", "kill", &node]);
    }
    let wait = [&send[..], &["--timeout", "10"]].concat();
    let unknown = network.run(&wait);
    assert_eq!(unknown.code, 11, "{unknown:?}");
    assert!(
        unknown
            .stderr
            .contains(&format!("no decision from shard {other}")),
        "{unknown:?}"
    );
    for node in [format!("n{first}"), format!("n{}", first + 1)] {
        network.json(0, &["testnet", "restart", &node]);
    }
    let settled = network.json(0, &send);
    assert_eq!(settled["outcome"], "committed");
    assert_eq!(network.balance("ivan"), 1_010 * CSC);
}

#[test]
fn the_identifier_is_said_before_and_after_and_alone_on_stdout() {
    let ran = SHARED.run(&["send", "0.5CSC", "heidi", "--from", "grace", "--watch"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let id = ran.stdout.trim();
    assert!(
        id.starts_with("lcstx1") && !id.contains(char::is_whitespace),
        "{ran:?}"
    );
    let said = ran.stderr.find(id).expect("the id is on stderr");
    let taken = ran
        .stderr
        .find("has it")
        .expect("the watcher sees a node take it");
    assert!(said < taken, "{ran:?}");
    assert!(ran.stderr.contains("committed in"), "{ran:?}");
}

#[test]
fn a_receipt_verifies_without_a_network_and_fails_after_any_change() {
    let network = &*SHARED;
    let elsewhere = folder();
    let file = elsewhere.path().join("payment.csr");
    let path = file.to_str().expect("the path is text");
    let sent = network.json(
        0,
        &["send", "1", "judy", "--from", "ivan", "--receipt", path],
    );
    assert_eq!(sent["receipt"], path);

    let verify = |file: &str| run(elsewhere.path(), &["receipt", "verify", file, "--json"]);
    let verified = verify(path);
    assert_eq!(verified.data(0)["transaction"], sent["transaction"]);
    assert_eq!(verified.data(0)["outcome"], "committed");
    assert_eq!(verified.data(0)["network_known"], false);
    let here = network.json(0, &["receipt", "verify", path]);
    assert_eq!(here["network_known"], true);

    let bytes = fs::read(&file).expect("the receipt is there");
    let changed = elsewhere.path().join("changed.csr");
    let changed_path = changed.to_str().expect("the path is text");
    for at in (0..bytes.len())
        .step_by(bytes.len() / 24)
        .chain([bytes.len() - 1])
    {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        fs::write(&changed, flipped).expect("the folder can be written");
        assert_eq!(
            verify(changed_path).code,
            20,
            "byte {at} of {}",
            bytes.len()
        );
    }
    for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&changed, &bytes[..length]).expect("the folder can be written");
        assert_eq!(verify(changed_path).code, 20, "the first {length} bytes");
    }
    let foreign = "0".repeat(64);
    let ran = run(
        elsewhere.path(),
        &["receipt", "verify", path, "--network", &foreign],
    );
    assert_eq!(ran.code, 20, "{ran:?}");
}

#[test]
fn a_file_that_exists_is_not_overwritten_and_nothing_is_paid() {
    let network = Network::start();
    let file = network.directory().join("notes.txt");
    fs::write(&file, "mine").expect("the folder can be written");
    let ran = network.run(&[
        "send",
        "1",
        "bob",
        "--from",
        "alice",
        "--receipt",
        "notes.txt",
    ]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(
        fs::read_to_string(&file).expect("it is still there"),
        "mine"
    );
    assert_eq!(network.balance("alice"), 1_000 * CSC);
}
