//! `chainspace status`: how the nodes of the network are, now or from now on.

mod watch;

use std::path::PathBuf;
use std::time::Duration;

use client::{Addresses, AskError, Client, Options};
use futures::future::join_all;
use model::api;
use serde_json::{Value, json};
use testnet::local::{self, EndpointNode, NodeState, State};
use tokio::time::timeout;

use crate::exit::Failure;
use crate::output::{Done, Output};
use crate::own::Own;
use crate::session::Session;
use crate::testnet::{lies_of, trouble};
use crate::{Common, table};

/// How long a node may take to answer. One that is paused never does.
const PATIENCE: Duration = Duration::from_secs(2);

/// How commands of this file ask.
const PATIENT: Options = Options {
    timeout: PATIENCE,
    via: None,
};

const EXAMPLES: &str = "Examples:
  chainspace status
  chainspace status --watch
  chainspace status --watch --config me/node.toml";

/// Say how the nodes are
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Status {
    /// Go on until Ctrl-C: shard by shard, drawn anew, or a line for each change where nobody sees it
    #[arg(long)]
    watch: bool,
    /// The configuration of a node of this machine, about which it is instead
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(crate) fn run(
    common: &Common,
    status: &Status,
    output: &Output,
) -> Result<Option<Done>, Failure> {
    if let Some(config) = &status.config {
        let own = Own::of(config)?;
        if !status.watch {
            return watch::once(&own).map(Some);
        }
        let mine = Some((&*own.name, own.node));
        return watch::run(&own.runtime, &own.client, mine, output).map(|()| None);
    }
    let session = Session::find(common)?;
    if !status.watch {
        return nodes(&session).map(Some);
    }
    let client = session.client(PATIENT)?;
    watch::run(&session.runtime, &client, None, output).map(|()| None)
}

fn nodes(session: &Session) -> Result<Done, Failure> {
    let states = local::ask(&session.layout, &session.endpoint, &local::Command::Nodes)?;
    let client = session.client(PATIENT)?;
    let nodes = &session.endpoint.nodes;
    let answers = session.runtime.block_on(ask_all(&client, nodes));
    let addresses = session.addresses();

    let headings = [
        "NODE", "STATE", "PID", "SHARD", "HEIGHT", "HEAD", "PEERS", "API",
    ];
    let mut table = table::new(headings, &[2, 4, 6]);
    let mut described = Vec::new();
    for ((node, answer), state) in nodes.iter().zip(&answers).zip(&states) {
        table.add_row(row(node, state, answer.as_ref().ok(), addresses));
        described.push(describe(node, state, answer.as_ref().ok(), addresses));
    }
    Ok(Done {
        text: table.trim_fmt(),
        data: json!({
            "network": session.endpoint.network,
            "name": session.endpoint.name,
            "supervisor": session.endpoint.supervisor,
            "nodes": described,
        }),
    })
}

/// How each of these nodes says that it is.
async fn ask_all(client: &Client, nodes: &[EndpointNode]) -> Vec<Result<api::Status, AskError>> {
    join_all(nodes.iter().map(async |node| {
        let answer = timeout(PATIENCE, client.status(&node.node)).await;
        answer.unwrap_or_else(|_| Err(AskError::Silent("it took too long".to_owned())))
    }))
    .await
}

fn row(
    node: &EndpointNode,
    state: &NodeState,
    status: Option<&api::Status>,
    addresses: Addresses,
) -> [String; 8] {
    let unknown = || "-".to_owned();
    let known = |text: &dyn Fn(&api::Status) -> String| status.map_or_else(unknown, text);
    [
        node.name.clone(),
        word(state, status) + &trouble(state),
        state.pid.map_or_else(unknown, |pid| pid.to_string()),
        node.shard.to_string(),
        known(&|status| status.tip.height.number().to_string()),
        known(&|status| client::address::short(&addresses.head(&status.head))),
        known(&|status| status.linked.to_string()),
        node.api.clone(),
    ]
}

/// One word for how a node is.
pub(crate) fn word(state: &NodeState, status: Option<&api::Status>) -> String {
    let word = match (state.state, status) {
        (State::Stopped, _) => "stopped",
        (State::Paused, _) => "paused",
        (State::Running, None) => "silent",
        (State::Running, Some(status)) if status.not_ready.is_empty() => "ready",
        (State::Running, Some(_)) => "waiting",
    };
    word.to_owned()
}

/// A node as `status` and the events of `testnet up` show it.
pub(crate) fn describe(
    node: &EndpointNode,
    state: &NodeState,
    status: Option<&api::Status>,
    addresses: Addresses,
) -> Value {
    let not_ready = status.map_or_else(Vec::new, |status| {
        status.not_ready.iter().map(ToString::to_string).collect()
    });
    json!({
        "name": node.name,
        "node": addresses.node(&node.node),
        "pid": state.pid,
        "state": word(state, status),
        "cut": state.cut,
        "delay_ms": state.delay_ms,
        "lies": lies_of(&state.lies),
        "shard": node.shard,
        "api": node.api,
        "http": node.http.map(|at| format!("http://{at}")),
        "height": status.map(|status| status.tip.height.number()),
        "head": status.map(|status| addresses.head(&status.head)),
        "certified": status.map(|status| status.certified.number()),
        "peers": status.map(|status| status.linked),
        "ready": status.is_some_and(|status| status.not_ready.is_empty()),
        "not_ready": not_ready,
    })
}
