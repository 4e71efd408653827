//! `chainspace receipt`: proofs of decisions, checked without a network.

use std::path::PathBuf;

use clap::Subcommand;
use client::receipt::StepTaken;
use model::{NetworkId, Outcome, ShardId};
use serde_json::{Value, json};

use crate::Common;
use crate::exit::Failure;
use crate::output::{Done, Output};
use crate::session;

const EXAMPLES: &str = "Examples:
  chainspace receipt verify payment.csr
  chainspace receipt verify payment.csr --json";

#[derive(Debug, Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Command {
    /// Check every link of a receipt: signatures, head, path, transaction
    #[command(before_help = EXAMPLES)]
    Verify {
        /// The receipt
        file: PathBuf,
        /// The network that it must be of [default: the one of this directory, if there is one]
        #[arg(long, value_name = "ID")]
        network: Option<NetworkId>,
    },
}

pub(crate) fn run(common: &Common, command: &Command, output: &Output) -> Result<Done, Failure> {
    let Command::Verify { file, network } = command;
    let known = match (network, &common.dir) {
        (Some(network), _) => Some(*network),
        (None, Some(_)) => session::find(common)?.network()?,
        (None, None) => match session::find(common) {
            Ok(layout) => layout.network()?,
            Err(_) => None,
        },
    };
    let summary = client::receipt::verify(file, known).map_err(client::Error::from)?;
    if known.is_none() {
        output.warn(format_args!(
            "the receipt brings its own genesis document: make sure that {} is the network you mean",
            summary.network
        ));
    }
    Ok(Done {
        text: summary.to_string(),
        data: json!({
            "valid": true,
            "network": summary.network,
            "network_name": summary.network_name,
            "network_known": known.is_some(),
            "transaction": summary.addresses.transaction(&summary.transaction),
            "outcome": match summary.outcome {
                Outcome::Committed => "committed",
                Outcome::Aborted(_) => "aborted",
            },
            "shards": summary.shards.iter().map(|(shard, _)| shard.number()).collect::<Vec<_>>(),
            "signatures": summary.signatures,
            "steps": summary.steps.iter().map(describe).collect::<Vec<_>>(),
        }),
    })
}

/// A step from the genesis document to those who signed.
fn describe(step: &StepTaken) -> Value {
    match step {
        StepTaken::Founded(shard) => json!({
            "step": "founded",
            "shard": shard.map(ShardId::number),
        }),
        StepTaken::Changed {
            shard,
            epoch,
            height,
        } => json!({
            "step": "changed",
            "shard": shard.number(),
            "epoch": epoch.number(),
            "after_height": height.number(),
        }),
    }
}
