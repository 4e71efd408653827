//! `chainspace send`: pay.

use client::{Amount, Order, Wallet};
use model::ShardId;
use serde_json::json;

use crate::Common;
use crate::account::DECIMALS;
use crate::deal::{Deal, Making};
use crate::exit::Failure;
use crate::output::{ARROW, Done, Output};
use crate::session::Session;

const EXAMPLES: &str = "Examples:
  chainspace send 5 bob --from alice
  chainspace send 0.25CSC bob --from alice --watch
  chainspace send 1 bob --from alice --shard 1
  chainspace send 500_000ncsc lcs1q9k2...m3x0vd --from carol --receipt payment.csr";

/// Pay
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Send {
    /// How much: 5, 0.5CSC or 500_000ncsc
    #[arg(allow_negative_numbers = true)]
    amount: String,
    /// Whom to pay: a name or an address
    to: String,
    /// Who pays: a name or an address whose key is here
    #[arg(long, value_name = "NAME")]
    from: String,
    /// The only object to spend [default: as few as there need to be]
    #[arg(long, value_name = "OBJECT")]
    using: Option<String>,
    /// The shard that the money is to live in [default: the one that it comes from]
    #[arg(long, value_name = "K")]
    shard: Option<u32>,
    #[command(flatten)]
    making: Making,
}

pub(crate) fn run(common: &Common, send: &Send, output: &Output) -> Result<Done, Failure> {
    let amount = Amount::parse_positive(&send.amount).map_err(client::Error::from)?;
    send.making.check()?;
    let session = Session::find(common)?;
    let wallet = send.making.wallet(&session)?;
    let using = send.using.as_deref();
    let using = using.map(|object| session.addresses().parse_object(object));
    let order = Order {
        from: wallet.party(&send.from)?,
        to: wallet.party(&send.to)?,
        amount,
        using: using.transpose().map_err(client::Error::from)?,
        home: send.shard.map(ShardId::new),
    };
    let deal = send.making.deal(&session, &wallet, output);
    session
        .runtime
        .block_on(pay(&order, &wallet, &deal, output))
}

async fn pay(
    order: &Order,
    wallet: &Wallet,
    deal: &Deal<'_>,
    output: &Output,
) -> Result<Done, Failure> {
    let Order {
        from, to, amount, ..
    } = order;
    output.note(format_args!(
        "Send      {amount}   {} {ARROW} {}",
        deal.party(from),
        deal.party(to)
    ));
    let settled = deal
        .make(async |watch| wallet.send(order, watch).await)
        .await?;
    let addresses = deal.addresses();
    let besides = json!({
        "from": addresses.account(from),
        "to": addresses.account(to),
        "amount": amount.ncsc().to_string(),
        "decimals": DECIMALS,
    });
    let closing = async {
        if output.is_json() {
            return String::new();
        }
        balances(order, wallet, deal).await
    };
    deal.conclude(&settled, besides, closing).await
}

/// What both have now, if the network says so.
async fn balances(order: &Order, wallet: &Wallet, deal: &Deal<'_>) -> String {
    let mut text = String::new();
    for owner in [order.from, order.to] {
        if let Ok(holdings) = wallet.holdings(&owner).await {
            text += &format!("     {} {}", deal.name(&owner), holdings.balance());
        }
    }
    text
}
