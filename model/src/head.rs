//! Heads: the links of a shard's hash chain, one per block.
//!
//! A node signs one head per block and nothing else about what the block did (decision D8). Results
//! are leaves under it, so no promise exists outside the chain.
//!
//! Paper: Section IV-A, Node Hash-Chains.

use serde::{Deserialize, Serialize};

use crate::certificate::{Certificate, CertificateError};
use crate::hash::{Hash, Tag, hash, hash_value};
use crate::id::NetworkId;
use crate::key::SignatureCheck;
use crate::shard::Committee;
use crate::statement::{Height, Scope, Statement};
use crate::time::Time;

/// A link of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Network, shard and epoch.
    pub scope: Scope,
    /// The height of the block.
    pub height: Height,
    /// The hash of the head before, [`Head::before_first`] at height 1.
    pub previous: Hash,
    /// The hash of the block.
    pub block: Hash,
    /// Block time.
    pub time: Time,
    /// The root of the results, a tree sorted by transaction.
    pub results: Hash,
    /// The root of what the block says to other shards.
    pub outbox: Hash,
    /// Every so many blocks, and where an epoch ends: the root of the state of the shard, see
    /// [`crate::state`].
    pub state: Option<Hash>,
}

impl Head {
    /// What the first head has before it.
    #[must_use]
    pub fn before_first(network: &NetworkId) -> Hash {
        hash(Tag::Head, network.as_bytes())
    }

    /// The hash that members sign.
    #[must_use]
    pub fn hash(&self) -> Hash {
        hash_value(Tag::Head, self)
    }

    /// What members sign.
    #[must_use]
    pub fn statement(&self) -> Statement {
        Statement::Head {
            height: self.height,
            head: self.hash(),
        }
    }
}

/// A head and the signatures of a quorum over it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadCertificate {
    /// The head.
    pub head: Head,
    /// The signatures.
    pub certificate: Certificate,
}

/// Why a certified head proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The head is of another network, shard or epoch than the committee.
    #[error("the head is of another network, shard or epoch")]
    OtherScope,
    /// The certificate is about something else.
    #[error("the certificate is not about this head")]
    OtherStatement,
    /// The certificate does not verify.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl HeadCertificate {
    /// Checks that a quorum of `committee` signed the head.
    ///
    /// # Errors
    ///
    /// [`HeadError`] says which rule is broken.
    pub fn verify(
        &self,
        committee: &Committee,
        check: &mut impl SignatureCheck,
    ) -> Result<(), HeadError> {
        self.verify_threshold(committee, committee.quorum(), check)
    }

    /// [`HeadCertificate::verify`] with another threshold, such as `f + 1` (decision D12).
    ///
    /// # Errors
    ///
    /// [`HeadError`] says which rule is broken.
    pub fn verify_threshold(
        &self,
        committee: &Committee,
        needed: usize,
        check: &mut impl SignatureCheck,
    ) -> Result<(), HeadError> {
        if self.head.scope != *committee.scope() {
            return Err(HeadError::OtherScope);
        }
        if self.certificate.statement != self.head.statement() {
            return Err(HeadError::OtherStatement);
        }
        Ok(self
            .certificate
            .verify_threshold(committee, needed, check)?)
    }
}
