//! How a node takes part in its network: as whom, where it listens, and how much of itself it gives.

use super::person::Person;
use crate::announce::external;
use crate::api::VERSION;
use crate::config::Config;
use crate::error::Fatal;
use crate::{signer, view};

/// What the network is told of this node.
///
/// # Errors
///
/// [`Fatal`] if the key of its connections cannot be read.
pub(super) fn config(person: &Person) -> Result<net::Config, Fatal> {
    let config = &person.config;
    Ok(net::Config {
        network: person.genesis.network(),
        transport_seed: signer::transport_seed(&config.network_key)?,
        identity: Some(net::Identity {
            node: person.node(),
            sign: person.key.for_network(),
        }),
        view: view::view(&person.registry.known(), person.node()),
        listen: config.listen.clone(),
        bootnodes: config.bootnodes.clone(),
        agent: VERSION.to_owned(),
        discovery: net::Discovery {
            private_addresses: config.announce_private.decide(&person.genesis, config),
            external_addresses: external(config),
            peer_store: Some(config.directory.join("peers")),
        },
        limits: limits(config),
    })
}

/// How much of itself the node gives to others.
fn limits(config: &Config) -> net::Limits {
    let limits = net::Limits {
        exempt_loopback: config.exempt_loopback,
        ..net::Limits::default()
    };
    match config.memory_mib {
        Some(mib) => limits.within(mib.saturating_mul(1 << 20)),
        None => limits,
    }
}

/// Whether a node with these multiaddresses listens for nobody but its own machine: its network is one to
/// try things out.
#[must_use]
pub fn is_on_one_machine(listen: &[String]) -> bool {
    let loopback = |at: &String| at.starts_with("/ip4/127.") || at.starts_with("/ip6/::1/");
    listen.iter().all(loopback)
}
