//! The process that floods: started, heard, and ended whatever happens.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{self, ChildStdin, ChildStdout, Command, Stdio};

use super::{FloodKind, FloodTally};
use crate::bench::error::BenchError;
use crate::local::Layout;

/// What a flooder says when it has begun.
const BEGUN: &str = r#"{"event":"begun"}"#;

/// See [the module](self).
pub(super) struct Child {
    process: process::Child,
    /// The flooder ends when this does, and so it does when this process does.
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Child {
    /// Starts a flooder of the network in `layout`, and waits until it has begun.
    ///
    /// # Errors
    ///
    /// [`BenchError::System`] if it does not start.
    pub(super) fn start(
        program: &Path,
        layout: &Layout,
        kind: FloodKind,
        cpus: f64,
    ) -> Result<Self, BenchError> {
        let started = Command::new(program)
            .args(["bench", "flooder", "--kind", kind.name()])
            .args(["--cpus", &cpus.to_string(), "--json", "--dir"])
            .arg(layout.directory())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = started.map_err(BenchError::system("start a flooder"))?;
        let (stdin, stdout) = (process.stdin.take(), process.stdout.take());
        let mut child = Self {
            process,
            stdin,
            stdout: BufReader::new(stdout.expect("it was asked for")),
        };
        if child.line()? != BEGUN {
            return Err(BenchError::Wrong("the flooder did not begin".to_owned()));
        }
        Ok(child)
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Ends the flooder, which says what it did.
    ///
    /// # Errors
    ///
    /// [`BenchError::Wrong`] if it says something else.
    pub(super) fn end(mut self) -> Result<FloodTally, BenchError> {
        drop(self.stdin.take());
        let line = self.line()?;
        serde_json::from_str(&line)
            .map_err(|error| BenchError::Wrong(format!("the flooder says {line:?}: {error}")))
    }

    fn line(&mut self) -> Result<String, BenchError> {
        let mut line = String::new();
        let read = self.stdout.read_line(&mut line);
        read.map_err(BenchError::system("hear the flooder"))?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // If it has ended already, there is nothing to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
