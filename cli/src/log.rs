//! What the libraries have to say: nothing, unless it is asked for. A node tells what it does.

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

use crate::{Command, Common};

/// The variable that says in detail what is to be logged, such as `info,net=debug`.
const VARIABLE: &str = "CHAINSPACE_LOG";

/// Sends what is logged to stderr.
pub(crate) fn to_stderr(common: &Common, command: &Command) {
    let quiet = match command {
        Command::Node(_) => LevelFilter::INFO,
        _ => LevelFilter::OFF,
    };
    let level = match common.verbose {
        0 => quiet,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let filter = EnvFilter::builder()
        .with_default_directive(level.into())
        .with_env_var(VARIABLE)
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .init();
}
