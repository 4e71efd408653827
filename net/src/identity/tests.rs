//! That a record proves what it should and nothing else.

use model::SecretKey;

use super::*;

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
    }
}

/// Signs a record with the right key after a change, and says why it is refused.
#[track_caller]
fn check(change: impl FnOnce(&mut NodeRecord), expected: Result<(), RecordError>) {
    let peer = PeerId::random();
    let mut record = record(&peer);
    change(&mut record);
    let verified = record.clone().sign(&signer(1)).verify(&network(), &peer);
    assert_eq!(verified, expected.map(|()| record));
}

#[test]
fn a_record_proves_itself_and_nothing_else() {
    check(|_| (), Ok(()));
    check(|record| record.addresses.clear(), Ok(()));
    let other = NetworkId::from_bytes([8; 32]);
    check(
        |record| record.network = other,
        Err(RecordError::OtherNetwork(other)),
    );
    check(
        |record| record.peer = PeerId::random().to_bytes().into(),
        Err(RecordError::OtherPeer),
    );
    check(
        |record| record.addresses = vec!["/".into(); ADDRESSES_MAX + 1],
        Err(RecordError::Addresses),
    );
    check(
        |record| record.addresses = vec!["a".repeat(ADDRESS_BYTES_MAX + 1)],
        Err(RecordError::Addresses),
    );
    check(
        |record| record.node = NodeId::new(secret(2).public()),
        Err(RecordError::Signature),
    );
}

#[test]
fn every_field_of_a_record_is_signed() {
    let peer = PeerId::random();
    let changes: [fn(&mut NodeRecord); 3] = [
        |record| record.sequence += 1,
        |record| record.addresses.clear(),
        |record| record.node = NodeId::new(secret(2).public()),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut signed = record(&peer).sign(&signer(1));
        change(&mut signed.record);
        let verified = signed.verify(&network(), &peer);
        assert_eq!(verified, Err(RecordError::Signature), "change {at}");
    }
}

#[test]
fn a_signature_of_the_same_bytes_for_another_purpose_proves_nothing() {
    let peer = PeerId::random();
    let record = record(&peer);
    let signature = secret(1).sign(&encoding::encode(&record));
    let verified = SignedRecord { record, signature }.verify(&network(), &peer);
    assert_eq!(verified, Err(RecordError::Signature));
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
