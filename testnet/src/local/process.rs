//! One node: a process of its own, whatever state it is in.
//!
//! A node must not outlive its supervisor, however that ends. Each node has the read end of a pipe as
//! its standard input, the supervisor has the write end and never writes: when the supervisor is
//! gone, the node reads the end of the file and stops (`--exit-with-parent`). Nodes are in process
//! groups of their own, so that Ctrl-C in a terminal reaches the supervisor and nobody else.

#[cfg(test)]
mod tests;

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use node::config::VARIABLE_PREFIX;
use serde::{Deserialize, Serialize};

use super::error::LocalError;
use super::file;
use super::layout::Layout;
use super::logs;

/// What the process of a node is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It runs.
    Running,
    /// It exists and does not run, as on a machine that has stalled.
    Paused,
    /// There is no process.
    Stopped,
}

/// A node and its process, if there is one.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) log: PathBuf,
    program: PathBuf,
    config: PathBuf,
    /// Holds the number of the process while there is one, for the next supervisor.
    pid_file: PathBuf,
    child: Option<Child>,
    paused: bool,
}

impl Process {
    /// The node `name` of the network in `layout`, a process of `program` once it is started.
    pub(crate) fn new(layout: &Layout, program: &Path, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            log: layout.log(name),
            program: program.to_owned(),
            config: layout.config(name),
            pid_file: layout.pid(name),
            child: None,
            paused: false,
        }
    }

    pub(crate) fn state(&self) -> State {
        match (&self.child, self.paused) {
            (None, _) => State::Stopped,
            (Some(_), true) => State::Paused,
            (Some(_), false) => State::Running,
        }
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Starts the node. It has to be stopped.
    pub(crate) fn start(&mut self) -> Result<(), LocalError> {
        let log = logs::open(&self.log).map_err(LocalError::io("open the log", &self.log))?;
        let mut command = Command::new(&self.program);
        for variable in variables_of_nodes() {
            command.env_remove(variable);
        }
        let child = command
            .args(["node", "run", "--exit-with-parent", "--config"])
            .arg(&self.config)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0)
            .spawn()
            .map_err(LocalError::io("start", &self.program))?;
        let pid = child.id();
        self.child = Some(child);
        self.paused = false;
        file::replace(&self.pid_file, pid.to_string().as_bytes())
    }

    /// Ends the process at once, as a power cut would.
    pub(crate) fn kill(&self) -> Result<(), LocalError> {
        self.signal(Signal::SIGKILL)
    }

    /// Asks the process to stop in order.
    pub(crate) fn terminate(&self) -> Result<(), LocalError> {
        self.signal(Signal::SIGTERM)?;
        self.signal(Signal::SIGCONT)
    }

    pub(crate) fn pause(&mut self) -> Result<(), LocalError> {
        self.signal(Signal::SIGSTOP)?;
        self.paused = true;
        Ok(())
    }

    pub(crate) fn resume(&mut self) -> Result<(), LocalError> {
        self.signal(Signal::SIGCONT)?;
        self.paused = false;
        Ok(())
    }

    /// How the process ended, once, if it has.
    pub(crate) fn reap(&mut self) -> io::Result<Option<ExitStatus>> {
        let Some(child) = &mut self.child else {
            return Ok(None);
        };
        let ended = child.try_wait()?;
        if ended.is_some() {
            self.child = None;
            self.paused = false;
            // One that stays behind makes the next supervisor look at a process that is not there.
            let _ = file::remove(&self.pid_file);
        }
        Ok(ended)
    }

    /// Sends a signal. Its number is still the child's: only [`Process::reap`] lets go of it.
    fn signal(&self, signal: Signal) -> Result<(), LocalError> {
        let pid = self
            .pid()
            .and_then(|pid| i32::try_from(pid).ok())
            .ok_or_else(|| LocalError::NodeStopped(self.name.clone()))?;
        signal::kill(Pid::from_raw(pid), signal).map_err(|errno| LocalError::Signal {
            node: self.name.clone(),
            signal: signal.as_str(),
            reason: errno.desc(),
        })
    }
}

/// Variables that set keys of configurations. They would set the same for all nodes, whatever is in
/// their files.
fn variables_of_nodes() -> impl Iterator<Item = OsString> {
    let names = env::vars_os().map(|(name, _)| name);
    names.filter(|name| {
        name.as_encoded_bytes()
            .starts_with(VARIABLE_PREFIX.as_bytes())
    })
}

/// How a process ended, as the end of a sentence that begins with its name.
pub(crate) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(number)) => match Signal::try_from(number) {
            Ok(signal) => format!("was ended by {}", signal.as_str()),
            Err(_) => format!("was ended by signal {number}"),
        },
        (None, None) => "ended".to_owned(),
    }
}
