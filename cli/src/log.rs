//! What the libraries have to say: nothing, unless it is asked for. A node tells what it does.

use std::io::{self, IsTerminal};

use node::config::{Loaded, LogFormat};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::Common;
use crate::exit::Failure;

/// The variable that says in detail what is to be logged, such as `info,net=debug`, by any command. It
/// wins over everything else.
const VARIABLE: &str = "CHAINSPACE_LOG";

/// The key that says so for a node.
const FILTER: &str = "log.filter";

/// Sends what is logged to stderr.
pub(crate) fn to_stderr(common: &Common) {
    let level = level(common.verbose).unwrap_or(LevelFilter::OFF);
    let filter = EnvFilter::builder()
        .with_default_directive(level.into())
        .with_env_var(VARIABLE)
        .from_env_lossy();
    begin(filter, LogFormat::Pretty);
}

/// Sends what a node logs to stderr, as its configuration says: for people on a terminal, for programs
/// elsewhere.
pub(crate) fn of_node(common: &Common, loaded: &Loaded) -> Result<(), Failure> {
    let log = &loaded.config.log;
    let asked = std::env::var(VARIABLE).ok();
    let filter = asked.as_ref().map_or(&*log.filter, |filter| filter);
    let filter = EnvFilter::try_new(filter).map_err(|error| match asked {
        Some(_) => Failure::usage(format!("{VARIABLE}: {error}")),
        None => Failure::from(loaded.refuse(FILTER, format!("cannot be used: {error}"))),
    })?;
    let filter = match level(common.verbose) {
        Some(level) => filter.add_directive(level.into()),
        None => filter,
    };
    begin(filter, log.format);
    Ok(())
}

/// The level of `-v`, `-vv` and so on.
const fn level(verbose: u8) -> Option<LevelFilter> {
    match verbose {
        0 => None,
        1 => Some(LevelFilter::INFO),
        2 => Some(LevelFilter::DEBUG),
        _ => Some(LevelFilter::TRACE),
    }
}

fn begin(filter: EnvFilter, format: LogFormat) {
    let terminal = io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let for_people = match format {
        LogFormat::Auto => terminal,
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    if for_people {
        let color = terminal && std::env::var_os("NO_COLOR").is_none();
        lines.with_ansi(color).init();
    } else {
        lines.json().flatten_event(true).finish().init();
    }
}
