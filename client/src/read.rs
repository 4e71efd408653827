//! Reading what the owner of a key has.
//!
//! A list of objects is a hint, not a proof: a wrong one makes a payment that the shard aborts. It
//! is still made hard to forge. Each object is named by what it contains and must be an account of
//! the owner in the shard that was asked, the list must be as recent as what the caller has seen,
//! and `f + 1` nodes must give the same one, of whom one is honest. Where no `f + 1` agree, because
//! the owner is being paid at the moment or nodes are down, the most recent list counts.
//!
//! Paper: Section III, Reads.

mod list;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use contracts::Content;
use futures::StreamExt;
use futures::future::join_all;
use model::api::{Refused, Request, Response, owner_label};
use model::{Height, NodeId, Object, ObjectId, PublicKey, ShardId};
use system_contracts::cscoin;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::warn;

use crate::amount::Amount;
use crate::api::{Api, AskError};
use crate::connection::{ANSWER, Client, Heights, unexpected};
use crate::error::Error;
use crate::spread::{Reserve, spread};
use list::List;

pub(crate) use list::Wanted;

/// How long the others are left in peace while the first nodes are asked.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long a shard has to answer that was founded, and of which nothing was seen before.
const STRANGER: Duration = Duration::from_secs(2);

/// An account of CSCoin: an object that holds money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The object's identifier, computed from the object.
    pub id: ObjectId,
    /// The object.
    pub object: Object,
    /// Who may spend it.
    pub owner: PublicKey,
    /// How much it holds.
    pub balance: Amount,
}

/// What somebody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holdings {
    /// Who.
    pub owner: PublicKey,
    /// The accounts, the largest first.
    pub accounts: Vec<Account>,
    /// The height of each shard at which this is so.
    pub heights: BTreeMap<ShardId, Height>,
}

impl Account {
    /// The account that an object is, if it is one.
    fn of(object: Object) -> Option<Self> {
        let account = cscoin::Account::read(cscoin::id(), &object).ok()?;
        Some(Self {
            id: object.id(),
            owner: account.owner,
            balance: Amount::from_ncsc(account.balance),
            object,
        })
    }
}

impl Holdings {
    /// What all accounts hold together. At most all the money there can be.
    #[must_use]
    pub fn balance(&self) -> Amount {
        let balances = self.accounts.iter().map(|account| account.balance);
        balances.fold(Amount::default(), Amount::plus)
    }
}

impl<A: Api> Client<A> {
    /// What the owner of a key has in all shards, read at the given heights or later.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] or [`Error::WrongNetwork`] if no node of a shard answers.
    pub async fn holdings(&self, owner: &PublicKey, at_least: &Heights) -> Result<Holdings, Error> {
        match self.holdings_in_reach(owner, at_least).await {
            (holdings, None) => Ok(holdings),
            (_, Some(error)) => Err(error),
        }
    }

    /// As [`Client::holdings`], in those shards that answer, and why another one does not.
    pub(crate) async fn holdings_in_reach(
        &self,
        owner: &PublicKey,
        at_least: &Heights,
    ) -> (Holdings, Option<Error>) {
        let shards = self.shards();
        let reading = shards
            .iter()
            .map(|shard| self.list_in_reach(*shard, owner, at_least.get(shard).copied()));
        let mut heights = BTreeMap::new();
        let mut accounts = Vec::new();
        let mut failed = None;
        let lists = join_all(reading).await;
        for (shard, list) in shards.into_iter().zip(lists) {
            match list {
                Ok(list) => {
                    heights.insert(shard, list.height);
                    accounts.extend(list.found.into_values().map(|(_, account)| account));
                }
                Err(reason) if self.is_stranger(shard) && !at_least.contains_key(&shard) => {
                    warn!(%shard, %reason, "this shard is left out, which never had anything to say");
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        accounts.sort_by(|a, b| (b.balance, a.id).cmp(&(a.balance, b.id)));
        let holdings = Holdings {
            owner: *owner,
            accounts,
            heights,
        };
        (holdings, failed)
    }

    /// The accounts of an owner in one shard, read at `seen` or later, if anything was read there before.
    ///
    /// Anybody may found a shard, and need not run it. Where nothing was seen before nobody waits for long.
    async fn list_in_reach(
        &self,
        shard: ShardId,
        owner: &PublicKey,
        seen: Option<Height>,
    ) -> Result<List<Account>, Error> {
        let reading = self.list(shard, owner, seen.unwrap_or_default());
        if seen.is_some() || !self.is_stranger(shard) {
            return reading.await;
        }
        let listed = timeout(STRANGER, reading).await;
        listed.unwrap_or_else(|_| Err(self.unreachable(shard, [])))
    }

    /// The accounts of an owner in one shard.
    async fn list(
        &self,
        shard: ShardId,
        owner: &PublicKey,
        at_least: Height,
    ) -> Result<List<Account>, Error> {
        let read = |object: &Object| match Account::of(object.clone()) {
            Some(account) if account.owner == *owner => Ok(account),
            Some(_) => Err("an account of somebody else"),
            None => Err("an object that is not an account"),
        };
        let wanted = Wanted {
            label: owner_label(owner),
            shard,
            at_least,
            read: &read,
        };
        let (list, _) = self.agreed_list(&wanted).await?;
        Ok(list)
    }

    /// The objects of a shard that are wanted, and how many nodes gave just this list.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] or [`Error::WrongNetwork`] if no node of the shard answers.
    pub(crate) async fn agreed_list<T>(
        &self,
        wanted: &Wanted<'_, T>,
    ) -> Result<(List<T>, usize), Error> {
        let shard = wanted.shard;
        let committee = self.committee_of(shard).await?;
        let enough = committee.honest_threshold();
        let nodes = self.nodes_of(&committee);
        let reserve = Reserve::new(PATIENCE);
        let mut lists = spread(&nodes, enough, &reserve, |node| async move {
            self.list_of(&node, wanted).await
        });
        let mut found: Vec<List<T>> = Vec::new();
        let mut troubles = BTreeMap::new();
        let mut until = self.deadline();
        while let Ok(Some((node, list))) = timeout_at(until, lists.next()).await {
            match list {
                Ok(list) => found.push(list),
                Err(error) => {
                    troubles.insert(node, error);
                    reserve.call();
                }
            }
            if let Some(agreed) = list::agreed(&mut found, enough) {
                return Ok(agreed);
            }
            if found.len() >= enough {
                reserve.call();
            }
            if found.len() >= committee.quorum() {
                // The others may be faulty, and never answer.
                until = until.min(Instant::now() + PATIENCE);
            }
        }
        let most_recent = found.into_iter().max_by_key(|list| list.height);
        most_recent
            .map(|list| (list, 1))
            .ok_or_else(|| self.unreachable(shard, &troubles))
    }

    /// An account by its identifier, in whichever shard it is. The object proves itself; that it is
    /// active is the word of the node that has it, and that it is not the word of `f + 1` nodes.
    ///
    /// # Errors
    ///
    /// [`Error::NotActive`] or [`Error::NotAnAccount`], and [`Error::Unreachable`] or
    /// [`Error::WrongNetwork`] if too few nodes answer of a shard that may have it.
    pub async fn account(&self, id: &ObjectId) -> Result<Account, Error> {
        let shards = self.shards().into_iter();
        let reading = shards.map(|shard| self.object(shard, id));
        let mut missing = Error::NotActive {
            object: self.addresses().name(*id),
        };
        for object in join_all(reading).await {
            match object {
                Ok(Some(object)) => {
                    return Account::of(object).ok_or(Error::NotAnAccount {
                        object: self.addresses().name(*id),
                    });
                }
                Ok(None) => {}
                Err(error) => missing = error,
            }
        }
        Err(missing)
    }

    /// An active object of a shard, `None` if the shard does not have it.
    async fn object(&self, shard: ShardId, id: &ObjectId) -> Result<Option<Object>, Error> {
        let committee = self.committee_of(shard).await?;
        let enough = committee.honest_threshold();
        let nodes = self.nodes_of(&committee);
        let reserve = Reserve::new(PATIENCE);
        let mut objects = spread(&nodes, enough, &reserve, |node| async move {
            self.object_of(&node, shard, id).await
        });
        let (mut absent, mut troubles) = (0, BTreeMap::new());
        let until = self.deadline();
        while let Ok(Some((node, object))) = timeout_at(until, objects.next()).await {
            match object {
                Ok(Some(object)) => return Ok(Some(object)),
                Ok(None) => absent += 1,
                Err(error) => {
                    troubles.insert(node, error);
                    reserve.call();
                }
            }
            if absent >= enough {
                return Ok(None);
            }
        }
        Err(self.unreachable(shard, &troubles))
    }

    async fn object_of(
        &self,
        node: &NodeId,
        shard: ShardId,
        id: &ObjectId,
    ) -> Result<Option<Object>, AskError> {
        match self
            .api
            .ask_in_turn(node, Request::Object(*id), ANSWER)
            .await?
        {
            Response::Object { object, height: _ }
                if object.id() == *id && object.home == shard =>
            {
                Ok(Some(object))
            }
            Response::Object { .. } => Err(AskError::Lying("it gave another object".into())),
            Response::Refused(Refused::Unknown(_)) => Ok(None),
            Response::Refused(refused) => Err(AskError::Silent(refused.to_string())),
            other => Err(unexpected(&other)),
        }
    }
}
