//! What this node keeps of the directory for everybody.
//!
//! Anybody may hand in anything, so nothing is kept that was not checked, and everything has a bound.
//! A node record is kept if its node signed it and it is newer than the one we have. When there is no
//! room left, members of the ledger displace strangers, and strangers displace nobody: whoever makes
//! up a thousand nodes fills the room that members do not need. The same goes for the peers that say
//! they serve a shard; and they can say so of shards that exist, once we know which do.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use libp2p::PeerId;
use libp2p::kad::store::{Error, RecordStore, Result as StoreResult};
use libp2p::kad::{ProviderRecord, Record, RecordKey};
use model::{NodeId, ShardId};
use thiserror::Error;

use super::Key;
use crate::bounds::{
    PROVIDERS_MAX, RECORD_BYTES_MAX, RECORD_LIFETIME, RECORDS_MAX, UNKNOWN_KEYS_MAX,
};
use crate::clock::unix_ms;
use crate::record::{Proven, RecordError, Rules, SignedRecord};

/// What the ledger says, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// The members of all shards.
    pub(crate) nodes: BTreeSet<NodeId>,
    /// All shards. Empty as long as that is not known.
    pub(crate) shards: BTreeSet<ShardId>,
}

/// Why something is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Unkept {
    /// The record itself is no good.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// It belongs elsewhere.
    #[error("it was handed in under a key that is not its own")]
    OtherKey,
    /// We have one that is as new, or newer.
    #[error("a record as new as this one is known")]
    Stale,
    /// No member would displace anybody for it.
    #[error("there is no room for it")]
    Full,
}

/// See [the module](self).
pub(crate) struct Records {
    ours: PeerId,
    rules: Rules,
    known: Known,
    /// Where those are who serve the known shards.
    shard_keys: BTreeSet<Key>,
    records: BTreeMap<Key, Entry>,
    providers: BTreeMap<Key, Vec<ProviderRecord>>,
}

struct Entry {
    proven: Proven,
    record: Record,
}

impl Records {
    /// Nothing yet, at the peer `ours`.
    pub(crate) fn new(ours: PeerId, rules: Rules) -> Self {
        Self {
            ours,
            rules,
            known: Known::default(),
            shard_keys: BTreeSet::new(),
            records: BTreeMap::new(),
            providers: BTreeMap::new(),
        }
    }

    /// The ledger says this now. Providers of shards that it does not have are forgotten.
    pub(crate) fn set_known(&mut self, known: Known) {
        let key = |shard: &ShardId| Key::of_shard(&self.rules.network, *shard);
        self.shard_keys = known.shards.iter().map(key).collect();
        self.known = known;
        if !self.shard_keys.is_empty() {
            let (keys, ours) = (&self.shard_keys, &self.ours);
            self.providers.retain(|key, providers| {
                keys.contains(key) || providers.iter().any(|provider| provider.provider == *ours)
            });
        }
    }

    /// The newest record of a node, if there is one that has not expired.
    pub(crate) fn newest(&self, node: &NodeId) -> Option<&Proven> {
        let entry = self.records.get(&Key::of_node(&self.rules.network, node))?;
        (!entry.record.is_expired(Instant::now())).then_some(&entry.proven)
    }

    /// Takes a record that somebody hands in, or that answers a question of ours.
    ///
    /// # Errors
    ///
    /// [`Unkept`] says why it is not kept.
    pub(crate) fn offer(&mut self, key: &RecordKey, value: &[u8]) -> Result<Proven, Unkept> {
        self.offer_at(key, value, unix_ms())
    }

    fn offer_at(&mut self, key: &RecordKey, value: &[u8], now: u64) -> Result<Proven, Unkept> {
        let signed = SignedRecord::decode(value).map_err(RecordError::from)?;
        let own_key = Key::of_node(&self.rules.network, &signed.record.node);
        if Key::read(key) != Some(own_key) {
            return Err(Unkept::OtherKey);
        }
        // Before the signature, which costs a thousand times as much.
        let newest = self.records.get(&own_key).map(|e| e.proven.sequence);
        if newest.is_some_and(|newest| signed.record.sequence <= newest) {
            return Err(Unkept::Stale);
        }
        let proven = signed.prove(&self.rules, now)?;
        self.keep(own_key, proven.clone(), value.to_vec(), now)?;
        Ok(proven)
    }

    fn keep(&mut self, key: Key, proven: Proven, value: Vec<u8>, now: u64) -> Result<(), Unkept> {
        if !self.records.contains_key(&key) && self.records.len() >= RECORDS_MAX {
            self.make_room(&proven.node)?;
        }
        let left = Duration::from_millis(proven.expires - now).min(RECORD_LIFETIME);
        let record = Record {
            key: key.into(),
            value,
            publisher: Some(proven.peer),
            expires: Some(Instant::now() + left),
        };
        self.records.insert(key, Entry { proven, record });
        Ok(())
    }

    /// Removes a record that has expired, or else for a member the stranger's that expires first.
    fn make_room(&mut self, node: &NodeId) -> Result<(), Unkept> {
        let now = Instant::now();
        let may_go = |entry: &Entry| {
            let stranger = !self.known.nodes.contains(&entry.proven.node);
            let for_member = stranger && self.known.nodes.contains(node);
            entry.proven.peer != self.ours && (for_member || entry.record.is_expired(now))
        };
        let candidates = self.records.iter().filter(|(_, entry)| may_go(entry));
        let first = candidates.min_by_key(|(_, entry)| entry.record.expires);
        let key = *first.ok_or(Unkept::Full)?.0;
        self.records.remove(&key);
        Ok(())
    }

    /// Takes what a peer says about itself: that it serves something.
    ///
    /// # Errors
    ///
    /// [`Unkept`] says why it is not kept.
    pub(crate) fn offer_provider(&mut self, mut offered: ProviderRecord) -> Result<(), Unkept> {
        let key = Key::read(&offered.key).ok_or(Unkept::OtherKey)?;
        let own = offered.provider == self.ours;
        let wanted = own || self.shard_keys.is_empty() || self.shard_keys.contains(&key);
        if !wanted {
            return Err(Unkept::OtherKey);
        }
        let now = Instant::now();
        self.forget_providers(now);
        if !own && !self.providers.contains_key(&key) && self.providers.len() >= UNKNOWN_KEYS_MAX {
            return Err(Unkept::Full);
        }
        let reach = self.rules.reach;
        offered.addresses.retain(|address| reach.admits(address));
        offered.addresses.truncate(model::bounds::ADDRESSES_MAX);
        let mut providers = self.providers.remove(&key).unwrap_or_default();
        providers.retain(|provider| provider.provider != offered.provider);
        let kept = self.has_room(&mut providers, &offered.provider);
        if kept {
            providers.push(offered);
        }
        self.providers.insert(key, providers);
        kept.then_some(()).ok_or(Unkept::Full)
    }

    /// Whether there is room for one more provider. A member makes room at the expense of strangers.
    fn has_room(&self, providers: &mut Vec<ProviderRecord>, peer: &PeerId) -> bool {
        if providers.len() < PROVIDERS_MAX || *peer == self.ours {
            return true;
        }
        if !self.is_member(peer) {
            return false;
        }
        let stranger = |p: &ProviderRecord| p.provider != self.ours && !self.is_member(&p.provider);
        let displaced = providers.iter().position(stranger);
        displaced.map(|at| providers.remove(at)).is_some()
    }

    /// Whether a peer is that of a member, as far as we have its record.
    fn is_member(&self, peer: &PeerId) -> bool {
        let of_member = |entry: &Entry| {
            entry.proven.peer == *peer && self.known.nodes.contains(&entry.proven.node)
        };
        self.records.values().any(of_member)
    }

    fn forget_providers(&mut self, now: Instant) {
        self.providers.retain(|_, providers| {
            providers.retain(|provider| !provider.is_expired(now));
            !providers.is_empty()
        });
    }
}

/// What libp2p sees. It reads what peers ask for, and puts in what this node says of itself.
impl RecordStore for Records {
    type RecordsIter<'a> = Box<dyn Iterator<Item = Cow<'a, Record>> + 'a>;
    type ProvidedIter<'a> = Box<dyn Iterator<Item = Cow<'a, ProviderRecord>> + 'a>;

    fn get(&self, key: &RecordKey) -> Option<Cow<'_, Record>> {
        let entry = self.records.get(&Key::read(key)?)?;
        Some(Cow::Borrowed(&entry.record))
    }

    fn put(&mut self, record: Record) -> StoreResult<()> {
        if record.value.len() > RECORD_BYTES_MAX {
            return Err(Error::ValueTooLarge);
        }
        match self.offer(&record.key, &record.value) {
            Ok(_) | Err(Unkept::Stale) => Ok(()),
            Err(Unkept::Full | Unkept::OtherKey | Unkept::Record(_)) => Err(Error::MaxRecords),
        }
    }

    fn remove(&mut self, key: &RecordKey) {
        if let Some(key) = Key::read(key) {
            self.records.remove(&key);
        }
    }

    fn records(&self) -> Self::RecordsIter<'_> {
        let records = self.records.values();
        Box::new(records.map(|entry| Cow::Borrowed(&entry.record)))
    }

    fn add_provider(&mut self, record: ProviderRecord) -> StoreResult<()> {
        let kept = self.offer_provider(record);
        kept.map_err(|_| Error::MaxProvidedKeys)
    }

    fn providers(&self, key: &RecordKey) -> Vec<ProviderRecord> {
        let providers = Key::read(key).and_then(|key| self.providers.get(&key));
        providers.cloned().unwrap_or_default()
    }

    fn provided(&self) -> Self::ProvidedIter<'_> {
        let all = self.providers.values().flatten();
        let own = all.filter(|provider| provider.provider == self.ours);
        Box::new(own.map(Cow::Borrowed))
    }

    fn remove_provider(&mut self, key: &RecordKey, peer: &PeerId) {
        let Some(key) = Key::read(key) else {
            return;
        };
        if let Some(providers) = self.providers.get_mut(&key) {
            providers.retain(|provider| provider.provider != *peer);
            if providers.is_empty() {
                self.providers.remove(&key);
            }
        }
    }
}
