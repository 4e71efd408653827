//! `chainspace node descriptor` and `chainspace node consent`: what a node says and signs for those with
//! whom it is to form a shard. It need not run for that.

use std::path::{Path, PathBuf};

use client::paper::{self, is_reachable};
use client::{Addresses, NetworkKind};
use model::{Genesis, Invitation};
use node::config::Sources;
use node::signer::MemberKey;
use node::{Applicant, Fatal, NoConsent};
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::output::{Done, Output};

const DESCRIPTOR_EXAMPLES: &str = "Examples:
  chainspace node descriptor --config node.toml
  chainspace node descriptor --config node.toml --json";

const CONSENT_EXAMPLES: &str = "Examples:
  chainspace node consent new.csp --config node.toml
  chainspace node consent new.csp --config node.toml --json";

/// Write how the node describes itself, for whoever founds a shard with it
#[derive(Debug, clap::Args)]
#[command(before_help = DESCRIPTOR_EXAMPLES)]
pub(crate) struct Descriptor {
    /// The configuration of the node
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Agree to the shard that a proposal describes
#[derive(Debug, clap::Args)]
#[command(before_help = CONSENT_EXAMPLES)]
pub(crate) struct Consent {
    /// The proposal, as `chainspace shard propose` writes it
    proposal: PathBuf,
    /// The configuration of the node
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// The node with a configuration, and its network.
fn applicant(config: &Path) -> Result<(Applicant, Genesis), Failure> {
    let config = Sources::of_process(config)?.load()?.config;
    let genesis = node::load_genesis(&config.genesis)?;
    let key = MemberKey::load(&config.member_key).map_err(Fatal::from)?;
    let applicant = Applicant::new(&config, key, genesis.network());
    Ok((applicant, genesis))
}

pub(crate) fn describe(descriptor: &Descriptor, output: &Output) -> Result<Done, Failure> {
    let (applicant, genesis) = applicant(&descriptor.config)?;
    let kind = NetworkKind::of(&genesis);
    let described = applicant.describe();
    let said = &described.descriptor;
    said.check().map_err(|bad| {
        let found = format!("{}: {bad}", descriptor.config.display());
        Failure::usage(found)
    })?;
    let mut addresses = said.addresses.iter();
    if let Some(hidden) = addresses.find(|address| !is_reachable(address, kind)) {
        let found = format!("nodes elsewhere cannot reach {hidden}, and this is {kind}");
        return Err(Failure::usage(found).hint("set `external_addresses` in the configuration"));
    }
    if said.addresses.is_empty() {
        output.warn("nobody is told where the node can be reached: set `external_addresses`");
    }
    let text = paper::to_text(&described);
    Ok(Done {
        data: json!({
            "descriptor": text,
            "name": said.name,
            "node": Addresses(kind).node(&said.node),
            "addresses": said.addresses,
            "network": described.network,
        }),
        text,
    })
}

pub(crate) fn consent(consent: &Consent, output: &Output) -> Result<Done, Failure> {
    let invitation: Invitation = paper::read(&consent.proposal).map_err(client::Error::from)?;
    let (applicant, genesis) = applicant(&consent.config)?;
    let agreed = applicant.agree(&invitation).map_err(refused)?;
    let (record, addresses) = (&invitation.record, Addresses(NetworkKind::of(&genesis)));
    let nodes: Vec<&str> = record.descriptors().map(|node| &*node.name).collect();
    output.note(format_args!(
        "Agreed    to shard {}, epoch {}, of {}",
        record.shard,
        record.epoch,
        nodes.join(", ")
    ));
    let text = paper::to_text(&agreed);
    Ok(Done {
        data: json!({
            "consent": text,
            "node": addresses.node(&agreed.node),
            "shard": record.shard.number(),
            "terms": record.terms(),
        }),
        text,
    })
}

fn refused(reason: NoConsent) -> Failure {
    let exit = match reason {
        NoConsent::Paper(_) => Exit::WrongNetwork,
        _ => Exit::Usage,
    };
    Failure::new(exit, reason.to_string()).hint("nothing was signed")
}
