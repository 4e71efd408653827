//! What is said in a greeting, and the names of peers.

use model::bounds::{ADDRESS_BYTES_MAX, ADDRESSES_MAX};
use model::{NodeId, SecretKey};

use super::*;
use crate::record::NodeRecord;

fn secret(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

fn signer(number: u8) -> Sign {
    let secret = secret(number);
    Arc::new(move |message| secret.sign(message))
}

fn network() -> NetworkId {
    NetworkId::from_bytes([7; 32])
}

fn record(peer: &PeerId) -> NodeRecord {
    NodeRecord {
        network: network(),
        node: NodeId::new(secret(1).public()),
        peer: peer.to_bytes().into(),
        addresses: vec!["/ip4/127.0.0.1/tcp/9000".into()],
        sequence: 5,
        expires: u64::MAX,
    }
}

#[test]
fn a_greeting_comes_back_from_its_bytes_and_only_from_those() {
    let hello = Hello {
        network: network(),
        agent: "test/1".into(),
        record: Some(record(&PeerId::random()).sign(&signer(1))),
    };
    let mut bytes = encoding::encode(&hello);
    assert_eq!(Hello::decode(&bytes), Ok(hello));
    bytes.push(0);
    assert!(Hello::decode(&bytes).is_err());
}

#[test]
fn the_longest_greeting_fits_its_limit() {
    let mut record = record(&PeerId::random());
    record.addresses = vec!["a".repeat(ADDRESS_BYTES_MAX); ADDRESSES_MAX];
    record.sequence = u64::MAX;
    let hello = Hello {
        network: network(),
        agent: "a".repeat(AGENT_BYTES_MAX),
        record: Some(record.sign(&signer(1))),
    };
    assert!(encoding::encode(&hello).len() <= HELLO_BYTES_MAX);
}

#[test]
fn an_agent_is_one_short_printable_line() {
    for good in ["", "chainspace/0.1.0 (linux)", &"~".repeat(AGENT_BYTES_MAX)] {
        assert!(is_agent(good), "{good}");
    }
    for bad in [
        "a\nb",
        "a\u{1b}[31m",
        "\u{fc}",
        &"a".repeat(AGENT_BYTES_MAX + 1),
    ] {
        assert!(!is_agent(bad), "{bad:?}");
    }
}

#[test]
fn identify_names_the_network_of_a_peer() {
    let agent = identify_agent("network= what", &network());
    assert_eq!(identified_network(&agent), Some(network()));
    for other in ["", "kubo/0.30", "x network=", "x network=zz"] {
        assert_eq!(identified_network(other), None, "{other}");
    }
}

#[test]
fn a_peer_name_comes_back_from_its_text() {
    let name = PeerName(PeerId::random());
    assert_eq!(name.to_string().parse(), Ok(name));
    assert!("nobody".parse::<PeerName>().is_err());
}
