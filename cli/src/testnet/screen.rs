//! The screen of `testnet up`.

use std::path::Path;
use std::time::Duration;

use client::address::short;
use testnet::local::{AccountReport, Event, Layout, NodeReport};

use super::announce::ADDRESSES;
use crate::output::{DONE, FAILED, Output};
use crate::table;

/// How many of the accounts are shown. The others are a command away.
const ACCOUNTS_SHOWN: usize = 3;

/// A line for a step on the way to READY, or for something that happens later.
pub(super) fn step(event: &Event, output: &Output) -> Option<String> {
    let done = |what: &str, text: String, took: &Duration| {
        Some(format!(
            "  {} {what:<11} {text:<44} {:>6.2} s",
            output.green(DONE),
            took.as_secs_f64()
        ))
    };
    match event {
        Event::Network {
            name,
            network: _, // the name is enough for people
            resumed,
            nodes,
            shards,
            accounts,
            took,
        } => {
            let version = env!("CARGO_PKG_VERSION");
            let made = if *resumed { "resumed, " } else { "" };
            let s = if *shards == 1 { "" } else { "s" };
            let what = format!("{made}{shards} shard{s}, {nodes} nodes, {accounts} accounts");
            let first = format!("Chainspace {version}   network {name}\n");
            done("genesis", what, took).map(|line| format!("{first}\n{line}"))
        }
        Event::Answering { nodes, took } => {
            done("nodes", format!("{nodes}/{nodes} listening"), took)
        }
        Event::Linked { nodes, took } => done("consensus", format!("{nodes}/{nodes} ready"), took),
        Event::SelfTest { transaction, took } => {
            let id = short(&ADDRESSES.transaction(transaction));
            done("self-test", format!("a transaction committed, {id}"), took)
        }
        Event::NodeDown {
            node,
            how,
            log_tail,
            log,
        } => Some(format!(
            "{} node {node} {how}\n{}  log      {}\n  restart  chainspace testnet restart {node}",
            output.red(FAILED),
            log_tail
                .iter()
                .map(|line| format!("  | {line}\n"))
                .collect::<String>(),
            log.display(),
        )),
        Event::Note(note) => Some(note.clone()),
        Event::Stopping => Some("stopping the nodes; Ctrl-C again ends them at once".to_owned()),
        Event::Stopped { kept } => Some(match kept {
            Some(kept) => format!("stopped; the state is kept in {}", kept.display()),
            None => "stopped; nothing is kept".to_owned(),
        }),
        Event::Warning(_) | Event::Ready { .. } | Event::Beat(_) => None,
    }
}

/// What is to be known about a network that is ready.
pub(super) fn ready(
    nodes: &[NodeReport],
    accounts: &[AccountReport],
    took: Duration,
    layout: &Layout,
    ephemeral: bool,
) -> String {
    let kept = if ephemeral {
        "(forgotten when the network stops)"
    } else {
        "(kept; start over with: chainspace testnet reset)"
    };
    let program = program();
    format!(
        "\n{}\n\n{}\n\n  Data    {}   {kept}\n  Keys    public test keys, worthless anywhere else\n\n\
         READY in {:.2} s. In another terminal:\n  {program} send 5 bob --from alice --watch\n\
         Ctrl-C stops all nodes{}.\n",
        indent(&nodes_table(nodes)),
        indent(&accounts_table(accounts)),
        shown(&layout.root()),
        took.as_secs_f64(),
        if ephemeral {
            ""
        } else {
            " and keeps the state"
        },
    )
}

fn nodes_table(nodes: &[NodeReport]) -> String {
    let mut table = table::new(
        ["SHARD", "NODE", "PID", "HEIGHT", "HEAD", "LISTENING"],
        &[2, 3],
    );
    for node in nodes {
        let status = node.status.as_ref();
        let known = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        table.add_row([
            node.endpoint.shard.to_string(),
            node.endpoint.name.clone(),
            known(node.process.pid.map(|pid| pid.to_string())),
            known(status.map(|status| status.tip.height.number().to_string())),
            known(status.map(|status| short(&ADDRESSES.head(&status.head)))),
            node.endpoint.api.clone(),
        ]);
    }
    table.trim_fmt()
}

fn accounts_table(accounts: &[AccountReport]) -> String {
    let mut table = table::new(["ACCOUNT", "ADDRESS", "BALANCE"], &[2]);
    for account in accounts.iter().take(ACCOUNTS_SHOWN) {
        table.add_row([
            account.name.to_owned(),
            short(&ADDRESSES.account(&account.key)),
            account.balance.to_string(),
        ]);
    }
    let more = accounts.len().saturating_sub(ACCOUNTS_SHOWN);
    format!(
        "{}\n... {more} more: chainspace account list",
        table.trim_fmt()
    )
}

fn indent(text: &str) -> String {
    let lines = text.lines().map(|line| format!("  {line}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// A path as it is said from here, if it is below.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| path.strip_prefix(here).ok());
    below.unwrap_or(path).display().to_string()
}

/// How the user can call this program: as in the call that started it.
fn program() -> &'static str {
    match std::env::var_os("CARGO") {
        None => "chainspace",
        Some(_) if cfg!(debug_assertions) => "cargo run --",
        Some(_) => "cargo run --release --",
    }
}
