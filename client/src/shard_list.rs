//! The shards of the network, as the ledger has them.
//!
//! The records live in the root shard, which is the first one of the genesis document. A list of them is
//! read as a list of accounts is: each object is named by what it contains, and `f + 1` nodes must give
//! the same list, of whom one is honest. What the genesis document says needs no node at all.
//!
//! Paper: Section VI-A, `MS.Shard`.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use contracts::Content;
use model::api::shards_label;
use model::{Height, Object, ObjectId, ShardId, ShardRecord, Transaction, encoding};
use system_contracts::manage_shards::{self, Shard, Token};

use crate::api::Api;
use crate::connection::{Client, Heights};
use crate::error::Error;
use crate::read::Wanted;

/// What ManageShards has at some height of the root shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardList {
    /// The token.
    pub token: Token,
    /// The object that holds it.
    pub token_object: Object,
    /// The shards, by number.
    pub shards: BTreeMap<ShardId, Listed>,
    /// The shard that keeps all of it.
    pub root: ShardId,
    /// The height at which this is so.
    pub height: Height,
    /// How many nodes of the root shard gave just this list.
    pub witnesses: usize,
}

/// A shard as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its record.
    pub record: ShardRecord,
    /// The object that holds the record.
    pub object: Object,
    /// Where the record comes from.
    pub source: Source,
}

/// How it is known what a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It is in the genesis document.
    Genesis,
    /// A transaction has made it since.
    Transaction,
}

/// One of the objects.
enum Entry {
    Token(Token),
    Shard(ShardRecord),
}

impl ShardList {
    /// A shard.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchShard`].
    pub fn shard(&self, shard: ShardId) -> Result<&Listed, Error> {
        self.shards.get(&shard).ok_or(Error::NoSuchShard(shard))
    }
}

impl<A: Api> Client<A> {
    /// The shards of the network, read at the given heights or later.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] or [`Error::WrongNetwork`] if no node of the root shard answers, and
    /// [`Error::ShardList`] if what they list cannot be.
    pub async fn shard_list(&self, at_least: &Heights) -> Result<ShardList, Error> {
        let root = self.root();
        let wanted = Wanted {
            label: shards_label(),
            shard: root,
            at_least: at_least.get(&root).copied().unwrap_or_default(),
            read: &|object: &Object| entry(object).ok_or("an object that is no record of a shard"),
        };
        let (list, witnesses) = self.agreed_list(&wanted).await?;
        let height = list.height;
        let shard_list = self.shard_list_of(list.found, root, height, witnesses);
        shard_list.map_err(|reason| Error::ShardList { root, reason })
    }

    /// The shard that keeps the records.
    fn root(&self) -> ShardId {
        let first = self.genesis().shards.first();
        first.expect("a genesis document has a shard").shard
    }

    fn shard_list_of(
        &self,
        found: BTreeMap<ObjectId, (Object, Entry)>,
        root: ShardId,
        height: Height,
        witnesses: usize,
    ) -> Result<ShardList, String> {
        let first = self.genesis().objects_of(root);
        let (mut token, mut shards) = (None, BTreeMap::new());
        for (id, (object, entry)) in found {
            match entry {
                Entry::Token(found) => {
                    if token.replace((found, object)).is_some() {
                        return Err("there are two tokens".to_owned());
                    }
                }
                Entry::Shard(record) => {
                    let number = record.shard;
                    let source = if first.contains_key(&id) {
                        Source::Genesis
                    } else {
                        Source::Transaction
                    };
                    let listed = Listed {
                        record,
                        object,
                        source,
                    };
                    if shards.insert(number, listed).is_some() {
                        return Err(format!("shard {number} has two records"));
                    }
                }
            }
        }
        let (token, token_object) = token.ok_or("there is no token")?;
        if shards
            .keys()
            .next_back()
            .is_some_and(|last| *last >= token.next)
        {
            return Err("a shard has a number that is not given yet".to_owned());
        }
        let mut founders = self.genesis().shards.iter();
        if let Some(missing) = founders.find(|founder| !shards.contains_key(&founder.shard)) {
            return Err(format!("shard {} has no record", missing.shard));
        }
        Ok(ShardList {
            token,
            token_object,
            shards,
            root,
            height,
            witnesses,
        })
    }
}

/// The number of the shard that a transaction founds if it is committed, if it founds one.
#[must_use]
pub fn founded(transaction: &Transaction) -> Option<ShardId> {
    let mut traces = transaction.body.traces.iter();
    let founding = traces.find(|trace| {
        trace.contract == manage_shards::id() && trace.procedure == manage_shards::CREATE
    })?;
    encoding::decode(&founding.local_returns, founding.local_returns.len()).ok()
}

/// What an object is for ManageShards.
fn entry(object: &Object) -> Option<Entry> {
    let contract = manage_shards::id();
    if let Ok(token) = Token::read(contract, object) {
        return Some(Entry::Token(token));
    }
    let Shard(record) = Shard::read(contract, object).ok()?;
    Some(Entry::Shard(record))
}
