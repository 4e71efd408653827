//! Shards to test against. They vote and decide at once, in a block for each transaction, and hear of
//! each other at once; their nodes lie as they are told.
//!
//! Time is tokio's, which tests pause: a test that waits for a minute takes no time.

mod chain;
mod ledger;
mod manner;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use model::api::{Progress, Refused, Request, Response};
use model::genesis::GenesisShard;
use model::{
    Consent, Genesis, NodeDescriptor, NodeId, ObjectId, PublicKey, Receipt, SecretKey, ShardId,
    ShardRecord, Signature, Time, TransactionId,
};
use system_contracts::cscoin::CSC;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::amount::Amount;
use crate::api::{Api, AskError};
use crate::connection::{Client, Endpoints, NodeEndpoint, Options};
use crate::follow::Watch;
use crate::keys::{LocalKeys, local_secret};
use crate::receipt;
use crate::wallet::{Clock, Order, Wallet};

pub(crate) use ledger::Ledger;
pub(crate) use manner::Manner;

/// The first shard, in most tests the only one.
pub(crate) const SHARD: ShardId = ShardId::new(0);

/// The members of each shard.
pub(crate) const MEMBERS: usize = 4;

/// When the network was made.
const CREATED: Time = Time::from_ms(1_700_000_000_000);

/// How long a question takes to a node.
const LATENCY: Duration = Duration::from_millis(1);

/// How often a fake node looks whether something has happened that it waits for.
const LOOK: Duration = Duration::from_millis(5);

/// Shards of four nodes each, and whoever asks them.
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
    /// Whether nodes agree to whatever shard they are asked about, and approve of whatever list.
    pub(crate) agreeable: bool,
}

/// The key of a named account.
pub(crate) fn key(name: &str) -> PublicKey {
    local_secret(name).public()
}

/// The key of a node.
pub(crate) fn secret(number: usize) -> SecretKey {
    let seed = u8::try_from(number + 1).expect("a few shards");
    SecretKey::from_seed([seed; 32])
}

/// A directory that goes away with the test.
pub(crate) fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory for the test")
}

impl World {
    /// A shard in which alice has so many accounts of these balances, in CSC.
    pub(crate) fn new(alice: &[u64]) -> Self {
        Self::of_shards(&[alice])
    }

    /// Shards in which alice has accounts of these balances, in CSC. Bob is in the first one.
    pub(crate) fn of_shards(alice: &[&[u64]]) -> Self {
        let member = |number| NodeDescriptor {
            name: format!("n{number}"),
            node: NodeId::new(secret(number).public()),
            addresses: Vec::new(),
        };
        let members: Vec<_> = (0..MEMBERS * alice.len()).map(member).collect();
        let shards = (0..).zip(members.chunks(MEMBERS));
        let shards = shards.map(|(number, members)| GenesisShard {
            shard: ShardId::new(number),
            members: members.to_vec(),
        });
        let accounts = (0..).zip(alice).flat_map(|(number, balances)| {
            let home = ShardId::new(number);
            let balances = balances.iter();
            balances.map(move |balance| (key("alice"), home, balance * CSC))
        });
        let accounts: Vec<_> = accounts.chain([(key("bob"), SHARD, 1_000 * CSC)]).collect();
        let genesis =
            system_contracts::genesis::genesis("local-test", CREATED, shards.collect(), &accounts);
        let genesis = system_contracts::genesis::with_managed_shards(genesis);
        let inner = Inner {
            ledger: Ledger::new(&genesis),
            manners: BTreeMap::new(),
            asked: Vec::new(),
            agreeable: false,
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

    /// The nodes of all shards.
    fn members(&self) -> impl Iterator<Item = &NodeDescriptor> {
        self.genesis.shards.iter().flat_map(|shard| &shard.members)
    }

    /// How many nodes there are.
    pub(crate) fn size(&self) -> usize {
        self.members().count()
    }

    /// The node with a number.
    pub(crate) fn node(&self, number: usize) -> NodeId {
        let member = self.members().nth(number);
        member.expect("there is such a node").node
    }

    /// A node that is in no shard at the beginning.
    pub(crate) fn newcomer(number: usize) -> NodeDescriptor {
        NodeDescriptor {
            name: format!("new{number}"),
            node: NodeId::new(secret(100 + number).public()),
            addresses: vec![format!("/ip4/127.0.0.1/tcp/{}", 5_000 + number)],
        }
    }

    /// A shard ends its epoch: the newcomer with this number takes a seat.
    pub(crate) fn replace(&self, shard: usize, seat: usize, number: usize) {
        let now = self.now();
        let (node, key) = (Self::newcomer(number), secret(100 + number));
        let mut inner = self.inner();
        inner.ledger.chains[shard].replace(seat, node, key, now);
    }

    /// Tells a node how to behave from now on.
    pub(crate) fn set(&self, number: usize, manner: Manner) {
        let node = self.node(number);
        self.inner().manners.insert(node, manner);
    }

    /// Alice pays bob so much, out of this account or of one that the wallet chooses. The receipt.
    pub(crate) async fn payment(&self, csc: u64, using: Option<ObjectId>) -> Receipt {
        let directory = directory();
        let keys = Box::new(LocalKeys::of(&self.genesis));
        let client = self.client(Options::default());
        let wallet = Wallet::open_with_clock(client, keys, directory.path(), self.clock());
        let wallet = wallet.expect("it opens");
        let order = Order {
            from: key("alice"),
            to: key("bob"),
            amount: Amount::from_ncsc(csc * CSC),
            using,
            home: None,
        };
        let sent = wallet.send(&order, &Watch::nobody()).await;
        receipt::receipt(wallet.client(), &sent.expect("it is decided"))
    }

    /// Whether transactions are decided. If not they wait, as without a quorum.
    pub(crate) fn set_deciding(&self, deciding: bool) {
        for shard in 0..self.genesis.shards.len() {
            self.set_deciding_in(shard, deciding);
        }
    }

    /// Whether one shard votes and decides.
    pub(crate) fn set_deciding_in(&self, shard: usize, deciding: bool) {
        let (mut inner, now) = (self.inner(), self.now());
        inner.ledger.chains[shard].deciding = deciding;
        inner.ledger.settle(now);
    }

    /// Whether one shard hears what the others say.
    pub(crate) fn set_hearing_in(&self, shard: usize, hearing: bool) {
        let (mut inner, now) = (self.inner(), self.now());
        inner.ledger.chains[shard].hearing = hearing;
        inner.ledger.settle(now);
    }

    /// The time on the clocks of the nodes.
    pub(crate) fn now(&self) -> Time {
        let since = u64::try_from(self.age().as_millis()).expect("a short test");
        CREATED.plus_ms(1_000 + since)
    }

    /// How long there is this world.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
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

    /// A client that asks these shards.
    pub(crate) fn client(&self, options: Options) -> Client<Self> {
        let endpoints = Endpoints {
            genesis: self.genesis.clone(),
            nodes: self
                .members()
                .map(|member| NodeEndpoint {
                    name: member.name.clone(),
                    node: member.node,
                    address: String::new(),
                })
                .collect(),
        };
        Client::over(endpoints, options, self.clone()).expect("the genesis document is in order")
    }

    fn answer(&self, shard: usize, request: &Request, height: Option<usize>) -> Response {
        let now = self.now();
        self.inner().ledger.answer(shard, request, height, now)
    }

    /// A node with a number as it describes itself.
    pub(crate) fn descriptor(&self, number: usize) -> NodeDescriptor {
        let member = self.members().nth(number);
        member.expect("there is such a node").clone()
    }

    /// The signature of a node.
    pub(crate) fn sign(&self, number: usize, bytes: &[u8]) -> Signature {
        secret(number).sign(bytes)
    }

    /// What a node answers that is asked to agree to a shard.
    pub(crate) fn consent(&self, node: &NodeId, record: &ShardRecord) -> Consent {
        let member = self.members().position(|member| member.node == *node);
        let newcomer = || (0..).find(|number| Self::newcomer(*number).node == *node);
        let secret = match member {
            Some(number) => secret(number),
            None => secret(100 + newcomer().expect("a few newcomers")),
        };
        let sign = |bytes: &[u8]| secret.sign(bytes);
        Consent::new(self.genesis.network(), record, *node, sign)
    }

    /// Where a forgetful node of a shard says that it stands, if it hides a decision.
    fn hidden(&self, shard: usize, id: &TransactionId) -> Option<Progress> {
        let (inner, now) = (self.inner(), self.now());
        let chain = &inner.ledger.chains[shard];
        chain.is_old(id, now).then(|| chain.stale())
    }

    /// What an honest node answers, after the time that it takes to be able to.
    async fn honest(&self, shard: usize, request: &Request, height: Option<usize>) -> Response {
        let (wait_ms, is_outcome) = match request {
            Request::Outcome { wait_ms, .. } => (*wait_ms, true),
            Request::Labelled { wait_ms, .. } => (*wait_ms, false),
            _ => (0, false),
        };
        let until = Instant::now() + Duration::from_millis(wait_ms.into());
        loop {
            let response = self.answer(shard, request, height);
            let waits = match &response {
                Response::Refused(Refused::NotYet(_)) => true,
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
    /// Everybody is known here.
    fn introduce(&self, _endpoint: NodeEndpoint) {}

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
        let agreeable = self.inner().agreeable;
        match &request {
            Request::Consent(record) if agreeable => {
                return Ok(Response::Consent(self.consent(node, record)));
            }
            Request::Consent(record) => {
                return Ok(Response::Refused(Refused::NotAllowed(record.terms())));
            }
            Request::Approve(_) if agreeable => return Ok(Response::Accepted),
            Request::Approve(plan) => {
                let refused = Refused::NotApproved(plan.next.terms());
                return Ok(Response::Refused(refused));
            }
            _ => {}
        }
        let mut shards = self.genesis.shards.iter();
        let shard = shards.position(|shard| shard.members.iter().any(|m| m.node == *node));
        let shard = shard.or_else(|| self.inner().ledger.shard_of(node));
        let shard = shard.expect("the nodes of the network are asked");
        let answering = manner.answer(self, shard, &request);
        match tokio::time::timeout(timeout, answering).await {
            Ok(Some(response)) => Ok(response),
            Ok(None) | Err(_) => Err(AskError::Silent("no answer in time".to_owned())),
        }
    }
}
