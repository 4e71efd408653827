//! `chainspace bench agreement`: opaque actions, ordered by the agreement alone.

use serde_json::{Value, json};
use testnet::bench::{self, Agreement, AgreementOptions, Ordered};

use super::{latency_data, ms};
use crate::exit::Failure;
use crate::output::{Done, Output};
use crate::{Common, table};

pub(super) const EXAMPLES: &str = "Examples:
  chainspace bench agreement
  chainspace bench agreement --nodes 7 --seconds 10 --json";

#[derive(Debug, clap::Args)]
pub(crate) struct Flags {
    /// How many members take part
    #[arg(long, value_name = "N", default_value_t = 4)]
    nodes: usize,
    /// How long to order, with durable votes and again without
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// The length of an action
    #[arg(long, value_name = "BYTES", default_value_t = 512)]
    action_bytes: usize,
    /// How many actions all members together have under way at a time
    #[arg(long, value_name = "N", default_value_t = 4_000)]
    in_flight: usize,
}

pub(super) fn run(common: &Common, flags: &Flags, output: &Output) -> Result<Done, Failure> {
    let options = AgreementOptions {
        nodes: flags.nodes,
        seconds: flags.seconds,
        action_bytes: flags.action_bytes,
        in_flight: flags.in_flight,
        directory: common.dir.clone(),
    };
    let Agreement { durable, volatile } = bench::agreement(&options, &|text| output.note(text))?;
    let mut table = table::new(
        [
            "VOTES",
            "ACTIONS/S",
            "BLOCKS/S",
            "CPU us",
            "p50 ms",
            "p95 ms",
            "p99 ms",
        ],
        &[1, 2, 3, 4, 5, 6],
    );
    for (votes, ordered) in [("durable", &durable), ("volatile", &volatile)] {
        table.add_row([
            votes.to_owned(),
            format!("{:.0}", ordered.actions_per_second),
            format!("{:.1}", ordered.blocks_per_second),
            format!("{:.2}", ordered.cpu_us_per_action),
            format!("{:.1}", ms(ordered.latency.p50)),
            format!("{:.1}", ms(ordered.latency.p95)),
            format!("{:.1}", ms(ordered.latency.p99)),
        ]);
    }
    Ok(Done {
        text: table.trim_fmt(),
        data: json!({
            "nodes": options.nodes,
            "action_bytes": options.action_bytes,
            "in_flight": options.in_flight,
            "durable": ordered_data(&durable),
            "volatile": ordered_data(&volatile),
        }),
    })
}

fn ordered_data(ordered: &Ordered) -> Value {
    json!({
        "actions": ordered.actions,
        "actions_per_second": ordered.actions_per_second,
        "blocks_per_second": ordered.blocks_per_second,
        "cpu_us_per_action": ordered.cpu_us_per_action,
        "latency_ms": latency_data(&ordered.latency),
    })
}
