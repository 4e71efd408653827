//! The lies that a node holds proofs of: first of all in its log, whose segments are not kept for ever,
//! and then in the tables, which are.
//!
//! One record of each kind against each node of a shard is kept. It is enough to have the node removed, and a
//! liar fills nothing. Nor does a shard of liars: whoever founds one has as many keys as it likes, so what is
//! kept about it takes no room from other shards.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use model::api::{EvidencePage, Exhibit, PAGE_EXHIBITS_MAX, Progress};
use model::bounds::GENESIS_SHARDS_MAX;
use model::{LieKind, Malpractice, NodeId, ShardId};

/// Records about a node's own shard that it keeps: more than one of each of the six kinds against each of a
/// hundred members. Its shard has agreed to every one of them.
const OWN_EXHIBITS_MAX: usize = 1_024;

/// Records about one other shard. If a third of a hundred members lie in each of the six ways, all 198 fit;
/// beyond that a shard is not to be trusted in any case.
const SHARD_EXHIBITS_MAX: usize = 256;

/// Records about all [late](LATE) shards together: of sixteen that are full. There may be any number of such
/// shards, and all records are in memory.
const LATE_EXHIBITS_MAX: usize = 4_096;

/// The first shard that was certainly founded by a transaction: a genesis document has no more shards, it
/// numbers them from 0 on unless it skips some, and a founded shard gets the next number. The room of the
/// shards before this one depends on nobody else.
const LATE: ShardId = ShardId::new(GENESIS_SHARDS_MAX as u32);

/// Who is known to lie in the name of which shard, and about what, as far as there is room.
///
/// A lie counts for the shard in whose name it was told, and for no other shard of the same node: only that
/// shard excludes it.
#[derive(Debug, Default)]
pub(crate) struct Liars(BTreeMap<ShardId, BTreeSet<(NodeId, LieKind)>>);

impl Liars {
    /// Whether a node of the shard `own` should know of a lie: there was none of its kind before, and there
    /// is room.
    pub(crate) fn wants(&self, record: &Malpractice, own: Option<ShardId>) -> bool {
        let (_, shard) = record.lie.told_in();
        let told = self.0.get(&shard);
        if told.is_some_and(|told| told.contains(&about(record))) {
            return false;
        }
        let count = told.map_or(0, BTreeSet::len);
        if own == Some(shard) {
            return count < OWN_EXHIBITS_MAX;
        }
        let has_room = shard < LATE || self.late(own) < LATE_EXHIBITS_MAX;
        has_room && count < SHARD_EXHIBITS_MAX
    }

    /// Takes in a lie if it is [wanted](Liars::wants). Whether it was.
    pub(crate) fn take(&mut self, record: &Malpractice, own: Option<ShardId>) -> bool {
        let wanted = self.wants(record, own);
        if wanted {
            self.remember(record);
        }
        wanted
    }

    fn remember(&mut self, record: &Malpractice) {
        let (_, shard) = record.lie.told_in();
        self.0.entry(shard).or_default().insert(about(record));
    }

    /// How many lies of late shards there are, those of the shard `own` aside.
    fn late(&self, own: Option<ShardId>) -> usize {
        let late = self.0.range(LATE..);
        let others = late.filter(|(shard, _)| own != Some(**shard));
        others.map(|(_, told)| told.len()).sum()
    }
}

fn about(record: &Malpractice) -> (NodeId, LieKind) {
    (record.node, record.lie.kind())
}

/// The records, in the order in which the node came to them. All are in memory: there are few.
#[derive(Debug)]
pub(super) struct Evidence {
    /// The shard of the node.
    own: ShardId,
    exhibits: Vec<Exhibit>,
    liars: Liars,
}

impl Evidence {
    /// These records of a node of the shard `own`, as the tables have them. All of them stay, whatever there
    /// would be room for: the next one gets the number after theirs.
    pub(super) fn restore(own: ShardId, exhibits: Vec<Exhibit>) -> Self {
        let mut liars = Liars::default();
        for exhibit in &exhibits {
            liars.remember(&exhibit.record);
        }
        Self {
            own,
            exhibits,
            liars,
        }
    }

    /// Takes in a record that was `seen` at a height. Its number and the exhibit that it became, unless
    /// there is one of its kind or no room.
    pub(super) fn add(&mut self, seen: Progress, record: &Malpractice) -> Option<(u32, Exhibit)> {
        if !self.liars.take(record, Some(self.own)) {
            return None;
        }
        let exhibit = Exhibit {
            seen,
            record: record.clone(),
        };
        let number = self.count();
        self.exhibits.push(exhibit.clone());
        Some((number, exhibit))
    }

    /// How many records there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.exhibits.len()).expect("there are few")
    }

    /// The records after the first so many, as many as fit on a page.
    pub(super) fn page(&self, after: u32) -> EvidencePage {
        let first = usize::try_from(after).unwrap_or(usize::MAX);
        let rest = self.exhibits.get(first..).unwrap_or_default();
        let page = rest.chunks(PAGE_EXHIBITS_MAX).next().unwrap_or_default();
        EvidencePage {
            exhibits: page.to_vec(),
            more: rest.len() > page.len(),
        }
    }
}
