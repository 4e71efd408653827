//! The one door for what others say: frames of members and transactions of clients come in, and
//! only what is well-formed and signed by whom it says goes on to the event loop.
//!
//! Checking signatures is most of the work of a node, so it has a thread of its own. Everything that
//! waits is checked in one batch, and nothing waits for a batch to fill. What clients hand in is checked
//! apart, after what members say and not too much of it at once: a false signature makes a batch be checked
//! one by one, and costs a client nothing to make.

mod doubt;
mod guard;
mod memo;
mod meter;
mod payers;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use consensus::Shards;
use consensus::message::{
    Admitted, Checks as _, Message, Refused as Inadmissible, TRANSACTIONS_MAX,
};
use consensus::sbac::letter::{AdmittedLetter, Letter};
use model::api::{Refused, Taken};
use model::shard::Seat;
use model::transaction::{Authorized, Malformed, WellFormed};
use model::{Epoch, NodeId, ShardId, Transaction};
use net::PeerName;
use tokio::sync::{mpsc, watch};

use crate::event::{Answer, BUSY, Event, Submission, Submitted};
use crate::reads::Reads;
use crate::registry::Known;
use guard::{Guard, is_false};
use memo::Memo;
pub use meter::Counters;
pub(crate) use meter::Meter;

/// Frames that are taken at once. It bounds how long the first of them waits for the last.
const FRAMES_AT_ONCE: usize = 256;

/// Submissions that are taken at once. A batch of signatures is as cheap as it gets from 64 on.
const SUBMISSIONS_AT_ONCE: usize = 512;

/// Signatures of clients that are checked at once. Members wait for no more than so many to be checked, which
/// takes some 20 ms if they have to be looked at one by one.
const SIGNATURES_AT_ONCE: usize = 512;

/// Why admission has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The network brings nothing more.
    Network,
    /// The event loop takes nothing more.
    EventLoop,
}

/// What admission holds.
pub(crate) struct Admission {
    known: watch::Receiver<Known>,
    /// As they are known last.
    shards: Shards,
    /// The members of other shards.
    foreigners: HashMap<NodeId, (ShardId, Seat)>,
    memo: Memo,
    meter: Arc<Meter>,
    guard: Option<Guard>,
}

/// Something that is being looked at, in the order of arrival.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives for one batch and is moved once"
)]
enum Arrived {
    /// Transactions of a member; the number of those that are well-formed.
    Transactions {
        from: Seat,
        epoch: Epoch,
        well_formed: usize,
    },
    /// Anything else of a member.
    Message {
        from: Seat,
        epoch: Epoch,
        message: Message,
    },
}

/// Who handed in a transaction, and waits to be told what became of it.
struct Submitter {
    client: Option<PeerName>,
    answer: Answer,
}

/// What came of submissions.
struct Checked {
    /// Those that are in order.
    submitted: Vec<Submitted>,
    /// The client of each one that no client makes.
    caught: Vec<PeerName>,
}

impl Admission {
    /// Admission to our shard among these, and those that become known.
    pub(crate) fn new(shards: Shards, known: watch::Receiver<Known>, meter: Arc<Meter>) -> Self {
        Self {
            foreigners: foreigners(&shards),
            known,
            shards,
            memo: Memo::new(Arc::clone(&meter)),
            meter,
            guard: None,
        }
    }

    /// From now on few transactions of clients are taken that use what is not in the tables, and clients
    /// with too many of them are reported.
    pub(crate) fn guarded(mut self, reads: Arc<Reads>, network: net::Handle) -> Self {
        self.guard = Some(Guard::new(reads, network));
        self
    }

    /// Admits what arrives, until the network or the event loop has ended.
    pub(crate) async fn run(
        mut self,
        mut frames: mpsc::Receiver<net::Frame>,
        mut letters: mpsc::Receiver<net::Frame>,
        mut submissions: mpsc::Receiver<Submission>,
        events: mpsc::Sender<Event>,
    ) -> Ended {
        let mut arrived = Vec::new();
        let mut foreign = Vec::new();
        let mut waiting: Vec<Submission> = Vec::new();
        loop {
            tokio::select! {
                count = frames.recv_many(&mut arrived, FRAMES_AT_ONCE) => {
                    if count == 0 {
                        return Ended::Network;
                    }
                }
                Some(first) = letters.recv() => foreign.push(first),
                Some(first) = submissions.recv(), if waiting.is_empty() => waiting.push(first),
                () = std::future::ready(()), if !waiting.is_empty() => {}
            }
            // Whatever else waits by now shares the batch.
            let room = FRAMES_AT_ONCE.saturating_sub(arrived.len());
            arrived.extend(std::iter::from_fn(|| frames.try_recv().ok()).take(room));
            let room = FRAMES_AT_ONCE.saturating_sub(foreign.len());
            foreign.extend(std::iter::from_fn(|| letters.try_recv().ok()).take(room));
            let room = SUBMISSIONS_AT_ONCE.saturating_sub(waiting.len());
            waiting.extend(std::iter::from_fn(|| submissions.try_recv().ok()).take(room));

            self.refresh();
            let frames = arrived.iter().map(|frame| (frame.from, &frame.bytes));
            let mut admitted = self.admit(frames);
            let letters = foreign.iter();
            let letters = letters.filter_map(|frame| self.admit_letter(frame.from, &frame.bytes));
            admitted.extend(letters);
            // Gives back the share of the members' budgets that the frames took.
            arrived.clear();
            foreign.clear();
            for event in admitted {
                if events.send(event).await.is_err() {
                    return Ended::EventLoop;
                }
            }
            let submitted = self.admit_submissions(take_batch(&mut waiting));
            if !submitted.is_empty() && events.send(Event::Submitted(submitted)).await.is_err() {
                return Ended::EventLoop;
            }
        }
    }

    /// Takes in what has become known of shards.
    fn refresh(&mut self) {
        if !self.known.has_changed().unwrap_or(false) {
            return;
        }
        let directory = self.known.borrow_and_update().directory.clone();
        let ours = self.shards.scope().shard;
        let last = directory.current(ours).map(|last| last.scope().epoch);
        let policy = Arc::clone(self.shards.policy());
        let shards = last.and_then(|last| Shards::within(directory, policy, ours, last));
        if let Some(shards) = shards {
            self.foreigners = foreigners(&shards);
            self.shards = shards;
        }
    }

    /// The shards with ours in the epoch in which a member speaks, if that is known.
    fn in_epoch(&self, epoch: Epoch) -> Cow<'_, Shards> {
        if epoch == self.shards.scope().epoch {
            return Cow::Borrowed(&self.shards);
        }
        self.shards
            .at(epoch)
            .map_or(Cow::Borrowed(&self.shards), Cow::Owned)
    }

    /// Admits frames together. What is left out was refused and counted.
    fn admit<'a>(&mut self, frames: impl Iterator<Item = (NodeId, &'a Bytes)>) -> Vec<Event> {
        let mut transactions = Vec::new();
        let arrived: Vec<Arrived> = frames
            .filter_map(|(from, bytes)| self.decode(from, bytes, &mut transactions))
            .collect();
        let mut verdicts = self.memo.authorize(transactions).into_iter();
        arrived
            .into_iter()
            .filter_map(|arrived| self.finish(arrived, &mut verdicts))
            .collect()
    }

    /// Admits submissions together. Of those that are left out their clients have been told why.
    fn admit_submissions(&mut self, submissions: Vec<Submission>) -> Vec<Submitted> {
        let Checked { submitted, caught } = self.check_submissions(submissions);
        self.meter.false_submissions.add(caught.len());
        if let Some(guard) = &mut self.guard {
            let now = Instant::now();
            for client in caught {
                guard.catches(client, now);
            }
        }
        submitted
    }

    /// Admits what a member of another shard says.
    fn admit_letter(&mut self, from: NodeId, bytes: &[u8]) -> Option<Event> {
        let Some((shard, seat)) = self.foreigners.get(&from).copied() else {
            self.meter.strangers.increment();
            return None;
        };
        let letter = Letter::decode(bytes).map_err(Inadmissible::from);
        let admitted = letter.and_then(|letter| letter.admit(&self.shards, &mut self.memo));
        let refused = match &admitted {
            Ok(AdmittedLetter::Unproven { reason, .. }) => Some(Inadmissible::from(*reason)),
            Ok(_) => None,
            Err(reason) => Some(reason.clone()),
        };
        if let Some(reason) = refused {
            self.meter.refused(&reason).increment();
            tracing::debug!(%shard, seat = seat.index(), %reason, "a letter was not admitted");
        }
        admitted.ok().map(|letter| Event::Letter {
            shard,
            seat,
            letter,
        })
    }

    /// What a frame says. Transactions in it that are well-formed are put to the others.
    fn decode(
        &self,
        from: NodeId,
        bytes: &[u8],
        transactions: &mut Vec<WellFormed>,
    ) -> Option<Arrived> {
        let decoded = match Message::decode_in(bytes) {
            Ok(decoded) => decoded,
            Err(error) => {
                self.refuse(from, &error.into());
                return None;
            }
        };
        let then = self.in_epoch(decoded.0);
        let seat = then.ours().seat(&from);
        let Some(from) = seat.or_else(|| self.shards.ours().seat(&from)) else {
            self.meter.strangers.increment();
            return None;
        };
        match decoded {
            (epoch, Message::Transactions(found)) if found.len() <= TRANSACTIONS_MAX => {
                let before = transactions.len();
                transactions.extend(found.into_iter().filter_map(|found| self.check_form(found)));
                let well_formed = transactions.len() - before;
                Some(Arrived::Transactions {
                    from,
                    epoch,
                    well_formed,
                })
            }
            (epoch, message) => Some(Arrived::Message {
                from,
                epoch,
                message,
            }),
        }
    }

    fn check_form(&self, transaction: Transaction) -> Option<WellFormed> {
        let checked = transaction.check_form(&self.shards.scope().network);
        if checked.is_err() {
            self.meter.transactions.increment();
        }
        checked.ok()
    }

    /// Whether a transaction of a client is to be looked at any further.
    fn is_welcome(&mut self, submission: &Submission) -> bool {
        let (Some(guard), Some(client)) = (&mut self.guard, submission.client) else {
            return true;
        };
        let now = Instant::now();
        if guard.turns_away(client, now) {
            self.meter.false_submissions.increment();
            return false;
        }
        let shard = self.shards.scope().shard;
        let is_welcome = guard.lets_in(client, &submission.transaction, shard, now);
        if !is_welcome {
            self.meter.unfunded.increment();
        }
        is_welcome
    }

    /// Checks submissions, and tells the clients of those that are refused.
    fn check_submissions(&mut self, submissions: Vec<Submission>) -> Checked {
        let mut caught = Vec::new();
        let mut submitters = Vec::with_capacity(submissions.len());
        let mut transactions = Vec::with_capacity(submissions.len());
        for submission in submissions {
            let is_welcome = self.is_welcome(&submission);
            let Submission {
                transaction,
                answer,
                client,
            } = submission;
            if !is_welcome {
                // The client may be gone.
                let _ = answer.send(Taken::Refused(BUSY));
                continue;
            }
            let submitter = Submitter { client, answer };
            match transaction.check_form(&self.shards.scope().network) {
                Ok(well_formed) => {
                    transactions.push(well_formed);
                    submitters.push(submitter);
                }
                Err(malformed) => caught.extend(submitter.refuse(&malformed)),
            }
        }
        let verdicts = self.memo.authorize(transactions);
        let mut submitted = Vec::with_capacity(submitters.len());
        for (submitter, verdict) in submitters.into_iter().zip(verdicts) {
            match verdict {
                Ok(transaction) => submitted.push(Submitted {
                    transaction,
                    answer: submitter.answer,
                }),
                Err(malformed) => caught.extend(submitter.refuse(&malformed)),
            }
        }
        Checked { submitted, caught }
    }

    fn finish(
        &mut self,
        arrived: Arrived,
        verdicts: &mut impl Iterator<Item = Result<Authorized, Malformed>>,
    ) -> Option<Event> {
        match arrived {
            Arrived::Transactions {
                from,
                epoch,
                well_formed,
            } => {
                let (good, bad): (Vec<_>, Vec<_>) =
                    verdicts.take(well_formed).partition(Result::is_ok);
                self.meter.transactions.add(bad.len());
                let message = Admitted::Transactions(good.into_iter().flatten().collect());
                Some(Event::Message {
                    from,
                    epoch,
                    message,
                })
            }
            Arrived::Message {
                from,
                epoch,
                message,
            } => {
                let then = self.in_epoch(epoch).into_owned();
                match message.admit(&then, &mut self.memo) {
                    Ok(message) => Some(Event::Message {
                        from,
                        epoch,
                        message,
                    }),
                    Err(reason) => {
                        let node = then.ours().member(from);
                        self.refuse(node.unwrap_or(then.ours().members()[0]), &reason);
                        None
                    }
                }
            }
        }
    }

    fn refuse(&self, from: NodeId, reason: &Inadmissible) {
        self.meter.refused(reason).increment();
        tracing::debug!(%from, %reason, "a message was not admitted");
    }
}

/// The members of all shards but ours.
fn foreigners(shards: &Shards) -> HashMap<NodeId, (ShardId, Seat)> {
    let members = shards.others().flat_map(|committee| {
        let shard = committee.scope().shard;
        let seats = committee.seats();
        seats.filter_map(move |seat| Some((committee.member(seat)?, (shard, seat))))
    });
    members.collect()
}

impl Submitter {
    /// Tells what is wrong with the transaction. The client, if no client makes such a one.
    fn refuse(self, malformed: &Malformed) -> Option<PeerName> {
        // The client may be gone.
        let _ = self
            .answer
            .send(Taken::Refused(Refused::malformed(malformed)));
        self.client.filter(|_| is_false(malformed))
    }
}

/// Takes the first of what waits: no more signatures than are checked at once, and one transaction at least.
fn take_batch(waiting: &mut Vec<Submission>) -> Vec<Submission> {
    let mut signatures = 0;
    let fitting = waiting.iter().take_while(|submission| {
        signatures += submission.transaction.authorizations.len();
        signatures <= SIGNATURES_AT_ONCE
    });
    let count = fitting.count().max(1).min(waiting.len());
    waiting.drain(..count).collect()
}
