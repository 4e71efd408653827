//! Payments that are built and signed before anybody sends them.
//!
//! Every account begins a *chain*: each payment spends one account, pays one ncsc to the next key of
//! the book, and leaves the rest to its owner as a new account, which the next payment of the chain
//! spends. Identifiers bind content and nothing else, so a whole chain can be signed in advance. A
//! payment is sent when the one before it is certified.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use client::keys::LOCAL_NAMES;
use contracts::{Arguments, Calls, Secret, Terms};
use model::{
    Genesis, Mode, NetworkId, Object, PublicKey, SecretKey, Time, Transaction, TransactionId,
};
use system_contracts::cscoin::{CSC, Payment as Paid, Transfer};

use super::error::BenchError;

/// What each account holds at first, in ncsc: more than a chain can be long.
pub(crate) const BALANCE: u64 = CSC;

/// A payment that is ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) id: TransactionId,
    pub(crate) transaction: Transaction,
    /// The account that it leaves to the payer.
    change: Object,
}

/// The payments of one account.
#[derive(Debug)]
pub(crate) struct Chain {
    /// What the first payment that is not sent spends.
    tip: Object,
    waiting: VecDeque<Payment>,
    /// Payments that were made so far: each has another nonce.
    made: u64,
}

impl Chain {
    /// Takes the next payment, to be sent.
    pub(crate) fn pop(&mut self) -> Option<Payment> {
        let payment = self.waiting.pop_front()?;
        self.tip.clone_from(&payment.change);
        Some(payment)
    }
}

/// The accounts of a measurement, and their payments.
pub(crate) struct Book {
    network: NetworkId,
    keys: Vec<SecretKey>,
    pub(crate) chains: Vec<Chain>,
}

impl Book {
    /// The owners of `count` accounts with their balances, for a genesis document.
    pub(crate) fn owners(count: usize) -> Vec<(PublicKey, u64)> {
        (0..count)
            .map(|index| (secret(index).public(), BALANCE))
            .collect()
    }

    /// The book of the accounts that [`Book::owners`] put into this document.
    pub(crate) fn open(genesis: &Genesis) -> Self {
        let shards = genesis.shards.iter();
        let objects = shards.flat_map(|shard| genesis.objects_of(shard.shard));
        let mut objects: Vec<Object> = objects
            .map(|(_, object)| (*object).clone())
            .filter(|object| object.index as usize >= LOCAL_NAMES.len())
            .collect();
        objects.sort_unstable_by_key(|object| object.index);
        let chain = |tip| Chain {
            tip,
            waiting: VecDeque::new(),
            made: 0,
        };
        Self {
            network: genesis.network(),
            keys: (0..objects.len()).map(secret).collect(),
            chains: objects.into_iter().map(chain).collect(),
        }
    }

    /// The public keys of the accounts.
    pub(crate) fn keys(&self) -> impl Iterator<Item = PublicKey> {
        self.keys.iter().map(SecretKey::public)
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
        let (network, keys) = (self.network, &*self.keys);
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
                            chain.fill(length, network, valid_until, index, keys)?;
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
        length: usize,
        network: NetworkId,
        valid_until: Time,
        index: usize,
        keys: &[SecretKey],
    ) -> Result<(), BenchError> {
        self.waiting.clear();
        let payee = keys[(index + 1) % keys.len()].public();
        let mut input = self.tip.clone();
        for _ in 0..length {
            self.made += 1;
            let mut nonce = [0; 16];
            nonce[..8].copy_from_slice(&(index as u64).to_le_bytes());
            nonce[8..].copy_from_slice(&self.made.to_le_bytes());
            let terms = Terms {
                nonce,
                valid_until,
                mode: Mode::Decider(input.home),
            };
            let payment = pay(network, input, payee, terms, &keys[index])?;
            input = payment.change.clone();
            self.waiting.push_back(payment);
        }
        Ok(())
    }
}

/// A payment of one ncsc out of the account `input`.
fn pay(
    network: NetworkId,
    input: Object,
    payee: PublicKey,
    terms: Terms,
    secret: &SecretKey,
) -> Result<Payment, BenchError> {
    let cannot = |reason: &dyn std::fmt::Display| BenchError::Payments(reason.to_string());
    let arguments = Arguments {
        inputs: vec![input],
        references: Vec::new(),
        local_parameters: vec![Paid { payee, amount: 1 }],
        secret_parameters: Secret::NONE,
    };
    let mut calls = Calls::new(network);
    let called = calls.call(&Transfer, arguments);
    let mut outputs = called.map_err(|error| cannot(&error))?.outputs;
    let change = outputs.pop().ok_or_else(|| cannot(&"nothing is left"))?;
    let well_formed = calls.draft(terms).sign(secret).finish();
    let well_formed = well_formed.map_err(|error| cannot(&error))?;
    Ok(Payment {
        id: well_formed.id(),
        transaction: well_formed.transaction().clone(),
        change,
    })
}

/// The key of an account. It is public, and worthless anywhere else.
fn secret(index: usize) -> SecretKey {
    let mut seed = *b"chainspace-bench-account-.......";
    seed[25..].copy_from_slice(&index.to_le_bytes()[..7]);
    SecretKey::from_seed(seed)
}
