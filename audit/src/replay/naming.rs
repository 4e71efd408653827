//! The state of the shard as its heads commit to it: what the audit knows of it, in the words of
//! [`model::state`].
//!
//! The auditor forgets nothing, so it leaves out what a shard that keeps to the rules of retention knows
//! no more.
//!
//! Paper: Section IV-A, checkpoints.

use model::state::{DecidedRecord, SessionRecord, ShardState, StageRecord, VoteRecords};
use model::{Object, ObjectId, ShardRecord};

use super::state::{Session, Stage, State, Votes};

impl State {
    /// The state after the last block. `next` is the record that follows, if an epoch ends here.
    pub(super) fn named<'a>(&'a self, next: Option<&'a ShardRecord>) -> ShardState<'a> {
        let kept = self.records.iter();
        let kept = kept.filter(|(_, record)| record.is_kept(self.time));
        let decided: Vec<DecidedRecord> = kept.map(|(id, record)| record.named(*id)).collect();
        let others = self.others.iter();
        let others = others.map(|(shard, other)| other.named(*shard));
        ShardState {
            objects: &self.objects,
            decided,
            sessions: self
                .sessions
                .values()
                .map(|held| self.session(held))
                .collect(),
            foreign: others.filter(|record| !record.is_empty()).collect(),
            next,
        }
    }

    fn session(&self, session: &Session) -> SessionRecord {
        SessionRecord {
            transaction: session.transaction.transaction().clone(),
            prepared: session.prepared,
            stage: self.stage(session),
            repeats: session.repeats,
            alarm: session.due,
        }
    }

    fn stage(&self, session: &Session) -> StageRecord {
        match &session.stage {
            Stage::Prepared {
                effects,
                read,
                heard,
            } => {
                let here = |object: &&ObjectId| self.objects.contains_key(*object);
                let created = effects.created.values();
                let created: Vec<Object> = created.map(|object| (**object).clone()).collect();
                StageRecord::Prepared {
                    consumed: effects.consumed.iter().filter(here).copied().collect(),
                    referenced: read.iter().copied().collect(),
                    created,
                    votes: heard.iter().copied().collect(),
                }
            }
            Stage::Open { heard } => StageRecord::Open(votes(heard)),
            Stage::Announced {
                verdict,
                heard,
                silent,
            } => StageRecord::Decided {
                verdict: *verdict,
                votes: votes(heard),
                waiting: silent.iter().copied().collect(),
            },
        }
    }
}

fn votes(heard: &Votes) -> VoteRecords {
    let votes = heard.iter();
    votes
        .map(|(shard, shown)| (*shard, shown.clone()))
        .collect()
}
