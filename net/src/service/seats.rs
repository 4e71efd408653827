//! Which peer speaks for which member or neighbour.
//!
//! One peer at a time does: the one with the newest record. So a transport key that was replaced,
//! or stolen and replaced, is worth nothing as soon as the new one has been seen.

use std::collections::BTreeMap;

use libp2p::PeerId;
use model::NodeId;
use thiserror::Error;

use crate::config::Membership;
use crate::peers::Role;

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
    seats: BTreeMap<NodeId, Seat>,
}

/// The place of a member or of a neighbour.
#[derive(Debug)]
struct Seat {
    role: Role,
    /// The peer that speaks for the node, and the number of its record.
    holder: Option<(PeerId, u64)>,
}

impl Seats {
    /// The seats of a committee and of its neighbours, all vacant. Wallets know of none.
    pub(super) fn new(membership: Option<&Membership>) -> Self {
        let (committee, neighbours) =
            membership.map_or((&[][..], &[][..]), |m| (&m.committee, &m.neighbours));
        let seats = |nodes: &[NodeId], role| {
            let seat = |node: &NodeId| (*node, Seat { role, holder: None });
            nodes.iter().map(seat).collect::<Vec<_>>()
        };
        let members = seats(committee, Role::Member);
        let neighbours = seats(neighbours, Role::Neighbour);
        Self {
            ours: membership.map(|membership| membership.node),
            seats: members.into_iter().chain(neighbours).collect(),
        }
    }

    /// What a node is to us.
    pub(super) fn role(&self, node: &NodeId) -> Role {
        self.seats.get(node).map_or(Role::Guest, |seat| seat.role)
    }

    /// Whether a node is a member.
    pub(super) fn is_member(&self, node: &NodeId) -> bool {
        self.role(node) == Role::Member
    }

    /// A peer speaks for a node from now on. Says whether another one did before.
    ///
    /// Guests have no seats; each of their peers speaks for itself.
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
        let Some(seat) = self.seats.get_mut(&node) else {
            return Ok(false);
        };
        let ousted = match seat.holder {
            Some((holder, newest)) if holder != peer => {
                if sequence <= newest {
                    return Err(Taken::Superseded);
                }
                true
            }
            Some(_) | None => false,
        };
        let newest = seat.holder.map_or(0, |(_, newest)| newest);
        seat.holder = Some((peer, newest.max(sequence)));
        Ok(ousted)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use model::{PublicKey, SecretKey};

    fn node(byte: u8) -> NodeId {
        NodeId::new(PublicKey::from_bytes([byte; 32]))
    }

    /// The seats that node 0 knows: its committee is 0 and 1, its neighbour is 2.
    fn seats() -> Seats {
        let secret = SecretKey::from_seed([1; 32]);
        Seats::new(Some(&Membership {
            node: node(0),
            sign: Arc::new(move |message| secret.sign(message)),
            committee: vec![node(0), node(1)],
            neighbours: vec![node(2)],
        }))
    }

    #[test]
    fn everybody_has_a_role() {
        let seats = seats();
        let roles = [0, 1, 2, 9].map(|byte| seats.role(&node(byte)));
        let expected = [Role::Member, Role::Member, Role::Neighbour, Role::Guest];
        assert_eq!(roles, expected);
        assert_eq!(Seats::new(None).role(&node(1)), Role::Guest);
    }

    #[test]
    fn the_newest_record_decides_who_speaks_for_a_member_or_a_neighbour() {
        for who in [node(1), node(2)] {
            let (old, new) = (PeerId::random(), PeerId::random());
            let mut seats = seats();
            assert_eq!(seats.claim(who, old, 5), Ok(false));
            assert_eq!(seats.claim(who, new, 5), Err(Taken::Superseded));
            assert_eq!(seats.claim(who, new, 6), Ok(true));
            assert_eq!(seats.claim(who, old, 5), Err(Taken::Superseded));
        }
    }

    #[test]
    fn a_peer_may_show_an_older_record_of_its_own() {
        let (peer, other) = (PeerId::random(), PeerId::random());
        let mut seats = seats();
        assert_eq!(seats.claim(node(1), peer, 5), Ok(false));
        assert_eq!(seats.claim(node(1), peer, 3), Ok(false));
        assert_eq!(seats.claim(node(1), other, 4), Err(Taken::Superseded));
    }

    #[test]
    fn nobody_else_speaks_for_this_node() {
        let mut seats = seats();
        let claim = seats.claim(node(0), PeerId::random(), u64::MAX);
        assert_eq!(claim, Err(Taken::Ours));
    }

    #[test]
    fn strangers_have_no_seats() {
        let mut seats = seats();
        assert_eq!(seats.claim(node(9), PeerId::random(), 1), Ok(false));
        assert_eq!(seats.claim(node(9), PeerId::random(), 1), Ok(false));
    }
}
