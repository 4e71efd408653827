//! What users may ask the supervisor to do to a node.

use tokio::sync::oneshot;
use tokio::time::sleep;

use super::{Course, STOP_PATIENCE, Supervisor, Waiting};
use crate::local::control::{Asked, Command, Line};
use crate::local::error::LocalError;
use crate::local::process::State;
use crate::local::ready::Told;

impl Supervisor<'_> {
    /// Does what was asked, or says why not.
    pub(super) fn obey(&mut self, Asked { command, answer }: Asked) -> Course {
        match command {
            Command::Nodes => self.answer(answer, Ok(())),
            Command::Kill { node } => self.obey_at(&node, answer, Self::kill),
            Command::Pause { node } => self.obey_at(&node, answer, Self::pause),
            Command::Resume { node } => self.obey_at(&node, answer, Self::resume),
            Command::Restart { node } => self.obey_at(&node, answer, Self::restart),
            Command::Stop => {
                self.answer(answer, Ok(()));
                return Course::Stop;
            }
        }
        Course::GoOn
    }

    /// Does something to a node, if there is one of this name.
    fn obey_at(
        &mut self,
        node: &str,
        answer: oneshot::Sender<Line>,
        act: impl FnOnce(&mut Self, usize, oneshot::Sender<Line>),
    ) {
        let mut nodes = self.nodes.iter();
        if let Some(index) = nodes.position(|known| known.process.name == node) {
            act(self, index, answer);
            return;
        }
        let known = self.nodes.iter().map(|known| &*known.process.name);
        let unknown = LocalError::unknown_node(node, known);
        self.answer(answer, Err(unknown));
    }

    fn kill(&mut self, index: usize, answer: oneshot::Sender<Line>) {
        let node = &mut self.nodes[index];
        match node.process.kill() {
            Ok(()) => node.waiting = Waiting::Kill(answer),
            Err(error) => self.answer(answer, Err(error)),
        }
    }

    fn pause(&mut self, index: usize, answer: oneshot::Sender<Line>) {
        let result = self.nodes[index].process.pause();
        if result.is_ok() {
            self.note(format!("{} is paused", self.nodes[index].process.name));
        }
        self.answer(answer, result);
    }

    fn resume(&mut self, index: usize, answer: oneshot::Sender<Line>) {
        let process = &mut self.nodes[index].process;
        let name = process.name.clone();
        let result = match process.state() {
            State::Running => Err(LocalError::NotPaused(name.clone())),
            State::Paused | State::Stopped => process.resume(),
        };
        if result.is_ok() {
            self.note(format!("{name} runs again"));
        }
        self.answer(answer, result);
    }

    fn restart(&mut self, index: usize, answer: oneshot::Sender<Line>) {
        let node = &mut self.nodes[index];
        let Some(pid) = node.process.pid() else {
            self.start_again(index, answer);
            return;
        };
        match node.process.terminate() {
            Ok(()) => node.waiting = Waiting::Restart(answer),
            Err(error) => return self.answer(answer, Err(error)),
        }
        let teller = self.teller.clone();
        tokio::spawn(async move {
            sleep(STOP_PATIENCE).await;
            // Nobody listens any more if the network has stopped meanwhile.
            let _ = teller.send(Told::Overdue { pid }).await;
        });
    }

    /// Starts a node that has ended, for whoever asked to restart it.
    pub(super) fn start_again(&mut self, index: usize, answer: oneshot::Sender<Line>) {
        let process = &mut self.nodes[index].process;
        let result = process.start();
        if let (Ok(()), Some(pid)) = (&result, process.pid()) {
            let note = format!("{} has been started, process {pid}", process.name);
            self.note(note);
        }
        self.answer(answer, result);
    }
}
