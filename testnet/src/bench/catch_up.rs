//! How long a node that was away needs until it takes part again.
//!
//! A node is stopped and what it keeps is put aside. It goes on with a network that decides so many blocks,
//! of one payment each, is stopped again, and gets back what was put aside: for all that it knows, it was
//! away. (If it really were, every fourth slot would wait for it, and most of the measurement would be
//! waiting.) The clock runs from the moment at which it is started until it says that it is ready at the
//! tip of the others.
//!
//! The limit is what one core could apply if it did nothing but the work that cannot be left out: reading a
//! block, checking its payment, applying it and keeping it. One certificate proves a whole run of blocks, so
//! certificates are not in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use model::api::{Request, Response, Status};
use tokio::time::sleep;

use super::costs::{self, Costs};
use super::drive::Arrivals;
use super::error::BenchError;
use super::link::{Link, problem};
use super::payments::{Book, Kind, Payments};
use super::rig::Rig;
use super::stage::{Scene, Stage};
use super::{VALID_MS, now, rate_of, runtime};
use crate::local::{self, Command};

/// The most blocks that a node can be away for.
pub const BLOCKS_AWAY_MAX: u64 = 1_000_000;

/// Nodes of the network; the last one is away.
const NODES: usize = 4;
const AWAY: usize = NODES - 1;

/// Owners that pay in turn, and payments under way at a time: enough that every block has one.
const OWNERS: usize = 200;
const IN_FLIGHT: usize = 64;

/// How long payments are sent before somebody looks how many blocks there are.
const ROUND: Duration = Duration::from_secs(5);

/// Payments per second that the first round is prepared for.
const FIRST_RATE: f64 = 1_000.0;

/// How many more payments are signed than a round is expected to need.
const AMPLE: f64 = 1.5;

/// How often the node is asked how it is, and for how long.
const LOOK: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(600);

/// What to measure.
#[derive(Clone, Debug)]
pub struct CatchUpOptions {
    /// This program: what the nodes are processes of.
    pub program: PathBuf,
    /// An empty directory, or one that is not there. `None`: a temporary one.
    pub directory: Option<PathBuf>,
    /// For how many blocks the node is away: 1 to [`BLOCKS_AWAY_MAX`].
    pub blocks: u64,
}

/// What was found.
#[derive(Clone, Copy, Debug)]
pub struct CatchUp {
    /// The blocks that the node lacked when it was started.
    pub blocks: u64,
    /// From its start until it answered.
    pub answered: Duration,
    /// From its start until it was ready at the tip of the others.
    pub ready: Duration,
    /// Blocks in each second of the time between the two.
    pub blocks_per_second: f64,
    /// What one core could apply.
    pub limit_per_second: f64,
    /// What the parts cost.
    pub costs: Costs,
}

impl CatchUp {
    /// The blocks per second as a part of the limit.
    #[must_use]
    pub fn ratio_to_limit(&self) -> f64 {
        self.blocks_per_second / self.limit_per_second
    }
}

/// Measures how long a node needs that was away. `note` hears what happens.
///
/// Call it in a thread that lives until the end of the process.
///
/// # Errors
///
/// [`BenchError`] says what is in the way.
pub fn catch_up(
    options: &CatchUpOptions,
    note: &(dyn Fn(&str) + Sync),
) -> Result<CatchUp, BenchError> {
    if !(1..=BLOCKS_AWAY_MAX).contains(&options.blocks) {
        return Err(BenchError::Options(format!(
            "a node can be away for 1 to {BLOCKS_AWAY_MAX} blocks"
        )));
    }
    let stage = Stage {
        directory: options.directory.as_deref(),
        accounts: Book::owners(OWNERS, kind()),
        block_entries_max: Some(1),
        ..Stage::new(&options.program, 1, NODES)
    };
    stage.play(note, |mut scene| {
        runtime()?.block_on(measure(options.blocks, &mut scene, note))
    })
}

const fn kind() -> Kind {
    Kind {
        payments: Payments::WholeBalance,
        shards: 1,
        inputs: 1,
        cross: 0,
        all_votes: false,
    }
}

async fn measure(
    blocks: u64,
    scene: &mut Scene,
    note: &(dyn Fn(&str) + Sync),
) -> Result<CatchUp, BenchError> {
    let name = scene.endpoint.nodes[AWAY].name.clone();
    let (layout, endpoint) = (scene.layout.clone(), scene.endpoint.clone());
    let tell = |command| local::ask(&layout, &endpoint, &command);
    let stop = || tell(Command::Kill { node: name.clone() });
    let start = || tell(Command::Restart { node: name.clone() });
    let store = layout.store(&name);
    let aside = scene.folder.join("aside");

    stop()?;
    copy(&store, &aside).map_err(BenchError::system("put aside what a node keeps"))?;
    let running = start()?;
    scene.processes = running.iter().filter_map(|node| node.pid).collect();
    let from = arrive(scene, 0).await?.status.tip.height.number();
    note(&format!(
        "{name} is to lack {blocks} blocks from height {from} on"
    ));
    let target = decide(from + blocks, scene, note).await?;
    stop()?;
    fs::remove_dir_all(&store)
        .and_then(|()| fs::rename(&aside, &store))
        .map_err(BenchError::system("give back what a node kept"))?;

    note(&format!(
        "starting {name}, and waiting until it is at height {target}"
    ));
    let began = Instant::now();
    start()?;
    let arrival = arrive(scene, target).await?;
    let (answered, ready) = (arrival.answered - began, arrival.ready - began);

    note(&format!(
        "{name} is back after {:.2} s",
        ready.as_secs_f64()
    ));
    note("measuring what the work costs that cannot be left out");
    let costs = costs::measure(&scene.genesis, kind(), 1, NODES, &scene.folder)?;
    let lacked = target - from;
    let took = (arrival.ready - arrival.answered).max(LOOK);
    Ok(CatchUp {
        blocks: lacked,
        answered,
        ready,
        blocks_per_second: lacked as f64 / took.as_secs_f64(),
        limit_per_second: 1.0 / block(&costs).as_secs_f64(),
        costs,
    })
}

/// What a block of one payment costs whoever catches up.
fn block(costs: &Costs) -> Duration {
    let payment =
        costs.decode + costs.form + costs.verify_of_block + costs.apply + costs.note + costs.flush;
    payment + costs.log
}

/// Lets the network decide blocks up to a height. The height at which it comes to rest.
async fn decide(
    height: u64,
    scene: &Scene,
    note: &(dyn Fn(&str) + Sync),
) -> Result<u64, BenchError> {
    let mut rig = Rig::connect(scene, NODES).await?;
    let mut book = Book::open(&scene.genesis, kind());
    let mut rate = FIRST_RATE;
    loop {
        let status = rig.link.status(0).await?;
        let at = status.tip.height.number();
        if at >= height {
            return Ok(at);
        }
        note(&format!("{} blocks to go", height - at));
        let wanted = (rate * ROUND.as_secs_f64()).ceil() as usize;
        let length = wanted.div_ceil(book.chains.len()) + 1;
        book.sign(length, now().plus_ms(VALID_MS), &scene.stop)?;
        let arrivals = Arrivals::Closed {
            in_flight: IN_FLIGHT,
        };
        let left = Duration::from_secs_f64((height - at) as f64 / rate);
        let ran = rig
            .run(&mut book, arrivals, left.clamp(LOOK, ROUND))
            .await?;
        rate = AMPLE * rate_of(&ran.tally).max(1.0);
    }
}

/// A node that is back.
struct Arrival {
    answered: Instant,
    ready: Instant,
    status: Status,
}

/// Waits until the node that was away answers, and until it is ready at a height.
async fn arrive(scene: &Scene, height: u64) -> Result<Arrival, BenchError> {
    let until = Instant::now() + PATIENCE;
    let mut answered = None;
    let mut link = None;
    loop {
        if let Some(status) = look(scene, &mut link).await {
            let first = *answered.get_or_insert_with(Instant::now);
            if status.not_ready.is_empty() && status.tip.height.number() >= height {
                return Ok(Arrival {
                    answered: first,
                    ready: Instant::now(),
                    status,
                });
            }
        }
        if Instant::now() > until {
            let seconds = PATIENCE.as_secs();
            return Err(problem(AWAY, format_args!("is not back after {seconds} s")));
        }
        sleep(LOOK).await;
    }
}

/// What the node that was away says of itself, if it can be reached.
async fn look(scene: &Scene, link: &mut Option<Link>) -> Option<Status> {
    if link.is_none() {
        *link = Link::connect(&scene.endpoint, 1).await.ok();
    }
    let asked = link.as_ref()?.ask(AWAY, &Request::Status, Duration::ZERO);
    match asked.await {
        Ok(Response::Status(status)) => Some(status),
        _ => {
            *link = None;
            None
        }
    }
}

/// Copies a folder of files and folders.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
