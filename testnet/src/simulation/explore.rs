//! Many worlds, one seed after another, on as many cores as there are.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use super::fault::Faults;
use super::options::Options;
use super::verdict::{Failure, Summary};
use super::world::World;
use crate::adversary::{Casting, Kind};

/// Failures after which no further seed is begun. One more says nothing new.
const FAILURES_MAX: usize = 10;

/// Lives through the world that `seed` stands for.
///
/// # Errors
///
/// [`Failure`] if a rule was broken, with the trace that led there.
pub fn run(seed: u64, options: &Options) -> Result<Summary, Failure> {
    let mut world = World::new(seed, options);
    // A panic of the code under test is a failure like any other, and wants its seed and its trace.
    let outcome = catch_unwind(AssertUnwindSafe(|| world.run()));
    outcome.unwrap_or_else(|panic| Err(world.panicked(words(&*panic))))
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "something panicked".to_owned())
}

/// Which worlds to explore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worlds {
    /// Their seeds.
    pub seeds: Range<u64>,
    /// Of what kind they are.
    pub options: Options,
    /// Whether each world has liars of the next kind, whatever the options say.
    pub each_kind: bool,
}

impl Worlds {
    /// The world that `seed` stands for among these.
    #[must_use]
    pub fn options_of(&self, seed: u64) -> Options {
        let mut options = self.options.clone();
        if self.each_kind {
            let kinds = Kind::with_shards(options.shards);
            let index = usize::try_from(seed % kinds.len() as u64).expect("it is below a length");
            options.casting = Casting::All(kinds[index]);
        }
        options
    }
}

/// How far an exploration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Worlds that have ended.
    pub ended: u64,
    /// Worlds in all.
    pub worlds: u64,
    /// Worlds in which a rule was broken.
    pub failed: usize,
    /// Blocks of all worlds.
    pub blocks: u64,
}

/// What an exploration came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Worlds in which every rule held.
    pub held: u64,
    /// Blocks of these worlds.
    pub blocks: u64,
    /// Transactions that committed in them.
    pub committed: u64,
    /// Crashes in them.
    pub crashes: u64,
    /// Events of them.
    pub events: u64,
    /// The longest time that any of them took to settle, in milliseconds of virtual time.
    pub settled_ms_max: u64,
    /// What went wrong in them, and how often.
    pub faults: Faults,
    /// How often liars did what no honest member does.
    pub lies: u64,
    /// The states that nodes were in, as numbers.
    pub states: BTreeSet<u64>,
    /// The worlds in which a rule was broken, by seed. There may be more: an exploration ends soon
    /// after some were found.
    pub failures: Vec<Failure>,
}

impl Report {
    fn take(&mut self, outcome: Result<Summary, Failure>) {
        match outcome {
            Ok(summary) => {
                self.held += 1;
                self.blocks += summary.height;
                self.committed += summary.committed as u64;
                self.crashes += summary.crashes;
                self.events += summary.events;
                self.settled_ms_max = self.settled_ms_max.max(summary.settled_ms);
                self.faults.add(&summary.faults);
                self.lies += summary.lies;
                self.states.extend(summary.states);
            }
            Err(failure) => self.failures.push(failure),
        }
    }
}

/// Lives through worlds, one seed after another, on `threads` threads, one for each core with `None`.
/// `on_progress` is called on the caller's thread when a world has ended, and says whether to begin
/// more.
pub fn explore(
    worlds: &Worlds,
    threads: Option<NonZero<usize>>,
    mut on_progress: impl FnMut(&Progress) -> bool,
) -> Report {
    let seeds = &worlds.seeds;
    let count = seeds.end.saturating_sub(seeds.start);
    let threads = threads.or_else(|| thread::available_parallelism().ok());
    let next = AtomicU64::new(0);
    let enough = AtomicBool::new(false);
    let (ended, outcomes) = mpsc::channel();
    let mut report = Report::default();
    thread::scope(|scope| {
        for _ in 0..threads.map_or(1, NonZero::get) {
            let (ended, next, enough) = (ended.clone(), &next, &enough);
            scope.spawn(move || {
                while !enough.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        break;
                    }
                    let seed = seeds.start + index;
                    if ended.send(run(seed, &worlds.options_of(seed))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(ended);
        for outcome in outcomes {
            report.take(outcome);
            let failed = report.failures.len();
            let more = on_progress(&Progress {
                ended: report.held + failed as u64,
                worlds: count,
                failed,
                blocks: report.blocks,
            });
            if failed >= FAILURES_MAX || !more {
                enough.store(true, Ordering::Relaxed);
            }
        }
    });
    report.failures.sort_by_key(|failure| failure.seed);
    report
}
