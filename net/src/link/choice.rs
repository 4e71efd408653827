//! Which stream is the link, when there could be two.
//!
//! Two members that dial each other at the same moment end up with two connections, and each would
//! open a link on its own. Both sides must keep the same one: it is the one on the connection that
//! the smaller id dialed. That rule is only for races. Later, a member that asks for a link has
//! none, whatever this node believes, so the newcomer wins.
//!
//! Whoever works on a link does so by a [`Claim`], and stops as soon as the claim is over: when
//! another stream has become the link, when its connection is gone, or when the node at the other end
//! has lost its seat.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Instant;

use libp2p::swarm::ConnectionId;
use model::NodeId;
use tokio::sync::watch;

use crate::bounds::RACE_WINDOW;

/// The links of one node, those being opened included.
#[derive(Debug)]
pub(crate) struct Links {
    ours: NodeId,
    held: BTreeMap<NodeId, Held>,
    claims: u64,
}

#[derive(Debug)]
struct Held {
    connection: ConnectionId,
    dialed_by_us: bool,
    since: Instant,
    claim: u64,
    /// Dropped when the claim is over.
    _over: watch::Sender<()>,
}

/// The right to be the link with a node.
#[derive(Debug)]
pub(crate) struct Claim {
    number: u64,
    over: watch::Receiver<()>,
}

impl Claim {
    /// Works on something for as long as the claim stands.
    pub(crate) async fn unless_over<F: Future>(&mut self, work: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            _ = self.over.changed() => None,
            output = work => Some(output),
        }
    }
}

impl Links {
    /// No links, for the node `ours`.
    pub(crate) fn new(ours: NodeId) -> Self {
        Self {
            ours,
            held: BTreeMap::new(),
            claims: 0,
        }
    }

    /// The connection that the link with `node` is on, or is being opened on.
    pub(crate) fn connection(&self, node: &NodeId) -> Option<ConnectionId> {
        self.held.get(node).map(|held| held.connection)
    }

    /// Whether a claim to be the link with `node` still stands.
    pub(crate) fn stands(&self, node: &NodeId, claim: &Claim) -> bool {
        let held = self.held.get(node);
        held.is_some_and(|held| held.claim == claim.number)
    }

    /// Claims the link with `node` for a connection that this node dialed, unless there is one.
    pub(crate) fn open(
        &mut self,
        node: NodeId,
        connection: ConnectionId,
        now: Instant,
    ) -> Option<Claim> {
        let free = !self.held.contains_key(&node);
        free.then(|| self.hold(node, connection, true, now))
    }

    /// Decides about a link that `node` opened on a connection that it dialed. With a claim it is to
    /// be accepted, and what was held before is let go.
    pub(crate) fn accept(
        &mut self,
        node: NodeId,
        connection: ConnectionId,
        now: Instant,
    ) -> Option<Claim> {
        let refused = self.held.get(&node).is_some_and(|held| {
            let race = now.duration_since(held.since) < RACE_WINDOW;
            let ours_wins = held.dialed_by_us && self.ours < node;
            // A connection carries one link at a time.
            held.connection == connection || (race && ours_wins)
        });
        (!refused).then(|| self.hold(node, connection, false, now))
    }

    /// Lets go of the link with `node` if it is on `connection`. Says whether it was.
    pub(crate) fn release(&mut self, node: &NodeId, connection: ConnectionId) -> bool {
        let was = self.connection(node) == Some(connection);
        if was {
            self.held.remove(node);
        }
        was
    }

    fn hold(
        &mut self,
        node: NodeId,
        connection: ConnectionId,
        dialed_by_us: bool,
        now: Instant,
    ) -> Claim {
        self.claims += 1;
        let (held_by, over) = watch::channel(());
        let held = Held {
            connection,
            dialed_by_us,
            since: now,
            claim: self.claims,
            _over: held_by,
        };
        self.held.insert(node, held);
        Claim {
            number: self.claims,
            over,
        }
    }
}
