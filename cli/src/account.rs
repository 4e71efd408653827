//! `chainspace account`: who has what.

use std::collections::BTreeSet;

use clap::Subcommand;
use client::{Addresses, Amount, Holdings, Moving, Options, Wallet};
use model::ShardId;
use serde_json::{Value, json};

use crate::deal::{Deal, Making};
use crate::exit::Failure;
use crate::output::{ARROW, Done, Output};
use crate::session::Session;
use crate::{Common, table};

/// Digits behind the point of a CSC. Balances in JSON count the smallest unit.
pub(crate) const DECIMALS: u32 = 9;

const LIST_EXAMPLES: &str = "Examples:
  chainspace account list
  chainspace account list --json";

const SHOW_EXAMPLES: &str = "Examples:
  chainspace account show bob
  chainspace account show lcs1qp7h...kujqz6 --json";

const MOVE_EXAMPLES: &str = "Examples:
  chainspace account move alice --shard 1
  chainspace account move alice --shard 1 --watch";

const EXAMPLES: &str = "Examples:
  chainspace account list
  chainspace account show bob
  chainspace account move alice --shard 1";

#[derive(Debug, Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Command {
    /// List the accounts that have a name here, and what they hold
    #[command(before_help = LIST_EXAMPLES)]
    List,
    /// Show what an account holds, and in which objects
    #[command(before_help = SHOW_EXAMPLES)]
    Show {
        /// A name or an address
        account: String,
    },
    /// Take all that an account holds to one shard
    #[command(before_help = MOVE_EXAMPLES)]
    Move {
        /// A name or an address whose key is here
        account: String,
        /// The shard
        #[arg(long, value_name = "K")]
        shard: u32,
        #[command(flatten)]
        making: Making,
    },
}

pub(crate) fn run(common: &Common, command: &Command, output: &Output) -> Result<Done, Failure> {
    let session = Session::find(common)?;
    let addresses = session.addresses();
    match command {
        Command::List => {
            let wallet = session.wallet(Options::default())?;
            session.runtime.block_on(list(&wallet, addresses))
        }
        Command::Show { account } => {
            let wallet = session.wallet(Options::default())?;
            session.runtime.block_on(show(&wallet, addresses, account))
        }
        Command::Move {
            account,
            shard,
            making,
        } => {
            making.check()?;
            let wallet = making.wallet(&session)?;
            let moving = Moving {
                owner: wallet.party(account)?,
                home: ShardId::new(*shard),
            };
            let deal = making.deal(&session, &wallet, output);
            session
                .runtime
                .block_on(take(&moving, &wallet, &deal, output))
        }
    }
}

/// Takes everything to another shard.
async fn take(
    moving: &Moving,
    wallet: &Wallet,
    deal: &Deal<'_>,
    output: &Output,
) -> Result<Done, Failure> {
    let Moving { owner, home } = moving;
    output.note(format_args!(
        "Move      {} {ARROW} shard {home}",
        deal.party(owner)
    ));
    let settled = deal
        .make(async |watch| wallet.move_accounts(moving, watch).await)
        .await?;
    let besides = json!({
        "account": deal.addresses().account(owner),
        "shard": home.number(),
    });
    let closing = async { format!("     {} is in shard {home}", deal.name(owner)) };
    deal.conclude(&settled, besides, closing).await
}

async fn list(wallet: &Wallet, addresses: Addresses) -> Result<Done, Failure> {
    let many = has_shards(wallet);
    let mut table = table::new(["ACCOUNT", "ADDRESS", "BALANCE"], &[2]);
    if many {
        table = table::new(["ACCOUNT", "ADDRESS", "BALANCE", "SHARDS"], &[2]);
    }
    let mut accounts = Vec::new();
    for name in wallet.keys().names() {
        let Some(owner) = wallet.keys().public(&name) else {
            continue;
        };
        let holdings = wallet.holdings(&owner).await?;
        let balance = holdings.balance();
        let mut row = vec![name.clone(), addresses.account(&owner), balance.to_string()];
        if many {
            row.push(shards(&holdings));
        }
        table.add_row(row);
        accounts.push(summary(Some(&name), &addresses.account(&owner), balance));
    }
    Ok(Done {
        text: table.trim_fmt(),
        data: json!({ "accounts": accounts }),
    })
}

async fn show(wallet: &Wallet, addresses: Addresses, account: &str) -> Result<Done, Failure> {
    let owner = wallet.party(account)?;
    let holdings = wallet.holdings(&owner).await?;
    let name = name_of(wallet, &owner);
    let address = addresses.account(&owner);
    let balance = holdings.balance();
    let mut lines = vec![format!(
        "{}  {address}\nbalance  {balance}",
        name.as_deref().unwrap_or("account"),
    )];
    let many = has_shards(wallet);
    lines.extend(holdings.accounts.iter().map(|account| {
        let (object, home) = (addresses.object(&account.id), account.object.home);
        let place = if many {
            format!("  shard {home}")
        } else {
            String::new()
        };
        format!("object   {object}  {}{place}", account.balance)
    }));
    let mut data = summary(name.as_deref(), &address, balance);
    data["objects"] = objects(&holdings, addresses);
    Ok(Done {
        text: lines.join("\n"),
        data,
    })
}

/// Whether there is more than one shard, so that it is worth saying which.
fn has_shards(wallet: &Wallet) -> bool {
    wallet.client().records().len() > 1
}

/// The shards that hold some of it.
fn shards(holdings: &Holdings) -> String {
    let homes = holdings.accounts.iter();
    let homes: BTreeSet<ShardId> = homes.map(|account| account.object.home).collect();
    let homes: Vec<String> = homes.iter().map(ToString::to_string).collect();
    homes.join(" ")
}

/// The name that belongs to a key here, if there is one.
pub(crate) fn name_of(wallet: &Wallet, owner: &model::PublicKey) -> Option<String> {
    let keys = wallet.keys();
    let mut names = keys.names().into_iter();
    names.find(|name| keys.public(name).as_ref() == Some(owner))
}

/// An account as every command that shows one does.
pub(crate) fn summary(name: Option<&str>, address: &str, balance: Amount) -> Value {
    json!({
        "name": name,
        "address": address,
        "balance": balance.ncsc().to_string(),
        "decimals": DECIMALS,
    })
}

fn objects(holdings: &Holdings, addresses: Addresses) -> Value {
    let accounts = holdings.accounts.iter();
    let objects = accounts.map(|account| {
        json!({
            "object": addresses.object(&account.id),
            "balance": account.balance.ncsc().to_string(),
            "shard": account.object.home.number(),
        })
    });
    objects.collect()
}
