//! `chainspace bench flood`: how fast members are while strangers flood them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use testnet::bench::{
    self, Flood, FloodKind, FloodOptions, Flooded, FlooderOptions, MEMORY_MIB, Speed,
};
use testnet::local::Layout;

use super::{absolute, latency_data, ms, program};
use crate::exit::Failure;
use crate::output::{Done, Output};
use crate::{Common, parent, table};

pub(super) const EXAMPLES: &str = "Examples:
  chainspace bench flood
  chainspace bench flood --shards 2 --cross 50 --seconds 6
  chainspace bench flood --memory 256 --json";

pub(super) const FLOODER_EXAMPLES: &str = "Examples:
  chainspace bench flooder --kind garbage --json
  chainspace bench flooder --kind idle --cpus 0.5 --json";

#[derive(Debug, clap::Args)]
pub(crate) struct Flags {
    /// How many shards
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4))]
    shards: u32,
    /// How many nodes a shard has
    #[arg(long, value_name = "N", default_value_t = 4)]
    nodes: usize,
    /// How many of a hundred payments cross shards
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    cross: u32,
    /// How long to pay each time: undisturbed, under each flood, and beside what takes as much of the
    /// processors as each flood
    #[arg(long, value_name = "S", default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=40))]
    seconds: u64,
    /// How many payments are under way at a time
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=4_000))]
    in_flight: u32,
    /// What each node may use of the memory
    #[arg(long, value_name = "MIB", default_value_t = MEMORY_MIB, value_parser = clap::value_parser!(u64).range(256..=65_536))]
    memory: u64,
}

#[derive(Debug, clap::Args)]
pub(crate) struct FlooderFlags {
    /// What to flood with: connections, garbage, requests, or idle for nothing
    #[arg(long, value_parser = kind)]
    kind: FloodKind,
    /// How many processors to take without a flood
    #[arg(long, default_value_t = 0.0)]
    cpus: f64,
}

fn kind(name: &str) -> Result<FloodKind, String> {
    FloodKind::named(name).ok_or_else(|| "not a kind of flood".to_owned())
}

pub(super) fn run(common: &Common, flags: &Flags, output: &Output) -> Result<Done, Failure> {
    let options = FloodOptions {
        program: program()?,
        directory: common.dir.as_deref().map(absolute).transpose()?,
        shards: flags.shards,
        nodes: flags.nodes,
        cross: flags.cross,
        seconds: flags.seconds,
        in_flight: flags.in_flight as usize,
        memory_mib: flags.memory,
    };
    let found = bench::flood(&options, &|text| output.note(text))?;
    Ok(Done {
        text: text(&found),
        data: data(&found),
    })
}

/// Floods until the parent is gone, and says what it did.
pub(super) fn run_flooder(
    common: &Common,
    flags: &FlooderFlags,
    output: &Output,
) -> Result<(), Failure> {
    let directory = common.dir.as_deref().unwrap_or(".".as_ref());
    let options = FlooderOptions {
        layout: Layout::of(&absolute(directory)?),
        kind: flags.kind,
        cpus: flags.cpus,
    };
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    parent::watch(move || stopped.store(true, Ordering::Relaxed))?;
    let begun = || output.event(&json!({"event": "begun"}));
    let tally = bench::flooder(&options, &stop, begun)?;
    output.event(&json!(tally));
    Ok(())
}

fn text(found: &Flood) -> String {
    let mut table = table::new(
        [
            "FLOOD",
            "PAID/s",
            "RATIO",
            "IDLE/s",
            "RATIO",
            "p50 ms",
            "p99 ms",
            "CPUS",
            "MEMORY MiB",
            "TRIED",
            "REFUSED",
            "LET GO",
            "BANNED",
        ],
        &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    );
    let Speed {
        per_second,
        latency,
        ..
    } = found.undisturbed;
    let mut undisturbed = vec![
        "none".to_owned(),
        format!("{per_second:.0}"),
        "1.00".to_owned(),
    ];
    undisturbed.extend(["-".to_owned(), "-".to_owned()]);
    undisturbed.extend([latency.p50, latency.p99].map(|time| format!("{:.1}", ms(time))));
    undisturbed.extend(["-"; 6].map(str::to_owned));
    table.add_row(undisturbed);
    for flooded in &found.floods {
        let latency = flooded.speed.latency;
        let refused: u64 = flooded.refused.iter().map(|(_, count)| count).sum();
        table.add_row([
            flooded.kind.name().to_owned(),
            format!("{:.0}", flooded.speed.per_second),
            format!("{:.2}", found.ratio(flooded)),
            format!("{:.0}", flooded.beside_idle.per_second),
            format!("{:.2}", flooded.ratio_to_idle()),
            format!("{:.1}", ms(latency.p50)),
            format!("{:.1}", ms(latency.p99)),
            format!("{:.2}", flooded.flooder_cpus),
            format!("{}", flooded.memory_peak >> 20),
            (flooded.told.connections + flooded.told.frames).to_string(),
            refused.to_string(),
            flooded.disconnected.to_string(),
            flooded.banned.to_string(),
        ]);
    }
    let reasons = found.floods.iter().map(|flooded| {
        let each = flooded.refused.iter();
        let each: Vec<String> = each
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        format!("{}: {}", flooded.kind.name(), each.join(", "))
    });
    let reasons: Vec<String> = reasons.collect();
    format!(
        "{}\n\nIDLE/s is beside a process that takes as many CPUS as the flood and does nothing. MEMORY is the \
         most of any node,\nof {} MiB that each may use.\n\n{}",
        table.trim_fmt(),
        found.memory_limit >> 20,
        reasons.join("\n"),
    )
}

fn data(found: &Flood) -> Value {
    json!({
        "undisturbed": speed_data(&found.undisturbed),
        "memory_limit_bytes": found.memory_limit,
        "floods": found.floods.iter().map(|flooded| flooded_data(found, flooded)).collect::<Vec<_>>(),
    })
}

fn flooded_data(found: &Flood, flooded: &Flooded) -> Value {
    let refused = flooded.refused.iter();
    let refused = refused.map(|(name, count)| (name.clone(), json!(count)));
    json!({
        "kind": flooded.kind,
        "speed": speed_data(&flooded.speed),
        "ratio": found.ratio(flooded),
        "beside_idle": speed_data(&flooded.beside_idle),
        "ratio_to_idle": flooded.ratio_to_idle(),
        "flooder_cpus": flooded.flooder_cpus,
        "flooder": flooded.told,
        "memory_peak_bytes": flooded.memory_peak,
        "refused": Value::Object(refused.collect()),
        "disconnected": flooded.disconnected,
        "banned": flooded.banned,
    })
}

fn speed_data(speed: &Speed) -> Value {
    json!({
        "committed": speed.committed,
        "committed_per_second": speed.per_second,
        "latency_ms": latency_data(&speed.latency),
    })
}
