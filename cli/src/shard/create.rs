//! `chainspace shard create`: founding a shard.
//!
//! Each node agrees to the whole record, its number included. Either the nodes are asked over the network,
//! and asked again if another shard takes the number first; or their operators hand in what they have
//! signed to a proposal, and the nodes need not run.

use std::path::PathBuf;

use client::paper::{self, PaperError};
use client::{Founding, Wallet};
use model::{Consent, Invitation, NodeDescriptor};
use serde_json::json;

use super::propose::{descriptors, price};
use crate::Common;
use crate::deal::{Deal, Making};
use crate::exit::{Exit, Failure};
use crate::output::{Done, Output};
use crate::session::Session;

const EXAMPLES: &str = "Examples:
  chainspace shard create a.csd b.csd c.csd d.csd --from alice
  chainspace shard create a.csd b.csd c.csd d.csd --price 0.001CSC --from alice --watch
  chainspace shard create new.csp a.csc b.csc c.csc d.csc --from alice";

const ABOUT_CONSENTS: &str = "Consents:
  A node that is asked over the network agrees if its operator has allowed it: in its configuration,
  consents = [\"TERMS\"], where TERMS is what `chainspace shard propose` says, or consents = [\"any\"].
  Otherwise write a proposal with `chainspace shard propose`, let each operator agree to it with
  `chainspace node consent`, and give the proposal and the consents to this command.";

/// Found a shard of nodes that agree
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, after_help = ABOUT_CONSENTS)]
pub(crate) struct Create {
    /// The descriptors of the nodes in the order of their seats, or a proposal and the consents to it
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// What the shard asks for its part in a transaction [default: nothing, or what the proposal says]
    #[arg(long, value_name = "AMOUNT")]
    price: Option<String>,
    /// Who pays for the transaction: a name or an address whose key is here
    #[arg(long, value_name = "NAME")]
    from: String,
    #[command(flatten)]
    making: Making,
}

pub(crate) fn run(common: &Common, create: &Create, output: &Output) -> Result<Done, Failure> {
    create.making.check()?;
    let session = Session::find(common)?;
    let wallet = create.making.wallet(&session)?;
    let payer = wallet.party(&create.from)?;
    let (members, price, consents) = papers(create, &session)?;
    let founding = Founding {
        payer,
        members,
        price,
        consents,
    };
    let deal = create.making.deal(&session, &wallet, output);
    session
        .runtime
        .block_on(found(founding, &wallet, &deal, output))
}

/// The nodes, the price, and the consents if they are handed in.
type Papers = (Vec<NodeDescriptor>, u64, Option<Vec<Consent>>);

fn papers(create: &Create, session: &Session) -> Result<Papers, Failure> {
    let Some((first, rest)) = create.files.split_first() else {
        return Err(Failure::usage("no files are given"));
    };
    let invitation = match paper::read::<Invitation>(first) {
        Ok(invitation) => invitation,
        // No proposal, so it should be a descriptor; if not, that is what will be said.
        Err(PaperError::File(_)) => {
            let members = descriptors(session, &create.files)?;
            return Ok((members, price(create.price.as_deref())?, None));
        }
        Err(error) => return Err(client::Error::from(error).into()),
    };
    if create.price.is_some() {
        let why = "the price is in the proposal, and the nodes have agreed to it";
        return Err(Failure::usage(why).hint("leave out --price"));
    }
    let network = session.endpoints.genesis.network();
    if invitation.network != network {
        let found = invitation.network;
        let why = format!("the proposal is for network {found}, this is network {network}");
        return Err(Failure::new(Exit::WrongNetwork, why));
    }
    let consents = rest.iter().map(|file| paper::read::<Consent>(file));
    let consents: Result<Vec<Consent>, PaperError> = consents.collect();
    let consents = consents.map_err(client::Error::from)?;
    let members = invitation.record.descriptors().cloned().collect();
    Ok((members, invitation.record.price, Some(consents)))
}

async fn found(
    founding: Founding,
    wallet: &Wallet,
    deal: &Deal<'_>,
    output: &Output,
) -> Result<Done, Failure> {
    let names: Vec<&str> = founding.members.iter().map(|node| &*node.name).collect();
    output.note(format_args!("Found     a shard of {}", names.join(", ")));
    let members = names.len();
    let settled = deal
        .make(async |watch| wallet.found(founding, watch).await)
        .await?;
    let number = client::founded(&settled.transaction);
    let besides = json!({
        "founded": number.map(model::ShardId::number),
        "nodes": members,
    });
    let closing = async {
        number.map_or_else(String::new, |number| {
            format!("     shard {number} is founded: chainspace shard show {number}")
        })
    };
    deal.conclude(&settled, besides, closing).await
}
