//! Real networks of node processes on loopback: `chainspace testnet up`.
//!
//! A supervisor in the foreground makes the network (or resumes the one that is there), starts one
//! process for each node, commits a transaction, and then watches until it is told to stop. Each
//! node is the same program as everywhere, started with `chainspace node run`, so what is killed,
//! paused and restarted here is the real thing.
//!
//! Everything a network consists of is in one folder:
//!
//! ```text
//! DIR/.chainspace/local.lock        held by the supervisor; holds its process id
//! DIR/.chainspace/local/
//!     network.json                  the manifest: the name, the nodes and their ports
//!     genesis                       the genesis document, canonical encoding
//!     endpoint.json                 where the running network is to be found; only while it runs
//!     control.sock                  what `testnet kill|pause|resume|restart|stop` speak to
//!     nodes/n0/config.toml          the configuration of a node, beside its keys and its store
//!     nodes/n0/weather.toml         which other nodes it does not hear, or hears late
//!     nodes/n0/lies.toml            what it lies about, on purpose; only while it does
//!     logs/n0.log, logs/n0.log.1    what a node says, and what it said before that
//!     self-test/                    the journal of the supervisor, which sends once at each start
//!     wallet/                       the journal of the commands that send
//!     receipts/                     the receipts they save
//! ```
//!
//! The supervisor tells whoever started it what happens as [`Event`]s and prints nothing itself.

mod config;
mod control;
mod endpoint;
mod error;
mod event;
mod file;
mod genesis;
mod holder;
mod layout;
mod lies;
mod lock;
mod logs;
mod manifest;
mod ports;
mod process;
mod ready;
mod signals;
mod stop;
mod straggler;
mod supervisor;
mod up;
mod weather;

pub use control::{Answer, Command, NodeState, ask};
pub use endpoint::{Endpoint, EndpointNode};
pub use error::LocalError;
pub use event::{AccountReport, Event, NodeReport};
pub use genesis::read_genesis;
pub use holder::of as port_holder;
pub use layout::Layout;
pub use lies::Lies;
pub use ports::free as free_ports;
pub use process::State;
pub use stop::{reset, stop};
pub use up::{Options, up};
