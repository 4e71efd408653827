//! F7: a shard is added while others work. Their objects stay what and where they are, and may move to it.

use std::sync::Arc;

use consensus::Action;
use model::{AbortReason, Genesis, Mode, Profile, ShardRecord};

use super::bench::{Bench, Stand};
use super::setting::{SHARDS, founder, genesis, reason, shard, wide};

/// A network of which a mapping names one shard more than there are.
fn network() -> Genesis {
    let mut genesis = genesis(Profile::Open, "founding");
    for one in &mut genesis.mappings {
        if one.contract == wide() {
            one.mapping.homes.push(shard(SHARDS));
            one.mapping.deciders.push(shard(SHARDS));
        }
    }
    genesis.check().expect("a genesis document");
    genesis
}

#[test]
fn f7_a_shard_is_added_and_objects_stay_until_somebody_moves_them() {
    let mut bench = Bench::of(network());
    let (x0, x1) = (bench.thing(0), bench.thing(1));
    let other = bench.things(wide(), 0).remove(1);
    let decided_by_0 = Mode::Decider(shard(0));
    let early = bench.swap(decided_by_0, &[&other], &[SHARDS]);
    assert!(matches!(
        reason(&bench.prepare(0, &early), &early),
        AbortReason::Home { .. }
    ));
    // A transaction is under way, and the other shard has locked what it uses.
    let under_way = bench.swap(decided_by_0, &[&x0, &x1], &[0, 1]);
    bench.prepare_all(&under_way);
    let before = bench.ledger(0).state.objects.clone();
    let members = founder(SHARDS).members;
    let founded = ShardRecord::founded(shard(SHARDS), members, 5);
    for number in 0..SHARDS {
        bench.block(number, &[Action::Found(Arc::new(founded.clone()))]);
    }
    assert_eq!(bench.ledger(0).state.objects, before);
    bench.carry_if(|parcel| parcel.leaves[0].to != shard(SHARDS));
    assert_eq!(bench.stands(&under_way), [Stand::Committed; 2]);
    // What could not go there now can, as soon as the new shard votes for it.
    let moved = bench.again(&early);
    bench.prepare(0, &moved);
    assert_eq!(bench.stand(0, &moved), Stand::Open);
}
