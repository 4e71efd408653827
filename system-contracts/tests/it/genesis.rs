//! A network starts with its shards and its money.

use contracts::Content;
use model::genesis::{GenesisObject, GenesisShard};
use model::{
    Genesis, NodeDescriptor, NodeId, Object, ObjectType, PublicKey, ShardId, ShardRecord, Time,
};
use system_contracts::cscoin::{self, Account, CSC};
use system_contracts::genesis::{
    BadContents, check, genesis, manages_its_shards, supply, with_accounts_below,
    with_managed_shards,
};
use system_contracts::manage_shards::{self, Shard, Token};

use crate::ticket::{self, Booth};
use crate::world::{NO_POINT, WEAK, held_by, key};

fn shard(number: u8) -> GenesisShard {
    GenesisShard {
        shard: ShardId::new(number.into()),
        members: (0..4)
            .map(|seat| NodeDescriptor {
                name: format!("node {seat}"),
                node: NodeId::new(key(100 + 10 * number + seat)),
                addresses: Vec::new(),
            })
            .collect(),
    }
}

fn with(accounts: &[(PublicKey, u32, u64)]) -> Genesis {
    let accounts: Vec<_> = accounts
        .iter()
        .map(|(owner, home, balance)| (*owner, ShardId::new(*home), *balance))
        .collect();
    genesis("test", Time::ZERO, vec![shard(0), shard(1)], &accounts)
}

#[test]
fn the_document_starts_a_network_with_these_accounts() {
    let genesis = with(&[(key(1), 0, 5 * CSC), (key(2), 1, CSC), (key(1), 1, 1)]);
    assert_eq!(genesis.check(), Ok(()));
    assert_eq!(supply(&genesis), Some(6 * CSC + 1));

    let accounts = |shard| -> Vec<Account> {
        genesis
            .objects_of(ShardId::new(shard))
            .values()
            .map(|object| Account::read(cscoin::id(), object).expect("an account"))
            .collect()
    };
    assert_eq!(accounts(0), [held_by(key(1), 5 * CSC)]);
    assert_eq!(accounts(1).len(), 2);
}

#[test]
fn money_that_is_not_all_there_is_no_supply() {
    assert_eq!(supply(&with(&[])), Some(0));
    assert_eq!(supply(&with(&[(key(1), 0, u64::MAX)])), Some(u64::MAX));
    assert_eq!(
        supply(&with(&[(key(1), 0, u64::MAX), (key(2), 0, 1)])),
        None
    );
    assert_eq!(supply(&with(&[(key(1), 0, 1), (key(2), 0, 0)])), None);
    assert_eq!(supply(&with(&[(WEAK, 0, 1)])), None);
    assert_eq!(supply(&with(&[(NO_POINT, 0, 1)])), None);
}

#[test]
fn objects_of_other_contracts_are_not_money() {
    let object = |contract, name: &str| GenesisObject {
        object_type: ObjectType {
            contract,
            name: name.to_owned(),
        },
        home: ShardId::new(0),
        content: Booth::example(key(1)).output(ShardId::new(0)).content,
    };
    let mut genesis = with(&[(key(1), 0, 7)]);
    genesis.objects.push(object(ticket::id(), Booth::TYPE));
    assert_eq!(supply(&genesis), Some(7));
    genesis.objects.push(object(cscoin::id(), Booth::TYPE));
    assert_eq!(supply(&genesis), None, "CSCoin has no such type");
    genesis.objects.pop();
    genesis.objects.push(object(cscoin::id(), Account::TYPE));
    assert_eq!(supply(&genesis), None, "this is not an account");
}

/// The objects of ManageShards in a shard, by their positions in the document.
fn managed(genesis: &Genesis, home: u32) -> Vec<Object> {
    let objects = genesis.objects_of(ShardId::new(home)).into_values();
    let mut objects: Vec<Object> = objects
        .filter(|object| object.object_type.contract == manage_shards::id())
        .map(|object| Object::clone(&object))
        .collect();
    objects.sort_by_key(|object| object.index);
    objects
}

#[test]
fn the_first_shards_are_on_the_ledger_of_the_first_one() {
    let shards = vec![shard(3), shard(8)];
    let genesis = genesis("test", Time::ZERO, shards.clone(), &[]);
    let genesis = with_managed_shards(genesis);
    assert_eq!(genesis.check(), Ok(()));
    assert!(manages_its_shards(&genesis));
    assert_eq!(managed(&genesis, 8), []);

    let objects = managed(&genesis, 3);
    let [token, records @ ..] = &*objects else {
        panic!("a token and two shards");
    };
    let next = ShardId::new(9);
    assert_eq!(Token::read(manage_shards::id(), token), Ok(Token { next }));
    for (object, founder) in records.iter().zip(&shards) {
        let record = ShardRecord::founded(founder.shard, founder.members.clone(), 0);
        assert_eq!(record.check(genesis.network(), None), Ok(()));
        let committee = genesis.committee(founder.shard).expect("in the document");
        assert_eq!(
            record.committee(genesis.network()).ok(),
            committee.ok(),
            "the record says what the document says"
        );
        assert_eq!(Shard::read(manage_shards::id(), object), Ok(Shard(record)));
    }
    assert_eq!(records.len(), shards.len());
}

#[test]
fn nobody_but_the_root_holds_or_decides_about_shards() {
    let genesis = with_managed_shards(with(&[(key(1), 1, 7)]));
    let policy = genesis.policy();
    for (shard, trusted) in [(0, true), (1, false), (2, false)] {
        let shard = ShardId::new(shard);
        assert_eq!(policy.may_hold(&manage_shards::id(), shard), trusted);
        assert_eq!(policy.may_decide(&manage_shards::id(), shard), trusted);
    }
    assert!(policy.may_hold(&cscoin::id(), ShardId::new(1)), "as before");
    assert_eq!(supply(&genesis), Some(7));
}

#[test]
fn a_document_that_starts_with_other_shards_on_the_ledger_is_noticed() {
    let good = with_managed_shards(with(&[(key(1), 0, 7)]));
    assert!(manages_its_shards(&good));
    let changes: [fn(&mut Genesis); 8] = [
        |genesis| drop(genesis.objects.pop()),
        |genesis| drop(genesis.objects.remove(1)),
        |genesis| genesis.objects.push(genesis.objects[1].clone()),
        |genesis| genesis.objects.swap(2, 3),
        |genesis| genesis.shards[0].members.swap(0, 1),
        |genesis| genesis.mappings.clear(),
        |genesis| genesis.mappings[0].mapping.homes.push(ShardId::new(1)),
        |genesis| genesis.shards.clear(),
    ];
    for change in changes {
        let mut bad = good.clone();
        change(&mut bad);
        assert!(!manages_its_shards(&bad), "{bad:?}");
        assert_eq!(check(&bad), Err(BadContents::OtherShards));
    }
}

#[test]
fn a_document_is_held_against_the_objects_of_the_system_contracts() {
    let plain = with(&[(key(1), 0, 7)]);
    assert_eq!(check(&plain), Ok(()), "its shards are there for good");
    assert_eq!(check(&with_managed_shards(plain.clone())), Ok(()));
    let empty = with_managed_shards(with(&[(key(1), 0, 0)]));
    assert_eq!(check(&empty), Err(BadContents::Supply));
    let mut mapped = with_managed_shards(plain);
    mapped
        .objects
        .retain(|object| object.object_type.contract == cscoin::id());
    assert_eq!(check(&mapped), Err(BadContents::OtherShards));
}

#[test]
fn accounts_may_live_in_shards_that_are_founded_later() {
    let shards = vec![shard(1), shard(7)];
    let accounts = [(key(1), ShardId::new(7), 7)];
    let genesis = genesis("test", Time::ZERO, shards, &accounts);
    let genesis = with_managed_shards(with_accounts_below(genesis, 3));
    assert_eq!((genesis.check(), check(&genesis)), (Ok(()), Ok(())));
    let policy = genesis.policy();
    let may = |shard| {
        let shard = ShardId::new(shard);
        let may = policy.may_hold(&cscoin::id(), shard);
        assert_eq!(policy.may_decide(&cscoin::id(), shard), may);
        may
    };
    let homes: Vec<u32> = (0..9).filter(|shard| may(*shard)).collect();
    assert_eq!(homes, [0, 1, 2, 7]);
}
