//! Whether something that was passed on to this node is true, and new.
//!
//! A node passes on what it has checked and nothing else. What is false is held against whoever passed it
//! on, who could have known; what is old, or about something that is not known here, against nobody.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use model::encoding;
use model::key::Zip215;
use model::{HeadCertificate, LieKind, Malpractice, News, NodeId, NotAFact};
use net::Topic;

use crate::heads::{Heads, Hearing};
use crate::registry::{NotAnAct, Registry};
use crate::store::EXHIBITS_MAX;

/// What comes of looking at a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It is true and new, and proves these lies.
    New(Vec<Malpractice>),
    /// It is known, or of no use.
    Old,
    /// It is about something that comes after what is known here: others should be asked.
    Ahead,
    /// It is false.
    False,
}

/// Judges messages.
pub(crate) struct Judge {
    registry: Arc<Registry>,
    heads: Arc<Heads>,
    /// Who is known to lie, and about what.
    exposed: BTreeSet<(NodeId, LieKind)>,
}

impl Judge {
    /// A judge who knows of no lies yet.
    pub(crate) const fn new(registry: Arc<Registry>, heads: Arc<Heads>) -> Self {
        Self {
            registry,
            heads,
            exposed: BTreeSet::new(),
        }
    }

    /// Looks at a message, and takes in what it says if that is true.
    pub(crate) fn judge(&mut self, topic: Topic, bytes: &[u8], now: Instant) -> Judgement {
        let limit = topic.bytes_max();
        match topic {
            Topic::Directory => match encoding::decode(bytes, limit) {
                Ok(news) => self.judge_news(news),
                Err(_) => Judgement::False,
            },
            Topic::Heads => match encoding::decode(bytes, limit) {
                Ok(head) => self.judge_head(head, now),
                Err(_) => Judgement::False,
            },
            Topic::Evidence => match encoding::decode(bytes, limit) {
                Ok(record) => self.judge_evidence(record),
                Err(_) => Judgement::False,
            },
        }
    }

    /// A lie is known from elsewhere. Whether it was not known before: there is one record of each kind
    /// for each node.
    pub(crate) fn expose(&mut self, record: &Malpractice) -> bool {
        let room = self.exposed.len() < EXHIBITS_MAX;
        room && self.exposed.insert(about(record))
    }

    fn judge_news(&self, news: News) -> Judgement {
        match news {
            News::Changed(change) => {
                let (shard, epoch) = (change.next.shard, change.next.epoch);
                match self.registry.learn(change) {
                    Ok(true) => {
                        tracing::info!(%shard, %epoch, "heard that a shard has begun an epoch");
                        Judgement::New(Vec::new())
                    }
                    // Two shows of one change may differ in who has signed.
                    Ok(false) | Err(NotAFact::Contradicts { .. }) => Judgement::Old,
                    Err(NotAFact::UnknownShard(_) | NotAFact::Gap { .. }) => Judgement::Ahead,
                    Err(NotAFact::Change(_) | NotAFact::Committee(_)) => Judgement::False,
                }
            }
            News::Acted(act) => {
                let transaction = act.transaction.body.id();
                match self.registry.enact(act) {
                    Ok(true) => {
                        tracing::info!(%transaction, "heard that the root shard has committed a change of shards");
                        Judgement::New(Vec::new())
                    }
                    // Whoever passed it on may not have known yet that the epoch had ended.
                    Ok(false) | Err(NotAnAct::AfterEnd(_)) => Judgement::Old,
                    Err(NotAnAct::Ahead(_)) => Judgement::Ahead,
                    Err(NotAnAct::Other | NotAnAct::Unproven(_)) => Judgement::False,
                }
            }
        }
    }

    fn judge_head(&mut self, certificate: HeadCertificate, now: Instant) -> Judgement {
        let head = &certificate.head;
        let (scope, height) = (head.scope, head.height);
        let directory = self.registry.known().directory;
        if scope.network != directory.network() {
            return Judgement::False;
        }
        let Some(committee) = directory.committee(scope.shard, scope.epoch) else {
            return Judgement::Ahead;
        };
        let ended = directory.end(scope.shard, scope.epoch);
        if ended.is_some_and(|end| end < height) || !self.heads.is_of_use(&certificate) {
            return Judgement::Old;
        }
        if certificate.verify(committee, &mut Zip215).is_err() {
            return Judgement::False;
        }
        match self.heads.hear(certificate, committee, now) {
            Hearing::New => Judgement::New(Vec::new()),
            Hearing::Old => Judgement::Old,
            Hearing::Fork(mut lies) => {
                tracing::error!(shard = %scope.shard, %height, "a shard has two certified heads of one height");
                lies.retain(|record| self.expose(record));
                Judgement::New(lies)
            }
        }
    }

    fn judge_evidence(&mut self, record: Malpractice) -> Judgement {
        let (network, shard) = record.lie.told_in();
        let epoch = record.lie.epoch();
        let directory = self.registry.known().directory;
        if network != directory.network() {
            return Judgement::False;
        }
        let full = self.exposed.len() >= EXHIBITS_MAX;
        if full || self.exposed.contains(&about(&record)) {
            return Judgement::Old;
        }
        let Some(committee) = directory.committee(shard, epoch) else {
            return Judgement::Ahead;
        };
        // Keys that are nobody's lie as much as they like.
        if committee.seat(&record.node).is_none() || record.verify(&mut Zip215).is_err() {
            return Judgement::False;
        }
        self.expose(&record);
        Judgement::New(vec![record])
    }
}

fn about(record: &Malpractice) -> (NodeId, LieKind) {
    (record.node, record.lie.kind())
}
