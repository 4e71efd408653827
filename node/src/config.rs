//! What an operator tells a node: one TOML file, variables of the environment, and flags.
//!
//! ```toml
//! name = "alice"
//! directory = "data"            # what the node keeps
//! genesis = "genesis.bin"       # the network
//! member_key = "member.key"     # signs votes; losing it loses the seat
//! network_key = "network.key"   # the node's name on the network; made if it is not there
//! listen = ["/ip4/0.0.0.0/tcp/4700"]
//! bootnodes = ["/ip4/192.0.2.1/tcp/4700"]
//! external_addresses = []       # where others reach it, if that is not where it listens
//! announce_private = "auto"     # whether private addresses are told to others: "yes", "no", "auto"
//! consents = []                 # shards that it agrees to join: hashes of terms, or "any"
//! approves = []                 # lists of nodes that may follow: hashes of terms, or "any"
//! block_entries_max = 1000      # most transactions in a block that it proposes
//! replayed_blocks_max = 10000   # a longer history is not replayed: the node begins with the state
//! exempt_loopback = false       # whether peers on this machine have no limits: for test networks
//! memory_mib = 2048             # what the process may use; all that the machine has if it is not there
//! http = "127.0.0.1:4780"       # health and metrics; not served if it is not there
//! http_public = false           # whether `http` may be an address that others can reach
//! weather = "weather.toml"      # faults on purpose: for test networks, and never for others
//! lies = "lies.toml"            # lies on purpose: likewise
//!
//! [log]
//! filter = "info,net=debug"     # what is logged
//! format = "auto"               # "pretty", "json", or "auto": pretty on a terminal, JSON elsewhere
//!
//! [pace]                        # time-outs, in milliseconds; leave them alone
//! skip_ms = 400
//! ```
//!
//! Paths in the file are relative to the file. A key that is not known is an error wherever it stands:
//! it is a mistake, or it is meant for another version. [`Sources`] says what else can set a key and
//! what wins.

mod error;
mod layers;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use consensus::bft::Pace;
use figment2::value::magic::RelativePathBuf;
use model::{address, bounds};
use serde::{Deserialize, Deserializer, Serialize};

use crate::announce::AnnouncePrivate;
use crate::applicant::Consents;

pub use error::ConfigError;
pub use layers::{Entry, Flag, Given, Loaded, Sources, VARIABLE_PREFIX};

/// The history that is replayed unless the operator says otherwise: of half a minute, at worst.
const REPLAYED_BLOCKS_MAX: u64 = 10_000;
/// The least memory that a node can be told to make do with, in mebibytes: three times what it takes
/// under load, so that guests are not let go for what members do.
pub const MEMORY_MIB_MIN: u64 = 256;

/// Characters of a name.
const NAME_CHARS_MAX: usize = 64;

/// What a node is started with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// A name for people.
    pub name: String,
    /// Where the node keeps what it must not forget.
    #[serde(deserialize_with = "path")]
    pub directory: PathBuf,
    /// The genesis document of the network.
    #[serde(deserialize_with = "path")]
    pub genesis: PathBuf,
    /// The member key, see [`crate::signer`].
    #[serde(deserialize_with = "path")]
    pub member_key: PathBuf,
    /// The key by which peers know the node. It is made if it is not there.
    #[serde(deserialize_with = "path")]
    pub network_key: PathBuf,
    /// Multiaddresses to listen at.
    pub listen: Vec<String>,
    /// Multiaddresses of nodes to keep connected: those of all members of the shard.
    pub bootnodes: Vec<String>,
    /// Multiaddresses by which others reach the node. If there are none: those that it listens at.
    pub external_addresses: Vec<String>,
    /// Whether private addresses are told to others, kept and dialed.
    pub announce_private: AnnouncePrivate,
    /// What the node agrees to when it is asked to become a member, see [`Consents::parse`].
    pub consents: Vec<String>,
    /// The lists of nodes that it is for when its shard is to replace its own, see [`Consents::parse`].
    pub approves: Vec<String>,
    /// The most transactions in a block that the node proposes: 1 to [`bounds::ENTRIES_MAX`], which is
    /// the default.
    pub block_entries_max: usize,
    /// The longest history, in blocks, that a node without one replays. If its shard has a longer one, it
    /// begins with the state, and what came before is for others to show.
    pub replayed_blocks_max: u64,
    /// Whether peers on this machine are exempt from the limits by address and from rates. Test networks
    /// on one machine say so; nobody else should.
    pub exempt_loopback: bool,
    /// What the process may use of the memory, in mebibytes: at 75 % of it guests are refused, at 85 %
    /// they are let go. At least [`MEMORY_MIB_MIN`]. `None`: what its control groups allow it, or what
    /// the machine has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u64>,
    /// Where health and metrics are served, see [`crate::http`]. `None`: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<SocketAddr>,
    /// Whether [`Config::http`] may be an address that other machines can reach.
    pub http_public: bool,
    /// The file that says which peers are cut off or late, see [`crate::weather`]. `None`, as for any
    /// node that is not there to be tried out: none can be.
    #[serde(default, deserialize_with = "perhaps_path")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weather: Option<PathBuf>,
    /// The file that says what the node lies about, see [`crate::lies`]. `None`, as for any node that is
    /// not there to be tried out: nothing.
    #[serde(default, deserialize_with = "perhaps_path")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lies: Option<PathBuf>,
    /// What is logged, and how. Whoever runs the node sees to it.
    pub log: Log,
    /// Time-outs of the agreement.
    #[serde(with = "PaceKeys")]
    pub pace: Pace,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// What is logged, in the words of `tracing`: levels, and targets with levels.
    pub filter: String,
    /// What a line looks like.
    pub format: LogFormat,
}

/// What is logged if nobody says otherwise. That others have passed on first what a node publishes is as it
/// should be, and gossipsub warns of it.
const DEFAULT_FILTER: &str = "info,libp2p_gossipsub=error";

impl Default for Log {
    fn default() -> Self {
        Self {
            filter: DEFAULT_FILTER.to_owned(),
            format: LogFormat::Auto,
        }
    }
}

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people on a terminal, for programs elsewhere.
    Auto,
    /// For people.
    Pretty,
    /// One object of JSON.
    Json,
}

/// The keys of [`Pace`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "Pace", deny_unknown_fields)]
struct PaceKeys {
    skip_ms: u64,
    skip_max_ms: u64,
    empty_ms: u64,
    standstill_ms: u64,
    heartbeat_ms: u64,
}

/// The keys that need not be set, with what they are then.
#[derive(Serialize)]
struct Defaults {
    bootnodes: Vec<String>,
    external_addresses: Vec<String>,
    announce_private: AnnouncePrivate,
    consents: Vec<String>,
    approves: Vec<String>,
    block_entries_max: usize,
    replayed_blocks_max: u64,
    exempt_loopback: bool,
    http_public: bool,
    log: Log,
    #[serde(with = "PaceKeys")]
    pace: Pace,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            bootnodes: Vec::new(),
            external_addresses: Vec::new(),
            announce_private: AnnouncePrivate::Auto,
            consents: Vec::new(),
            approves: Vec::new(),
            block_entries_max: bounds::ENTRIES_MAX,
            replayed_blocks_max: REPLAYED_BLOCKS_MAX,
            exempt_loopback: false,
            http_public: false,
            log: Log::default(),
            pace: Pace::default(),
        }
    }
}

impl Config {
    /// The configuration in a file alone, whatever the environment says.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the file, the key and what would be right.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let sources = Sources {
            file: file.to_owned(),
            ..Sources::default()
        };
        sources.load().map(|loaded| loaded.config)
    }

    /// The first value that makes no sense: its key, and what would be right.
    fn problem(&self) -> Option<(&'static str, String)> {
        self.name_problem()
            .or_else(|| self.applicant_problem())
            .or_else(|| self.http_problem())
            .or_else(|| self.pace_problem())
            .or_else(|| {
                let too_little = self.memory_mib.is_some_and(|mib| mib < MEMORY_MIB_MIN);
                let problem = || format!("must be at least {MEMORY_MIB_MIN}");
                too_little.then(|| ("memory_mib", problem()))
            })
            .or_else(|| {
                let is_fine = (1..=bounds::ENTRIES_MAX).contains(&self.block_entries_max);
                let problem = || format!("must be 1 to {}", bounds::ENTRIES_MAX);
                (!is_fine).then(|| ("block_entries_max", problem()))
            })
    }

    fn name_problem(&self) -> Option<(&'static str, String)> {
        let is_fine = (1..=NAME_CHARS_MAX).contains(&self.name.chars().count())
            && !self.name.chars().any(char::is_control);
        let problem = || format!("must have 1 to {NAME_CHARS_MAX} printable characters");
        (!is_fine).then(|| ("name", problem()))
    }

    fn applicant_problem(&self) -> Option<(&'static str, String)> {
        let mut external = self.external_addresses.iter();
        if let Some(problem) = external.find_map(|external| address::check(external).err()) {
            let problem = format!("has one that is none: {problem}");
            return Some(("external_addresses", problem));
        }
        let words = [("consents", &self.consents), ("approves", &self.approves)];
        let not_understood = |(_, words): &(_, &Vec<String>)| Consents::parse(words).is_none();
        let (key, _) = words.into_iter().find(not_understood)?;
        Some((key, "must be hashes of terms, or \"any\"".to_owned()))
    }

    fn http_problem(&self) -> Option<(&'static str, String)> {
        let open = |at: &SocketAddr| !at.ip().is_loopback() && !self.http_public;
        let at = self.http.filter(open)?;
        let problem = format!(
            "is {at}, where other machines can reach it: take an address of this machine alone, such as \
             127.0.0.1:{}, or say `http_public = true`",
            at.port()
        );
        Some(("http", problem))
    }

    fn pace_problem(&self) -> Option<(&'static str, String)> {
        let Pace {
            skip_ms,
            skip_max_ms,
            empty_ms,
            standstill_ms,
            heartbeat_ms,
        } = self.pace;
        let times = [
            ("pace.skip_ms", skip_ms),
            ("pace.empty_ms", empty_ms),
            ("pace.standstill_ms", standstill_ms),
            ("pace.heartbeat_ms", heartbeat_ms),
        ];
        if let Some((key, _)) = times.into_iter().find(|(_, ms)| *ms == 0) {
            return Some((key, "must be more than 0, in milliseconds".to_owned()));
        }
        (skip_max_ms < skip_ms).then(|| {
            let problem = format!("must be at least `pace.skip_ms`, which is {skip_ms}");
            ("pace.skip_max_ms", problem)
        })
    }
}

/// A path, relative to the file that it stands in if it stands in one.
fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    RelativePathBuf::deserialize(deserializer).map(|path| path.relative())
}

fn perhaps_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    path(deserializer).map(Some)
}
