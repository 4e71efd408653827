//! The record of a shard: what a list of nodes must be, how it changes, and who has to agree.

use model::address::BadAddress;
use model::bounds::{ADDRESSES_MAX, NAME_BYTES_MAX, PRICE_MAX, SHARD_RECORD_BYTES_MAX};
use model::descriptor::BadDescriptor;
use model::key::Zip215;
use model::membership::{BadConsent, BadRecord, NoSeat};
use model::shard::{NotACommittee, Seat};
use model::{Epoch, NetworkId, NodeDescriptor, NodeId, Place, PublicKey, ShardRecord, Signature};

use crate::world::{NETWORK, node, secret, shard};

pub(crate) fn describe(person: u8) -> NodeDescriptor {
    NodeDescriptor {
        name: format!("node {person}"),
        node: node(person),
        addresses: vec![format!("/ip4/192.0.2.{person}/tcp/9000")],
    }
}

/// A shard of these people.
pub(crate) fn record(people: std::ops::RangeInclusive<u8>) -> ShardRecord {
    ShardRecord::founded(shard(7), people.map(describe).collect(), 5_000)
}

fn consents(record: &ShardRecord, people: impl IntoIterator<Item = u8>) -> Vec<Signature> {
    let bytes = record.consent_bytes(NETWORK);
    let people = people.into_iter();
    people.map(|person| secret(person).sign(&bytes)).collect()
}

#[track_caller]
fn check(change: impl FnOnce(&mut ShardRecord), expected: BadRecord) {
    let mut record = record(1..=4);
    change(&mut record);
    assert_eq!(record.check(NETWORK, None), Err(expected));
}

fn descriptor(record: &mut ShardRecord, seat: usize) -> &mut NodeDescriptor {
    match &mut record.seats[seat] {
        Place::Taken(descriptor) | Place::Vacated(descriptor) => descriptor,
    }
}

#[test]
fn a_shard_has_3_f_plus_1_nodes() {
    for size in 1..=20 {
        let found = usize::from(size);
        let expected = match size {
            1..4 => Err(BadRecord::Committee(NotACommittee::Size {
                min: 4,
                max: 100,
                found,
            })),
            4 | 7 | 10 | 13 | 16 | 19 => Ok(()),
            _ => Err(BadRecord::Form(found)),
        };
        assert_eq!(
            record(1..=size).check(NETWORK, None),
            expected,
            "{size} nodes"
        );
    }
    assert_eq!(record(1..=100).check(NETWORK, None), Ok(()));
    let found = 103;
    let size = NotACommittee::Size {
        min: 4,
        max: 100,
        found,
    };
    assert_eq!(record(1..=103).check(NETWORK, None), Err(size.into()));
}

#[test]
fn nodes_and_names_are_unique_and_keys_are_somebodys() {
    check(
        |record| descriptor(record, 2).node = node(1),
        NotACommittee::Repeated(node(1)).into(),
    );
    let weak = NodeId::new(PublicKey::from_bytes({
        let mut bytes = [0; 32];
        bytes[0] = 1;
        bytes
    }));
    check(
        |record| descriptor(record, 2).node = weak,
        NotACommittee::WeakKey(weak).into(),
    );
    check(
        |record| descriptor(record, 2).name = "node 1".to_owned(),
        BadRecord::TwoNames("node 1".to_owned()),
    );
}

#[test]
fn names_can_be_shown_as_they_are() {
    let good = ["a", "n0.example", "A node, with a comma"];
    for name in good
        .map(str::to_owned)
        .into_iter()
        .chain(["a".repeat(NAME_BYTES_MAX)])
    {
        let mut record = record(1..=4);
        descriptor(&mut record, 0).name = name;
        assert_eq!(record.check(NETWORK, None), Ok(()));
    }
    let bad = ["", " a", "a ", "a\n", "a\u{1b}[2J", "\u{fc}"];
    for name in bad
        .map(str::to_owned)
        .into_iter()
        .chain(["a".repeat(NAME_BYTES_MAX + 1)])
    {
        let reason = BadDescriptor::Name;
        let node = node(1);
        check(
            |record| descriptor(record, 0).name = name,
            BadRecord::Descriptor { node, reason },
        );
    }
}

#[test]
fn a_node_has_a_few_addresses_or_none() {
    let mut silent = record(1..=4);
    descriptor(&mut silent, 3).addresses.clear();
    assert_eq!(silent.check(NETWORK, None), Ok(()));

    let (limit, found) = (ADDRESSES_MAX, ADDRESSES_MAX + 1);
    let reason = BadDescriptor::Addresses { limit, found };
    let node = node(4);
    check(
        |record| {
            let addresses = &mut descriptor(record, 3).addresses;
            *addresses = vec![addresses[0].clone(); found];
        },
        BadRecord::Descriptor { node, reason },
    );
    let reason = BadDescriptor::Address(BadAddress::Transport);
    check(
        |record| descriptor(record, 3).addresses[0] = "/ip4/192.0.2.7".to_owned(),
        BadRecord::Descriptor { node, reason },
    );
}

#[test]
fn a_new_list_is_full_short_and_not_absurdly_expensive() {
    check(
        |record| *record = record.without(&node(2)).expect("a member"),
        BadRecord::Vacant,
    );
    let mut dear = record(1..=4);
    dear.price = PRICE_MAX;
    assert_eq!(dear.check(NETWORK, None), Ok(()));
    let (limit, found) = (PRICE_MAX, PRICE_MAX + 1);
    check(
        |record| record.price = found,
        BadRecord::Price { limit, found },
    );
    let mut long = record(1..=100);
    for seat in 0..100 {
        let label = format!("{seat:0>60}");
        let address = format!("/dns/{label}.{label}.org/tcp/9000");
        descriptor(&mut long, seat).addresses = vec![address; 2];
    }
    let found = model::encoding::encode(&long).len();
    let limit = SHARD_RECORD_BYTES_MAX;
    assert_eq!(
        long.check(NETWORK, None),
        Err(BadRecord::TooLong { limit, found })
    );
}

#[test]
fn a_hundred_nodes_that_name_their_peers_fit_a_record() {
    let peer = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";
    let mut record = record(1..=100);
    for seat in 0..100 {
        let address = format!("/ip4/255.255.255.255/tcp/65535/p2p/{peer}");
        descriptor(&mut record, seat).addresses = vec![address];
    }
    assert_eq!(record.check(NETWORK, None), Ok(()));
}

#[test]
fn an_excluded_node_has_no_seat_and_counts_for_n_and_f() {
    let full = record(1..=7);
    let left = full.without(&node(3)).expect("a member");
    assert_eq!(left.epoch, full.epoch, "no epoch begins");
    assert_eq!(left.seats[2], Place::Vacated(describe(3)));

    let committee = left.committee(NETWORK).expect("a committee");
    assert_eq!((committee.size(), committee.quorum()), (7, 5));
    assert_eq!(committee.seat(&node(3)), None);
    assert_eq!(committee.member(Seat::new(2).expect("a seat")), None);
    assert_eq!(committee.seat(&node(4)), Seat::new(3), "the others stay");
    assert_eq!(
        full.committee(NETWORK).expect("a committee").seat(&node(3)),
        Seat::new(2)
    );
}

#[test]
fn nobody_is_excluded_twice_or_without_having_a_seat() {
    let left = record(1..=4).without(&node(3)).expect("a member");
    assert_eq!(left.without(&node(3)), Err(NoSeat::AlreadyVacated(node(3))));
    assert_eq!(left.without(&node(5)), Err(NoSeat::NotAMember(node(5))));
    let all = (1..=4).try_fold(record(1..=4), |record, person| {
        record.without(&node(person))
    });
    assert!(all.is_ok(), "as many as have lied");
}

#[test]
fn an_epoch_follows_the_one_before_as_long_as_there_are_numbers() {
    let members: Vec<NodeDescriptor> = (2..=5).map(describe).collect();
    let next = record(1..=4)
        .followed_by(members.clone(), 6)
        .expect("a number");
    assert_eq!(next.epoch, Epoch::new(1));
    assert_eq!((next.shard, next.price), (shard(7), 6));
    assert_eq!(next.check(NETWORK, None), Ok(()));
    let last = ShardRecord {
        epoch: Epoch::new(u64::MAX),
        ..next
    };
    assert_eq!(last.followed_by(members, 6), None);
}

#[test]
fn every_node_of_a_new_shard_agrees_to_its_seat() {
    let record = record(1..=4);
    let check =
        |consents: &[Signature]| record.check_consents(NETWORK, None, consents, &mut Zip215);
    let good = consents(&record, 1..=4);
    assert_eq!(check(&good), Ok(()));
    let (needed, found) = (4, 3);
    assert_eq!(check(&good[..3]), Err(BadConsent::Count { needed, found }));
    let found = 5;
    let more = [&good[..], &good[..1]].concat();
    assert_eq!(check(&more), Err(BadConsent::Count { needed, found }));
    let swapped = [good[1], good[0], good[2], good[3]];
    assert_eq!(check(&swapped), Err(BadConsent::Signature(node(1))));
}

#[test]
fn a_consent_is_for_one_network_and_one_record() {
    let record = record(1..=4);
    let consents = consents(&record, 1..=4);
    let agrees = |network: NetworkId, record: &ShardRecord| {
        record.check_consents(network, None, &consents, &mut Zip215)
    };
    let not_agreed = Err(BadConsent::Signature(node(1)));
    assert_eq!(agrees(NETWORK, &record), Ok(()));
    assert_eq!(agrees(NetworkId::from_bytes([8; 32]), &record), not_agreed);
    let changes: [fn(&mut ShardRecord); 6] = [
        |record| record.shard = shard(8),
        |record| record.epoch = Epoch::new(1),
        |record| record.price += 1,
        |record| record.seats[3] = Place::Taken(describe(5)),
        |record| descriptor(record, 3).name.push('4'),
        |record| descriptor(record, 3).addresses.clear(),
    ];
    for change in changes {
        let mut other = record.clone();
        change(&mut other);
        assert_eq!(agrees(NETWORK, &other), not_agreed, "{other:?}");
    }
}

#[test]
fn who_stays_as_it_is_described_need_not_agree_again() {
    let before = record(1..=7);
    let mut members: Vec<NodeDescriptor> = (3..=9).map(describe).collect();
    members[0].name = "another name".to_owned();
    let next = before.followed_by(members, 5_000).expect("a number");
    let new: Vec<NodeId> = next.newcomers(Some(&before)).map(|new| new.node).collect();
    assert_eq!(new, [3, 8, 9].map(node));
    let good = consents(&next, [3, 8, 9]);
    assert_eq!(
        next.check_consents(NETWORK, Some(&before), &good, &mut Zip215),
        Ok(())
    );
}

#[test]
fn who_is_excluded_while_the_shard_hands_over_need_not_agree_again() {
    let before = record(1..=4);
    let next = before
        .followed_by((1..=4).map(describe).collect(), 5_000)
        .expect("a number");
    let meanwhile = before.without(&node(2)).expect("a member");
    assert_eq!(
        next.check_consents(NETWORK, Some(&meanwhile), &[], &mut Zip215),
        Ok(())
    );
}

#[test]
fn what_is_left_of_a_shard_is_the_same_but_for_those_who_are_gone() {
    let before = record(1..=7);
    let left = before.without(&node(3)).expect("a member");
    let further = left.without(&node(5)).expect("a member");
    assert!(left.is_left_of(&before));
    assert!(further.is_left_of(&before));
    assert!(further.is_left_of(&left));
    assert!(!before.is_left_of(&before));
    assert!(!left.is_left_of(&further));
    let dearer = ShardRecord {
        price: 1,
        ..left.clone()
    };
    assert!(!dearer.is_left_of(&before));
    let fewer = record(1..=6).without(&node(3)).expect("a member");
    assert!(!fewer.is_left_of(&before));
}
