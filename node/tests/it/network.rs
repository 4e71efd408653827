//! Four nodes of one shard on loopback, and a wallet that talks to them.

use std::cell::RefCell;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use consensus::bft::Pace;
use contracts::{Arguments, Calls, Procedure, Secret, Terms};
use model::api::{Request, Response, WAIT_MS_MAX, owner_label};
use model::genesis::GenesisShard;
use model::receipt::CertifiedResult;
use model::{
    Directory, Genesis, Height, Mode, NodeDescriptor, Object, SecretKey, ShardId, Time,
    Transaction, TransactionId,
};
use net::{Handle, Limits, PeerName, Protocol, RequestError, StartError, Target};
use node::signer::MemberKey;
use node::{AnnouncePrivate, Applicant, Config, Contracts, Fatal, Node, Running};
use system_contracts::cscoin::{Payment, Transfer};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// The only shard.
pub(crate) const SHARD: ShardId = ShardId::new(0);

/// Members of the shard.
pub(crate) const MEMBERS: usize = 4;

/// How long anything may take. Nothing is asserted about time but this.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Looks until it has come to something.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < LONG, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits for an event on a runtime.
#[track_caller]
pub(crate) fn soon<T>(runtime: &Runtime, what: &str, event: impl Future<Output = T>) -> T {
    let guarded = async { tokio::time::timeout(LONG, event).await };
    match runtime.block_on(guarded) {
        Ok(value) => value,
        Err(_) => panic!("{what}: did not happen"),
    }
}

/// Waits until a node has stopped. Why it has.
#[track_caller]
fn ended(running: Running) -> Result<(), Fatal> {
    let (sender, outcome) = mpsc::channel();
    std::thread::spawn(move || sender.send(running.wait()));
    match outcome.recv_timeout(LONG) {
        Ok(ended) => ended,
        Err(error) => panic!("the end of the node: {error}"),
    }
}

/// Four nodes and some in no shard, each with a directory of its own. Any of them may be down.
pub(crate) struct Network {
    pub(crate) genesis: Genesis,
    directory: TempDir,
    addresses: Vec<String>,
    nodes: Vec<Option<Running>>,
    /// Where a node that is started from now on serves health and metrics.
    pub(crate) http: Option<SocketAddr>,
    /// The longest history that a node which is started from now on replays.
    pub(crate) replayed: u64,
    /// The only address that a node is told that is started from now on, instead of those of members.
    pub(crate) bootnode: Option<String>,
    /// Whether a node that is started from now on treats this machine as anybody else.
    pub(crate) guarded: bool,
}

/// The key of a person.
pub(crate) fn person(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

/// Milliseconds since 1970.
fn now() -> Time {
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("it is later than 1970");
    Time::from_ms(now.as_millis() as u64)
}

/// Addresses at which nobody listens.
fn free_addresses(count: usize) -> Vec<String> {
    let listen = |_| TcpListener::bind("127.0.0.1:0").expect("there are free ports");
    let listeners: Vec<TcpListener> = (0..count).map(listen).collect();
    let port = |listener: &TcpListener| listener.local_addr().expect("it listens").port();
    let address = |listener| format!("/ip4/127.0.0.1/tcp/{}", port(listener));
    listeners.iter().map(address).collect()
}

impl Network {
    /// A network in which person 1 has 1,000 ncsc. No node runs yet.
    pub(crate) fn new() -> Self {
        Self::with_guests(0)
    }

    /// A network with so many nodes that are in no shard.
    pub(crate) fn with_guests(guests: usize) -> Self {
        let directory = tempfile::tempdir().expect("there is a place for files");
        let key = |number| {
            let path = directory.path().join(format!("member-{number}.key"));
            MemberKey::create(&path).expect("it is new")
        };
        let member = |number| NodeDescriptor {
            name: format!("node-{number}"),
            node: key(number).node(),
            addresses: Vec::new(),
        };
        for guest in MEMBERS..MEMBERS + guests {
            key(guest);
        }
        let shards = vec![GenesisShard {
            shard: SHARD,
            members: (0..MEMBERS).map(member).collect(),
        }];
        let accounts = [(person(1).public(), SHARD, 1_000)];
        let genesis = system_contracts::genesis::genesis("it", now(), shards, &accounts);
        let genesis = system_contracts::genesis::with_managed_shards(genesis);
        std::fs::write(directory.path().join("genesis.bin"), genesis.to_bytes())
            .expect("it can be written");
        Self {
            genesis,
            directory,
            addresses: free_addresses(MEMBERS + guests),
            nodes: (0..MEMBERS + guests).map(|_| None).collect(),
            http: None,
            replayed: 10_000,
            bootnode: None,
            guarded: false,
        }
    }

    /// A network all of whose nodes run.
    pub(crate) fn started() -> Self {
        Self::new().all_started()
    }

    /// The same network with all nodes running.
    pub(crate) fn all_started(mut self) -> Self {
        for number in 0..self.nodes.len() {
            self.start(number).expect("the node starts");
        }
        self
    }

    /// The key of a node.
    pub(crate) fn key(&self, number: usize) -> MemberKey {
        MemberKey::load(&self.path(&format!("member-{number}.key"))).expect("it was created")
    }

    /// A node as it describes itself.
    pub(crate) fn descriptor(&self, number: usize) -> NodeDescriptor {
        let network = self.genesis.network();
        let applicant = Applicant::new(&self.config(number), self.key(number), network);
        applicant.describe().descriptor
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn config(&self, number: usize) -> Config {
        // A guest is told of one node, and finds the others.
        let known = if number < MEMBERS { MEMBERS } else { 1 };
        let others = (0..known).filter(|other| *other != number);
        let others = others.map(|other| self.addresses[other].clone());
        let bootnodes = match &self.bootnode {
            Some(only) => vec![only.clone()],
            None => others.collect(),
        };
        Config {
            name: format!("node-{number}"),
            directory: self.path(&format!("data-{number}")),
            genesis: self.path("genesis.bin"),
            member_key: self.path(&format!("member-{number}.key")),
            network_key: self.path(&format!("network-{number}.key")),
            listen: vec![self.addresses[number].clone()],
            bootnodes,
            external_addresses: Vec::new(),
            announce_private: AnnouncePrivate::Auto,
            consents: vec!["any".to_owned()],
            approves: vec!["any".to_owned()],
            block_entries_max: model::bounds::ENTRIES_MAX,
            replayed_blocks_max: self.replayed,
            http: self.http,
            http_public: false,
            exempt_loopback: !self.guarded,
            memory_mib: None,
            weather: None,
            lies: None,
            log: node::config::Log::default(),
            pace: Pace::default(),
        }
    }

    pub(crate) fn start(&mut self, number: usize) -> Result<(), Fatal> {
        // Others of this machine may have its port while the node is not there.
        let started = wait_for("its port is free", || {
            match Node::start(self.config(number), Contracts::system()) {
                Err(Fatal::Network(StartError::AddressInUse { .. })) => None,
                started => Some(started),
            }
        });
        self.nodes[number] = Some(started?);
        Ok(())
    }

    /// Stops a node and waits until it has.
    pub(crate) fn stop(&mut self, number: usize) {
        let running = self.nodes[number].take().expect("it runs");
        running.stopper().stop();
        ended(running).expect("it stops because it was asked to");
    }

    /// Waits until a node has ended by itself. Why it has.
    pub(crate) fn end(&mut self, number: usize) -> Fatal {
        let running = self.nodes[number].take().expect("it runs");
        ended(running).expect_err("nobody asked it to stop")
    }

    pub(crate) fn address(&self, number: usize) -> &str {
        &self.addresses[number]
    }

    /// Where a running node serves health and metrics.
    pub(crate) fn http_address(&self, number: usize) -> SocketAddr {
        let running = self.nodes[number].as_ref().expect("it runs");
        running.http_address().expect("it serves them")
    }

    pub(crate) fn data(&self, number: usize) -> PathBuf {
        self.config(number).directory
    }
}

/// A question that was asked.
pub(crate) type Asked = JoinHandle<Result<Vec<u8>, RequestError>>;

/// Talks to nodes as a wallet does.
pub(crate) struct Wallet {
    runtime: Runtime,
    handle: Handle,
    genesis: Genesis,
    /// What it has been shown of shards.
    directory: RefCell<Directory>,
}

impl Wallet {
    pub(crate) fn new(network: &Network) -> Self {
        let config = net::Config {
            network: network.genesis.network(),
            transport_seed: [77; 32].into(),
            identity: None,
            view: net::View::default(),
            listen: Vec::new(),
            bootnodes: Vec::new(),
            agent: "test-wallet/1".to_owned(),
            discovery: net::Discovery::default(),
            limits: Limits::default(),
        };
        let (handle, _) = net::spawn(config).expect("a wallet listens nowhere");
        Self {
            runtime: Runtime::new().expect("there are threads"),
            handle,
            genesis: network.genesis.clone(),
            directory: RefCell::new(Directory::of_genesis(&network.genesis).expect("checked")),
        }
    }

    /// Connects to a node, which listens since it was started.
    pub(crate) fn connect(&self, address: &str) -> PeerName {
        let dialed = soon(&self.runtime, "hello", self.handle.dial(address));
        dialed.expect("the node answers").peer
    }

    pub(crate) fn ask(&self, peer: PeerName, request: &Request) -> Response {
        let answer = self.runtime.block_on(self.begin(peer, request));
        let answer = answer
            .expect("it does not panic")
            .expect("the node answers");
        Response::from_bytes(&answer).expect("nodes answer in our words")
    }

    /// Asks, and does not wait for the answer.
    pub(crate) fn begin(&self, peer: PeerName, request: &Request) -> Asked {
        let timeout = Duration::from_millis(u64::from(WAIT_MS_MAX) + 5_000);
        let (handle, body) = (self.handle.clone(), request.to_bytes());
        self.runtime.spawn(async move {
            let asked = handle.request(Target::Peer(peer), Protocol::Api, body, timeout);
            asked.await
        })
    }

    /// Waits until a question is answered or cannot be.
    pub(crate) fn end(&self, asked: Asked) -> Result<Vec<u8>, RequestError> {
        self.runtime.block_on(asked).expect("it does not panic")
    }

    /// The accounts of a person, as of a height.
    pub(crate) fn accounts(&self, peer: PeerName, of: u8, at_least: Height) -> Vec<Object> {
        let request = Request::Labelled {
            label: owner_label(&person(of).public()),
            after: None,
            at_least,
            wait_ms: WAIT_MS_MAX,
        };
        match self.ask(peer, &request) {
            Response::Labelled(page) => page.objects,
            other => panic!("{other:?}"),
        }
    }

    /// Pays from person 1 to person 2 through a node, and waits for the proof.
    pub(crate) fn pay(&self, peer: PeerName, nonce: u8, at_least: Height) -> CertifiedResult {
        let accounts = self.accounts(peer, 1, at_least);
        let transaction = self.payment(accounts, nonce);
        let id = transaction.body.id();
        assert_eq!(
            self.ask(peer, &Request::Submit(transaction)),
            Response::Accepted
        );
        self.outcome(peer, id)
    }

    fn payment(&self, accounts: Vec<Object>, nonce: u8) -> Transaction {
        let mut calls = Calls::new(self.genesis.network());
        let arguments = Arguments {
            inputs: accounts,
            references: Vec::new(),
            local_parameters: vec![Payment {
                payee: person(2).public(),
                amount: 10,
            }],
            secret_parameters: Secret::new(()),
        };
        calls
            .call(&Transfer::NEAR, arguments)
            .expect("person 1 has money");
        let draft = calls.draft(Terms {
            nonce: [nonce; 16],
            valid_until: now().plus_ms(30_000),
            mode: Mode::Decider(SHARD),
        });
        let transaction = draft.sign(&person(1)).finish().expect("it is well-formed");
        transaction.transaction().clone()
    }

    /// What is known of shards, with what a node can prove beyond it.
    pub(crate) fn directory(&self, peer: PeerName) -> Directory {
        let mut directory = self.directory.borrow_mut();
        let scopes = directory.all().map(|committee| committee.scope());
        let since = scopes.map(|scope| (scope.shard, scope.epoch)).collect();
        match self.ask(peer, &Request::Changes(since)) {
            Response::Changes(changes) => {
                for change in changes {
                    let learned = directory.learn(&Arc::new(change), &mut model::key::Zip215);
                    learned.expect("a node shows what it can prove");
                }
            }
            other => panic!("{other:?}"),
        }
        directory.clone()
    }

    /// The objects with a label, as a node has them now.
    pub(crate) fn labelled(&self, peer: PeerName, label: model::Hash) -> Vec<Object> {
        let request = Request::Labelled {
            label,
            after: None,
            at_least: Height::ZERO,
            wait_ms: 0,
        };
        match self.ask(peer, &request) {
            Response::Labelled(page) => page.objects,
            other => panic!("{other:?}"),
        }
    }

    /// Runs a procedure that nobody has to sign, and waits until it is committed.
    pub(crate) fn run<P>(
        &self,
        peer: PeerName,
        procedure: &P,
        inputs: Vec<Object>,
        local_parameters: P::LocalParameters,
    ) where
        P: Procedure<SecretParameters = ()>,
        P::Error: std::fmt::Debug,
    {
        let mut calls = Calls::new(self.genesis.network());
        let arguments = Arguments {
            inputs,
            references: Vec::new(),
            local_parameters,
            secret_parameters: Secret::new(()),
        };
        calls.call(procedure, arguments).expect("it can be run");
        let draft = calls.draft(Terms {
            nonce: [200; 16],
            valid_until: now().plus_ms(30_000),
            mode: Mode::Decider(SHARD),
        });
        let transaction = draft.finish().expect("it is well-formed");
        let transaction = transaction.transaction().clone();
        let id = transaction.body.id();
        let taken = self.ask(peer, &Request::Submit(transaction));
        assert_eq!(taken, Response::Accepted);
        let outcome = self.outcome(peer, id).result.outcome;
        assert_eq!(outcome, model::Outcome::Committed);
    }

    /// The proven decision on a transaction.
    pub(crate) fn outcome(&self, peer: PeerName, transaction: TransactionId) -> CertifiedResult {
        let request = Request::Outcome {
            transaction,
            wait_ms: WAIT_MS_MAX,
        };
        match self.ask(peer, &request) {
            Response::Outcome(result) => {
                let directory = self.directory(peer);
                let epoch = result.head.head.scope.epoch;
                let committee = directory.committee(SHARD, epoch).expect("it is shown");
                let verified = result.verify(committee, &mut model::key::Zip215);
                verified.expect("the proof is one");
                result
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The files of a directory, largest last.
pub(crate) fn files(path: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(path)
        .expect("it is a directory")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    files.sort_by_key(|file| file.metadata().map_or(0, |metadata| metadata.len()));
    files
}
