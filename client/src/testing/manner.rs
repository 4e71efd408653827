//! How a node behaves.

use std::future::pending;
use std::time::Duration;

use contracts::Content;
use model::api::{Page, Refused, Request, Response};
use model::result::Outcome;
use model::{Height, NetworkId, Object, ObjectType, PublicKey, TraceId};
use system_contracts::cscoin::{self, Account, CSC};

use super::{SHARD, World, key};
use crate::api::AskError;

/// How a node behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As it should.
    #[default]
    Honest,
    /// It is not there.
    Gone,
    /// It is of another network.
    Foreign,
    /// It takes questions and never answers.
    Silent,
    /// It does as it should, and its answers to submissions are lost.
    Mute,
    /// It says yes to submissions and throws them away.
    Sink,
    /// It says that all transactions are committed, with a proof that it made itself.
    Forger,
    /// It knows no transaction, although time goes on.
    Denier,
    /// It does as it should, and shows no decision that it made before now.
    Forgetful,
    /// It has no time for submissions.
    Busy,
    /// It has no time for anybody until so many milliseconds have gone by.
    Crowded(u64),
    /// It finds all transactions malformed.
    Refuser,
    /// It stands at a height and says so.
    Behind(usize),
    /// It stands at a height and says that it is far ahead.
    Pretender(usize),
    /// It lists money that is not there, as of a height that is not there.
    Fabulist,
    /// It lists accounts of somebody else.
    Thief,
    /// It gives other objects and other transactions than those that are asked for.
    Swapper,
    /// It answers with something else than it was asked.
    Confused,
    /// It takes the network's signatures out of decisions and hand-overs, all but two.
    Plucker,
}

impl Manner {
    /// All that a node may do to those who only ask what there is.
    pub(crate) const TO_READERS: [Self; 10] = [
        Self::Gone,
        Self::Foreign,
        Self::Silent,
        Self::Behind(0),
        Self::Pretender(0),
        Self::Fabulist,
        Self::Thief,
        Self::Crowded(100),
        Self::Crowded(1_000_000),
        Self::Confused,
    ];

    /// Why no question reaches the node, if so.
    pub(super) fn unreached(self, ours: NetworkId) -> Option<AskError> {
        match self {
            Self::Gone => Some(AskError::Unreachable("connection refused".to_owned())),
            Self::Foreign => Some(AskError::WrongNetwork {
                ours,
                theirs: NetworkId::from_bytes([9; 32]),
            }),
            _ => None,
        }
    }

    /// The answer, after the time that it takes; `None` for no answer.
    pub(super) async fn answer(
        self,
        world: &World,
        shard: usize,
        request: &Request,
    ) -> Option<Response> {
        let far_ahead = Height::new(1_000_000);
        match (self, request) {
            (Self::Silent, _) => pending().await,
            (Self::Mute, Request::Submit(_)) => {
                world.honest(shard, request, None).await;
                None
            }
            (Self::Sink, Request::Submit(_)) => Some(Response::Accepted),
            (Self::Forger, Request::Submit(_)) => Some(Response::Decided(far_ahead)),
            (Self::Forger, Request::Outcome { transaction, .. }) => {
                let (inner, now) = (world.inner(), world.now());
                let forged = inner
                    .ledger
                    .forge(shard, *transaction, Outcome::Committed, now);
                Some(Response::Outcome(forged))
            }
            (Self::Denier, Request::Submit(_)) => {
                Some(Response::Refused(Refused::OutOfTime(self.late(world))))
            }
            (Self::Denier, Request::Outcome { .. }) => {
                Some(Response::Refused(Refused::NotYet(self.late(world))))
            }
            (Self::Denier, Request::Transaction(_)) => {
                Some(Response::Refused(Refused::Unknown(self.late(world))))
            }
            (
                Self::Forgetful,
                Request::Outcome {
                    transaction: id, ..
                }
                | Request::Transaction(id),
            ) => {
                if let Some(stale) = world.hidden(shard, id) {
                    return Some(Response::Refused(Refused::Unknown(stale)));
                }
                Some(world.honest(shard, request, None).await)
            }
            (Self::Busy, Request::Submit(_)) => {
                Some(Response::Refused(Refused::Busy { retry_ms: 200 }))
            }
            (Self::Crowded(ms), _) if world.age() < Duration::from_millis(ms) => {
                Some(Response::Refused(Refused::Busy { retry_ms: 20 }))
            }
            (Self::Refuser, Request::Submit(_)) => {
                Some(Response::Refused(Refused::malformed("for no reason")))
            }
            (Self::Behind(height), _) => Some(world.honest(shard, request, Some(height)).await),
            (Self::Pretender(height), Request::Labelled { .. }) => {
                let mut request = request.clone();
                if let Request::Labelled { at_least, .. } = &mut request {
                    *at_least = Height::ZERO;
                }
                let mut response = world.honest(shard, &request, Some(height)).await;
                if let Response::Labelled(page) = &mut response {
                    page.height = far_ahead;
                }
                Some(response)
            }
            (Self::Fabulist, Request::Labelled { .. }) => Some(Response::Labelled(Page {
                objects: vec![fabricated(key("alice"))],
                height: far_ahead,
                more: false,
            })),
            (Self::Thief, Request::Labelled { .. }) => Some(Response::Labelled(Page {
                objects: vec![fabricated(key("bob"))],
                height: far_ahead,
                more: false,
            })),
            (Self::Swapper, Request::Object(_)) => Some(Response::Object {
                object: fabricated(key("alice")),
                height: far_ahead,
            }),
            (Self::Swapper, Request::Transaction(_)) => {
                let mut response = world.honest(shard, request, None).await;
                if let Response::Transaction(found) = &mut response {
                    found.transaction.body.nonce = [0; 16];
                }
                Some(response)
            }
            (Self::Confused, _) => {
                Some(Response::Accepted).filter(|_| !matches!(request, Request::Submit(_)))
            }
            (
                Self::Plucker,
                Request::Outcome { .. } | Request::Transaction(_) | Request::Changes(_),
            ) => {
                let mut response = world.honest(shard, request, None).await;
                if let Response::Changes(changes) = &mut response {
                    for change in changes {
                        let certificate = &mut change.hand_over.head.certificate;
                        certificate.signatures.truncate(2);
                    }
                }
                let result = match &mut response {
                    Response::Outcome(result) => Some(result),
                    Response::Transaction(found) => found.result.as_mut(),
                    _ => None,
                };
                if let Some(result) = result {
                    result.head.certificate.signatures.truncate(2);
                }
                Some(response)
            }
            _ => Some(world.honest(shard, request, None).await),
        }
    }

    /// A block time at which every deadline is over.
    fn late(self, world: &World) -> model::api::Progress {
        model::api::Progress {
            height: Height::new(1_000_000),
            time: world.now().plus_ms(10_000_000),
        }
    }
}

/// An account that was never made.
fn fabricated(owner: PublicKey) -> Object {
    let account = Account {
        owner,
        balance: 1_000_000 * CSC,
    };
    Object {
        trace: TraceId::from_bytes([5; 32]),
        index: 0,
        object_type: ObjectType {
            contract: cscoin::id(),
            name: Account::TYPE.to_owned(),
        },
        home: SHARD,
        content: account.output(SHARD).content,
    }
}
