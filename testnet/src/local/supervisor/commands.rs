//! What users may ask the supervisor to do to a node.

use std::collections::BTreeSet;

use tokio::sync::oneshot;
use tokio::time::sleep;

use super::{Course, STOP_PATIENCE, Supervisor, Waiting};
use crate::local::control::{Asked, Command, Line};
use crate::local::error::LocalError;
use crate::local::lies::Lies;
use crate::local::process::State;
use crate::local::ready::Told;
use crate::local::weather::Weather;

impl Supervisor<'_> {
    /// Does what was asked, or says why not.
    pub(super) fn obey(&mut self, Asked { command, answer }: Asked) -> Course {
        match command {
            Command::Nodes => self.answer(answer, Ok(())),
            Command::Kill { node } => self.obey_at(&node, answer, Self::kill),
            Command::Pause { node } => self.obey_at(&node, answer, Self::pause),
            Command::Resume { node } => self.obey_at(&node, answer, Self::resume),
            Command::Restart { node } => self.obey_at(&node, answer, Self::restart),
            Command::Partition { nodes } => {
                let parted = self.partition(&nodes);
                self.answer(answer, parted);
            }
            Command::Heal => {
                let healed = self.heal();
                self.answer(answer, healed);
            }
            Command::Delay { node, ms } => {
                let delayed = self.delay(&node, ms);
                self.answer(answer, delayed);
            }
            Command::Byzantine { node, lies } => {
                let tempted = self.tempt(&node, lies);
                self.answer(answer, tempted);
            }
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
        match self.index(node) {
            Ok(index) => act(self, index, answer),
            Err(unknown) => self.answer(answer, Err(unknown)),
        }
    }

    fn index(&self, node: &str) -> Result<usize, LocalError> {
        let names = || self.nodes.iter().map(|known| &*known.process.name);
        let found = names().position(|known| known == node);
        found.ok_or_else(|| LocalError::unknown_node(node, names()))
    }

    fn partition(&mut self, names: &[String]) -> Result<(), LocalError> {
        let mut apart = BTreeSet::new();
        for name in names {
            if !apart.insert(self.index(name)?) {
                return Err(LocalError::NamedTwice(name.clone()));
            }
        }
        self.weather()?.part(apart)?;
        self.note(format!("cut off from all others: {}", names.join(", ")));
        Ok(())
    }

    fn heal(&mut self) -> Result<(), LocalError> {
        self.weather()?.heal()?;
        self.note("nobody is cut off any more".to_owned());
        Ok(())
    }

    fn delay(&mut self, name: &str, ms: u32) -> Result<(), LocalError> {
        let index = self.index(name)?;
        self.weather()?.delay(index, ms)?;
        self.note(match ms {
            0 => format!("{name} hears the others at once"),
            _ => format!("{name} hears the others {ms} ms late"),
        });
        Ok(())
    }

    fn tempt(&mut self, name: &str, lies: Lies) -> Result<(), LocalError> {
        let index = self.index(name)?;
        let liars = self.liars.as_mut().ok_or(LocalError::NoFaults)?;
        liars.tempt(index, lies)?;
        self.note(match lies.is_honest() {
            true => format!("{name} is honest"),
            false => format!("{name} lies on purpose"),
        });
        Ok(())
    }

    fn weather(&mut self) -> Result<&mut Weather, LocalError> {
        self.weather.as_mut().ok_or(LocalError::NoFaults)
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
