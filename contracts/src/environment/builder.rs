//! From calls to traces to a transaction.
//!
//! ```text
//! Calls::new -> call, call, ... -> draft -> sign, sign, ... -> finish
//! ```
//!
//! The traces of a transaction are the calls in the order they were made, and the dependencies of a
//! trace are the calls that its procedure made while it ran: dependencies first, at every depth.
//!
//! Paper: Section III, Representation of Transactions: "a user executes on the client side all the
//! smart contract procedures".

use std::collections::BTreeMap;

use model::transaction::{Malformed, WellFormed};
use model::{
    Authorization, Mode, NetworkId, Nonce, Object, ObjectId, PublicKey, SecretKey, Time, Trace,
    Transaction, TransactionBody, TransactionId, encoding, placement,
};

use super::procedure::{Arguments, Procedure, Returned, Secret};

/// The calls made by one caller: by the user, for a transaction, or by a procedure.
pub struct Calls {
    network: NetworkId,
    traces: Vec<Trace>,
    used: BTreeMap<ObjectId, Object>,
}

/// What a call came to. Its trace is kept by the [`Calls`] that made it.
pub struct Called<P: Procedure> {
    /// `x`: the objects that are created, which later calls may use.
    pub outputs: Vec<Object>,
    /// `lret`.
    pub local_returns: P::LocalReturns,
    /// `sret`.
    pub secret_returns: Secret<P::SecretReturns>,
}

/// What a transaction is besides its traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Drawn at random, anew for each attempt.
    pub nonce: Nonce,
    /// The last block time at which a shard may prepare the transaction.
    pub valid_until: Time,
    /// How it is decided.
    pub mode: Mode,
}

impl Calls {
    /// No calls yet, on `network`.
    #[must_use]
    pub const fn new(network: NetworkId) -> Self {
        Self {
            network,
            traces: Vec::new(),
            used: BTreeMap::new(),
        }
    }

    /// The network that the calls are for.
    #[must_use]
    pub const fn network(&self) -> NetworkId {
        self.network
    }

    /// Runs a procedure and keeps its trace.
    ///
    /// # Errors
    ///
    /// The procedure's own; then nothing is kept.
    ///
    /// Paper: Section II-A, Equation 1.
    pub fn call<P: Procedure>(
        &mut self,
        procedure: &P,
        arguments: Arguments<P>,
    ) -> Result<Called<P>, P::Error> {
        let mut below = Self::new(self.network);
        let returned = procedure.run(&arguments, &mut below)?;
        let Arguments {
            inputs,
            references,
            local_parameters,
            secret_parameters: _, // a trace holds no secret
        } = arguments;
        let Returned {
            outputs,
            local_returns,
            secret_returns,
        } = returned;

        self.used.append(&mut below.used);
        let trace = Trace {
            contract: procedure.contract(),
            procedure: P::NAME.to_owned(),
            inputs: self.note(inputs),
            references: self.note(references),
            outputs,
            local_parameters: encoding::encode(&local_parameters).into(),
            local_returns: encoding::encode(&local_returns).into(),
            dependencies: below.traces,
        };
        let outputs = trace.objects(trace.id(&self.network)).collect();
        self.traces.push(trace);
        Ok(Called {
            outputs,
            local_returns,
            secret_returns,
        })
    }

    /// Keeps objects for the openings, and returns their identifiers.
    fn note(&mut self, objects: Vec<Object>) -> Vec<ObjectId> {
        objects
            .into_iter()
            .map(|object| {
                let id = object.id();
                self.used.insert(id, object);
                id
            })
            .collect()
    }

    /// The transaction that these calls make, ready to be signed.
    #[must_use]
    pub fn draft(self, terms: Terms) -> Draft {
        let mut body = TransactionBody {
            network: self.network,
            nonce: terms.nonce,
            valid_until: terms.valid_until,
            mode: terms.mode,
            participants: Vec::new(),
            traces: self.traces,
        };
        let free = placement::free_objects(&body);
        let openings: Vec<Object> = self
            .used
            .into_iter()
            .filter_map(|(id, object)| free.contains(&id).then_some(object))
            .collect();
        let homes = openings.iter().map(|object| object.home);
        body.participants = placement::participants(&body, homes).into_iter().collect();
        Draft {
            id: body.id(),
            body,
            openings,
            authorizations: BTreeMap::new(),
        }
    }
}

/// A transaction that waits for signatures.
///
/// Whoever signs agrees to all of it: the identifier covers every trace (decision D4).
#[derive(Clone, Debug)]
pub struct Draft {
    id: TransactionId,
    body: TransactionBody,
    openings: Vec<Object>,
    authorizations: BTreeMap<PublicKey, Authorization>,
}

impl Draft {
    /// What there is to sign.
    #[must_use]
    pub const fn id(&self) -> TransactionId {
        self.id
    }

    /// What it would do.
    #[must_use]
    pub const fn body(&self) -> &TransactionBody {
        &self.body
    }

    /// The same draft, signed with `key`. A second signature of one key changes nothing.
    #[must_use]
    pub fn sign(mut self, key: &SecretKey) -> Self {
        let authorization = Authorization::new(key, &self.id);
        self.authorizations.insert(authorization.key, authorization);
        self
    }

    /// The transaction, ready to be submitted.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if there are no calls, or more of something than a transaction may have.
    pub fn finish(self) -> Result<WellFormed, Malformed> {
        let network = self.body.network;
        let transaction = Transaction {
            body: self.body,
            openings: self.openings,
            authorizations: self.authorizations.into_values().collect(),
        };
        transaction.check_form(&network)
    }
}
