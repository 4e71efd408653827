//! A node agrees to what its operator has allowed, and to nothing else.

use std::path::PathBuf;

use consensus::bft::Pace;
use model::key::Zip215;

use super::*;
use crate::testing::{genesis, member_key};

pub(crate) fn config(consents: &[&str]) -> Config {
    Config {
        name: "alice".to_owned(),
        directory: PathBuf::new(),
        genesis: PathBuf::new(),
        member_key: PathBuf::new(),
        network_key: PathBuf::new(),
        listen: vec![
            "/ip4/0.0.0.0/tcp/4700".to_owned(),
            "/ip4/127.0.0.1/tcp/4700".to_owned(),
        ],
        bootnodes: Vec::new(),
        external_addresses: Vec::new(),
        announce_private: crate::AnnouncePrivate::Auto,
        consents: consents.iter().map(|&word| word.to_owned()).collect(),
        approves: Vec::new(),
        block_entries_max: 1,
        replayed_blocks_max: 10_000,
        http: None,
        http_public: false,
        exempt_loopback: false,
        memory_mib: None,
        weather: None,
        lies: None,
        log: crate::config::Log::default(),
        pace: Pace::default(),
    }
}

pub(crate) fn applicant(consents: &[&str]) -> Applicant {
    let network = genesis().network();
    let folder = tempfile::tempdir().unwrap();
    let key = MemberKey::create(&folder.path().join("key")).unwrap();
    Applicant::new(&config(consents), key, network)
}

/// A shard of the applicant and three others.
pub(crate) fn record(applicant: &Applicant) -> ShardRecord {
    let others = (0..3).map(|seat| NodeDescriptor {
        name: format!("node-{seat}"),
        node: NodeId::new(member_key(seat).public()),
        addresses: Vec::new(),
    });
    let members = others.chain([applicant.descriptor.clone()]).collect();
    ShardRecord::founded(model::ShardId::new(5), members, 7)
}

#[test]
fn a_node_describes_itself_by_the_addresses_that_others_can_use() {
    let applicant = applicant(&[]);
    let described = applicant.describe();
    let descriptor = described.verify(genesis().network(), &mut Zip215).unwrap();
    assert_eq!(descriptor.name, "alice");
    assert_eq!(descriptor.addresses, ["/ip4/127.0.0.1/tcp/4700"]);
    let told = Config {
        external_addresses: vec!["/dns/alice.example.org/tcp/4700".to_owned()],
        ..config(&[])
    };
    let told = Applicant::new(&told, applicant.key, applicant.network);
    let addresses = told.describe().descriptor.addresses;
    assert_eq!(addresses, ["/dns/alice.example.org/tcp/4700"]);
}

#[test]
fn nothing_is_agreed_to_that_the_operator_has_not_allowed() {
    let applicant = applicant(&[]);
    let record = record(&applicant);
    let refused = applicant.agree_if_allowed(&record);
    assert_eq!(refused, Err(NoConsent::NotAllowed(record.terms())));
    let terms = Refused::NotAllowed(record.terms());
    assert_eq!(Refused::from(refused.unwrap_err()), terms);
}

#[test]
fn terms_that_are_allowed_are_agreed_to_under_any_number() {
    let mut applicant = applicant(&[]);
    let record = record(&applicant);
    applicant.consents = Consents::parse(&[record.terms().to_string()]).unwrap();
    for number in [5, 6] {
        let record = ShardRecord {
            shard: model::ShardId::new(number),
            ..record.clone()
        };
        let consent = applicant.agree_if_allowed(&record).expect("it is allowed");
        let network = applicant.network;
        assert_eq!(consent.verify(network, &record, &mut Zip215), Ok(()));
    }
    let dearer = ShardRecord { price: 8, ..record };
    let refused = applicant.agree_if_allowed(&dearer);
    assert_eq!(refused, Err(NoConsent::NotAllowed(dearer.terms())));
}

#[test]
fn whoever_agrees_to_anything_is_described_in_its_own_words() {
    let applicant = applicant(&["any"]);
    let record = record(&applicant);
    assert!(applicant.agree_if_allowed(&record).is_ok());
    let mut bent = applicant.descriptor.clone();
    bent.addresses = vec!["/ip4/192.0.2.9/tcp/1".to_owned()];
    let mut members: Vec<_> = record.descriptors().cloned().collect();
    members[3] = bent;
    let elsewhere = ShardRecord::founded(record.shard, members.clone(), 7);
    let other_words = Err(NoConsent::OtherWords(applicant.descriptor.node));
    assert_eq!(applicant.agree_if_allowed(&elsewhere), other_words);

    members[3] = NodeDescriptor {
        name: "another".to_owned(),
        node: NodeId::new(member_key(3).public()),
        addresses: Vec::new(),
    };
    let without = ShardRecord::founded(record.shard, members.clone(), 7);
    let not_listed = Err(NoConsent::NotListed(applicant.descriptor.node));
    assert_eq!(applicant.agree_if_allowed(&without), not_listed);
    members.pop();
    let small = ShardRecord::founded(record.shard, members, 7);
    let small = applicant.agree_if_allowed(&small);
    assert!(matches!(small, Err(NoConsent::Record(_))), "{small:?}");
}

#[test]
fn the_operator_agrees_at_once_and_on_one_network_only() {
    let applicant = applicant(&[]);
    let record = record(&applicant);
    let mut invitation = Invitation {
        network: applicant.network,
        record: record.clone(),
    };
    let consent = applicant.agree(&invitation).expect("the operator says so");
    let network = applicant.network;
    assert_eq!(consent.verify(network, &record, &mut Zip215), Ok(()));
    invitation.network = NetworkId::from_bytes([1; 32]);
    let refused = applicant.agree(&invitation);
    assert!(matches!(refused, Err(NoConsent::Paper(_))), "{refused:?}");
}

#[test]
fn words_that_are_neither_hashes_nor_any_mean_nothing() {
    let words =
        |words: &[&str]| -> Vec<String> { words.iter().map(|&word| word.to_owned()).collect() };
    assert_eq!(Consents::parse(&[]), Some(Consents::To(BTreeSet::new())));
    let hash = "0".repeat(64);
    let one = Consents::To([Hash::ZERO].into());
    assert_eq!(Consents::parse(&words(&[&hash])), Some(one));
    assert_eq!(
        Consents::parse(&words(&[&hash, "any"])),
        Some(Consents::Any)
    );
    assert_eq!(Consents::parse(&words(&["all"])), None);
}
