//! `chainspace explore`: everything that can happen within a bound, one state after another.

mod agreement;
mod sbac;

use std::time::{Duration, Instant};

use testnet::exploration::Progress;

use crate::exit::Failure;
use crate::output::{Done, Output};

/// How often a line is written.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// How many states are looked at if nobody says how many: more than there are in most bounds.
const STATES: u64 = 20_000_000;

const EXAMPLES: &str = "Examples:
  chainspace explore agreement            one shard of four, with a liar among it
  chainspace explore sbac                 transactions of several shards, every model in turn
  chainspace explore sbac all-votes-liar  one model: the paper's mode, and a shard that lies
  chainspace explore list                 the models that there are";

/// Explore everything that can happen within a bound
#[derive(Debug, clap::Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Command {
    /// A shard of four, with a liar among it, and whatever order messages and time-outs come in
    Agreement(agreement::Agreement),
    /// Transactions of several shards, whatever is shown to whom and when
    Sbac(sbac::Sbac),
    /// List the models of several shards
    List(sbac::List),
}

pub(crate) fn run(command: &Command, output: &Output) -> Result<Done, Failure> {
    match command {
        Command::Agreement(agreement) => agreement::run(agreement, output),
        Command::Sbac(sbac) => sbac::run(sbac, output),
        Command::List(sbac::List {}) => Ok(sbac::list()),
    }
}

/// Says now and then how far the exploration is. Nobody knows how many states there are before the
/// last one, so there is no bar.
struct Meter<'a> {
    /// What is explored.
    title: String,
    output: &'a Output,
    said: Instant,
}

impl<'a> Meter<'a> {
    fn new(title: String, output: &'a Output) -> Self {
        Self {
            title,
            output,
            said: Instant::now(),
        }
    }

    fn show(&mut self, progress: &Progress) {
        let Progress { visited, found } = progress;
        if self.said.elapsed() >= LINE_EVERY {
            self.said = Instant::now();
            let title = &self.title;
            self.output
                .note(format_args!("{title}: {visited} of {found} known states"));
        }
    }
}
