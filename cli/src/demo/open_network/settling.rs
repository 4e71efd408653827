//! The end: the money of all users is counted, and the disks of the nodes are audited.

use model::{Genesis, ShardId};
use serde_json::json;
use testnet::local::{Layout, read_genesis};

use super::{FOUNDED, PATIENCE, Story, Told};
use crate::demo::books::{Disk, audit, local_store};
use crate::demo::host::{Host, Newcomer};
use crate::exit::{Exit, Failure};

impl Story<'_> {
    /// Ends the payments, waits until their money has arrived, stops everything, and audits the disks.
    pub(super) fn settle(&mut self, founder: &Newcomer) -> Told {
        self.load = None;
        let genesis = genesis(&self.host)?;
        let unknown = || Failure::new(Exit::Failed, "the genesis document has no supply");
        let expected = system_contracts::genesis::supply(&genesis).ok_or_else(unknown)?;
        let host = &self.host;
        host.eventually("all money has arrived", PATIENCE, || {
            let listed = host.ask(&["account", "list"])?;
            let accounts = listed["accounts"].as_array().into_iter().flatten();
            let balances = accounts.map(|account| account["balance"].as_str()?.parse::<u64>().ok());
            let found: Option<u64> = balances.sum();
            Ok((found == Some(expected)).then_some(()))
        })?;
        let root = Layout::of(host.directory()).root();
        let member = |shard: usize| -> Option<Disk> {
            let first = genesis.shards.get(shard)?;
            let member = first.members.first()?;
            let (shard, node) = (first.shard, member.node);
            let store = local_store(&root, &member.name);
            Some(Disk { shard, node, store })
        };
        let founded = Disk {
            shard: ShardId::new(FOUNDED),
            node: founder.node,
            store: founder.config.with_file_name("data"),
        };
        let disks: Vec<Disk> = (0..genesis.shards.len())
            .filter_map(member)
            .chain([founded])
            .collect();
        self.host
            .say("all nodes are stopped, and their disks are audited");
        self.host.stop();
        let books = audit(&genesis, &disks).map_err(|why| Failure::new(Exit::Failed, why))?;
        let supply = books.supply;
        if supply != expected {
            let why =
                format!("all accounts hold {supply} ncsc, and {expected} were there at first");
            return Err(Failure::new(Exit::Failed, why));
        }
        let blocks: u64 = books.heights.iter().map(|(_, height)| height).sum();
        let count = books.heights.len();
        let said = format!(
            "all accounts hold {supply} ncsc, as at first; {blocks} blocks of {count} shards audited"
        );
        let heights: Vec<u64> = books.heights.iter().map(|(_, height)| *height).collect();
        Ok((
            said,
            json!({ "supply": supply.to_string(), "heights": heights }),
            (),
        ))
    }
}

/// The genesis document of the network.
fn genesis(host: &Host<'_>) -> Result<Genesis, Failure> {
    let layout = Layout::of(host.directory());
    let network = layout.network()?;
    let missing = || Failure::new(Exit::Failed, "the network is gone");
    Ok(read_genesis(&layout, network.ok_or_else(missing)?)?)
}
