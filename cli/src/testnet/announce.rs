//! What `testnet up` says: lines of JSON for programs, a screen for people.

use client::{Addresses, NetworkKind};
use serde_json::{Value, json};
use testnet::local::{AccountReport, Event, Layout, NodeReport};

use super::line::Line;
use super::screen;
use crate::account::summary;
use crate::output::Output;
use crate::status;

/// Says what happens to a network.
pub(super) struct Announcer<'a> {
    output: &'a Output,
    layout: Layout,
    ephemeral: bool,
    /// The name and the hash of the network, once it has them.
    network: Value,
    line: Line<'a>,
}

/// A local network is where `up` runs.
pub(super) const ADDRESSES: Addresses = Addresses(NetworkKind::Local);

impl<'a> Announcer<'a> {
    pub(super) fn new(output: &'a Output, layout: Layout, ephemeral: bool) -> Self {
        Self {
            output,
            layout,
            ephemeral,
            network: Value::Null,
            line: Line::new(output),
        }
    }

    pub(super) fn on(&mut self, event: Event) {
        if let Some(event) = self.for_programs(&event) {
            self.output.event(&event);
        }
        self.for_people(event);
    }

    /// Ends the line that is written anew again and again.
    pub(super) fn end(&mut self) {
        self.line.clear();
    }

    fn for_people(&mut self, event: Event) {
        if let Event::Beat(nodes) = event {
            self.line.show(&nodes);
            return;
        }
        self.line.clear();
        match event {
            Event::Beat(_) => {}
            Event::Warning(warning) => self.output.warn(warning),
            Event::Ready {
                nodes,
                accounts,
                took,
            } => {
                let at = &self.layout;
                self.output
                    .note(screen::ready(&nodes, &accounts, took, at, self.ephemeral));
            }
            other => {
                if let Some(text) = screen::step(&other, self.output) {
                    self.output.note(text);
                }
            }
        }
    }

    /// The event as JSON. `ready` is the last: what comes after it is for people.
    fn for_programs(&mut self, event: &Event) -> Option<Value> {
        match event {
            Event::Network {
                name,
                network,
                resumed,
                nodes,
                shards,
                accounts,
                took,
            } => {
                self.network = json!({ "name": name, "network": network });
                Some(json!({
                    "event": "network", "name": name, "network": network, "resumed": resumed,
                    "shards": shards, "nodes": nodes, "accounts": accounts, "milliseconds": took.as_millis(),
                }))
            }
            Event::Answering { nodes, took } => Some(json!({
                "event": "answering", "nodes": nodes, "milliseconds": took.as_millis(),
            })),
            Event::Linked { nodes, took } => Some(json!({
                "event": "linked", "nodes": nodes, "milliseconds": took.as_millis(),
            })),
            Event::SelfTest { transaction, took } => Some(json!({
                "event": "self_test", "transaction": ADDRESSES.transaction(transaction),
                "milliseconds": took.as_millis(),
            })),
            Event::Ready {
                nodes,
                accounts,
                took,
            } => Some(json!({
                "event": "ready",
                "name": self.network["name"],
                "network": self.network["network"],
                "directory": self.layout.root().display().to_string(),
                "api": nodes.iter().map(|node| &node.endpoint.api).collect::<Vec<_>>(),
                "nodes": nodes.iter().map(node_value).collect::<Vec<_>>(),
                "accounts": accounts.iter().map(account_value).collect::<Vec<_>>(),
                "milliseconds": took.as_millis(),
            })),
            Event::Beat(_)
            | Event::NodeDown { .. }
            | Event::Note(_)
            | Event::Warning(_)
            | Event::Stopping
            | Event::Stopped { .. } => None,
        }
    }
}

fn node_value(node: &NodeReport) -> Value {
    status::describe(
        &node.endpoint,
        &node.process,
        node.status.as_ref(),
        ADDRESSES,
    )
}

fn account_value(account: &AccountReport) -> Value {
    let address = ADDRESSES.account(&account.key);
    summary(Some(account.name), &address, account.balance)
}
