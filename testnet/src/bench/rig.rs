//! A network under load: the links to its nodes, whoever follows the chains of its shards, and what its
//! processes use.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use model::Committee;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::drive::{Arrivals, Driver, Tally};
use super::error::BenchError;
use super::follower::{Followed, Follower};
use super::link::Link;
use super::load::Load;
use super::stage::Scene;
use super::usage::Usage;

/// Blocks that are certified and that nobody has looked at.
const BLOCKS_WAITING: usize = 1_024;

/// What came of a load, and what it took.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    pub(crate) tally: Tally,
    /// What the nodes used.
    pub(crate) nodes: Usage,
    /// What this process used, which sends and follows.
    pub(crate) own: Usage,
}

impl Ran {
    /// Counts another run in.
    pub(crate) fn add(&mut self, more: Self) {
        self.tally.add(more.tally);
        self.nodes += more.nodes;
        self.own += more.own;
    }
}

/// A network that can be put under load.
pub(crate) struct Rig {
    pub(crate) link: Link,
    blocks: mpsc::Receiver<Followed>,
    /// How many nodes a shard has.
    nodes: usize,
    processes: Vec<u32>,
    stop: Arc<AtomicBool>,
    /// Those who follow, until the rig is gone.
    _following: JoinSet<()>,
}

impl Rig {
    /// Connects with the nodes of a network whose shards have so many `nodes` each.
    ///
    /// # Errors
    ///
    /// [`BenchError`] if a node cannot be reached.
    pub(crate) async fn connect(scene: &Scene, nodes: usize) -> Result<Self, BenchError> {
        let link = Link::connect(&scene.endpoint, scene.wallets).await?;
        let (sender, blocks) = mpsc::channel(BLOCKS_WAITING);
        let mut following = JoinSet::new();
        for (shard, committee) in committees(scene)?.into_iter().enumerate() {
            let node = shard * nodes;
            let status = link.status(node).await?;
            let follower = Follower::new(link.clone(), node, committee, status.tip.height);
            following.spawn(follower.run(sender.clone()));
        }
        Ok(Self {
            link,
            blocks,
            nodes,
            processes: scene.processes.clone(),
            stop: Arc::clone(&scene.stop),
            _following: following,
        })
    }

    /// Sends a load for `duration`, and waits until all of it is certified.
    ///
    /// # Errors
    ///
    /// [`BenchError`] if a transaction is lost, a node is at fault, or somebody asked to stop.
    pub(crate) async fn run(
        &mut self,
        load: &mut dyn Load,
        arrivals: Arrivals,
        duration: Duration,
    ) -> Result<Ran, BenchError> {
        let before = self.usage()?;
        let mut driver = Driver {
            link: &self.link,
            load,
            blocks: &mut self.blocks,
            nodes: self.nodes,
            stop: &self.stop,
        };
        let tally = driver.run(arrivals, duration).await?;
        let after = self.usage()?;
        Ok(Ran {
            tally,
            nodes: after[0] - before[0],
            own: after[1] - before[1],
        })
    }

    /// What the nodes have used so far, and what this process has.
    fn usage(&self) -> Result<[Usage; 2], BenchError> {
        Ok([
            Usage::of(&self.processes)?,
            Usage::of(&[std::process::id()])?,
        ])
    }
}

/// The members of all shards. Nobody but the measurement knows its network, so none of them changes.
fn committees(scene: &Scene) -> Result<Vec<Committee>, BenchError> {
    let shards = scene.genesis.shards.iter();
    let committees = shards.filter_map(|shard| scene.genesis.committee(shard.shard));
    committees
        .map(|committee| committee.map_err(|error| BenchError::Wrong(error.to_string())))
        .collect()
}
