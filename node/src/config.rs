//! What an operator tells a node: one TOML file.
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
//! consents = []                 # shards that it agrees to join: hashes of terms, or "any"
//! approves = []                 # lists of nodes that may follow: hashes of terms, or "any"
//! block_entries_max = 1000      # most transactions in a block that it proposes
//! weather = "weather.toml"      # faults on purpose: for test networks, and never for others
//! lies = "lies.toml"            # lies on purpose: likewise
//!
//! [pace]                        # time-outs, in milliseconds; leave them alone
//! skip_ms = 400
//! ```
//!
//! Paths are relative to the file. A key that is not known is an error: it is a mistake, or it is
//! meant for another version.

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use consensus::bft::Pace;
use model::{address, bounds};
use serde::Deserialize;

use crate::applicant::Consents;

/// Characters of a name.
const NAME_CHARS_MAX: usize = 64;

/// What a node is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// A name for people.
    pub name: String,
    /// Where the node keeps what it must not forget.
    pub directory: PathBuf,
    /// The genesis document of the network.
    pub genesis: PathBuf,
    /// The member key, see [`crate::signer`].
    pub member_key: PathBuf,
    /// The key by which peers know the node. It is made if it is not there.
    pub network_key: PathBuf,
    /// Multiaddresses to listen at.
    pub listen: Vec<String>,
    /// Multiaddresses of nodes to keep connected: those of all members of the shard.
    pub bootnodes: Vec<String>,
    /// Multiaddresses by which others reach the node. If there are none: those that it listens at.
    pub external_addresses: Vec<String>,
    /// What the node agrees to when it is asked to become a member, see [`Consents::parse`].
    pub consents: Vec<String>,
    /// The lists of nodes that it is for when its shard is to replace its own, see [`Consents::parse`].
    pub approves: Vec<String>,
    /// The most transactions in a block that the node proposes: 1 to [`bounds::ENTRIES_MAX`], which is
    /// the default.
    pub block_entries_max: usize,
    /// The file that says which peers are cut off or late, see [`crate::weather`]. `None`, as for any
    /// node that is not there to be tried out: none can be.
    pub weather: Option<PathBuf>,
    /// The file that says what the node lies about, see [`crate::lies`]. `None`, as for any node that is
    /// not there to be tried out: nothing.
    pub lies: Option<PathBuf>,
    /// Time-outs of the agreement.
    pub pace: Pace,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {file}: {reason}")]
    Read {
        /// The file.
        file: String,
        /// What the system says.
        reason: io::Error,
    },
    /// A key is missing, unknown, or of the wrong type.
    #[error("{file}: {reason}")]
    Parse {
        /// The file.
        file: String,
        /// Where and what, and which keys there are.
        reason: toml::de::Error,
    },
    /// A value makes no sense.
    #[error("{file}: `{key}` {problem}")]
    Value {
        /// The file.
        file: String,
        /// The key.
        key: &'static str,
        /// What is wrong with the value, and what would be right.
        problem: String,
    },
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    directory: PathBuf,
    genesis: PathBuf,
    member_key: PathBuf,
    network_key: PathBuf,
    listen: Vec<String>,
    #[serde(default)]
    bootnodes: Vec<String>,
    #[serde(default)]
    external_addresses: Vec<String>,
    #[serde(default)]
    consents: Vec<String>,
    #[serde(default)]
    approves: Vec<String>,
    block_entries_max: Option<usize>,
    weather: Option<PathBuf>,
    lies: Option<PathBuf>,
    #[serde(default)]
    pace: WrittenPace,
}

/// Time-outs that differ from the usual ones.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPace {
    skip_ms: Option<u64>,
    skip_max_ms: Option<u64>,
    empty_ms: Option<u64>,
    standstill_ms: Option<u64>,
    heartbeat_ms: Option<u64>,
}

impl Config {
    /// The configuration in a file.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the file, the key and what would be right.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|reason| ConfigError::Read {
            file: path.display().to_string(),
            reason,
        })?;
        Self::parse(&text, path)
    }

    /// The configuration in `text`, which is that of the file at `path`.
    fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let file = || path.display().to_string();
        let written: Written = toml::from_str(text).map_err(|reason| ConfigError::Parse {
            file: file(),
            reason,
        })?;
        let base = path.parent().unwrap_or(Path::new(""));
        let config = Self {
            name: written.name,
            directory: base.join(written.directory),
            genesis: base.join(written.genesis),
            member_key: base.join(written.member_key),
            network_key: base.join(written.network_key),
            listen: written.listen,
            bootnodes: written.bootnodes,
            external_addresses: written.external_addresses,
            consents: written.consents,
            approves: written.approves,
            block_entries_max: written.block_entries_max.unwrap_or(bounds::ENTRIES_MAX),
            weather: written.weather.map(|file| base.join(file)),
            lies: written.lies.map(|file| base.join(file)),
            pace: written.pace.over(Pace::default()),
        };
        match config.problem() {
            Some((key, problem)) => Err(ConfigError::Value {
                file: file(),
                key,
                problem,
            }),
            None => Ok(config),
        }
    }

    /// The first value that makes no sense.
    fn problem(&self) -> Option<(&'static str, String)> {
        let name = &self.name;
        if name.is_empty()
            || name.chars().count() > NAME_CHARS_MAX
            || name.chars().any(char::is_control)
        {
            let problem = format!("must have 1 to {NAME_CHARS_MAX} printable characters");
            return Some(("name", problem));
        }
        if !(1..=bounds::ENTRIES_MAX).contains(&self.block_entries_max) {
            let problem = format!("must be 1 to {}", bounds::ENTRIES_MAX);
            return Some(("block_entries_max", problem));
        }
        let mut external = self.external_addresses.iter();
        if let Some(problem) = external.find_map(|external| address::check(external).err()) {
            return Some((
                "external_addresses",
                format!("has one that is none: {problem}"),
            ));
        }
        let words = [("consents", &self.consents), ("approves", &self.approves)];
        let not_understood = |(_, words): &(_, &Vec<String>)| Consents::parse(words).is_none();
        if let Some((key, _)) = words.into_iter().find(not_understood) {
            return Some((key, "must be hashes of terms, or \"any\"".to_owned()));
        }
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

impl WrittenPace {
    fn over(&self, usual: Pace) -> Pace {
        Pace {
            skip_ms: self.skip_ms.unwrap_or(usual.skip_ms),
            skip_max_ms: self.skip_max_ms.unwrap_or(usual.skip_max_ms),
            empty_ms: self.empty_ms.unwrap_or(usual.empty_ms),
            standstill_ms: self.standstill_ms.unwrap_or(usual.standstill_ms),
            heartbeat_ms: self.heartbeat_ms.unwrap_or(usual.heartbeat_ms),
        }
    }
}
