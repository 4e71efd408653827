//! Making a network, and finding the one that was made before.
//!
//! A network is put together in a folder of its own and then moved to its place, so that there is a
//! whole one or none.

#[cfg(test)]
mod tests;

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::keys::{LOCAL_NAMES, local_secret};
use contracts::simulator;
use model::bounds::{GENESIS_BYTES_MAX, MEMBERS_MAX, MEMBERS_MIN};
use model::genesis::GenesisShard;
use model::{Genesis, NetworkId, NodeDescriptor, PublicKey, ShardId, Time};
use node::signer::MemberKey;
use system_contracts::cscoin::CSC;
use system_contracts::genesis::{genesis, with_accounts_below, with_managed_shards};

use super::config;
use super::error::LocalError;
use super::event::Event;
use super::file;
use super::layout::Layout;
use super::manifest::{Manifest, ManifestNode};
use super::up::Options;

/// Shards of a network if nobody says how many.
const SHARDS: u32 = 2;

/// Nodes of a shard if nobody says how many: `3f + 1` with `f = 1`.
const NODES: usize = 4;

/// Nodes of a local network: each is a process, and all have to be reached by each.
const NODES_MAX: usize = 64;

/// The shards below this number may hold accounts, also those that are founded later: as many as a
/// machine has room for. Whoever founds one on a local network is the user who started it.
const SHARDS_MAX: u32 = 16;

/// What each of the public test accounts has at first, in ncsc.
const BALANCE: u64 = 1_000 * CSC;

/// A network: its manifest and its genesis document.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) manifest: Manifest,
    pub(crate) genesis: Genesis,
    /// Whether it was here before.
    resumed: bool,
}

impl Local {
    pub(crate) fn event(&self, took: Duration) -> Event {
        Event::Network {
            name: self.manifest.name.clone(),
            network: self.manifest.network,
            resumed: self.resumed,
            nodes: self.manifest.nodes.len(),
            shards: self.genesis.shards.len(),
            accounts: LOCAL_NAMES.len(),
            took,
        }
    }

    /// Writes the configuration of every node.
    pub(crate) fn configure(&self, layout: &Layout, options: &Options) -> Result<(), LocalError> {
        self.manifest.write(layout)?;
        let all = &self.manifest.nodes;
        (0..).zip(all).try_for_each(|(index, node)| {
            let given = config::Given {
                http: options.http_of(index),
                exempt_loopback: options.guarded.is_none(),
                memory_mib: options.guarded,
                block_entries_max: options.block_entries_max,
                faults: options.faults,
            };
            config::write(layout, node, all, &given)
        })
    }

    /// The members of all shards with their manifest entries, in the order of shards and seats.
    pub(crate) fn members(
        &self,
    ) -> impl Iterator<Item = (&ManifestNode, ShardId, &NodeDescriptor)> {
        let shards = self.genesis.shards.iter();
        let members = shards.flat_map(|shard| shard.members.iter().map(|node| (shard.shard, node)));
        let nodes = self.manifest.nodes.iter().zip(members);
        nodes.map(|(node, (shard, member))| (node, shard, member))
    }
}

/// The network of the folder; a new one if there is none, or only one that was to end.
///
/// # Errors
///
/// [`LocalError::Different`] if the network there is not the one that was asked for,
/// [`LocalError::Damaged`] or [`LocalError::OtherGenesis`] if it is not whole.
pub(crate) fn open(layout: &Layout, options: &Options) -> Result<Local, LocalError> {
    match Manifest::read(layout)? {
        Some(manifest) if !manifest.ephemeral => resume(layout, options, manifest),
        Some(_) => {
            file::remove_folder(&layout.root())?;
            make(layout, options)
        }
        None if layout.root().exists() => Err(LocalError::Damaged {
            path: layout.root(),
            reason: "it has no network.json".to_owned(),
        }),
        None => make(layout, options),
    }
}

fn resume(layout: &Layout, options: &Options, manifest: Manifest) -> Result<Local, LocalError> {
    let different = |kept: String, asked: String| LocalError::Different {
        directory: layout.root(),
        kept,
        asked,
    };
    if options.ephemeral {
        return Err(different("is kept".to_owned(), "ephemeral".to_owned()));
    }
    let genesis = read_genesis(layout, manifest.network)?;
    let shards = genesis.shards.len();
    if let Some(asked) = options.shards.filter(|asked| *asked as usize != shards) {
        return Err(different(format!("has {shards} shards"), asked.to_string()));
    }
    let nodes = genesis.shards[0].members.len();
    if let Some(asked) = options.nodes.filter(|asked| *asked != nodes) {
        return Err(different(
            format!("has {nodes} nodes in a shard"),
            asked.to_string(),
        ));
    }
    let profile = genesis.profile;
    if let Some(asked) = options.profile.filter(|asked| *asked != profile) {
        return Err(different(
            format!("has the profile {profile}"),
            asked.to_string(),
        ));
    }
    Ok(Local {
        manifest,
        genesis,
        resumed: true,
    })
}

/// Reads the genesis document of a network.
///
/// # Errors
///
/// [`LocalError::Damaged`] if there is none, [`LocalError::OtherGenesis`] if it is of another
/// network than `expected`.
pub fn read_genesis(layout: &Layout, expected: NetworkId) -> Result<Genesis, LocalError> {
    let path = layout.genesis();
    let damaged = |reason: String| LocalError::Damaged {
        path: path.clone(),
        reason,
    };
    let bytes = file::read(&path, GENESIS_BYTES_MAX as u64)?
        .ok_or_else(|| damaged("there is no such file".to_owned()))?;
    let genesis = Genesis::from_bytes(&bytes).map_err(|error| damaged(error.to_string()))?;
    let found = genesis.network();
    if found == expected {
        Ok(genesis)
    } else {
        Err(LocalError::OtherGenesis {
            path,
            expected,
            found,
        })
    }
}

fn make(layout: &Layout, options: &Options) -> Result<Local, LocalError> {
    let draft = layout.draft();
    file::remove_folder(draft.home())?;
    let nodes = options.nodes.unwrap_or(NODES);
    if !(MEMBERS_MIN..=MEMBERS_MAX).contains(&nodes) {
        return Err(LocalError::Nodes(nodes));
    }
    let shards = options.shards.unwrap_or(SHARDS);
    if shards == 0 || shards as usize * nodes > NODES_MAX {
        return Err(LocalError::Shards { shards, nodes });
    }
    let members = (0..shards as usize * nodes)
        .map(|index| make_member(&draft, format!("n{index}")))
        .collect::<Result<Vec<_>, _>>()?;
    let names = members.iter().map(|member| ManifestNode {
        name: member.name.clone(),
        port: 0,
    });
    let names = names.collect();
    let genesis = document(&members, nodes, options);
    let name = genesis.name.clone();
    let manifest = Manifest::new(name, genesis.network(), options.ephemeral, names);
    file::create_folder(&draft.logs())?;
    file::create_folder(&draft.receipts())?;
    file::replace(&draft.genesis(), &genesis.to_bytes())?;
    manifest.write(&draft)?;
    let root = layout.root();
    fs::rename(draft.root(), &root).map_err(LocalError::io("create the folder", &root))?;
    file::remove_folder(draft.home())?;
    Ok(Local {
        manifest,
        genesis,
        resumed: false,
    })
}

/// The genesis document of shards with so many of these members each. It says no addresses: ports may
/// change, and the document never does.
fn document(members: &[NodeDescriptor], nodes: usize, options: &Options) -> Genesis {
    // The first key is random, so the name is, too.
    let first = members[0].node.to_string();
    let name = format!("local-{}", &first[..8]);
    let shards: Vec<GenesisShard> = (0_u32..)
        .zip(members.chunks(nodes))
        .map(|(shard, members)| GenesisShard {
            shard: ShardId::new(shard),
            members: members.to_vec(),
        })
        .collect();
    // The test accounts live in all shards in turn, so that payments among them cross shards.
    let homes = shards.iter().map(|shard| shard.shard).cycle();
    let named = LOCAL_NAMES.iter().zip(homes);
    let named = named.map(|(name, home)| (local_secret(name).public(), home, BALANCE));
    let accounts: Vec<(PublicKey, ShardId, u64)> =
        named.chain(options.accounts.iter().copied()).collect();
    let genesis = with_managed_shards(Genesis {
        profile: options.profile.unwrap_or_default(),
        ..genesis(name, now(), shards, &accounts)
    });
    let mut genesis = with_accounts_below(genesis, SHARDS_MAX);
    if !options.simulated.is_empty() {
        simulator::install(&mut genesis, options.simulated.iter().cloned());
    }
    genesis
}

/// Makes the folder of a node with its member key. The node makes its network key itself.
fn make_member(layout: &Layout, name: String) -> Result<NodeDescriptor, LocalError> {
    file::create_folder(&layout.node(&name))?;
    let key = MemberKey::create(&layout.node(&name).join(config::MEMBER_KEY))?;
    Ok(NodeDescriptor {
        name,
        node: key.node(),
        addresses: Vec::new(),
    })
}

/// The time of the system's clock.
fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let ms = since.map_or(0, |since| since.as_millis());
    Time::from_ms(u64::try_from(ms).unwrap_or(u64::MAX))
}
