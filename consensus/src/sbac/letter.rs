//! What members of different shards tell each other.
//!
//! A [`Letter`] is what arrives; [`Letter::admit`] checks all that needs no state. It may get lost, and
//! it may be repeated by anybody: what is in it counts because a shard promised it, or because users
//! signed it.

use std::sync::Arc;

use model::bounds;
use model::encoding::{self, DecodeError};
use model::outbox::BadParcel;
use model::transaction::Authorized;
use model::{
    Delivery, Epoch, EpochChange, HeadCertificate, NodeId, Parcel, ShardId, SignedHead,
    Transaction, TransactionId,
};
use serde::{Deserialize, Serialize};

use crate::message::{Checks, Refused, admit_changes, limit};
use crate::shards::Shards;

/// The longest encoding of a [`Letter`].
pub const LETTER_BYTES_MAX: usize = 192 * 1024;

/// The bytes at which a letter is closed and another one begun.
pub const LETTER_BYTES_AIM: usize = 96 * 1024;

/// Deliveries in a letter, transactions that are asked for, and transactions that are sent.
pub const LETTER_ITEMS_MAX: usize = 256;

/// Something that a member of one shard tells members of another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Letter {
    /// Promises of the sender's shard.
    Deliver(Vec<Delivery>),
    /// The sender has heard of these transactions, and does not have them.
    Ask(Vec<TransactionId>),
    /// Transactions that concern the shard they are sent to.
    Transactions(Vec<Transaction>),
    /// Epochs of a shard that have begun, ascending.
    Changes(Vec<EpochChange>),
    /// The sender was shown something of an epoch of a shard that it does not know.
    AskChanges {
        /// The shard.
        shard: ShardId,
        /// The last epoch of it that the sender knows.
        known: Epoch,
    },
}

/// A letter that a replica may look at.
#[derive(Clone, Debug)]
pub enum AdmittedLetter {
    /// See [`Letter::Deliver`].
    Deliver(Vec<Arc<Delivery>>),
    /// See [`Letter::Ask`].
    Ask(Vec<TransactionId>),
    /// See [`Letter::Transactions`].
    Transactions(Vec<Authorized>),
    /// See [`Letter::Changes`]. Those that are news.
    Changes(Vec<Arc<EpochChange>>),
    /// See [`Letter::AskChanges`].
    AskChanges {
        /// The shard.
        shard: ShardId,
        /// The last epoch of it that the sender knows.
        known: Epoch,
    },
    /// A [`Letter::Deliver`] that cannot be checked, because it has something of an epoch that is not
    /// known here.
    Ahead {
        /// The shard that is in that epoch.
        shard: ShardId,
        /// The last epoch of it that is known.
        known: Epoch,
    },
    /// A [`Letter::Deliver`] that is refused. Whoever signed the head in it has said something all the
    /// same, which nobody may ever take for what the shard says.
    Unproven {
        /// Those who signed the head, each with what it signed. There is somebody.
        signed: Vec<(NodeId, SignedHead)>,
        /// Why it is refused.
        reason: BadParcel,
    },
}

impl Letter {
    /// The letter in these bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if they are not a canonical encoding or longer than [`LETTER_BYTES_MAX`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        encoding::decode(bytes, LETTER_BYTES_MAX)
    }

    /// The canonical encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// Checks all that needs no state.
    ///
    /// # Errors
    ///
    /// [`Refused`] says what is wrong. One bad delivery spoils the letter, for an honest member sends
    /// none; transactions are admitted one by one.
    pub fn admit(
        self,
        shards: &Shards,
        checks: &mut impl Checks,
    ) -> Result<AdmittedLetter, Refused> {
        Ok(match self {
            Self::Deliver(deliveries) => {
                limit(deliveries.len(), LETTER_ITEMS_MAX)?;
                let mut admitted = Vec::with_capacity(deliveries.len());
                for delivery in deliveries {
                    match check_delivery(&delivery, shards, checks) {
                        Ok(()) => admitted.push(Arc::new(delivery)),
                        Err(BadParcel::Ahead { shard, known }) => {
                            return Ok(AdmittedLetter::Ahead { shard, known });
                        }
                        Err(reason) => return unproven(&delivery, reason, shards, checks),
                    }
                }
                AdmittedLetter::Deliver(admitted)
            }
            Self::Ask(transactions) => {
                limit(transactions.len(), LETTER_ITEMS_MAX)?;
                AdmittedLetter::Ask(transactions)
            }
            Self::Transactions(transactions) => {
                limit(transactions.len(), LETTER_ITEMS_MAX)?;
                let network = &shards.scope().network;
                let well_formed = transactions
                    .into_iter()
                    .filter_map(|transaction| transaction.check_form(network).ok())
                    .collect();
                let authorized = checks.authorize(well_formed).into_iter().flatten();
                AdmittedLetter::Transactions(authorized.collect())
            }
            Self::Changes(changes) => {
                AdmittedLetter::Changes(admit_changes(changes, shards, checks)?)
            }
            Self::AskChanges { shard, known } => AdmittedLetter::AskChanges { shard, known },
        })
    }
}

/// Checks that a delivery brings promises of other shards to ours.
pub(crate) fn check_delivery(
    delivery: &Delivery,
    shards: &Shards,
    checks: &mut impl Checks,
) -> Result<(), BadParcel> {
    delivery.check_form(shards.scope().shard)?;
    let mut parcels = delivery.parcels();
    parcels.try_for_each(|parcel| check_parcel(parcel, shards, checks))
}

fn check_parcel(
    parcel: &Parcel,
    shards: &Shards,
    checks: &mut impl Checks,
) -> Result<(), BadParcel> {
    let (committee, needed) = shards.believed(parcel)?;
    checks.certified(parcel, committee, needed)
}

/// What is left of a delivery that is refused: who signed the first head that is to blame.
fn unproven(
    delivery: &Delivery,
    reason: BadParcel,
    shards: &Shards,
    checks: &mut impl Checks,
) -> Result<AdmittedLetter, Refused> {
    let mut parcels = delivery.parcels();
    let refused = parcels.find(|parcel| check_parcel(parcel, shards, checks) == Err(reason));
    let signed = match (reason, refused) {
        (BadParcel::Head(_) | BadParcel::AfterEnd, Some(parcel)) => {
            signers(&parcel.head, shards, checks)
        }
        _ => Vec::new(),
    };
    if signed.is_empty() {
        return Err(reason.into());
    }
    Ok(AdmittedLetter::Unproven { signed, reason })
}

/// Those who signed a head, up to the first who did not: a stranger's signature costs one check.
fn signers(
    certified: &HeadCertificate,
    shards: &Shards,
    checks: &mut impl Checks,
) -> Vec<(NodeId, SignedHead)> {
    let scope = &certified.head.scope;
    let committee = shards.directory().committee(scope.shard, scope.epoch);
    let Some(committee) = committee.filter(|committee| committee.scope() == scope) else {
        return Vec::new();
    };
    let signatures = &certified.certificate.signatures;
    if !signatures.is_sorted_by(|(a, _), (b, _)| a < b) {
        return Vec::new();
    }
    let signed = signatures.iter().map_while(|(seat, _)| {
        let node = committee.member(*seat)?;
        let head = SignedHead::of(certified, *seat)?;
        let genuine = head.verify(node.key(), &mut checks.signed());
        genuine.then_some((node, head))
    });
    signed.collect()
}

/// Puts deliveries into as few letters as they fit into.
pub(super) fn letters(deliveries: Vec<Delivery>) -> Vec<Letter> {
    let mut letters = Vec::new();
    let mut batch = Vec::new();
    let mut bytes = 0;
    for delivery in deliveries {
        let more: usize = delivery.parcels().map(estimate).sum();
        let full = bytes + more > LETTER_BYTES_AIM || batch.len() == LETTER_ITEMS_MAX;
        if full && !batch.is_empty() {
            letters.push(Letter::Deliver(std::mem::take(&mut batch)));
            bytes = 0;
        }
        bytes += more;
        batch.push(delivery);
    }
    if !batch.is_empty() {
        letters.push(Letter::Deliver(batch));
    }
    letters
}

/// No fewer bytes than the encoding of a parcel has.
pub(crate) fn estimate(parcel: &Parcel) -> usize {
    /// A head, a statement, and what goes around them.
    const FIXED: usize = 512;
    /// A seat, a signature and what goes around them.
    const SIGNATURE: usize = 80;
    /// A leaf: the longest reason to abort has three hashes and a procedure's worth of tags.
    const LEAF: usize = 200;
    let signatures = parcel.head.certificate.signatures.len();
    let hashes = parcel.proof.path.len();
    FIXED + signatures * SIGNATURE + parcel.leaves.len() * LEAF + hashes * 40
}

/// Transactions in letters that are not too long.
pub(crate) fn transactions(bodies: Vec<Transaction>) -> Vec<Letter> {
    let mut letters = Vec::new();
    let mut batch = Vec::new();
    let mut bytes = 0;
    for body in bodies {
        let more = encoding::encode(&body).len();
        debug_assert!(more <= bounds::TRANSACTION_BYTES_MAX);
        if bytes + more > LETTER_BYTES_AIM && !batch.is_empty() {
            letters.push(Letter::Transactions(std::mem::take(&mut batch)));
            bytes = 0;
        }
        bytes += more;
        batch.push(body);
    }
    if !batch.is_empty() {
        letters.push(Letter::Transactions(batch));
    }
    letters
}
