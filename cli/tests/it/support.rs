//! A network of real processes for one test, which ends with the test however that ends.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_chainspace");

/// When something that must happen is given up. No test depends on how long anything takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// When a command that goes on is given up.
const END_PATIENCE: Duration = Duration::from_secs(300);

/// What a command has left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The envelope on stdout.
    #[track_caller]
    pub(crate) fn envelope(&self) -> Value {
        let lines: Vec<&str> = self.stdout.lines().collect();
        assert_eq!(lines.len(), 1, "one envelope on one line: {self:?}");
        serde_json::from_str(lines[0]).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The `data` of the envelope of a command that must have ended with `code`.
    #[track_caller]
    pub(crate) fn data(&self, code: i32) -> Value {
        assert_eq!(self.code, code, "{self:?}");
        self.envelope()["data"].clone()
    }
}

/// The program, in `directory`, with nobody at the terminal.
pub(crate) fn program(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(arguments)
        .current_dir(directory)
        .env_remove("CHAINSPACE_DIR")
        .env_remove("CHAINSPACE_LOG")
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn run(directory: &Path, arguments: &[&str]) -> Ran {
    finish(&mut program(directory, arguments))
}

/// Runs a command to its end, which must come: one that goes on is killed.
#[track_caller]
pub(crate) fn finish(command: &mut Command) -> Ran {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("the program starts");
    let pid = child.id();
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || {
        // Whoever waits for it may have given up.
        let _ = sender.send(child.wait_with_output());
    });
    let Ok(output) = ended.recv_timeout(END_PATIENCE) else {
        signal(pid, Signal::SIGKILL);
        let said = ended.recv_timeout(PATIENCE);
        panic!("{command:?} does not end: {said:?}");
    };
    let output = output.expect("it is our child");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("stdout is text"),
        stderr: String::from_utf8(output.stderr).expect("stderr is text"),
    }
}

/// An empty folder, short enough for a socket in it.
pub(crate) fn folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("cs")
        .tempdir()
        .expect("there is a folder for temporary files")
}

/// The first of some ports in a row that are free, and that no other test is given.
#[track_caller]
pub(crate) fn free_ports(count: u16) -> u16 {
    /// As many as all tests need together.
    const ALL: u16 = 8;
    static FIRST: LazyLock<u16> = LazyLock::new(|| {
        testnet::local::free_ports(ALL.into()).expect("there are free ports in a row")
    });
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let given = GIVEN.fetch_add(count, Ordering::Relaxed);
    assert!(given + count <= ALL, "the tests need more ports than {ALL}");
    *FIRST + given
}

/// Tries until there is something, which there must be.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < deadline, "it never happened: {what}");
        thread::yield_now();
    }
}

/// Whether a process runs, or could again. One that has ended and that nobody has asked about does
/// not.
pub(crate) fn is_alive(pid: u32) -> bool {
    let exists = kill(process(pid), None).is_ok();
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let ended = state
        .rsplit(')')
        .next()
        .is_some_and(|rest| rest.trim_start().starts_with('Z'));
    exists && !ended
}

/// Sends a signal.
#[track_caller]
pub(crate) fn signal(pid: u32, signal: Signal) {
    kill(process(pid), signal).expect("the process is there");
}

fn process(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).expect("process ids are small"))
}

/// A process that was started, which ends with the test however that ends.
pub(crate) struct Started(pub(crate) Child);

impl Started {
    #[track_caller]
    pub(crate) fn of(command: &mut Command) -> Self {
        Self(command.spawn().expect("the program starts"))
    }

    /// The lines of its stdout, as they come.
    #[track_caller]
    pub(crate) fn lines(&mut self) -> Receiver<String> {
        lines_of(self.0.stdout.take().expect("stdout is a pipe"))
    }

    /// Waits until it has ended.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        eventually("the process ends", || {
            self.0.try_wait().expect("it is our child")
        })
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A network that runs.
pub(crate) struct Network {
    directory: PathBuf,
    /// The supervisor. It ends before its folder is removed, and the nodes end with it, at the latest.
    up: Started,
    _folder: Option<TempDir>,
    /// The lines of stdout from the start to `ready`.
    pub(crate) events: Vec<Value>,
    stderr: Arc<Mutex<String>>,
}

impl Network {
    /// A new network of one shard in a folder of its own.
    #[track_caller]
    pub(crate) fn start() -> Self {
        let folder = folder();
        let mut network = Self::start_in(folder.path(), &[]);
        network._folder = Some(folder);
        network
    }

    /// A new network of two shards in a folder of its own.
    #[track_caller]
    pub(crate) fn start_across() -> Self {
        let folder = folder();
        let mut network = Self::up(folder.path(), &[]);
        network._folder = Some(folder);
        network
    }

    /// The network of one shard of `directory`, new or resumed.
    #[track_caller]
    pub(crate) fn start_in(directory: &Path, arguments: &[&str]) -> Self {
        Self::up(directory, &[&["--shards", "1"], arguments].concat())
    }

    /// The network of `directory`, new or resumed, as it is without further flags.
    #[track_caller]
    pub(crate) fn up(directory: &Path, arguments: &[&str]) -> Self {
        let mut command = program(
            directory,
            &["testnet", "up", "--json", "--exit-with-parent"],
        );
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut up = Started::of(&mut command);
        let lines = up.lines();
        let stderr = text_of(up.0.stderr.take().expect("stderr is a pipe"));
        let mut network = Self {
            directory: directory.to_owned(),
            up,
            _folder: None,
            events: Vec::new(),
            stderr,
        };
        while network
            .events
            .last()
            .is_none_or(|event| event["event"] != "ready")
        {
            let Ok(line) = lines.recv_timeout(PATIENCE) else {
                panic!("not ready: {:?}\n{}", network.events, network.stderr());
            };
            network
                .events
                .push(serde_json::from_str(&line).expect("stdout is lines of JSON"));
        }
        network
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The folder with everything of the network.
    pub(crate) fn root(&self) -> PathBuf {
        self.directory.join(".chainspace/local")
    }

    pub(crate) fn supervisor(&self) -> u32 {
        self.up.0.id()
    }

    /// What the supervisor has said so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().expect("nobody panics with it").clone()
    }

    /// Waits until the supervisor has ended.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.up.wait()
    }

    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        run(&self.directory, arguments)
    }

    /// Runs a command that must end with `code`, and returns the `data` of its envelope.
    #[track_caller]
    pub(crate) fn json(&self, code: i32, arguments: &[&str]) -> Value {
        self.run(&[arguments, &["--json"]].concat()).data(code)
    }

    /// What an account holds, in ncsc.
    #[track_caller]
    pub(crate) fn balance(&self, account: &str) -> u64 {
        number(&self.json(0, &["account", "show", account])["balance"])
    }

    /// What all accounts hold, in ncsc.
    #[track_caller]
    pub(crate) fn supply(&self) -> u64 {
        let list = self.json(0, &["account", "list"]);
        let accounts = list["accounts"].as_array().expect("accounts");
        accounts
            .iter()
            .map(|account| number(&account["balance"]))
            .sum()
    }

    /// The nodes as `status` shows them.
    #[track_caller]
    pub(crate) fn nodes(&self) -> Vec<Value> {
        let status = self.json(0, &["status"]);
        status["nodes"].as_array().expect("nodes").clone()
    }

    #[track_caller]
    pub(crate) fn pid(&self, node: usize) -> u32 {
        pid(&self.nodes()[node]).expect("the node has a process")
    }

    /// Waits until all nodes are ready at one height with one head, and returns the head.
    #[track_caller]
    pub(crate) fn agreed_head(&self) -> String {
        eventually("all nodes have the same head", || {
            let nodes = self.nodes();
            let head = nodes[0]["head"].as_str()?.to_owned();
            let agreed = nodes
                .iter()
                .all(|node| node["head"] == *head && node["ready"] == true);
            agreed.then_some(head)
        })
    }
}

/// The network that the tests share which change nothing that others look at. It ends with the
/// process of the tests: nobody holds the other end of its standard input then.
pub(crate) static SHARED: LazyLock<Network> = LazyLock::new(Network::start_across);

/// The process of a node, if it has one.
pub(crate) fn pid(node: &Value) -> Option<u32> {
    node["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok())
}

/// An amount in an envelope.
#[track_caller]
pub(crate) fn number(amount: &Value) -> u64 {
    let text = amount.as_str().expect("amounts are strings");
    text.parse().expect("amounts are integers")
}

/// The lines of a stream, as they come.
pub(crate) fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// What a stream has said so far.
pub(crate) fn text_of(mut stream: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let collected = Arc::clone(&text);
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut chunk) {
            let said = String::from_utf8_lossy(&chunk[..length]);
            collected
                .lock()
                .expect("nobody panics with it")
                .push_str(&said);
        }
    });
    text
}
