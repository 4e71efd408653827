//! Those who come to the network: they get nodes from a file and an address, found a shard, and are paid.

use std::fs;
use std::time::Instant;

use serde_json::json;
use testnet::local::Layout;

use super::{FOUNDED, PATIENCE, Story, Told, millis, names};
use crate::demo::host::{Newcomer, text};
use crate::exit::{Exit, Failure};

/// Those who come to it.
const FOUNDERS: [&str; 4] = ["ada", "ben", "cleo", "dan"];
const REPLACEMENT: &str = "eve";

impl Story<'_> {
    pub(super) fn newcomers(&mut self, bootnode: &str) -> Result<Vec<Newcomer>, Failure> {
        // A copy, as if it had been sent to them: they share nothing else with the network.
        let file = self.host.directory().join("network.genesis");
        let there = Layout::of(self.host.directory()).genesis();
        fs::copy(&there, &file).map_err(|error| {
            Failure::new(
                Exit::Failed,
                format!("cannot copy the network file: {error}"),
            )
        })?;
        self.host.say(format_args!(
            "$ chainspace join network.genesis NAME --bootnode {bootnode} --consent any"
        ));
        self.host
            .say("$ chainspace node run --config NAME/node.toml");
        let all = FOUNDERS.iter().chain([&REPLACEMENT]);
        let all: Vec<&str> = all.copied().collect();
        all.into_iter()
            .map(|name| self.host.start_node(name, &file, bootnode))
            .collect()
    }

    pub(super) fn found(&mut self, founders: &[Newcomer]) -> Told {
        let papers: Vec<String> = founders.iter().map(|node| text(&node.descriptor)).collect();
        let papers: Vec<&str> = papers.iter().map(String::as_str).collect();
        let create = [&["shard", "create"], &papers[..], &["--from", "alice"]].concat();
        // The nodes may still be starting.
        let host = &self.host;
        let created = host.insist(&create, PATIENCE)?;
        let number = &created["founded"];
        if *number != FOUNDED {
            let message = format!("the shard has number {number}, not {FOUNDED}");
            return Err(Failure::new(Exit::Failed, message));
        }
        let said = format!("shard {number} is founded by {}", names(founders));
        Ok((
            said,
            json!({ "shard": number, "transaction": created["transaction"] }),
            (),
        ))
    }

    pub(super) fn pay_across(&mut self) -> Told {
        let began = Instant::now();
        let shard = FOUNDED.to_string();
        let send = ["send", "5", "grace", "--from", "alice", "--shard", &shard];
        let host = &self.host;
        let paid = host.insist(&send, PATIENCE)?;
        let shown = host.ask(&["account", "show", "grace"])?;
        let objects = shown["objects"].as_array().into_iter().flatten();
        let there = objects.filter(|object| object["shard"] == FOUNDED).count();
        if there == 0 {
            let message = format!("nothing of what grace has is in shard {shard}: {shown}");
            return Err(Failure::new(Exit::Failed, message));
        }
        let back = ["send", "1", "alice", "--from", "grace", "--shard", "0"];
        let returned = host.run(&back)?;
        let said = format!(
            "5 CSC went from shard 0 to shard {shard}, the first {} ms after it was founded; then some went back",
            millis(began.elapsed())
        );
        let figures = json!({
            "transaction": paid["transaction"],
            "milliseconds": paid["milliseconds"],
            "back": returned["transaction"],
        });
        Ok((said, figures, ()))
    }
}
