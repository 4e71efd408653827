//! Transactions: the atomic application of one or more procedures.
//!
//! Paper: Section III. A transaction is one-shot (decision D3): its identifier covers a nonce and a
//! deadline, it is decided at most once, and trying again means a new nonce. Users sign the
//! identifier (decision D4), so no trace can be cut out of a signed transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bounds;
use crate::encoding;
use crate::hash::{Tag, hash_value};
use crate::id::{NetworkId, ObjectId, ShardId, TransactionId};
use crate::key::{PublicKey, SecretKey, Signature, SignatureCheck};
use crate::object::Object;
use crate::placement::{Flow, Footprint};
use crate::time::Time;
use crate::trace::Trace;

/// What makes two transactions with the same traces different.
pub type Nonce = [u8; 16];

/// How the concerned shards come to a decision (decision D9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Every concerned shard derives the decision from all votes.
    ///
    /// Paper: Section IV-C.
    AllVotes,
    /// One shard votes last and decides. Deviation: D-2.
    Decider(ShardId),
}

/// The part of a transaction that its identifier covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionBody {
    /// The network that the transaction is for.
    pub network: NetworkId,
    /// Chosen at random by the user.
    pub nonce: Nonce,
    /// The last block time at which a shard may prepare it.
    pub valid_until: Time,
    /// How it is decided.
    pub mode: Mode,
    /// The shards that vote on it, ascending: exactly [`placement::participants`].
    pub participants: Vec<ShardId>,
    /// What it does.
    pub traces: Vec<Trace>,
}

impl TransactionBody {
    /// The identifier of the transaction.
    #[must_use]
    pub fn id(&self) -> TransactionId {
        TransactionId::from_hash(hash_value(Tag::Transaction, self))
    }
}

/// A user's consent to a transaction: a signature over [`authorization_bytes`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// The user's key.
    pub key: PublicKey,
    /// The signature.
    pub signature: Signature,
}

impl Authorization {
    /// The consent of the owner of `key` to the transaction `id`.
    #[must_use]
    pub fn new(key: &SecretKey, id: &TransactionId) -> Self {
        Self {
            key: key.public(),
            signature: key.sign(&authorization_bytes(id)),
        }
    }

    /// Whether this is really the key's consent to the transaction `id`.
    pub fn verify(&self, id: &TransactionId, check: &mut impl SignatureCheck) -> bool {
        check.check(&self.key, &authorization_bytes(id), &self.signature)
    }
}

/// The bytes that a user signs: a domain of their own, then the identifier, which binds the network.
#[must_use]
pub fn authorization_bytes(id: &TransactionId) -> Vec<u8> {
    let mut bytes = b"chainspace/v1/authorization|".to_vec();
    bytes.extend_from_slice(id.as_bytes());
    bytes
}

/// A transaction as it is submitted.
///
/// Openings and authorizations are beside the body: the first are determined by it, the second are
/// verified, so neither gives the transaction a second identifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// What is identified and signed.
    pub body: TransactionBody,
    /// The objects that the traces use and do not create (the free variables, zeta \ xi), ascending
    /// by identifier.
    pub openings: Vec<Object>,
    /// Who agreed, ascending by key.
    pub authorizations: Vec<Authorization>,
}

/// Why a transaction is not even well-formed. Nothing is recorded about such a transaction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It names another network.
    #[error("the transaction is for network {found}, this is network {expected}")]
    OtherNetwork {
        /// This network.
        expected: NetworkId,
        /// The network it names.
        found: NetworkId,
    },
    /// It is larger than a limit of [`crate::bounds`].
    #[error("the transaction has {found} {what}, at most {limit} are allowed")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// What was found.
        found: usize,
    },
    /// It has no trace, so there is nothing to do.
    #[error("the transaction has no trace")]
    Empty,
    /// Its openings are not exactly the objects it uses and does not create, in order.
    #[error(
        "the openings of the transaction do not match the objects that its traces use: {what} {object}"
    )]
    Openings {
        /// What is wrong with the object: missing, unused or out of order.
        what: &'static str,
        /// The object.
        object: ObjectId,
    },
    /// The participants are not exactly the shards concerned.
    #[error("the transaction names participants {declared:?}, its objects concern {derived:?}")]
    Participants {
        /// What it says.
        declared: Vec<ShardId>,
        /// What follows from its traces.
        derived: Vec<ShardId>,
    },
    /// The authorizations are not strictly ascending by key.
    #[error("the authorizations of the transaction are not strictly ascending by key")]
    Authorizations,
    /// A signature is not the key's signature over this transaction.
    #[error("the signature of key {key} does not verify")]
    BadSignature {
        /// The key.
        key: PublicKey,
    },
}

/// A transaction whose form has been checked. Only [`Transaction::check_form`] makes one.
///
/// Its signatures have not been looked at: see [`WellFormed::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WellFormed {
    checked: Arc<Checked>,
}

/// A transaction and what its form has come to.
#[derive(Debug, PartialEq, Eq)]
struct Checked {
    transaction: Transaction,
    id: TransactionId,
    encoded_len: usize,
    footprint: Footprint,
}

/// A transaction whose form and signatures have been checked. Only [`WellFormed::verify`] and
/// [`WellFormed::trust`] make one. A clone shares the transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorized {
    checked: Arc<Checked>,
}

impl Transaction {
    /// Checks all that can be checked without state, signatures or contracts.
    ///
    /// # Errors
    ///
    /// The first rule that is broken, in the order of [`Malformed`].
    pub fn check_form(self, network: &NetworkId) -> Result<WellFormed, Malformed> {
        if self.body.network != *network {
            return Err(Malformed::OtherNetwork {
                expected: *network,
                found: self.body.network,
            });
        }
        let encoded_len = self.check_size()?;
        let flow = Flow::of(&self.body);
        let openings = self.check_openings(&flow)?;
        let (footprint, derived) = flow.footprint(self.body.mode, &openings);
        self.check_participants(derived)?;
        if !self.authorizations.is_sorted_by(|a, b| a.key < b.key) {
            return Err(Malformed::Authorizations);
        }
        let id = self.body.id();
        let checked = Checked {
            transaction: self,
            id,
            encoded_len,
            footprint,
        };
        Ok(WellFormed {
            checked: Arc::new(checked),
        })
    }

    /// Checks all limits. The length of the encoding, in bytes.
    fn check_size(&self) -> Result<usize, Malformed> {
        let encoded_len = encoding::encode(self).len();
        let mut count = Count::default();
        count.add(&self.body.traces, 1);
        if count.traces == 0 {
            return Err(Malformed::Empty);
        }
        for object in &self.openings {
            count.name = count.name.max(object.object_type.name.len());
        }
        let limits = [
            ("traces", bounds::TRACES_MAX, count.traces),
            (
                "levels of dependencies",
                bounds::DEPENDENCY_DEPTH_MAX,
                count.depth,
            ),
            ("objects", bounds::OBJECTS_MAX, count.objects),
            ("bytes in a name", bounds::NAME_BYTES_MAX, count.name),
            (
                "participants",
                bounds::PARTICIPANTS_MAX,
                self.body.participants.len(),
            ),
            (
                "authorizations",
                bounds::AUTHORIZATIONS_MAX,
                self.authorizations.len(),
            ),
            ("openings", bounds::OBJECTS_MAX, self.openings.len()),
            ("bytes", bounds::TRANSACTION_BYTES_MAX, encoded_len),
        ];
        for (what, limit, found) in limits {
            if found > limit {
                return Err(Malformed::TooMuch { what, limit, found });
            }
        }
        Ok(encoded_len)
    }

    /// The openings by identifier, if they are exactly the free objects of the traces.
    fn check_openings(&self, flow: &Flow) -> Result<BTreeMap<ObjectId, &Object>, Malformed> {
        let mut openings = BTreeMap::new();
        for object in &self.openings {
            let id = object.id();
            if openings
                .last_key_value()
                .is_some_and(|(last, _)| *last >= id)
            {
                return Err(Malformed::Openings {
                    what: "out of order is",
                    object: id,
                });
            }
            openings.insert(id, object);
        }
        let free = flow.free();
        if let Some(object) = free.iter().find(|id| !openings.contains_key(id)) {
            return Err(Malformed::Openings {
                what: "missing is",
                object: *object,
            });
        }
        if let Some(object) = openings.keys().find(|id| !free.contains(id)) {
            return Err(Malformed::Openings {
                what: "unused is",
                object: *object,
            });
        }
        Ok(openings)
    }

    fn check_participants(&self, derived: BTreeSet<ShardId>) -> Result<(), Malformed> {
        if derived.iter().ne(&self.body.participants) {
            return Err(Malformed::Participants {
                declared: self.body.participants.clone(),
                derived: derived.into_iter().collect(),
            });
        }
        Ok(())
    }
}

/// What a list of traces amounts to, for [`Transaction::check_form`].
#[derive(Default)]
struct Count {
    traces: usize,
    depth: usize,
    objects: usize,
    name: usize,
}

impl Count {
    fn add(&mut self, traces: &[Trace], depth: usize) {
        for trace in traces {
            self.traces += 1;
            self.depth = self.depth.max(depth);
            self.objects += trace.inputs.len() + trace.references.len() + trace.outputs.len();
            self.name = self.name.max(trace.procedure.len());
            for output in &trace.outputs {
                self.name = self.name.max(output.type_name.len());
            }
            self.add(&trace.dependencies, depth + 1);
        }
    }
}

impl WellFormed {
    /// The transaction's identifier.
    #[must_use]
    pub fn id(&self) -> TransactionId {
        self.checked.id
    }

    /// The transaction.
    #[must_use]
    pub fn transaction(&self) -> &Transaction {
        &self.checked.transaction
    }

    /// Checks every signature.
    ///
    /// # Errors
    ///
    /// [`Malformed::BadSignature`] names the first key whose signature does not verify.
    pub fn verify(self, check: &mut impl SignatureCheck) -> Result<Authorized, Malformed> {
        for authorization in &self.checked.transaction.authorizations {
            if !authorization.verify(&self.checked.id, check) {
                return Err(Malformed::BadSignature {
                    key: authorization.key,
                });
            }
        }
        Ok(self.trust())
    }

    /// Takes the signatures for checked: for a caller that checked them in a batch, and for blocks
    /// that a quorum has finalized, of which an honest node checked each signature before it voted.
    #[must_use]
    pub fn trust(self) -> Authorized {
        Authorized {
            checked: self.checked,
        }
    }
}

impl Authorized {
    /// The transaction's identifier.
    #[must_use]
    pub fn id(&self) -> TransactionId {
        self.checked.id
    }

    /// The length of the transaction's canonical encoding, in bytes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.checked.encoded_len
    }

    /// What was signed.
    #[must_use]
    pub fn body(&self) -> &TransactionBody {
        &self.checked.transaction.body
    }

    /// The transaction.
    #[must_use]
    pub fn transaction(&self) -> &Transaction {
        &self.checked.transaction
    }

    /// What it touches.
    #[must_use]
    pub fn footprint(&self) -> &Footprint {
        &self.checked.footprint
    }

    /// Whether it concerns this shard and no other one (decision D11).
    #[must_use]
    pub fn is_alone(&self, shard: ShardId) -> bool {
        self.body().participants == [shard]
    }

    /// The keys that agreed.
    #[must_use]
    pub fn signers(&self) -> BTreeSet<PublicKey> {
        self.checked
            .transaction
            .authorizations
            .iter()
            .map(|authorization| authorization.key)
            .collect()
    }
}
