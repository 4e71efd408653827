//! Finding nodes that nobody has introduced: a directory that all nodes keep together.
//!
//! Each node that listens keeps a part of a Kademlia table under names of its own network, and looks
//! up in the parts of the others what it needs. Two kinds of entries are in it:
//!
//! - under a node, its signed [`NodeRecord`](crate::record::NodeRecord): where it is. Nobody is
//!   believed about it but the node.
//! - under a shard, the peers that say they serve it. Anybody may say so; what such a peer then says
//!   is verified by those who ask it.
//!
//! A member of the ledger whose address we do not know is looked up and dialed, see [`Finder`]. So a
//! node that knows one other node, and from the ledger who the members are, finds them all.
//!
//! What is kept for others has bounds, and is kept only after it was checked, see [`Records`].

mod behaviour;
mod finder;
mod key;
mod publisher;
mod records;

pub(crate) use behaviour::{Behaviour, build};
pub(crate) use finder::Finder;
pub(crate) use key::Key;
pub(crate) use publisher::Publisher;
pub(crate) use records::{Known, Records, Unkept};
