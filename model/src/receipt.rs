//! Receipts: what a user keeps, and shows to anybody, of a decided transaction.
//!
//! A receipt needs no network to be checked: it brings the transaction, the decision, the path from
//! the decision to a head, a quorum's signatures over the head, and the genesis document that says
//! whose signatures count. Where the members of the shard have changed since, or the shard was founded
//! later, it brings the steps that lead there. Whoever checks it compares the network's name with the
//! one they know.
//!
//! Paper: Section IV-A, partial audit: evidence of size `O(s + log N)`.

use serde::{Deserialize, Serialize};

use crate::bounds;
use crate::encoding::{self, DecodeError};
use crate::genesis::{BadGenesis, Genesis};
use crate::head::{HeadCertificate, HeadError};
use crate::id::{NetworkId, ShardId, TransactionId};
use crate::key::SignatureCheck;
use crate::lineage::{BadStep, Lineage, NoSigners, Step};
use crate::merkle::PresenceProof;
use crate::result::{TransactionResult, results_tree};
use crate::shard::Committee;
use crate::transaction::{Malformed, Transaction};

/// A decision and the proof that a shard made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertifiedResult {
    /// The decision.
    pub result: TransactionResult,
    /// That it is under the root of the head's results.
    pub proof: PresenceProof,
    /// The head with a quorum's signatures.
    pub head: HeadCertificate,
}

/// Why a decision is not proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// The head is not certified.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The proof is about something else, or does not lead to the head.
    #[error("the path from the decision to the head does not verify")]
    Path,
    /// The decisions are not exactly those under the head.
    #[error("the decisions are not those under the head")]
    Results,
}

impl CertifiedResult {
    /// Checks that the shard of `committee` made the decision.
    ///
    /// # Errors
    ///
    /// [`Unproven`] says which link is broken.
    pub fn verify(
        &self,
        committee: &Committee,
        check: &mut impl SignatureCheck,
    ) -> Result<(), Unproven> {
        self.head.verify(committee, check)?;
        let about_result =
            self.proof.key == self.result.key() && self.proof.value == self.result.value();
        if about_result && self.proof.verify(&self.head.head.results) {
            Ok(())
        } else {
            Err(Unproven::Path)
        }
    }

    /// The shard that claims to have decided.
    #[must_use]
    pub const fn shard(&self) -> ShardId {
        self.head.head.scope.shard
    }
}

/// All decisions of one block and the proof that a shard made them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertifiedResults {
    /// The head after the block, with a quorum's signatures.
    pub head: HeadCertificate,
    /// The decisions, one for each transaction. The head does not commit to their order.
    pub results: Vec<TransactionResult>,
}

impl CertifiedResults {
    /// Checks that the shard of `committee` made these decisions in this block, and no others.
    ///
    /// # Errors
    ///
    /// [`Unproven`] says which link is broken.
    pub fn verify(
        &self,
        committee: &Committee,
        check: &mut impl SignatureCheck,
    ) -> Result<(), Unproven> {
        self.head.verify(committee, check)?;
        let tree = results_tree(&self.results);
        // A tree has each transaction once, so two decisions on one would not show in its root.
        if tree.len() == self.results.len() && tree.root() == self.head.head.results {
            Ok(())
        } else {
            Err(Unproven::Results)
        }
    }
}

/// A transaction and the decisions of all shards that it concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The network's genesis document.
    pub genesis: Genesis,
    /// What leads from it to the members of the participants, each in the epoch of its decision.
    pub steps: Vec<Step>,
    /// The transaction.
    pub transaction: Transaction,
    /// One decision for each participant, in their order.
    pub results: Vec<CertifiedResult>,
}

/// Why a receipt proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReceipt {
    /// The bytes are not a receipt.
    #[error("this is not a receipt: {0}")]
    Encoding(#[from] DecodeError),
    /// The genesis document cannot start a network.
    #[error("the receipt brings a genesis document that is not one: {0}")]
    Genesis(#[from] BadGenesis),
    /// A step leads nowhere.
    #[error("step {at} from the genesis document proves nothing: {reason}")]
    Step {
        /// Which one, counted from one.
        at: usize,
        /// What is wrong with it.
        reason: BadStep,
    },
    /// The step with this number, counted from one, is one of those before it.
    #[error("step {0} from the genesis document says nothing new")]
    OldStep(usize),
    /// The transaction is malformed, of another network, or not signed by whom it says.
    #[error("the receipt brings a transaction that is malformed: {0}")]
    Transaction(#[from] Malformed),
    /// The decisions are not those of the participants.
    #[error("the receipt does not bring one decision of each concerned shard")]
    Participants,
    /// A decision is about another transaction.
    #[error("the receipt brings a decision on another transaction, {0}")]
    OtherTransaction(TransactionId),
    /// It does not bring what leads to the members that signed a decision.
    #[error("the decision of shard {shard} is by members of whom nothing is known: {reason}")]
    Signers {
        /// The shard.
        shard: ShardId,
        /// What is not known.
        reason: NoSigners,
    },
    /// A decision is not proven.
    #[error("the decision of shard {shard} is not proven: {reason}")]
    Unproven {
        /// The shard.
        shard: ShardId,
        /// Which link is broken.
        reason: Unproven,
    },
}

/// What a receipt proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The network. Compare it with the one you know: a receipt brings its own genesis.
    pub network: NetworkId,
    /// The transaction.
    pub transaction: TransactionId,
    /// The decisions, one for each participant.
    pub results: Vec<TransactionResult>,
    /// How many signatures over the heads of the decisions were checked.
    pub signatures: usize,
    /// How many steps lead from the genesis document to those who made them.
    pub steps: usize,
}

impl Receipt {
    /// The canonical encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// Reads a receipt. It proves nothing before [`Receipt::verify`].
    ///
    /// # Errors
    ///
    /// [`BadReceipt::Encoding`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadReceipt> {
        Ok(encoding::decode(bytes, bounds::RECEIPT_BYTES_MAX)?)
    }

    /// Checks every link, from the genesis document to the decisions.
    ///
    /// # Errors
    ///
    /// [`BadReceipt`] says which link is broken.
    pub fn verify(&self, check: &mut impl SignatureCheck) -> Result<Proven, BadReceipt> {
        self.genesis.check()?;
        let network = self.genesis.network();
        let transaction = self
            .transaction
            .clone()
            .check_form(&network)?
            .verify(check)?;
        let id = transaction.id();
        let participants = &transaction.body().participants;
        let shards = self.results.iter().map(CertifiedResult::shard);
        if !shards.eq(participants.iter().copied()) {
            return Err(BadReceipt::Participants);
        }
        let lineage = self.lineage(check)?;
        let mut signatures = 0;
        for result in &self.results {
            if result.result.transaction != id {
                return Err(BadReceipt::OtherTransaction(result.result.transaction));
            }
            verify_result(result, &lineage, check)?;
            signatures += result.head.certificate.signatures.len();
        }
        Ok(Proven {
            network,
            transaction: id,
            results: self.results.iter().map(|result| result.result).collect(),
            signatures,
            steps: self.steps.len(),
        })
    }

    /// Takes all steps.
    fn lineage(&self, check: &mut impl SignatureCheck) -> Result<Lineage, BadReceipt> {
        let mut lineage = Lineage::of_genesis(&self.genesis)?;
        for (at, step) in (1..).zip(&self.steps) {
            let taken = lineage.take(step, check);
            if !taken.map_err(|reason| BadReceipt::Step { at, reason })? {
                return Err(BadReceipt::OldStep(at));
            }
        }
        Ok(lineage)
    }
}

fn verify_result(
    result: &CertifiedResult,
    lineage: &Lineage,
    check: &mut impl SignatureCheck,
) -> Result<(), BadReceipt> {
    let shard = result.shard();
    let committee = lineage
        .signers(&result.head.head)
        .map_err(|reason| BadReceipt::Signers { shard, reason })?;
    result
        .verify(committee, check)
        .map_err(|reason| BadReceipt::Unproven { shard, reason })
}
