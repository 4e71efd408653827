//! The network that is measured: real processes in a directory of its own, gone when it is over.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use model::genesis::GenesisObject;
use model::{Genesis, PublicKey, ShardId};
use tempfile::TempDir;

use super::error::BenchError;
use crate::local::{self, Command, Endpoint, Event, Layout, read_genesis};

/// How often the supervisor asks the nodes how they are: seldom, because it costs them time.
const BEAT: Duration = Duration::from_secs(60);

/// Wallets that pay where each has limits. As many as may come from one address, but for three: somebody has
/// to watch.
const WALLETS: u8 = 5;

/// What network to measure.
pub(crate) struct Stage<'a> {
    /// This program: what the nodes are processes of.
    pub(crate) program: &'a Path,
    /// An empty directory, or one that is not there. `None`: a temporary one.
    pub(crate) directory: Option<&'a Path>,
    pub(crate) shards: u32,
    pub(crate) nodes: usize,
    /// Accounts besides the public test accounts: owners and balances in ncsc.
    pub(crate) accounts: Vec<(PublicKey, ShardId, u64)>,
    /// The first objects of the paper's contract.
    pub(crate) simulated: Vec<GenesisObject>,
    /// Whether the nodes have the limits of a public network, and with how much memory each, in
    /// mebibytes. They serve their metrics then.
    pub(crate) guarded: Option<u64>,
    /// The most payments in a block.
    pub(crate) block_entries_max: Option<usize>,
    /// Whether nodes can be cut off from each other.
    pub(crate) faults: bool,
    /// Whether the folder is there until `measure` returns, even if it stops the network before that.
    pub(crate) kept: bool,
}

impl<'a> Stage<'a> {
    /// A network of so many shards with so many nodes each, without anything special.
    pub(crate) fn new(program: &'a Path, shards: u32, nodes: usize) -> Self {
        Self {
            program,
            directory: None,
            shards,
            nodes,
            accounts: Vec::new(),
            simulated: Vec::new(),
            guarded: None,
            block_entries_max: None,
            faults: false,
            kept: false,
        }
    }
}

/// A network that is ready.
pub(crate) struct Scene {
    pub(crate) genesis: Genesis,
    pub(crate) endpoint: Endpoint,
    /// Where the parts of the network are.
    pub(crate) layout: Layout,
    /// The processes of the nodes, in the order of their seats.
    pub(crate) processes: Vec<u32>,
    /// As how many wallets payments are to be sent.
    pub(crate) wallets: u8,
    /// The folder of the network, on the disk that the nodes write to.
    pub(crate) folder: PathBuf,
    /// Set when the measurement is to end at once.
    pub(crate) stop: Arc<AtomicBool>,
}

/// The directory of the network, removed at the end.
enum Place {
    Temporary(TempDir),
    Given(PathBuf),
}

impl Stage<'_> {
    /// Starts the network, hands it to `measure` on a thread of its own, and stops and removes it.
    ///
    /// Call it in a thread that lives until the end of the process. `note` hears what happens.
    ///
    /// # Errors
    ///
    /// Those of the network, [`BenchError::Interrupted`] if a signal asks to stop, and those of
    /// `measure`.
    pub(crate) fn play<T: Send>(
        self,
        note: &(dyn Fn(&str) + Sync),
        measure: impl FnOnce(Scene) -> Result<T, BenchError> + Send,
    ) -> Result<T, BenchError> {
        let place = Place::make(self.directory)?;
        let layout = Layout::of(place.path());
        let stop = Arc::new(AtomicBool::new(false));
        let (ready, readiness) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(BenchError::system("start a runtime"))?;
        let http = match self.guarded {
            Some(_) => Some(local::free_ports(self.shards as usize * self.nodes)?),
            None => None,
        };
        let options = local::Options {
            directory: place.path().to_owned(),
            program: self.program.to_owned(),
            shards: Some(self.shards),
            nodes: Some(self.nodes),
            profile: None,
            port: None,
            http,
            ephemeral: !self.kept,
            beat: BEAT,
            accounts: self.accounts,
            simulated: self.simulated,
            guarded: self.guarded,
            block_entries_max: self.block_entries_max,
            faults: self.faults,
        };
        let (layout, stop) = (&layout, &stop);
        thread::scope(|scope| {
            let measuring = scope.spawn(move || {
                // Without a word the network did not get ready, and whoever runs it says why.
                let processes = readiness.recv().map_err(|_| BenchError::Interrupted)?;
                let wallets = if self.guarded.is_some() { WALLETS } else { 1 };
                let scene = Scene::open(layout, processes, wallets, Arc::clone(stop));
                let measured = scene.and_then(measure);
                // The network may be stopping already.
                let _ = Endpoint::read(layout)
                    .and_then(|endpoint| local::ask(layout, &endpoint, &Command::Stop));
                measured
            });
            let mut down = None;
            let ran = runtime.block_on(local::up(options, |event| match event {
                Event::Ready { nodes, .. } => {
                    let processes = nodes.iter().filter_map(|node| node.process.pid);
                    // Whoever measures waits for it.
                    let _ = ready.send(processes.collect());
                }
                Event::NodeDown { node, how, .. } => {
                    stop.store(true, Ordering::Relaxed);
                    down.get_or_insert(BenchError::NodeDown { node, how });
                }
                Event::Warning(text) | Event::Note(text) => note(&text),
                _ => {}
            }));
            stop.store(true, Ordering::Relaxed);
            drop(ready);
            // Whoever measures may have asked the supervisor to stop, and nobody is left to answer.
            drop(runtime);
            let measured = measuring.join();
            let measured = measured.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            ran?;
            down.map_or(measured, Err)
        })
    }
}

impl Scene {
    fn open(
        layout: &Layout,
        processes: Vec<u32>,
        wallets: u8,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, BenchError> {
        let endpoint = Endpoint::read(layout)?;
        Ok(Self {
            genesis: read_genesis(layout, endpoint.network)?,
            endpoint,
            processes,
            wallets,
            folder: layout.root(),
            layout: layout.clone(),
            stop,
        })
    }
}

impl Place {
    fn make(directory: Option<&Path>) -> Result<Self, BenchError> {
        let Some(directory) = directory else {
            let made = tempfile::Builder::new().prefix("chainspace-").tempdir();
            let made = made.map_err(BenchError::system("make a temporary directory"))?;
            return Ok(Self::Temporary(made));
        };
        fs::create_dir_all(directory).map_err(BenchError::system("make the directory"))?;
        let mut found =
            fs::read_dir(directory).map_err(BenchError::system("read the directory"))?;
        if found.next().is_some() {
            return Err(BenchError::NotEmpty(directory.to_owned()));
        }
        Ok(Self::Given(directory.to_owned()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(made) => made.path(),
            Self::Given(path) => path,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Given(path) = self {
            // It was empty when the network was made in it. What cannot be removed stays.
            let _ = fs::remove_dir_all(Layout::of(path).home());
        }
    }
}
