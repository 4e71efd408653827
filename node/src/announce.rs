//! Whether the private addresses of a node lead anywhere for others.
//!
//! An address such as `10.0.0.7` is another machine in every house. On a network of one house nodes must
//! tell each other such addresses, because they have no others; on an open one they must not, and must not
//! dial what they are told. All nodes of a network should do the same, so what decides is the network file,
//! which all of them have.

#[cfg(test)]
mod tests;

use model::{Genesis, address};
use serde::{Deserialize, Serialize};

use crate::config::Config;

/// Whether private addresses and those of loopback are told to others, kept and dialed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnnouncePrivate {
    /// As the network file says: if it lists addresses of its first members and all of them are private.
    /// If it lists none, the bootnodes decide; without bootnodes, where the node itself listens.
    #[default]
    Auto,
    /// They are: the network is on one machine or site.
    Yes,
    /// They are not.
    No,
}

impl AnnouncePrivate {
    /// What that comes to for the node with this configuration.
    pub(crate) fn decide(self, genesis: &Genesis, config: &Config) -> bool {
        match self {
            Self::Yes => true,
            Self::No => false,
            Self::Auto => {
                let members = genesis.shards.iter().flat_map(|shard| &shard.members);
                let listed = members.flat_map(|member| &member.addresses);
                let listed: Vec<&String> = listed.collect();
                let sources = [
                    listed,
                    config.bootnodes.iter().collect(),
                    config.listen.iter().collect(),
                ];
                let decisive = sources.iter().find(|addresses| !addresses.is_empty());
                decisive.is_some_and(|addresses| addresses.iter().all(|at| is_private(at)))
            }
        }
    }
}

/// The addresses that the operator says others reach the node at, as far as the network can tell them to
/// others: with an IP address and a TCP port, and without the peer, which goes without saying.
pub(crate) fn external(config: &Config) -> Vec<String> {
    let told = config.external_addresses.iter().filter_map(|address| {
        let bare = address.split("/p2p/").next().unwrap_or_default();
        let ip = bare.starts_with("/ip4/") || bare.starts_with("/ip6/");
        let can = ip && bare.contains("/tcp/");
        if !can {
            tracing::warn!(
                address,
                "only /ip4 and /ip6 with /tcp are told to nodes that look for this one"
            );
        }
        can.then(|| bare.to_owned())
    });
    told.collect()
}

/// Whether an address means nothing to the internet. All addresses of a machine at once (`0.0.0.0`) are
/// not known to.
fn is_private(text: &str) -> bool {
    let everywhere = text.starts_with("/ip4/0.0.0.0/") || text.starts_with("/ip6/::/");
    !everywhere && !address::is_global(text)
}
