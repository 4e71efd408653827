//! The list of nodes that a user wants to follow: named one by one, or proposed and agreed to by mail.

use std::path::Path;

use client::file::{self, Kind};
use client::paper;
use client::{Client, Error};
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
        let node = session.addresses().parse_node(text).ok();
        let found = before
            .descriptors()
            .find(|known| known.name == *text || Some(known.node) == node);
        found.cloned().ok_or_else(|| unknown(text, before))
    };
    nodes.iter().map(member).collect()
}

fn unknown(text: &str, before: &ShardRecord) -> Failure {
    let names: Vec<&str> = before.descriptors().map(|node| &*node.name).collect();
    let why = format!("`{text}` is no file, and no node of shard {}", before.shard);
    Failure::usage(why).hint(format!("its nodes are: {}", names.join(", ")))
}
