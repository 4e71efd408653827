//! What a transaction of the wallet does, and making it: checked and signed before anything is sent.

use contracts::{Arguments, Calls, Procedure, Secret};
use model::key::Zip215;
use model::transaction::Authorized;
use model::{
    Malpractice, Mode, NetworkId, NodeDescriptor, Nonce, Object, Profile, SecretKey, ShardId,
    ShardRecord, Signature, Time,
};
use system_contracts::cscoin::{Merge, Move, Payment, Transfer};
use system_contracts::manage_shards::{Create, Exclude, Succession, Update};

use super::Order;
use crate::describe;
use crate::error::Error;

/// How long a transaction may be decided, in milliseconds. It leaves room within
/// [`model::bounds::VALIDITY_MS_MAX`] for a clock here that is ahead of the shard's.
const VALIDITY_MS: u64 = 40_000;

/// What a transaction does with the objects that it consumes.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// Pays out of accounts.
    Pay(Order),
    /// Makes one account of several.
    Merge,
    /// Takes accounts to another shard.
    Move(ShardId),
    /// Founds a shard, consuming the token.
    Found {
        /// The nodes, in the order of their seats.
        members: Vec<NodeDescriptor>,
        /// What the shard asks for its work, in ncsc.
        price: u64,
        /// That the nodes agree, in their order.
        consents: Vec<Signature>,
    },
    /// Excludes a node that lied, consuming the record of its shard.
    Exclude(Malpractice),
    /// Records who follows in a shard, consuming its record.
    Update {
        /// The record that follows.
        next: ShardRecord,
        /// That the shard has handed over to it.
        succession: Succession,
    },
}

/// What a transaction is besides what it does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// The network.
    pub(super) network: NetworkId,
    /// How its shards run S-BAC.
    pub(super) profile: Profile,
    /// Drawn at random.
    pub(super) nonce: Nonce,
    /// When it is made.
    pub(super) created: Time,
}

/// The transaction that does this with these objects, checked and signed.
pub(super) fn make(
    deed: &Deed,
    inputs: Vec<Object>,
    terms: Terms,
    secret: &SecretKey,
) -> Result<Authorized, Error> {
    match deed {
        Deed::Pay(order) => {
            let payment = Payment {
                payee: order.to,
                amount: order.amount.ncsc(),
            };
            let transfer = Transfer { home: order.home };
            call(&transfer, inputs, vec![payment], terms, secret)
        }
        Deed::Merge => call(&Merge, inputs, (), terms, secret),
        Deed::Move(home) => call(&Move, inputs, *home, terms, secret),
        Deed::Found {
            members,
            price,
            consents,
        } => {
            let create = Create {
                members: members.clone(),
                price: *price,
            };
            call(&create, inputs, consents.clone(), terms, secret)
        }
        Deed::Exclude(evidence) => call(&Exclude, inputs, evidence.clone(), terms, secret),
        Deed::Update { next, succession } => {
            let update = Update { next: next.clone() };
            call(&update, inputs, succession.clone(), terms, secret)
        }
    }
}

/// A transaction of one call. What a node would refuse is refused here, before anything is sent.
///
/// It is decided where the first of its objects lives: accounts have owners, so nobody competes for one
/// (sbac.md, 5.4), and the objects of ManageShards may be decided about nowhere else.
fn call<P>(
    procedure: &P,
    inputs: Vec<Object>,
    local_parameters: P::LocalParameters,
    terms: Terms,
    secret: &SecretKey,
) -> Result<Authorized, Error>
where
    P: Procedure<SecretParameters = ()>,
    Error: From<P::Error>,
{
    let decider = inputs.first().map(|first| first.home);
    let mode = decider.map_or(Mode::AllVotes, |decider| terms.profile.mode(decider));
    let arguments = Arguments {
        inputs,
        references: Vec::new(),
        local_parameters,
        secret_parameters: Secret::NONE,
    };
    let mut calls = Calls::new(terms.network);
    calls.call(procedure, arguments)?;
    let draft = calls.draft(contracts::Terms {
        nonce: terms.nonce,
        valid_until: terms.created.plus_ms(VALIDITY_MS),
        mode,
    });
    let transaction = draft.sign(secret).finish()?.verify(&mut Zip215)?;
    match describe::check(&transaction) {
        Ok(()) => Ok(transaction),
        Err(refusal) => Err(Error::CheckerRefuses(refusal)),
    }
}
