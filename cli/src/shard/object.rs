//! `chainspace shard object`: a node that lied loses its seat. Anybody may show that it did.

use std::path::PathBuf;

use client::{Objection, Wallet, paper};
use model::ShardId;
use model::key::Zip215;
use serde_json::Value;

use crate::Common;
use crate::deal::{Deal, Making};
use crate::evidence::describe;
use crate::exit::{Exit, Failure};
use crate::output::{Done, Output};
use crate::session::Session;

const EXAMPLES: &str = "Examples:
  chainspace shard object 0 --evidence lie.bin --from alice
  chainspace shard object 0 --evidence lie.bin --from alice --watch";

/// Exclude a node that lied from its shard
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Object {
    /// The number of the shard
    #[arg(value_name = "K")]
    shard: u32,
    /// The proof that the node lied
    #[arg(long, value_name = "FILE")]
    evidence: PathBuf,
    /// Who pays for the transaction: a name or an address whose key is here
    #[arg(long, value_name = "NAME")]
    from: String,
    #[command(flatten)]
    making: Making,
}

pub(crate) fn run(common: &Common, object: &Object, output: &Output) -> Result<Done, Failure> {
    object.making.check()?;
    let evidence = paper::read_evidence(&object.evidence).map_err(client::Error::from)?;
    evidence.verify(&mut Zip215).map_err(|reason| {
        let why = format!("{} proves nothing: {reason}", object.evidence.display());
        Failure::new(Exit::VerificationFailed, why).hint("nothing has been sent")
    })?;
    let session = Session::find(common)?;
    let wallet = object.making.wallet(&session)?;
    let objection = Objection {
        payer: wallet.party(&object.from)?,
        shard: ShardId::new(object.shard),
        evidence,
    };
    let deal = object.making.deal(&session, &wallet, output);
    session
        .runtime
        .block_on(exclude(objection, &wallet, &deal, output))
}

async fn exclude(
    objection: Objection,
    wallet: &Wallet,
    deal: &Deal<'_>,
    output: &Output,
) -> Result<Done, Failure> {
    let (shard, node) = (objection.shard, objection.evidence.node);
    let address = deal.addresses().node(&node);
    output.note(format_args!("Object    to {address} in shard {shard}"));
    let mut besides = describe(&objection.evidence);
    besides["node"] = Value::from(address);
    let settled = deal
        .make(async |watch| wallet.object(objection, watch).await)
        .await?;
    let closing = async { format!("     its seat is vacant: chainspace shard show {shard}") };
    deal.conclude(&settled, besides, closing).await
}
