//! `chainspace shard propose`: what nodes are asked to agree to, as a file for their operators.

use std::path::{Path, PathBuf};

use client::{Amount, paper};
use model::{Invitation, NodeDescriptor, ShardRecord};
use serde_json::json;

use super::show::registry;
use crate::Common;
use crate::exit::Failure;
use crate::node::write_new;
use crate::output::{Done, Output};
use crate::session::Session;

const EXAMPLES: &str = "Examples:
  chainspace shard propose a.csd b.csd c.csd d.csd --out new.csp
  chainspace shard propose a.csd b.csd c.csd d.csd --price 0.001CSC --out new.csp";

/// Write a proposal for nodes to agree to, for `node consent`
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Propose {
    /// The descriptors of the nodes, in the order of their seats
    #[arg(required = true)]
    descriptors: Vec<PathBuf>,
    /// What the shard asks for its part in a transaction [default: nothing]
    #[arg(long, value_name = "AMOUNT")]
    price: Option<String>,
    /// Where to write the proposal [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(common: &Common, propose: &Propose, output: &Output) -> Result<Done, Failure> {
    let price = price(propose.price.as_deref())?;
    let session = Session::find(common)?;
    let members = descriptors(&session, &propose.descriptors)?;
    let number = registry(&session)?.token.next;
    let record = ShardRecord::founded(number, members, price);
    let network = session.endpoints.genesis.network();
    let possible = record.check(network, None);
    possible.map_err(|bad| Failure::usage(bad.to_string()))?;
    let terms = record.terms();
    let invitation = Invitation { network, record };
    let text = paper::to_text(&invitation);
    output.note(format_args!(
        "Proposed  shard {number} of {} nodes, if no other is founded before\n\
         \x20 terms    {terms}\n\
         \x20 next     on each machine: chainspace node consent FILE --config node.toml > NAME.csc",
        invitation.record.seats.len(),
    ));
    let data = json!({
        "shard": number.number(),
        "terms": terms,
        "proposal": text,
        "file": propose.out.as_ref().map(|file| file.display().to_string()),
    });
    let Some(file) = &propose.out else {
        return Ok(Done { text, data });
    };
    write_new(file, &format!("{text}\n"))?;
    Ok(Done {
        text: file.display().to_string(),
        data,
    })
}

/// The descriptors in these files, each signed by its node.
pub(super) fn descriptors(
    session: &Session,
    files: &[PathBuf],
) -> Result<Vec<NodeDescriptor>, Failure> {
    let (network, kind) = (session.endpoints.genesis.network(), session.addresses().0);
    let read = |file: &PathBuf| -> Result<NodeDescriptor, Failure> {
        let file: &Path = file;
        let read = paper::read_descriptor(file, network, kind);
        Ok(read.map_err(client::Error::from)?)
    };
    files.iter().map(read).collect()
}

/// A price as a user writes it, in ncsc.
pub(super) fn price(text: Option<&str>) -> Result<u64, Failure> {
    let Some(text) = text else {
        return Ok(0);
    };
    let amount = Amount::parse_positive(text).map_err(client::Error::from)?;
    Ok(amount.ncsc())
}
