//! The list of nodes that a user wants to follow: named one by one, or proposed and agreed to by mail.

#[cfg(test)]
mod tests;

use std::path::Path;

use client::file::{self, Kind};
use client::paper;
use client::{Addresses, Client, Error};
use model::bounds::GENESIS_BYTES_MAX;
use model::{Consent, Hash, Invitation, NodeDescriptor, Plan, ShardRecord};

use crate::exit::{Exit, Failure};
use crate::session::Session;
use crate::shard::propose::descriptors;

/// What is to follow.
pub(crate) struct Wanted {
    pub(crate) members: Vec<NodeDescriptor>,
    pub(crate) price: u64,
    /// The consents, if they came by mail. `None`: the new nodes are asked.
    pub(crate) consents: Option<Vec<Consent>>,
}

impl Wanted {
    /// What the arguments of a user mean for a shard whose last record is `before`.
    pub(crate) fn of(
        session: &Session,
        arguments: &[String],
        price: Option<u64>,
        before: &ShardRecord,
    ) -> Result<Self, Failure> {
        match arguments.split_first() {
            Some((first, rest)) if is_proposal(first) => {
                Self::by_mail(session, first, rest, price, before)
            }
            _ => Ok(Self {
                members: named(session, arguments, before)?,
                price: price.unwrap_or(before.price),
                consents: None,
            }),
        }
    }

    fn by_mail(
        session: &Session,
        proposal: &str,
        consents: &[String],
        price: Option<u64>,
        before: &ShardRecord,
    ) -> Result<Self, Failure> {
        let Invitation { network, record } =
            paper::read(Path::new(proposal)).map_err(Error::from)?;
        let ours = session.endpoints.genesis.network();
        if network != ours {
            let why = format!("{proposal} is for network {network}, this is network {ours}");
            return Err(Failure::new(Exit::WrongNetwork, why));
        }
        if price.is_some() {
            let why = "the price is in the proposal, and the nodes have agreed to it";
            return Err(Failure::usage(why).hint("leave out --price"));
        }
        let follows = record.epoch == before.epoch.next() || record.terms() == before.terms();
        if record.shard != before.shard || !follows {
            let why = format!(
                "{proposal} is for epoch {} of shard {}, and shard {} is in epoch {}",
                record.epoch, record.shard, before.shard, before.epoch
            );
            return Err(Failure::usage(why)
                .hint("write another proposal: `chainspace shard propose --shard K`"));
        }
        let read = |file: &String| paper::read::<Consent>(Path::new(file));
        let consents: Result<Vec<Consent>, _> = consents.iter().map(read).collect();
        Ok(Self {
            members: record.descriptors().cloned().collect(),
            price: record.price,
            consents: Some(consents.map_err(Error::from)?),
        })
    }

    /// The terms on which the nodes are members.
    pub(crate) fn terms(&self, before: &ShardRecord) -> Hash {
        ShardRecord::founded(before.shard, self.members.clone(), self.price).terms()
    }

    /// The plan that it follows `before`.
    pub(crate) async fn plan(&self, client: &Client, before: &ShardRecord) -> Result<Plan, Error> {
        let next = client.successor(before, self.members.clone(), self.price)?;
        let given = self.consents.as_deref();
        let consents = client.consents(&next, Some(before), given).await?;
        Ok(Plan { next, consents })
    }
}

/// Whether somebody has named a proposal.
fn is_proposal(argument: &str) -> bool {
    let read = file::read(Path::new(argument), Kind::Proposal, GENESIS_BYTES_MAX);
    read.is_ok_and(|bytes| file::kind_of(&bytes) == Some(Kind::Proposal))
}

/// The nodes that were named. Those that the shard has keep their words, unless a descriptor gives them
/// new ones.
pub(crate) fn named(
    session: &Session,
    nodes: &[String],
    before: &ShardRecord,
) -> Result<Vec<NodeDescriptor>, Failure> {
    let member = |text: &String| -> Result<NodeDescriptor, Failure> {
        let path = Path::new(text);
        if path.exists() {
            let read = descriptors(session, &[path.to_owned()])?;
            return read.into_iter().next().ok_or_else(|| unknown(text, before));
        }
        let mut known = before.descriptors();
        let found = known.find(|known| is_named(session.addresses(), text, known));
        found.cloned().ok_or_else(|| unknown(text, before))
    };
    nodes.iter().map(member).collect()
}

/// Refuses a list with a node that the shard has excluded, unless `again` names it too. Such a node is not
/// asked for its consent again, so whoever types the list as it used to be would give the liar its seat back
/// and not notice. To name a node that has a seat does no harm: the same command can be given again.
pub(crate) fn refuse_excluded(
    addresses: Addresses,
    members: &[NodeDescriptor],
    again: &[String],
    before: &ShardRecord,
) -> Result<(), Failure> {
    let is_listed =
        |text: &String| -> bool { members.iter().any(|node| is_named(addresses, text, node)) };
    if let Some(stray) = again.iter().find(|text| !is_listed(text)) {
        let why = format!("--again names `{stray}`, which is not in the list of nodes");
        return Err(Failure::usage(why).hint("name it twice: in the list, and after --again"));
    }
    let refused: Vec<&str> = members
        .iter()
        .filter(|node| before.vacated().any(|known| known.node == node.node))
        .filter(|node| !again.iter().any(|text| is_named(addresses, text, node)))
        .map(|node| &*node.name)
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    let (shard, names) = (before.shard, refused.join(", "));
    let flags: Vec<String> = refused
        .iter()
        .map(|name| format!("--again {name}"))
        .collect();
    let hint = format!(
        "leave it out and name another node in its place; to seat it again on purpose, add {}",
        flags.join(" ")
    );
    let why = format!("shard {shard} has excluded {names} for lying");
    Err(Failure::usage(why).hint(hint))
}

/// Whether a user who writes this means a node.
fn is_named(addresses: Addresses, text: &str, node: &NodeDescriptor) -> bool {
    let by_address = addresses.parse_node(text);
    node.name == text || by_address.is_ok_and(|named| named == node.node)
}

fn unknown(text: &str, before: &ShardRecord) -> Failure {
    let names: Vec<&str> = before.descriptors().map(|node| &*node.name).collect();
    let why = format!("`{text}` is no file, and no node of shard {}", before.shard);
    Failure::usage(why).hint(format!("its nodes are: {}", names.join(", ")))
}
