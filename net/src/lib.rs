//! Moves frames between named peers.
//!
//! The network knows peers and not protocols: it proves who is at the other end of a connection
//! and how long a frame is, and carries the bytes. What they mean is decided by `model::encoding`,
//! and a message counts because a member's key signed it, never because of the connection that it
//! came by. Other crates address nodes by [`NodeId`](model::NodeId); libp2p is known in this crate
//! alone.
//!
//! ```text
//!                  Handle                                       Events
//!   send | broadcast  tell  request  dial         frames  foreign  requests  links
//!          |            |      |      |              ^       ^         ^       ^
//!     link queues    queues    |   commands          |       |         |       |
//!          |            |      |      |              |       |         |       |
//!        pumps     couriers exchanges service ---- pumps   door   servings  service
//!          '----------- streams on connections of one libp2p swarm ------------'
//! ```
//!
//! Who is where is kept in a directory that all nodes keep together (`discovery`), and what everybody
//! should hear soon is passed on from one to the next (`gossip`). Neither is believed: a node's record
//! is signed by its member key, and what is passed on is judged by those who know what it means.
//!
//! Everything runs on one thread of its own. The *service* is the task that owns the swarm and
//! decides who may connect, who is linked and whom to dial; it never waits for anybody, and what
//! is said on streams does not pass through it. A *link* is the one stream between two members of a
//! committee. A *neighbour* is a member of another shard, and is told frames in requests that gather
//! many. An *exchange* is one request and one response. All queues have bounds, counted in
//! [`bounds`].
//!
//! Links and exchanges are tasks on plain streams of a behaviour of our own. The stock ones queue
//! without bound, drop streams that come too fast, or take each message through the swarm.

pub mod bounds;
mod claim;
mod clock;
mod codec;
mod conduct;
mod config;
mod counters;
mod dialer;
mod discovery;
mod events;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod gate;
mod gossip;
mod handle;
mod identity;
mod known;
mod link;
mod memory;
mod neighbour;
mod pace;
mod parting;
mod peers;
mod protocol;
mod quota;
mod rate;
mod reach;
mod record;
mod rpc;
mod service;
mod spawn;
mod stranger;
mod streams;
mod swarm;
#[cfg(test)]
mod tests;
mod weather;

pub use bounds::{Limits, Rate};
pub use conduct::{Offence, PeerConduct};
pub use config::{Config, Discovery, Identity, StartError, View, ViewError, listen_socket};
pub use counters::Counters;
pub use events::{Events, Frame, Inbound, Link, Origin, Reply, ReplyError};
pub use gossip::{Gossip, PublishError, Topic, Verdict};
pub use handle::{
    Bootnode, BootnodeState, DialError, Direction, Handle, PeerInfo, Remote, RequestError,
    SendError, Target, TellError,
};
pub use identity::{NotAPeerName, PeerName, Sign};
pub use memory::Memory;
pub use peers::Role;
pub use protocol::Protocol;
pub use spawn::{spawn, spawn_under};
pub use stranger::{Door, Speech, Stranger, connect_from};
pub use weather::{Way, Weather};
