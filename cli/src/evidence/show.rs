//! `chainspace evidence show`: what a file proves. It takes nobody but the file.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use client::paper;
use model::key::Zip215;
use model::{Lie, Malpractice, Promise, SignedHead, Statement, Vote};
use serde_json::{Value, json};

use crate::Common;
use crate::exit::{Exit, Failure};
use crate::output::Done;
use crate::session;

const EXAMPLES: &str = "Examples:
  chainspace evidence show lie.bin
  chainspace evidence show lie.bin --json";

/// Say what a file proves, without a network
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Show {
    /// The file
    file: PathBuf,
}

pub(crate) fn run(common: &Common, show: &Show) -> Result<Done, Failure> {
    let evidence = paper::read_evidence(&show.file).map_err(client::Error::from)?;
    let mut data = describe(&evidence);
    let (network, shard) = evidence.lie.told_in();
    let known = session::find(common).ok();
    let known = known.and_then(|layout| layout.network().ok().flatten());
    data["network_known"] = known.map_or(Value::Null, |known| (known == network).into());
    let said = what_was_said(&evidence.lie);
    let text = format!(
        "node     {}\nsigned   {said}\nshard    {shard}\nnetwork  {network}",
        evidence.node
    );
    match evidence.verify(&mut Zip215) {
        Ok(()) => {
            data["proves"] = true.into();
            Ok(Done {
                text: format!("{text}\nproves   that the node lied"),
                data,
            })
        }
        Err(reason) => {
            data["proves"] = false.into();
            Err(Failure {
                text: format!("{text}\nproves   nothing: {reason}"),
                data: Box::new(data),
                ..Failure::new(Exit::VerificationFailed, reason.to_string())
            })
        }
    }
}

/// Evidence as every command that has some shows it.
pub(crate) fn describe(evidence: &Malpractice) -> Value {
    let (network, shard) = evidence.lie.told_in();
    json!({
        "node": evidence.node,
        "network": network,
        "shard": shard.number(),
        "said": what_was_said(&evidence.lie),
    })
}

/// The two things that were said, in words.
fn what_was_said(lie: &Lie) -> String {
    match lie {
        Lie::Statements { first, second, .. } => {
            format!("{} and {}", statement(&first.0), statement(&second.0))
        }
        Lie::Promises { first, second } => {
            let said = [&first.leaf, &second.leaf].map(|leaf| promise(&leaf.promise));
            let transaction = first.leaf.transaction;
            format!("{} and {} of transaction {transaction}", said[0], said[1])
        }
        Lie::PastEnd { end, head } => {
            let (next, height) = (end.next, end.head.height);
            format!(
                "that record {next} follows height {height}, and {}",
                head_in_epoch(head)
            )
        }
        Lie::Epochs { first, second } => {
            format!("{} and {}", head_in_epoch(first), head_in_epoch(second))
        }
    }
}

fn head_in_epoch(head: &SignedHead) -> String {
    format!(
        "{} in epoch {}",
        statement(&head.statement()),
        head.scope.epoch
    )
}

fn statement(statement: &Statement) -> String {
    match statement {
        Statement::Proposal { slot, block } => {
            format!("a proposal of block {block} in slot {slot}")
        }
        Statement::Vote { slot, vote } => match vote {
            Vote::Notarize(block) => format!("a vote for block {block} in slot {slot}"),
            Vote::Finalize(block) => format!("a vote for block {block} to be final in slot {slot}"),
            Vote::Skip => format!("a vote for no block in slot {slot}"),
        },
        Statement::Head { height, head } => format!("head {head} at height {height}"),
        Statement::Succession { next } => format!("an approval of record {next}"),
    }
}

const fn promise(promise: &Promise) -> &'static str {
    match promise {
        Promise::Prepared(verdict) if verdict.is_commit() => "a vote for",
        Promise::Prepared(_) => "a vote against",
        Promise::Accept(verdict) if verdict.is_commit() => "a commit",
        Promise::Accept(_) => "an abort",
        Promise::NoDecision => "that there is no decision",
        Promise::Acknowledged => "an acknowledgement",
    }
}
