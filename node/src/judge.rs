//! Whether something that was passed on to this node is true, and new.
//!
//! A node passes on what it has checked and nothing else. What is false is held against whoever passed it
//! on, who could have known; what is old, or about something that is not known here, against nobody.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use model::encoding;
use model::key::Zip215;
use model::{HeadCertificate, Malpractice, News, NotAFact};
use net::Topic;

use crate::heads::{Heads, Hearing};
use crate::registry::{NotAnAct, NotLearned, Registry};
use crate::store::Liars;

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
    liars: Liars,
}

impl Judge {
    /// A judge who knows of no lies yet.
    pub(crate) fn new(registry: Arc<Registry>, heads: Arc<Heads>) -> Self {
        Self {
            registry,
            heads,
            liars: Liars::default(),
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

    /// A lie is known from elsewhere. Whether it is new: there is one record of each kind for each node of a
    /// shard, and as many as the [store](crate::store) has room for.
    pub(crate) fn expose(&mut self, record: &Malpractice) -> bool {
        let own = self.registry.known().place.map(|place| place.shard);
        self.liars.take(record, own)
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
                    Ok(false) | Err(NotLearned::Fact(NotAFact::Contradicts { .. })) => {
                        Judgement::Old
                    }
                    Err(
                        NotLearned::Unrecorded { .. }
                        | NotLearned::Fact(NotAFact::UnknownShard(_) | NotAFact::Gap { .. }),
                    ) => Judgement::Ahead,
                    Err(NotLearned::Fact(NotAFact::Change(_) | NotAFact::Committee(_))) => {
                        Judgement::False
                    }
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
                    Err(
                        NotAnAct::Other
                        | NotAnAct::NoRecord
                        | NotAnAct::Malformed(_)
                        | NotAnAct::Unproven(_),
                    ) => Judgement::False,
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
        let known = self.registry.known();
        let (own, directory) = (known.place.map(|place| place.shard), known.directory);
        if network != directory.network() {
            return Judgement::False;
        }
        if !self.liars.wants(&record, own) {
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
