//! The one door for what others say: frames of members and transactions of clients come in, and
//! only what is well-formed and signed by whom it says goes on to the event loop.
//!
//! Checking signatures is most of the work of a node, so it has a thread of its own. Everything that
//! waits is checked in one batch, and nothing waits for a batch to fill.

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
use tokio::sync::{mpsc, watch};

use crate::event::{Answer, BUSY, Event, Submission, Submitted};
use crate::reads::Reads;
use crate::registry::Known;
use guard::Guard;
use memo::Memo;
pub use meter::Counters;
pub(crate) use meter::Meter;

/// Frames that are taken at once. It bounds how long the first of them waits for the last.
const FRAMES_AT_ONCE: usize = 256;

/// Submissions that are taken at once. A batch of signatures is as cheap as it gets from 64 on.
const SUBMISSIONS_AT_ONCE: usize = 512;

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
        let mut submitted = Vec::new();
        loop {
            tokio::select! {
                count = frames.recv_many(&mut arrived, FRAMES_AT_ONCE) => {
                    if count == 0 {
                        return Ended::Network;
                    }
                }
                Some(first) = letters.recv() => foreign.push(first),
                Some(first) = submissions.recv() => submitted.push(first),
            }
            // Whatever else waits by now shares the batch.
            let room = FRAMES_AT_ONCE.saturating_sub(arrived.len());
            arrived.extend(std::iter::from_fn(|| frames.try_recv().ok()).take(room));
            let room = FRAMES_AT_ONCE.saturating_sub(foreign.len());
            foreign.extend(std::iter::from_fn(|| letters.try_recv().ok()).take(room));
            let room = SUBMISSIONS_AT_ONCE.saturating_sub(submitted.len());
            submitted.extend(std::iter::from_fn(|| submissions.try_recv().ok()).take(room));

            self.refresh();
            let frames = arrived.iter().map(|frame| (frame.from, &frame.bytes));
            let mut admitted = self.admit(frames, std::mem::take(&mut submitted));
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

    /// Admits frames and submissions together. What is left out was refused and counted.
    fn admit<'a>(
        &mut self,
        frames: impl Iterator<Item = (NodeId, &'a Bytes)>,
        submissions: Vec<Submission>,
    ) -> Vec<Event> {
        let mut transactions = Vec::new();
        let arrived: Vec<Arrived> = frames
            .filter_map(|(from, bytes)| self.decode(from, bytes, &mut transactions))
            .collect();
        let passed_on = transactions.len();
        let answers = self.check_forms(submissions, &mut transactions);

        let mut verdicts = self.memo.authorize(transactions);
        let submitted = answer(answers, verdicts.drain(passed_on..));
        let mut verdicts = verdicts.into_iter();
        let mut events: Vec<Event> = arrived
            .into_iter()
            .filter_map(|arrived| self.finish(arrived, &mut verdicts))
            .collect();
        if !submitted.is_empty() {
            events.push(Event::Submitted(submitted));
        }
        events
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
        let shard = self.shards.scope().shard;
        let is_welcome = guard.lets_in(client, &submission.transaction, shard, Instant::now());
        if !is_welcome {
            self.meter.unfunded.increment();
        }
        is_welcome
    }

    /// Puts the well-formed ones of the submissions to the others, and refuses the rest.
    fn check_forms(
        &mut self,
        submissions: Vec<Submission>,
        transactions: &mut Vec<WellFormed>,
    ) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(submissions.len());
        for submission in submissions {
            let is_welcome = self.is_welcome(&submission);
            let Submission {
                transaction,
                answer,
                client: _, // looked at
            } = submission;
            if !is_welcome {
                // The client may be gone.
                let _ = answer.send(Taken::Refused(BUSY));
                continue;
            }
            match transaction.check_form(&self.shards.scope().network) {
                Ok(well_formed) => {
                    transactions.push(well_formed);
                    answers.push(answer);
                }
                Err(malformed) => refuse(answer, &malformed),
            }
        }
        answers
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

/// The submissions whose signatures verify. The others are told that theirs do not.
fn answer(
    answers: Vec<Answer>,
    verdicts: impl Iterator<Item = Result<Authorized, Malformed>>,
) -> Vec<Submitted> {
    let mut submitted = Vec::with_capacity(answers.len());
    for (answer, verdict) in answers.into_iter().zip(verdicts) {
        match verdict {
            Ok(transaction) => submitted.push(Submitted {
                transaction,
                answer,
            }),
            Err(malformed) => refuse(answer, &malformed),
        }
    }
    submitted
}

fn refuse(answer: Answer, malformed: &Malformed) {
    // The client may be gone.
    let _ = answer.send(Taken::Refused(Refused::malformed(malformed)));
}
