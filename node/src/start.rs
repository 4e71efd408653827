//! Starting a node: from a configuration to threads that run.

use std::fs;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use consensus::replica::Setup;
use consensus::{Replica, Shards};
use contracts::simulator;
use model::key::Zip215;
use model::shard::Seat;
use model::{Checkers, Genesis, NodeId};
use tokio::runtime::{self, Runtime};
use tokio::sync::{mpsc, watch};

use crate::admission::{Admission, Meter};
use crate::api::{Api, Identity, VERSION};
use crate::candidate::Candidate;
use crate::config::Config;
use crate::effects::Effects;
use crate::error::Fatal;
use crate::event_loop::{EVENTS_WAITING, EventLoop, TURNS_AHEAD};
use crate::flusher::Flusher;
use crate::gauges::Gauges;
use crate::labels::{Labels, SystemLabels};
use crate::lies::{Liar, Lies, Temptation};
use crate::reads::Reads;
use crate::running::{Parts, Running};
use crate::service::{self, Network};
use crate::signer::{self, MemberKey};
use crate::stop::Stopper;
use crate::store::{self, Directory, Store};
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

/// Who a node is: its key and its seat.
struct Member {
    key: MemberKey,
    genesis: Genesis,
    shards: Shards,
    seat: Seat,
}

/// A node that can be started.
pub struct Node;

impl Node {
    /// Starts a node. When it returns, the node has got back what it had kept and listens.
    ///
    /// # Errors
    ///
    /// [`Fatal`] says what is wrong and what to do; nothing runs then.
    pub fn start(config: Config, contracts: Contracts) -> Result<Running, Fatal> {
        let member = Member::load(&config)?;
        let directory = Directory::open(&config.directory)?;
        let (store, replica) = recover(&directory, &member, &config, &contracts)?;
        let forecast = config.weather.clone().map(Forecast::open);
        let temptation = config.lies.clone().map(Temptation::open);
        let network = network_config(&config, &member)?;
        let candidate = Candidate::new(&config, member.key.clone(), member.genesis.network());
        let (network, events) = match &forecast {
            None => net::spawn(network)?,
            Some(forecast) => net::spawn_under(forecast.weather(), network)?,
        };
        let running = run(
            candidate,
            config.name,
            directory,
            member,
            store,
            replica,
            (network, events),
            temptation.as_ref().map(Temptation::lies),
        )?;
        if let Some(temptation) = temptation {
            running.service().spawn(temptation.follow());
        }
        if let Some(forecast) = forecast {
            running.service().spawn(forecast.follow());
        }
        Ok(running)
    }
}

impl Member {
    fn load(config: &Config) -> Result<Self, Fatal> {
        let key = MemberKey::load(&config.member_key)?;
        let genesis = load_genesis(&config.genesis)?;
        let node = key.node();
        let not_a_member = || Fatal::NotAMember {
            node,
            file: config.genesis.display().to_string(),
        };
        let shard = genesis.shard_of(&node).ok_or_else(not_a_member)?;
        let shards = Shards::of_genesis(&genesis, shard).ok_or_else(not_a_member)?;
        let shards = shards.expect("a genesis document that was read is checked");
        let seat = shards.ours().seat(&node).ok_or_else(not_a_member)?;
        Ok(Self {
            key,
            genesis,
            shards,
            seat,
        })
    }

    fn node(&self) -> NodeId {
        self.key.node()
    }
}

/// The genesis document in this file.
///
/// # Errors
///
/// [`Fatal::GenesisFile`] if it cannot be read, [`Fatal::Genesis`] or [`Fatal::GenesisContents`] if no
/// network can start with it.
pub fn load_genesis(path: &Path) -> Result<Genesis, Fatal> {
    let file = || path.display().to_string();
    let bytes = fs::read(path).map_err(|reason| Fatal::GenesisFile {
        file: file(),
        reason,
    })?;
    let genesis = Genesis::from_bytes(&bytes).map_err(|reason| Fatal::Genesis {
        file: file(),
        reason,
    })?;
    system_contracts::genesis::check(&genesis).map_err(|reason| Fatal::GenesisContents {
        file: file(),
        reason,
    })?;
    Ok(genesis)
}

/// Gets back the replica and its store.
fn recover(
    directory: &Directory,
    member: &Member,
    config: &Config,
    contracts: &Contracts,
) -> Result<(Store, Replica), Fatal> {
    let (mut store, start) = directory.store(store::Setup {
        genesis: &member.genesis,
        shard: member.shards.scope().shard,
        node: member.node(),
        labels: Arc::clone(&contracts.labels),
    })?;
    if let Some(torn) = &start.torn {
        tracing::warn!(
            file = torn.file,
            bytes = torn.bytes,
            "cut off a write that was torn"
        );
    }
    let setup = Setup {
        shards: member.shards.clone(),
        seat: member.seat,
        signer: Box::new(member.key.clone()),
        check: Box::new(Zip215),
        checkers: Arc::clone(&contracts.checkers),
        pace: config.pace,
    };
    let mut replica = Replica::new(setup, start.ledger);
    replica.limit_proposals(config.block_entries_max);
    let recovered = store.recover(&mut replica, start.open, start.position)?;
    let height = replica.ledger().tip.height;
    tracing::info!(%height, records = recovered.records, "got back what was kept");
    Ok((store, replica))
}

fn network_config(config: &Config, member: &Member) -> Result<net::Config, Fatal> {
    Ok(net::Config {
        network: member.genesis.network(),
        transport_seed: signer::transport_seed(&config.network_key)?,
        identity: Some(net::Identity {
            node: member.node(),
            sign: member.key.for_network(),
        }),
        view: view(&member.shards),
        listen: config.listen.clone(),
        bootnodes: config.bootnodes.clone(),
        agent: VERSION.to_owned(),
        discovery: net::Discovery {
            private_addresses: is_on_one_machine(&config.listen),
            ..net::Discovery::default()
        },
        limits: net::Limits::default(),
    })
}

/// Who is who for the network: the members of this node's shard, and those of all others.
fn view(shards: &Shards) -> net::View {
    let others = shards.others().flat_map(|shard| shard.members());
    net::View {
        committee: shards.ours().members().to_vec(),
        neighbours: others.copied().collect(),
    }
}

/// Whether a node listens for nobody but its own machine: its network is one to try things out.
fn is_on_one_machine(listen: &[String]) -> bool {
    let loopback = |at: &String| at.starts_with("/ip4/127.") || at.starts_with("/ip6/::1/");
    listen.iter().all(loopback)
}

/// Starts the threads.
fn run(
    candidate: Candidate,
    name: String,
    directory: Directory,
    member: Member,
    store: Store,
    replica: Replica,
    (network, incoming): (net::Handle, net::Events),
    lies: Option<watch::Receiver<Lies>>,
) -> Result<Running, Fatal> {
    let stopper = Stopper::new();
    let gauges = Arc::new(Gauges::default());
    let counters = Arc::new(Meter::default());
    let reads = Arc::new(Reads::new(store.state(), store.reader()));
    let waiters = Arc::new(Waiters::new(
        reads.progress().height,
        reads.state().certified(),
    ));
    let service = service_runtime()?;
    let (events, events_in) = mpsc::channel(EVENTS_WAITING);
    let (turns, turns_in) = mpsc::channel(TURNS_AHEAD);
    let (submissions, submissions_in) = mpsc::channel(SUBMISSIONS_WAITING);

    let api = Api {
        identity: identity(name, &member),
        reads: Arc::clone(&reads),
        waiters: Arc::clone(&waiters),
        gauges: Arc::clone(&gauges),
        stopper: stopper.clone(),
        submissions,
        candidate,
    };
    service.spawn(service::serve(
        incoming.requests,
        Arc::new(api),
        Arc::clone(&reads),
    ));
    service.spawn(service::watch_links(
        incoming.links,
        member.shards.ours().clone(),
        Arc::clone(&gauges),
        events.clone(),
    ));

    let admission = Admission::new(member.shards.clone(), Arc::clone(&counters));
    let admission = admission.run(
        incoming.frames,
        incoming.foreign,
        submissions_in,
        events.clone(),
    );
    let admission = spawn_async("admission", &stopper, admission)?;

    let links = Network {
        handle: network.clone(),
        shards: member.shards.clone(),
        runtime: service.handle().clone(),
        events,
    };
    let flusher = Flusher::new(Arc::clone(&gauges), stopper.clone());
    let (shards, seat) = (member.shards, member.seat);
    let key = Box::new(member.key);
    let work = move || {
        // Its lock is held until nothing is written any more.
        let _directory = directory;
        match lies {
            None => Effects::new(store, links, waiters, flusher).run(turns_in),
            Some(lies) => {
                let links = Liar {
                    links,
                    lies,
                    key,
                    shards,
                    seat,
                };
                Effects::new(store, links, waiters, flusher).run(turns_in)
            }
        }
    };
    let effects = spawn("effects", &stopper, work)?;

    let event_loop = EventLoop::new(replica, events_in, turns, gauges, stopper.clone());
    let event_loop = spawn_async("event loop", &stopper, event_loop.run())?;

    Ok(Running::new(Parts {
        guard: stopper.guard(),
        stopper,
        network,
        service,
        reads,
        counters,
        admission,
        event_loop,
        effects,
    }))
}

fn identity(name: String, member: &Member) -> Identity {
    let count = |number: usize| u32::try_from(number).expect("a shard has few members");
    Identity {
        name,
        node: member.node(),
        network: member.genesis.network(),
        shard: member.shards.scope().shard,
        committee: count(member.shards.ours().size()),
        quorum: count(member.shards.ours().quorum()),
    }
}

fn service_runtime() -> Result<Runtime, Fatal> {
    runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(READERS)
        .thread_name("service")
        .enable_time()
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
