//! Getting back what a node had kept as a member, or beginning it.

use std::sync::Arc;

use consensus::replica::Setup;
use consensus::{Ledger, Replica, Shards};
use model::key::Zip215;
use model::shard::Seat;
use model::statement::Scope;
use model::{Height, ShardId};

use super::person::Person;
use crate::error::Fatal;
use crate::registry::Place;
use crate::store::{self, Directory, Inheritance, Store};

/// Gets back the replica and its store, or begins them: with a state, if there is one and nothing was
/// kept.
///
/// # Errors
///
/// [`Fatal`] if what was kept cannot be read, or contradicts itself.
pub(super) fn recover(
    directory: &Directory,
    person: &Person,
    shard: ShardId,
    inheritance: Option<Inheritance>,
) -> Result<(Store, Replica), Fatal> {
    let (mut store, mut start) = directory.store(store::Setup {
        genesis: &person.genesis,
        shard,
        node: person.node(),
        labels: Arc::clone(&person.contracts.labels),
    })?;
    if let Some(torn) = &start.torn {
        tracing::warn!(
            file = torn.file,
            bytes = torn.bytes,
            "cut off a write that was torn"
        );
    }
    let inheritance = inheritance.filter(|_| start.is_new && store.is_blank());
    let inherits = inheritance.is_some();
    if let Some(inheritance) = inheritance {
        store.inherit(&inheritance);
        start.ledger = inheritance.ledger;
    }
    let mut replica = replica(person, shard, start.ledger);
    replica.limit_proposals(person.config.block_entries_max);
    if inherits || start.is_new && person.genesis.shard(shard).is_none() {
        // What the log says is about a state, or a shard, that the genesis document does not know. Nothing of
        // it is in the tables yet: whoever starts after a replay that failed must not pass over what was signed.
        let flush = store.flush_up_to(start.position, replica.open());
        flush.commit()?;
    }
    let recovered = store.recover(&mut replica, start.open, start.position);
    let recovered =
        recovered.map_err(|error| match store.state().tip().height == Height::ZERO {
            true => error.without_tables(),
            false => error,
        })?;
    person.registry.adopt(replica.shards().directory());
    let Scope { shard, epoch, .. } = replica.ledger().scope;
    person.registry.set_place(Place { shard, epoch });
    let height = replica.ledger().tip.height;
    tracing::info!(%shard, %epoch, %height, records = recovered.records, "got back what was kept");
    Ok((store, replica))
}

/// The replica with this ledger, with or without a seat in its epoch.
fn replica(person: &Person, shard: ShardId, ledger: Ledger) -> Replica {
    let directory = person.registry.known().directory;
    let policy = Arc::new(person.genesis.policy());
    let shards = Shards::within(directory, policy, shard, ledger.scope.epoch);
    let shards =
        shards.expect("a record of the shard is known, and tables have all changes with them");
    let node = person.node();
    let seat = shards.ours().seat(&node);
    let setup = Setup {
        shards,
        seat: seat.unwrap_or_else(first_seat),
        signer: Box::new(person.key.clone()),
        check: Box::new(Zip215),
        checkers: Arc::clone(&person.contracts.checkers),
        pace: person.config.pace,
    };
    match seat {
        Some(_) => Replica::new(setup, ledger),
        None => Replica::guest(node, setup, ledger),
    }
}

/// Stands for the seat of a node that has none.
pub(super) fn first_seat() -> Seat {
    Seat::new(0).expect("every shard has a first seat")
}
