//! What a network can start with, and each reason why a document cannot start one.

use std::collections::BTreeSet;

use model::encoding::DecodeError;
use model::genesis::{BadGenesis, GenesisMapping, GenesisObject, GenesisShard};
use model::shard::NotACommittee;
use model::{
    ContractId, Genesis, Mapping, NodeDescriptor, NodeId, ObjectId, Profile, PublicKey, Time,
    bounds,
};

use crate::world::{CLOSED, OPEN, OTHER, node, shard, thing};

fn members(people: std::ops::RangeInclusive<u8>) -> Vec<NodeDescriptor> {
    people
        .map(|person| NodeDescriptor {
            name: format!("node {person}"),
            node: node(person),
            addresses: vec![format!("/ip4/10.0.0.{person}/tcp/9000")],
        })
        .collect()
}

fn object(home: u32) -> GenesisObject {
    let thing = thing(OPEN, 0, home);
    GenesisObject {
        object_type: thing.object_type,
        home: thing.home,
        content: thing.content,
    }
}

fn mapping(
    contract: ContractId,
    homes: &[u32],
    deciders: &[u32],
    frozen: &[&str],
) -> GenesisMapping {
    let shards = |numbers: &[u32]| numbers.iter().map(|number| shard(*number)).collect();
    let mapping = Mapping {
        homes: shards(homes),
        deciders: shards(deciders),
        frozen: frozen.iter().map(|&name| name.to_owned()).collect(),
    };
    GenesisMapping { contract, mapping }
}

/// Two shards, the mappings of two contracts, and two objects that are alike in each shard.
pub(crate) fn genesis() -> Genesis {
    let of = |number, people| GenesisShard {
        shard: shard(number),
        members: members(people),
    };
    Genesis {
        name: "test".to_owned(),
        created: Time::from_ms(1_700_000_000_000),
        profile: Profile::Open,
        shards: vec![of(1, 1..=4), of(4, 5..=8)],
        mappings: vec![
            mapping(OPEN, &[1, 4], &[1], &["frozen", "thing"]),
            mapping(OTHER, &[4], &[1, 4], &[]),
        ],
        objects: vec![object(1), object(1), object(4), object(4)],
    }
}

#[track_caller]
fn check(change: impl FnOnce(&mut Genesis), expected: BadGenesis) {
    let mut genesis = genesis();
    change(&mut genesis);
    assert_eq!(genesis.check(), Err(expected.clone()));
    assert_eq!(Genesis::from_bytes(&genesis.to_bytes()), Err(expected));
}

#[test]
fn a_good_document_comes_back_from_its_bytes() {
    let genesis = genesis();
    assert_eq!(genesis.check(), Ok(()));
    assert_eq!(Genesis::from_bytes(&genesis.to_bytes()), Ok(genesis));
}

#[test]
fn bytes_that_are_not_a_document_are_refused() {
    let mut bytes = genesis().to_bytes();
    bytes.push(0);
    assert_eq!(
        Genesis::from_bytes(&bytes),
        Err(BadGenesis::Encoding(DecodeError::Trailing { left: 1 }))
    );
    let limit = bounds::GENESIS_BYTES_MAX;
    let found = limit + 1;
    assert_eq!(
        Genesis::from_bytes(&vec![0; found]),
        Err(BadGenesis::Encoding(DecodeError::TooLong { limit, found }))
    );
}

#[test]
fn shards_are_there_and_strictly_ascend() {
    check(|genesis| genesis.shards.clear(), BadGenesis::Shards);
    check(|genesis| genesis.shards.reverse(), BadGenesis::Shards);
    let same_number = |genesis: &mut Genesis| genesis.shards[1].shard = shard(1);
    check(same_number, BadGenesis::Shards);
}

#[test]
fn the_members_of_each_shard_can_form_one() {
    let bad = |reason| BadGenesis::Members {
        shard: shard(4),
        reason,
    };
    let size = |found| {
        bad(NotACommittee::Size {
            min: 4,
            max: 100,
            found,
        })
    };
    check(
        |genesis| genesis.shards[1].members = members(5..=7),
        size(3),
    );
    check(
        |genesis| genesis.shards[1].members = members(5..=105),
        size(101),
    );
    check(
        |genesis| genesis.shards[1].members[3] = members(5..=5).remove(0),
        bad(NotACommittee::Repeated(node(5))),
    );
    let mut identity = [0; 32];
    identity[0] = 1;
    let weak = NodeId::new(PublicKey::from_bytes(identity));
    check(
        |genesis| genesis.shards[1].members[2].node = weak,
        bad(NotACommittee::WeakKey(weak)),
    );
}

#[test]
fn no_node_is_a_member_of_two_shards() {
    check(
        |genesis| genesis.shards[1].members[0].node = node(2),
        BadGenesis::TwoShards(node(2)),
    );
}

#[test]
fn every_object_has_a_home() {
    check(
        |genesis| genesis.objects[3].home = shard(2),
        BadGenesis::Homeless {
            index: 3,
            home: shard(2),
        },
    );
}

#[test]
fn no_object_lives_where_its_contract_does_not_allow_it() {
    let homeless = |index| BadGenesis::Homeless {
        index,
        home: shard(1),
    };
    check(
        |genesis| genesis.mappings[0].mapping.homes = vec![shard(4)],
        homeless(0),
    );
    check(
        |genesis| genesis.objects[1].object_type.contract = OTHER,
        homeless(1),
    );
    let mut unlisted = genesis();
    unlisted.objects[1].object_type.contract = CLOSED;
    assert_eq!(
        unlisted.check(),
        Ok(()),
        "who lists nothing trusts all shards"
    );
}

#[test]
fn mappings_strictly_ascend_by_contract() {
    check(
        |genesis| genesis.mappings.reverse(),
        BadGenesis::Mapping(OPEN),
    );
    check(
        |genesis| genesis.mappings[1].contract = OPEN,
        BadGenesis::Mapping(OPEN),
    );
}

#[test]
fn the_lists_of_a_mapping_ascend() {
    let changes: [fn(&mut Mapping); 8] = [
        |mapping| mapping.homes.clear(),
        |mapping| mapping.homes = vec![shard(4), shard(1)],
        |mapping| mapping.homes = vec![shard(4), shard(4)],
        |mapping| mapping.deciders.clear(),
        |mapping| mapping.deciders.reverse(),
        |mapping| mapping.deciders = vec![shard(1), shard(1)],
        |mapping| mapping.frozen = vec!["b".to_owned(), "a".to_owned()],
        |mapping| mapping.frozen = vec!["a".to_owned(), "a".to_owned()],
    ];
    for change in changes {
        check(
            |genesis| change(&mut genesis.mappings[1].mapping),
            BadGenesis::Mapping(OTHER),
        );
    }
}

/// Shards that do not exist have nobody who could answer: what concerns them is refused at once.
#[test]
fn a_mapping_may_name_shards_that_are_founded_later() {
    let mut early = genesis();
    let mapping = &mut early.mappings[1].mapping;
    mapping.homes = [4, 5].map(shard).to_vec();
    mapping.deciders = [0, 4].map(shard).to_vec();
    assert_eq!(early.check(), Ok(()));
    let policy = early.policy();
    assert!(policy.may_hold(&OTHER, shard(5)) && policy.may_decide(&OTHER, shard(0)));
    let known = [0, 1, 4, 5].map(|number| policy.knows(shard(number)));
    assert_eq!(known, [false, true, true, false]);

    early.objects[3].object_type.contract = OTHER;
    early.objects[3].home = shard(5);
    let homeless = BadGenesis::Homeless {
        index: 3,
        home: shard(5),
    };
    assert_eq!(early.check(), Err(homeless), "nobody could keep it");
}

#[test]
fn the_policy_is_that_of_the_document() {
    let policy = genesis().policy();
    assert_eq!(policy.profile(), Profile::Open);
    let asked = [OPEN, OTHER, CLOSED].map(|contract| {
        let shards = [1, 4, 5].map(shard);
        (
            shards.map(|shard| policy.may_hold(&contract, shard)),
            shards.map(|shard| policy.may_decide(&contract, shard)),
        )
    });
    let expected = [
        ([true, true, false], [true, false, false]),
        ([false, true, false], [true, true, false]),
        ([true, true, false], [true, true, false]),
    ];
    assert_eq!(asked, expected);
    assert!(policy.is_frozen(&OPEN, "frozen"));
    assert!(!policy.is_frozen(&OPEN, "other"));
    assert!(!policy.is_frozen(&OTHER, "frozen"));
    assert!(!policy.is_frozen(&CLOSED, "frozen"));
}

#[test]
fn shards_and_members_are_found() {
    let genesis = genesis();
    assert_eq!(genesis.shard_of(&node(6)), Some(shard(4)));
    assert_eq!(genesis.shard_of(&node(9)), None);
    assert_eq!(genesis.shard(shard(1)), Some(&genesis.shards[0]));
    assert_eq!(genesis.shard(shard(2)), None);
    assert!(genesis.committee(shard(2)).is_none());
    let committee = genesis.committee(shard(4)).expect("there").expect("good");
    assert_eq!(committee.members(), [5, 6, 7, 8].map(node));
    assert_eq!(committee.scope().network, genesis.network());
}

fn all_objects(genesis: &Genesis) -> Vec<ObjectId> {
    [1, 4]
        .into_iter()
        .flat_map(|number| genesis.objects_of(shard(number)).into_keys())
        .collect()
}

/// The base case of the induction. Paper: Section IV-A, Theorem 1.
#[test]
fn theorem_1_no_two_initial_objects_have_one_identifier() {
    let genesis = genesis();
    let ids = all_objects(&genesis);
    let different: BTreeSet<&ObjectId> = ids.iter().collect();
    assert_eq!(
        (ids.len(), different.len()),
        (4, 4),
        "although all are alike"
    );
    for (id, object) in genesis.objects_of(shard(4)) {
        assert_eq!((object.id(), object.home), (id, shard(4)));
    }
    assert!(genesis.objects_of(shard(2)).is_empty());
}

#[test]
fn every_change_of_the_document_makes_another_network_with_other_objects() {
    let original = genesis();
    let changes: [fn(&mut Genesis); 9] = [
        |genesis| genesis.name.push('2'),
        |genesis| genesis.created = genesis.created.plus_ms(1),
        |genesis| genesis.profile = Profile::Paper,
        |genesis| genesis.mappings[1].mapping.frozen.push("thing".to_owned()),
        |genesis| drop(genesis.mappings.pop()),
        |genesis| genesis.shards[0].members.swap(0, 1),
        |genesis| genesis.shards[0].members[0].addresses.clear(),
        |genesis| genesis.objects.swap(1, 2),
        |genesis| genesis.objects[3].content = [1].into(),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut changed = original.clone();
        change(&mut changed);
        assert_ne!(changed.network(), original.network(), "change {index}");
        let before: BTreeSet<ObjectId> = all_objects(&original).into_iter().collect();
        let after: BTreeSet<ObjectId> = all_objects(&changed).into_iter().collect();
        assert!(before.is_disjoint(&after), "change {index}");
    }
}

fn too_much(what: &'static str, limit: usize) -> BadGenesis {
    BadGenesis::TooMuch {
        what,
        limit,
        found: limit + 1,
    }
}

#[test]
fn nothing_in_it_is_longer_than_its_limit() {
    let long = |limit: usize| "x".repeat(limit + 1);
    let limit = bounds::NAME_BYTES_MAX;
    check(
        |genesis| genesis.name = long(limit),
        too_much("bytes in its name", limit),
    );
    check(
        |genesis| genesis.shards[0].members[0].name = long(limit),
        too_much("bytes in the name of a node", limit),
    );
    check(
        |genesis| genesis.objects[0].object_type.name = long(limit),
        too_much("bytes in the name of a type", limit),
    );
    check(
        |genesis| genesis.mappings[0].mapping.frozen[1] = long(limit),
        too_much("bytes in the name of a type", limit),
    );
    let limit = bounds::MAPPINGS_MAX;
    check(
        |genesis| genesis.mappings = vec![genesis.mappings[0].clone(); limit + 1],
        too_much("mappings", limit),
    );
    check(
        |genesis| genesis.mappings[1].mapping.frozen = vec![String::new(); limit + 1],
        too_much("frozen types", limit),
    );
    let limit = bounds::MAPPED_SHARDS_MAX;
    let many = |limit: usize| (0..=limit as u32).map(shard).collect();
    check(
        |genesis| genesis.mappings[1].mapping.homes = many(limit),
        too_much("shards in a mapping", limit),
    );
    check(
        |genesis| genesis.mappings[1].mapping.deciders = many(limit),
        too_much("shards in a mapping", limit),
    );
    let limit = bounds::ADDRESSES_MAX;
    check(
        |genesis| genesis.shards[0].members[0].addresses = vec![String::new(); limit + 1],
        too_much("addresses of a node", limit),
    );
    let limit = bounds::ADDRESS_BYTES_MAX;
    check(
        |genesis| genesis.shards[0].members[0].addresses[0] = long(limit),
        too_much("bytes in an address", limit),
    );
    let limit = bounds::GENESIS_SHARDS_MAX;
    check(
        |genesis| genesis.shards = vec![genesis.shards[0].clone(); limit + 1],
        too_much("shards", limit),
    );
}

#[test]
fn members_of_a_shard_have_names_of_their_own() {
    check(
        |genesis| genesis.shards[1].members[2].name = "node 5".to_owned(),
        BadGenesis::TwoNames {
            shard: shard(4),
            name: "node 5".to_owned(),
        },
    );
}
