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

/// Whoever lets nodes fail.
pub(super) struct Turmoil {
    layout: Layout,
    endpoint: Endpoint,
    steps: Vec<Step>,
    /// The nodes that are cut off at the moment.
    apart: RefCell<BTreeSet<usize>>,
    counts: Cell<Counts>,
}

impl Turmoil {
    pub(super) fn new(layout: &Layout, scene: &Scene, faults: Vec<Fault>) -> Self {
        Self {
            layout: layout.clone(),
            endpoint: scene.endpoint.clone(),
            steps: steps(&faults),
            apart: RefCell::default(),
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

    async fn take(&self, step: &Step) -> Result<(), BenchError> {
        if step.begins {
            let mut counts = self.counts.get();
            counts.add(step.kind);
            self.counts.set(counts);
        }
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
