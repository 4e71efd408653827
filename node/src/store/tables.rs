//! The tables: the state derived from the log, in one redb file.
//!
//! This is the only place that knows redb. A write is one transaction in two phases: values in the
//! tables were chosen by strangers, and a one-phase commit trusts a checksum that they can aim at.
//! Each write carries the place in the log up to which it reflects it, so the tables may lag behind
//! the log or be lost, and are never wrong.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use consensus::Record;
use consensus::ledger::{Decided, Tip};
use consensus::sbac::session::Session;
use model::api::{Exhibit, Progress};
use model::block::BlockRef;
use model::encoding;
use model::state::{ForeignRecord, SessionRecord};
use model::statement::Scope;
use model::{Fact, Hash, HeadCertificate, Height, NetworkId, NodeId, Object, ObjectId};
use model::{ShardId, TransactionId};
use redb::{
    Database, Durability, Key, ReadTransaction, ReadableDatabase as _, ReadableTable as _,
    StorageBackend, TableDefinition, TableError, WriteTransaction,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::changes::{BlockRow, Changes, Place};
use super::log::Position;

/// What redb may keep in memory, in bytes. The replica holds the active objects itself, so this
/// serves clients and flushes only. A flush passes over each table once, in the order of its keys, so
/// more than what holds the inner pages and the page at hand would only help tables that fit in whole,
/// and those of a node that has run for an hour do not.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// The version of the tables.
const FORMAT: u32 = 4;

type Id = &'static [u8; 32];
type Encoded = &'static [u8];

const META: TableDefinition<&str, Encoded> = TableDefinition::new("meta");
const OBJECTS: TableDefinition<Id, Encoded> = TableDefinition::new("objects");
const DECIDED: TableDefinition<Id, Encoded> = TableDefinition::new("decided");
const SESSIONS: TableDefinition<Id, Encoded> = TableDefinition::new("sessions");
const LABELS: TableDefinition<&[u8; 64], ()> = TableDefinition::new("labels");
const BLOCKS: TableDefinition<u64, Encoded> = TableDefinition::new("blocks");
const HEADS: TableDefinition<u64, Encoded> = TableDefinition::new("heads");
const TRANSACTIONS: TableDefinition<Id, Encoded> = TableDefinition::new("transactions");
const ACTS: TableDefinition<u32, Id> = TableDefinition::new("acts");
const EVIDENCE: TableDefinition<u32, Encoded> = TableDefinition::new("evidence");

/// The entry of `meta` that says whose tables they are.
const OWNER: &str = "owner";

/// The entry of `meta` with the [`Checkpoint`], there since the first write.
const CHECKPOINT: &str = "checkpoint";

/// Whose tables they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) network: NetworkId,
    pub(super) node: NodeId,
    pub(super) shard: ShardId,
}

/// What is written with every change of the tables: the rest of the state, and how it goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// Network, shard and epoch.
    pub(super) scope: Scope,
    /// The last block that the tables reflect.
    pub(super) tip: Tip,
    /// The block after which the history that is kept begins: none, or that of the state that the node
    /// began with.
    pub(super) began: Progress,
    /// The highest head with the signatures of a quorum.
    pub(super) certified: Height,
    /// The first record of the log that the tables do not reflect.
    pub(super) position: Position,
    /// Where earlier records have blocks that are not final yet.
    pub(super) bodies: Vec<(BlockRef, Position)>,
    /// What the replica holds beyond its ledger.
    pub(super) open: Vec<Record>,
    /// What the ledger has heard of other shards.
    pub(super) foreign: Vec<ForeignRecord>,
    /// What is known of shards and epochs.
    pub(super) facts: Vec<Fact>,
}

/// The tables.
pub(super) struct Tables {
    database: Database,
}

/// The tables as they were at one moment.
pub(super) struct Snapshot {
    transaction: ReadTransaction,
}

impl Tables {
    /// Opens the tables of `identity`, or makes empty ones.
    ///
    /// A node that was ended before it had anything of a shard may have come to another one. So tables
    /// that were never written are made anew for another shard, if the log is blank as well.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if they are damaged, or not this node's.
    pub(super) fn open(
        backend: impl StorageBackend,
        identity: &Identity,
        log_is_blank: bool,
    ) -> Result<Self, StoreError> {
        let tables = Self::of(backend)?;
        match tables.identity()? {
            Some((FORMAT, found)) => match found.check(identity) {
                Err(StoreError::OtherShard { .. })
                    if log_is_blank && tables.snapshot()?.checkpoint()?.is_none() =>
                {
                    tables.begin(identity)?;
                }
                checked => checked?,
            },
            Some((found, _)) => {
                return Err(StoreError::Format {
                    found,
                    known: FORMAT,
                });
            }
            None => tables.begin(identity)?,
        }
        Ok(tables)
    }

    /// Of which shard tables are that were made before, and what was known of shards and epochs when
    /// they were written. `None` if there is nothing in them: tables that were never written bind a node
    /// to a shard by what is in its log, and to none if that is blank.
    ///
    /// # Errors
    ///
    /// As [`Tables::open`].
    pub(super) fn left(
        backend: impl StorageBackend,
        network: NetworkId,
        node: NodeId,
        log_is_blank: bool,
    ) -> Result<Option<(ShardId, Vec<Fact>)>, StoreError> {
        let tables = Self::of(backend)?;
        let Some((found, identity)) = tables.identity()? else {
            return Ok(None);
        };
        if found != FORMAT {
            let known = FORMAT;
            return Err(StoreError::Format { found, known });
        }
        let shard = identity.shard;
        identity.check(&Identity {
            network,
            node,
            shard,
        })?;
        let kept = tables.snapshot()?.checkpoint()?;
        if kept.is_none() && log_is_blank {
            return Ok(None);
        }
        Ok(Some((shard, kept.map_or_else(Vec::new, |kept| kept.facts))))
    }

    fn of(backend: impl StorageBackend) -> Result<Self, StoreError> {
        let database = redb::Builder::new()
            .set_cache_size(CACHE_BYTES)
            .create_with_backend(backend)
            .map_err(failed("open the tables"))?;
        Ok(Self { database })
    }

    /// The version and the owner of the tables, `None` if they have just been made.
    fn identity(&self) -> Result<Option<(u32, Identity)>, StoreError> {
        let snapshot = self.snapshot()?;
        match snapshot.transaction.open_table(META) {
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            _ => snapshot.get(META, OWNER),
        }
    }

    /// Makes all tables, so that readers find them.
    fn begin(&self, identity: &Identity) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.open_table(OBJECTS)?;
            transaction.open_table(DECIDED)?;
            transaction.open_table(SESSIONS)?;
            transaction.open_table(LABELS)?;
            transaction.open_table(BLOCKS)?;
            transaction.open_table(HEADS)?;
            transaction.open_table(TRANSACTIONS)?;
            transaction.open_table(EVIDENCE)?;
            transaction.open_table(ACTS)?;
            let owner = encoding::encode(&(FORMAT, identity));
            transaction.open_table(META)?.insert(OWNER, &owner[..])?;
            Ok(())
        })
    }

    /// Writes changes and the checkpoint that goes with them, durably and all or nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Tables`].
    pub(super) fn commit(
        &self,
        changes: &Changes,
        checkpoint: &Checkpoint,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            put_all(
                transaction,
                OBJECTS,
                &changes.objects,
                ObjectId::as_bytes,
                |object| encoding::encode(&**object),
            )?;
            let by_transaction = TransactionId::as_bytes;
            put_all(
                transaction,
                DECIDED,
                &changes.decided,
                by_transaction,
                encoding::encode,
            )?;
            put_all(
                transaction,
                SESSIONS,
                &changes.sessions,
                by_transaction,
                |session| encoding::encode(&session.record()),
            )?;
            put_labels(transaction, changes)?;
            let mut blocks = transaction.open_table(BLOCKS)?;
            for (height, row) in &changes.blocks {
                blocks.insert(height.number(), &encoding::encode(row)[..])?;
            }
            let mut heads = transaction.open_table(HEADS)?;
            for (height, head) in &changes.heads {
                heads.insert(height.number(), &encoding::encode(head)[..])?;
            }
            let mut transactions = transaction.open_table(TRANSACTIONS)?;
            for (id, place) in &changes.transactions {
                transactions.insert(id.as_bytes(), &encoding::encode(place)[..])?;
            }
            let mut acts = transaction.open_table(ACTS)?;
            for (number, id) in &changes.acts {
                acts.insert(number, id.as_bytes())?;
            }
            let mut evidence = transaction.open_table(EVIDENCE)?;
            for (number, exhibit) in &changes.evidence {
                evidence.insert(number, &encoding::encode(exhibit)[..])?;
            }
            let checkpoint = encoding::encode(checkpoint);
            transaction
                .open_table(META)?
                .insert(CHECKPOINT, &checkpoint[..])?;
            Ok(())
        })
    }

    fn write(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), StoreError> {
        let run = || {
            let mut transaction = self.database.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            transaction.set_two_phase_commit(true);
            transaction.set_quick_repair(true);
            work(&transaction)?;
            transaction.commit()?;
            Ok::<(), redb::Error>(())
        };
        run().map_err(failed("write the tables"))
    }

    /// The tables as they are now.
    pub(super) fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let transaction = self.database.begin_read();
        let transaction = transaction.map_err(failed("read the tables"))?;
        Ok(Snapshot { transaction })
    }
}

impl Identity {
    fn check(&self, configured: &Self) -> Result<(), StoreError> {
        if self.network != configured.network {
            return Err(StoreError::OtherNetwork {
                found: self.network,
                expected: configured.network,
            });
        }
        if self.node != configured.node {
            return Err(StoreError::OtherNode {
                found: self.node,
                expected: configured.node,
            });
        }
        if self.shard != configured.shard {
            return Err(StoreError::OtherShard {
                found: self.shard,
                expected: configured.shard,
            });
        }
        Ok(())
    }
}

fn put_all<K, T>(
    transaction: &WriteTransaction,
    table: TableDefinition<Id, Encoded>,
    changes: &BTreeMap<K, Option<T>>,
    key: impl Fn(&K) -> &[u8; 32],
    encode: impl Fn(&T) -> Vec<u8>,
) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(table)?;
    for (id, change) in changes {
        match change {
            Some(value) => table.insert(key(id), &encode(value)[..])?,
            None => table.remove(key(id))?,
        };
    }
    Ok(())
}

fn put_labels(transaction: &WriteTransaction, changes: &Changes) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(LABELS)?;
    for ((label, id), change) in &changes.labels {
        let key = label_key(label, id);
        match change {
            Some(()) => table.insert(&key, ())?,
            None => table.remove(&key)?,
        };
    }
    Ok(())
}

/// The key of an entry of [`LABELS`]: entries with one label are neighbours.
fn label_key(label: &Hash, id: &ObjectId) -> [u8; 64] {
    let mut key = [0; 64];
    key[..32].copy_from_slice(label.as_bytes());
    key[32..].copy_from_slice(id.as_bytes());
    key
}

impl Snapshot {
    pub(super) fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        self.get(META, CHECKPOINT)
    }

    pub(super) fn object(&self, id: &ObjectId) -> Result<Option<Object>, StoreError> {
        self.get(OBJECTS, id.as_bytes())
    }

    pub(super) fn block(&self, height: Height) -> Result<Option<BlockRow>, StoreError> {
        self.get(BLOCKS, height.number())
    }

    pub(super) fn head(&self, height: Height) -> Result<Option<HeadCertificate>, StoreError> {
        self.get(HEADS, height.number())
    }

    pub(super) fn place(&self, transaction: &TransactionId) -> Result<Option<Place>, StoreError> {
        self.get(TRANSACTIONS, transaction.as_bytes())
    }

    /// Whether a transaction is under way.
    pub(super) fn has_session(&self, transaction: &TransactionId) -> Result<bool, StoreError> {
        let read = || {
            let sessions = self.transaction.open_table(SESSIONS)?;
            Ok::<_, redb::Error>(sessions.get(transaction.as_bytes())?.is_some())
        };
        read().map_err(failed("read the tables"))
    }

    /// All active objects.
    pub(super) fn objects(&self) -> Result<BTreeMap<ObjectId, Arc<Object>>, StoreError> {
        self.all(OBJECTS, |key, object| {
            (ObjectId::from_bytes(key), Arc::new(object))
        })
    }

    /// Whether a transaction has ended and is remembered.
    pub(super) fn has_decided(&self, transaction: &TransactionId) -> Result<bool, StoreError> {
        let read = || {
            let decided = self.transaction.open_table(DECIDED)?;
            Ok::<_, redb::Error>(decided.get(transaction.as_bytes())?.is_some())
        };
        read().map_err(failed("read the tables"))
    }

    /// All decided transactions whose deadlines are not over.
    pub(super) fn decided(&self) -> Result<BTreeMap<TransactionId, Decided>, StoreError> {
        self.all(DECIDED, |key, decided| {
            (TransactionId::from_bytes(key), decided)
        })
    }

    /// The acts of the shard, in the order of their numbers.
    pub(super) fn acts(&self) -> Result<Vec<TransactionId>, StoreError> {
        let table = self.transaction.open_table(ACTS);
        let table = table.map_err(failed("read the tables"))?;
        let rows = table.iter().map_err(failed("read the tables"))?;
        let rows = rows.map(|row| {
            let (_, id) = row.map_err(failed("read the tables"))?;
            Ok(TransactionId::from_bytes(*id.value()))
        });
        rows.collect()
    }

    /// All proofs of lies, in the order of their numbers.
    pub(super) fn evidence(&self) -> Result<Vec<Exhibit>, StoreError> {
        let table = self.transaction.open_table(EVIDENCE);
        let table = table.map_err(failed("read the tables"))?;
        let rows = table.iter().map_err(failed("read the tables"))?;
        let rows = rows.map(|row| decode(row.map_err(failed("read the tables"))?.1.value()));
        rows.collect()
    }

    /// All transactions that several shards have begun and not finished.
    pub(super) fn sessions(
        &self,
        network: &NetworkId,
    ) -> Result<BTreeMap<TransactionId, Arc<Session>>, StoreError> {
        let stored = self.all(SESSIONS, |key, stored: SessionRecord| {
            (TransactionId::from_bytes(key), stored)
        })?;
        let restored = stored.into_iter().map(|(id, stored)| {
            let damaged = || StoreError::Tables {
                doing: "read a session of the tables",
                reason: format!("transaction {id} is not well-formed"),
            };
            let session = Session::of(stored, network).ok_or_else(damaged)?;
            Ok((id, Arc::new(session)))
        });
        restored.collect()
    }

    /// The first `count` objects with `label` after `after` that `wanted` wants, ascending.
    pub(super) fn labelled(
        &self,
        label: Hash,
        after: Option<ObjectId>,
        count: usize,
        wanted: impl Fn(&ObjectId) -> bool,
    ) -> Result<Vec<ObjectId>, StoreError> {
        let first = label_key(&label, &after.unwrap_or(ObjectId::from_bytes([0; 32])));
        let last = label_key(&label, &ObjectId::from_bytes([0xff; 32]));
        let read = || {
            let mut found = Vec::new();
            let table = self.transaction.open_table(LABELS)?;
            for entry in table.range::<&[u8; 64]>(&first..=&last)? {
                let (key, ()) = (entry?.0, ());
                let (_, id) = key.value().split_at(32);
                let id = ObjectId::from_bytes(id.try_into().expect("half of 64 bytes"));
                if Some(id) != after && wanted(&id) {
                    found.push(id);
                }
                if found.len() == count {
                    break;
                }
            }
            Ok::<_, redb::Error>(found)
        };
        read().map_err(failed("read the tables"))
    }

    fn get<'k, K, T>(
        &self,
        table: TableDefinition<K, Encoded>,
        key: K::SelfType<'k>,
    ) -> Result<Option<T>, StoreError>
    where
        K: Key + 'static,
        T: Serialize + DeserializeOwned,
    {
        let read = || Ok::<_, redb::Error>(self.transaction.open_table(table)?.get(key)?);
        let value = read().map_err(failed("read the tables"))?;
        value.map(|value| decode(value.value())).transpose()
    }

    fn all<K: Ord, T: Serialize + DeserializeOwned, V>(
        &self,
        table: TableDefinition<Id, Encoded>,
        entry: impl Fn([u8; 32], T) -> (K, V),
    ) -> Result<BTreeMap<K, V>, StoreError> {
        let table = self.transaction.open_table(table);
        let table = table.map_err(failed("read the tables"))?;
        let rows = table.iter().map_err(failed("read the tables"))?;
        let rows = rows.map(|row| {
            let (key, value) = row.map_err(failed("read the tables"))?;
            Ok(entry(*key.value(), decode(value.value())?))
        });
        rows.collect()
    }
}

/// A value of the tables. Its length is bounded by what this node once wrote.
fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    encoding::decode(bytes, bytes.len()).map_err(|reason| StoreError::Tables {
        doing: "decode the tables",
        reason: reason.to_string(),
    })
}

fn failed<E: Display>(doing: &'static str) -> impl Fn(E) -> StoreError {
    move |reason| StoreError::Tables {
        doing,
        reason: reason.to_string(),
    }
}
