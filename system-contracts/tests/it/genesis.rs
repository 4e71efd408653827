//! A network starts with its shards and its money.

use contracts::Content;
use model::genesis::{GenesisObject, GenesisShard};
use model::{Genesis, NodeDescriptor, NodeId, ObjectType, PublicKey, ShardId, Time};
use system_contracts::cscoin::{self, Account, CSC};
use system_contracts::genesis::{genesis, supply};

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
