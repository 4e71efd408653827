//! `chainspace testnet up`: from an empty folder, or a kept network, to READY, to the end.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use model::genesis::GenesisObject;
use model::{Profile, PublicKey, ShardId};
use tokio::signal::unix::SignalKind;
use tokio::sync::mpsc;

use super::control::Control;
use super::endpoint::{Endpoint, EndpointNode};
use super::error::LocalError;
use super::event::Event;
use super::genesis::{self, Local};
use super::layout::Layout;
use super::lies::Liars;
use super::lock::Lock;
use super::process::Process;
use super::ready::Companion;
use super::signals::{Signals, install};
use super::supervisor::{Supervisor, Watched};
use super::weather::Weather;
use super::{file, ports, straggler};

/// What the task beside the supervisor has said and nobody has heard yet, at most.
const TOLD_MAX: usize = 64;

/// What network to run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory that the network belongs to.
    pub directory: PathBuf,
    /// This program: what the nodes are processes of.
    pub program: PathBuf,
    /// How many shards. `None`: as many as the network that is kept, or else 2.
    pub shards: Option<u32>,
    /// How many nodes a shard has. `None`: as many as the network that is kept, or else 4.
    pub nodes: Option<usize>,
    /// How the shards run S-BAC. `None`: as in the network that is kept, or else [`Profile::Open`].
    pub profile: Option<Profile>,
    /// Node `i` gets this port plus `i`. `None`: free ones.
    pub port: Option<u16>,
    /// Node `i` serves health and metrics at this port plus `i`. `None`: no node does.
    pub http: Option<u16>,
    /// Whether the network is to end with the supervisor.
    pub ephemeral: bool,
    /// How often to report how the nodes are.
    pub beat: Duration,
    /// Accounts of a new network besides the public test accounts: owners, homes and balances in ncsc.
    pub accounts: Vec<(PublicKey, ShardId, u64)>,
    /// The first objects of [`contracts::simulator`] on a new network, which knows that contract if there
    /// are any.
    pub simulated: Vec<GenesisObject>,
    /// Whether the nodes treat this machine as they would any other: with the limits of a public network,
    /// and with so much memory for each node, in mebibytes. `None`: nobody on it has limits.
    pub guarded: Option<u64>,
    /// The most transactions in a block. `None`: as many as the protocol allows.
    pub block_entries_max: Option<usize>,
    /// Whether nodes can be cut off from each other, delayed, and made to lie. What can be takes a little time, so a
    /// network that is measured cannot.
    pub faults: bool,
}

impl Options {
    /// Where node `index` serves health and metrics.
    pub(crate) fn http_of(&self, index: u16) -> Option<SocketAddr> {
        let port = self.http?.saturating_add(index);
        Some((Ipv4Addr::LOCALHOST, port).into())
    }
}

/// Runs the network of a directory until a signal or a command says stop.
///
/// Call it in a current-thread tokio runtime whose thread lives until the end of the process.
///
/// # Errors
///
/// [`LocalError`] says what is in the way. No node runs then, either.
pub async fn up(options: Options, mut report: impl FnMut(Event)) -> Result<(), LocalError> {
    let began = Instant::now();
    let signals = Signals::install()?;
    let ended = install(SignalKind::child())?;
    let layout = Layout::of(&options.directory);
    let _lock = Lock::take(&layout)?;
    if let Some(warning) = node::limits::raise_open_files() {
        report(Event::Warning(warning));
    }
    let mut local = genesis::open(&layout, &options)?;
    report(local.event(began.elapsed()));

    straggler::wait_for_all(&layout, &local.manifest, &mut report).await?;
    let (held, moved) = ports::assign(&mut local.manifest, options.port)?;
    moved.into_iter().map(Event::Note).for_each(&mut report);
    local.configure(&layout, &options)?;
    let weather = match options.faults {
        true => Some(Weather::fair(&layout, &local.manifest)?),
        false => None,
    };
    let liars = match options.faults {
        true => Some(Liars::none(&layout, &local.manifest)?),
        false => None,
    };
    let (control, asked) = Control::listen(&layout)?;
    let endpoint = endpoint(&local, &control, &options);
    let (teller, told) = mpsc::channel(TOLD_MAX);
    let companion = Companion::new(
        &layout,
        &local,
        &endpoint,
        teller.clone(),
        began,
        options.beat,
    )?;
    endpoint.write(&layout)?;
    let mut supervisor = Supervisor {
        nodes: nodes(&layout, &options.program, &endpoint),
        signals,
        ended,
        asked,
        told,
        teller,
        weather,
        liars,
        report: &mut report,
        ready: false,
    };
    drop(held);
    let mut result = supervisor.start();
    if result.is_ok() {
        tokio::spawn(companion.accompany());
        result = supervisor.watch().await;
    }
    supervisor.stop().await;
    result.and(clear(&layout, local.manifest.ephemeral, &mut report))
}

/// Where the network is to be found.
fn endpoint(local: &Local, control: &Control, options: &Options) -> Endpoint {
    let members = (0..).zip(local.members());
    let nodes = members.map(|(index, (node, shard, member))| EndpointNode {
        name: member.name.clone(),
        node: member.node,
        shard: shard.number(),
        api: node.address(),
        http: options.http_of(index),
    });
    Endpoint {
        name: local.manifest.name.clone(),
        network: local.manifest.network,
        supervisor: std::process::id(),
        control: control.path().to_owned(),
        nodes: nodes.collect(),
    }
}

/// The nodes, before they are started.
fn nodes(layout: &Layout, program: &Path, endpoint: &Endpoint) -> Vec<Watched> {
    let node = |node: &EndpointNode| {
        let process = Process::new(layout, program, &node.name);
        Watched::new(process, node.clone())
    };
    endpoint.nodes.iter().map(node).collect()
}

/// Removes what is only there while a network runs.
fn clear(
    layout: &Layout,
    ephemeral: bool,
    report: &mut impl FnMut(Event),
) -> Result<(), LocalError> {
    file::remove(&layout.endpoint())?;
    if ephemeral {
        file::remove_folder(&layout.root())?;
    }
    report(Event::Stopped {
        kept: (!ephemeral).then(|| layout.root()),
    });
    Ok(())
}
