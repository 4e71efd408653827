//! Looking up a transaction: its decision, or that there is none and never will be.
//!
//! A decision proves itself. That there is none is a node's word, so it takes `f + 1` of them to
//! say that the transaction is unknown at a block time after its deadline: one of them is honest,
//! and block time does not go back. A transaction that a shard has begun is not unknown: it may be
//! decided long after its deadline.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use model::api::{Progress, Refused, Request, Response};
use model::key::Zip215;
use model::receipt::CertifiedResult;
use model::{NodeId, ShardId, Time, Transaction, TransactionId};
use tokio::time::timeout_at;

use crate::api::{Api, AskError};
use crate::connection::{ANSWER, Client, unexpected};
use crate::error::Error;
use crate::outcome::Verified;
use crate::spread::{Reserve, spread};

/// How long the others are left in peace while the first nodes are asked.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long a node that knows a decision is given to find its proof.
const PROOF_MS: u32 = 5_000;

/// What one node says about a transaction.
pub(crate) enum Look {
    /// It is decided, and here is the proof.
    Found(Box<Transaction>, Box<Verified>),
    /// The shard has begun it, or decided it just now.
    UnderWay,
    /// The node does not know it, as far as it is, and nothing of what was over before a time.
    Absent(Progress, Time),
}

/// What a shard says about a transaction.
pub(crate) enum Lookup {
    /// It is decided, and here is the proof.
    Found(Box<Transaction>, Box<Verified>),
    /// Nobody who was asked knows a decision.
    Absent {
        /// Its deadline is over and the shard had not begun it, so nobody ever commits it.
        never: bool,
    },
}

impl<A: Api> Client<A> {
    /// Asks a node for a decided transaction.
    pub(crate) async fn look(
        &self,
        node: &NodeId,
        shard: ShardId,
        id: &TransactionId,
    ) -> Result<Look, AskError> {
        let request = Request::Transaction(*id);
        let found = match self.api.ask_in_turn(node, request, ANSWER).await? {
            Response::Transaction(found) => found,
            Response::Refused(Refused::Unknown(progress)) => {
                return Ok(Look::Absent(progress, Time::ZERO));
            }
            Response::Refused(Refused::UnknownSince { progress, since }) => {
                return Ok(Look::Absent(progress, since));
            }
            Response::Refused(Refused::UnderWay(_) | Refused::NotYet(_)) => {
                return Ok(Look::UnderWay);
            }
            Response::Refused(refused) => return Err(AskError::Silent(refused.to_string())),
            other => return Err(unexpected(&other)),
        };
        self.check_transaction(&found.transaction, id)?;
        let result = match found.result {
            Some(result) => result,
            None => self.proof(node, id).await?,
        };
        let verified = self.verified(node, result, shard, id).await?;
        Ok(Look::Found(Box::new(found.transaction), Box::new(verified)))
    }

    /// A node must not swap the transaction, its openings or its signatures.
    fn check_transaction(
        &self,
        transaction: &Transaction,
        id: &TransactionId,
    ) -> Result<(), AskError> {
        let checked = transaction
            .clone()
            .check_form(&self.network())
            .and_then(|formed| formed.verify(&mut Zip215))
            .map_err(|reason| AskError::Lying(reason.to_string()))?;
        if checked.id() == *id {
            Ok(())
        } else {
            Err(AskError::Lying(
                "it answered with another transaction".into(),
            ))
        }
    }

    /// The proof of a decision that the node has made, once a quorum has signed it.
    async fn proof(&self, node: &NodeId, id: &TransactionId) -> Result<CertifiedResult, AskError> {
        let request = Request::Outcome {
            transaction: *id,
            wait_ms: PROOF_MS,
        };
        let patience = ANSWER + Duration::from_millis(PROOF_MS.into());
        match self.api.ask_in_turn(node, request, patience).await? {
            Response::Outcome(result) => Ok(result),
            Response::Refused(refused) => Err(AskError::Silent(refused.to_string())),
            other => Err(unexpected(&other)),
        }
    }

    /// The decision that a node shows, if its proof holds.
    pub(crate) async fn verified(
        &self,
        node: &NodeId,
        result: CertifiedResult,
        shard: ShardId,
        id: &TransactionId,
    ) -> Result<Verified, AskError> {
        if result.shard() != shard {
            return Err(AskError::Lying("the decision is of another shard".into()));
        }
        let committee = self.signers(node, &result.head.head).await?;
        let checked = Verified::check(result, id, &committee);
        checked.map_err(|reason| AskError::Lying(reason.to_string()))
    }

    /// Asks the nodes of a shard for a decided transaction. Where the deadline is given, says
    /// whether it is over for good.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] or [`Error::WrongNetwork`] if no node answered.
    pub(crate) async fn lookup(
        &self,
        shard: ShardId,
        id: &TransactionId,
        valid_until: Option<Time>,
    ) -> Result<Lookup, Error> {
        let committee = self.committee_of(shard).await?;
        let enough = committee.honest_threshold();
        let nodes = self.nodes_of(&committee);
        let reserve = Reserve::new(PATIENCE);
        let mut looks = spread(&nodes, enough, &reserve, |node| async move {
            self.look(&node, shard, id).await
        });
        let (mut absent, mut late, mut troubles) = (0, 0, BTreeMap::new());
        let until = self.deadline();
        while let Ok(Some((node, look))) = timeout_at(until, looks.next()).await {
            reserve.call();
            match look {
                Ok(Look::Found(transaction, decision)) => {
                    return Ok(Lookup::Found(transaction, decision));
                }
                Ok(Look::UnderWay) => absent += 1,
                Ok(Look::Absent(progress, since)) => {
                    absent += 1;
                    let says_never = |until| progress.time > until && since <= until;
                    late += usize::from(valid_until.is_some_and(says_never));
                }
                Err(error) => {
                    troubles.insert(node, error);
                }
            }
            if late >= enough {
                return Ok(Lookup::Absent { never: true });
            }
        }
        if absent == 0 {
            return Err(self.unreachable(shard, &troubles));
        }
        Ok(Lookup::Absent { never: false })
    }
}
