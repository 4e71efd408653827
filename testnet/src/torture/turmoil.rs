//! Doing what the plan says, and undoing all of it.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::plan::{Counts, Fault, Kind, Step, steps};
use crate::bench::{BenchError, Scene};
use crate::local::{Command, Endpoint, Layout, LocalError, ask};

/// The end of a process, and its new beginning.
pub(super) struct Strike {
    /// The number of the node.
    pub(super) node: usize,
    /// How long it still runs.
    pub(super) after: Duration,
    /// How long it stays dead.
    pub(super) lasts: Duration,
}

/// Whoever lets nodes fail.
pub(super) struct Turmoil {
    layout: Layout,
    endpoint: Endpoint,
    steps: Vec<Step>,
    /// The nodes that are cut off at the moment.
    apart: RefCell<BTreeSet<usize>>,
    /// The nodes to which something is being done. Nothing else is done to them.
    busy: RefCell<BTreeSet<usize>>,
    /// The nodes whose turn in the plan was left out, until it ends.
    spared: RefCell<BTreeSet<usize>>,
    counts: Cell<Counts>,
}

impl Turmoil {
    pub(super) fn new(layout: &Layout, scene: &Scene, faults: Vec<Fault>) -> Self {
        Self {
            layout: layout.clone(),
            endpoint: scene.endpoint.clone(),
            steps: steps(&faults),
            apart: RefCell::default(),
            busy: RefCell::default(),
            spared: RefCell::default(),
            counts: Cell::default(),
        }
    }

    /// What has been done so far.
    pub(super) fn counts(&self) -> Counts {
        self.counts.get()
    }

    /// Does all that the plan says, counting time from `began`. Every fault has ended then.
    pub(super) async fn run(&self, began: Instant) -> Result<(), BenchError> {
        for step in &self.steps {
            // What takes long makes the rest late, and changes nothing in its order.
            sleep(step.at.saturating_sub(began.elapsed())).await;
            self.take(step).await?;
        }
        Ok(())
    }

    /// Kills a node and starts it again, unless something else is done to it then.
    pub(super) async fn strike(&self, strike: &Strike) -> Result<(), BenchError> {
        sleep(strike.after).await;
        if !self.busy.borrow_mut().insert(strike.node) {
            return Ok(());
        }
        self.count(Kind::Kill);
        let node = self.endpoint.nodes[strike.node].name.clone();
        self.ask(Command::Kill { node: node.clone() }).await?;
        sleep(strike.lasts).await;
        self.ask(Command::Restart { node }).await?;
        self.busy.borrow_mut().remove(&strike.node);
        Ok(())
    }

    fn count(&self, kind: Kind) {
        let mut counts = self.counts.get();
        counts.add(kind);
        self.counts.set(counts);
    }

    async fn take(&self, step: &Step) -> Result<(), BenchError> {
        if !step.begins && self.spared.borrow_mut().remove(&step.node) {
            return Ok(());
        }
        if step.begins {
            if !self.busy.borrow_mut().insert(step.node) {
                self.spared.borrow_mut().insert(step.node);
                return Ok(());
            }
            self.count(step.kind);
        }
        self.carry_out(step).await?;
        if !step.begins {
            self.busy.borrow_mut().remove(&step.node);
        }
        Ok(())
    }

    async fn carry_out(&self, step: &Step) -> Result<(), BenchError> {
        let node = self.endpoint.nodes[step.node].name.clone();
        let command = match (step.kind, step.begins) {
            (Kind::Kill, true) => Command::Kill { node },
            (Kind::Kill, false) => Command::Restart { node },
            (Kind::Pause, true) => Command::Pause { node },
            (Kind::Pause, false) => Command::Resume { node },
            (Kind::Delay(ms), true) => Command::Delay { node, ms },
            (Kind::Delay(_), false) => Command::Delay { node, ms: 0 },
            (Kind::Cut, begins) => self.cut(step.node, begins),
        };
        self.ask(command).await
    }

    /// What cuts a node off, or connects it again, and leaves the others as they are.
    fn cut(&self, node: usize, begins: bool) -> Command {
        let mut apart = self.apart.borrow_mut();
        if begins {
            apart.insert(node);
        } else {
            apart.remove(&node);
        }
        if apart.is_empty() {
            return Command::Heal;
        }
        let name = |node: &usize| self.endpoint.nodes[*node].name.clone();
        Command::Partition {
            nodes: apart.iter().map(name).collect(),
        }
    }

    async fn ask(&self, command: Command) -> Result<(), BenchError> {
        let (layout, endpoint) = (self.layout.clone(), self.endpoint.clone());
        let asked = spawn_blocking(move || ask(&layout, &endpoint, &command)).await;
        match asked {
            Ok(Ok(_)) => Ok(()),
            // The network is stopping, and whoever runs it says why.
            Ok(Err(LocalError::NotRunning { .. })) => {
                sleep(Duration::from_secs(1)).await;
                Err(BenchError::Interrupted)
            }
            Ok(Err(error)) => Err(error.into()),
            Err(error) => Err(BenchError::Wrong(error.to_string())),
        }
    }
}
