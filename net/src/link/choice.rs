//! Which stream is the link, when there could be two.
//!
//! Two members that dial each other at the same moment end up with two connections, and each would
//! open a link on its own. Both sides must keep the same one: it is the one on the connection that
//! the smaller id dialed. That rule is only for races. Later, a member that asks for a link has
//! none, whatever this node believes, so the newcomer wins.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Instant;

use libp2p::swarm::ConnectionId;
use model::NodeId;

use crate::bounds::RACE_WINDOW;

/// The links of one node, those being opened included.
#[derive(Debug)]
pub(crate) struct Links {
    ours: NodeId,
    held: BTreeMap<NodeId, Held>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    connection: ConnectionId,
    dialed_by_us: bool,
    since: Instant,
}

impl Links {
    /// No links, for the node `ours`.
    pub(crate) fn new(ours: NodeId) -> Self {
        Self {
            ours,
            held: BTreeMap::new(),
        }
    }

    /// The connection that the link with `node` is on, or is being opened on.
    pub(crate) fn connection(&self, node: &NodeId) -> Option<ConnectionId> {
        self.held.get(node).map(|held| held.connection)
    }

    /// Claims the link with `node` for a connection that this node dialed. Says whether to open it.
    pub(crate) fn open(&mut self, node: NodeId, connection: ConnectionId, now: Instant) -> bool {
        let free = !self.held.contains_key(&node);
        if free {
            self.hold(node, connection, true, now);
        }
        free
    }

    /// Decides about a link that `node` opened on a connection that it dialed. Says whether to
    /// accept it; what was held before is then let go.
    pub(crate) fn accept(&mut self, node: NodeId, connection: ConnectionId, now: Instant) -> bool {
        let refused = self.held.get(&node).is_some_and(|held| {
            let race = now.duration_since(held.since) < RACE_WINDOW;
            let ours_wins = held.dialed_by_us && self.ours < node;
            // A connection carries one link in its life.
            held.connection == connection || (race && ours_wins)
        });
        if !refused {
            self.hold(node, connection, false, now);
        }
        !refused
    }

    /// Lets go of the link with `node` if it is on `connection`. Says whether it was.
    pub(crate) fn release(&mut self, node: &NodeId, connection: ConnectionId) -> bool {
        let was = self.connection(node) == Some(connection);
        if was {
            self.held.remove(node);
        }
        was
    }

    fn hold(&mut self, node: NodeId, connection: ConnectionId, dialed_by_us: bool, now: Instant) {
        let held = Held {
            connection,
            dialed_by_us,
            since: now,
        };
        self.held.insert(node, held);
    }
}
