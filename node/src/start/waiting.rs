//! A node that is in no shard: it waits until one lists it, takes over what the shard has, and takes part.
//!
//! Paper: Section VI-A. Deviation: D-10.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use model::ShardId;

use super::member;
use super::person::Person;
use super::recovery::recover;
use super::shared::Shared;
use crate::error::Fatal;
use crate::heir::Heir;
use crate::lobby::Lobby;
use crate::peer_view::PeerView;
use crate::running::Threads;
use crate::service::Incoming;
use crate::store::Directory;

/// Waits until a shard lists the node, on a thread of its own, and then takes part in it.
///
/// # Errors
///
/// [`Fatal::System`] if there is no thread to be had.
pub(super) fn wait(
    person: Person,
    shared: Shared,
    directory: Directory,
    mut incoming: Incoming,
) -> Result<JoinHandle<Result<Option<Threads>, Fatal>>, Fatal> {
    let lobby = lobby(&person, &shared);
    tracing::info!(node = %person.node(), "in no shard; waiting until one lists this node");
    let guard = shared.stopper.guard();
    let work = move || {
        let Some(shard) = shared.runtime.block_on(lobby.wait(&mut incoming)) else {
            return Ok(None);
        };
        tracing::info!(%shard, "a shard lists this node");
        let heir = heir(&person, &shared, shard);
        let inherits = lobby.answer_during(&mut incoming, heir.inherit());
        let Some(inheritance) = shared.runtime.block_on(inherits) else {
            return Ok(None);
        };
        let kept = recover(&directory, &person, shard, inheritance)?;
        let threads = member::run(&person, &shared, directory, kept, incoming)?;
        guard.disarm();
        Ok(Some(threads))
    };
    let thread = thread::Builder::new().name("lobby".into()).spawn(work);
    thread.map_err(Fatal::System)
}

fn lobby(person: &Person, shared: &Shared) -> Lobby {
    Lobby {
        identity: person.identity(),
        applicant: person.applicant.clone(),
        registry: Arc::clone(&person.registry),
        gauges: Arc::clone(&shared.gauges),
        stopper: shared.stopper.clone(),
        peers: PeerView {
            network: shared.network.clone(),
            registry: Arc::clone(&person.registry),
        },
        heads: Arc::clone(&shared.heads),
    }
}

fn heir(person: &Person, shared: &Shared, shard: ShardId) -> Heir {
    Heir {
        network: shared.network.clone(),
        registry: Arc::clone(&person.registry),
        policy: Arc::new(person.genesis.policy()),
        shard,
        replayed_max: person.config.replayed_blocks_max,
    }
}
