//! `chainspace demo open-network`: what holds of an open network, step by step.
//!
//! Strangers who have a file and an address found a shard, a payment goes into it, a shard replaces a
//! member, and a node that lies loses its seat, while users pay each other all the time. Every step is
//! done by the command that a user would type, which is shown.

mod changing;
mod coming;
mod settling;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::host::{Host, Newcomer};
use super::load::Load;
use crate::exit::{Exit, Failure};
use crate::output::{DONE, Done, FAILED, Output};

const EXAMPLES: &str = "Examples:
  chainspace demo open-network
  chainspace demo open-network --json";

/// The network at first.
const SHARDS: u32 = 2;
const NODES: usize = 4;

/// The shard that they found: the first number that is free.
const FOUNDED: u32 = 2;

/// How long a step may take on a machine that does other things, too.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// What a step comes to that leaves nothing for others.
type Told = Result<(String, Value, ()), Failure>;

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

    fn conclude(mut self) -> Done {
        let seconds = self.host.elapsed().as_secs_f64();
        self.host.stop();
        Done {
            text: format!("all {} steps held, {seconds:.1} s", self.steps.len()),
            data: json!({ "steps": self.steps, "seconds": seconds }),
        }
    }
}

fn names(nodes: &[Newcomer]) -> String {
    let names: Vec<&str> = nodes.iter().map(|node| &*node.name).collect();
    names.join(", ")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
