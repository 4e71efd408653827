//! Checking the signatures of users: many at once, and each once.
//!
//! A transaction reaches a node several times: from members that pass it on, and in a proposal. Its
//! signatures cost more than everything else about it, so what has been checked is remembered.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use consensus::message::Checks;
use model::hash::hash_value;
use model::key::{Batch, Zip215};
use model::outbox::BadParcel;
use model::transaction::{Authorized, Malformed, WellFormed, authorization_bytes};
use model::{Authorization, Committee, Hash, Parcel, PublicKey, Signature, SignatureCheck};
use model::{Tag, TransactionId};

use super::meter::Meter;

/// Signatures that are remembered, at least; twice as many at most. It is more than the pool of the
/// agreement has transactions, and holds about 15 MB.
const SIGNATURES_MAX: usize = 32 * 1024;

/// Heads of other shards that are remembered, at least; twice as many at most.
const HEADS_MAX: usize = 4 * 1024;

/// Transactions whose signatures were checked, each with exactly the signatures that were.
///
/// The identifier alone would not do: it does not cover the signatures, and a transaction counts as
/// agreed to by whoever signed *this* copy of it.
pub(super) struct Memo {
    recent: HashMap<TransactionId, Vec<Authorization>>,
    older: HashMap<TransactionId, Vec<Authorization>>,
    /// Signatures in `recent`.
    held: usize,
    /// Certificates of heads of other shards that were checked, each with the number of signatures
    /// that it was to have, by the hash of all of it.
    heads: HashSet<Hash>,
    older_heads: HashSet<Hash>,
    /// For what is rare, and not worth remembering.
    plain: Zip215,
    meter: Arc<Meter>,
}

impl Memo {
    /// Nothing is known yet. Signatures that are checked are counted.
    pub(super) fn new(meter: Arc<Meter>) -> Self {
        Self {
            recent: HashMap::new(),
            older: HashMap::new(),
            held: 0,
            heads: HashSet::new(),
            older_heads: HashSet::new(),
            plain: Zip215,
            meter,
        }
    }

    fn knows(&self, transaction: &WellFormed) -> bool {
        let id = transaction.id();
        let known = self.recent.get(&id).or_else(|| self.older.get(&id));
        known.is_some_and(|known| *known == transaction.transaction().authorizations)
    }

    fn remember(&mut self, transaction: &WellFormed) {
        let authorizations = transaction.transaction().authorizations.clone();
        self.held += authorizations.len().max(1);
        self.recent.insert(transaction.id(), authorizations);
        if self.held >= SIGNATURES_MAX {
            self.older = std::mem::take(&mut self.recent);
            self.held = 0;
        }
    }

    /// Checks in one batch the signatures of transactions that are not known, and remembers them all if
    /// all verify. Of several copies of one transaction it looks at the first.
    fn check_unknown(&mut self, transactions: &[WellFormed]) {
        let mut batch = Batch::new();
        let mut seen = HashSet::new();
        let mut unknown = Vec::new();
        for transaction in transactions {
            if !self.knows(transaction) && seen.insert(transaction.id()) {
                queue(&mut batch, transaction);
                unknown.push(transaction);
            }
        }
        self.meter.signatures.add(batch.len());
        if batch.verify_all() {
            for transaction in unknown {
                self.remember(transaction);
            }
        }
    }

    /// Checks the signatures of a transaction up to the first that does not verify: who makes one up could
    /// have made up all of them, and the others would be checked for nothing.
    fn check_alone(&mut self, transaction: WellFormed) -> Result<Authorized, Malformed> {
        let authorized = transaction.clone().verify(&mut Counting(&self.meter))?;
        // Of several copies the first is remembered.
        if !self.recent.contains_key(&transaction.id()) {
            self.remember(&transaction);
        }
        Ok(authorized)
    }
}

fn queue(batch: &mut Batch, transaction: &WellFormed) {
    let message = authorization_bytes(&transaction.id());
    for Authorization { key, signature } in &transaction.transaction().authorizations {
        batch.queue(key, &message, signature);
    }
}

/// Counts the signatures that it checks.
struct Counting<'a>(&'a Meter);

impl SignatureCheck for Counting<'_> {
    fn check(&mut self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        self.0.signatures.increment();
        Zip215.check(key, message, signature)
    }
}

impl Checks for Memo {
    fn signed(&mut self) -> &mut dyn SignatureCheck {
        &mut self.plain
    }

    fn authorize(&mut self, transactions: Vec<WellFormed>) -> Vec<Result<Authorized, Malformed>> {
        self.check_unknown(&transactions);
        let authorize = |transaction: WellFormed| {
            if self.knows(&transaction) {
                Ok(transaction.trust())
            } else {
                // Something in the batch is bad, or this is another copy of one that is not.
                self.check_alone(transaction)
            }
        };
        transactions.into_iter().map(authorize).collect()
    }

    /// A head comes with each parcel that is under it, from each initiator, and in a proposal.
    fn certified(
        &mut self,
        parcel: &Parcel,
        committee: &Committee,
        needed: usize,
    ) -> Result<(), BadParcel> {
        let name = hash_value(Tag::Outbox, &(&parcel.head, needed as u64));
        if self.heads.contains(&name) || self.older_heads.contains(&name) {
            return Ok(());
        }
        parcel.check_head(committee, needed, &mut Counting(&self.meter))?;
        self.heads.insert(name);
        if self.heads.len() >= HEADS_MAX {
            self.older_heads = std::mem::take(&mut self.heads);
        }
        Ok(())
    }
}
