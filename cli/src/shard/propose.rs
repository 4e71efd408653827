//! `chainspace shard propose`: what nodes are asked to agree to, as a file for their operators.

use std::path::{Path, PathBuf};

use client::{Amount, Options, paper};
use model::{Epoch, Invitation, NodeDescriptor, ShardId, ShardRecord};
use serde_json::json;

use super::show::shard_list;
use super::update::{named, refuse_excluded};
use crate::Common;
use crate::exit::Failure;
use crate::node::write_new;
use crate::output::{Done, Output};
use crate::session::Session;

const EXAMPLES: &str = "Examples:
  chainspace shard propose a.csd b.csd c.csd d.csd --out new.csp
  chainspace shard propose a.csd b.csd c.csd d.csd --price 0.001CSC --out new.csp
  chainspace shard propose n4 n5 n6 ada.csd --shard 1 --out next.csp";

/// Write a proposal for nodes to agree to, for `node consent`
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Propose {
    /// The descriptors of the nodes, in the order of their seats; with --shard also names of nodes that
    /// the shard has
    #[arg(required = true, value_name = "DESCRIPTOR")]
    nodes: Vec<String>,
    /// Propose the list of nodes that is to follow in this shard, instead of a new shard
    #[arg(long, value_name = "K")]
    shard: Option<u32>,
    /// A node of the list that the shard has excluded, and that is to have a seat again all the same: its name
    /// or its address
    #[arg(long, value_name = "NODE", requires = "shard")]
    again: Vec<String>,
    /// What the shard asks for its part in a transaction [default: nothing, or as before]
    #[arg(long, value_name = "AMOUNT")]
    price: Option<String>,
    /// Where to write the proposal [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(common: &Common, propose: &Propose, output: &Output) -> Result<Done, Failure> {
    let session = Session::find(common)?;
    let record = match propose.shard {
        Some(shard) => successor(propose, &session, ShardId::new(shard))?,
        None => first(propose, &session)?,
    };
    let network = session.endpoints.genesis.network();
    let (shard, epoch, terms) = (record.shard, record.epoch, record.terms());
    let what = match epoch {
        Epoch::ZERO => format!("shard {shard}, if no other is founded before"),
        epoch => format!("epoch {epoch} of shard {shard}"),
    };
    output.note(format_args!(
        "Proposed  {what}, of {} nodes\n\
         \x20 terms    {terms}\n\
         \x20 next     on each machine: chainspace node consent FILE --config node.toml > NAME.csc",
        record.seats.len(),
    ));
    let text = paper::to_text(&Invitation { network, record });
    let data = json!({
        "shard": shard.number(),
        "epoch": epoch.number(),
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

/// The first record of a new shard.
fn first(propose: &Propose, session: &Session) -> Result<ShardRecord, Failure> {
    let price = price(propose.price.as_deref())?;
    let files: Vec<PathBuf> = propose.nodes.iter().map(PathBuf::from).collect();
    let members = descriptors(session, &files)?;
    let record = ShardRecord::founded(shard_list(session)?.token.next, members, price);
    let possible = record.check(session.endpoints.genesis.network(), None);
    possible.map_err(|bad| Failure::usage(bad.to_string()))?;
    Ok(record)
}

/// The record that is to follow in a shard.
fn successor(propose: &Propose, session: &Session, shard: ShardId) -> Result<ShardRecord, Failure> {
    let client = session.client(Options::default())?;
    let before = session.runtime.block_on(client.last_record(shard))?;
    let members = named(session, &propose.nodes, &before)?;
    refuse_excluded(session.addresses(), &members, &propose.again, &before)?;
    let price = match &propose.price {
        Some(text) => price(Some(text))?,
        None => before.price,
    };
    Ok(client.successor(&before, members, price)?)
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
