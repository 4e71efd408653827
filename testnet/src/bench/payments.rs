//! Payments that are built and signed before anybody sends them.
//!
//! Every owner begins a *chain*: each payment spends all accounts of the chain and pays the next key of
//! the book, and the last accounts that it makes are what the next payment of the chain spends: what is
//! left, or all there is, as [`Payments`] says. Identifiers bind content and nothing else, so a whole
//! chain can be signed in advance. A payment is sent when the one before it is certified.

mod scattered;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use client::keys::LOCAL_NAMES;
use contracts::{Arguments, Calls, Secret, Terms};
use model::{Genesis, Mode, NetworkId, Object, PublicKey, SecretKey, ShardId, Time};
use system_contracts::cscoin::{self, CSC, Payment as Paid};

use super::error::BenchError;
use super::load::{Load, Ready};
use scattered::Scattered;
pub(crate) use scattered::scattered;

/// What each account holds at first, in ncsc: more than a chain can be long.
pub(crate) const BALANCE: u64 = CSC;

/// How much a payment pays. Each makes as many accounts as it spends, or one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payments {
    /// One ncsc; the payer gets the rest back. There is one more account after each payment, and what the
    /// nodes hold grows with them.
    WithChange,
    /// All that the accounts hold. There are as many accounts as before, so what the nodes hold should not grow.
    WholeBalance,
}

/// What the payments of a measurement have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) payments: Payments,
    /// How many shards there are; their numbers begin with zero.
    pub(crate) shards: u32,
    /// How many accounts a payment spends.
    pub(crate) inputs: usize,
    /// How many of a hundred payments cross shards: those of one input make an account in the next
    /// shard, those of several spread over random shards what they make.
    pub(crate) cross: u32,
    /// Whether all shards decide by all votes.
    pub(crate) all_votes: bool,
}

/// A payment that is ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) ready: Ready,
    /// What the next payment of the chain spends.
    next: Purse,
}

/// Accounts that are to be spent together.
#[derive(Clone, Debug)]
struct Purse {
    accounts: Vec<Object>,
    /// The index of their owner's key.
    owner: usize,
}

/// The payments that begin with the accounts of one owner.
#[derive(Debug)]
pub(crate) struct Chain {
    /// What the first payment that is not sent spends.
    tip: Purse,
    waiting: VecDeque<Payment>,
    /// Payments that were made so far: each has another nonce.
    made: u64,
    /// Payments that were sent, and the shards concerned by each, counted together.
    sent: u64,
    concerned: u64,
}

impl Chain {
    /// Where the first account lives that is spent next.
    pub(crate) fn home(&self) -> ShardId {
        self.tip.accounts[0].home
    }

    /// Takes the next payment, to be sent.
    pub(crate) fn pop(&mut self) -> Option<Payment> {
        let payment = self.waiting.pop_front()?;
        self.tip.clone_from(&payment.next);
        self.sent += 1;
        self.concerned += payment.ready.transaction.body.participants.len() as u64;
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
    /// The accounts of `chains` owners with their homes and balances, for a genesis document. The homes
    /// of the first accounts are all shards in turn; the others of an owner live beside it or, if
    /// payments cross, in random shards.
    pub(crate) fn owners(chains: usize, kind: Kind) -> Vec<(PublicKey, ShardId, u64)> {
        let accounts = (0..chains).flat_map(|chain| (0..kind.inputs).map(move |at| (chain, at)));
        accounts
            .map(|(chain, at)| {
                let home = if at > 0 && kind.cross > 0 {
                    scattered(&[chain as u64, at as u64], kind.shards)
                } else {
                    ShardId::new((chain % kind.shards as usize) as u32)
                };
                (secret(chain).public(), home, BALANCE)
            })
            .collect()
    }

    /// The book of the accounts that [`Book::owners`] put into this document.
    pub(crate) fn open(genesis: &Genesis, kind: Kind) -> Self {
        let shards = genesis.shards.iter();
        let objects = shards.flat_map(|shard| genesis.objects_of(shard.shard));
        let mut objects: Vec<Object> = objects
            .map(|(_, object)| (*object).clone())
            .filter(|object| object.index as usize >= LOCAL_NAMES.len())
            .filter(|object| object.object_type.contract == cscoin::id())
            .collect();
        objects.sort_unstable_by_key(|object| object.index);
        let purses = objects.chunks_exact(kind.inputs);
        let desk = Desk {
            network: genesis.network(),
            kind,
            keys: (0..purses.len()).map(secret).collect(),
        };
        let chain = |(owner, accounts): (usize, &[Object])| Chain {
            tip: Purse {
                accounts: accounts.to_vec(),
                owner,
            },
            waiting: VecDeque::new(),
            made: 0,
            sent: 0,
            concerned: 0,
        };
        Self {
            desk,
            chains: purses.enumerate().map(chain).collect(),
        }
    }

    /// A book of accounts that the network of this document does not have. All payments of it are in order,
    /// and none can be committed.
    pub(crate) fn of_nothing(genesis: &Genesis, owners: usize, kind: Kind) -> Self {
        let owners = Self::owners(owners, kind);
        let accounts = owners
            .into_iter()
            .map(|(key, home, _)| (key, home, 2 * BALANCE));
        let others = vec![(secret(0).public(), ShardId::new(0), 1); LOCAL_NAMES.len()];
        let accounts: Vec<_> = others.into_iter().chain(accounts).collect();
        let shards = genesis.shards.clone();
        let elsewhere =
            system_contracts::genesis::genesis("elsewhere", genesis.created, shards, &accounts);
        let mut book = Self::open(&elsewhere, kind);
        book.desk.network = genesis.network();
        book
    }

    /// How many shards a payment concerned on average, of those that were sent.
    pub(crate) fn concerned(&self) -> f64 {
        let sent: u64 = self.chains.iter().map(|chain| chain.sent).sum();
        let concerned: u64 = self.chains.iter().map(|chain| chain.concerned).sum();
        concerned.max(1) as f64 / sent.max(1) as f64
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
                    Mode::Decider(purse.accounts[0].home)
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
    /// A payment out of these accounts to the key after their owner's.
    fn pay(&self, purse: Purse, terms: Terms, crosses: bool) -> Result<Payment, BenchError> {
        let cannot = |reason: &dyn std::fmt::Display| BenchError::Payments(reason.to_string());
        let Purse { accounts, owner } = purse;
        let payee = (owner + 1) % self.keys.len();
        let inputs = accounts.len();
        let homes = self.homes(&accounts, &terms, crosses);
        let heir = match self.kind.payments {
            Payments::WithChange => owner,
            Payments::WholeBalance => payee,
        };
        let arguments = Arguments {
            inputs: accounts,
            references: Vec::new(),
            local_parameters: self.paid(owner, payee),
            secret_parameters: Secret::NONE,
        };
        let mut calls = Calls::new(self.network);
        let called = calls.call(&Scattered { homes }, arguments);
        let mut outputs = called.map_err(|error| cannot(&error))?.outputs;
        let spare = outputs.len().checked_sub(inputs);
        let accounts = outputs.split_off(spare.ok_or_else(|| cannot(&"too little is left"))?);
        let well_formed = calls.draft(terms).sign(&self.keys[owner]).finish();
        let well_formed = well_formed.map_err(|error| cannot(&error))?;
        Ok(Payment {
            ready: Ready {
                id: well_formed.id(),
                transaction: well_formed.transaction().clone(),
            },
            next: Purse {
                accounts,
                owner: heir,
            },
        })
    }

    /// What is paid to whom. With the change there are at least as many payments as inputs: each account
    /// of the chain gets the same again, but for the first, which gives what is paid.
    fn paid(&self, owner: usize, payee: usize) -> Vec<Paid> {
        let to = |index: usize, amount| Paid {
            payee: self.keys[index].public(),
            amount,
        };
        let inputs = self.kind.inputs;
        match self.kind.payments {
            Payments::WithChange => {
                let others = (1..inputs).map(|_| to(owner, BALANCE));
                std::iter::once(to(payee, 1)).chain(others).collect()
            }
            Payments::WholeBalance => (0..inputs).map(|_| to(payee, BALANCE)).collect(),
        }
    }

    /// Where the accounts of the payees are to live.
    fn homes(&self, accounts: &[Object], terms: &Terms, crosses: bool) -> Vec<ShardId> {
        let (shards, near) = (self.kind.shards, accounts[0].home);
        if !crosses {
            return Vec::new();
        }
        if accounts.len() == 1 {
            return vec![ShardId::new((near.number() + 1) % shards)];
        }
        let (chain, made) = terms.nonce.split_at(8);
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        };
        let (chain, made) = (number(chain), number(made));
        let outputs = 0..accounts.len() as u64;
        outputs
            .map(|at| scattered(&[chain, made, at], shards))
            .collect()
    }
}

impl Load for Book {
    fn lanes(&self) -> usize {
        self.chains.len()
    }

    fn next(&mut self, lane: usize) -> Option<Ready> {
        self.chains[lane].pop().map(|payment| payment.ready)
    }
}

/// The key of an account. It is public, and worthless anywhere else.
fn secret(index: usize) -> SecretKey {
    let mut seed = *b"chainspace-bench-account-.......";
    seed[25..].copy_from_slice(&index.to_le_bytes()[..7]);
    SecretKey::from_seed(seed)
}
