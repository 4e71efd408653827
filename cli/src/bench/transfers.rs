//! `chainspace bench transfers`: payments over the whole path.

use std::time::Duration;

use serde_json::{Value, json};
use testnet::bench::{
    self, Arrivals, Costs, INPUTS_MAX, Limit, Options, Payments, SECONDS_MAX, Transfers,
};

use super::{Mode, absolute, latency_data, ms, program, us};
use crate::exit::Failure;
use crate::output::{Done, Output};
use crate::{Common, table};

pub(super) const EXAMPLES: &str = "Examples:
  chainspace bench transfers
  chainspace bench transfers --seconds 20 --in-flight 8000
  chainspace bench transfers --rate 1000 --json
  chainspace bench transfers --shards 2 --cross 100
  chainspace bench transfers --shards 5 --cross 100 --inputs 3 --mode all-votes
  chainspace bench transfers --seconds 600 --rate 300 --payments whole-balance";

#[derive(Debug, clap::Args)]
pub(crate) struct Flags {
    /// How many shards
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16))]
    shards: u32,
    /// How many accounts of one owner each payment spends; it makes as many again. They live in one shard
    /// unless --cross says otherwise
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=INPUTS_MAX as u64))]
    inputs: u64,
    /// How many of a hundred payments cross shards: with one input to an account in another shard, with
    /// several from and to accounts in random shards
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    cross: u32,
    /// How payments that cross shards are decided
    #[arg(long, value_name = "MODE", default_value = "decider")]
    mode: Mode,
    /// How many nodes a shard has
    #[arg(long, value_name = "N", default_value_t = 4)]
    nodes: usize,
    /// How long to send payments
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=SECONDS_MAX))]
    seconds: u64,
    /// Send so many payments in each second, whatever comes back; latency counts from when a payment
    /// was due [default: send another one as soon as one is certified]
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: Option<u32>,
    /// Without --rate: how many payments are under way at a time
    #[arg(long, value_name = "N", default_value_t = 4_000, value_parser = clap::value_parser!(u32).range(1..=12_000))]
    #[arg(conflicts_with = "rate")]
    in_flight: u32,
    /// What each payment pays
    #[arg(long, value_name = "KIND", default_value = "with-change")]
    payments: Kind,
    /// The most payments in a block [default: as many as the protocol allows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    batch_cap: Option<u16>,
}

/// [`Payments`] as they are named on the command line.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kind {
    /// One ncsc, with the rest as change: one more account each, and memory grows with them
    WithChange,
    /// The whole balance of an account: as many accounts as before, and memory should not grow
    WholeBalance,
}

pub(super) fn run(common: &Common, flags: &Flags, output: &Output) -> Result<Done, Failure> {
    let options = Options {
        program: program()?,
        directory: common.dir.as_deref().map(absolute).transpose()?,
        shards: flags.shards,
        inputs: flags.inputs as usize,
        cross: flags.cross,
        all_votes: flags.mode == Mode::AllVotes,
        nodes: flags.nodes,
        seconds: flags.seconds,
        arrivals: match flags.rate {
            Some(per_second) => Arrivals::Open { per_second },
            None => Arrivals::Closed {
                in_flight: flags.in_flight as usize,
            },
        },
        payments: match flags.payments {
            Kind::WithChange => Payments::WithChange,
            Kind::WholeBalance => Payments::WholeBalance,
        },
        block_entries_max: flags.batch_cap.map(usize::from),
    };
    let measured = bench::transfers(&options, &|text| output.note(text))?;
    if measured.exhausted {
        output.warn("the payments that were signed in advance came to an end before the time did");
    }
    Ok(Done {
        text: text(&measured),
        data: data(&measured),
    })
}

fn text(measured: &Transfers) -> String {
    let Transfers {
        committed,
        committed_per_second,
        seconds,
        refused,
        latency,
        cpu_ms_per_transaction,
        generator_cpu_ms_per_transaction,
        blocks_per_second,
        transactions_per_block,
        loopback_bytes_per_transaction,
        written_bytes_per_transaction,
        resident,
        exhausted: _, // warned about
        limit,
    } = measured;
    format!(
        "committed  {committed_per_second:.0}/s ({committed} in {seconds:.1} s, a node was busy {refused} times)\n\
         latency    p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, max {:.1} ms, from due to certified\n\
         processor  {cpu_ms_per_transaction:.3} ms per payment on all nodes, and \
         {generator_cpu_ms_per_transaction:.3} ms to send and follow it\n\
         blocks     {blocks_per_second:.1}/s with {transactions_per_block:.1} payments each\n\
         bytes      {loopback_bytes_per_transaction:.0} sent over loopback and \
         {written_bytes_per_transaction:.0} written per payment\n\
         memory     {} MiB on all nodes, after the warm-up and every 40 s at most\n\
         limit      {:.0}/s on this machine, of which this is {:.1} %\n\n{}",
        ms(latency.p50),
        ms(latency.p95),
        ms(latency.p99),
        ms(latency.max),
        memory(resident).join(", "),
        limit.per_second,
        measured.ratio_to_limit() * 100.0,
        limit_text(limit),
    )
}

/// Bytes of memory as mebibytes.
fn memory(resident: &[u64]) -> Vec<String> {
    let mebibytes = |bytes: &u64| format!("{}", bytes >> 20);
    resident.iter().map(mebibytes).collect()
}

/// How the limit comes about.
fn limit_text(limit: &Limit) -> String {
    let mut table = table::new(["WORK", "MICROSECONDS"], &[1]);
    for (work, cost) in costs(&limit.costs) {
        table.add_row([work.replace('_', " "), format!("{:.2}", us(cost))]);
    }
    format!(
        "{}\n\nWith blocks of {} payments of {} bytes, each of which concerns {:.2} shards: {:.1} \
         microseconds of {}\nprocessors for each payment at all nodes is {:.0}/s; {:.0} syncs/s of the \
         disk are {:.0}/s.",
        table.trim_fmt(),
        limit.entries,
        limit.costs.payment_bytes,
        limit.shards,
        us(limit.cpu),
        limit.processors,
        limit.cpu_per_second,
        limit.costs.syncs_per_second,
        limit.sync_per_second,
    )
}

/// The costs by name: of one signature, payment or block at one node.
fn costs(costs: &Costs) -> [(&'static str, Duration); 16] {
    let Costs {
        sign,
        verify,
        verify_of_100,
        verify_of_1000,
        verify_of_block,
        verify_quorum,
        sha256_64,
        sha256_payment,
        encode,
        decode,
        form,
        apply,
        crossing,
        note,
        flush,
        log,
        syncs_per_second: _, // not a time
        payment_bytes: _,    // nor this
    } = *costs;
    [
        ("sign", sign),
        ("verify", verify),
        ("verify_of_100", verify_of_100),
        ("verify_of_1000", verify_of_1000),
        ("verify_of_block", verify_of_block),
        ("verify_quorum", verify_quorum),
        ("sha256_64_bytes", sha256_64),
        ("sha256_payment", sha256_payment),
        ("encode_payment", encode),
        ("decode_payment", decode),
        ("form_payment", form),
        ("apply_payment", apply),
        ("cross_payment", crossing),
        ("note_payment", note),
        ("flush_payment", flush),
        ("log_block", log),
    ]
}

fn data(measured: &Transfers) -> Value {
    let limit = &measured.limit;
    let costs = costs(&limit.costs).map(|(work, cost)| (work.to_owned(), json!(us(cost))));
    json!({
        "committed": measured.committed,
        "committed_per_second": measured.committed_per_second,
        "seconds": measured.seconds,
        "refused": measured.refused,
        "latency_ms": latency_data(&measured.latency),
        "cpu_ms_per_transaction": measured.cpu_ms_per_transaction,
        "generator_cpu_ms_per_transaction": measured.generator_cpu_ms_per_transaction,
        "blocks_per_second": measured.blocks_per_second,
        "transactions_per_block": measured.transactions_per_block,
        "loopback_bytes_per_transaction": measured.loopback_bytes_per_transaction,
        "written_bytes_per_transaction": measured.written_bytes_per_transaction,
        "resident_bytes": measured.resident,
        "limit_per_second": limit.per_second,
        "ratio_to_limit": measured.ratio_to_limit(),
        "limit": {
            "cpu_per_second": limit.cpu_per_second,
            "sync_per_second": limit.sync_per_second,
            "cpu_us_per_transaction": us(limit.cpu),
            "processors": limit.processors,
            "transactions_per_block": limit.entries,
            "shards_per_transaction": limit.shards,
            "transaction_bytes": limit.costs.payment_bytes,
            "syncs_per_second": limit.costs.syncs_per_second,
            "costs_us": Value::Object(costs.into_iter().collect()),
        },
    })
}
