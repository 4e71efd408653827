//! The output contract: stdout is the result and nothing else, stderr is everything else.
//!
//! Without `--json`, stdout gets the result as text that another program can use: an identifier, a
//! table, a path. With `--json` it gets one envelope, whatever happens:
//!
//! ```text
//! {"schema_version":1,"success":true,"data":{...},"errors":[],"warnings":[]}
//! ```
//!
//! `--quiet` silences stderr and `-v` adds to it; neither touches stdout. A reader that has gone away
//! (`chainspace account list | head -1`) changes nothing about what a command does.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::exit::{Exit, Failure};

/// The version of the envelope. It changes when a program that reads the old one could not read the
/// new one.
const SCHEMA_VERSION: u32 = 1;

/// A mark before a line that says something has been done.
pub(crate) const DONE: &str = "\u{2714}";

/// A mark before a line that says something has failed.
pub(crate) const FAILED: &str = "\u{2718}";

/// Points from who pays to who is paid.
pub(crate) const ARROW: &str = "\u{2192}";

/// Separates what one line says about several things.
pub(crate) const DOT: &str = "\u{b7}";

/// What a command that has succeeded leaves.
pub(crate) struct Done {
    /// The result for people and pipes: lines, without the last line break. May be empty.
    pub(crate) text: String,
    /// The result for programs: an object.
    pub(crate) data: Value,
}

/// Where and how a command says things.
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    color: bool,
    warnings: Mutex<Vec<String>>,
}

impl Output {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            json,
            quiet,
            color: io::stderr().is_terminal() && !no_color,
            warnings: Mutex::default(),
        }
    }

    /// Whether stdout is for programs.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether somebody may be watching stderr as it is written.
    pub(crate) fn is_live(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Says something on stderr.
    pub(crate) fn note(&self, line: impl Display) {
        self.say(&format!("{line}\n"));
    }

    /// Writes the last line of a terminal anew. An empty line makes room for a note.
    pub(crate) fn rewrite_line(&self, line: impl Display) {
        self.say(&format!("\r\u{1b}[2K{line}"));
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            // If nobody can be told, there is nobody to tell about that either.
            let _ = write_to(&mut io::stderr().lock(), text);
        }
    }

    /// Says that something may become a problem: on stderr, and in the envelope.
    pub(crate) fn warn(&self, warning: impl Display) {
        self.note(format_args!("{} {warning}", self.yellow("warning:")));
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.push(warning.to_string());
    }

    /// Writes one line of JSON on stdout, for commands that go on.
    pub(crate) fn event(&self, event: &Value) {
        if self.json {
            // The command goes on, with or without somebody who reads what it says.
            let _ = write_to(&mut io::stdout().lock(), &format!("{event}\n"));
        }
    }

    /// Whether somebody may be watching stdout as it is written.
    pub(crate) fn is_screen(&self) -> bool {
        !self.json && io::stdout().is_terminal()
    }

    /// Writes a line on stdout, for commands that go on.
    pub(crate) fn line(&self, line: impl Display) {
        let _ = write_to(&mut io::stdout().lock(), &format!("{line}\n"));
    }

    /// Writes on a screen what replaces the `lines` lines before it.
    pub(crate) fn redraw(&self, lines: usize, text: &str) {
        let back = match lines {
            0 => String::new(),
            lines => format!("\u{1b}[{lines}A\u{1b}[J"),
        };
        let _ = write_to(&mut io::stdout().lock(), &format!("{back}{text}\n"));
    }

    /// Writes what a command has come to, and says how the process is to end.
    pub(crate) fn finish(&self, result: Result<Option<Done>, Failure>) -> Exit {
        match result {
            Ok(None) => Exit::Done,
            Ok(Some(Done { text, data })) => {
                match self.result(&text, &self.envelope(true, &data, &[])) {
                    Ok(()) => Exit::Done,
                    Err(error) => {
                        self.note(format_args!("cannot write the result: {error}"));
                        Exit::Failed
                    }
                }
            }
            Err(failure) => {
                // What has failed has failed, whether or not anybody can read about it.
                let _ = self.fail(&failure);
                failure.exit
            }
        }
    }

    fn fail(&self, failure: &Failure) -> io::Result<()> {
        if !self.json {
            self.note(format_args!("{} {}", self.red("error:"), failure.message));
            if let Some(hint) = &failure.hint {
                self.note(format_args!("{} {hint}", self.bold("hint:")));
            }
        }
        let error = json!({
            "code": failure.exit.name(),
            "message": failure.message,
            "hint": failure.hint,
        });
        self.result(
            &failure.text,
            &self.envelope(false, &failure.data, &[error]),
        )
    }

    fn result(&self, text: &str, envelope: &Value) -> io::Result<()> {
        if self.json {
            write_to(&mut io::stdout().lock(), &format!("{envelope}\n"))
        } else if text.is_empty() {
            Ok(())
        } else {
            write_to(&mut io::stdout().lock(), &format!("{text}\n"))
        }
    }

    fn envelope(&self, success: bool, data: &Value, errors: &[Value]) -> Value {
        json!({
            "schema_version": SCHEMA_VERSION,
            "success": success,
            "data": data,
            "errors": errors,
            "warnings": *self.warnings.lock().unwrap_or_else(PoisonError::into_inner),
        })
    }

    pub(crate) fn green(&self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(crate) fn red(&self, text: &str) -> String {
        self.paint("31", text)
    }

    pub(crate) fn yellow(&self, text: &str) -> String {
        self.paint("33", text)
    }

    pub(crate) fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Writes all of a text, or as much as somebody wants to read: a reader that has gone away is no
/// error.
fn write_to(stream: &mut impl Write, text: &str) -> io::Result<()> {
    let written = stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
