//! Watching over the processes of a network, and leaving none behind.
//!
//! One task owns the processes and does everything that changes them. What takes time elsewhere
//! runs beside it (see [`super::ready`]) and tells it.

mod commands;

use std::time::Duration;

use model::api::Status;
use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use super::control::{Asked, Line, NodeState, Refusal};
use super::endpoint::EndpointNode;
use super::error::LocalError;
use super::event::{Event, NodeReport};
use super::lies::{Liars, Lies};
use super::logs;
use super::process::{Process, State, describe};
use super::ready::Told;
use super::signals::Signals;
use super::weather::Weather;

/// How long nodes may take to stop in order before they are ended.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// The processes of a network and whoever may want something of them.
pub(crate) struct Supervisor<'r> {
    pub(crate) nodes: Vec<Watched>,
    pub(crate) signals: Signals,
    /// A child has ended.
    pub(crate) ended: Signal,
    /// What the commands ask for.
    pub(crate) asked: mpsc::Receiver<Asked>,
    /// What the task beside us has found out.
    pub(crate) told: mpsc::Receiver<Told>,
    pub(crate) teller: mpsc::Sender<Told>,
    /// What is wrong between the nodes; `None` if nothing can be.
    pub(crate) weather: Option<Weather>,
    /// Which nodes lie; `None` if none can be made to.
    pub(crate) liars: Option<Liars>,
    pub(crate) report: &'r mut dyn FnMut(Event),
    pub(crate) ready: bool,
}

/// A node, and who waits for its process to end.
pub(crate) struct Watched {
    process: Process,
    endpoint: EndpointNode,
    waiting: Waiting,
}

/// Who waits for a process to end.
enum Waiting {
    /// Nobody: if it ends, it does so by itself.
    Nobody,
    /// Who asked to kill it.
    Kill(oneshot::Sender<Line>),
    /// Who asked to restart it.
    Restart(oneshot::Sender<Line>),
}

/// Whether to go on.
#[derive(PartialEq, Eq)]
enum Course {
    GoOn,
    Stop,
}

impl Watched {
    pub(crate) fn new(process: Process, endpoint: EndpointNode) -> Self {
        Self {
            process,
            endpoint,
            waiting: Waiting::Nobody,
        }
    }

    fn exists(&self) -> bool {
        self.process.state() != State::Stopped
    }
}

impl Supervisor<'_> {
    /// Starts all nodes.
    pub(crate) fn start(&mut self) -> Result<(), LocalError> {
        self.nodes
            .iter_mut()
            .try_for_each(|node| node.process.start())
    }

    /// Watches until something says stop.
    ///
    /// # Errors
    ///
    /// [`LocalError`] if the network does not get ready, or a node ends before it is.
    pub(crate) async fn watch(&mut self) -> Result<(), LocalError> {
        loop {
            tokio::select! {
                () = self.signals.recv() => {
                    return if self.ready { Ok(()) } else { Err(LocalError::Interrupted) };
                }
                Some(_) = self.ended.recv() => self.reap()?,
                Some(told) = self.told.recv() => self.on_told(told)?,
                Some(asked) = self.asked.recv() => {
                    if self.obey(asked) == Course::Stop {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Stops all nodes in order, and ends those that take too long, or all if a signal comes again.
    pub(crate) async fn stop(&mut self) {
        if self.nodes.iter().any(Watched::exists) {
            (self.report)(Event::Stopping);
        }
        self.each(Process::terminate);
        let mut patient = true;
        let patience = sleep(STOP_PATIENCE);
        tokio::pin!(patience);
        while self.nodes.iter().any(Watched::exists) {
            tokio::select! {
                Some(_) = self.ended.recv() => {
                    for node in &mut self.nodes {
                        // A process that cannot be waited for is not ours any more.
                        let _ = node.process.reap();
                    }
                }
                () = &mut patience, if patient => {
                    patient = false;
                    self.each(Process::kill);
                }
                () = self.signals.recv() => self.each(Process::kill),
            }
        }
    }

    /// Sends a signal to every node that has a process.
    fn each(&self, send: impl Fn(&Process) -> Result<(), LocalError>) {
        for node in self.nodes.iter().filter(|node| node.exists()) {
            // It can only fail if the process has ended already.
            let _ = send(&node.process);
        }
    }

    fn reap(&mut self) -> Result<(), LocalError> {
        for index in 0..self.nodes.len() {
            let process = &mut self.nodes[index].process;
            let ended = process.reap().map_err(|source| LocalError::System {
                action: "wait for a process",
                source,
            })?;
            if let Some(status) = ended {
                self.on_ended(index, describe(status))?;
            }
        }
        Ok(())
    }

    fn on_ended(&mut self, index: usize, how: String) -> Result<(), LocalError> {
        let node = &mut self.nodes[index];
        let name = node.process.name.clone();
        match std::mem::replace(&mut node.waiting, Waiting::Nobody) {
            Waiting::Kill(answer) => {
                self.note(format!("{name} {how}, as asked"));
                self.answer(answer, Ok(()));
            }
            Waiting::Restart(answer) => self.start_again(index, answer),
            Waiting::Nobody => return self.on_died(index, how),
        }
        Ok(())
    }

    fn on_died(&mut self, index: usize, how: String) -> Result<(), LocalError> {
        let process = &self.nodes[index].process;
        let node = process.name.clone();
        let log = process.log.clone();
        let log_tail = logs::tail(&log);
        if !self.ready {
            return Err(LocalError::NodeDied {
                node,
                how,
                log_tail,
                log,
            });
        }
        (self.report)(Event::NodeDown {
            node,
            how,
            log_tail,
            log,
        });
        Ok(())
    }

    fn on_told(&mut self, told: Told) -> Result<(), LocalError> {
        match told {
            Told::Event(event) => (self.report)(event),
            Told::NotReady(error) => return Err(error),
            Told::Ready {
                statuses,
                accounts,
                took,
            } => {
                self.ready = true;
                let nodes = self.reports(statuses);
                (self.report)(Event::Ready {
                    nodes,
                    accounts,
                    took,
                });
            }
            Told::Statuses(statuses) => {
                for node in &self.nodes {
                    // A log that cannot be shortened now is shortened at the next beat.
                    let _ = logs::rotate(&node.process.log);
                }
                let nodes = self.reports(statuses);
                (self.report)(Event::Beat(nodes));
            }
            Told::Overdue { pid } => {
                for node in &self.nodes {
                    if node.process.pid() == Some(pid) {
                        node.process.kill()?;
                    }
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, note: String) {
        (self.report)(Event::Note(note));
    }

    /// Answers a command. Whoever asked may have gone away.
    fn answer(&self, answer: oneshot::Sender<Line>, result: Result<(), LocalError>) {
        let line = match result {
            Ok(()) => Ok(self.states()),
            Err(error) => Err(Refusal {
                reason: error.to_string(),
                hint: error.hint(),
            }),
        };
        let _ = answer.send(line);
    }

    fn states(&self) -> Vec<NodeState> {
        (0..self.nodes.len()).map(|node| self.state(node)).collect()
    }

    fn state(&self, index: usize) -> NodeState {
        let process = &self.nodes[index].process;
        let weather = self.weather.as_ref();
        NodeState {
            name: process.name.clone(),
            pid: process.pid(),
            state: process.state(),
            cut: weather.is_some_and(|weather| weather.is_apart(index)),
            delay_ms: weather.map_or(0, |weather| weather.delay_of(index)),
            lies: self.lies_of(index),
        }
    }

    fn lies_of(&self, index: usize) -> Lies {
        let liars = self.liars.as_ref();
        liars.map_or_else(Lies::default, |liars| liars.of(index))
    }

    fn reports(&self, statuses: Vec<Option<Status>>) -> Vec<NodeReport> {
        let nodes = self.nodes.iter().zip(statuses);
        nodes
            .zip(self.states())
            .map(|((node, status), process)| NodeReport {
                process,
                endpoint: node.endpoint.clone(),
                status,
            })
            .collect()
    }
}
