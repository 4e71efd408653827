//! All shards together: what they say to each other, and what they come to.

use std::collections::BTreeSet;

use model::api::{Request, Response};
use model::receipt::CertifiedResult;
use model::result::{AbortReason, Outcome};
use model::transaction::Authorized;
use model::{Epoch, EpochChange, Genesis, NodeId, Object, PublicKey, ShardId, Time, TransactionId};
use system_contracts::cscoin::Account;

use super::chain::{Chain, Stand, accounts};
use super::{MEMBERS, secret};

/// The chains of all shards, by position.
pub(crate) struct Ledger {
    pub(super) chains: Vec<Chain>,
}

impl Ledger {
    pub(super) fn new(genesis: &Genesis) -> Self {
        let chains = genesis.shards.iter().enumerate().map(|(position, shard)| {
            let numbers = position * MEMBERS..(position + 1) * MEMBERS;
            Chain::new(genesis, shard.shard, numbers.map(secret).collect())
        });
        Self {
            chains: chains.collect(),
        }
    }

    /// The position of the shard that a node is a member of now.
    pub(super) fn shard_of(&self, node: &NodeId) -> Option<usize> {
        self.chains.iter().position(|chain| chain.has(node))
    }

    /// Lets the shards do what there is to do.
    pub(super) fn settle(&mut self, now: Time) {
        for chain in &mut self.chains {
            chain.take_up(now);
        }
        let begun = self.chains.iter().flat_map(Chain::sessions);
        for transaction in begun.collect::<Vec<_>>() {
            if let Some(verdict) = self.verdict(&transaction, now) {
                self.tell(&transaction, verdict, now);
            }
        }
    }

    /// What becomes of a transaction that at least one shard has voted to commit, if that is known.
    fn verdict(&self, transaction: &Authorized, now: Time) -> Option<Result<(), AbortReason>> {
        let (id, body) = (transaction.id(), transaction.body());
        let participants = &body.participants;
        let chains = self.chains.iter();
        let chains = chains.filter(|chain| participants.contains(&chain.shard()));
        let mut unheard = false;
        for chain in chains {
            match chain.stand(&id) {
                Stand::Aborted => {
                    let shard = chain.shard();
                    return Some(Err(AbortReason::Refused { shard }));
                }
                Stand::Unknown => unheard = true,
                Stand::Prepared | Stand::Committed => {}
            }
        }
        if !unheard {
            return Some(Ok(()));
        }
        (now > body.valid_until).then_some(Err(AbortReason::Deadline))
    }

    /// Tells those who wait for it and can hear it.
    fn tell(&mut self, transaction: &Authorized, verdict: Result<(), AbortReason>, now: Time) {
        for chain in &mut self.chains {
            let waits = chain.stand(&transaction.id()) == Stand::Prepared;
            if waits && chain.hearing && chain.deciding {
                chain.conclude(transaction, verdict, now);
            }
        }
    }

    /// One epoch of each shard that has begun since those, so that it takes several answers to tell all.
    fn changes(&self, since: &[(ShardId, Epoch)]) -> Vec<EpochChange> {
        let next = |(shard, epoch): &(ShardId, Epoch)| {
            let mut chains = self.chains.iter();
            let chain = chains.find(|chain| chain.shard() == *shard)?;
            let mut changes = chain.changes.iter();
            changes.find(|change| change.next.epoch > *epoch).cloned()
        };
        since.iter().filter_map(next).collect()
    }

    /// Forgets what waits, as nodes do that are restarted.
    pub(crate) fn lose_waiting(&mut self) {
        self.chains.iter_mut().for_each(Chain::lose_waiting);
    }

    /// Makes a block of nothing in each shard, so that block time goes on.
    pub(crate) fn pass_time(&mut self, now: Time) {
        for chain in &mut self.chains {
            chain.pass_time(now);
        }
    }

    /// How many transactions were committed.
    pub(crate) fn committed(&self) -> usize {
        let committed = self.chains.iter().flat_map(Chain::committed);
        committed.collect::<BTreeSet<_>>().len()
    }

    pub(super) fn balance(&self, owner: &PublicKey) -> u64 {
        let owned = self
            .accounts()
            .filter(|(_, account)| account.owner == *owner);
        owned.map(|(_, account)| account.balance).sum()
    }

    /// All the money there is.
    pub(crate) fn supply(&self) -> u64 {
        self.accounts().map(|(_, account)| account.balance).sum()
    }

    /// The accounts of an owner, ascending within each shard.
    pub(crate) fn accounts_of(&self, owner: &PublicKey) -> Vec<Object> {
        let owned = self
            .accounts()
            .filter(|(_, account)| account.owner == *owner);
        owned.map(|(object, _)| object.clone()).collect()
    }

    fn accounts(&self) -> impl Iterator<Item = (&Object, Account)> {
        let accounts = self
            .chains
            .iter()
            .flat_map(|chain| accounts(chain.active()));
        accounts.map(|(object, account)| (&**object, account))
    }

    /// A decision that only the member on one seat of a shard signed, three times over.
    pub(super) fn forge(
        &self,
        shard: usize,
        id: TransactionId,
        outcome: Outcome,
        now: Time,
    ) -> CertifiedResult {
        self.chains[shard].forge(id, outcome, now)
    }

    /// What an honest node of a shard answers that is at `height`, or at the tip.
    pub(super) fn answer(
        &mut self,
        shard: usize,
        request: &Request,
        height: Option<usize>,
        now: Time,
    ) -> Response {
        self.settle(now);
        let response = match request {
            Request::Changes(since) => Response::Changes(self.changes(since)),
            Request::Acts { after } => {
                let acts = self.chains[0].acts().into_iter();
                Response::Acts(acts.skip(*after as usize).take(1).collect())
            }
            _ => self.chains[shard].answer(request, height, now),
        };
        self.settle(now);
        response
    }
}
