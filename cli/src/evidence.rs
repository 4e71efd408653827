//! `chainspace evidence`: who lied, as the nodes of the network can prove.

mod show;

use std::fs;
use std::path::PathBuf;

use clap::Subcommand;
use client::evidence::{Gathered, Proof};
use client::{Addresses, Options};
use model::encoding;
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::output::{Done, Output};
use crate::session::Session;
use crate::{Common, table};

pub(crate) use show::describe;

const EXAMPLES: &str = "Examples:
  chainspace evidence list
  chainspace evidence save 1 --out lie.cse
  chainspace evidence show lie.cse";

const LIST_EXAMPLES: &str = "Examples:
  chainspace evidence list
  chainspace evidence list --json";

const SAVE_EXAMPLES: &str = "Examples:
  chainspace evidence save 1 --out lie.cse";

#[derive(Debug, Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Command {
    /// Ask all nodes whom they have seen to lie, and check every proof
    #[command(before_help = LIST_EXAMPLES)]
    List,
    /// Write a proof to a file, for others to check and for `shard object`
    #[command(before_help = SAVE_EXAMPLES)]
    Save {
        /// Which one, as `evidence list` counts them
        #[arg(value_name = "N")]
        number: usize,
        /// The file
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Say what a file proves, without a network
    Show(show::Show),
}

pub(crate) fn run(common: &Common, command: &Command, output: &Output) -> Result<Done, Failure> {
    if let Command::Show(show) = command {
        return show::run(common, show);
    }
    let session = Session::find(common)?;
    let client = session.client(Options::default())?;
    let gathered = session.runtime.block_on(client.evidence());
    warn(&session, &gathered, output);
    if gathered.silent.len() == client.nodes().len() {
        return Err(Failure::new(Exit::Unreachable, "no node answers")
            .hint("`chainspace status` says how they are"));
    }
    match command {
        Command::Save { number, out } => save(&session, &gathered, *number, out),
        Command::List | Command::Show(_) => Ok(list(&session, &gathered)),
    }
}

/// Says which nodes are no help.
fn warn(session: &Session, gathered: &Gathered, output: &Output) {
    for (node, error) in &gathered.silent {
        output.warn(format_args!("{} {error}", session.name_of(node)));
    }
    for node in &gathered.wrong {
        output.warn(format_args!(
            "{} shows what proves nothing; it is left out",
            session.name_of(node)
        ));
    }
}

fn list(session: &Session, gathered: &Gathered) -> Done {
    let headings = ["N", "NODE", "SHARD", "LIE", "SEEN", "HELD BY", "ADDRESS"];
    let mut table = table::new(headings, &[0, 2]);
    let mut described = Vec::new();
    for (number, proof) in (1_usize..).zip(&gathered.proofs) {
        let (_, shard) = proof.record.lie.told_in();
        table.add_row([
            number.to_string(),
            session.name_of(&proof.record.node),
            shard.to_string(),
            proof.record.lie.kind().to_string(),
            format!("at height {}", proof.seen.height),
            holders(session, proof).join(" "),
            client::address::short(&session.addresses().node(&proof.record.node)),
        ]);
        described.push(row(session, number, proof, session.addresses()));
    }
    let text = if gathered.proofs.is_empty() {
        String::new()
    } else {
        table.trim_fmt()
    };
    Done {
        text,
        data: json!({ "evidence": described }),
    }
}

fn save(
    session: &Session,
    gathered: &Gathered,
    number: usize,
    out: &PathBuf,
) -> Result<Done, Failure> {
    let count = gathered.proofs.len();
    let proof = number
        .checked_sub(1)
        .and_then(|at| gathered.proofs.get(at))
        .ok_or_else(|| {
            Failure::usage(format!("there is no evidence {number}: there are {count}"))
                .hint("`chainspace evidence list` counts them")
        })?;
    fs::write(out, encoding::encode(&proof.record)).map_err(|error| {
        Failure::new(
            Exit::Failed,
            format!("cannot write {}: {error}", out.display()),
        )
    })?;
    let mut data = row(session, number, proof, session.addresses());
    data["file"] = json!(out.display().to_string());
    Ok(Done {
        text: out.display().to_string(),
        data,
    })
}

fn row(session: &Session, number: usize, proof: &Proof, addresses: Addresses) -> Value {
    let (_, shard) = proof.record.lie.told_in();
    json!({
        "number": number,
        "name": session.name_of(&proof.record.node),
        "node": addresses.node(&proof.record.node),
        "shard": shard,
        "lie": proof.record.lie.kind().to_string(),
        "height": proof.seen.height.number(),
        "time": proof.seen.time.as_ms(),
        "held_by": holders(session, proof),
    })
}

fn holders(session: &Session, proof: &Proof) -> Vec<String> {
    let names = proof.held_by.iter().map(|node| session.name_of(node));
    names.collect()
}
