//! `chainspace node`: one node. It runs until it is told to stop, and says what it is to those with whom
//! it is to form a shard.

mod init;
mod paper;

pub(crate) use init::{Wanted, make, refuse_node, write_new};

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use clap::Subcommand;
use client::file::{self, BadFile, Kind};
use node::config::{ConfigError, Loaded};
use node::store::StoreError;
use node::{Contracts, Fatal, Outlook, Stopper};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::Common;
use crate::config::Configuration;
use crate::exit::{Exit, Failure};
use crate::log;
use crate::output::{Done, Output};
use crate::parent;
use crate::session::runtime;
use crate::watchdog;

/// How long a node may take to stop in order. It loses nothing if it does not.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

const EXAMPLES: &str = "Examples:
  chainspace node init me --network genesis.bin
  chainspace node descriptor --config me/node.toml
  chainspace node consent new.csp --config me/node.toml
  chainspace node run --config me/node.toml";

const RUN_EXAMPLES: &str = "Examples:
  chainspace node run --config node.toml
  chainspace node run --config node.toml --http 127.0.0.1:4780
  chainspace node run --config node.toml --log-filter info,net=debug --log-format json";

#[derive(Debug, Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Command {
    /// Make the keys and the configuration of a new node
    Init(init::Init),
    /// Write how the node describes itself, for whoever founds a shard with it
    Descriptor(paper::Descriptor),
    /// Agree to the shard that a proposal describes
    Consent(paper::Consent),
    /// Run a node until SIGINT or SIGTERM; twice, and it ends at once
    #[command(before_help = RUN_EXAMPLES)]
    Run {
        #[command(flatten)]
        configuration: Configuration,
        /// Stop when the standard input ends: when whoever started the node is gone
        #[arg(long, hide = true)]
        exit_with_parent: bool,
    },
}

pub(crate) fn run(
    common: &Common,
    command: Command,
    output: &Output,
) -> Result<Option<Done>, Failure> {
    match command {
        Command::Init(init) => init::run(&init, output).map(Some),
        Command::Descriptor(descriptor) => paper::describe(&descriptor, output).map(Some),
        Command::Consent(consent) => paper::consent(&consent, output).map(Some),
        Command::Run {
            configuration,
            exit_with_parent,
        } => run_until_stopped(common, &configuration.load()?, exit_with_parent, |_| Ok(())),
    }
}

/// Runs a node with this configuration until somebody stops it. `started` is told when it listens.
pub(crate) fn run_until_stopped(
    common: &Common,
    loaded: &Loaded,
    exit_with_parent: bool,
    started: impl FnOnce(Outlook) -> Result<(), Failure>,
) -> Result<Option<Done>, Failure> {
    log::of_node(common, loaded)?;
    if let Some(warning) = node::limits::raise_open_files() {
        tracing::warn!("{warning}");
    }
    let config = loaded.config.clone();
    let stopper = Arc::new(OnceLock::new());
    stop_when_told(&stopper, exit_with_parent)?;
    let contracts = Contracts::of(&node::load_genesis(&config.genesis)?);
    let running = node::Node::start(config, contracts)?;
    stopper.get_or_init(|| running.stopper());
    for address in running.listen_addresses() {
        tracing::info!(%address, "listening");
    }
    watchdog::ready(running.pulse())?;
    started(running.outlook())?;
    running.wait()?;
    tracing::info!("stopped");
    Ok(None)
}

/// From now on the process stops when a signal says so, or its parent is gone.
fn stop_when_told(stopper: &Arc<OnceLock<Stopper>>, exit_with_parent: bool) -> Result<(), Failure> {
    let (wish, wishes) = channel();
    let stopper = Arc::clone(stopper);
    spawn("stop", move || stop_in_time(&wishes, &stopper))?;
    if exit_with_parent {
        let wish = wish.clone();
        parent::watch(move || {
            // Nobody listens any more if the process is about to end.
            let _ = wish.send(());
        })?;
    }
    let runtime = runtime()?;
    let signals = {
        let _inside = runtime.enter();
        [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ]
        .map(signal)
    };
    let [interrupt, terminate, hangup] = signals;
    let signals = (|| Ok([interrupt?, terminate?, hangup?]))().map_err(cannot_start)?;
    spawn("signals", move || {
        runtime.block_on(wish_at_signals(signals, &wish))
    })
}

/// Stops the node at the first wish. Ends the process at the second, or when it takes too long, or
/// when the node has not even started.
fn stop_in_time(wishes: &Receiver<()>, stopper: &OnceLock<Stopper>) {
    if wishes.recv().is_err() {
        return;
    }
    if let Some(stopper) = stopper.get() {
        tracing::info!("stopping");
        watchdog::stopping();
        stopper.stop();
        // Either a second wish, or none in time.
        let _ = wishes.recv_timeout(STOP_PATIENCE);
    }
    std::process::exit(Exit::Failed.code().into());
}

async fn wish_at_signals(signals: [Signal; 3], wish: &Sender<()>) {
    let [mut interrupt, mut terminate, mut hangup] = signals;
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        if wish.send(()).is_err() {
            return;
        }
    }
}

pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let thread = thread::Builder::new().name(name.into()).spawn(work);
    thread.map(drop).map_err(cannot_start)
}

pub(crate) fn cannot_start(error: io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("cannot start the node: {error}"))
}

impl From<Fatal> for Failure {
    fn from(fatal: Fatal) -> Self {
        let exit = match &fatal {
            Fatal::Config(_) => Exit::Usage,
            Fatal::Store(StoreError::OtherNetwork { .. }) => Exit::WrongNetwork,
            _ => Exit::Failed,
        };
        match in_words(&fatal) {
            Some(bad) => Self::new(exit, bad.to_string()).hint(bad.hint()),
            None => Self::new(exit, fatal.to_string()),
        }
    }
}

/// What is wrong with the file that stopped a node, if it is another file than it should be.
fn in_words(fatal: &Fatal) -> Option<BadFile> {
    let (file, wanted) = match fatal {
        Fatal::Config(ConfigError::Read { file, .. } | ConfigError::Syntax { file, .. }) => {
            (file, Kind::Configuration)
        }
        Fatal::GenesisFile { file, .. } | Fatal::Genesis { file, .. } => (file, Kind::Network),
        _ => return None,
    };
    file::diagnose(Path::new(file), wanted)
}
