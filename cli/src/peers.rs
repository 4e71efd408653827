//! `chainspace peers`: whom a node is connected with, whom it misses, and whom it has banned.

use std::path::PathBuf;
use std::time::Duration;

use client::Options;
use client::address::short;
use client::{Addresses, AskError, NetworkKind};
use model::NodeId;
use model::api::{BannedPeer, PeerConnection, PeerDirection, PeerList, PeerRow};
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::output::Done;
use crate::own::Own;
use crate::session::Session;
use crate::{Common, table};

/// How long the node may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

const EXAMPLES: &str = "Examples:
  chainspace peers
  chainspace peers n3
  chainspace peers --config me/node.toml --json";

/// Show whom a node is connected with
///
/// A node says so to its own machine alone.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Peers {
    /// A node of the local network [default: the first one]
    #[arg(conflicts_with = "config")]
    node: Option<String>,
    /// The configuration of a node of this machine that is asked instead
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What is asked, and who is who.
struct Asked {
    name: String,
    node: NodeId,
    list: PeerList,
    addresses: Addresses,
    /// The names that are known here.
    names: Vec<(NodeId, String)>,
}

pub(crate) fn run(common: &Common, peers: &Peers) -> Result<Done, Failure> {
    let asked = match &peers.config {
        Some(config) => ask_own(Own::of(config)?)?,
        None => ask_local(&Session::find(common)?, peers.node.as_deref())?,
    };
    Ok(Done {
        text: asked.text(),
        data: asked.data(),
    })
}

fn ask_own(own: Own) -> Result<Asked, Failure> {
    let Own {
        name,
        node,
        client,
        runtime,
    } = own;
    let list = runtime.block_on(client.peers(&node));
    let list = list.map_err(|error| unanswered(&name, &error))?;
    runtime.block_on(client.catch_up());
    let records = client.records();
    let members = records.iter().flat_map(|record| record.descriptors());
    Ok(Asked {
        names: members.map(|node| (node.node, node.name.clone())).collect(),
        addresses: Addresses(NetworkKind::of(client.genesis())),
        name,
        node,
        list,
    })
}

fn ask_local(session: &Session, name: Option<&str>) -> Result<Asked, Failure> {
    let nodes = &session.endpoint.nodes;
    let found = match name {
        Some(name) => Some(session.endpoint.node(name)?),
        None => nodes.first(),
    };
    let found = found.ok_or_else(|| Failure::usage("the network has no node"))?;
    let client = session.client(Options {
        timeout: PATIENCE,
        ..Options::default()
    })?;
    let list = session.runtime.block_on(client.peers(&found.node));
    Ok(Asked {
        list: list.map_err(|error| unanswered(&found.name, &error))?,
        name: found.name.clone(),
        node: found.node,
        addresses: session.addresses(),
        names: nodes.iter().map(|at| (at.node, at.name.clone())).collect(),
    })
}

fn unanswered(name: &str, error: &AskError) -> Failure {
    let exit = match error {
        AskError::WrongNetwork { .. } => Exit::WrongNetwork,
        _ => Exit::Unreachable,
    };
    Failure::new(exit, format!("node {name} {error}"))
        .hint("start it; `chainspace doctor` says what keeps a node from running well")
}

impl Asked {
    fn text(&self) -> String {
        let headings = [
            "NODE",
            "SEAT",
            "STATE",
            "CALLED BY",
            "RTT",
            "SINCE",
            "CONDUCT",
            "AGENT",
            "ADDRESS",
        ];
        let mut table = table::new(headings, &[4, 5, 6]);
        for row in &self.list.rows {
            table.add_row(self.row(row));
        }
        let mut lines = vec![table.trim_fmt()];
        if self.list.rows.is_empty() {
            lines = vec![format!("{} is connected with nobody", self.name)];
        }
        if self.list.left_out > 0 {
            lines.push(format!("{} more are not shown", self.list.left_out));
        }
        lines.extend(self.list.banned.iter().map(|banned| {
            let who = banned
                .node
                .map_or_else(|| banned.peer.clone(), |node| self.called(&node));
            format!("banned   {who}, for {} more", seconds(banned.left_ms))
        }));
        lines.push(format!("listens  {}", all(&self.list.listens)));
        lines.push(format!("tells    {}", all(&self.list.announces)));
        lines.join("\n")
    }

    fn row(&self, row: &PeerRow) -> [String; 9] {
        let none = || "-".to_owned();
        let node = row.node.map_or_else(none, |node| self.called(&node));
        let seat = row
            .seat
            .map_or_else(none, |(shard, seat)| format!("{shard}/{}", seat.index()));
        let Some(connection) = &row.connection else {
            return [
                node,
                seat,
                "missed".to_owned(),
                none(),
                none(),
                none(),
                none(),
                none(),
                none(),
            ];
        };
        let latency = connection.latency_us;
        [
            node,
            seat,
            state(connection).to_owned(),
            caller(connection.direction).to_owned(),
            latency.map_or_else(none, |us| format!("{}.{} ms", us / 1_000, us % 1_000 / 100)),
            seconds(connection.connected_ms),
            connection.conduct.to_string(),
            connection.agent.clone(),
            connection.address.clone(),
        ]
    }

    /// What people call a node; its address, if it has no name here.
    fn called(&self, node: &NodeId) -> String {
        let mut names = self.names.iter();
        let named = names.find(|(known, _)| known == node);
        named.map_or_else(
            || short(&self.addresses.node(node)),
            |(_, name)| name.clone(),
        )
    }

    fn data(&self) -> Value {
        let PeerList {
            listens,
            announces,
            rows,
            left_out,
            banned,
        } = &self.list;
        json!({
            "name": self.name,
            "node": self.addresses.node(&self.node),
            "listens": listens,
            "announces": announces,
            "peers": rows.iter().map(|row| self.describe(row)).collect::<Vec<_>>(),
            "left_out": left_out,
            "banned": banned.iter().map(|banned| self.describe_banned(banned)).collect::<Vec<_>>(),
        })
    }

    fn describe(&self, row: &PeerRow) -> Value {
        let connection = row.connection.as_ref().map(|connection| {
            let PeerConnection {
                peer,
                agent,
                address,
                announces,
                direction,
                linked,
                latency_us,
                connected_ms,
                conduct,
            } = connection;
            json!({
                "peer": peer,
                "agent": agent,
                "address": address,
                "announces": announces,
                "called_by": caller(*direction),
                "linked": linked,
                "latency_us": latency_us,
                "connected_ms": connected_ms,
                "conduct": conduct,
            })
        });
        json!({
            "name": row.node.map(|node| self.called(&node)),
            "node": row.node.map(|node| self.addresses.node(&node)),
            "shard": row.seat.map(|(shard, _)| shard.number()),
            "seat": row.seat.map(|(_, seat)| seat.index()),
            "connection": connection,
        })
    }

    fn describe_banned(&self, banned: &BannedPeer) -> Value {
        json!({
            "peer": banned.peer,
            "node": banned.node.map(|node| self.addresses.node(&node)),
            "left_ms": banned.left_ms,
            "bans": banned.bans,
        })
    }
}

const fn state(connection: &PeerConnection) -> &'static str {
    match connection.linked {
        true => "linked",
        false => "connected",
    }
}

const fn caller(direction: PeerDirection) -> &'static str {
    match direction {
        PeerDirection::Inbound => "it",
        PeerDirection::Outbound => "us",
    }
}

fn seconds(milliseconds: u64) -> String {
    format!("{} s", milliseconds / 1_000)
}

fn all(addresses: &[String]) -> String {
    match addresses {
        [] => "nobody".to_owned(),
        _ => addresses.join("  "),
    }
}
