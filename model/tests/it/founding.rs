//! What founders hand to each other, and that nothing of it can be bent.

use model::descriptor::BadDescriptor;
use model::founding::BadPaper;
use model::key::Zip215;
use model::{Consent, NetworkId, NodeDescriptor, ShardRecord, SignedDescriptor};

use crate::membership::{describe, record};
use crate::world::{NETWORK, node, secret};

const ELSEWHERE: NetworkId = NetworkId::from_bytes([9; 32]);

fn described(descriptor: NodeDescriptor, by: u8) -> SignedDescriptor {
    SignedDescriptor::new(NETWORK, descriptor, |bytes| secret(by).sign(bytes))
}

fn agreed(record: &ShardRecord, person: u8, by: u8) -> Consent {
    Consent::new(NETWORK, record, node(person), |bytes| {
        secret(by).sign(bytes)
    })
}

#[test]
fn a_node_describes_itself_and_nobody_else_does() {
    let good = described(describe(1), 1);
    assert_eq!(good.clone().verify(NETWORK, &mut Zip215), Ok(describe(1)));
    let other = BadPaper::OtherNetwork {
        expected: ELSEWHERE,
        found: NETWORK,
    };
    assert_eq!(good.clone().verify(ELSEWHERE, &mut Zip215), Err(other));
    let unsigned = Err(BadPaper::Signature(node(1)));
    let by_another = described(describe(1), 2);
    assert_eq!(by_another.verify(NETWORK, &mut Zip215), unsigned);
    let mut moved = good.clone();
    moved.descriptor.addresses[0] = "/ip4/192.0.2.99/tcp/9000".to_owned();
    assert_eq!(moved.verify(NETWORK, &mut Zip215), unsigned);
    let relabelled = SignedDescriptor {
        network: ELSEWHERE,
        ..good
    };
    assert_eq!(relabelled.verify(ELSEWHERE, &mut Zip215), unsigned);
}

#[test]
fn a_descriptor_that_cannot_be_registered_is_refused_although_it_is_signed() {
    let nameless = NodeDescriptor {
        name: String::new(),
        ..describe(1)
    };
    let refused = described(nameless, 1).verify(NETWORK, &mut Zip215);
    assert_eq!(refused, Err(BadPaper::Descriptor(BadDescriptor::Name)));
}

#[test]
fn a_consent_is_to_one_record_on_one_network_by_one_node() {
    let record = record(1..=4);
    let good = agreed(&record, 2, 2);
    assert_eq!(good.verify(NETWORK, &record, &mut Zip215), Ok(()));
    let unsigned = Err(BadPaper::Signature(node(2)));
    let dearer = ShardRecord {
        price: record.price + 1,
        ..record.clone()
    };
    assert_eq!(good.verify(NETWORK, &dearer, &mut Zip215), unsigned);
    let by_another = agreed(&record, 2, 3);
    assert_eq!(by_another.verify(NETWORK, &record, &mut Zip215), unsigned);
    let other = good.verify(ELSEWHERE, &record, &mut Zip215);
    assert!(matches!(other, Err(BadPaper::OtherNetwork { .. })));
    let relabelled = Consent {
        network: ELSEWHERE,
        ..good
    };
    let bent = relabelled.verify(ELSEWHERE, &record, &mut Zip215);
    assert_eq!(bent, unsigned);
}

#[test]
fn terms_are_the_nodes_and_the_price_and_nothing_else() {
    let first = record(1..=4);
    let renumbered = ShardRecord {
        shard: crate::world::shard(99),
        ..first.clone()
    };
    assert_eq!(renumbered.terms(), first.terms());
    assert_ne!(renumbered.hash(), first.hash());
    let dearer = ShardRecord {
        price: first.price + 1,
        ..first.clone()
    };
    assert_ne!(dearer.terms(), first.terms());
    let mut swapped = first.clone();
    swapped.seats.swap(0, 1);
    assert_ne!(swapped.terms(), first.terms());
}
