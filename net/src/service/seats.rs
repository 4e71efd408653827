//! What each node is to this one, and which peer speaks for it.
//!
//! One peer at a time speaks for a node that has a seat: the one with the newest record. So a transport
//! key that was replaced, or stolen and replaced, is worth nothing as soon as the new one has been seen.
//! That is remembered when the view changes, and for a while of nodes that have left it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use libp2p::PeerId;
use model::NodeId;
use thiserror::Error;

use crate::bounds::DEPARTED_MAX;
use crate::config::View;
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

/// What holds this node and another one together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tie {
    /// Nothing.
    None,
    /// A link: both are members of one committee.
    Link,
    /// What they tell each other: they are members of different shards.
    Told,
    /// A connection: the other one has a seat and this one has not.
    Followed,
}

/// A node that is no longer what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) node: NodeId,
    /// What it is from now on.
    pub(super) role: Role,
    pub(super) before: Tie,
    pub(super) after: Tie,
}

/// See [the module](self).
#[derive(Debug)]
pub(super) struct Seats {
    ours: Option<NodeId>,
    /// Whether this node is in the committee.
    seated: bool,
    seats: BTreeMap<NodeId, Seat>,
    /// Nodes that have left the view, those that left first first.
    departed: VecDeque<NodeId>,
}

/// The place of a member or of a neighbour, or of one that was.
#[derive(Debug)]
struct Seat {
    role: Role,
    /// The peer that speaks for the node, and the number of its record.
    holder: Option<(PeerId, u64)>,
}

impl Seats {
    /// Nobody has a seat. `ours` is this node, if it is one.
    pub(super) fn new(ours: Option<NodeId>) -> Self {
        Self {
            ours,
            seated: false,
            seats: BTreeMap::new(),
            departed: VecDeque::new(),
        }
    }

    /// Gives everybody the place that the view says, and returns those for whom that is a change.
    pub(super) fn change(&mut self, view: &View) -> Vec<Change> {
        let committee = view.committee.iter().map(|node| (*node, Role::Member));
        let neighbours = view.neighbours.iter().map(|node| (*node, Role::Neighbour));
        let mut roles: BTreeMap<NodeId, Role> = committee.chain(neighbours).collect();
        let was_seated = self.seated;
        self.seated = self.ours.is_some_and(|ours| roles.remove(&ours).is_some());
        let known = self.seats.keys().chain(roles.keys());
        let known: BTreeSet<NodeId> = known.copied().collect();
        let changed = known.into_iter().filter_map(|node| {
            let role = roles.get(&node).copied().unwrap_or(Role::Guest);
            let was = self.role(&node);
            self.place(node, role);
            let (before, after) = (Tie::of(was, was_seated), Tie::of(role, self.seated));
            let change = Change {
                node,
                role,
                before,
                after,
            };
            (was != role || before != after).then_some(change)
        });
        changed.collect()
    }

    /// Gives a node its place.
    fn place(&mut self, node: NodeId, role: Role) {
        let seat = self.seats.entry(node).or_insert(Seat {
            role: Role::Guest,
            holder: None,
        });
        let leaves = seat.role != Role::Guest && role == Role::Guest;
        seat.role = role;
        if role != Role::Guest {
            self.departed.retain(|departed| *departed != node);
        } else if leaves {
            self.departed.push_back(node);
        }
        if self.departed.len() > DEPARTED_MAX
            && let Some(first) = self.departed.pop_front()
        {
            self.seats.remove(&first);
        }
    }

    /// Everybody who has a seat, but for this node.
    pub(super) fn seated(&self) -> BTreeSet<NodeId> {
        let seats = self.seats.iter();
        let seated = seats.filter(|(_, seat)| seat.role != Role::Guest);
        seated.map(|(node, _)| *node).collect()
    }

    /// The member or the neighbour for which a peer speaks.
    pub(super) fn seat_of(&self, peer: &PeerId) -> Option<NodeId> {
        let speaks = |seat: &Seat| seat.holder.is_some_and(|(holder, _)| holder == *peer);
        let mut seats = self.seats.iter();
        let seat = seats.find(|(_, seat)| seat.role != Role::Guest && speaks(seat));
        seat.map(|(node, _)| *node)
    }

    /// What a node is to us.
    pub(super) fn role(&self, node: &NodeId) -> Role {
        self.seats.get(node).map_or(Role::Guest, |seat| seat.role)
    }

    /// What holds us and a node together.
    pub(super) fn tie(&self, node: &NodeId) -> Tie {
        Tie::of(self.role(node), self.seated)
    }

    /// A peer speaks for a node from now on. Says whether another one did before.
    ///
    /// Nodes that never had a seat are guests; each of their peers speaks for itself.
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

impl Tie {
    const fn of(role: Role, seated: bool) -> Self {
        match (role, seated) {
            (Role::Guest, _) => Self::None,
            (Role::Member, true) => Self::Link,
            (Role::Neighbour, true) => Self::Told,
            (Role::Member | Role::Neighbour, false) => Self::Followed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::PublicKey;

    fn node(byte: u8) -> NodeId {
        NodeId::new(PublicKey::from_bytes([byte; 32]))
    }

    fn nodes(bytes: &[u8]) -> Vec<NodeId> {
        bytes.iter().copied().map(node).collect()
    }

    fn view(committee: &[u8], neighbours: &[u8]) -> View {
        View {
            committee: nodes(committee),
            neighbours: nodes(neighbours),
        }
    }

    /// The seats that node 0 knows: its committee is 0 and 1, its neighbour is 2.
    fn seats() -> Seats {
        let mut seats = Seats::new(Some(node(0)));
        seats.change(&view(&[0, 1], &[2]));
        seats
    }

    #[test]
    fn everybody_has_a_role_and_a_tie() {
        let seats = seats();
        let are = [1, 2, 9].map(|byte| (seats.role(&node(byte)), seats.tie(&node(byte))));
        let expected = [
            (Role::Member, Tie::Link),
            (Role::Neighbour, Tie::Told),
            (Role::Guest, Tie::None),
        ];
        assert_eq!(are, expected);
        assert_eq!(seats.seated(), nodes(&[1, 2]).into_iter().collect());
        assert_eq!(Seats::new(None).role(&node(1)), Role::Guest);
    }

    #[test]
    fn a_change_names_those_who_are_no_longer_what_they_were() {
        let change = |byte, role, before, after| Change {
            node: node(byte),
            role,
            before,
            after,
        };
        let mut seats = seats();
        assert_eq!(seats.change(&view(&[1, 0], &[2])), []);
        let (member, neighbour, guest) = (Role::Member, Role::Neighbour, Role::Guest);
        assert_eq!(
            seats.change(&view(&[0, 2, 3], &[4])),
            [
                change(1, guest, Tie::Link, Tie::None),
                change(2, member, Tie::Told, Tie::Link),
                change(3, member, Tie::None, Tie::Link),
                change(4, neighbour, Tie::None, Tie::Told),
            ]
        );
        // Without a seat of our own the others are followed, whatever they are to each other.
        assert_eq!(
            seats.change(&view(&[2], &[3, 4])),
            [
                change(2, member, Tie::Link, Tie::Followed),
                change(3, neighbour, Tie::Link, Tie::Followed),
                change(4, neighbour, Tie::Told, Tie::Followed),
            ]
        );
        assert_eq!(seats.change(&View::default()).len(), 3);
        assert!(seats.seated().is_empty());
    }

    #[test]
    fn who_speaks_for_a_node_survives_a_change_of_view() {
        let (old, new) = (PeerId::random(), PeerId::random());
        let mut seats = seats();
        assert_eq!(seats.claim(node(1), new, 6), Ok(false));
        for view in [view(&[0], &[1]), view(&[0], &[]), view(&[0, 1], &[])] {
            seats.change(&view);
            assert_eq!(seats.claim(node(1), old, 5), Err(Taken::Superseded));
            assert_eq!(seats.claim(node(1), new, 6), Ok(false));
        }
    }

    #[test]
    fn those_who_left_are_remembered_up_to_a_bound() {
        let numbered = |number: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&number.to_le_bytes());
            NodeId::new(PublicKey::from_bytes(bytes))
        };
        let mut seats = Seats::new(Some(numbered(0)));
        for number in 1..=2 * DEPARTED_MAX {
            seats.change(&View {
                committee: vec![numbered(0), numbered(number)],
                neighbours: Vec::new(),
            });
        }
        assert_eq!(seats.departed.len(), DEPARTED_MAX);
        assert_eq!(seats.seats.len(), DEPARTED_MAX + 1);
        // Who comes back and leaves again is one of them.
        for _ in 0..2 * DEPARTED_MAX {
            for view in [View::default(), view(&[7], &[])] {
                seats.change(&view);
            }
        }
        assert_eq!(seats.seats.len(), DEPARTED_MAX);
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
