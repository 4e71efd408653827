//! A shard to test against. It decides at once, in a block for each transaction, and its nodes lie
//! as they are told.
//!
//! Time is tokio's, which tests pause: a test that waits for a minute takes no time.

mod ledger;
mod manner;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use model::api::{Request, Response};
use model::genesis::GenesisShard;
use model::{Genesis, NodeDescriptor, NodeId, PublicKey, SecretKey, ShardId, Time};
use system_contracts::cscoin::CSC;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::api::{Api, AskError};
use crate::connection::{Client, Endpoints, NodeEndpoint, Options};
use crate::keys::local_secret;
use crate::wallet::Clock;

pub(crate) use ledger::Ledger;
pub(crate) use manner::Manner;

/// The shard.
pub(crate) const SHARD: ShardId = ShardId::new(0);

/// When the network was made.
const CREATED: Time = Time::from_ms(1_700_000_000_000);

/// How long a question takes to a node.
const LATENCY: Duration = Duration::from_millis(1);

/// How often a fake node looks whether something has happened that it waits for.
const LOOK: Duration = Duration::from_millis(5);

/// A shard of four nodes, and whoever asks them.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) genesis: Genesis,
    started: Instant,
    inner: Arc<Mutex<Inner>>,
}

/// What changes.
pub(crate) struct Inner {
    pub(crate) ledger: Ledger,
    manners: BTreeMap<NodeId, Manner>,
    /// Every question that reached a node.
    pub(crate) asked: Vec<(NodeId, Request)>,
}

/// The key of a named account.
pub(crate) fn key(name: &str) -> PublicKey {
    local_secret(name).public()
}

/// A directory that goes away with the test.
pub(crate) fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory for the test")
}

impl World {
    /// A shard in which alice has so many accounts of these balances, in CSC.
    pub(crate) fn new(alice: &[u64]) -> Self {
        let secrets: Vec<SecretKey> = (1..=4)
            .map(|seed| SecretKey::from_seed([seed; 32]))
            .collect();
        let member = |(number, secret): (usize, &SecretKey)| NodeDescriptor {
            name: format!("n{number}"),
            node: NodeId::new(secret.public()),
            addresses: Vec::new(),
        };
        let shard = GenesisShard {
            shard: SHARD,
            members: secrets.iter().enumerate().map(member).collect(),
        };
        let accounts: Vec<_> = alice
            .iter()
            .map(|balance| (key("alice"), SHARD, balance * CSC))
            .chain([(key("bob"), SHARD, 1_000 * CSC)])
            .collect();
        let genesis =
            system_contracts::genesis::genesis("local-test", CREATED, vec![shard], &accounts);
        let inner = Inner {
            ledger: Ledger::new(&genesis, secrets),
            manners: BTreeMap::new(),
            asked: Vec::new(),
        };
        Self {
            genesis,
            started: Instant::now(),
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    /// What changes.
    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no test panics with the lock")
    }

    /// The node with a number.
    pub(crate) fn node(&self, number: usize) -> NodeId {
        self.genesis.shards[0].members[number].node
    }

    /// Tells a node how to behave from now on.
    pub(crate) fn set(&self, number: usize, manner: Manner) {
        let node = self.node(number);
        self.inner().manners.insert(node, manner);
    }

    /// Whether transactions are decided. If not they wait, as without a quorum.
    pub(crate) fn set_deciding(&self, deciding: bool) {
        let now = self.now();
        self.inner().ledger.set_deciding(deciding, now);
    }

    /// The time on the clocks of the nodes.
    pub(crate) fn now(&self) -> Time {
        let since = u64::try_from(self.started.elapsed().as_millis()).expect("a short test");
        CREATED.plus_ms(1_000 + since)
    }

    /// The same, as a clock.
    pub(crate) fn clock(&self) -> Clock {
        let world = self.clone();
        Arc::new(move || world.now())
    }

    /// How often nodes were asked something that `matches`.
    pub(crate) fn count(&self, matches: impl Fn(&Request) -> bool) -> usize {
        let inner = self.inner();
        inner
            .asked
            .iter()
            .filter(|(_, request)| matches(request))
            .count()
    }

    /// What somebody really has, in CSC.
    pub(crate) fn balance(&self, name: &str) -> u64 {
        self.inner().ledger.balance(&key(name)) / CSC
    }

    /// A client that asks this shard.
    pub(crate) fn client(&self, options: Options) -> Client<Self> {
        let members = &self.genesis.shards[0].members;
        let endpoints = Endpoints {
            genesis: self.genesis.clone(),
            nodes: members
                .iter()
                .map(|member| NodeEndpoint {
                    name: member.name.clone(),
                    node: member.node,
                    address: String::new(),
                })
                .collect(),
        };
        Client::over(endpoints, options, self.clone()).expect("the genesis document is in order")
    }

    /// What an honest node answers, after the time that it takes to be able to.
    async fn honest(&self, request: &Request, height: Option<usize>) -> Response {
        let (wait_ms, is_outcome) = match request {
            Request::Outcome { wait_ms, .. } => (*wait_ms, true),
            Request::Labelled { wait_ms, .. } => (*wait_ms, false),
            _ => (0, false),
        };
        let until = Instant::now() + Duration::from_millis(wait_ms.into());
        loop {
            let response = self.inner().ledger.answer(request, height, self.now());
            let waits = match &response {
                Response::Refused(model::api::Refused::NotYet(_)) => true,
                Response::Refused(_) => is_outcome,
                _ => false,
            };
            if !waits || Instant::now() >= until {
                return response;
            }
            sleep(LOOK).await;
        }
    }
}

impl Api for World {
    async fn ask(
        &self,
        node: &NodeId,
        request: Request,
        timeout: Duration,
    ) -> Result<Response, AskError> {
        let manner = self.inner().manners.get(node).cloned().unwrap_or_default();
        if let Some(unreached) = manner.unreached(self.genesis.network()) {
            return Err(unreached);
        }
        sleep(LATENCY).await;
        self.inner().asked.push((*node, request.clone()));
        let answering = manner.answer(self, &request);
        match tokio::time::timeout(timeout, answering).await {
            Ok(Some(response)) => Ok(response),
            Ok(None) | Err(_) => Err(AskError::Silent("no answer in time".to_owned())),
        }
    }
}
