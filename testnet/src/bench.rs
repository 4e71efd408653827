//! Measuring real networks: payments over the whole path, and the limit that the machine sets.
//!
//! [`transfers`] starts a network of real processes and sends payments that were built and signed
//! before the clock started. It reports what a user sees (committed payments per second, latency
//! from submit to certified outcome), what it costs (processor time, bytes), and how far that is from
//! what the machine could do if it did nothing but the work that cannot be left out.
//!
//! Paper: Section VII, the evaluation.

mod agreement;
mod catch_up;
mod consumption;
mod costs;
mod drive;
mod error;
pub mod figures;
mod flood;
mod follower;
mod limit;
mod link;
mod load;
mod payments;
mod rig;
mod stage;
mod supply;
#[cfg(test)]
mod tests;
mod usage;

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::Time;
use tokio::runtime::Runtime;

pub use agreement::{ACTION_BYTES_MIN, Agreement, AgreementOptions, Ordered, agreement};
pub use catch_up::{BLOCKS_AWAY_MAX, CatchUp, CatchUpOptions, catch_up};
pub use costs::Costs;
pub use drive::Arrivals;
use drive::Tally;
pub use error::BenchError;
pub use flood::{
    FLOODS, Flood, FloodKind, FloodOptions, FloodTally, Flooded, FlooderOptions, MEMORY_MIB, Speed,
    flood, flooder,
};
pub use limit::Limit;
use payments::Book;
use payments::Kind;
pub use payments::Payments;
use rig::{Ran, Rig};
pub(crate) use stage::{Scene, Stage};

/// The longest run, in seconds.
pub const SECONDS_MAX: u64 = 3_600;

/// How long payments are sent between two pauses, in seconds. A transaction is valid for a minute at
/// most, and those of a round are all signed before the first of them is sent.
const ROUND_SECONDS: u64 = 40;

/// How long payments are valid after they were signed, in milliseconds.
const VALID_MS: u64 = 58_000;

/// How long the network warms up before the clock starts.
const WARM_UP: Duration = Duration::from_secs(2);

/// Payments per second that the warm-up is prepared for.
const WARM_UP_RATE: u64 = 10_000;

/// How many times the rate of the warm-up a run without `rate` is prepared for.
const AMPLE: f64 = 1.6;

/// Accounts that a payment spends, at most. The paper measured as many.
pub const INPUTS_MAX: usize = 10;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// This program: what the nodes are processes of.
    pub program: PathBuf,
    /// An empty directory for the network, or one that is not there. `None`: a temporary one.
    pub directory: Option<PathBuf>,
    /// How many shards.
    pub shards: u32,
    /// How many nodes a shard has.
    pub nodes: usize,
    /// How many accounts a payment spends, 1 to [`INPUTS_MAX`]. All of them have one owner, and there
    /// will be as many again.
    pub inputs: usize,
    /// How many of a hundred payments cross shards. Those of one input go to an account in another
    /// shard; those of several make accounts in random shards, and spend what was made so.
    pub cross: u32,
    /// Whether all shards decide by all votes, as in the paper, in place of one for all.
    pub all_votes: bool,
    /// How long payments are sent, in seconds, at most [`SECONDS_MAX`].
    pub seconds: u64,
    /// When they are sent.
    pub arrivals: Arrivals,
    /// What is paid.
    pub payments: Payments,
    /// The most payments in a block. `None`: as many as the protocol allows.
    pub block_entries_max: Option<usize>,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Transfers {
    /// Payments that were sent, all of which have committed.
    pub committed: u64,
    /// Payments that were certified in each second in which payments were sent.
    pub committed_per_second: f64,
    /// How long payments were sent.
    pub seconds: f64,
    /// How often a node was too busy to take a payment. It was sent again.
    pub refused: u64,
    /// From the moment that a payment was due to the moment that its outcome was certified.
    pub latency: Latency,
    /// Processor time of all nodes, in milliseconds per payment.
    pub cpu_ms_per_transaction: f64,
    /// Processor time of this process, which sends and follows, in milliseconds per payment.
    pub generator_cpu_ms_per_transaction: f64,
    /// Blocks with payments per second.
    pub blocks_per_second: f64,
    /// Payments per block.
    pub transactions_per_block: f64,
    /// Bytes that went over loopback, with their headers, per payment: what the nodes send to each
    /// other, and what is said between them and this process.
    pub loopback_bytes_per_transaction: f64,
    /// Bytes that the nodes have written to their disk per payment.
    pub written_bytes_per_transaction: f64,
    /// Bytes of memory that all nodes together occupy: after the warm-up, then after each round of at
    /// most 40 seconds.
    pub resident: Vec<u64>,
    /// Whether the payments that were signed in advance came to an end before the time did.
    pub exhausted: bool,
    /// What this machine could do with blocks of as many payments.
    pub limit: Limit,
}

/// Percentiles of the latency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Half of the payments took no longer.
    pub p50: Duration,
    /// 95 of 100 payments took no longer.
    pub p95: Duration,
    /// 99 of 100 payments took no longer.
    pub p99: Duration,
    /// No payment took longer.
    pub max: Duration,
}

/// Measures payments on a network of real processes, which is gone afterwards.
///
/// Call it in a thread that lives until the end of the process. `note` hears what happens.
///
/// # Errors
///
/// [`BenchError`]; no node runs then, either.
pub fn transfers(options: &Options, note: &(dyn Fn(&str) + Sync)) -> Result<Transfers, BenchError> {
    if !(1..=SECONDS_MAX).contains(&options.seconds) {
        return Err(BenchError::Options(format!(
            "a run takes 1 to {SECONDS_MAX} seconds"
        )));
    }
    if options.cross > 0 && options.shards < 2 {
        return Err(BenchError::Options(
            "payments cross shards where there are two shards or more".to_owned(),
        ));
    }
    if !(1..=INPUTS_MAX).contains(&options.inputs) {
        return Err(BenchError::Options(format!(
            "a payment spends 1 to {INPUTS_MAX} accounts"
        )));
    }
    let chains = chains(options.arrivals, options.inputs);
    let accounts = chains * options.inputs;
    let stage = Stage {
        directory: options.directory.as_deref(),
        accounts: Book::owners(chains, options.kind()),
        block_entries_max: options.block_entries_max,
        ..Stage::new(&options.program, options.shards, options.nodes)
    };
    note(&format!(
        "starting {} shards of {} nodes, and {accounts} accounts in the genesis document",
        options.shards, options.nodes
    ));
    stage.play(note, |scene| {
        runtime()?.block_on(measure(options, &scene, note))
    })
}

/// How many owners pay, with so many accounts each: enough that a payment seldom has to wait for the one
/// before it.
fn chains(arrivals: Arrivals, inputs: usize) -> usize {
    /// What a genesis document has room for, by far.
    const MAX: usize = 16_000;
    let wanted = match arrivals {
        Arrivals::Closed { in_flight } => in_flight + in_flight / 4,
        Arrivals::Open { per_second } => 2 * per_second as usize,
    };
    wanted.clamp(100, MAX / inputs)
}

fn runtime() -> Result<Runtime, BenchError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(BenchError::system("start a runtime"))
}

async fn measure(
    options: &Options,
    scene: &Scene,
    note: &(dyn Fn(&str) + Sync),
) -> Result<Transfers, BenchError> {
    let mut rig = Rig::connect(scene, options.nodes).await?;
    let mut book = Book::open(&scene.genesis, options.kind());
    let mut run = async |rate: f64, arrivals, duration: Duration, what: &str| {
        let wanted = (rate * duration.as_secs_f64()).ceil() as usize;
        let length = wanted.div_ceil(book.chains.len()) + 1;
        note(&format!(
            "{what}: signing {} payments, {length} of each owner, before any is sent",
            length * book.chains.len(),
        ));
        book.sign(length, now().plus_ms(VALID_MS), &scene.stop)?;
        note(&format!("{what}: sending for {} s", duration.as_secs()));
        rig.run(&mut book, arrivals, duration).await
    };
    let known = match options.arrivals {
        Arrivals::Open { per_second } => Some(f64::from(per_second)),
        Arrivals::Closed { .. } => None,
    };
    let rate = known.unwrap_or(WARM_UP_RATE as f64);
    let warm = run(rate, options.arrivals, WARM_UP, "warm-up").await?;
    let rate = known.unwrap_or_else(|| AMPLE * rate_of(&warm.tally));
    let mut resident = vec![usage::resident(&scene.processes)?];
    let mut ran = Ran::default();
    for seconds in rounds(options.seconds) {
        let duration = Duration::from_secs(seconds);
        ran.add(run(rate, options.arrivals, duration, "run").await?);
        resident.push(usage::resident(&scene.processes)?);
    }
    note("checking that all nodes agree, and that no money was made or lost");
    supply::check(&rig.link, options.nodes, &scene.genesis, &book).await?;
    let mut measured = conclude(ran);
    measured.resident = resident;
    let entries = (measured.transactions_per_block.round() as usize).max(1);
    note("measuring what the work costs that cannot be left out");
    let (genesis, folder) = (&scene.genesis, &scene.folder);
    let costs = costs::measure(genesis, options.kind(), entries, options.nodes, folder)?;
    let shards = book.concerned();
    measured.limit = Limit::of(costs, options.nodes, entries, shards);
    Ok(measured)
}

/// The rounds of a run, as equal as can be.
fn rounds(seconds: u64) -> impl Iterator<Item = u64> {
    let count = seconds.div_ceil(ROUND_SECONDS).max(1);
    (0..count).map(move |round| seconds / count + u64::from(round < seconds % count))
}

fn rate_of(tally: &Tally) -> f64 {
    tally.in_window as f64 / tally.window.as_secs_f64()
}

fn conclude(ran: Ran) -> Transfers {
    let Ran {
        mut tally,
        nodes,
        own,
    } = ran;
    let committed = tally.latencies.len() as u64;
    let seconds = tally.window.as_secs_f64();
    let each = |total: f64| total / (committed.max(1) as f64);
    let ms = |cpu: Duration| each(cpu.as_secs_f64() * 1_000.0);
    Transfers {
        committed,
        committed_per_second: rate_of(&tally),
        seconds,
        refused: tally.refused,
        latency: Latency::of(&mut tally.latencies),
        cpu_ms_per_transaction: ms(nodes.cpu),
        generator_cpu_ms_per_transaction: ms(own.cpu),
        blocks_per_second: tally.blocks_in_window as f64 / seconds,
        transactions_per_block: committed as f64 / tally.blocks.max(1) as f64,
        loopback_bytes_per_transaction: each(nodes.loopback as f64),
        written_bytes_per_transaction: each(nodes.written as f64),
        resident: Vec::new(),
        exhausted: tally.exhausted,
        limit: Limit::default(),
    }
}

impl Options {
    fn kind(&self) -> Kind {
        Kind {
            payments: self.payments,
            inputs: self.inputs,
            shards: self.shards,
            cross: self.cross,
            all_votes: self.all_votes,
        }
    }
}

impl Latency {
    /// The percentiles of some latencies: of `n` in order, the `p`-th is the one at `p * n / 100`,
    /// rounded up.
    fn of(latencies: &mut [Duration]) -> Self {
        latencies.sort_unstable();
        let at = |percent: usize| {
            let rank = (latencies.len() * percent).div_ceil(100);
            let found = rank.checked_sub(1).and_then(|index| latencies.get(index));
            found.copied().unwrap_or_default()
        };
        Self {
            p50: at(50),
            p95: at(95),
            p99: at(99),
            max: at(100),
        }
    }
}

/// The time of the system's clock.
fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let ms = since.map_or(0, |since| since.as_millis());
    Time::from_ms(u64::try_from(ms).unwrap_or(u64::MAX))
}

impl Transfers {
    /// The committed payments per second as a part of the limit.
    #[must_use]
    pub fn ratio_to_limit(&self) -> f64 {
        self.committed_per_second / self.limit.per_second
    }
}
