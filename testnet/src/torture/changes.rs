//! Shards that begin epoch after epoch while nodes fail, and members that are killed while an epoch ends.
//!
//! In each change all members get other seats. Nobody comes and nobody goes, so that all nodes can be held
//! against each other at the end. From the moment at which the members are asked to agree, some of them, now
//! and then all, are killed and started again. How far the end of the epoch has come then is for the seed
//! and the machine to say.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use client::{Client, Options};
use futures::future::{join3, try_join_all};
use model::{Epoch, Plan, ShardId, ShardRecord};
use tokio::time::sleep;

use super::turmoil::{Strike, Turmoil};
use crate::bench::{BenchError, Scene};
use crate::simulation::Random;

/// How long a shard is left alone between two changes, in milliseconds.
const PAUSE_MS: RangeInclusive<u64> = 100..=1_500;

/// When a member is killed, in milliseconds after it is asked to agree.
const AFTER_MS: RangeInclusive<u64> = 0..=400;

/// How long it stays dead, in milliseconds.
const LASTS_MS: RangeInclusive<u64> = 50..=1_000;

/// How long an epoch may take to begin before it is asked for once more.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait before asking again when nobody answers.
const AGAIN: Duration = Duration::from_millis(100);

/// Those who let shards change.
pub(super) struct Changes<'a> {
    changers: Vec<Changer<'a>>,
}

/// Who lets one shard change.
struct Changer<'a> {
    shard: ShardId,
    /// The numbers of its nodes.
    nodes: Vec<usize>,
    client: Client,
    turmoil: &'a Turmoil,
    random: RefCell<Random>,
    begun: Cell<u64>,
}

impl<'a> Changes<'a> {
    /// Nothing changes.
    pub(super) const fn none() -> Self {
        Self {
            changers: Vec::new(),
        }
    }

    /// One for each shard. Call it within a tokio runtime.
    pub(super) fn open(scene: &Scene, seed: u64, turmoil: &'a Turmoil) -> Result<Self, BenchError> {
        let mut random = Random::new(seed).fork();
        let mut first = 0;
        let changers = scene.genesis.shards.iter().map(|shard| {
            let nodes = first..first + shard.members.len();
            first = nodes.end;
            let endpoints = scene.endpoint.endpoints(scene.genesis.clone());
            Ok(Changer {
                shard: shard.shard,
                nodes: nodes.collect(),
                client: Client::connect(endpoints, Options::default())?,
                turmoil,
                random: RefCell::new(random.fork()),
                begun: Cell::new(0),
            })
        });
        let changers = changers.collect::<Result<_, client::Error>>();
        Ok(Self {
            changers: changers.map_err(wrong)?,
        })
    }

    /// Lets all shards change until so much time has passed since `began`. Every node that was killed runs
    /// again then.
    pub(super) async fn run(&self, began: Instant, duration: Duration) -> Result<(), BenchError> {
        let changing = self.changers.iter().map(async |changer| {
            while began.elapsed() < duration {
                changer.pause().await;
                changer.change().await?;
            }
            Ok(())
        });
        try_join_all(changing).await.map(drop)
    }

    /// How many epochs have begun.
    pub(super) fn count(&self) -> u64 {
        self.changers
            .iter()
            .map(|changer| changer.begun.get())
            .sum()
    }

    /// The last epoch of each shard, as it proves itself.
    ///
    /// # Errors
    ///
    /// [`BenchError::Wrong`] if nobody says so.
    pub(super) async fn epochs(&self) -> Result<BTreeMap<ShardId, Epoch>, BenchError> {
        let last = self.changers.iter().map(async |changer| {
            let record = changer.client.last_record(changer.shard).await;
            let known = record.map(|record| (changer.shard, record.epoch));
            known.map_err(wrong)
        });
        Ok(try_join_all(last).await?.into_iter().collect())
    }
}

impl Changer<'_> {
    async fn pause(&self) {
        let pause = self.random.borrow_mut().within(&PAUSE_MS);
        sleep(Duration::from_millis(pause)).await;
    }

    /// Lets the shard begin an epoch, and kills members meanwhile. It need not come to anything.
    async fn change(&self) -> Result<(), BenchError> {
        let Ok(before) = self.client.last_record(self.shard).await else {
            sleep(AGAIN).await;
            return Ok(());
        };
        let next = self
            .client
            .successor(&before, self.seats(&before), before.price)
            .map_err(wrong)?;
        // Nobody is new, so nobody has to consent.
        let plan = Plan {
            next,
            consents: Vec::new(),
        };
        let strikes = self.strikes();
        let strikes = strikes.iter().map(|strike| self.turmoil.strike(strike));
        let next = plan.next.epoch;
        let (_, begun, struck) = join3(
            self.client.put_forward(&plan, &before),
            self.client.begun(self.shard, next, PATIENCE),
            try_join_all(strikes),
        )
        .await;
        struck?;
        if begun.is_some() {
            self.begun.set(self.begun.get() + 1);
        }
        Ok(())
    }

    /// The members, each on another seat.
    fn seats(&self, before: &ShardRecord) -> Vec<model::NodeDescriptor> {
        let mut members: Vec<_> = before.descriptors().cloned().collect();
        let by = 1 + self.random.borrow_mut().index(members.len() - 1);
        members.rotate_left(by);
        members
    }

    /// Which members are killed, and when.
    fn strikes(&self) -> Vec<Strike> {
        let random = &mut *self.random.borrow_mut();
        let mut nodes = self.nodes.clone();
        random.shuffle(&mut nodes);
        nodes.truncate(random.index(nodes.len() + 1));
        let strike = |node| Strike {
            node,
            after: Duration::from_millis(random.within(&AFTER_MS)),
            lasts: Duration::from_millis(random.within(&LASTS_MS)),
        };
        nodes.into_iter().map(strike).collect()
    }
}

fn wrong(error: client::Error) -> BenchError {
    BenchError::Wrong(error.to_string())
}
