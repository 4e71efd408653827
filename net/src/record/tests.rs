//! That a record proves what it should and nothing else.

use std::sync::Arc;

use model::SecretKey;

use super::*;

const NOW: u64 = 1_000;

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
        expires: NOW + 1,
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
    let changes: [fn(&mut NodeRecord); 4] = [
        |record| record.expires += 1,
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

/// Signs a record with the right key after a change, and says whether it may be kept for others.
fn prove(reach: Reach, change: impl FnOnce(&mut NodeRecord)) -> Result<Proven, RecordError> {
    let mut record = record(&PeerId::random());
    change(&mut record);
    let network = network();
    record
        .sign(&signer(1))
        .prove(&Rules { network, reach }, NOW)
}

/// Says why a record is not kept after a change.
#[track_caller]
fn refuse(change: impl FnOnce(&mut NodeRecord), expected: RecordError) {
    assert_eq!(prove(Reach::Local, change), Err(expected));
}

#[test]
fn a_record_is_kept_for_others_if_it_is_of_use_to_them() {
    let peer = PeerId::random();
    let bytes = peer.to_bytes();
    let proven = prove(Reach::Local, |record| record.peer = bytes.into());
    let expected = Proven {
        node: NodeId::new(secret(1).public()),
        peer,
        addresses: vec!["/ip4/127.0.0.1/tcp/9000".parse().expect("an address")],
        sequence: 5,
        expires: NOW + 1,
    };
    assert_eq!(proven, Ok(expected));
}

#[test]
fn what_is_of_no_use_to_others_is_not_kept() {
    let other = NetworkId::from_bytes([8; 32]);
    refuse(
        |record| record.network = other,
        RecordError::OtherNetwork(other),
    );
    refuse(
        |record| record.peer = vec![1, 2].into(),
        RecordError::OtherPeer,
    );
    refuse(|record| record.addresses.clear(), RecordError::NoAddress);
    refuse(|record| record.expires = NOW, RecordError::Expired);
    let key = NodeId::new(secret(2).public());
    refuse(|record| record.node = key, RecordError::Signature);
    for many in [ADDRESSES_MAX + 1, 100] {
        let addresses = vec!["/ip4/127.0.0.1/tcp/9000".to_owned(); many];
        refuse(
            |record| record.addresses = addresses,
            RecordError::Addresses,
        );
    }
}

#[test]
fn every_address_must_be_one_to_tell_others() {
    let peer = PeerId::random();
    for bad in [
        String::new(),
        "/ip4/127.0.0.1".into(),
        "/ip4/127.0.0.1/tcp/0".into(),
        "/ip4/0.0.0.0/tcp/1".into(),
        "/dns4/example.org/tcp/1".into(),
        format!("/ip4/127.0.0.1/tcp/1/p2p/{peer}"),
    ] {
        let good = "/ip4/127.0.0.1/tcp/1".to_owned();
        let addresses = vec![good, bad.clone()];
        refuse(
            |record| record.addresses = addresses,
            RecordError::Address(bad),
        );
    }
}

#[test]
fn private_addresses_are_of_no_use_on_an_open_network() {
    let private = "/ip4/127.0.0.1/tcp/9000".to_owned();
    let refused = prove(Reach::Global, |_| ());
    assert_eq!(refused, Err(RecordError::Address(private)));
    let global = prove(Reach::Global, |record| {
        record.addresses = vec!["/ip4/8.8.8.8/tcp/9000".into()];
    });
    assert!(global.is_ok(), "{global:?}");
}

#[test]
fn the_longest_record_fits_its_limit_and_comes_back_from_its_bytes() {
    let mut record = record(&PeerId::random());
    let longest = format!("/ip6/{}/udp/65535/quic-v1", ["ffff"; 8].join(":"));
    record.addresses = vec![longest; ADDRESSES_MAX];
    (record.sequence, record.expires) = (u64::MAX, u64::MAX);
    let signed = record.sign(&signer(1));
    let bytes = signed.encode();
    assert!(bytes.len() <= RECORD_BYTES_MAX / 2, "{}", bytes.len());
    assert_eq!(SignedRecord::decode(&bytes), Ok(signed));
}

/// What members sign must not change without notice: others would no longer believe them.
#[test]
fn the_bytes_that_are_signed_are_these() {
    let mut record = record(&PeerId::random());
    record.peer = vec![1, 2, 3].into();
    let bytes = record.signed_bytes();
    let hex: String = bytes[RECORD_DOMAIN.len()..]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let (network, node) = ("07".repeat(32), record.node);
    let address = "2f6970342f3132372e302e302e312f7463702f39303030";
    let expected = format!("865820{network}5820{node}430102038177{address}051903e9");
    assert_eq!(hex, expected);
    assert_eq!(&bytes[..RECORD_DOMAIN.len()], b"chainspace/v1/node-record");
}
