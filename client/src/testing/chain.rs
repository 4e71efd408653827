//! What one shard has decided, and the answers that follow from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::Content;
use model::active_set::Effects;
use model::api::{
    Act, Found, Page, Progress, Refused, Request, Response, owner_label, shards_label,
};
use model::head::Head;
use model::key::Zip215;
use model::merkle::{self, Lookup};
use model::outbox::outbox_tree;
use model::receipt::CertifiedResult;
use model::result::{AbortReason, Outcome, TransactionResult, results_tree};
use model::shard::Seat;
use model::transaction::Authorized;
use model::{
    Certificate, Committee, EpochChange, Genesis, HandOver, Hash, HeadCertificate, Height,
    NodeDescriptor, NodeId, Object, ObjectId, SecretKey, ShardId, ShardRecord, Time, Transaction,
    TransactionId, validity,
};
use system_contracts::cscoin::{self, Account};
use system_contracts::manage_shards;

use super::CREATED;

/// Objects on a page, few so that pages are turned.
const PAGE: usize = 3;

type Objects = BTreeMap<ObjectId, Arc<Object>>;

/// The chain of a shard. Height 0 is the genesis document.
pub(crate) struct Chain {
    committee: Committee,
    record: ShardRecord,
    /// The epochs that have begun since the first one.
    pub(super) changes: Vec<EpochChange>,
    secrets: Vec<SecretKey>,
    /// The active objects at each height.
    objects: Vec<Objects>,
    times: Vec<Time>,
    decided: BTreeMap<TransactionId, (Transaction, usize, CertifiedResult)>,
    /// The transactions of several shards that this one has voted to commit.
    sessions: BTreeMap<TransactionId, Authorized>,
    waiting: Vec<Authorized>,
    /// Whether it makes blocks of transactions.
    pub(super) deciding: bool,
    /// Whether it hears what other shards say.
    pub(super) hearing: bool,
}

/// How a transaction stands in a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    Unknown,
    Prepared,
    Committed,
    Aborted,
}

impl Chain {
    pub(super) fn new(genesis: &Genesis, shard: ShardId, secrets: Vec<SecretKey>) -> Self {
        let committee = genesis.committee(shard).expect("the shard is there");
        Self {
            committee: committee.expect("four nodes"),
            record: genesis.record(shard).expect("the shard is there"),
            changes: Vec::new(),
            secrets,
            objects: vec![genesis.objects_of(shard)],
            times: vec![CREATED],
            decided: BTreeMap::new(),
            sessions: BTreeMap::new(),
            waiting: Vec::new(),
            deciding: true,
            hearing: true,
        }
    }

    pub(super) fn shard(&self) -> ShardId {
        self.committee.scope().shard
    }

    /// Ends the epoch in a block of its own: on one seat there is somebody else from now on.
    pub(super) fn replace(&mut self, seat: usize, node: NodeDescriptor, key: SecretKey, now: Time) {
        self.pass_time(now);
        let seats = self.record.seats.iter();
        let mut members: Vec<_> = seats.map(|place| place.descriptor().clone()).collect();
        members[seat] = node;
        let next = self.record.followed_by(members, 0).expect("a number");
        let tree = outbox_tree(&[], Some(&next));
        let head = Head {
            outbox: tree.root(),
            ..self.head(self.height(), now, Hash::ZERO)
        };
        self.changes.push(EpochChange {
            next: next.clone(),
            hand_over: HandOver {
                head: sign(head, &self.signers(3)),
                proof: tree.prove(0).expect("the only leaf"),
            },
        });
        let committee = next.committee(self.committee.scope().network);
        self.committee = committee.expect("four nodes");
        self.record = next;
        self.secrets[seat] = key;
    }

    /// What it has committed of ManageShards.
    pub(super) fn acts(&self) -> Vec<Act> {
        let decided = self.decided.values();
        let acts = decided.filter(|(transaction, _, result)| {
            let mut traces = transaction.body.traces.iter();
            result.result.outcome == Outcome::Committed
                && traces.any(|trace| trace.contract == manage_shards::id())
        });
        acts.map(|(transaction, _, result)| Act {
            transaction: transaction.clone(),
            result: result.clone(),
        })
        .collect()
    }

    /// Whether a node is a member.
    pub(super) fn has(&self, node: &NodeId) -> bool {
        self.committee.seat(node).is_some()
    }

    fn head(&self, height: usize, time: Time, results: Hash) -> Head {
        Head {
            scope: *self.committee.scope(),
            height: Height::new(height as u64),
            previous: Hash::ZERO,
            block: Hash::ZERO,
            time,
            results,
            outbox: merkle::root(&[]),
            state: None,
        }
    }

    /// Forgets what waits, as nodes do that are restarted.
    pub(super) fn lose_waiting(&mut self) {
        self.waiting.clear();
    }

    /// Makes a block of nothing, so that block time goes on.
    pub(super) fn pass_time(&mut self, now: Time) {
        self.objects.push(self.active().clone());
        self.times.push(now);
    }

    pub(super) fn height(&self) -> usize {
        self.objects.len() - 1
    }

    pub(super) fn active(&self) -> &Objects {
        &self.objects[self.height()]
    }

    pub(super) fn committed(&self) -> impl Iterator<Item = TransactionId> {
        let committed =
            |(_, _, result): &&(_, _, CertifiedResult)| result.result.outcome == Outcome::Committed;
        let committed = self.decided.values().filter(committed);
        committed.map(|(_, _, result)| result.result.transaction)
    }

    /// Whether a transaction was decided more than a few seconds ago.
    pub(super) fn is_old(&self, id: &TransactionId, now: Time) -> bool {
        let decided = self.decided.get(id);
        decided.is_some_and(|(_, height, _)| now.since_ms(self.times[*height]) > 5_000)
    }

    /// Where the chain stood in the beginning.
    pub(super) fn stale(&self) -> Progress {
        self.progress(0)
    }

    /// The transactions that this shard has voted to commit and not decided.
    pub(super) fn sessions(&self) -> Vec<Authorized> {
        self.sessions.values().cloned().collect()
    }

    pub(super) fn stand(&self, id: &TransactionId) -> Stand {
        match self.decided.get(id) {
            Some((_, _, result)) if result.result.outcome == Outcome::Committed => Stand::Committed,
            Some(_) => Stand::Aborted,
            None if self.sessions.contains_key(id) => Stand::Prepared,
            None => Stand::Unknown,
        }
    }

    /// Votes on all that waits, and decides what concerns this shard alone.
    pub(super) fn take_up(&mut self, now: Time) {
        if self.deciding {
            for transaction in std::mem::take(&mut self.waiting) {
                self.prepare(transaction, now);
            }
        }
    }

    fn prepare(&mut self, transaction: Authorized, now: Time) {
        let id = transaction.id();
        let valid_until = transaction.body().valid_until;
        if self.stand(&id) != Stand::Unknown || now > valid_until {
            return;
        }
        match self.judge(&transaction) {
            Ok(_) if !transaction.is_alone(self.shard()) => {
                self.pass_time(now);
                self.sessions.insert(id, transaction);
            }
            Ok(effects) => self.record(&transaction, Ok(effects), now),
            Err(reason) => self.record(&transaction, Err(reason), now),
        }
    }

    /// Whether a transaction can be committed as far as this shard is concerned.
    fn judge(&self, transaction: &Authorized) -> Result<Effects, AbortReason> {
        let (mut alpha, shard) = (self.active().clone(), self.shard());
        for opening in &transaction.transaction().openings {
            let object = opening.id();
            if opening.home != shard {
                alpha.insert(object, Arc::new(opening.clone()));
            } else if let Some(holder) = self.holder(&object) {
                return Err(AbortReason::Locked {
                    object,
                    holder: holder.id(),
                    until: holder.body().valid_until,
                });
            }
        }
        let checkers = system_contracts::checkers();
        Ok(validity::valid(&alpha, transaction, &checkers)?)
    }

    fn holder(&self, object: &ObjectId) -> Option<&Authorized> {
        self.sessions.values().find(|session| {
            let mut openings = session.transaction().openings.iter();
            openings.any(|opening| opening.id() == *object)
        })
    }

    /// What becomes of a transaction that this shard has voted to commit.
    pub(super) fn conclude(
        &mut self,
        transaction: &Authorized,
        verdict: Result<(), AbortReason>,
        now: Time,
    ) {
        self.sessions.remove(&transaction.id());
        let effects = verdict.and_then(|()| self.judge(transaction));
        self.record(transaction, effects, now);
    }

    /// Records a decision in a block of its own.
    fn record(
        &mut self,
        transaction: &Authorized,
        decided: Result<Effects, AbortReason>,
        now: Time,
    ) {
        let (id, shard) = (transaction.id(), self.shard());
        let mut objects = self.active().clone();
        let outcome = match decided {
            Ok(effects) => {
                let created = effects.created.into_iter();
                objects.retain(|id, _| !effects.consumed.contains(id));
                objects.extend(created.filter(|(_, object)| object.home == shard));
                Outcome::Committed
            }
            Err(reason) => Outcome::Aborted(reason),
        };
        self.objects.push(objects);
        self.times.push(now);
        let result = TransactionResult {
            transaction: id,
            outcome,
        };
        let height = self.height();
        let certified = certify(
            result,
            |results| self.head(height, now, results),
            &self.signers(3),
        );
        let record = (transaction.transaction().clone(), height, certified);
        self.decided.insert(id, record);
    }

    /// The first `count` members with their keys.
    fn signers(&self, count: usize) -> Vec<(Seat, &SecretKey)> {
        let seats = (0..count).filter_map(Seat::new);
        seats.zip(&self.secrets).collect()
    }

    /// A decision that only the member on one seat signed, three times over.
    pub(super) fn forge(&self, id: TransactionId, outcome: Outcome, now: Time) -> CertifiedResult {
        let result = TransactionResult {
            transaction: id,
            outcome,
        };
        let forger = &self.secrets[3];
        let seats = (0..3).filter_map(Seat::new);
        let signers: Vec<_> = seats.map(|seat| (seat, forger)).collect();
        certify(
            result,
            |results| self.head(self.height() + 1, now, results),
            &signers,
        )
    }

    /// What an honest node answers that is at `height`, or at the tip.
    pub(super) fn answer(
        &mut self,
        request: &Request,
        height: Option<usize>,
        now: Time,
    ) -> Response {
        let height = height.unwrap_or(self.height());
        let progress = self.progress(height);
        let unknown = Response::Refused(Refused::Unknown(progress));
        let under_way = Response::Refused(Refused::UnderWay(progress));
        match request {
            Request::Status
            | Request::Head
            | Request::SubmitAll(_)
            | Request::Results { .. }
            | Request::Consent(_)
            | Request::Evidence { .. }
            | Request::Changes(_)
            | Request::Acts { .. }
            | Request::Approve(_)
            | Request::Cosign(_)
            | Request::Peers => Response::Refused(Refused::Unavailable),
            Request::Submit(transaction) => self.submit(transaction, progress, now),
            Request::Outcome { transaction, .. } => match self.decided.get(transaction) {
                Some((_, at, result)) if *at <= height => Response::Outcome(result.clone()),
                None if self.sessions.contains_key(transaction) => under_way,
                Some(_) | None => Response::Refused(Refused::NotYet(progress)),
            },
            Request::Transaction(id) => match self.decided.get(id) {
                Some((transaction, at, result)) if *at <= height => Response::Transaction(Found {
                    transaction: transaction.clone(),
                    height: Height::new(*at as u64),
                    result: Some(result.clone()),
                }),
                None if self.sessions.contains_key(id) => under_way,
                Some(_) | None => unknown,
            },
            Request::Object(id) => {
                self.objects[height]
                    .get(id)
                    .map_or(unknown, |object| Response::Object {
                        object: (**object).clone(),
                        height: progress.height,
                    })
            }
            Request::Labelled {
                label,
                after,
                at_least,
                wait_ms: _, // waiting is done above
            } => {
                if *at_least > progress.height {
                    return Response::Refused(Refused::NotYet(progress));
                }
                Response::Labelled(page(&self.objects[height], label, *after, progress.height))
            }
        }
    }

    fn submit(&mut self, transaction: &Transaction, progress: Progress, now: Time) -> Response {
        let network = self.committee.scope().network;
        let formed = match transaction.clone().check_form(&network) {
            Ok(formed) => formed,
            Err(malformed) => return Response::Refused(Refused::malformed(malformed)),
        };
        if let Some((_, height, _)) = self.decided.get(&formed.id()) {
            return Response::Decided(Height::new(*height as u64));
        }
        if self.sessions.contains_key(&formed.id()) {
            return Response::Accepted;
        }
        let valid_until = transaction.body.valid_until;
        if now > valid_until || valid_until > now.plus_ms(model::bounds::VALIDITY_MS_MAX) {
            return Response::Refused(Refused::OutOfTime(progress));
        }
        match formed.verify(&mut Zip215) {
            Err(malformed) => Response::Refused(Refused::malformed(malformed)),
            Ok(authorized) => {
                self.waiting.push(authorized);
                self.take_up(now);
                Response::Accepted
            }
        }
    }

    fn progress(&self, height: usize) -> Progress {
        Progress {
            height: Height::new(height as u64),
            time: self.times[height],
        }
    }
}

pub(super) fn accounts(objects: &Objects) -> impl Iterator<Item = (&Arc<Object>, Account)> {
    objects.values().filter_map(|object| {
        let account = Account::read(cscoin::id(), object).ok()?;
        Some((object, account))
    })
}

fn page(objects: &Objects, label: &Hash, after: Option<ObjectId>, height: Height) -> Page {
    let mut listed: Vec<Object> = objects
        .iter()
        .filter(|(id, _)| after.is_none_or(|after| **id > after))
        .filter(|(_, object)| match Account::read(cscoin::id(), object) {
            Ok(account) => owner_label(&account.owner) == *label,
            // There are no objects besides but those of ManageShards.
            Err(_) => shards_label() == *label,
        })
        .map(|(_, object)| (**object).clone())
        .collect();
    let more = listed.len() > PAGE;
    listed.truncate(PAGE);
    Page {
        objects: listed,
        height,
        more,
    }
}

/// A decision under a head that these members signed.
fn certify(
    result: TransactionResult,
    head: impl FnOnce(Hash) -> Head,
    signers: &[(Seat, &SecretKey)],
) -> CertifiedResult {
    let tree = results_tree(&[result]);
    let Lookup::Present(proof) = tree.prove(&result.key()) else {
        panic!("the tree is made of this result");
    };
    CertifiedResult {
        result,
        proof,
        head: sign(head(tree.root()), signers),
    }
}

fn sign(head: Head, signers: &[(Seat, &SecretKey)]) -> HeadCertificate {
    let statement = head.statement();
    let bytes = statement.signing_bytes(&head.scope);
    let signatures = signers.iter().map(|(seat, key)| (*seat, key.sign(&bytes)));
    HeadCertificate {
        certificate: Certificate {
            statement,
            signatures: signatures.collect(),
        },
        head,
    }
}
