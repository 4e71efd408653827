//! What members of one shard say to each other.
//!
//! A [`Message`] is what arrives; [`Message::admit`] checks what needs no state and makes an
//! [`Admitted`], which is all that a replica takes. Votes and certificates are checked later, by the
//! agreement itself, and only when they matter: most votes arrive after the certificate exists.

use std::borrow::Cow;
use std::sync::Arc;

use model::block::BlockRef;
use model::block::{Entry, decode_entries};
use model::bounds;
use model::encoding::{self, DecodeError};
use model::epoch::BadEnding;
use model::head::HeadCertificate;
use model::outbox::BadParcel;
use model::statement::{Epoch, Height, Slot, Statement, Vote};
use model::transaction::{Authorized, Malformed, WellFormed};
use model::{Block, Certificate, Committee, Delivery, Finalized, Hash, Parcel, Signature, Time};
use model::{Ending, EpochChange, NotAFact, Plan, ShardRecord, SignatureCheck, Transaction};
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::sbac::letter::check_delivery;
use crate::shards::Shards;

/// The longest encoding of a [`Message`]: a block, its signature, and the tags around them.
pub const MESSAGE_BYTES_MAX: usize = bounds::BLOCK_BYTES_MAX + 1_024;

/// Transactions that one [`Message::Transactions`] carries at most; their bytes stay within
/// [`bounds::PAYLOAD_BYTES_MAX`].
pub const TRANSACTIONS_MAX: usize = bounds::ENTRIES_MAX;

/// The bytes of blocks that an answer to [`BlocksRequest`] aims at. It may be exceeded to reach the
/// next block that has a certificate of its own.
pub const BLOCKS_BYTES_AIM: usize = 1024 * 1024;

/// Blocks in an answer to [`BlocksRequest`].
pub const BLOCKS_MAX: usize = 512;

/// The longest encoding of an answer to [`BlocksRequest`].
pub const BLOCKS_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A block and the signature of the leader that proposes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The block.
    pub block: Block,
    /// The leader's signature over [`Proposal::statement`].
    pub signature: Signature,
}

impl Proposal {
    /// What the leader signs.
    #[must_use]
    pub fn statement(&self) -> Statement {
        Statement::Proposal {
            slot: self.block.header.slot,
            block: self.block.hash(),
        }
    }
}

/// A vote of the member that sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedVote {
    /// The slot.
    pub slot: Slot,
    /// The vote.
    pub vote: Vote,
    /// The sender's signature.
    pub signature: Signature,
}

/// A signature over a head by the member that sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadSignature {
    /// The height of the head.
    pub height: Height,
    /// The hash of the head.
    pub head: Hash,
    /// The sender's signature.
    pub signature: Signature,
}

/// How far a member is, so that others send it only what it lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its last finalization; `None` before the first.
    pub finalization: Option<Certificate>,
    /// The first slot it waits in.
    pub frontier: Slot,
    /// The highest head it holds a certificate of.
    pub certified: Height,
}

/// Statements in a [`Reminder`]: three votes, and three that conflict with them, a proposal, a head.
pub const REMINDED_MAX: usize = 8;

/// What a member answers to one that has started and asks what it has signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminder {
    /// The name of the question: see [`Message::Recall`].
    pub asked: Time,
    /// The finalization of the highest slot that the sender knows to be final; `None` before the
    /// first.
    pub finalization: Option<Certificate>,
    /// What the sender holds that the asker has signed: the votes of the highest open slot, the
    /// highest proposal, the highest head. At most [`REMINDED_MAX`].
    pub signed: Vec<(Statement, Signature)>,
}

/// Something one member says to another over their long-lived link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// A leader proposes, or anybody passes on what a leader proposed.
    Proposal(Proposal),
    /// The sender votes.
    Vote(SignedVote),
    /// A quorum voted.
    Certificate(Certificate),
    /// How far the sender is.
    Status(Status),
    /// The sender lacks this proposal.
    ProposalRequest(BlockRef),
    /// The sender lacks what cleared the slots of this range, ends included.
    CertificatesRequest {
        /// The first slot.
        first: Slot,
        /// The last slot.
        last: Slot,
    },
    /// The sender signs a head.
    HeadSignature(HeadSignature),
    /// A quorum signed a head.
    HeadCertificate(HeadCertificate),
    /// Transactions that users submitted to the sender.
    Transactions(Vec<Transaction>),
    /// The sender has started, at this time by its own clock, and asks what it has signed before.
    Recall(Time),
    /// The answer to [`Message::Recall`].
    Reminder(Reminder),
    /// The sender is for a list of nodes to follow when the epoch ends.
    Approval(Approval),
    /// Epochs of the shard that have begun since the one that the receiver is in, ascending. Said to
    /// those who speak in an epoch that is over.
    Changes(Vec<EpochChange>),
}

/// Epochs in a [`Message::Changes`] or a [`crate::sbac::letter::Letter::Changes`].
pub const CHANGES_MAX: usize = 4;

/// That the member that sends it is for a list of nodes to follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who is to follow.
    pub plan: Plan,
    /// The sender's signature over [`Plan::statement`].
    pub signature: Signature,
}

/// Asks for final blocks from a height on, ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlocksRequest {
    /// The first height wanted.
    pub first: Height,
}

/// What a node asks another one for that has what it lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SyncRequest {
    /// Final blocks. Answered by [`Blocks`].
    Blocks(BlocksRequest),
    /// The newest state that heads commit to. Answered by a [`model::state::Inventory`], or not at all.
    Inventory,
    /// A piece of a state. Answered by a [`model::state::Piece`], or not at all.
    Piece {
        /// The height of the state.
        height: Height,
        /// The number of the piece, from zero on.
        number: u32,
    },
}

/// Final blocks, ascending and without gaps, the last one with a certificate. Empty if the answerer
/// has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocks {
    /// The blocks.
    pub blocks: Vec<Finalized>,
}

/// A proposal whose form and client signatures have been checked, with its entries parsed.
///
/// The leader's signature has not been looked at.
#[derive(Clone, Debug)]
pub struct AdmittedBlock {
    /// The proposal as it arrived.
    pub proposal: Proposal,
    /// Its entries, in order.
    pub entries: Arc<Vec<Action>>,
}

/// A message that a replica may look at. Only [`Message::admit`] makes one from bytes of others.
#[derive(Clone, Debug)]
pub enum Admitted {
    /// See [`Message::Proposal`].
    Proposal(AdmittedBlock),
    /// See [`Message::Vote`].
    Vote(SignedVote),
    /// See [`Message::Certificate`].
    Certificate(Certificate),
    /// See [`Message::Status`].
    Status(Status),
    /// See [`Message::ProposalRequest`].
    ProposalRequest(BlockRef),
    /// See [`Message::CertificatesRequest`].
    CertificatesRequest {
        /// The first slot.
        first: Slot,
        /// The last slot.
        last: Slot,
    },
    /// See [`Message::HeadSignature`].
    HeadSignature(HeadSignature),
    /// See [`Message::HeadCertificate`].
    HeadCertificate(HeadCertificate),
    /// See [`Message::Transactions`].
    Transactions(Vec<Authorized>),
    /// See [`Message::Recall`].
    Recall(Time),
    /// See [`Message::Reminder`].
    Reminder(Reminder),
    /// See [`Message::Approval`].
    Approval(Approval),
    /// See [`Message::Changes`].
    Changes(Vec<Arc<EpochChange>>),
}

/// Why a message is not admitted. Its sender is at fault, or on another network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The bytes are not a message.
    #[error("not a message: {0}")]
    Encoding(#[from] DecodeError),
    /// The block is of another network, shard or epoch.
    #[error("the block is of another network, shard or epoch")]
    OtherScope,
    /// The payload is not the one that the header names.
    #[error("the payload of the block is not the one that its header names")]
    OtherPayload,
    /// More entries, transactions or statements than one block or message may carry.
    #[error("{found} entries, at most {limit} are allowed")]
    TooMany {
        /// The limit.
        limit: usize,
        /// What was found.
        found: usize,
    },
    /// A transaction is malformed or its signatures do not verify.
    #[error("a transaction is malformed: {0}")]
    Transaction(#[from] Malformed),
    /// What is said to be a promise of another shard is none.
    #[error("a promise of another shard is not proven: {0}")]
    Parcel(#[from] BadParcel),
    /// The list of nodes cannot follow, or too few members are for it.
    #[error("the epoch cannot end like that: {0}")]
    Ending(#[from] BadEnding),
    /// What is said of the epochs of a shard is not so.
    #[error("the epochs of a shard: {0}")]
    Change(#[from] NotAFact),
    /// Something comes after the end of the epoch.
    #[error("the end of the epoch is not the last entry of its block")]
    AfterEnd,
    /// The blocks have gaps, do not extend what was asked for, or end without a certificate.
    #[error("the blocks do not form a chain that ends in a certificate")]
    NotAChain,
}

/// Checks signatures of users and of other shards.
///
/// A trait, so that a node can check many in one batch and remember those it has seen.
pub trait Checks {
    /// For each transaction, it with its signatures checked, or the first thing wrong with them.
    fn authorize(&mut self, transactions: Vec<WellFormed>) -> Vec<Result<Authorized, Malformed>>;

    /// Whether `needed` members of `committee` signed the head of the parcel.
    ///
    /// # Errors
    ///
    /// [`BadParcel::Head`].
    fn certified(
        &mut self,
        parcel: &Parcel,
        committee: &Committee,
        needed: usize,
    ) -> Result<(), BadParcel>;

    /// Whether `key` signed the message. For what is rare, and not worth remembering.
    fn signed(&mut self) -> &mut dyn SignatureCheck;
}

/// Checks each signature by itself.
impl<T: model::SignatureCheck> Checks for T {
    fn authorize(&mut self, transactions: Vec<WellFormed>) -> Vec<Result<Authorized, Malformed>> {
        transactions
            .into_iter()
            .map(|transaction| transaction.verify(self))
            .collect()
    }

    fn certified(
        &mut self,
        parcel: &Parcel,
        committee: &Committee,
        needed: usize,
    ) -> Result<(), BadParcel> {
        parcel.check_head(committee, needed, self)
    }

    fn signed(&mut self) -> &mut dyn SignatureCheck {
        self
    }
}

impl Message {
    /// The message in these bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if they are not a canonical encoding or longer than [`MESSAGE_BYTES_MAX`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        encoding::decode(bytes, MESSAGE_BYTES_MAX)
    }

    /// The canonical encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// The message in these bytes, and the epoch in which its sender speaks.
    ///
    /// # Errors
    ///
    /// As [`Message::decode`].
    pub fn decode_in(bytes: &[u8]) -> Result<(Epoch, Self), DecodeError> {
        encoding::decode(bytes, MESSAGE_BYTES_MAX)
    }

    /// The canonical encoding, with the epoch in which this is said: no signature of one epoch says
    /// anything in another, and not all members begin one at the same moment.
    #[must_use]
    pub fn encode_in(&self, epoch: Epoch) -> Vec<u8> {
        encoding::encode(&(epoch, self))
    }

    /// Checks all that needs no state of the agreement.
    ///
    /// # Errors
    ///
    /// [`Refused`] says what is wrong. One bad transaction spoils a proposal; transactions that
    /// are passed on are admitted one by one.
    pub fn admit(self, shards: &Shards, checks: &mut impl Checks) -> Result<Admitted, Refused> {
        Ok(match self {
            Self::Proposal(proposal) => {
                Admitted::Proposal(admit_proposal(proposal, shards, checks)?)
            }
            Self::Vote(vote) => Admitted::Vote(vote),
            Self::Certificate(certificate) => Admitted::Certificate(certificate),
            Self::Status(status) => Admitted::Status(status),
            Self::ProposalRequest(block) => Admitted::ProposalRequest(block),
            Self::CertificatesRequest { first, last } => {
                Admitted::CertificatesRequest { first, last }
            }
            Self::HeadSignature(signature) => Admitted::HeadSignature(signature),
            Self::HeadCertificate(certificate) => Admitted::HeadCertificate(certificate),
            Self::Transactions(transactions) => {
                limit(transactions.len(), TRANSACTIONS_MAX)?;
                let well_formed = transactions
                    .into_iter()
                    .filter_map(|transaction| transaction.check_form(&shards.scope().network).ok())
                    .collect();
                let authorized = checks
                    .authorize(well_formed)
                    .into_iter()
                    .flatten()
                    .collect();
                Admitted::Transactions(authorized)
            }
            Self::Recall(name) => Admitted::Recall(name),
            Self::Reminder(reminder) => {
                limit(reminder.signed.len(), REMINDED_MAX)?;
                Admitted::Reminder(reminder)
            }
            Self::Approval(approval) => {
                let network = shards.scope().network;
                let check = &mut checks.signed();
                approval.plan.check(network, shards.record(), check)?;
                Admitted::Approval(approval)
            }
            Self::Changes(changes) => Admitted::Changes(admit_changes(changes, shards, checks)?),
        })
    }
}

/// The changes that are news, each checked against those before it.
pub(crate) fn admit_changes(
    changes: Vec<EpochChange>,
    shards: &Shards,
    checks: &mut impl Checks,
) -> Result<Vec<Arc<EpochChange>>, Refused> {
    limit(changes.len(), CHANGES_MAX)?;
    let mut directory = shards.directory().clone();
    let mut news = Vec::new();
    for change in changes.into_iter().map(Arc::new) {
        if directory.learn(&change, &mut checks.signed())? {
            news.push(change);
        }
    }
    Ok(news)
}

fn admit_proposal(
    proposal: Proposal,
    shards: &Shards,
    checks: &mut impl Checks,
) -> Result<AdmittedBlock, Refused> {
    if proposal.block.header.scope != *shards.scope() {
        return Err(Refused::OtherScope);
    }
    if !proposal.block.is_whole() {
        return Err(Refused::OtherPayload);
    }
    let formed = well_formed_entries(&proposal.block, shards)?;
    let mut transactions = Vec::new();
    // What an entry says of the epochs of another shard holds for those after it.
    let mut shards = Cow::Borrowed(shards);
    for entry in &formed {
        match entry {
            Formed::Prepare(transaction) => transactions.push(transaction.clone()),
            Formed::Deliver(delivery) => check_delivery(delivery, &shards, checks)?,
            Formed::Change(change) => {
                // What the members agree on is what counts, even if others were told something else.
                let directory = shards.to_mut().directory_mut();
                directory.overrule_checked(change, &mut checks.signed())?;
            }
            Formed::Found(record) => {
                let known = shards.directory().record(record.shard, Epoch::ZERO);
                if known != Some(&**record) {
                    return Err(NotAFact::UnknownShard(record.shard).into());
                }
            }
            Formed::End(ending) => {
                let check = &mut checks.signed();
                ending.check(shards.record(), shards.ours(), check)?;
            }
        }
    }
    let mut authorized = checks.authorize(transactions).into_iter();
    let entries = formed.into_iter().map(|entry| match entry {
        Formed::Prepare(_) => {
            let transaction = authorized.next().expect("one verdict for each")?;
            Ok(Action::Prepare(transaction))
        }
        Formed::Deliver(delivery) => Ok(Action::Deliver(delivery)),
        Formed::Change(change) => Ok(Action::Change(change)),
        Formed::End(ending) => Ok(Action::End(ending)),
        Formed::Found(record) => Ok(Action::Found(record)),
    });
    let entries = entries.collect::<Result<Vec<_>, Refused>>()?;
    Ok(AdmittedBlock {
        proposal,
        entries: Arc::new(entries),
    })
}

/// An entry whose form has been checked.
enum Formed {
    Prepare(WellFormed),
    Deliver(Arc<Delivery>),
    Change(Arc<EpochChange>),
    End(Arc<Ending>),
    Found(Arc<ShardRecord>),
}

/// The entries of a block, their form checked.
fn well_formed_entries(block: &Block, shards: &Shards) -> Result<Vec<Formed>, Refused> {
    let entries = decode_entries(&block.payload)?;
    limit(entries.len(), bounds::ENTRIES_MAX)?;
    let scope = shards.scope();
    let end = entries
        .iter()
        .position(|entry| matches!(entry, Entry::End(_)));
    if end.is_some_and(|end| end + 1 < entries.len()) {
        return Err(Refused::AfterEnd);
    }
    entries
        .into_iter()
        .map(|entry| match entry {
            Entry::Prepare(transaction) => {
                Ok(Formed::Prepare(transaction.check_form(&scope.network)?))
            }
            Entry::Deliver(delivery) => {
                delivery.check_form(scope.shard)?;
                Ok(Formed::Deliver(Arc::new(delivery)))
            }
            Entry::Change(change) if change.next.shard == scope.shard => {
                Err(Refused::Change(NotAFact::UnknownShard(scope.shard)))
            }
            Entry::Change(change) => Ok(Formed::Change(Arc::new(change))),
            Entry::Found(record) if record.shard == scope.shard || record.epoch > Epoch::ZERO => {
                Err(Refused::Change(NotAFact::UnknownShard(record.shard)))
            }
            Entry::Found(record) => Ok(Formed::Found(Arc::new(record))),
            Entry::End(ending) => Ok(Formed::End(Arc::new(ending))),
        })
        .collect()
}

/// The entries of a block that a quorum finalized: an honest member has checked each signature, so
/// they are not checked again.
///
/// # Errors
///
/// [`Refused`] if the payload is not what an honest member votes for; then the shard is dishonest.
pub fn entries_of_final(block: &Block, shards: &Shards) -> Result<Vec<Action>, Refused> {
    let formed = well_formed_entries(block, shards)?.into_iter();
    let actions = formed.map(|entry| match entry {
        Formed::Prepare(transaction) => Action::Prepare(transaction.trust()),
        Formed::Deliver(delivery) => Action::Deliver(delivery),
        Formed::Change(change) => Action::Change(change),
        Formed::End(ending) => Action::End(ending),
        Formed::Found(record) => Action::Found(record),
    });
    Ok(actions.collect())
}

pub(crate) const fn limit(found: usize, limit: usize) -> Result<(), Refused> {
    if found > limit {
        return Err(Refused::TooMany { limit, found });
    }
    Ok(())
}
