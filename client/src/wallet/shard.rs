//! Founding shards, excluding nodes and recording new lists of them: what such a transaction consumes, and who has to agree first.
//!
//! The token and the records are nobody's. Somebody else may consume them at any moment, and then the
//! next attempt is about what they made: the shard gets another number, and its nodes are asked again.

use contracts::Content;
use model::{Object, ShardRecord, Signature};
use system_contracts::manage_shards::{self, Shard, Succession, Token};
use tokio::time::Instant;

use super::Wallet;
use super::deed::Deed;
use super::payment::Job;
use super::task::{Founding, Task};
use crate::api::Api;
use crate::error::Error;
use crate::follow::{Event, Watch};

impl<A: Api> Wallet<A> {
    /// The one object of ManageShards that a job consumes, as it is now. `None` if another transaction
    /// held it, which has been waited for.
    pub(super) async fn shared_input(
        &self,
        job: &mut Job,
        until: Instant,
        watch: &Watch<'_>,
    ) -> Result<Option<Vec<Object>>, Error> {
        let shard_list = self.shard_list().await?;
        let object = match &job.task {
            Task::Object(objection) => shard_list.shard(objection.shard)?.object.clone(),
            Task::Update(updating) => shard_list.shard(updating.change.next.shard)?.object.clone(),
            Task::Found(_) | Task::Pay(_) | Task::Move(_) => shard_list.token_object,
        };
        let Some(holder) = job.contention.held().get(&object.id()).copied() else {
            return Ok(Some(vec![object]));
        };
        let contention = &mut job.contention;
        self.wait_for_lock(contention, holder, until, watch).await?;
        Ok(None)
    }

    /// What a job does with these objects, with all that it takes besides them.
    pub(super) async fn deed(
        &self,
        task: &Task,
        inputs: &[Object],
        watch: &Watch<'_>,
    ) -> Result<Deed, Error> {
        Ok(match task {
            Task::Pay(order) => Deed::Pay(*order),
            Task::Move(moving) => Deed::Move(moving.home),
            Task::Object(objection) => Deed::Exclude(objection.evidence.clone()),
            Task::Update(updating) => {
                let shard = inputs
                    .first()
                    .map(|object| Shard::read(manage_shards::id(), object));
                let Some(Ok(Shard(before))) = shard else {
                    return Err(manage_shards::CannotRun::Inputs(Shard::TYPE).into());
                };
                let speakers = before
                    .committee(self.client.network())
                    .map_err(manage_shards::CannotRun::from)?;
                let change = &updating.change;
                Deed::Update {
                    next: change.next.clone(),
                    succession: Succession {
                        hand_over: change.hand_over.clone().among(&speakers),
                        consents: updating.consents.clone(),
                    },
                }
            }
            Task::Found(founding) => {
                let token = inputs
                    .first()
                    .map(|object| Token::read(manage_shards::id(), object));
                let Some(Ok(token)) = token else {
                    return Err(manage_shards::CannotRun::Inputs(Token::TYPE).into());
                };
                let record = founding.record(token.next);
                record
                    .check(self.client.network(), None)
                    .map_err(manage_shards::CannotRun::from)?;
                Deed::Found {
                    members: founding.members.clone(),
                    price: founding.price,
                    consents: self.consents(founding, &record, watch).await?,
                }
            }
        })
    }

    /// The consents of all nodes to a record.
    async fn consents(
        &self,
        founding: &Founding,
        record: &ShardRecord,
        watch: &Watch<'_>,
    ) -> Result<Vec<Signature>, Error> {
        if let Some(given) = &founding.consents {
            return self.client.sort_consents(record, None, given);
        }
        watch.tell(Event::Asking {
            shard: record.shard,
            nodes: founding.members.len(),
        });
        self.client.gather_consents(record, None).await
    }
}
