//! `chainspace shard list` and `chainspace shard show`: what the ledger says of shards, and how far that
//! has been checked.

use client::{Addresses, Amount, Listed, Options, ShardList, Source};
use model::{Place, ShardId, ShardRecord};
use serde_json::{Value, json};

use crate::account::DECIMALS;
use crate::exit::Failure;
use crate::output::Done;
use crate::session::Session;
use crate::{Common, table};

const LIST_EXAMPLES: &str = "Examples:
  chainspace shard list
  chainspace shard list --json";

const SHOW_EXAMPLES: &str = "Examples:
  chainspace shard show 0
  chainspace shard show 0 --json";

/// List the shards of the network
#[derive(Debug, clap::Args)]
#[command(before_help = LIST_EXAMPLES)]
pub(crate) struct List {}

/// Show the nodes of a shard
#[derive(Debug, clap::Args)]
#[command(before_help = SHOW_EXAMPLES)]
pub(crate) struct Show {
    /// The number of the shard
    #[arg(value_name = "K")]
    shard: u32,
}

pub(crate) fn list(common: &Common, _list: &List) -> Result<Done, Failure> {
    let session = Session::find(common)?;
    let shard_list = shard_list(&session)?;
    let mut table = table::new(
        ["SHARD", "EPOCH", "NODES", "VACATED", "PRICE", "RECORD"],
        &[0, 1, 3],
    );
    let mut shards = Vec::new();
    for listed in shard_list.shards.values() {
        let record = &listed.record;
        let names: Vec<&str> = members(record).map(|node| &*node.name).collect();
        table.add_row([
            record.shard.to_string(),
            record.epoch.to_string(),
            names.join(" "),
            vacated(record).to_string(),
            Amount::from_ncsc(record.price).to_string(),
            source(listed, &shard_list),
        ]);
        shards.push(data(listed, &shard_list, session.addresses()));
    }
    Ok(Done {
        text: table.trim_fmt(),
        data: json!({ "shards": shards, "next": shard_list.token.next.number() }),
    })
}

pub(crate) fn show(common: &Common, show: &Show) -> Result<Done, Failure> {
    let session = Session::find(common)?;
    let shard_list = shard_list(&session)?;
    let listed = shard_list.shard(ShardId::new(show.shard))?;
    let addresses = session.addresses();
    Ok(Done {
        text: describe(listed, &shard_list, addresses),
        data: data(listed, &shard_list, addresses),
    })
}

/// What the ledger says, not older than what this wallet has seen.
pub(super) fn shard_list(session: &Session) -> Result<ShardList, Failure> {
    let wallet = session.wallet(Options::default())?;
    Ok(session.runtime.block_on(wallet.shard_list())?)
}

fn describe(listed: &Listed, shard_list: &ShardList, addresses: Addresses) -> String {
    let Listed {
        record,
        object,
        source: _, // said below
    } = listed;
    let price = Amount::from_ncsc(record.price);
    let mut lines = vec![
        format!("shard    {}", record.shard),
        format!("epoch    {}", record.epoch),
        format!("price    {price} for its part in a transaction"),
    ];
    for (seat, place) in record.seats.iter().enumerate() {
        let node = place.descriptor();
        let state = match place {
            Place::Taken(_) => String::new(),
            Place::Vacated(_) => "  excluded, its seat is vacant".to_owned(),
        };
        let (name, address) = (&node.name, addresses.node(&node.node));
        lines.push(format!("seat {seat:<3} {name}  {address}{state}"));
        let places = node.addresses.iter();
        lines.extend(places.map(|place| format!("         {place}")));
    }
    lines.push(format!("record   {}", addresses.object(&object.id())));
    lines.push(format!("checked  {}", source(listed, shard_list)));
    lines.join("\n")
}

/// How it is known what the record says.
fn source(listed: &Listed, shard_list: &ShardList) -> String {
    let ShardList {
        root,
        height,
        witnesses,
        ..
    } = shard_list;
    let origin = match listed.source {
        Source::Genesis => "in the genesis document",
        Source::Transaction => "made by a transaction",
    };
    let plural = if *witnesses == 1 { "" } else { "s" };
    format!("{origin}, listed alike by {witnesses} node{plural} of shard {root} at height {height}")
}

fn data(listed: &Listed, shard_list: &ShardList, addresses: Addresses) -> Value {
    let record = &listed.record;
    let seats = record.seats.iter().map(|place| {
        let node = place.descriptor();
        json!({
            "name": node.name,
            "node": addresses.node(&node.node),
            "addresses": node.addresses,
            "vacated": matches!(place, Place::Vacated(_)),
        })
    });
    json!({
        "shard": record.shard.number(),
        "epoch": record.epoch.number(),
        "price": record.price.to_string(),
        "decimals": DECIMALS,
        "seats": seats.collect::<Vec<_>>(),
        "record": addresses.object(&listed.object.id()),
        "terms": record.terms(),
        "source": match listed.source {
            Source::Genesis => "genesis",
            Source::Transaction => "transaction",
        },
        "root": shard_list.root.number(),
        "height": shard_list.height.number(),
        "witnesses": shard_list.witnesses,
    })
}

fn members(record: &ShardRecord) -> impl Iterator<Item = &model::NodeDescriptor> {
    record.seats.iter().filter_map(|place| match place {
        Place::Taken(node) => Some(node),
        Place::Vacated(_) => None,
    })
}

fn vacated(record: &ShardRecord) -> usize {
    record.seats.len() - members(record).count()
}
