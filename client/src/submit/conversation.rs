//! One conversation: what is said to one node about one transaction, until it is decided.

use std::time::Duration;

use model::api::{Progress, Refused, Request, Response};
use model::{NodeId, ShardId};
use tokio::time::sleep;

use super::{Board, Subject, Verdict};
use crate::api::{Api, AskError};
use crate::connection::{ANSWER, Client, unexpected};
use crate::follow::Event;
use crate::lookup::Look;

/// How long a node may let us wait for a decision before we submit again: it may have been
/// restarted and have lost the transaction.
const POLL: Duration = Duration::from_secs(5);

/// The pause after a first failure. It doubles up to [`PAUSE_MAX`], which is how late we may be to
/// notice that a node is back.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// The longest pause that a busy node can ask for.
const BUSY_MAX: Duration = Duration::from_secs(5);

/// See [the module](self).
pub(super) struct Conversation<'a, A> {
    client: &'a Client<A>,
    board: &'a Board<'a>,
    subject: Subject<'a>,
    shard: ShardId,
    node: NodeId,
    /// Whether this node is given the transaction.
    submits: bool,
    /// Whether it has taken it in.
    submitted: bool,
}

/// What comes next.
enum Step {
    /// Wait for the decision.
    Follow,
    /// Begin again, after a pause.
    Again(Duration),
    /// Nothing.
    End(Verdict),
}

impl<'a, A: Api> Conversation<'a, A> {
    /// A conversation in which nothing has been said.
    pub(super) const fn new(
        client: &'a Client<A>,
        board: &'a Board<'a>,
        subject: Subject<'a>,
        shard: ShardId,
        node: NodeId,
        submits: bool,
    ) -> Self {
        Self {
            client,
            board,
            subject,
            shard,
            node,
            submits,
            submitted: false,
        }
    }

    /// Talks until there is a verdict.
    pub(super) async fn hold(mut self) -> Verdict {
        let mut pause = PAUSE_MIN;
        let mut following = false;
        loop {
            let step = if following {
                self.ask_outcome().await
            } else {
                self.begin().await
            };
            if step.is_ok() {
                pause = PAUSE_MIN;
                self.board.note_answer(self.node);
            }
            following = false;
            match step {
                Ok(Step::Follow) => following = true,
                Ok(Step::Again(pause)) => sleep(pause).await,
                Ok(Step::End(verdict)) => return verdict,
                Err(error) => {
                    self.board.note_trouble(self.node, &error);
                    if self.is_useless(&error) {
                        return Verdict::Useless;
                    }
                    sleep(pause).await;
                    pause = PAUSE_MAX.min(2 * pause);
                }
            }
        }
    }

    /// Whether there is no point in trying again.
    fn is_useless(&self, error: &AskError) -> bool {
        match error {
            AskError::WrongNetwork { .. } | AskError::Lying(_) => true,
            // The one node that the user wants to submit to is not there.
            AskError::Unreachable(_) => {
                self.client.options().via == Some(self.node) && !self.board.is_sent()
            }
            AskError::Silent(_) => false,
        }
    }

    /// Submits the transaction, if it is to be submitted here.
    async fn begin(&mut self) -> Result<Step, AskError> {
        let Some(transaction) = self.subject.submit.filter(|_| self.submits) else {
            return self.ask_outcome().await;
        };
        let request = Request::Submit(transaction.clone());
        // Said before it is sent: this future may be dropped while it waits for the answer.
        self.board.note_sending();
        let response = self.client.api.ask(&self.node, request, ANSWER).await;
        if response.as_ref().is_err_and(|error| !error.has_left()) {
            self.board.note_unsent();
        }
        match response? {
            Response::Accepted | Response::Decided(_) => {
                if !self.submitted {
                    self.submitted = true;
                    let (node, shard) = (self.node, self.shard);
                    self.board.watch.tell(Event::Submitted { node, shard });
                }
                Ok(Step::Follow)
            }
            Response::Refused(Refused::OutOfTime(progress)) if self.is_over(progress) => {
                self.undecided(progress).await
            }
            Response::Refused(Refused::OutOfTime(_)) => Ok(Step::End(Verdict::OutOfTime)),
            Response::Refused(refused @ (Refused::Malformed(_) | Refused::NotServed { .. })) => {
                Ok(Step::End(Verdict::Refused(refused.to_string())))
            }
            Response::Refused(refused) => self.later(refused),
            other => Err(unexpected(&other)),
        }
    }

    /// Waits for the decision.
    async fn ask_outcome(&self) -> Result<Step, AskError> {
        let request = Request::Outcome {
            transaction: self.subject.id,
            wait_ms: u32::try_from(POLL.as_millis()).unwrap_or(u32::MAX),
        };
        let response = self
            .client
            .api
            .ask(&self.node, request, POLL + ANSWER)
            .await?;
        match response {
            Response::Outcome(result) => {
                let id = &self.subject.id;
                let decision = self.client.verified(&self.node, result, self.shard, id);
                let decision = decision.await?;
                Ok(Step::End(Verdict::Decided(Box::new(decision))))
            }
            Response::Refused(Refused::NotYet(progress) | Refused::Unknown(progress)) => {
                self.undecided(progress).await
            }
            Response::Refused(Refused::UnderWay(_)) => Ok(self.under_way()),
            Response::Refused(refused) => self.later(refused),
            other => Err(unexpected(&other)),
        }
    }

    /// The shard has begun the transaction, and decides it when it has heard of the others: before its
    /// deadline or after it.
    fn under_way(&self) -> Step {
        let id = self.subject.id;
        self.board.note_under_way(self.node, id, self.shard);
        Step::Again(PAUSE_MIN)
    }

    /// The node is so far, and shows no decision. If the deadline is over at that, there may be one
    /// all the same, from before.
    async fn undecided(&self, progress: Progress) -> Result<Step, AskError> {
        if !self.is_over(progress) {
            return Ok(Step::Again(PAUSE_MIN));
        }
        let id = &self.subject.id;
        match self.client.look(&self.node, self.shard, id).await? {
            Look::Found(_, decision) => Ok(Step::End(Verdict::Decided(decision))),
            Look::UnderWay => Ok(self.under_way()),
            Look::Absent(progress, since) if self.is_over(progress) => {
                if self.subject.valid_until.is_some_and(|until| since <= until) {
                    Ok(Step::End(Verdict::Over))
                } else {
                    let reason = "it knows nothing from before the deadline";
                    Err(AskError::Silent(reason.into()))
                }
            }
            Look::Absent(..) => Ok(Step::Again(PAUSE_MIN)),
        }
    }

    /// Whether the deadline is over at this block time.
    fn is_over(&self, progress: Progress) -> bool {
        let valid_until = self.subject.valid_until;
        valid_until.is_some_and(|until| progress.time > until)
    }

    /// The node cannot do it now. Meanwhile another one is asked.
    fn later(&self, refused: Refused) -> Result<Step, AskError> {
        let Refused::Busy { retry_ms } = refused else {
            return Err(AskError::Silent(refused.to_string()));
        };
        self.board.reserve.call();
        let pause = Duration::from_millis(retry_ms.into());
        Ok(Step::Again(pause.clamp(PAUSE_MIN, BUSY_MAX)))
    }
}
