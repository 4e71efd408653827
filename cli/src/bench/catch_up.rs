//! `chainspace bench catch-up`: a node that was away, until it takes part again.

use serde_json::json;
use testnet::bench::{self, BLOCKS_AWAY_MAX, CatchUp, CatchUpOptions};

use super::{absolute, ms, program, us};
use crate::exit::Failure;
use crate::output::{Done, Output};
use crate::{Common, table};

pub(super) const EXAMPLES: &str = "Examples:
  chainspace bench catch-up
  chainspace bench catch-up --blocks 10000 --json";

#[derive(Debug, clap::Args)]
pub(crate) struct Flags {
    /// For how many blocks of one payment the node is away
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=BLOCKS_AWAY_MAX))]
    blocks: u64,
}

pub(super) fn run(common: &Common, flags: &Flags, output: &Output) -> Result<Done, Failure> {
    let options = CatchUpOptions {
        program: program()?,
        directory: common.dir.as_deref().map(absolute).transpose()?,
        blocks: flags.blocks,
    };
    let found = bench::catch_up(&options, &|text| output.note(text))?;
    let CatchUp {
        blocks,
        answered,
        ready,
        blocks_per_second,
        limit_per_second,
        costs,
    } = found;
    let mut table = table::new(
        [
            "BLOCKS",
            "ANSWERS s",
            "READY s",
            "BLOCKS/S",
            "LIMIT/S",
            "RATIO",
        ],
        &[0, 1, 2, 3, 4, 5],
    );
    table.add_row([
        blocks.to_string(),
        format!("{:.2}", answered.as_secs_f64()),
        format!("{:.2}", ready.as_secs_f64()),
        format!("{blocks_per_second:.0}"),
        format!("{limit_per_second:.0}"),
        format!("{:.2}", found.ratio_to_limit()),
    ]);
    Ok(Done {
        text: table.trim_fmt(),
        data: json!({
            "blocks": blocks,
            "answered_ms": ms(answered),
            "ready_ms": ms(ready),
            "blocks_per_second": blocks_per_second,
            "limit_per_second": limit_per_second,
            "ratio_to_limit": found.ratio_to_limit(),
            "costs_us": {
                "decode": us(costs.decode), "form": us(costs.form),
                "verify": us(costs.verify_of_block), "apply": us(costs.apply),
                "note": us(costs.note), "flush": us(costs.flush), "log": us(costs.log),
            },
        }),
    })
}
