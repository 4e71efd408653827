//! A node as an applicant for a seat: how it describes itself, and what it agrees to.
//!
//! A node agrees to what its operator has allowed beforehand, by naming the terms or by allowing all.
//! Where all is allowed, the node itself sees to it that it is described in its own words.

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeSet;

use consensus::Signer as _;
use model::api::Refused;
use model::founding::BadPaper;
use model::membership::BadRecord;
use model::{
    Consent, Hash, Head, Invitation, NetworkId, NodeDescriptor, NodeId, ShardRecord, Signature,
    SignedDescriptor, address,
};

use crate::config::Config;
use crate::signer::MemberKey;

/// The word that allows everything.
const ANY: &str = "any";

/// What an operator allows a node to agree to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consents {
    /// Every shard that describes the node as it describes itself.
    Any,
    /// The shards with these [`ShardRecord::terms`].
    To(BTreeSet<Hash>),
}

impl Consents {
    /// What the words of a configuration allow: hashes, or `any`. `None` if one is neither.
    #[must_use]
    pub fn parse(words: &[String]) -> Option<Self> {
        if words.iter().any(|word| word == ANY) {
            return Some(Self::Any);
        }
        let terms = words.iter().map(|word| word.parse().ok());
        terms.collect::<Option<_>>().map(Self::To)
    }
}

/// A node that may become a member of a shard.
#[derive(Clone)]
pub struct Applicant {
    network: NetworkId,
    descriptor: NodeDescriptor,
    consents: Consents,
    approves: Consents,
    key: MemberKey,
}

/// Why a node does not agree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoConsent {
    /// The invitation is for another network.
    #[error(transparent)]
    Paper(#[from] BadPaper),
    /// No shard can be like that.
    #[error(transparent)]
    Record(#[from] BadRecord),
    /// The node is not among the members.
    #[error("node {0} is not in this list")]
    NotListed(NodeId),
    /// The operator has allowed everything that describes the node as it is, and this does not.
    #[error("the list gives node {0} another name or other addresses than the node itself does")]
    OtherWords(NodeId),
    /// The operator has not allowed these [`ShardRecord::terms`].
    #[error("the operator has not allowed it")]
    NotAllowed(Hash),
}

impl Applicant {
    /// The node with this configuration and member key, on `network`.
    #[must_use]
    pub fn new(config: &Config, key: MemberKey, network: NetworkId) -> Self {
        let descriptor = NodeDescriptor {
            name: config.name.clone(),
            node: key.node(),
            addresses: addresses(config),
        };
        Self {
            network,
            descriptor,
            consents: allowed(&config.consents),
            approves: allowed(&config.approves),
            key,
        }
    }

    /// How the node describes itself.
    #[must_use]
    pub fn describe(&self) -> SignedDescriptor {
        let descriptor = self.descriptor.clone();
        SignedDescriptor::new(self.network, descriptor, |bytes| self.key.sign(bytes))
    }

    /// Agrees to a record because the operator says so now.
    ///
    /// # Errors
    ///
    /// [`NoConsent`] if there cannot be such a shard, or not with this node.
    pub fn agree(&self, invitation: &Invitation) -> Result<Consent, NoConsent> {
        let (expected, found) = (self.network, invitation.network);
        if expected != found {
            return Err(BadPaper::OtherNetwork { expected, found }.into());
        }
        self.listed(&invitation.record)?;
        Ok(self.consent(&invitation.record))
    }

    /// Agrees to a record if the operator has allowed it beforehand.
    ///
    /// # Errors
    ///
    /// [`NoConsent`].
    pub(crate) fn agree_if_allowed(&self, record: &ShardRecord) -> Result<Consent, NoConsent> {
        let listed = self.listed(record)?;
        let terms = record.terms();
        match &self.consents {
            Consents::To(allowed) if !allowed.contains(&terms) => Err(NoConsent::NotAllowed(terms)),
            Consents::Any if *listed != self.descriptor => {
                Err(NoConsent::OtherWords(self.descriptor.node))
            }
            Consents::To(_) | Consents::Any => Ok(self.consent(record)),
        }
    }

    /// Signs a head that the node has come to, in the epoch of the head.
    pub(crate) fn sign_head(&self, head: &Head) -> Signature {
        self.key.sign(&head.statement().signing_bytes(&head.scope))
    }

    /// Whether the operator has allowed the node to be for this list of nodes to follow its own.
    ///
    /// # Errors
    ///
    /// [`Refused::NotApproved`].
    pub(crate) fn approves(&self, next: &ShardRecord) -> Result<(), Refused> {
        let terms = next.terms();
        match &self.approves {
            Consents::To(allowed) if !allowed.contains(&terms) => Err(Refused::NotApproved(terms)),
            Consents::To(_) | Consents::Any => Ok(()),
        }
    }

    /// What the record says of this node.
    fn listed<'a>(&self, record: &'a ShardRecord) -> Result<&'a NodeDescriptor, NoConsent> {
        // Which seats may be vacant is for the members to say who approve of the record.
        record.check(self.network, Some(record))?;
        let node = self.descriptor.node;
        let listed = record.descriptors().find(|listed| listed.node == node);
        listed.ok_or(NoConsent::NotListed(node))
    }

    fn consent(&self, record: &ShardRecord) -> Consent {
        let node = self.descriptor.node;
        Consent::new(self.network, record, node, |bytes| self.key.sign(bytes))
    }
}

/// What these words allow. The configuration has been checked; what is not understood allows nothing.
fn allowed(words: &[String]) -> Consents {
    Consents::parse(words).unwrap_or(Consents::To(BTreeSet::new()))
}

/// Where others reach the node: where its operator says, or else where it listens, as far as that can be
/// said to others.
fn addresses(config: &Config) -> Vec<String> {
    if !config.external_addresses.is_empty() {
        return config.external_addresses.clone();
    }
    let listen = config.listen.iter();
    let listen = listen.filter(|address| address::check(address).is_ok());
    listen.cloned().collect()
}

impl From<NoConsent> for Refused {
    fn from(reason: NoConsent) -> Self {
        match reason {
            NoConsent::NotAllowed(terms) => Self::NotAllowed(terms),
            other => Self::malformed(other),
        }
    }
}
