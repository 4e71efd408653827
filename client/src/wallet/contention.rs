//! Trying again, after an abort whose reason may pass.
//!
//! Transactions that want one object do not queue for it: while one holds it, all others are aborted
//! (sbac.md, 7). So whoever still wants to pay makes another attempt, with other accounts if there are
//! any, and else when the shard that has the object says what became of the transaction that held it.
//! Two that keep aborting each other wait for ever longer and different times in between.

use std::collections::BTreeMap;
use std::time::Duration;

use model::result::AbortReason;
use model::{Invalid, ObjectId, ShardId, Time, TransactionId};
use tokio::time::{Instant, sleep};

use super::Wallet;
use crate::api::Api;
use crate::describe;
use crate::error::Error;
use crate::follow::{Event, Watch};
use crate::outcome::Settled;
use crate::submit::{Fate, Subject};

/// The pause after the first abort. It doubles up to [`PAUSE_MAX`], and a random part is added to it,
/// as long as itself at most.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// What was in the way of the attempts at a payment.
#[derive(Default)]
pub(super) struct Contention {
    locks: BTreeMap<ObjectId, Lock>,
    aborts: u32,
    /// Whether others, who do not sign, may change what the attempts consume.
    shared: bool,
}

/// An object is held by a transaction, as the shard said that manages it.
#[derive(Clone, Copy)]
struct Lock {
    shard: ShardId,
    holder: TransactionId,
    /// The deadline of the holder.
    until: Time,
}

impl Contention {
    /// Nobody has been in the way yet. Objects that are `shared` may be consumed by anybody.
    pub(super) fn of(shared: bool) -> Self {
        Self {
            shared,
            ..Self::default()
        }
    }

    /// The objects that were found locked, and by whom.
    pub(super) fn held(&self) -> BTreeMap<ObjectId, TransactionId> {
        let locks = self.locks.iter();
        locks.map(|(object, lock)| (*object, lock.holder)).collect()
    }

    /// How long to wait before the next attempt.
    fn pause(&mut self) -> Duration {
        let pause = PAUSE_MAX.min(PAUSE_MIN * 2_u32.saturating_pow(self.aborts));
        self.aborts += 1;
        let mut random = [0];
        // Without randomness both of two may come back at one moment, and try again.
        let _ = getrandom::fill(&mut random);
        pause + pause * u32::from(random[0]) / u32::from(u8::MAX)
    }
}

impl<A: Api> Wallet<A> {
    /// Whether another attempt may fare better than one that was aborted, and is to be made: then what
    /// was in the way is noted, and there has been a pause.
    pub(super) async fn may_pass(
        &self,
        contention: &mut Contention,
        settled: &Settled,
        until: Instant,
        watch: &Watch<'_>,
    ) -> bool {
        match settled.cause() {
            Some((
                shard,
                AbortReason::Locked {
                    object,
                    holder,
                    until,
                },
            )) => {
                let lock = Lock {
                    shard,
                    holder,
                    until,
                };
                contention.locks.insert(object, lock);
            }
            Some((_, AbortReason::Deadline)) => {}
            // Somebody else was faster. The next attempt consumes what they made.
            Some((_, AbortReason::Invalid(Invalid::NotActive { .. }))) if contention.shared => {}
            Some(_) | None => return false,
        }
        let pause = contention.pause();
        // What a shard says that it committed has been paid, whatever a dishonest other one says.
        if settled.is_split() || Instant::now() + pause >= until {
            return false;
        }
        let addresses = self.client.addresses();
        watch.tell(Event::Retrying {
            transaction: settled.id,
            why: describe::settled(settled, addresses).unwrap_or_default(),
        });
        sleep(pause).await;
        true
    }

    /// Waits until the transaction that holds an object which was found locked is decided there. `None`
    /// if nothing was found that it holds.
    ///
    /// # Errors
    ///
    /// [`Error::Held`] if it is not decided in time.
    pub(super) async fn wait_for_lock(
        &self,
        contention: &mut Contention,
        holder: TransactionId,
        until: Instant,
        watch: &Watch<'_>,
    ) -> Result<Option<()>, Error> {
        let mut locks = contention.locks.values();
        let Some(lock) = locks.find(|lock| lock.holder == holder).copied() else {
            return Ok(None);
        };
        watch.tell(Event::Waiting {
            transaction: holder,
        });
        let subject = Subject {
            id: holder,
            submit: None,
            valid_until: Some(lock.until),
        };
        let following = self.client.follow(&subject, lock.shard, until, watch);
        match following.await? {
            Fate::Decided(_) | Fate::Never => {
                contention.locks.retain(|_, lock| lock.holder != holder);
                Ok(Some(()))
            }
            Fate::OutOfTime | Fate::Open { .. } => Err(Error::Held {
                transaction: self.client.addresses().name(holder),
            }),
        }
    }
}
