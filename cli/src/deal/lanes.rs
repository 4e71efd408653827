//! What `send --watch` shows: a line for each shard that takes part, with what happened there and when.
//!
//! ```text
//! shard 0  n2 has it 15 ms -- n1 has it 16 ms -- commit 21 ms, height 12, signed by 3 of 4
//! ```
//!
//! Times count from when the transaction was recorded, which is before anything is sent. A lane is written
//! when its shard has decided, and before that only when there is a long wait. Nothing that is written is
//! drawn again, so that it is the same in a narrow terminal, in a pipe and in a file.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use client::{Event, Progress};
use model::{NodeId, Outcome, ShardId, TransactionId};

/// Between two things that happened in one shard.
const THEN: &str = " \u{2500}\u{2500} ";

/// The lanes of the transaction that was recorded or taken up last.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    transaction: Option<TransactionId>,
    /// When that was, in milliseconds since the command began.
    began: u64,
    /// What has happened in each shard that has not decided, and is not written yet.
    lanes: BTreeMap<ShardId, Vec<String>>,
}

impl Lanes {
    /// Something has happened. The lanes that are to be written now.
    pub(super) fn add(
        &mut self,
        progress: &Progress,
        name: impl Fn(&NodeId) -> String,
    ) -> Vec<String> {
        let at = progress.milliseconds.saturating_sub(self.began);
        match &progress.event {
            Event::Recorded {
                transaction,
                shards,
                ..
            } => {
                let before = self.rest();
                self.begin(*transaction, progress.milliseconds);
                self.lanes = shards.iter().map(|shard| (*shard, Vec::new())).collect();
                before
            }
            Event::Resumed { transaction, .. } => {
                self.begin(*transaction, progress.milliseconds);
                Vec::new()
            }
            Event::Submitted { node, shard } => {
                self.step(*shard, format!("{} has it {at} ms", name(node)));
                Vec::new()
            }
            Event::UnderWay { transaction, shard } if self.transaction == Some(*transaction) => {
                self.step(*shard, format!("begun, not decided after {at} ms"));
                let steps = self.lanes.get_mut(shard).map(std::mem::take);
                steps.iter().map(|steps| lane(*shard, steps)).collect()
            }
            Event::Verified {
                transaction,
                shard,
                height,
                outcome,
                signatures,
                members,
            } if self.transaction == Some(*transaction) => {
                let word = match outcome {
                    Outcome::Committed => "commit",
                    Outcome::Aborted(_) => "abort",
                };
                let step =
                    format!("{word} {at} ms, height {height}, signed by {signatures} of {members}");
                self.step(*shard, step);
                let steps = self.lanes.remove(shard);
                steps.iter().map(|steps| lane(*shard, steps)).collect()
            }
            // About another transaction, or for another line.
            Event::Verified { .. }
            | Event::UnderWay { .. }
            | Event::Trouble { .. }
            | Event::Waiting { .. }
            | Event::Asking { .. }
            | Event::Merging { .. }
            | Event::Retrying { .. } => Vec::new(),
        }
    }

    /// The lanes of those shards that have not decided: nothing more will be said about them.
    pub(super) fn rest(&mut self) -> Vec<String> {
        let lanes = std::mem::take(&mut self.lanes).into_iter();
        lanes
            .map(|(shard, mut steps)| {
                steps.push("no decision".to_owned());
                lane(shard, &steps)
            })
            .collect()
    }

    fn begin(&mut self, transaction: TransactionId, at: u64) {
        self.transaction = Some(transaction);
        self.began = at;
    }

    fn step(&mut self, shard: ShardId, step: String) {
        self.lanes.entry(shard).or_default().push(step);
    }
}

fn lane(shard: ShardId, steps: &[String]) -> String {
    format!("shard {shard}  {}", steps.join(THEN))
}
