//! What can be in the way of a local network, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use model::NetworkId;
use model::bounds::{MEMBERS_MAX, MEMBERS_MIN};
use node::signer::KeyError;

use super::weather::DELAY_MS_MAX;

/// Why a local network could not be made, started, found or told something.
///
/// The text names the cause; [`LocalError::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// More shards, or fewer, than a local network can have.
    #[error("a local network cannot have {shards} shards of {nodes} nodes")]
    Shards {
        /// The shards that were asked for.
        shards: u32,
        /// The nodes of each.
        nodes: usize,
    },
    /// A number of nodes that cannot form a shard.
    #[error("a shard has {MEMBERS_MIN} to {MEMBERS_MAX} nodes, not {0}")]
    Nodes(usize),
    /// Another supervisor runs in the directory.
    #[error("the network in {} is running already{}", directory.display(), by(*pid))]
    Running {
        /// The folder of the network.
        directory: PathBuf,
        /// The process that runs it, if it has said so.
        pid: Option<u32>,
    },
    /// There is no network here or above.
    #[error("there is no network in {} nor in a folder above it", .0.display())]
    NoNetwork(PathBuf),
    /// The network exists and nobody runs it.
    #[error("the network in {} is not running", directory.display())]
    NotRunning {
        /// The folder of the network.
        directory: PathBuf,
    },
    /// A file or a folder could not be used.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was to be done with it.
        action: &'static str,
        /// The file or the folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file of the network is not what it should be.
    #[error("{} is damaged or was made by another version: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The genesis document is another than the one the network was made with.
    #[error("the genesis document {} is of network {found}, and the network here is {expected}", path.display())]
    OtherGenesis {
        /// The document.
        path: PathBuf,
        /// The network that the manifest names.
        expected: NetworkId,
        /// The network that the document names.
        found: NetworkId,
    },
    /// The network that is kept here is not the one that was asked for.
    #[error("the network in {} {kept}, not {asked}", directory.display())]
    Different {
        /// The folder of the network.
        directory: PathBuf,
        /// What the kept network has.
        kept: String,
        /// What was asked for instead.
        asked: String,
    },
    /// A node of an earlier run does not end.
    #[error("another process uses the directory of node {0}")]
    Straggler(String),
    /// A port that was asked for is not free.
    #[error("port {port} for {node} is not free: {reason}")]
    PortTaken {
        /// The port.
        port: u16,
        /// The node that was to have it.
        node: String,
        /// Who has it, or what the system says.
        reason: String,
    },
    /// No port is free.
    #[error("no port from 10000 to 29999 is free on 127.0.0.1")]
    NoPort,
    /// A node ended before the network was ready.
    #[error("node {node} {how} before the network was ready{}", lines(log_tail))]
    NodeDied {
        /// The node.
        node: String,
        /// How it ended.
        how: String,
        /// The last lines of its log.
        log_tail: Vec<String>,
        /// Its log.
        log: PathBuf,
    },
    /// The network did not get ready in time.
    #[error("the network is not ready after {seconds} s: {reason}")]
    NotReady {
        /// How long it took.
        seconds: u64,
        /// What it waits for.
        reason: String,
    },
    /// The first transaction was not committed.
    #[error("the first transaction of the network was not committed: {0}")]
    SelfTest(String),
    /// There is no node of this name.
    #[error("there is no node {name}, there are {known}")]
    UnknownNode {
        /// The name.
        name: String,
        /// The names of the nodes.
        known: String,
    },
    /// The node has no process.
    #[error("node {0} is not running")]
    NodeStopped(String),
    /// The nodes of this network cannot be cut off.
    #[error("the nodes of this network cannot be cut off nor delayed: it is being measured")]
    NoFaults,
    /// A partition with a side that nobody is on.
    #[error("a partition has two sides: name some of the nodes, and not all")]
    NoOtherSide,
    /// A node is named twice.
    #[error("node {0} is named twice")]
    NamedTwice(String),
    /// A delay is too long.
    #[error("a node can be delayed by {DELAY_MS_MAX} ms at most, not by {0}")]
    Delay(u32),
    /// The node is not paused.
    #[error("node {0} is not paused")]
    NotPaused(String),
    /// The system did not deliver a signal.
    #[error("cannot send {signal} to node {node}: {reason}")]
    Signal {
        /// The node.
        node: String,
        /// The signal.
        signal: &'static str,
        /// What the system says.
        reason: &'static str,
    },
    /// The supervisor did not do what it was asked.
    #[error("{reason}")]
    Refused {
        /// The supervisor's reason.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A signal said stop before the network was ready.
    #[error("interrupted before the network was ready")]
    Interrupted,
    /// The key of a node could not be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The client could not be started, or refuses what it was given.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// The system refuses what every program needs.
    #[error("cannot {action}: {source}")]
    System {
        /// What was to be done.
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

impl LocalError {
    /// Makes the error of a failed operation on `path`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// Makes the error of a name that none of the `known` nodes has.
    pub(crate) fn unknown_node<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        Self::UnknownNode {
            name: name.to_owned(),
            known: known.collect::<Vec<_>>().join(", "),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Shards { .. } => {
                "it has one shard or more, and 64 nodes at most in all of them".to_owned()
            }
            Self::Running { .. } => {
                "stop it with `chainspace testnet stop`, or use another directory with --dir"
                    .to_owned()
            }
            Self::NoNetwork(_) => {
                "start one with `chainspace testnet up`, or name its directory with --dir"
                    .to_owned()
            }
            Self::NotRunning { .. } => "start it with `chainspace testnet up`".to_owned(),
            Self::Io { source, .. } => return io_hint(source),
            Self::Damaged { .. } | Self::OtherGenesis { .. } => {
                "put the right file back, or start over with `chainspace testnet reset`".to_owned()
            }
            Self::Different { .. } => {
                "start over with `chainspace testnet reset`, or use another directory with --dir"
                    .to_owned()
            }
            Self::Straggler(_) => {
                "is it a node that was started by hand? stop it, and start the network again"
                    .to_owned()
            }
            Self::PortTaken { .. } => {
                "choose another --port, or leave it out to use free ones".to_owned()
            }
            Self::NodeDied { log, .. } => format!("the whole log is {}", log.display()),
            Self::NodeStopped(node) => {
                format!("start it with `chainspace testnet restart {node}`")
            }
            Self::Refused { hint, .. } => return hint.clone(),
            Self::Client(error) => return error.hint().map(Into::into),
            Self::Nodes(_)
            | Self::NoPort
            | Self::NotReady { .. }
            | Self::SelfTest(_)
            | Self::UnknownNode { .. }
            | Self::NoFaults
            | Self::NoOtherSide
            | Self::NamedTwice(_)
            | Self::Delay(_)
            | Self::NotPaused(_)
            | Self::Signal { .. }
            | Self::Interrupted
            | Self::Key(_)
            | Self::System { .. } => return None,
        };
        Some(hint)
    }
}

fn io_hint(error: &io::Error) -> Option<String> {
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a directory that you may write to with --dir"
        }
        io::ErrorKind::StorageFull => "free some space on the disk, or use another with --dir",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "something else has this name: move it away, or use another directory with --dir"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn by(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(", by process {pid}"))
}

fn lines(tail: &[String]) -> String {
    tail.iter().map(|line| format!("\n  {line}")).collect()
}
