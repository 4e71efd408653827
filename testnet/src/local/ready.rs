//! Getting ready: every node answers, every node is ready, and a transaction commits.
//!
//! This runs beside the supervisor and tells it what it finds. It asks the nodes as any client does.

use std::time::{Duration, Instant};

use client::keys::{LOCAL_NAMES, LocalKeys};
use client::{Account, Client, NodeEndpoint, Order, Settled, Wallet, Watch};
use futures::future::join_all;
use model::api::{NotReady, Status};
use model::{Outcome, ShardId};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::endpoint::Endpoint;
use super::error::LocalError;
use super::event::{AccountReport, Event};
use super::genesis::Local;
use super::layout::Layout;

/// How long a network may take until it is ready. A program that is not optimized takes longer.
const READY_PATIENCE: Duration = Duration::from_secs(if cfg!(debug_assertions) { 120 } else { 30 });

/// How long a node may take to say how it is.
const STATUS_PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait before nodes that are not ready are asked again.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// What the supervisor is told.
pub(crate) enum Told {
    /// Something for whoever started the network.
    Event(Event),
    /// The network can be used.
    Ready {
        /// What the nodes say, in the order of their seats.
        statuses: Vec<Option<Status>>,
        /// What the public test accounts hold.
        accounts: Vec<AccountReport>,
        /// How long it took from the very start.
        took: Duration,
    },
    /// The network does not get ready.
    NotReady(LocalError),
    /// What the nodes say, in the order of their seats.
    Statuses(Vec<Option<Status>>),
    /// A process that was asked to stop has had time enough.
    Overdue {
        /// The process.
        pid: u32,
    },
}

/// A client of the network that runs beside the supervisor.
pub(crate) struct Companion {
    wallet: Wallet,
    nodes: Vec<NodeEndpoint>,
    teller: mpsc::Sender<Told>,
    began: Instant,
    beat: Duration,
}

impl Companion {
    pub(crate) fn new(
        layout: &Layout,
        local: &Local,
        endpoint: &Endpoint,
        teller: mpsc::Sender<Told>,
        began: Instant,
        beat: Duration,
    ) -> Result<Self, LocalError> {
        let endpoints = endpoint.endpoints(local.genesis.clone());
        let nodes = endpoints.nodes.clone();
        let keys = Box::new(LocalKeys::of(&local.genesis));
        let client = Client::connect(endpoints, client::Options::default())?;
        Ok(Self {
            wallet: Wallet::open(client, keys, &layout.self_test())?,
            nodes,
            teller,
            began,
            beat,
        })
    }

    /// Gets the network ready, and then says every now and then how the nodes are.
    pub(crate) async fn accompany(self) {
        let mut waits_for = "no node answers".to_owned();
        let told = match timeout(READY_PATIENCE, self.get_ready(&mut waits_for)).await {
            Ok(Ok(ready)) => ready,
            Ok(Err(error)) => Told::NotReady(error),
            Err(_) => Told::NotReady(LocalError::NotReady {
                seconds: READY_PATIENCE.as_secs(),
                reason: waits_for,
            }),
        };
        self.tell(told).await;
        while !self.teller.is_closed() {
            sleep(self.beat).await;
            let statuses = self.statuses().await;
            self.tell(Told::Statuses(statuses)).await;
        }
    }

    async fn get_ready(&self, waits_for: &mut String) -> Result<Told, LocalError> {
        let nodes = self.nodes.len();
        let took = self.wait(waits_for, |status| status.is_some()).await;
        self.tell(Told::Event(Event::Answering { nodes, took }))
            .await;
        let took = self.wait(waits_for, is_ready).await;
        self.tell(Told::Event(Event::Linked { nodes, took })).await;
        "the nodes are ready, and a first transaction does not commit".clone_into(waits_for);
        self.test().await?;
        let accounts = self.accounts().await?;
        Ok(Told::Ready {
            statuses: self.statuses().await,
            accounts,
            took: self.began.elapsed(),
        })
    }

    /// Asks all nodes again and again until every status is as wanted. Returns how long that took.
    async fn wait(
        &self,
        waits_for: &mut String,
        wanted: impl Fn(&Option<Status>) -> bool,
    ) -> Duration {
        let began = Instant::now();
        loop {
            let statuses = self.statuses().await;
            let nodes = self.nodes.iter().zip(&statuses);
            let missing = nodes.filter(|(_, status)| !wanted(status));
            *waits_for = missing
                .map(|(node, status)| format!("{} {}", node.name, complaint(status)))
                .collect::<Vec<_>>()
                .join("; ");
            if waits_for.is_empty() {
                return began.elapsed();
            }
            sleep(ASK_AGAIN).await;
        }
    }

    async fn statuses(&self) -> Vec<Option<Status>> {
        let client = self.wallet.client();
        join_all(self.nodes.iter().map(async |node| {
            let status = timeout(STATUS_PATIENCE, client.status(&node.node)).await;
            status.ok()?.ok()
        }))
        .await
    }

    /// Commits a transaction that changes no balance: the first of the test accounts pays all that
    /// its largest account holds to itself; in the next shard, and back, if there are several.
    async fn test(&self) -> Result<(), LocalError> {
        let began = Instant::now();
        for (_, owner) in self.owners() {
            let holdings = self.wallet.holdings(&owner).await?;
            // What was moved to a shard that somebody has founded waits for nodes that may not run.
            let mut accounts = holdings.accounts.iter();
            let Some(account) = accounts.find(|account| self.serves(account.object.home)) else {
                continue;
            };
            let from = account.object.home;
            let next = self.next_shard(from);
            let settled = self.pay_oneself(account, next).await?;
            let (transaction, took) = (settled.id, began.elapsed());
            self.tell(Told::Event(Event::SelfTest { transaction, took }))
                .await;
            if let Some(next) = next {
                let holdings = self.wallet.holdings(&owner).await?;
                let mut accounts = holdings.accounts.iter();
                if let Some(there) = accounts.find(|there| there.object.home == next) {
                    self.pay_oneself(there, Some(from)).await?;
                }
            }
            return Ok(());
        }
        Err(LocalError::SelfTest(
            "no test account has any money in a shard that this network began with".to_owned(),
        ))
    }

    /// Pays all that an account holds to its owner, into the shard `home`.
    async fn pay_oneself(
        &self,
        account: &Account,
        home: Option<ShardId>,
    ) -> Result<Settled, LocalError> {
        let order = Order {
            from: account.owner,
            to: account.owner,
            amount: account.balance,
            using: Some(account.id),
            home,
        };
        let settled = self.wallet.send(&order, &Watch::nobody()).await?;
        match settled.outcome() {
            Outcome::Committed => Ok(settled),
            Outcome::Aborted(reason) => Err(LocalError::SelfTest(reason.to_string())),
        }
    }

    /// Whether the nodes of a shard are those of this network: it began with them.
    fn serves(&self, shard: ShardId) -> bool {
        self.wallet.client().genesis().shard(shard).is_some()
    }

    /// The shard after this one among those that the network began with, if there are several.
    fn next_shard(&self, shard: ShardId) -> Option<ShardId> {
        let shards = &self.wallet.client().genesis().shards;
        let at = shards.iter().position(|other| other.shard == shard)?;
        let next = shards[(at + 1) % shards.len()].shard;
        (next != shard).then_some(next)
    }

    async fn accounts(&self) -> Result<Vec<AccountReport>, LocalError> {
        let mut accounts = Vec::new();
        for (name, key) in self.owners() {
            let balance = self.wallet.holdings(&key).await?.balance();
            accounts.push(AccountReport { name, key, balance });
        }
        Ok(accounts)
    }

    /// The public test accounts.
    fn owners(&self) -> impl Iterator<Item = (&'static str, model::PublicKey)> {
        let key = |name| self.wallet.keys().public(name).map(|key| (name, key));
        LOCAL_NAMES.into_iter().filter_map(key)
    }

    /// Tells the supervisor, if it still listens.
    async fn tell(&self, told: Told) {
        let _ = self.teller.send(told).await;
    }
}

fn is_ready(status: &Option<Status>) -> bool {
    status
        .as_ref()
        .is_some_and(|status| status.not_ready.is_empty())
}

/// Why a node is not ready, as the end of a sentence that begins with its name.
fn complaint(status: &Option<Status>) -> String {
    match status {
        None => "does not answer".to_owned(),
        Some(status) => {
            let reasons = status.not_ready.iter().map(NotReady::to_string);
            format!("is not ready: {}", reasons.collect::<Vec<_>>().join(", "))
        }
    }
}
