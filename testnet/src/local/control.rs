//! How the commands speak to the supervisor: one line of JSON each way over a Unix socket.
//!
//! The socket is in a folder that only the user can enter, and lines are bounded.

#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::endpoint::Endpoint;
use super::error::LocalError;
use super::file;
use super::layout::Layout;
use super::lies::Lies;
use super::process::State;

/// The longest line either side reads, in bytes: the answer about a hundred nodes, with room.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// How long the supervisor waits for the line of a command that has connected.
const COMMAND_PATIENCE: Duration = Duration::from_secs(5);

/// How long a command waits for its answer. Restarting a node takes longest.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// The longest path of a socket that all systems take, in bytes.
const SOCKET_PATH_BYTES_MAX: usize = 100;

/// Commands that wait for the supervisor, at most.
const WAITING_MAX: usize = 16;

/// What the supervisor can be asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// End the process of a node at once, with SIGKILL.
    Kill {
        /// The node.
        node: String,
    },
    /// Stop the process of a node from running, with SIGSTOP.
    Pause {
        /// The node.
        node: String,
    },
    /// Let the process of a paused node run again, with SIGCONT.
    Resume {
        /// The node.
        node: String,
    },
    /// Start a node; stop it in order before, if it runs.
    Restart {
        /// The node.
        node: String,
    },
    /// Cut nodes off from all others. They hear each other. Whoever was cut off before is not any more.
    Partition {
        /// The nodes.
        nodes: Vec<String>,
    },
    /// Cut nobody off any more.
    Heal,
    /// Let a node hear all others late.
    Delay {
        /// The node.
        node: String,
        /// By how many milliseconds; 0 ends it.
        ms: u32,
    },
    /// Let a node lie, or make it honest.
    Byzantine {
        /// The node.
        node: String,
        /// About what.
        lies: Lies,
    },
    /// Say how the nodes are.
    Nodes,
    /// Stop all nodes in order, and then the supervisor.
    Stop,
}

/// What the supervisor answers: how the nodes are afterwards.
pub type Answer = Vec<NodeState>;

/// The process of one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeState {
    /// The node.
    pub name: String,
    /// Its process, if there is one.
    pub pid: Option<u32>,
    /// What the process is doing.
    pub state: State,
    /// Whether it is among those that were cut off from all others.
    pub cut: bool,
    /// By how many milliseconds it hears all others late.
    pub delay_ms: u32,
    /// What it lies about, on purpose.
    pub lies: Lies,
}

/// Why the supervisor did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) reason: String,
    pub(crate) hint: Option<String>,
}

/// What the supervisor writes back.
pub(crate) type Line = Result<Answer, Refusal>;

/// A command that waits for its answer.
pub(crate) struct Asked {
    pub(crate) command: Command,
    pub(crate) answer: oneshot::Sender<Line>,
}

/// Asks the supervisor of a running network. Blocks until it answers.
///
/// # Errors
///
/// [`LocalError::NotRunning`] if nobody listens, [`LocalError::Refused`] with the supervisor's
/// reason.
pub fn ask(layout: &Layout, endpoint: &Endpoint, command: &Command) -> Result<Answer, LocalError> {
    let not_running = || LocalError::NotRunning {
        directory: layout.root(),
    };
    let stream = UnixStream::connect(&endpoint.control).map_err(|_| not_running())?;
    let line = exchange(stream, command).map_err(|_| not_running())?;
    let line: Line = serde_json::from_str(&line).map_err(|error| LocalError::Refused {
        reason: format!("the supervisor answers what this program does not understand: {error}"),
        hint: Some("restart the network with this version of the program".to_owned()),
    })?;
    line.map_err(|Refusal { reason, hint }| LocalError::Refused { reason, hint })
}

fn exchange(mut stream: UnixStream, command: &Command) -> io::Result<String> {
    stream.set_read_timeout(Some(ANSWER_PATIENCE))?;
    stream.write_all(&to_line(command))?;
    let mut line = String::new();
    BufReader::new(stream.take(LINE_BYTES_MAX)).read_line(&mut line)?;
    if line.ends_with('\n') {
        Ok(line)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn to_line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("names, numbers and lists are JSON");
    line.push(b'\n');
    line
}

/// The supervisor's end of the socket. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct Control {
    path: PathBuf,
    /// The folder that was made because the path in the network's folder would be too long.
    folder: Option<PathBuf>,
}

impl Control {
    /// Listens for commands, which arrive at the receiver. Call it within a tokio runtime.
    pub(crate) fn listen(layout: &Layout) -> Result<(Self, mpsc::Receiver<Asked>), LocalError> {
        let control = Self::place(layout)?;
        file::remove(&control.path)?;
        let listen = || {
            let listener = UnixListener::bind(&control.path)?;
            fs::set_permissions(&control.path, Permissions::from_mode(0o600))?;
            Ok(listener)
        };
        let listener = listen().map_err(LocalError::io("listen at", &control.path))?;
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        tokio::spawn(accept(listener, sender));
        Ok((control, receiver))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn place(layout: &Layout) -> Result<Self, LocalError> {
        let path = layout.control();
        if path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
            return Ok(Self { path, folder: None });
        }
        let folder = std::env::temp_dir().join(format!("chainspace-{}", std::process::id()));
        DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(LocalError::io("create the folder", &folder))?;
        Ok(Self {
            path: folder.join("control.sock"),
            folder: Some(folder),
        })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // What stays behind if this fails is in nobody's way: the next supervisor removes it.
        let _ = fs::remove_file(&self.path);
        if let Some(folder) = &self.folder {
            let _ = fs::remove_dir(folder);
        }
    }
}

async fn accept(listener: UnixListener, commands: mpsc::Sender<Asked>) {
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(permit) = commands.clone().reserve_owned().await else {
            return;
        };
        tokio::spawn(async move {
            // A command that hangs up, says too much or says nothing gets no answer.
            let _ = serve(stream, permit).await;
        });
    }
}

async fn serve(stream: tokio::net::UnixStream, permit: mpsc::OwnedPermit<Asked>) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let mut reader = tokio::io::BufReader::new(reader.take(LINE_BYTES_MAX));
    timeout(COMMAND_PATIENCE, reader.read_line(&mut line)).await??;
    let line: Line = match serde_json::from_str(&line) {
        Ok(command) => {
            let (answer, answered) = oneshot::channel();
            permit.send(Asked { command, answer });
            answered.await.unwrap_or_else(|_| Err(overtaken()))
        }
        Err(error) => Err(Refusal {
            reason: format!("this is not a command: {error}"),
            hint: None,
        }),
    };
    writer.write_all(&to_line(&line)).await
}

fn overtaken() -> Refusal {
    Refusal {
        reason: "the network is stopping, or another command for the node came in between"
            .to_owned(),
        hint: None,
    }
}
