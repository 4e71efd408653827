//! Objects are found by what they are, and by nothing else.

use contracts::Content;
use model::api::{owner_label, shard_label, shards_label};
use model::genesis::GenesisObject;
use model::{ContractId, Hash, ObjectType, Output, ShardId, ShardRecord};
use system_contracts::cscoin::{self, Account};
use system_contracts::manage_shards::{self, Shard, Token};

use super::{Labels, SystemLabels};
use crate::testing::{SHARD, genesis, person};

fn labels(contract: ContractId, output: Output) -> Vec<Hash> {
    let mut genesis = genesis();
    genesis.objects = vec![GenesisObject {
        object_type: ObjectType {
            contract,
            name: output.type_name,
        },
        home: output.home,
        content: output.content,
    }];
    let objects = genesis.objects_of(SHARD);
    let object = objects.values().next().expect("the only object");
    SystemLabels.labels(object)
}

#[test]
fn accounts_are_found_by_their_owners_and_shards_by_their_numbers() {
    let owner = person(1).public();
    let account = Account { owner, balance: 5 }.output(SHARD);
    assert_eq!(labels(cscoin::id(), account), [owner_label(&owner)]);

    let next = ShardId::new(3);
    let token = Token { next }.output(SHARD);
    assert_eq!(labels(manage_shards::id(), token.clone()), [shards_label()]);

    let record = Shard(ShardRecord::founded(next, Vec::new(), 0)).output(SHARD);
    let both = [shards_label(), shard_label(next)];
    assert_eq!(labels(manage_shards::id(), record.clone()), both);

    assert_eq!(labels(cscoin::id(), token), [], "CSCoin has no tokens");
    assert_eq!(labels(ContractId::system("Other"), record), []);
}

#[test]
fn each_label_is_its_own() {
    let labels = [0, 1, 256].map(|number| shard_label(ShardId::new(number)));
    assert!(labels[0] != labels[1] && labels[1] != labels[2]);
    assert!(labels.iter().all(|label| *label != shards_label()));
}
