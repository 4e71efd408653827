//! Which peer speaks for which member.
//!
//! One peer at a time does: the one with the newest record. So a transport key that was replaced,
//! or stolen and replaced, is worth nothing as soon as the new one has been seen.

use std::collections::BTreeMap;

use libp2p::PeerId;
use model::NodeId;
use thiserror::Error;

/// Why a peer cannot speak for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Taken {
    /// The node is this one.
    #[error("the peer claims to be this node")]
    Ours,
    /// A newer record names another peer.
    #[error("another peer speaks for this node, with a newer record")]
    Superseded,
}

/// See [the module](self).
#[derive(Debug)]
pub(super) struct Seats {
    ours: Option<NodeId>,
    /// All members, with the peer that speaks for each and the number of its record.
    members: BTreeMap<NodeId, Option<(PeerId, u64)>>,
}

impl Seats {
    /// The seats of a committee, all vacant.
    pub(super) fn new(ours: Option<NodeId>, committee: &[NodeId]) -> Self {
        Self {
            ours,
            members: committee.iter().map(|node| (*node, None)).collect(),
        }
    }

    /// Whether a node is a member.
    pub(super) fn has(&self, node: &NodeId) -> bool {
        self.members.contains_key(node)
    }

    /// A peer speaks for a node from now on. Says whether another one did before.
    ///
    /// Nodes outside the committee have no seats; each of their peers speaks for itself.
    ///
    /// # Errors
    ///
    /// [`Taken`] if it cannot.
    pub(super) fn claim(
        &mut self,
        node: NodeId,
        peer: PeerId,
        sequence: u64,
    ) -> Result<bool, Taken> {
        if Some(node) == self.ours {
            return Err(Taken::Ours);
        }
        let Some(seat) = self.members.get_mut(&node) else {
            return Ok(false);
        };
        let ousted = match *seat {
            Some((holder, newest)) if holder != peer => {
                if sequence <= newest {
                    return Err(Taken::Superseded);
                }
                true
            }
            Some(_) | None => false,
        };
        let newest = seat.map_or(0, |(_, newest)| newest);
        *seat = Some((peer, newest.max(sequence)));
        Ok(ousted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::PublicKey;

    fn node(byte: u8) -> NodeId {
        NodeId::new(PublicKey::from_bytes([byte; 32]))
    }

    #[test]
    fn the_newest_record_decides_who_speaks_for_a_member() {
        let (old, new) = (PeerId::random(), PeerId::random());
        let mut seats = Seats::new(Some(node(0)), &[node(0), node(1)]);
        assert_eq!(seats.claim(node(1), old, 5), Ok(false));
        assert_eq!(seats.claim(node(1), new, 5), Err(Taken::Superseded));
        assert_eq!(seats.claim(node(1), new, 6), Ok(true));
        assert_eq!(seats.claim(node(1), old, 5), Err(Taken::Superseded));
    }

    #[test]
    fn a_peer_may_show_an_older_record_of_its_own() {
        let (peer, other) = (PeerId::random(), PeerId::random());
        let mut seats = Seats::new(None, &[node(1)]);
        assert_eq!(seats.claim(node(1), peer, 5), Ok(false));
        assert_eq!(seats.claim(node(1), peer, 3), Ok(false));
        assert_eq!(seats.claim(node(1), other, 4), Err(Taken::Superseded));
    }

    #[test]
    fn nobody_else_speaks_for_this_node() {
        let mut seats = Seats::new(Some(node(0)), &[node(0)]);
        let claim = seats.claim(node(0), PeerId::random(), u64::MAX);
        assert_eq!(claim, Err(Taken::Ours));
    }

    #[test]
    fn strangers_have_no_seats() {
        let mut seats = Seats::new(None, &[node(1)]);
        assert_eq!(seats.claim(node(9), PeerId::random(), 1), Ok(false));
        assert_eq!(seats.claim(node(9), PeerId::random(), 1), Ok(false));
    }
}
