//! `chainspace tx`: what became of a transaction.

use std::time::Duration;

use clap::Subcommand;
use client::{Addresses, Options, Settled, Watch, describe};
use model::{Outcome, TransactionId};
use serde_json::{Value, json};

use crate::Common;
use crate::exit::{Exit, Failure};
use crate::output::{Done, Output};
use crate::session::{Session, patience};

const EXAMPLES: &str = "Examples:
  chainspace tx show lcstx1q7d0...9k3e
  chainspace tx wait lcstx1q7d0...9k3e --timeout 60";

const SHOW_EXAMPLES: &str = "Examples:
  chainspace tx show lcstx1q7d0...9k3e
  chainspace tx show lcstx1q7d0...9k3e --json";

const WAIT_EXAMPLES: &str = "Examples:
  chainspace tx wait lcstx1q7d0...9k3e
  chainspace tx wait lcstx1q7d0...9k3e --timeout 60 --json";

#[derive(Debug, Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Command {
    /// Show what is decided about a transaction
    #[command(before_help = SHOW_EXAMPLES)]
    Show {
        /// The transaction
        id: String,
    },
    /// Wait until a transaction is decided
    #[command(before_help = WAIT_EXAMPLES)]
    Wait {
        /// The transaction
        id: String,
        /// How long to wait, in seconds [default: 30]
        #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
        timeout: Option<u64>,
    },
}

pub(crate) fn run(common: &Common, command: &Command, output: &Output) -> Result<Done, Failure> {
    let session = Session::find(common)?;
    match command {
        Command::Show { id } => show(&session, &parse(&session, id)?),
        Command::Wait { id, timeout } => {
            let id = parse(&session, id)?;
            let waiting = session.addresses().transaction(&id);
            output.note(format_args!("Waiting   for {waiting}"));
            wait(&session, &id, patience(*timeout))
        }
    }
}

fn parse(session: &Session, id: &str) -> Result<TransactionId, Failure> {
    let parsed = session.addresses().parse_transaction(id);
    Ok(parsed.map_err(client::Error::from)?)
}

fn show(session: &Session, id: &TransactionId) -> Result<Done, Failure> {
    let addresses = session.addresses();
    let wallet = session.wallet(Options::default())?;
    let found = session.runtime.block_on(wallet.show(id))?;
    found.map_or_else(
        || {
            let message = format!("no node knows {}", addresses.transaction(id));
            let hint = "it is not decided, or was never sent: `chainspace tx wait` waits for it";
            Err(Failure::new(Exit::OutcomeUnknown, message).hint(hint))
        },
        |settled| Ok(describe_all(&settled, addresses)),
    )
}

fn wait(session: &Session, id: &TransactionId, timeout: Duration) -> Result<Done, Failure> {
    let addresses = session.addresses();
    let wallet = session.wallet(Options {
        timeout,
        ..Options::default()
    })?;
    let watch = Watch::nobody();
    let settled = session.runtime.block_on(wallet.wait(id, &watch))?;
    let Done { text, data } = describe_all(&settled, addresses);
    match settled.outcome() {
        Outcome::Committed => Ok(Done { text, data }),
        Outcome::Aborted(_) => Err(Failure {
            text,
            data: Box::new(data),
            ..aborted(&settled, addresses)
        }),
    }
}

/// The failure of a payment that was not made.
pub(crate) fn aborted(settled: &Settled, addresses: Addresses) -> Failure {
    let why = describe::settled(settled, addresses).unwrap_or_else(|| "aborted".to_owned());
    Failure::new(Exit::Aborted, why).hint("nothing was changed")
}

/// Everything that is decided about a transaction.
fn describe_all(settled: &Settled, addresses: Addresses) -> Done {
    let mut lines = vec![
        format!("transaction  {}", addresses.transaction(&settled.id)),
        format!("outcome      {}", word(settled)),
    ];
    if let Some(reason) = describe::settled(settled, addresses) {
        lines.push(format!("reason       {reason}"));
    }
    lines.extend(settled.decisions.iter().map(|decision| {
        format!(
            "shard {:<6} {} at height {}, signed by {} of {}",
            decision.shard(),
            outcome_word(&decision.outcome()),
            decision.height(),
            decision.signatures(),
            decision.members(),
        )
    }));
    if !settled.is_complete() {
        lines.push("the other shards have not said so yet".to_owned());
    }
    Done {
        text: lines.join("\n"),
        data: data(settled, addresses),
    }
}

/// A decided transaction as every command that has one shows it.
pub(crate) fn data(settled: &Settled, addresses: Addresses) -> Value {
    let decisions = settled.decisions.iter().map(|decision| {
        json!({
            "shard": decision.shard().number(),
            "height": decision.height().number(),
            "outcome": outcome_word(&decision.outcome()),
            "signatures": decision.signatures(),
            "members": decision.members(),
        })
    });
    json!({
        "transaction": addresses.transaction(&settled.id),
        "outcome": word(settled),
        "reason": describe::settled(settled, addresses),
        "shards": shards(settled),
        "milliseconds": settled.milliseconds,
        "resumed": settled.resumed,
        "decisions": decisions.collect::<Vec<_>>(),
    })
}

fn shards(settled: &Settled) -> Vec<u32> {
    let participants = settled.transaction.body.participants.iter();
    participants.map(|shard| shard.number()).collect()
}

fn word(settled: &Settled) -> &'static str {
    outcome_word(&settled.outcome())
}

const fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Committed => "committed",
        Outcome::Aborted(_) => "aborted",
    }
}
