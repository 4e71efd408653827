//! The record on the ledger follows the shard: what a shard has handed over to is told to the root shard,
//! by a transaction that any of its members can make, until it is committed there.
//!
//! The member on the first seat goes ahead, the others come after it, one by one: usually one
//! transaction is enough.
//!
//! Paper: Section VI-A, `MS.update`. Deviation: D-10.

use std::sync::Arc;
use std::time::Duration;

use contracts::{Arguments, Calls, Content as _, Secret, Terms};
use model::api::{Request, Response, shard_label};
use model::key::Zip215;
use model::{
    EpochChange, HandOver, HeadCertificate, Height, Mode, NodeId, Object, ShardRecord, Signature,
    Time, Transaction,
};
use net::{Protocol, Target};
use system_contracts::manage_shards::{self, Shard, Succession, Update};

use crate::api::Api;
use crate::clock::Clock;
use crate::registry::{Known, Place, Registry};
use crate::view::present;

/// How often to look whether the record is behind, and how much later each seat acts than the one before.
const INTERVAL: Duration = Duration::from_secs(2);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the transaction may take, in milliseconds.
const VALIDITY_MS: u64 = 20_000;

/// Keeps the record of this node's shard up to date.
pub(crate) struct Registrar {
    pub(crate) network: net::Handle,
    pub(crate) registry: Arc<Registry>,
    pub(crate) api: Arc<Api>,
}

impl Registrar {
    /// Looks until the node has stopped.
    pub(crate) async fn run(self) {
        let mut waited = 0;
        loop {
            tokio::time::sleep(INTERVAL).await;
            let known = self.registry.known();
            let Some((change, seat)) = self.due(&known) else {
                waited = 0;
                continue;
            };
            if waited >= seat {
                self.update(&known, &change).await;
                waited = 0;
            } else {
                waited += 1;
            }
        }
    }

    /// The change that the root shard is to be told of next, and the seat of this node.
    fn due(&self, known: &Known) -> Option<(Arc<EpochChange>, usize)> {
        let Place { shard, .. } = known.place?;
        let seat = known.committee()?.seat(&self.registry.node())?;
        let recorded = known.on_ledger(shard)?.epoch;
        let change = known.directory.changes(shard, recorded).next()?;
        Some((Arc::clone(change), seat.index()))
    }

    async fn update(&self, known: &Known, change: &EpochChange) {
        let (shard, epoch) = (change.next.shard, change.next.epoch);
        let Some(consents) = self.consents(change).await else {
            return;
        };
        let request = Request::Labelled {
            label: shard_label(shard),
            after: None,
            at_least: Height::ZERO,
            wait_ms: 0,
        };
        for node in self.root_members(known) {
            let Some(Response::Labelled(page)) = self.ask(node, request.clone()).await else {
                continue;
            };
            let Some((object, before)) = page.objects.into_iter().find_map(|object| {
                let Shard(record) = Shard::read(manage_shards::id(), &object).ok()?;
                change.next.follows(&record).then_some((object, record))
            }) else {
                continue;
            };
            let Some(hand_over) = self.hand_over(known, &before, change).await else {
                return;
            };
            let Some(transaction) = self.transaction(object, change, hand_over, &consents) else {
                return;
            };
            let answer = self.ask(node, Request::Submit(transaction)).await;
            match answer {
                Some(Response::Accepted | Response::Decided(_)) => {
                    tracing::info!(%shard, %epoch, "told the root shard of the list of nodes");
                    return;
                }
                answer => tracing::debug!(%node, ?answer, "the root shard was not told"),
            }
        }
    }

    /// What the newcomers have signed: the last block of the epoch that ended has it.
    async fn consents(&self, change: &EpochChange) -> Option<Vec<Signature>> {
        let reads = Arc::clone(&self.api.reads);
        let end = change.hand_over.head.head.height;
        match tokio::task::spawn_blocking(move || reads.ending(end)).await {
            Ok(Ok(ending)) => Some(ending?.plan.consents),
            Ok(Err(error)) => {
                tracing::error!(%error, "cannot read how the epoch ended");
                None
            }
            Err(_) => None, // the node is stopping
        }
    }

    /// The hand-over with the signatures of those alone whom the root shard has not excluded. If too few
    /// are left, the others are asked to sign, too.
    async fn hand_over(
        &self,
        known: &Known,
        before: &ShardRecord,
        change: &EpochChange,
    ) -> Option<HandOver> {
        let speakers = before.committee(known.directory.network()).ok()?;
        let mut hand_over = change.hand_over.clone().among(&speakers);
        let HeadCertificate { head, certificate } = &mut hand_over.head;
        let signatures = &mut certificate.signatures;
        for seat in speakers.seats() {
            if signatures.len() >= speakers.quorum() {
                break;
            }
            let Some(node) = speakers.member(seat) else {
                continue;
            };
            if signatures.iter().any(|(signer, _)| *signer == seat) {
                continue;
            }
            let answer = self.ask(node, Request::Cosign(before.epoch)).await;
            if let Some(Response::Cosigned(signature)) = answer {
                let (statement, scope) = (head.statement(), head.scope);
                if statement.verify(&scope, node.key(), &signature, &mut Zip215) {
                    signatures.push((seat, signature));
                    signatures.sort_unstable_by_key(|(seat, _)| *seat);
                }
            }
        }
        Some(hand_over)
    }

    /// Records that `change` follows what `object` holds.
    fn transaction(
        &self,
        object: Object,
        change: &EpochChange,
        hand_over: HandOver,
        consents: &[Signature],
    ) -> Option<Transaction> {
        let network = self.registry.known().directory.network();
        let update = Update {
            next: change.next.clone(),
        };
        let arguments = Arguments {
            inputs: vec![object],
            references: Vec::new(),
            local_parameters: Succession {
                hand_over,
                consents: consents.to_vec(),
            },
            secret_parameters: Secret::new(()),
        };
        let mut calls = Calls::new(network);
        let (shard, epoch) = (change.next.shard, change.next.epoch);
        if let Err(error) = calls.call(&update, arguments) {
            tracing::warn!(%shard, %epoch, %error, "the root shard would not take the list of nodes");
            return None;
        }
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).ok()?;
        let draft = calls.draft(Terms {
            nonce,
            valid_until: in_a_while(),
            mode: Mode::Decider(self.registry.root()),
        });
        let finished = draft.finish().ok()?;
        Some(finished.transaction().clone())
    }

    /// The members of the root shard, this node first if it is one.
    fn root_members(&self, known: &Known) -> Vec<NodeId> {
        let root = known.directory.current(self.registry.root());
        let mut members: Vec<NodeId> = root.into_iter().flat_map(present).collect();
        members.sort_by_key(|node| *node != self.registry.node());
        members
    }

    async fn ask(&self, node: NodeId, request: Request) -> Option<Response> {
        let body = request.to_bytes();
        let answer = if node == self.registry.node() {
            Arc::clone(&self.api).answer(None, &body).await
        } else {
            let asked = self
                .network
                .request(Target::Node(node), Protocol::Api, body, PATIENCE);
            asked.await.ok()?
        };
        Response::from_bytes(&answer).ok()
    }
}

fn in_a_while() -> Time {
    Clock::start().now().clock.plus_ms(VALIDITY_MS)
}
