//! Starts the network on a thread of its own.

use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::thread;

use libp2p::Swarm;
use libp2p::metrics::{Metrics, Registry};
use tokio::runtime;
use tokio::sync::{mpsc, watch};

use model::bounds::MEMBERS_MAX;

use crate::bounds::{FRAME_OVERHEAD, GOSSIP_QUEUE, NEIGHBOURS_MAX, OFFENCE_QUEUE};
use crate::claim::Claim;
use crate::conduct::Reporter;
use crate::config::{Config, Listen, StartError};
use crate::counters::Meter;
use crate::events::Events;
use crate::handle::Handle;
use crate::peers::Peers;
use crate::protocol::Names;
use crate::quota::Quotas;
use crate::service::{Listeners, Outlets, Parts, Service};
use crate::swarm::{self, Appearance, Behaviour, Part};
use crate::weather::Weather;

/// Starts the network. Returns once it listens at every address it was told to.
///
/// It runs on one thread of its own: a connection's work cannot be shared between threads anyway,
/// and on one thread a message costs about half of what it costs on two.
///
/// # Errors
///
/// [`StartError`]; nothing runs then.
pub fn spawn(config: Config) -> Result<(Handle, Events), StartError> {
    start(config, None)
}

/// [`spawn`] for a test network: what peers say is heard as the weather lets it.
///
/// # Errors
///
/// [`StartError`]; nothing runs then.
pub fn spawn_under(weather: Weather, config: Config) -> Result<(Handle, Events), StartError> {
    start(config, Some(weather))
}

fn start(config: Config, weather: Option<Weather>) -> Result<(Handle, Events), StartError> {
    let checked = config.check()?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| StartError::System(error.to_string()))?;
    let (commands, commands_in) = mpsc::channel(config.limits.command_queue.max(1));
    let (stop, stopped) = watch::channel(());
    let (reporter, offences) = mpsc::channel(OFFENCE_QUEUE);
    let (view, views) = watch::channel(config.view.clone());
    let (outlets, events) = outlets(&config);
    let mut library = Registry::with_prefix("chainspace");
    let metrics = Metrics::new(&mut library);
    let handle = Handle {
        peers: Arc::new(Peers::default()),
        meter: Arc::new(Meter::default()),
        names: Arc::new(Names::new(&config.network)),
        runtime: runtime.handle().clone(),
        commands,
        reporter: Reporter(reporter),
        quotas: Arc::new(Quotas::new(&config.limits)),
        memory_bytes: config.limits.memory_bytes,
        node: config.identity.as_ref().map(|identity| identity.node),
        view: Arc::new(view),
        library: Arc::new(library),
        stopped,
    };
    let parts = Parts {
        config,
        bootnodes: checked.bootnodes,
        external: checked.external,
        peers: Arc::clone(&handle.peers),
        meter: Arc::clone(&handle.meter),
        names: Arc::clone(&handle.names),
        outlets,
        commands: commands_in,
        views,
        reporter: handle.reporter.clone(),
        quotas: Arc::clone(&handle.quotas),
        offences,
        metrics,
    };
    let (ready, readiness) = std_mpsc::channel();
    let work = move || {
        runtime.block_on(work(parts, weather, checked.listen, ready));
        // Ends every task that is left, and closes their sockets, before anybody is told.
        drop(runtime);
        drop(stop);
    };
    thread::Builder::new()
        .name("net".into())
        .spawn(work)
        .map_err(|error| StartError::System(error.to_string()))?;
    match readiness.recv() {
        Ok(outcome) => outcome.map(|()| (handle, events)),
        Err(_) => Err(StartError::System("the thread ended at once".into())),
    }
}

/// The whole life of the network's thread.
async fn work(
    parts: Parts,
    weather: Option<Weather>,
    listen: Vec<Listen>,
    ready: std_mpsc::Sender<Result<(), StartError>>,
) {
    // Whoever starts us waits for the answer, and if it is gone so is its handle.
    // All of them before the first is taken: `[::]` asks for the port of `0.0.0.0` as well.
    let claims: Result<Vec<Claim>, _> = listen.iter().map(Claim::on).collect();
    let opened = claims.and_then(|claims| Ok((open(&parts, weather, &listen)?, claims)));
    match opened {
        Ok(((swarm, listeners), _claims)) => {
            let mut service = Service::new(swarm, parts);
            let started = service.start(listeners).await;
            let is_up = started.is_ok();
            drop(ready.send(started));
            if is_up {
                service.run().await;
            }
        }
        Err(error) => drop(ready.send(Err(error))),
    }
}

/// A swarm that listens at all addresses.
fn open(
    parts: &Parts,
    weather: Option<Weather>,
    listen: &[Listen],
) -> Result<(Swarm<Behaviour>, Listeners), StartError> {
    let config = &parts.config;
    let appearance = Appearance {
        transport_seed: &config.transport_seed,
        network: &config.network,
        agent: &config.agent,
    };
    let offered = parts.names.offered(config.identity.is_some());
    let part = config.takes_part().then(|| Part {
        reach: config.discovery.reach(),
        reachable: config.is_reachable(),
    });
    let mut swarm = swarm::build(&appearance, offered, part, &config.limits, weather)?;
    let listen_at = |at: &Listen| {
        let address = at.text.clone();
        match swarm.listen_on(at.address.clone()) {
            Ok(listener) => Ok((listener, address)),
            Err(error) => {
                let reason = error.to_string();
                Err(StartError::Listen { address, reason })
            }
        }
    };
    let listeners = listen.iter().map(listen_at).collect::<Result<_, _>>()?;
    Ok((swarm, listeners))
}

/// The channels to the rest of the node.
fn outlets(config: &Config) -> (Outlets, Events) {
    let limits = &config.limits;
    // Every node's byte budget runs out before its part of a channel does. An empty channel takes no
    // memory, whatever its bound.
    let channel = |nodes: usize, budget: usize| {
        let frames_of_one = budget / FRAME_OVERHEAD + 1;
        let nodes = if config.identity.is_some() { nodes } else { 0 };
        mpsc::channel((nodes * frames_of_one).max(1))
    };
    let (frames, frames_out) = channel(MEMBERS_MAX, limits.inbound_link_bytes);
    let (foreign, foreign_out) = channel(NEIGHBOURS_MAX, limits.inbound_tell_bytes);
    // Members, neighbours and guests have room for this many each; what has no room is not let in
    // at all.
    let serving = 3 * (limits.api_serving + limits.sync_serving);
    let (requests, requests_out) = mpsc::channel(serving.max(1));
    let (links, links_out) = mpsc::channel(limits.link_queue.max(1));
    let (gossip, gossip_out) = mpsc::channel(GOSSIP_QUEUE);
    let outlets = Outlets {
        frames,
        foreign,
        requests,
        links,
        gossip,
    };
    let events = Events {
        frames: frames_out,
        foreign: foreign_out,
        requests: requests_out,
        links: links_out,
        gossip: gossip_out,
    };
    (outlets, events)
}
