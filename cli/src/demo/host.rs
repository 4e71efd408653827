//! The processes of a demonstration: a local network, nodes that come to it, and the commands of a user.
//!
//! Everything is done by this program as anybody would call it. No process outlives the demonstration,
//! however it ends: each that stays has a pipe as its standard input and stops when that ends.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use client::paper;
use model::{NodeId, SignedDescriptor};
use serde_json::Value;
use tempfile::TempDir;

use crate::exit::{Exit, Failure};
use crate::output::Output;

/// How long a process may take to stop in order.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked whether something has happened.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The ports among which those of new nodes are looked for. Local networks are below, and what systems
/// give away by themselves is above.
const PORTS: std::ops::Range<u16> = 30_000..32_000;

/// Where the demonstration takes place.
pub(super) struct Host<'a> {
    output: &'a Output,
    program: PathBuf,
    /// Removed at the end, unless something went wrong.
    folder: Option<TempDir>,
    directory: PathBuf,
    began: Instant,
    network: Option<Child>,
    nodes: Vec<Child>,
    /// Where to look for the port of the next node. No port is given twice: a node that has just been
    /// started does not listen yet.
    ports: std::ops::Range<u16>,
}

/// A node that has come to the network.
#[derive(Clone, Debug)]
pub(super) struct Newcomer {
    pub(super) name: String,
    pub(super) node: NodeId,
    /// Its configuration.
    pub(super) config: PathBuf,
    /// The file with its descriptor.
    pub(super) descriptor: PathBuf,
}

impl<'a> Host<'a> {
    pub(super) fn new(output: &'a Output) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(failed("find this program"))?;
        let folder = tempfile::Builder::new()
            .prefix("chainspace-demo-")
            .tempdir()
            .map_err(failed("make a folder"))?;
        Ok(Self {
            output,
            program,
            directory: folder.path().to_owned(),
            folder: Some(folder),
            began: Instant::now(),
            network: None,
            nodes: Vec::new(),
            ports: PORTS.start + offset()..PORTS.end,
        })
    }

    /// The directory of the network.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// How long it has been going on.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Says something, with the time.
    pub(super) fn say(&self, text: impl std::fmt::Display) {
        let seconds = self.elapsed().as_secs_f64();
        self.output.note(format_args!("{seconds:6.1} s  {text}"));
    }

    /// Does what a user would do by this command, and returns what it says to programs.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<Value, Failure> {
        self.say(format_args!("$ chainspace {}", self.shown(arguments)));
        self.ask(arguments)
    }

    /// As [`Host::run`], without a word.
    pub(super) fn ask(&self, arguments: &[&str]) -> Result<Value, Failure> {
        let ran = self
            .command(arguments)
            .arg("--json")
            .output()
            .map_err(failed("start this program"))?;
        let refused = |why: &str| {
            let said = String::from_utf8_lossy(&ran.stderr);
            let said: Vec<&str> = said.lines().rev().take(3).collect();
            let command = self.shown(arguments);
            let said = said.into_iter().rev().collect::<Vec<_>>().join(" / ");
            Failure::new(
                Exit::Failed,
                format!("chainspace {command}: {why} [{said}]"),
            )
        };
        let envelope: Value =
            serde_json::from_slice(&ran.stdout).map_err(|bad| refused(&bad.to_string()))?;
        if envelope["success"] == true {
            return Ok(envelope["data"].clone());
        }
        let message = envelope["errors"][0]["message"].as_str();
        Err(refused(
            message.unwrap_or("it has failed and does not say why"),
        ))
    }

    /// As [`Host::run`], until it succeeds: nodes may still be starting, or not have heard of something.
    pub(super) fn insist(&self, arguments: &[&str], patience: Duration) -> Result<Value, Failure> {
        let command = self.shown(arguments);
        self.say(format_args!("$ chainspace {command}"));
        let what = format!("`{command}` succeeds");
        self.eventually(&what, patience, || self.ask(arguments).map(Some))
    }

    /// Tries until there is something.
    ///
    /// # Errors
    ///
    /// Whatever was in the way at last, when the time is up.
    pub(super) fn eventually<T>(
        &self,
        what: &str,
        patience: Duration,
        mut attempt: impl FnMut() -> Result<Option<T>, Failure>,
    ) -> Result<T, Failure> {
        let until = Instant::now() + patience;
        loop {
            let why = match attempt() {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => None,
                Err(failure) => Some(failure.message),
            };
            if Instant::now() >= until {
                let why = why.map_or_else(String::new, |why| format!(": {why}"));
                let seconds = patience.as_secs();
                let message = format!("after {seconds} s it has not happened that {what}{why}");
                return Err(Failure::new(Exit::Failed, message));
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Starts a network of so many shards with so many nodes each. What it says when it is ready.
    pub(super) fn start_network(&mut self, shards: u32, nodes: usize) -> Result<Value, Failure> {
        let (shards, nodes) = (shards.to_string(), nodes.to_string());
        let arguments = ["testnet", "up", "--shards", &shards, "--nodes", &nodes];
        self.say(format_args!("$ chainspace {}", arguments.join(" ")));
        let log = self.log("testnet")?;
        let mut child = self
            .command(&arguments)
            .args(["--json", "--exit-with-parent"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(failed("start a network"))?;
        let said = child.stdout.take();
        self.network = Some(child);
        let lines = said
            .into_iter()
            .flat_map(|said| BufReader::new(said).lines());
        let events = lines.map_while(Result::ok);
        let mut events = events.filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        let ready = events.find(|event| event["event"] == "ready");
        ready.ok_or_else(|| Failure::new(Exit::Failed, "the network has not become ready"))
    }

    /// Makes a node from nothing but the network file and one address, and starts it.
    pub(super) fn start_node(
        &mut self,
        name: &str,
        genesis: &Path,
        bootnode: &str,
    ) -> Result<Newcomer, Failure> {
        let folder = self.directory.join("newcomers").join(name);
        let listen = format!("/ip4/127.0.0.1/tcp/{}", self.free_port()?);
        let (at, file) = (folder.display().to_string(), genesis.display().to_string());
        self.ask(&[
            "join",
            &file,
            &at,
            "--name",
            name,
            "--listen",
            &listen,
            "--bootnode",
            bootnode,
            "--consent",
            "any",
        ])?;
        let config = folder.join("node.toml");
        let described = self.ask(&["node", "descriptor", "--config", &text(&config)])?;
        let descriptor = self.directory.join(format!("{name}.csd"));
        let written = described["descriptor"].as_str().unwrap_or_default();
        fs::write(&descriptor, written).map_err(failed("write a descriptor"))?;
        let signed: SignedDescriptor = paper::read(&descriptor).map_err(client::Error::from)?;
        let child = Command::new(&self.program)
            .args(["node", "run", "--exit-with-parent", "--config"])
            .arg(&config)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(self.log(name)?)
            .spawn()
            .map_err(failed("start a node"))?;
        self.nodes.push(child);
        Ok(Newcomer {
            name: name.to_owned(),
            node: signed.descriptor.node,
            config,
            descriptor,
        })
    }

    /// Stops all processes, and waits until they have ended.
    pub(super) fn stop(&mut self) {
        let mut children: Vec<Child> = self.nodes.drain(..).chain(self.network.take()).collect();
        for child in &mut children {
            drop(child.stdin.take());
        }
        let until = Instant::now() + STOP_PATIENCE;
        for mut child in children {
            while matches!(child.try_wait(), Ok(None)) && Instant::now() < until {
                thread::sleep(Duration::from_millis(20));
            }
            // Both fail only if it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Keeps the folder with all logs, for whoever wants to know what went wrong.
    pub(super) fn keep(&mut self) -> PathBuf {
        self.folder
            .take()
            .map_or_else(|| self.directory.clone(), TempDir::keep)
    }

    fn free_port(&mut self) -> Result<u16, Failure> {
        let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
        let found = self.ports.find(is_free);
        found.ok_or_else(|| Failure::new(Exit::Failed, "no port is free on this machine"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .arg("--dir")
            .arg(&self.directory)
            .current_dir(&self.directory);
        command
    }

    fn log(&self, name: &str) -> Result<File, Failure> {
        File::create(self.directory.join(format!("{name}.log"))).map_err(failed("open a log"))
    }

    /// A command as a user would have typed it, in the directory.
    fn shown(&self, arguments: &[&str]) -> String {
        let here = format!("{}/", self.directory.display());
        arguments.join(" ").replace(&here, "")
    }
}

impl Drop for Host<'_> {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A path for a command line. Those of a demonstration are text.
pub(super) fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Demonstrations that begin together do not reach for the same ports.
fn offset() -> u16 {
    u16::try_from(std::process::id() % 100).unwrap_or(0) * 10
}

fn failed(doing: &'static str) -> impl Fn(std::io::Error) -> Failure {
    move |error| Failure::new(Exit::Failed, format!("cannot {doing}: {error}"))
}
