//! `chainspace demo open-network`: what holds of an open network, step by step.
//!
//! Strangers who have a file and an address found a shard, a payment goes into it, a shard replaces a
//! member, and a node that lies loses its seat, while users pay each other all the time. Every step is
//! done by the command that a user would type, which is shown.

use std::fs;
use std::time::{Duration, Instant};

use model::{Genesis, ShardId};
use serde_json::{Value, json};
use testnet::local::{Layout, read_genesis};

use super::books::{Disk, audit, local_store};
use super::host::{Host, Newcomer, text};
use super::load::{Account, Load};
use crate::exit::{Exit, Failure};
use crate::output::{DONE, Done, FAILED, Output};

const EXAMPLES: &str = "Examples:
  chainspace demo open-network
  chainspace demo open-network --json";

/// The network at first.
const SHARDS: u32 = 2;
const NODES: usize = 4;

/// Those who come to it.
const FOUNDERS: [&str; 4] = ["ada", "ben", "cleo", "dan"];
const REPLACEMENT: &str = "eve";

/// The shard that they found: the first number that is free.
const FOUNDED: u32 = 2;

/// The shard whose members change.
const CHANGING: &str = "1";

/// Its members, the one that leaves, and the one that lies.
const STAY: [&str; 3] = ["n4", "n5", "n6"];
const LEAVES: &str = "n7";
const LIAR: &str = "n6";

/// How long a step may take on a machine that does other things, too.
const PATIENCE: Duration = Duration::from_secs(60);

/// Within which time a liar has to be gone after it began to lie.
const LIAR_PATIENCE: Duration = Duration::from_secs(60);

/// The load has stopped if no payment is committed for so long.
const GAP_MAX: Duration = Duration::from_secs(10);

/// Watch an open network: strangers found a shard, a member is replaced, a liar is thrown out
///
/// A network of its own is started in a temporary folder and is gone at the end. It takes a minute or two.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct OpenNetwork {}

pub(crate) fn run(_demo: &OpenNetwork, output: &Output) -> Result<Done, Failure> {
    let mut story = Story {
        host: Host::new(output)?,
        output,
        load: None,
        steps: Vec::new(),
    };
    match story.tell() {
        Ok(()) => Ok(story.conclude()),
        Err(failure) => {
            story.load = None;
            story.host.stop();
            let kept = story.host.keep();
            Err(Failure {
                data: Box::new(json!({ "steps": story.steps })),
                ..failure
            }
            .hint(format!("all logs are kept in {}", kept.display())))
        }
    }
}

/// What has happened so far.
struct Story<'a> {
    host: Host<'a>,
    output: &'a Output,
    load: Option<Load>,
    steps: Vec<Value>,
}

impl Story<'_> {
    fn tell(&mut self) -> Result<(), Failure> {
        let ready = self.step("a network of 2 shards with 4 nodes each", |story| {
            let ready = story.host.start_network(SHARDS, NODES)?;
            let took = ready["milliseconds"].as_u64().unwrap_or_default();
            Ok((
                format!("ready after {took} ms"),
                json!({ "ready_ms": took }),
                ready,
            ))
        })?;
        let bootnode = ready["api"][0].as_str().unwrap_or_default().to_owned();
        let newcomers = self.step(
            "five nodes that have the network file and one address",
            |story| {
                let newcomers = story.newcomers(&bootnode)?;
                let said = format!("{} run, members of nothing", names(&newcomers));
                let figures = json!({ "nodes": newcomers.len(), "bootnode": bootnode });
                Ok((said, figures, newcomers))
            },
        )?;
        let Some((replacement, founders)) = newcomers.split_last() else {
            return Err(Failure::new(Exit::Failed, "no node has come"));
        };
        let Some(first) = founders.first() else {
            return Err(Failure::new(Exit::Failed, "no node has come"));
        };
        self.step("four of them found a shard", |story| story.found(founders))?;
        self.step("a payment into the new shard", Self::pay_across)?;
        self.step("payments that never stop", |story| {
            story.load = Some(Load::start(story.host.directory())?);
            story.wait_for_payments(8)
        })?;
        self.step("a member of shard 1 is replaced", |story| {
            story.replace(replacement)
        })?;
        self.step("a node of shard 1 lies, and loses its seat", Self::exclude)?;
        self.step("nothing is lost", |story| story.settle(first))
    }

    /// Takes a step: what it says at the end, its figures, and what others need of it.
    fn step<T>(
        &mut self,
        title: &str,
        take: impl FnOnce(&mut Self) -> Result<(String, Value, T), Failure>,
    ) -> Result<T, Failure> {
        let number = self.steps.len() + 1;
        self.output
            .note(format_args!("\n{number}  {}", self.output.bold(title)));
        let began = Instant::now();
        match take(self) {
            Ok((said, figures, left)) => {
                let milliseconds = millis(began.elapsed());
                self.host
                    .say(format_args!("{} {said}", self.output.green(DONE)));
                self.steps.push(json!({
                    "step": number, "title": title, "held": true, "milliseconds": milliseconds,
                    "figures": figures,
                }));
                Ok(left)
            }
            Err(failure) => {
                let why = &failure.message;
                self.host
                    .say(format_args!("{} {why}", self.output.red(FAILED)));
                self.steps.push(json!({
                    "step": number, "title": title, "held": false, "why": why,
                    "milliseconds": millis(began.elapsed()),
                }));
                let message = format!("step {number}, {title}: {why}");
                Err(Failure { message, ..failure })
            }
        }
    }

    fn newcomers(&mut self, bootnode: &str) -> Result<Vec<Newcomer>, Failure> {
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

    fn found(&mut self, founders: &[Newcomer]) -> Told {
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

    fn pay_across(&mut self) -> Told {
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

    /// Waits until so many payments more have been made.
    fn wait_for_payments(&self, count: usize) -> Told {
        let began = Instant::now();
        let account = self
            .host
            .eventually("payments are committed", PATIENCE, || {
                let account = self.account(began)?;
                Ok((account.committed >= count).then_some(account))
            })?;
        let said = format!("{:.1} payments per second by 4 users", account.per_second);
        Ok((said, figures(&account), ()))
    }

    fn replace(&mut self, replacement: &Newcomer) -> Told {
        let began = Instant::now();
        let paper = text(&replacement.descriptor);
        let update = [
            &["shard", "update", CHANGING],
            &STAY[..],
            &[&paper, "--from", "bob"],
        ]
        .concat();
        let host = &self.host;
        let updated = host.insist(&update, PATIENCE)?;
        self.listed(replacement.name.as_str(), LEAVES)?;
        self.wait_for_payments(10)?;
        let account = self.still_paying(began)?;
        let said = format!(
            "{} in for {LEAVES}, epoch {} after {} ms; {}",
            replacement.name,
            updated["epoch"],
            updated["changed_after_ms"],
            described(&account),
        );
        Ok((
            said,
            json!({ "update": updated, "payments": figures(&account) }),
            (),
        ))
    }

    /// Checks that a node is listed in the shard that changes, and another one is not.
    fn listed(&self, present: &str, absent: &str) -> Result<(), Failure> {
        let shown = self.host.ask(&["shard", "show", CHANGING])?;
        let seats = shown["seats"].as_array().cloned().unwrap_or_default();
        let has = |name: &str| seats.iter().any(|seat| seat["name"] == name);
        if has(present) && !has(absent) {
            return Ok(());
        }
        let message = format!("shard {CHANGING} does not list what it should: {seats:?}");
        Err(Failure::new(Exit::Failed, message))
    }

    fn exclude(&mut self) -> Told {
        let began = Instant::now();
        let host = &self.host;
        host.run(&["testnet", "byzantine", LIAR, "--equivocate"])?;
        host.say("$ chainspace evidence list");
        let number = host.eventually("somebody has proof of the lie", PATIENCE, || {
            let held = host.ask(&["evidence", "list"])?;
            let mut proofs = held["evidence"].as_array().into_iter().flatten();
            Ok(proofs
                .find(|proof| proof["name"] == LIAR)
                .map(|proof| proof["number"].to_string()))
        })?;
        let caught = began.elapsed();
        host.say(format_args!(
            "the others can prove it after {} ms",
            millis(caught)
        ));
        let file = text(&host.directory().join("lie.cse"));
        let saved = host.run(&["evidence", "save", &number, "--out", &file])?;
        host.run(&[
            "shard",
            "object",
            CHANGING,
            "--evidence",
            &file,
            "--from",
            "bob",
        ])?;
        let left = LIAR_PATIENCE.saturating_sub(began.elapsed());
        host.eventually("the shard goes on without the liar", left, || {
            let shown = host.ask(&["shard", "show", CHANGING])?;
            let mut seats = shown["seats"].as_array().into_iter().flatten();
            let vacated = seats.any(|seat| seat["name"] == LIAR && seat["vacated"] == true);
            Ok((vacated && shown["epoch"].as_u64() >= Some(2)).then_some(()))
        })?;
        let gone = began.elapsed();
        self.wait_for_payments(10)?;
        let account = self.still_paying(began)?;
        let said = format!(
            "{LIAR} ({}) is gone {} ms after its first lie; {}",
            saved["lie"].as_str().unwrap_or_default(),
            millis(gone),
            described(&account),
        );
        let figures = json!({
            "lie": saved["lie"], "caught_ms": millis(caught), "gone_ms": millis(gone),
            "payments": figures(&account),
        });
        Ok((said, figures, ()))
    }

    /// Ends the payments, waits until their money has arrived, stops everything, and audits the disks.
    fn settle(&mut self, founder: &Newcomer) -> Told {
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

    fn account(&self, from: Instant) -> Result<Account, Failure> {
        let load = self.load.as_ref();
        let missing = || Failure::new(Exit::Failed, "nobody pays");
        Ok(load.ok_or_else(missing)?.since(from))
    }

    /// What came of the payments since a moment, if they never stopped.
    fn still_paying(&self, from: Instant) -> Result<Account, Failure> {
        let account = self.account(from)?;
        if account.longest_gap <= GAP_MAX {
            return Ok(account);
        }
        let trouble = account.last_trouble.as_deref().unwrap_or("no error");
        let gap = millis(account.longest_gap);
        let message = format!("no payment was committed for {gap} ms: {trouble}");
        Err(Failure::new(Exit::Failed, message))
    }

    fn conclude(mut self) -> Done {
        let seconds = self.host.elapsed().as_secs_f64();
        self.host.stop();
        Done {
            text: format!("all {} steps held, {seconds:.1} s", self.steps.len()),
            data: json!({ "steps": self.steps, "seconds": seconds }),
        }
    }
}

/// What a step comes to that leaves nothing for others.
type Told = Result<(String, Value, ()), Failure>;

/// The genesis document of the network.
fn genesis(host: &Host<'_>) -> Result<Genesis, Failure> {
    let layout = Layout::of(host.directory());
    let network = layout.network()?;
    let missing = || Failure::new(Exit::Failed, "the network is gone");
    Ok(read_genesis(&layout, network.ok_or_else(missing)?)?)
}

fn names(nodes: &[Newcomer]) -> String {
    let names: Vec<&str> = nodes.iter().map(|node| &*node.name).collect();
    names.join(", ")
}

fn described(account: &Account) -> String {
    format!(
        "{} payments meanwhile, never more than {} ms without one",
        account.committed,
        millis(account.longest_gap)
    )
}

fn figures(account: &Account) -> Value {
    json!({
        "committed": account.committed,
        "across": account.across,
        "tried_again": account.again,
        "per_second": account.per_second,
        "longest_gap_ms": millis(account.longest_gap),
        "last_trouble": account.last_trouble,
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
