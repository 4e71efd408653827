//! How fast members commit while strangers flood them, and how much memory that takes.
//!
//! A network of real processes with the limits of a public one pays, first undisturbed, then while a
//! process of its own floods all members: with connections, with garbage, with requests. The flooder takes
//! processor time from the members, because it runs on the same machine, which a flood in the world does
//! not. So each flood is compared twice: with the undisturbed network, and with the network beside a
//! process that takes as much processor time and does nothing.
//!
//! What the members refused is what they say themselves, at `/metrics`; so is the most memory that
//! they used, and what they may use.

mod child;
mod connections;
mod counters;
mod flooder;
mod garbage;
mod requests;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use self::child::Child;
use self::counters::Counters;
pub use self::flooder::{FlooderOptions, flooder};
use super::drive::Arrivals;
use super::error::BenchError;
use super::payments::{Book, Kind, Payments};
use super::rig::Rig;
use super::stage::{Scene, Stage};
use super::usage::Usage;
use super::{AMPLE, Latency, VALID_MS, WARM_UP, WARM_UP_RATE, now, rate_of, runtime, supply};

/// What each node may use of the memory, in mebibytes, if nobody says.
pub const MEMORY_MIB: u64 = 512;

/// How long a flood is under way before anything is counted.
const LEAD: Duration = Duration::from_secs(1);

/// What a network is flooded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FloodKind {
    /// A thousand connections, opened again and again: silent, stuck in the handshake, or without hello.
    Connections,
    /// Bytes that mean nothing, on every protocol, by peers that have said hello.
    Garbage,
    /// Transactions that spend what does not exist, and questions with the longest answers.
    Requests,
    /// Nothing: processor time is taken, and no more.
    Idle,
}

/// The floods, in the order in which they are measured.
pub const FLOODS: [FloodKind; 3] = [
    FloodKind::Connections,
    FloodKind::Garbage,
    FloodKind::Requests,
];

/// What to measure.
#[derive(Clone, Debug)]
pub struct FloodOptions {
    /// This program: what the nodes and the flooder are processes of.
    pub program: PathBuf,
    /// An empty directory, or one that is not there. `None`: a temporary one.
    pub directory: Option<PathBuf>,
    /// How many shards.
    pub shards: u32,
    /// How many nodes a shard has.
    pub nodes: usize,
    /// How many of a hundred payments cross shards.
    pub cross: u32,
    /// How long payments are sent each time, in seconds: 1 to 40.
    pub seconds: u64,
    /// How many payments are under way at a time.
    pub in_flight: usize,
    /// What each node may use of the memory, in mebibytes.
    pub memory_mib: u64,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Flood {
    /// How fast payments are without a flood.
    pub undisturbed: Speed,
    /// What each flood does.
    pub floods: Vec<Flooded>,
    /// What each node may use of the memory, in bytes, as all of them say.
    pub memory_limit: u64,
}

/// How fast payments are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Speed {
    /// Payments that were certified.
    pub committed: u64,
    /// In each second.
    pub per_second: f64,
    /// From the moment that a payment was due to the moment that its outcome was certified.
    pub latency: Latency,
}

/// What a flood does.
#[derive(Clone, Debug)]
pub struct Flooded {
    /// What kind of flood it was.
    pub kind: FloodKind,
    /// How fast payments were meanwhile.
    pub speed: Speed,
    /// How fast they were beside a process that took as much processor time.
    pub beside_idle: Speed,
    /// Processors that the flooder kept busy.
    pub flooder_cpus: f64,
    /// What the flooder did.
    pub told: FloodTally,
    /// The most memory that a node used up to the end of this flood, in bytes.
    pub memory_peak: u64,
    /// What the nodes have refused, by the name of the counter. None is zero.
    pub refused: Vec<(String, u64)>,
    /// Peers that were disconnected for what they did, and how many of them were banned.
    pub disconnected: u64,
    /// See above.
    pub banned: u64,
}

/// What a flooder did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloodTally {
    /// Connections that it tried to make.
    pub connections: u64,
    /// Of those, how many came to an end with a handshake, or with silence where one was not tried.
    pub connected: u64,
    /// Frames, garbage or requests, that it wrote.
    pub frames: u64,
    /// Requests that were answered with more than "busy".
    pub answered: u64,
}

impl Flood {
    /// The speed under a flood as a part of the undisturbed speed.
    #[must_use]
    pub fn ratio(&self, flooded: &Flooded) -> f64 {
        flooded.speed.per_second / self.undisturbed.per_second
    }
}

impl Flooded {
    /// The speed as a part of what it is beside a process that takes as much and does nothing.
    #[must_use]
    pub fn ratio_to_idle(&self) -> f64 {
        self.speed.per_second / self.beside_idle.per_second
    }
}

/// Floods a network of real processes that pays, which is gone afterwards. `note` hears what happens.
///
/// Call it in a thread that lives until the end of the process.
///
/// # Errors
///
/// [`BenchError`] says what is in the way. Nothing that was started runs any more.
pub fn flood(options: &FloodOptions, note: &(dyn Fn(&str) + Sync)) -> Result<Flood, BenchError> {
    if !(1..=super::ROUND_SECONDS).contains(&options.seconds) {
        return Err(BenchError::Options(format!(
            "a flood takes 1 to {} seconds",
            super::ROUND_SECONDS
        )));
    }
    if options.cross > 0 && options.shards < 2 {
        return Err(BenchError::Options(
            "payments cross shards where there are two shards or more".to_owned(),
        ));
    }
    let arrivals = options.arrivals();
    let stage = Stage {
        directory: options.directory.as_deref(),
        accounts: Book::owners(super::chains(arrivals, 1), options.kind()),
        guarded: Some(options.memory_mib),
        ..Stage::new(&options.program, options.shards, options.nodes)
    };
    stage.play(note, |scene| {
        runtime()?.block_on(measure(options, &scene, note))
    })
}

impl FloodOptions {
    fn arrivals(&self) -> Arrivals {
        Arrivals::Closed {
            in_flight: self.in_flight,
        }
    }

    fn kind(&self) -> Kind {
        Kind {
            payments: Payments::WholeBalance,
            shards: self.shards,
            inputs: 1,
            cross: self.cross,
            all_votes: false,
        }
    }
}

/// A network that pays.
struct Scale<'a> {
    options: &'a FloodOptions,
    scene: &'a Scene,
    rig: Rig,
    book: Book,
    /// Payments per second that the next round is prepared for.
    rate: f64,
    note: &'a (dyn Fn(&str) + Sync),
}

async fn measure(
    options: &FloodOptions,
    scene: &Scene,
    note: &(dyn Fn(&str) + Sync),
) -> Result<Flood, BenchError> {
    let mut scale = Scale {
        options,
        scene,
        rig: Rig::connect(scene, options.nodes).await?,
        book: Book::open(&scene.genesis, options.kind()),
        rate: WARM_UP_RATE as f64,
        note,
    };
    note("warm-up");
    scale.sign(WARM_UP)?;
    let warm = scale.pay(WARM_UP).await?;
    scale.rate = AMPLE * warm.per_second;
    note("undisturbed");
    scale.sign(scale.time())?;
    let undisturbed = scale.pay(scale.time()).await?;
    let mut floods = Vec::new();
    for kind in FLOODS {
        floods.push(scale.flooded(kind).await?);
    }
    note("checking that all nodes agree, and that no money was made or lost");
    supply::check(&scale.rig.link, options.nodes, &scene.genesis, &scale.book).await?;
    Ok(Flood {
        undisturbed,
        floods,
        memory_limit: Counters::of(&scene.endpoint)?.memory_limit(),
    })
}

impl Scale<'_> {
    fn time(&self) -> Duration {
        Duration::from_secs(self.options.seconds)
    }

    /// Signs as many payments as can be needed, before anything is measured.
    fn sign(&mut self, time: Duration) -> Result<(), BenchError> {
        let wanted = (self.rate * time.as_secs_f64()).ceil() as usize;
        let length = wanted.div_ceil(self.book.chains.len()) + 1;
        let until = now().plus_ms(VALID_MS);
        self.book.sign(length, until, &self.scene.stop)
    }

    async fn pay(&mut self, time: Duration) -> Result<Speed, BenchError> {
        let arrivals = self.options.arrivals();
        let mut tally = self.rig.run(&mut self.book, arrivals, time).await?.tally;
        Ok(Speed {
            committed: tally.in_window,
            per_second: rate_of(&tally),
            latency: Latency::of(&mut tally.latencies),
        })
    }

    /// Pays under a flood, and then beside a process that takes as much.
    async fn flooded(&mut self, kind: FloodKind) -> Result<Flooded, BenchError> {
        let name = kind.name();
        (self.note)(&format!("flood of {name}"));
        let before = Counters::of(&self.scene.endpoint)?;
        let (speed, flooder_cpus, told) = self.beside(kind, 0.0).await?;
        let after = Counters::of(&self.scene.endpoint)?;
        (self.note)(&format!(
            "beside an idle process that takes {flooder_cpus:.2} processors, as the flood of {name}"
        ));
        let (beside_idle, ..) = self.beside(FloodKind::Idle, flooder_cpus).await?;
        let more = |counter| after.count(counter) - before.count(counter);
        Ok(Flooded {
            kind,
            speed,
            beside_idle,
            flooder_cpus,
            told,
            memory_peak: after.memory_peak(),
            refused: after.refused_since(&before),
            disconnected: more("net_peers_disconnected") + more("net_peers_banned"),
            banned: more("net_peers_banned"),
        })
    }

    /// Pays beside a flooder: how fast, how many processors it kept busy, and what it did.
    async fn beside(
        &mut self,
        kind: FloodKind,
        cpus: f64,
    ) -> Result<(Speed, f64, FloodTally), BenchError> {
        self.sign(self.time() + LEAD)?;
        let child = Child::start(&self.options.program, &self.scene.layout, kind, cpus)?;
        sleep(LEAD).await;
        let began = tokio::time::Instant::now();
        let before = Usage::of(&[child.pid()])?;
        let speed = self.pay(self.time()).await?;
        let used = (Usage::of(&[child.pid()])? - before).cpu;
        let took = began.elapsed();
        Ok((speed, used.as_secs_f64() / took.as_secs_f64(), child.end()?))
    }
}

impl FloodKind {
    /// Its name, as the flooder is told it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Garbage => "garbage",
            Self::Requests => "requests",
            Self::Idle => "idle",
        }
    }

    /// The kind with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = FLOODS.into_iter().chain([Self::Idle]);
        all.into_iter().find(|kind| kind.name() == name)
    }
}
