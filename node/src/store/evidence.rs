//! The lies that a node holds proofs of: first of all in its log, whose segments are not kept for ever,
//! and then in the tables, which are.
//!
//! One record of each kind against each node is kept. It is enough to have the node removed, and a liar
//! fills nothing.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use model::api::{EvidencePage, Exhibit, PAGE_EXHIBITS_MAX, Progress};
use model::{LieKind, Malpractice, NodeId};

/// Records that are kept. Beyond it there are more liars than a shard of the largest size has members.
pub const EXHIBITS_MAX: usize = 1_024;

/// The records, in the order in which the node came to them. All are in memory: there are few.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    exhibits: Vec<Exhibit>,
    known: BTreeSet<(NodeId, LieKind)>,
}

impl Evidence {
    /// These records, as the tables have them.
    pub(super) fn restore(exhibits: Vec<Exhibit>) -> Self {
        let mut evidence = Self::default();
        for Exhibit { seen, record } in exhibits {
            evidence.add(seen, &record);
        }
        evidence
    }

    /// Takes in a record that was `seen` at a height. Its number and the exhibit that it became, unless
    /// there is one of its kind or no room.
    pub(super) fn add(&mut self, seen: Progress, record: &Malpractice) -> Option<(u32, Exhibit)> {
        let about = (record.node, record.lie.kind());
        if self.exhibits.len() == EXHIBITS_MAX || !self.known.insert(about) {
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
