//! Whether a node that lied can come back without anybody noticing.

use client::NetworkKind;
use model::{NodeId, SecretKey, ShardId};

use super::*;

const ADDRESSES: Addresses = Addresses(NetworkKind::Local);

fn node(number: u8) -> NodeDescriptor {
    NodeDescriptor {
        name: format!("n{number}"),
        node: NodeId::new(SecretKey::from_seed([number; 32]).public()),
        addresses: Vec::new(),
    }
}

/// Shard 1 with four nodes, of which these were excluded.
fn record(excluded: &[u8]) -> ShardRecord {
    let founded = ShardRecord::founded(ShardId::new(1), (1..=4).map(node).collect(), 0);
    let excluded = excluded.iter();
    excluded.fold(founded, |left, number| {
        left.without(&node(*number).node).expect("it has a seat")
    })
}

/// What comes of a list of nodes, of which these are to be seated again.
fn ask(listed: &[u8], again: &[&str], before: &ShardRecord) -> Result<(), Failure> {
    let members: Vec<NodeDescriptor> = listed.iter().copied().map(node).collect();
    let again: Vec<String> = again.iter().map(|text| (*text).to_owned()).collect();
    refuse_excluded(ADDRESSES, &members, &again, before)
}

#[track_caller]
fn refused(listed: &[u8], again: &[&str], before: &ShardRecord, words: &[&str]) {
    let failure = ask(listed, again, before).expect_err("it is refused");
    assert_eq!(failure.exit, Exit::Usage);
    let said = format!("{} {}", failure.message, failure.hint.unwrap_or_default());
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn a_list_with_a_node_that_was_excluded_is_refused_and_says_what_to_do() {
    let before = record(&[4]);
    let words = ["shard 1 has excluded n4", "leave it out", "--again n4"];
    refused(&[1, 2, 3, 4], &[], &before, &words);
    // One that is to come back brings no other one.
    let both = record(&[2, 4]);
    refused(
        &[1, 2, 3, 4],
        &[],
        &both,
        &["n2, n4", "--again n2 --again n4"],
    );
    refused(&[1, 2, 3, 4], &["n2"], &both, &["has excluded n4 for"]);
    // Nor does the word of another shard, or of nobody.
    refused(&[1, 2, 3, 5], &["n4"], &before, &["--again names `n4`"]);
}

#[test]
fn a_node_that_was_excluded_comes_back_on_purpose() {
    let before = record(&[4]);
    let address = ADDRESSES.node(&node(4).node);
    for again in ["n4", &address] {
        assert!(ask(&[1, 2, 3, 4], &[again], &before).is_ok(), "{again}");
    }
    // The same command again, when it has its seat.
    assert!(ask(&[1, 2, 3, 4], &["n4"], &record(&[])).is_ok());
}

#[test]
fn a_list_without_a_node_that_was_excluded_is_as_good_as_any() {
    assert!(ask(&[1, 2, 3, 5], &[], &record(&[4])).is_ok());
    assert!(ask(&[1, 2, 3, 4], &[], &record(&[])).is_ok());
}
