//! A new list of nodes for a shard: asking its members to be for it, and seeing it come into force.
//!
//! The members of the epoch that ends decide, by `2f + 1` approvals; whoever puts the list forward only
//! carries it to them. That the epoch has begun is believed when the hand-over proves it.
//!
//! Paper: Section VI-A, `MS.update`. Deviation: D-10.

#[cfg(test)]
mod tests;

use std::time::Duration;

use futures::future::join_all;
use model::api::{Request, Response};
use model::{Committee, Epoch, EpochChange, NodeDescriptor, Place, Plan, ShardId, ShardRecord};
use system_contracts::manage_shards::CannotRun;
use tokio::time::{Instant, sleep};

use crate::api::{Api, AskError};
use crate::connection::{ANSWER, Client, unexpected};
use crate::error::Error;

/// How often somebody is asked whether the epoch has begun.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How a member answers who is asked to be for a list of nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stance {
    /// The member.
    pub member: NodeDescriptor,
    /// Why it is not known to be for the list.
    pub answer: Result<(), AskError>,
}

impl<A: Api> Client<A> {
    /// The last record of a shard that nodes can prove, looked for now.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchShard`] if no node shows that there is such a shard.
    pub async fn last_record(&self, shard: ShardId) -> Result<ShardRecord, Error> {
        self.catch_up().await;
        self.committee_of(shard).await?;
        let record = self.known_record(shard);
        record.ok_or(Error::NoSuchShard(shard))
    }

    /// The record by which these nodes follow `before`.
    ///
    /// # Errors
    ///
    /// [`Error::CannotManage`] if they cannot.
    pub fn successor(
        &self,
        before: &ShardRecord,
        members: Vec<NodeDescriptor>,
        price: u64,
    ) -> Result<ShardRecord, Error> {
        let next = before.followed_by(members, price);
        let next = next.ok_or(CannotRun::Exhausted)?;
        let possible = next.check(self.network(), Some(before));
        possible.map_err(CannotRun::from)?;
        Ok(next)
    }

    /// Asks all members of `before` that have a seat to be for a plan. How each answers, in the order of
    /// the seats. Asking again changes nothing.
    pub async fn put_forward(&self, plan: &Plan, before: &ShardRecord) -> Vec<Stance> {
        let present = before.seats.iter().filter_map(|place| match place {
            Place::Taken(member) => Some(member),
            Place::Vacated(_) => None,
        });
        let asking = present.map(async |member| Stance {
            member: member.clone(),
            answer: self.ask_approval(plan, member).await,
        });
        join_all(asking).await
    }

    async fn ask_approval(&self, plan: &Plan, member: &NodeDescriptor) -> Result<(), AskError> {
        let request = Request::Approve(plan.clone());
        match self.api.ask_in_turn(&member.node, request, ANSWER).await? {
            Response::Accepted => Ok(()),
            Response::Refused(refused) => Err(AskError::Silent(refused.to_string())),
            other => Err(unexpected(&other)),
        }
    }

    /// Waits until a shard is proven to have begun this epoch, for so long. Its record then; `None` when the
    /// time is up.
    pub async fn begun(
        &self,
        shard: ShardId,
        epoch: Epoch,
        patience: Duration,
    ) -> Option<ShardRecord> {
        let until = Instant::now() + patience;
        loop {
            self.catch_up().await;
            let known = self.known_record(shard);
            if known.as_ref().is_some_and(|known| known.epoch >= epoch) {
                return known;
            }
            if Instant::now() >= until {
                return None;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// The step by which a shard left this epoch, if that is known.
    #[must_use]
    pub fn change_after(&self, shard: ShardId, epoch: Epoch) -> Option<EpochChange> {
        let known = self.members.known();
        let change = known.directory().changes(shard, epoch).next();
        change.map(|change| (**change).clone())
    }

    /// How many members of a record have to be for a plan.
    ///
    /// # Errors
    ///
    /// [`Error::CannotManage`] if the record is none of a shard.
    pub fn needed(&self, record: &ShardRecord) -> Result<usize, Error> {
        let committee = record.committee(self.network());
        let committee: Committee = committee.map_err(CannotRun::from)?;
        Ok(committee.quorum())
    }

    fn known_record(&self, shard: ShardId) -> Option<ShardRecord> {
        let known = self.members.known();
        known.directory().last_record(shard).cloned()
    }
}
