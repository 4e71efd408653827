//! The node of a configuration on this machine: how to speak with it while it runs.

use std::path::Path;
use std::time::Duration;

use client::{Client, Endpoints, NodeEndpoint, Options};
use model::NodeId;
use node::config::Sources;
use node::signer::MemberKey;
use node::{Config, Fatal};
use tokio::runtime::Runtime;

use crate::exit::Failure;
use crate::session::runtime;

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// A node of this machine, and a client that asks it.
pub(crate) struct Own {
    pub(crate) name: String,
    pub(crate) node: NodeId,
    pub(crate) client: Client,
    pub(crate) runtime: Runtime,
}

impl Own {
    /// The node with this configuration, whether it runs or not.
    pub(crate) fn of(config: &Path) -> Result<Self, Failure> {
        let file = config;
        let config = Sources::of_process(file)?.load()?.config;
        let genesis = node::load_genesis(&config.genesis)?;
        let key = MemberKey::load(&config.member_key).map_err(Fatal::from)?;
        let address = from_here(&config).ok_or_else(|| {
            let why = format!("{} does not say where the node listens", file.display());
            Failure::usage(why).hint("set `listen` to addresses with ports")
        })?;
        let node = key.node();
        let endpoint = NodeEndpoint {
            name: config.name.clone(),
            node,
            address,
        };
        let endpoints = Endpoints {
            genesis,
            nodes: vec![endpoint],
        };
        let options = Options {
            timeout: PATIENCE,
            ..Options::default()
        };
        let runtime = runtime()?;
        let client = {
            let _inside = runtime.enter();
            Client::connect(endpoints, options)?
        };
        Ok(Self {
            name: config.name,
            node,
            client,
            runtime,
        })
    }
}

/// Where this machine reaches the node. One that listens everywhere listens here, too.
fn from_here(config: &Config) -> Option<String> {
    let with_port = |at: &&String| !at.ends_with("/tcp/0");
    let listen = config.listen.iter().find(with_port)?;
    let here = listen
        .replace("/ip4/0.0.0.0/", "/ip4/127.0.0.1/")
        .replace("/ip6/::/", "/ip6/::1/");
    Some(here)
}
