//! Payments among all accounts of a real network while its nodes fail: `chainspace testnet torture`.
//!
//! A network of its own is started, wallets pay each other into all shards without a pause, and a
//! [`plan`] made from a seed kills, pauses, delays and cuts off nodes, in no shard more at a time than it
//! must survive. If asked to, all shards begin one epoch after the other meanwhile, and [`changes`] kills
//! members while an epoch ends, as many as it likes: they keep their disks. When the time is over everything is healed, every payment is waited for, the network is
//! stopped, and the [`verdict`] is read from what the nodes have on their disks.

mod changes;
mod payments;
mod plan;
mod seen;
mod turmoil;
mod verdict;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use model::shard::Faults;
use model::{Epoch, ShardId};
use tokio::time::sleep;

use crate::bench::{BenchError, Scene, Stage};
use crate::local::{self, Layout};

use changes::Changes;
use payments::Payers;
use plan::plan;
use seen::Seen;
use turmoil::Turmoil;

pub use plan::Counts;
pub use verdict::Verdict;

/// How often whoever started it is told how far it is.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// How often it is looked whether somebody asked to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// This program: what the nodes are processes of.
    pub program: PathBuf,
    /// An empty directory, or one that is not there. `None`: a temporary one.
    pub directory: Option<PathBuf>,
    /// How many shards.
    pub shards: u32,
    /// How many nodes a shard has.
    pub nodes: usize,
    /// For how long nodes fail.
    pub duration: Duration,
    /// What decides what happens.
    pub seed: u64,
    /// Whether the shards change the seats of their members all the while.
    pub epochs: bool,
}

/// What has happened so far.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// How long nodes are still to fail.
    pub left: Duration,
    /// Transactions that were committed.
    pub committed: u64,
    /// Transactions that were aborted, by reason. The payments were made by later ones.
    pub aborted: BTreeMap<&'static str, u64>,
    /// What was done to the nodes.
    pub faults: Counts,
    /// Epochs that were seen to begin; in the end, all that have begun.
    pub epochs: u64,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Report {
    /// All that has happened.
    pub progress: Progress,
    /// What the nodes have on their disks.
    pub verdict: Verdict,
    /// Where the network is kept, if anything is broken: the same seed need not break it again.
    pub kept: Option<PathBuf>,
}

/// Who is told what happens while it happens.
#[derive(Clone, Copy)]
pub struct Listeners<'a> {
    /// How far it is, every few seconds.
    pub progress: &'a (dyn Fn(&Progress) + Sync),
    /// What comes next.
    pub note: &'a (dyn Fn(&str) + Sync),
    /// What is done to each node.
    pub detail: &'a (dyn Fn(&str) + Sync),
}

/// Tortures a network, and says what came of it.
///
/// Call it in a thread that lives until the end of the process.
///
/// # Errors
///
/// [`BenchError::Options`] if such a shard survives no fault, [`BenchError::Interrupted`] if a signal
/// asks to stop, [`BenchError::Wrong`] if a payment is never settled or a node ends by itself. What the
/// nodes have on their disks is judged in the report, and is no error.
pub fn run(options: &Options, listeners: Listeners<'_>) -> Result<Report, BenchError> {
    let faults = Faults::of(options.nodes);
    let plan = plan(
        options.seed,
        options.shards,
        options.nodes,
        options.duration,
    );
    if plan.is_empty() {
        return Err(BenchError::Options(format!(
            "a shard of {} nodes survives {} faults: there is nothing to do in {} s",
            options.nodes,
            faults.count(),
            options.duration.as_secs(),
        )));
    }
    let stage = Stage {
        directory: options.directory.as_deref(),
        faults: true,
        kept: true,
        ..Stage::new(&options.program, options.shards, options.nodes)
    };
    stage.play(listeners.detail, |scene| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(BenchError::system("start a runtime"))?;
        let layout = Layout::of(directory(&scene));
        let torment = torment(options, &scene, &layout, plan, listeners);
        let (progress, seen, epochs) = runtime.block_on(torment)?;
        local::stop(&layout)?;
        (listeners.note)("auditing what the nodes have on their disks");
        let verdict = verdict::reach(&layout, &scene.genesis, &seen, &epochs)?;
        let kept = match verdict.broken.is_empty() {
            true => None,
            false => Some(keep(&layout)?),
        };
        Ok(Report {
            progress,
            verdict,
            kept,
        })
    })
}

/// Moves a network that has stopped to where it is not removed.
fn keep(layout: &Layout) -> Result<PathBuf, BenchError> {
    let mut kept = layout.directory().as_os_str().to_owned();
    kept.push("-broken");
    let kept = PathBuf::from(kept);
    let moved = fs::rename(layout.root(), &kept);
    moved.map_err(BenchError::system("keep the network"))?;
    Ok(kept)
}

/// The directory that the network belongs to.
fn directory(scene: &Scene) -> &Path {
    let home = scene.folder.parent();
    home.and_then(Path::parent).unwrap_or(&scene.folder)
}

/// Lets wallets pay and nodes fail until the time is over, and waits until all is settled. The last epoch
/// of each shard is known then, if they have changed.
async fn torment(
    options: &Options,
    scene: &Scene,
    layout: &Layout,
    plan: Vec<plan::Fault>,
    listeners: Listeners<'_>,
) -> Result<(Progress, Seen, BTreeMap<ShardId, Epoch>), BenchError> {
    let began = Instant::now();
    let enough = AtomicBool::new(false);
    let payers = Payers::open(layout, scene, options.seed)?;
    let turmoil = Turmoil::new(layout, scene, plan);
    let changes = match options.epochs {
        true => Changes::open(scene, options.seed, &turmoil)?,
        false => Changes::none(),
    };
    let progress = || {
        let (committed, aborted) = payers.count();
        Progress {
            left: options.duration.saturating_sub(began.elapsed()),
            committed,
            aborted,
            faults: turmoil.counts(),
            epochs: changes.count(),
        }
    };
    let unrest = async {
        tokio::try_join!(turmoil.run(began), changes.run(began, options.duration))?;
        (listeners.note)(
            "all nodes run and hear each other; waiting until every payment is settled",
        );
        enough.store(true, Ordering::Relaxed);
        Ok(())
    };
    let work = async {
        tokio::try_join!(payers.pay(&enough), unrest)?;
        payers.wait_until_quiet(options.nodes).await?;
        changes.epochs().await
    };
    let epochs = tokio::select! {
        biased;
        () = interrupted(&scene.stop) => return Err(BenchError::Interrupted),
        done = work => done?,
        never = report(|| (listeners.progress)(&progress())) => match never {},
    };
    let progress = Progress {
        epochs: epochs.values().map(|last| last.number()).sum(),
        ..progress()
    };
    Ok((progress, payers.close(), epochs))
}

/// Ends when somebody asks to stop.
async fn interrupted(stop: &Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        sleep(LOOK_EVERY).await;
    }
}

/// Tells every now and then, and never ends.
async fn report(tell: impl Fn()) -> Infallible {
    loop {
        sleep(TELL_EVERY).await;
        tell();
    }
}
