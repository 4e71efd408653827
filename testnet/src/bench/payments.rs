//! Payments that are built and signed before anybody sends them.
//!
//! Every account begins a *chain*: each payment spends one account and pays the next key of the book,
//! and the last account that it makes is what the next payment of the chain spends: the change, or all
//! there is, as [`Payments`] says. Identifiers bind content and nothing else, so a whole chain can be
//! signed in advance. A payment is sent when the one before it is certified.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use client::keys::LOCAL_NAMES;
use contracts::{Arguments, Calls, Secret, Terms};
use model::{
    Genesis, Mode, NetworkId, Object, PublicKey, SecretKey, ShardId, Time, Transaction,
    TransactionId,
};
use system_contracts::cscoin::{CSC, Payment as Paid, Transfer};

use super::error::BenchError;

/// What each account holds at first, in ncsc: more than a chain can be long.
pub(crate) const BALANCE: u64 = CSC;

/// How much a payment pays. Each spends one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payments {
    /// One ncsc; the payer gets the rest as change. There is one more account after each payment, and
    /// what the nodes hold grows with them.
    WithChange,
    /// The whole balance. There are as many accounts as before, so what the nodes hold should not grow.
    WholeBalance,
}

/// What the payments of a measurement have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) payments: Payments,
    /// How many shards there are; their numbers begin with zero.
    pub(crate) shards: u32,
    /// How many of a hundred payments go to an account in another shard.
    pub(crate) cross: u32,
    /// Whether all shards decide by all votes.
    pub(crate) all_votes: bool,
}

/// A payment that is ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) id: TransactionId,
    pub(crate) transaction: Transaction,
    /// What the next payment of the chain spends.
    next: Purse,
}

/// An account that is to be spent.
#[derive(Clone, Debug)]
struct Purse {
    account: Object,
    /// The index of its owner's key.
    owner: usize,
}

/// The payments that begin with one account.
#[derive(Debug)]
pub(crate) struct Chain {
    /// What the first payment that is not sent spends.
    tip: Purse,
    waiting: VecDeque<Payment>,
    /// Payments that were made so far: each has another nonce.
    made: u64,
}

impl Chain {
    /// Where the account lives that is spent next.
    pub(crate) const fn home(&self) -> ShardId {
        self.tip.account.home
    }

    /// Takes the next payment, to be sent.
    pub(crate) fn pop(&mut self) -> Option<Payment> {
        let payment = self.waiting.pop_front()?;
        self.tip.clone_from(&payment.next);
        Some(payment)
    }
}

/// The accounts of a measurement, and their payments.
pub(crate) struct Book {
    desk: Desk,
    pub(crate) chains: Vec<Chain>,
}

/// What it takes to make any payment.
struct Desk {
    network: NetworkId,
    kind: Kind,
    keys: Vec<SecretKey>,
}

impl Book {
    /// The owners of `count` accounts with their homes, which are all shards in turn, and balances, for a
    /// genesis document.
    pub(crate) fn owners(count: usize, shards: u32) -> Vec<(PublicKey, ShardId, u64)> {
        let homes = (0..shards).map(ShardId::new).cycle();
        (0..count)
            .zip(homes)
            .map(|(index, home)| (secret(index).public(), home, BALANCE))
            .collect()
    }

    /// The book of the accounts that [`Book::owners`] put into this document.
    pub(crate) fn open(genesis: &Genesis, kind: Kind) -> Self {
        let shards = genesis.shards.iter();
        let objects = shards.flat_map(|shard| genesis.objects_of(shard.shard));
        let mut objects: Vec<Object> = objects
            .map(|(_, object)| (*object).clone())
            .filter(|object| object.index as usize >= LOCAL_NAMES.len())
            .collect();
        objects.sort_unstable_by_key(|object| object.index);
        let desk = Desk {
            network: genesis.network(),
            kind,
            keys: (0..objects.len()).map(secret).collect(),
        };
        let chain = |(owner, account)| Chain {
            tip: Purse { account, owner },
            waiting: VecDeque::new(),
            made: 0,
        };
        Self {
            desk,
            chains: objects.into_iter().enumerate().map(chain).collect(),
        }
    }

    /// The public keys of the accounts.
    pub(crate) fn keys(&self) -> impl Iterator<Item = PublicKey> {
        self.desk.keys.iter().map(SecretKey::public)
    }

    /// Builds and signs payments until each chain has `length` of them, on all processors. Those
    /// that were made before and never sent are dropped, because their deadlines are over sooner.
    ///
    /// # Errors
    ///
    /// [`BenchError::Payments`], and [`BenchError::Interrupted`] once `stop` is set.
    pub(crate) fn sign(
        &mut self,
        length: usize,
        valid_until: Time,
        stop: &AtomicBool,
    ) -> Result<(), BenchError> {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let part = self.chains.len().div_ceil(threads).max(1);
        let desk = &self.desk;
        thread::scope(|scope| {
            let signers: Vec<_> = (0..)
                .step_by(part)
                .zip(self.chains.chunks_mut(part))
                .map(|(first, chains)| {
                    scope.spawn(move || {
                        for (index, chain) in (first..).zip(chains) {
                            if stop.load(Ordering::Relaxed) {
                                return Err(BenchError::Interrupted);
                            }
                            chain.fill(desk, index, length, valid_until)?;
                        }
                        Ok(())
                    })
                })
                .collect();
            signers.into_iter().try_for_each(|signer| {
                let signed = signer.join();
                signed.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        })
    }
}

impl Chain {
    fn fill(
        &mut self,
        desk: &Desk,
        index: usize,
        length: usize,
        valid_until: Time,
    ) -> Result<(), BenchError> {
        self.waiting.clear();
        let mut purse = self.tip.clone();
        for _ in 0..length {
            self.made += 1;
            let mut nonce = [0; 16];
            nonce[..8].copy_from_slice(&(index as u64).to_le_bytes());
            nonce[8..].copy_from_slice(&self.made.to_le_bytes());
            let terms = Terms {
                nonce,
                valid_until,
                mode: if desk.kind.all_votes {
                    Mode::AllVotes
                } else {
                    Mode::Decider(purse.account.home)
                },
            };
            // Spread over the chains, so that each second has its share.
            let crosses = (index as u64 * 37 + self.made * 61) % 100 < u64::from(desk.kind.cross);
            let payment = desk.pay(purse, terms, crosses)?;
            purse = payment.next.clone();
            self.waiting.push_back(payment);
        }
        Ok(())
    }
}

impl Desk {
    /// A payment out of this account to the key after its owner's, near it or in the next shard.
    fn pay(&self, purse: Purse, terms: Terms, crosses: bool) -> Result<Payment, BenchError> {
        let cannot = |reason: &dyn std::fmt::Display| BenchError::Payments(reason.to_string());
        let Purse { account, owner } = purse;
        let payee = (owner + 1) % self.keys.len();
        let near = account.home;
        let next = ShardId::new((near.number() + 1) % self.kind.shards);
        let home = if crosses { next } else { near };
        let (amount, heir) = match self.kind.payments {
            Payments::WithChange => (1, owner),
            Payments::WholeBalance => (BALANCE, payee),
        };
        let arguments = Arguments {
            inputs: vec![account],
            references: Vec::new(),
            local_parameters: vec![Paid {
                payee: self.keys[payee].public(),
                amount,
            }],
            secret_parameters: Secret::NONE,
        };
        let mut calls = Calls::new(self.network);
        let called = calls.call(&Transfer { home: Some(home) }, arguments);
        let mut outputs = called.map_err(|error| cannot(&error))?.outputs;
        let account = outputs.pop().ok_or_else(|| cannot(&"nothing is left"))?;
        let well_formed = calls.draft(terms).sign(&self.keys[owner]).finish();
        let well_formed = well_formed.map_err(|error| cannot(&error))?;
        Ok(Payment {
            id: well_formed.id(),
            transaction: well_formed.transaction().clone(),
            next: Purse {
                account,
                owner: heir,
            },
        })
    }
}

/// The key of an account. It is public, and worthless anywhere else.
fn secret(index: usize) -> SecretKey {
    let mut seed = *b"chainspace-bench-account-.......";
    seed[25..].copy_from_slice(&index.to_le_bytes()[..7]);
    SecretKey::from_seed(seed)
}
