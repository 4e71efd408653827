//! Starting a node: from a configuration to threads that run.

use std::fs::File;
use std::future::Future;
use std::io::Read as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use consensus::replica::Setup;
use consensus::{Ledger, Replica, Shards};
use contracts::simulator;
use model::bounds::GENESIS_BYTES_MAX;
use model::key::Zip215;
use model::shard::Seat;
use model::statement::Scope;
use model::{Checkers, Epoch, Genesis, NodeId, ShardId};
use tokio::runtime::{self, Handle, Runtime};
use tokio::sync::{mpsc, watch};

use crate::admission::{Admission, Meter};
use crate::announce::external;
use crate::api::{Api, Identity, VERSION};
use crate::applicant::Applicant;
use crate::archivist::Archivist;
use crate::config::Config;
use crate::effects::Effects;
use crate::error::Fatal;
use crate::event_loop::{EVENTS_WAITING, EventLoop, TURNS_AHEAD};
use crate::flusher::Flusher;
use crate::gauges::Gauges;
use crate::heads::Heads;
use crate::heir::Heir;
use crate::herald::{Herald, Tally};
use crate::http::{self, Door, Site};
use crate::labels::{Labels, SystemLabels};
use crate::lies::{Liar, Lies, Temptation};
use crate::lobby::Lobby;
use crate::metrics::{self, Performed, Queues};
use crate::peer_view::PeerView;
use crate::pursuit::Pursuit;
use crate::reads::Reads;
use crate::registrar::Registrar;
use crate::registry::{Place, Registry};
use crate::running::{Parts, Running, Threads, Work};
use crate::scout::Scout;
use crate::service::{self, Incoming, Network};
use crate::signer::{self, MemberKey};
use crate::stop::Stopper;
use crate::store::{self, Directory, Inheritance, Store};
use crate::view;
use crate::waiters::Waiters;
use crate::weather::Forecast;

/// Transactions of clients that wait for admission; beyond it the node answers busy.
const SUBMISSIONS_WAITING: usize = 2_048;

/// Threads that read from the disk for clients and for members that catch up.
const READERS: usize = 4;

/// The contracts that a node serves.
#[derive(Clone)]
pub struct Contracts {
    /// What decides whether a transaction is valid. All nodes of a shard have the same.
    pub checkers: Arc<dyn Checkers>,
    /// Under which labels objects are listed. Every node is free to have its own.
    pub labels: Arc<dyn Labels>,
}

impl Contracts {
    /// The contracts that every network has from the start.
    #[must_use]
    pub fn system() -> Self {
        Self {
            checkers: Arc::new(system_contracts::checkers()),
            labels: Arc::new(SystemLabels),
        }
    }

    /// The contracts of the network with this genesis document: those that every network has, and the
    /// one that measurements use where the document maps it. The document decides, so all nodes of a
    /// network have the same.
    #[must_use]
    pub fn of(genesis: &Genesis) -> Self {
        let system = Self::system();
        if !simulator::is_installed(genesis) {
            return system;
        }
        let checkers = system_contracts::checkers().with(simulator::contract());
        Self {
            checkers: Arc::new(checkers),
            ..system
        }
    }
}

/// Who a node is, and what it was told.
struct Person {
    config: Config,
    contracts: Contracts,
    key: MemberKey,
    genesis: Genesis,
    registry: Arc<Registry>,
    applicant: Applicant,
}

/// What all parts of a running node share.
#[derive(Clone)]
struct Shared {
    stopper: Stopper,
    network: net::Handle,
    runtime: Handle,
    gauges: Arc<Gauges>,
    counters: Arc<Meter>,
    performed: Arc<Performed>,
    tally: Arc<Tally>,
    heads: Arc<Heads>,
    /// There since the node has a shard, like `queues`.
    reads: Arc<OnceLock<Arc<Reads>>>,
    queues: Arc<OnceLock<Queues>>,
    lies: Option<watch::Receiver<Lies>>,
}

/// A node that can be started.
pub struct Node;

impl Node {
    /// Starts a node. When it returns, the node has got back what it had kept and listens. One that is
    /// in no shard waits until one lists it.
    ///
    /// # Errors
    ///
    /// [`Fatal`] says what is wrong and what to do; nothing runs then.
    pub fn start(config: Config, contracts: Contracts) -> Result<Running, Fatal> {
        let http = config.http.map(http::bind).transpose()?;
        let directory = Directory::open(&config.directory)?;
        let person = Person::load(config, contracts, &directory)?;
        let shard = person.registry.known().shard_for(&person.node());
        let member = shard.map(|shard| recover(&directory, &person, shard, None));
        let member = member.transpose()?;
        let forecast = person.config.weather.clone().map(Forecast::open);
        let temptation = person.config.lies.clone().map(Temptation::open);
        let network = network_config(&person)?;
        let (network, events) = match &forecast {
            None => net::spawn(network)?,
            Some(forecast) => net::spawn_under(forecast.weather(), network)?,
        };
        let (incoming, heard) = Incoming::of(events);
        let service = service_runtime()?;
        let shared = Shared {
            stopper: Stopper::new(),
            network,
            runtime: service.handle().clone(),
            gauges: Arc::default(),
            counters: Arc::default(),
            performed: Arc::default(),
            tally: Arc::default(),
            heads: Arc::default(),
            reads: Arc::default(),
            queues: Arc::default(),
            lies: temptation.as_ref().map(Temptation::lies),
        };
        shared.gauges.set_seatless(member.is_none());
        let http_address = http.as_ref().map(Door::address);
        if let Some(door) = http {
            service.spawn(door.serve(site(&person, &shared)));
        }
        look_around(&person, &shared, heard);
        if let Some(temptation) = temptation {
            service.spawn(temptation.follow());
        }
        if let Some(forecast) = forecast {
            service.spawn(forecast.follow());
        }
        let known = Arc::clone(&person.registry);
        let work = match member {
            Some(member) => Work::Member(run(&person, &shared, directory, member, incoming)?),
            None => Work::Waiting(wait(person, shared.clone(), directory, incoming)?),
        };
        Ok(Running::new(Parts {
            guard: shared.stopper.guard(),
            stopper: shared.stopper,
            network: shared.network,
            service,
            http: http_address,
            gauges: shared.gauges,
            registry: known,
            reads: shared.reads,
            counters: shared.counters,
            work,
        }))
    }
}

impl Person {
    fn load(config: Config, contracts: Contracts, directory: &Directory) -> Result<Self, Fatal> {
        let key = MemberKey::load(&config.member_key)?;
        let genesis = load_genesis(&config.genesis)?;
        let (node, network) = (key.node(), genesis.network());
        let registry = Registry::new(node, &genesis);
        if let Some((shard, facts)) = directory.left(network, node)? {
            registry.trust(&facts);
            // Without a record of the shard nothing has been kept of it either.
            if registry.known().directory.current(shard).is_some() {
                let epoch = Epoch::ZERO;
                registry.set_place(Place { shard, epoch });
            }
        }
        Ok(Self {
            applicant: Applicant::new(&config, key.clone(), network),
            registry: Arc::new(registry),
            config,
            contracts,
            key,
            genesis,
        })
    }

    fn node(&self) -> NodeId {
        self.key.node()
    }

    fn identity(&self) -> Identity {
        Identity {
            name: self.config.name.clone(),
            node: self.node(),
            network: self.genesis.network(),
        }
    }
}

/// The genesis document in this file.
///
/// # Errors
///
/// [`Fatal::GenesisFile`] if it cannot be read, [`Fatal::Genesis`] or [`Fatal::GenesisContents`] if no
/// network can start with it.
pub fn load_genesis(path: &Path) -> Result<Genesis, Fatal> {
    let file = path.display().to_string();
    let cannot_read = |reason| Fatal::GenesisFile {
        file: file.clone(),
        reason,
    };
    // What is too long is refused without being read whole.
    let mut limited = File::open(path)
        .map_err(cannot_read)?
        .take(GENESIS_BYTES_MAX as u64 + 1);
    let mut bytes = Vec::new();
    limited.read_to_end(&mut bytes).map_err(cannot_read)?;
    parse_genesis(&bytes, &file)
}

/// The genesis document that these bytes are; `from` is where they come from.
///
/// # Errors
///
/// [`Fatal::Genesis`] or [`Fatal::GenesisContents`] if no network can start with it.
pub fn parse_genesis(bytes: &[u8], from: &str) -> Result<Genesis, Fatal> {
    let file = || from.to_owned();
    let genesis = Genesis::from_bytes(bytes).map_err(|reason| Fatal::Genesis {
        file: file(),
        reason,
    })?;
    system_contracts::genesis::check(&genesis).map_err(|reason| Fatal::GenesisContents {
        file: file(),
        reason,
    })?;
    Ok(genesis)
}

/// Gets back the replica and its store, or begins them: with a state, if there is one and nothing was
/// kept.
fn recover(
    directory: &Directory,
    person: &Person,
    shard: ShardId,
    inheritance: Option<Inheritance>,
) -> Result<(Store, Replica), Fatal> {
    let (mut store, mut start) = directory.store(store::Setup {
        genesis: &person.genesis,
        shard,
        node: person.node(),
        labels: Arc::clone(&person.contracts.labels),
    })?;
    if let Some(torn) = &start.torn {
        tracing::warn!(
            file = torn.file,
            bytes = torn.bytes,
            "cut off a write that was torn"
        );
    }
    let inheritance = inheritance.filter(|_| start.is_new && store.is_blank());
    let inherits = inheritance.is_some();
    if let Some(inheritance) = inheritance {
        store.inherit(&inheritance);
        start.ledger = inheritance.ledger;
    }
    let mut replica = replica(person, shard, start.ledger);
    replica.limit_proposals(person.config.block_entries_max);
    if inherits || start.is_new && person.genesis.shard(shard).is_none() {
        // What the log says is about a state, or a shard, that the genesis document does not know.
        store.flush(replica.open())?.commit()?;
    }
    let recovered = store.recover(&mut replica, start.open, start.position)?;
    person.registry.adopt(replica.shards().directory());
    let Scope { shard, epoch, .. } = replica.ledger().scope;
    person.registry.set_place(Place { shard, epoch });
    let height = replica.ledger().tip.height;
    tracing::info!(%shard, %epoch, %height, records = recovered.records, "got back what was kept");
    Ok((store, replica))
}

/// The replica with this ledger, with or without a seat in its epoch.
fn replica(person: &Person, shard: ShardId, ledger: Ledger) -> Replica {
    let directory = person.registry.known().directory;
    let policy = Arc::new(person.genesis.policy());
    let shards = Shards::within(directory, policy, shard, ledger.scope.epoch);
    let shards =
        shards.expect("a record of the shard is known, and tables have all changes with them");
    let node = person.node();
    let seat = shards.ours().seat(&node);
    let setup = Setup {
        shards,
        seat: seat.unwrap_or_else(first_seat),
        signer: Box::new(person.key.clone()),
        check: Box::new(Zip215),
        checkers: Arc::clone(&person.contracts.checkers),
        pace: person.config.pace,
    };
    match seat {
        Some(_) => Replica::new(setup, ledger),
        None => Replica::guest(node, setup, ledger),
    }
}

/// Stands for the seat of a node that has none.
fn first_seat() -> Seat {
    Seat::new(0).expect("every shard has a first seat")
}

fn network_config(person: &Person) -> Result<net::Config, Fatal> {
    let config = &person.config;
    Ok(net::Config {
        network: person.genesis.network(),
        transport_seed: signer::transport_seed(&config.network_key)?,
        identity: Some(net::Identity {
            node: person.node(),
            sign: person.key.for_network(),
        }),
        view: view::view(&person.registry.known(), person.node()),
        listen: config.listen.clone(),
        bootnodes: config.bootnodes.clone(),
        agent: VERSION.to_owned(),
        discovery: net::Discovery {
            private_addresses: config.announce_private.decide(&person.genesis, config),
            external_addresses: external(config),
            peer_store: Some(config.directory.join("peers")),
        },
        limits: limits(config),
    })
}

/// Keeps up with who is who, and with what others tell, with and without a shard.
fn look_around(person: &Person, shared: &Shared, heard: mpsc::Receiver<net::Gossip>) {
    let (runtime, registry) = (&shared.runtime, &person.registry);
    let ahead = Arc::new(AtomicBool::new(false));
    runtime.spawn(view::keep(shared.network.clone(), Arc::clone(registry)));
    let scout = Scout::new(
        shared.network.clone(),
        Arc::clone(registry),
        Arc::clone(&shared.reads),
        Arc::clone(&ahead),
    );
    runtime.spawn(scout.run());
    let herald = Herald {
        network: shared.network.clone(),
        registry: Arc::clone(registry),
        heads: Arc::clone(&shared.heads),
        reads: Arc::clone(&shared.reads),
        queues: Arc::clone(&shared.queues),
        tally: Arc::clone(&shared.tally),
        ahead,
    };
    runtime.spawn(herald.run(heard));
}

/// How much of itself the node gives to others.
fn limits(config: &Config) -> net::Limits {
    let limits = net::Limits {
        exempt_loopback: config.exempt_loopback,
        ..net::Limits::default()
    };
    match config.memory_mib {
        Some(mib) => limits.within(mib.saturating_mul(1 << 20)),
        None => limits,
    }
}

/// Whether a node with these multiaddresses listens for nobody but its own machine: its network is one to
/// try things out.
#[must_use]
pub fn is_on_one_machine(listen: &[String]) -> bool {
    let loopback = |at: &String| at.starts_with("/ip4/127.") || at.starts_with("/ip6/::1/");
    listen.iter().all(loopback)
}

/// What those who watch over the node are told, with and without a shard.
fn site(person: &Person, shared: &Shared) -> Site {
    let identity = person.identity();
    let sources = metrics::Sources {
        gauges: Arc::clone(&shared.gauges),
        registry: Arc::clone(&person.registry),
        reads: Arc::clone(&shared.reads),
        admission: Arc::clone(&shared.counters),
        network: shared.network.clone(),
        heads: Arc::clone(&shared.heads),
        queues: Arc::clone(&shared.queues),
    };
    Site {
        metrics: metrics::metrics(&identity, &shared.performed, &shared.tally, sources),
        network: shared.network.clone(),
        identity,
        gauges: Arc::clone(&shared.gauges),
        stopper: shared.stopper.clone(),
        registry: Arc::clone(&person.registry),
        genesis: person.genesis.to_bytes().into(),
        public: person.config.http_public,
    }
}

/// Waits until a shard lists the node, on a thread of its own, and then takes part in it.
fn wait(
    person: Person,
    shared: Shared,
    directory: Directory,
    mut incoming: Incoming,
) -> Result<JoinHandle<Result<Option<Threads>, Fatal>>, Fatal> {
    let lobby = Lobby {
        identity: person.identity(),
        applicant: person.applicant.clone(),
        registry: Arc::clone(&person.registry),
        gauges: Arc::clone(&shared.gauges),
        stopper: shared.stopper.clone(),
        peers: PeerView {
            network: shared.network.clone(),
            registry: Arc::clone(&person.registry),
        },
        heads: Arc::clone(&shared.heads),
    };
    tracing::info!(node = %person.node(), "in no shard; waiting until one lists this node");
    let guard = shared.stopper.guard();
    let work = move || {
        let Some(shard) = shared.runtime.block_on(lobby.wait(&mut incoming)) else {
            return Ok(None);
        };
        tracing::info!(%shard, "a shard lists this node");
        let heir = Heir {
            network: shared.network.clone(),
            registry: Arc::clone(&person.registry),
            policy: Arc::new(person.genesis.policy()),
            shard,
            replayed_max: person.config.replayed_blocks_max,
        };
        let inherits = lobby.answer_during(&mut incoming, heir.inherit());
        let Some(inheritance) = shared.runtime.block_on(inherits) else {
            return Ok(None);
        };
        let member = recover(&directory, &person, shard, inheritance)?;
        let threads = run(&person, &shared, directory, member, incoming)?;
        guard.disarm();
        Ok(Some(threads))
    };
    let thread = thread::Builder::new().name("lobby".into()).spawn(work);
    thread.map_err(Fatal::System)
}

/// Starts the threads of a member.
fn run(
    person: &Person,
    shared: &Shared,
    directory: Directory,
    (store, replica): (Store, Replica),
    incoming: Incoming,
) -> Result<Threads, Fatal> {
    let Shared {
        stopper,
        network,
        runtime,
        gauges,
        counters,
        performed,
        reads: shelf,
        queues,
        lies,
        tally: _, // for those who watch
        heads: _, // for those who have no shard
    } = shared.clone();
    let registry = Arc::clone(&person.registry);
    let states = directory.states();
    let reads = Reads::new(store.state(), store.reader()).handing_out(states.clone());
    let reads = Arc::new(reads);
    // Nobody else puts anything there, nor where the queues are.
    let _ = shelf.set(Arc::clone(&reads));
    let waiters = Arc::new(Waiters::new(
        reads.progress().height,
        reads.state().certified(),
    ));
    let (events, events_in) = mpsc::channel(EVENTS_WAITING);
    let (turns, turns_in) = mpsc::channel(TURNS_AHEAD);
    let (submissions, submissions_in) = mpsc::channel(SUBMISSIONS_WAITING);
    let shards = replica.shards().clone();
    let _ = queues.set(Queues {
        events: events.downgrade(),
        turns: turns.downgrade(),
        submissions: submissions.downgrade(),
    });

    let api = Arc::new(Api {
        identity: person.identity(),
        shard: shards.scope().shard,
        reads: Arc::clone(&reads),
        waiters: Arc::clone(&waiters),
        gauges: Arc::clone(&gauges),
        stopper: stopper.clone(),
        submissions,
        applicant: person.applicant.clone(),
        registry: Arc::clone(&registry),
        events: events.clone(),
    });
    let registrar = Registrar {
        network: network.clone(),
        registry: Arc::clone(&registry),
        api: Arc::clone(&api),
    };
    runtime.spawn(registrar.run());
    let peers = PeerView {
        network: network.clone(),
        registry: Arc::clone(&registry),
    };
    runtime.spawn(service::serve(
        incoming.requests,
        api,
        Arc::clone(&reads),
        peers,
    ));
    runtime.spawn(service::watch_links(
        incoming.links,
        Arc::clone(&registry),
        Arc::clone(&gauges),
        events.clone(),
    ));
    let pursuit = Pursuit {
        network: network.clone(),
        registry: Arc::clone(&registry),
        reads: Arc::clone(&reads),
        waiters: Arc::clone(&waiters),
        gauges: Arc::clone(&gauges),
        events: events.clone(),
    };
    runtime.spawn(pursuit.run());

    let admission = Admission::new(shards.clone(), registry.subscribe(), counters);
    // Where nobody on this machine has limits, this one would only get in the way.
    let admission = match person.config.exempt_loopback {
        true => admission,
        false => admission.guarded(Arc::clone(&reads), network.clone()),
    };
    let admission = admission.run(
        incoming.frames,
        incoming.foreign,
        submissions_in,
        events.clone(),
    );
    let admission = spawn_async("admission", &stopper, admission)?;

    let links = Network {
        handle: network,
        registry: Arc::clone(&registry),
        committee: shards.ours().clone(),
        runtime,
        events,
    };
    let flusher = Flusher::new(Arc::clone(&gauges), stopper.clone());
    let seat = shards
        .ours()
        .seat(&person.node())
        .unwrap_or_else(first_seat);
    let key = Box::new(person.key.clone());
    let work = move || {
        // Its lock is held until nothing is written any more.
        let _directory = directory;
        let archivist = Archivist::new(states);
        match lies {
            None => Effects::new(store, links, waiters, flusher, performed)
                .with_archivist(archivist)
                .run(turns_in),
            Some(lies) => {
                let links = Liar {
                    links,
                    lies,
                    key,
                    shards,
                    seat,
                };
                Effects::new(store, links, waiters, flusher, performed)
                    .with_archivist(archivist)
                    .run(turns_in)
            }
        }
    };
    let effects = spawn("effects", &stopper, work)?;

    let event_loop = EventLoop::new(replica, events_in, turns, gauges, registry, stopper.clone());
    let event_loop = spawn_async("event loop", &stopper, event_loop.run())?;
    Ok(Threads {
        admission,
        event_loop,
        effects,
    })
}

fn service_runtime() -> Result<Runtime, Fatal> {
    runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(READERS)
        .thread_name("service")
        .enable_all()
        .build()
        .map_err(Fatal::System)
}

/// A thread of the node. When it ends, for whatever reason, the node stops.
fn spawn<T: Send + 'static>(
    name: &str,
    stopper: &Stopper,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Fatal> {
    let guard = stopper.guard();
    let work = move || {
        let _guard = guard;
        work()
    };
    let thread = thread::Builder::new().name(name.into()).spawn(work);
    thread.map_err(Fatal::System)
}

/// A thread of the node that waits for several things at once.
fn spawn_async<T: Send + 'static>(
    name: &str,
    stopper: &Stopper,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<JoinHandle<T>, Fatal> {
    let runtime = runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(Fatal::System)?;
    spawn(name, stopper, move || runtime.block_on(work))
}
