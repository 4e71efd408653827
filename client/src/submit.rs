//! Submitting a transaction, and following it until it is decided.
//!
//! One *conversation* is held with each node that takes part: submit, wait for the decision, check
//! its proof, and begin again when the node loses its way. The first proven decision ends all of
//! them. Submitting again is safe: a transaction is decided once, however often it arrives.
//!
//! Each shard that a transaction concerns decides at its own time; what they say is put together in
//! [`together`].
//!
//! Paper: Section IV-C, Initial Broadcast: "the user may send the message to f+1 nodes of a single
//! shard, or f+1 nodes in each concerned shard".

mod conversation;
#[cfg(test)]
mod tests;
mod together;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use model::{NodeId, ShardId, Time, Transaction, TransactionId};
use tokio::time::{Instant, timeout_at};

use crate::api::{Api, AskError};
use crate::connection::Client;
use crate::error::Error;
use crate::follow::{Event, Watch};
use crate::outcome::{OutcomeUnknown, Settled, Verified};
use crate::spread::{Reserve, spread};
use conversation::Conversation;

pub(crate) use together::Together;

/// How long the first nodes have before the others are asked as well. On an idle network a
/// decision takes some milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the other shards have to say so as well when it is known that none of them commits.
const GRACE: Duration = Duration::from_secs(5);

/// What is followed.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// The transaction.
    pub(crate) id: TransactionId,
    /// The transaction itself, if it is to be submitted.
    pub(crate) submit: Option<&'a Transaction>,
    /// Its deadline, if it is known.
    pub(crate) valid_until: Option<Time>,
}

/// What became of a transaction in the time that there was.
pub(crate) enum Fate<T> {
    /// It is decided.
    Decided(T),
    /// Its deadline is over, a shard had not begun it by then, and so nobody ever commits it.
    Never,
    /// The nodes do not take it any more, or not yet: by their clocks its deadline is over, or too
    /// far ahead. It may still be decided.
    OutOfTime,
    /// It is not known.
    Open {
        /// What is known.
        unknown: OutcomeUnknown,
        /// Why no node can have received it, if that is so. Then nothing will come of it.
        unsent: Option<Error>,
        /// Whether a shard has begun it: then its deadline says nothing about when it is decided.
        under_way: bool,
    },
}

/// What a conversation came to.
enum Verdict {
    /// The decision, proven.
    Decided(Box<Verified>),
    /// The node says that its deadline is over, and that the transaction is neither decided nor begun.
    Over,
    /// The node says that it is out of time by its clock.
    OutOfTime,
    /// The node will never take the transaction.
    Refused(String),
    /// The node is of no help.
    Useless,
}

/// What the conversations about one transaction in one shard share.
struct Board<'a> {
    reserve: Reserve,
    watch: &'a Watch<'a>,
    /// Submissions that may have reached a node.
    sent: AtomicUsize,
    notes: Mutex<Notes>,
}

/// Who answers, and what is the matter with those who do not.
#[derive(Default)]
struct Notes {
    answering: BTreeSet<NodeId>,
    /// Those who say that the transaction has begun.
    under_way: BTreeSet<NodeId>,
    troubles: BTreeMap<NodeId, AskError>,
}

impl<A: Api> Client<A> {
    /// Submits a transaction to all shards that it concerns, and waits for all their decisions.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if a shard does not take it at all.
    pub(crate) async fn settle(
        &self,
        transaction: &Transaction,
        id: TransactionId,
        until: Instant,
        watch: &Watch<'_>,
    ) -> Result<Fate<Settled>, Error> {
        let subject = Subject {
            id,
            submit: Some(transaction),
            valid_until: Some(transaction.body.valid_until),
        };
        let started = Instant::now();
        let shards = &transaction.body.participants;
        let fate = self.follow_all(&subject, shards, until, watch).await?;
        Ok(match fate {
            Fate::Decided(decisions) => {
                Fate::Decided(Settled::new(id, transaction.clone(), decisions, started))
            }
            Fate::Never => Fate::Never,
            Fate::OutOfTime => Fate::OutOfTime,
            Fate::Open {
                unknown,
                unsent,
                under_way,
            } => Fate::Open {
                unknown,
                unsent,
                under_way,
            },
        })
    }

    /// Follows a transaction in all shards that it concerns: decided when all of them have decided, or
    /// when it is proven that none of them commits.
    ///
    /// # Errors
    ///
    /// As [`Client::settle`].
    pub(crate) async fn follow_all(
        &self,
        subject: &Subject<'_>,
        shards: &[ShardId],
        until: Instant,
        watch: &Watch<'_>,
    ) -> Result<Fate<Vec<Verified>>, Error> {
        let nothing = Together::default();
        self.follow_rest(subject, shards, nothing, until, watch)
            .await
    }

    /// As [`Client::follow_all`], when what some of the shards say is known.
    pub(crate) async fn follow_rest(
        &self,
        subject: &Subject<'_>,
        shards: &[ShardId],
        mut together: Together,
        until: Instant,
        watch: &Watch<'_>,
    ) -> Result<Fate<Vec<Verified>>, Error> {
        let started = Instant::now();
        let rest = shards.iter().filter(|shard| !together.knows(**shard));
        let mut following: FuturesUnordered<_> = rest
            .map(|shard| self.follow(subject, *shard, until, watch))
            .collect();
        // All of them end by themselves when the time is up.
        let mut patience = until + GRACE;
        while let Ok(Some(fate)) = timeout_at(patience, following.next()).await {
            together.hear(fate?);
            if together.cannot_commit() {
                patience = patience.min(Instant::now() + GRACE);
            }
        }
        Ok(together.conclude(shards, |shard| self.unknown(subject.id, shard, started, 0)))
    }

    /// Follows a transaction in one shard.
    pub(crate) async fn follow(
        &self,
        subject: &Subject<'_>,
        shard: ShardId,
        until: Instant,
        watch: &Watch<'_>,
    ) -> Result<Fate<Verified>, Error> {
        let started = Instant::now();
        let committee = self.committee_of(shard).await?;
        let enough = committee.honest_threshold();
        let mut nodes = self.nodes_of(&committee);
        let via = self.options().via.filter(|via| nodes.contains(via));
        nodes.sort_by_key(|node| via != Some(*node));

        let board = Board::new(watch);
        let mut conversations = spread(&nodes, enough, &board.reserve, |node| {
            let submits = via.is_none_or(|via| via == node);
            Conversation::new(self, &board, *subject, shard, node, submits).hold()
        });
        let (mut over, mut out_of_time, mut refused) = (0, 0, 0);
        while let Ok(Some((node, verdict))) = timeout_at(until, conversations.next()).await {
            board.reserve.call();
            match verdict {
                Verdict::Decided(decision) => {
                    watch.tell(verified(subject.id, &decision));
                    return Ok(Fate::Decided(*decision));
                }
                Verdict::Over => over += 1,
                Verdict::OutOfTime => out_of_time += 1,
                Verdict::Refused(reason) => {
                    refused += 1;
                    if refused >= enough {
                        return Err(Error::Refused { shard, reason });
                    }
                }
                Verdict::Useless if via == Some(node) && !board.is_sent() => break,
                Verdict::Useless => {}
            }
            if over >= enough {
                return Ok(Fate::Never);
            }
            if over + out_of_time >= enough {
                return Ok(Fate::OutOfTime);
            }
        }
        drop(conversations);
        let notes = board.notes();
        let unsent = !board.is_sent() && (subject.submit.is_some() || notes.answering.is_empty());
        Ok(Fate::Open {
            unsent: unsent.then(|| self.unreachable(shard, notes.troubles.iter())),
            unknown: self.unknown(subject.id, shard, started, notes.answering.len()),
            // One of so many is honest.
            under_way: notes.under_way.len() >= enough,
        })
    }
}

fn verified(transaction: TransactionId, decision: &Verified) -> Event {
    Event::Verified {
        transaction,
        shard: decision.shard(),
        height: decision.height(),
        outcome: decision.outcome(),
        signatures: decision.signatures(),
        members: decision.members(),
    }
}

impl<'a> Board<'a> {
    fn new(watch: &'a Watch<'a>) -> Self {
        Self {
            reserve: Reserve::new(PATIENCE),
            watch,
            sent: AtomicUsize::new(0),
            notes: Mutex::default(),
        }
    }

    // Whoever panicked with the lock left sets of which every state is a good one.
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the transaction may be with a node.
    fn is_sent(&self) -> bool {
        self.sent.load(Ordering::Relaxed) > 0
    }

    /// From now on the transaction may be with a node.
    fn note_sending(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// The transaction that was about to be sent did not leave.
    fn note_unsent(&self) {
        self.sent.fetch_sub(1, Ordering::Relaxed);
    }

    fn note_answer(&self, node: NodeId) {
        let mut notes = self.notes();
        notes.answering.insert(node);
        notes.troubles.remove(&node);
    }

    /// The node says that the shard has begun the transaction. Tells about the first one who does.
    fn note_under_way(&self, node: NodeId, transaction: TransactionId, shard: ShardId) {
        let mut notes = self.notes();
        let is_news = notes.under_way.is_empty();
        notes.under_way.insert(node);
        drop(notes);
        if is_news {
            self.watch.tell(Event::UnderWay { transaction, shard });
        }
    }

    /// Asks one more node in place of this one, and tells about it once for each reason.
    fn note_trouble(&self, node: NodeId, error: &AskError) {
        let mut notes = self.notes();
        notes.answering.remove(&node);
        let before = notes.troubles.insert(node, error.clone());
        drop(notes);
        if before.as_ref() != Some(error) {
            self.reserve.call();
            let reason = error.to_string();
            self.watch.tell(Event::Trouble { node, reason });
        }
    }
}
