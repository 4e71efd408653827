//! What the process does that floods: `chainspace bench flooder`.
//!
//! It has one thread, so that it never takes more than one processor, and as many tasks on it as there are
//! strangers. They come from many addresses of this machine, because one address alone is stopped at once
//! by the limits of that address. The addresses of each kind of flood are its own.

use std::cell::Cell;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::{Genesis, NetworkId};
use net::Stranger;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};

use super::{FloodKind, FloodTally, connections, garbage, requests};
use crate::bench::error::BenchError;
use crate::bench::runtime;
use crate::local::{Endpoint, Layout, read_genesis};

/// How often it is looked whether the flood is to end.
const LOOK: Duration = Duration::from_millis(20);

/// The longest flood. Whoever starts a flooder ends it sooner.
const FLOOD_MAX: Duration = Duration::from_secs(120);

/// The addresses that the strangers of a flood come from.
const HOSTS: u64 = 200;

/// How long an idle process works and rests, together.
const TURN: Duration = Duration::from_millis(10);

/// Whom to flood, and how.
#[derive(Clone, Debug)]
pub struct FlooderOptions {
    /// Where the network is.
    pub layout: Layout,
    /// With what.
    pub kind: FloodKind,
    /// Without a flood: how many processors to take, 0 to 1.
    pub cpus: f64,
}

/// What all strangers of a flood share.
pub(super) struct Flood {
    pub(super) network: NetworkId,
    pub(super) genesis: Genesis,
    pub(super) targets: Vec<SocketAddr>,
    kind: FloodKind,
    next: Cell<u64>,
    tally: Cell<FloodTally>,
}

/// Floods until `stop` is set, or for two minutes. `begun` is called when it begins.
///
/// # Errors
///
/// [`BenchError`] if there is no network, or nothing to flood it with.
pub fn flooder(
    options: &FlooderOptions,
    stop: &Arc<AtomicBool>,
    begun: impl FnOnce(),
) -> Result<FloodTally, BenchError> {
    let endpoint = Endpoint::read(&options.layout)?;
    let flood = Rc::new(Flood {
        network: endpoint.network,
        genesis: read_genesis(&options.layout, endpoint.network)?,
        targets: targets(&endpoint)?,
        kind: options.kind,
        next: Cell::default(),
        tally: Cell::default(),
    });
    let strangers = LocalSet::new();
    match options.kind {
        FloodKind::Connections => connections::spawn(&strangers, &flood),
        FloodKind::Garbage => garbage::spawn(&strangers, &flood),
        FloodKind::Requests => requests::spawn(&strangers, &flood, stop)?,
        FloodKind::Idle => {}
    }
    begun();
    let until = Instant::now() + FLOOD_MAX;
    let ended = async {
        while !stop.load(Ordering::Relaxed) && Instant::now() < until {
            match options.kind {
                FloodKind::Idle => idle(options.cpus).await,
                _ => sleep(LOOK).await,
            }
        }
    };
    strangers.block_on(&runtime()?, ended);
    Ok(flood.tally.get())
}

/// Takes a part of a processor for one turn.
async fn idle(cpus: f64) {
    let work = TURN.mul_f64(cpus.clamp(0.0, 1.0));
    let began = std::time::Instant::now();
    while began.elapsed() < work {
        std::hint::spin_loop();
    }
    sleep(TURN - work).await;
}

fn targets(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, BenchError> {
    let sockets = endpoint
        .nodes
        .iter()
        .map(|node| net::listen_socket(&node.api));
    let sockets: Result<Vec<_>, String> = sockets.collect();
    sockets.map_err(BenchError::Wrong)
}

impl Flood {
    /// The number of the next thing that is done.
    pub(super) fn number(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }

    /// Whom the next stranger goes to, and from where.
    pub(super) fn way(&self, number: u64) -> (IpAddr, SocketAddr) {
        let host = number % HOSTS;
        let from = Ipv4Addr::new(127, 1 + self.kind as u8, 0, 1 + host as u8);
        // Each host goes to each target in turn.
        let target = (number / HOSTS + host) as usize % self.targets.len();
        (from.into(), self.targets[target])
    }

    /// A stranger at the next target that has said hello, if it is let in.
    pub(super) async fn guest(&self) -> Option<Stranger> {
        let (from, to) = self.way(self.number());
        self.note(|tally| tally.connections += 1);
        let stranger = Stranger::dial(self.network, from, to).await.ok()?;
        stranger.greet().await.ok()?;
        self.note(|tally| tally.connected += 1);
        Some(stranger)
    }

    /// Notes something in the tally.
    pub(super) fn note(&self, change: impl FnOnce(&mut FloodTally)) {
        let mut tally = self.tally.get();
        change(&mut tally);
        self.tally.set(tally);
    }
}

/// Starts so many strangers, each of which comes again for ever.
pub(super) fn crowd<F: Future<Output = ()> + 'static>(
    strangers: &LocalSet,
    flood: &Rc<Flood>,
    count: usize,
    visit: impl Fn(Rc<Flood>) -> F + Clone + 'static,
) {
    for _ in 0..count {
        let (flood, visit) = (Rc::clone(flood), visit.clone());
        strangers.spawn_local(async move {
            loop {
                visit(Rc::clone(&flood)).await;
                // Whoever is refused at once must not keep the others from their turn.
                tokio::task::yield_now().await;
            }
        });
    }
}
