//! Whom to dial, and when.
//!
//! A list of addresses, each with its own pause. Bootnodes are dialed until they answer. What
//! answers as a member of the committee or as a neighbour is kept: it is dialed again whenever it is
//! out of reach, for ever, by the node with the smaller id at once and by the other one after a
//! grace, so that two nodes do not dial each other all the time. A member is within reach when it
//! has a link, a neighbour when it has a connection. An address whose owner is not known yet is
//! dialed by everybody, which is why a node that restarts is within reach again at once.
//!
//! The dialer decides and does nothing: it has no clock and no socket.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use libp2p::Multiaddr;
use libp2p::swarm::ConnectionId;
use model::{NetworkId, NodeId};

use crate::bounds::Limits;
use crate::handle::{Bootnode, BootnodeState};

/// How long a connection must have lasted for its end to be no reason to wait longer.
const STEADY: Duration = Duration::from_secs(5);

/// See [the module](self).
#[derive(Debug)]
pub(crate) struct Dialer {
    ours: Option<NodeId>,
    /// Members and neighbours.
    kept: BTreeSet<NodeId>,
    redial_min: Duration,
    redial_max: Duration,
    grace: Duration,
    bootnode_redial: Duration,
    foreign_pause: Duration,
    targets: Vec<Target>,
    /// Those of them that are out of reach, and since when.
    missing: BTreeMap<NodeId, Instant>,
}

#[derive(Debug)]
struct Target {
    address: Multiaddr,
    /// Configured addresses are kept for ever, learned ones until their node names others.
    configured: bool,
    /// The node that answered there last.
    node: Option<NodeId>,
    state: State,
    /// What came of the last dial.
    last: Last,
    /// The pause after the next failure.
    pause: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not before this time.
    Waiting(Instant),
    /// A dial, or the connection that came of it.
    Dialed {
        connection: ConnectionId,
        proven: Option<Instant>,
    },
    /// It is this node's own address.
    Own,
}

/// What came of a dial.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Last {
    /// Nothing yet.
    Nothing,
    /// The peer proved who it is.
    Proven,
    /// It failed.
    Failed(String),
    /// The peer is of another network.
    Foreign(NetworkId),
}

impl Dialer {
    /// A dialer for the node `ours`, who keeps nobody yet.
    pub(crate) fn new(
        ours: Option<NodeId>,
        bootnodes: impl IntoIterator<Item = Multiaddr>,
        limits: &Limits,
        now: Instant,
    ) -> Self {
        let mut dialer = Self {
            ours,
            redial_min: limits.redial_min,
            redial_max: limits.redial_max,
            grace: limits.dialer_grace,
            bootnode_redial: limits.bootnode_redial,
            foreign_pause: limits.foreign_pause,
            targets: Vec::new(),
            missing: BTreeMap::new(),
            kept: BTreeSet::new(),
        };
        for address in bootnodes {
            dialer.add(address, true, None, now);
        }
        dialer
    }

    /// Keeps these nodes from now on. Those that were not kept before are out of reach until the caller
    /// says otherwise, and what those named who are kept no longer is forgotten.
    pub(crate) fn keep(&mut self, nodes: BTreeSet<NodeId>, now: Instant) {
        self.missing.retain(|node, _| nodes.contains(node));
        for node in nodes.difference(&self.kept) {
            self.missing.insert(*node, now);
        }
        self.kept = nodes;
        self.forget_strangers();
    }

    /// Forgets the learned addresses of those who are not kept, but for those in use.
    fn forget_strangers(&mut self) {
        let kept = &self.kept;
        self.targets.retain(|target| {
            target.configured
                || matches!(target.state, State::Dialed { .. })
                || target.node.is_some_and(|node| kept.contains(&node))
        });
    }

    fn add(&mut self, address: Multiaddr, configured: bool, node: Option<NodeId>, now: Instant) {
        if self.targets.iter().any(|target| target.address == address) {
            return;
        }
        self.targets.push(Target {
            address,
            configured,
            node,
            state: State::Waiting(now),
            last: Last::Nothing,
            pause: self.redial_min,
        });
    }

    /// The addresses to dial now, when there are connections with some nodes. The caller dials each and
    /// says so with [`Dialer::dialed`].
    pub(crate) fn due(&self, connected: &BTreeSet<NodeId>, now: Instant) -> Vec<Multiaddr> {
        let mut busy: BTreeSet<NodeId> = self
            .targets
            .iter()
            .filter(|target| matches!(target.state, State::Dialed { .. }))
            .filter_map(|target| target.node)
            .collect();
        let mut due = Vec::new();
        for target in &self.targets {
            if !matches!(target.state, State::Waiting(until) if until <= now) {
                continue;
            }
            // One address of a node at a time.
            let first = target.node.is_none_or(|node| busy.insert(node));
            if first && self.is_wanted(target.node, connected, now) {
                due.push(target.address.clone());
            }
        }
        due
    }

    /// The members and neighbours that are out of reach.
    pub(crate) fn missing(&self) -> impl Iterator<Item = NodeId> {
        self.missing.keys().copied()
    }

    /// Whether a node is to be dialed. One that has dialed us and has no link yet is about to ask for
    /// one, so it is left to it for as long as if it were to dial.
    fn is_wanted(&self, node: Option<NodeId>, connected: &BTreeSet<NodeId>, now: Instant) -> bool {
        let Some(node) = node.filter(|node| self.kept.contains(node)) else {
            return true;
        };
        let at_once = self.ours.is_none_or(|ours| ours < node) && !connected.contains(&node);
        let missing = self.missing.get(&node);
        missing.is_some_and(|since| at_once || now.duration_since(*since) >= self.grace)
    }

    /// An address is being dialed.
    pub(crate) fn dialed(&mut self, address: &Multiaddr, connection: ConnectionId) {
        if let Some(target) = self.targets.iter_mut().find(|t| t.address == *address) {
            target.state = State::Dialed {
                connection,
                proven: None,
            };
        }
    }

    /// The peer on a dialed connection has proven who it is.
    ///
    /// An address that a node named and somebody else answers at is forgotten.
    pub(crate) fn proven(&mut self, connection: ConnectionId, node: Option<NodeId>, now: Instant) {
        self.targets.retain_mut(|target| {
            let State::Dialed {
                connection: of,
                proven,
            } = &mut target.state
            else {
                return true;
            };
            if *of != connection {
                return true;
            }
            *proven = Some(now);
            target.last = Last::Proven;
            let as_said = target.configured || target.node == node;
            target.node = node;
            as_said
        });
    }

    /// A dial has failed, or the connection that came of it is closed.
    pub(crate) fn ended(&mut self, connection: ConnectionId, now: Instant) {
        let is_kept = |node: &NodeId| self.kept.contains(node);
        for target in &mut self.targets {
            let State::Dialed {
                connection: of,
                proven,
            } = target.state
            else {
                continue;
            };
            if of != connection {
                continue;
            }
            let guest = proven.is_some() && !target.node.as_ref().is_some_and(is_kept);
            if proven.is_some_and(|since| now.duration_since(since) >= STEADY) {
                target.pause = self.redial_min;
            }
            let pause = match &target.last {
                Last::Foreign(_) => self.foreign_pause,
                Last::Nothing | Last::Proven | Last::Failed(_) if guest => self.bootnode_redial,
                Last::Nothing | Last::Proven | Last::Failed(_) => target.pause,
            };
            target.pause = (target.pause * 2).min(self.redial_max);
            target.state = State::Waiting(now + pause);
        }
        self.forget_strangers();
    }

    /// A dial has failed for a reason, or the connection that came of it is given up for one.
    pub(crate) fn failed(&mut self, connection: ConnectionId, reason: String) {
        self.note(connection, Last::Failed(reason));
    }

    /// The peer that was dialed is of another network. Such an address is left alone for long.
    pub(crate) fn foreign(&mut self, connection: ConnectionId, network: NetworkId) {
        self.note(connection, Last::Foreign(network));
    }

    fn note(&mut self, connection: ConnectionId, last: Last) {
        for target in &mut self.targets {
            if matches!(target.state, State::Dialed { connection: of, .. } if of == connection) {
                target.last = last.clone();
            }
        }
    }

    /// How this node stands with the addresses that it was told to keep connected.
    pub(crate) fn bootnodes(&self) -> Vec<Bootnode> {
        let configured = self.targets.iter().filter(|target| target.configured);
        let bootnode = |target: &Target| Bootnode {
            address: target.address.to_string(),
            state: target.bootnode_state(),
        };
        configured.map(bootnode).collect()
    }

    /// A dialed address turned out to be this node's own. It is not dialed again.
    pub(crate) fn own(&mut self, connection: ConnectionId) {
        for target in &mut self.targets {
            if matches!(target.state, State::Dialed { connection: of, .. } if of == connection) {
                target.state = State::Own;
            }
        }
    }

    /// A member or a neighbour says where it listens: these addresses replace what it said before.
    pub(crate) fn learn(&mut self, node: NodeId, addresses: Vec<Multiaddr>, now: Instant) {
        if !self.kept.contains(&node) {
            return;
        }
        self.targets.retain(|target| {
            target.configured
                || target.node != Some(node)
                || matches!(target.state, State::Dialed { .. })
                || addresses.contains(&target.address)
        });
        for address in addresses {
            self.add(address, false, Some(node), now);
        }
    }

    /// A member or a neighbour is within reach now, or is no longer.
    pub(crate) fn reached(&mut self, node: NodeId, within: bool, now: Instant) {
        if !self.kept.contains(&node) {
            return;
        }
        if within {
            self.missing.remove(&node);
        } else {
            self.missing.entry(node).or_insert(now);
        }
    }
}

impl Target {
    fn bootnode_state(&self) -> BootnodeState {
        match (&self.state, &self.last) {
            (State::Own, _) => BootnodeState::Own,
            (_, Last::Foreign(network)) => BootnodeState::WrongNetwork { theirs: *network },
            (State::Dialed { proven, .. }, Last::Proven) if proven.is_some() => {
                BootnodeState::Connected { node: self.node }
            }
            (_, Last::Failed(reason)) => BootnodeState::Unreached {
                reason: reason.clone(),
            },
            (State::Waiting(_) | State::Dialed { .. }, Last::Nothing | Last::Proven) => {
                BootnodeState::Dialing
            }
        }
    }
}
