//! `chainspace send`: pay.
//!
//! The identifier of the transaction is in the wallet's journal, and on stderr, before anything is
//! sent. The same command again never pays twice while the outcome is unknown.

mod lanes;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use client::address::short;
use client::{
    Addresses, Amount, Event, Options, Order, Progress, Settled, Verified, Wallet, Watch, receipt,
};
use model::{NodeId, Outcome, PublicKey, ShardId};
use serde_json::json;

use crate::account::{DECIMALS, name_of};
use crate::exit::{Exit, Failure};
use crate::output::{ARROW, DONE, Done, Output};
use crate::session::{Session, patience};
use crate::{Common, tx};
use lanes::Lanes;

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
    /// Show what happens to the payment as it happens
    #[arg(long)]
    watch: bool,
    /// The only object to spend [default: as few as there need to be]
    #[arg(long, value_name = "OBJECT")]
    using: Option<String>,
    /// The shard that the money is to live in [default: the one that it comes from]
    #[arg(long, value_name = "K")]
    shard: Option<u32>,
    /// The only node to give the transaction to [default: as many as make sure of an honest one]
    #[arg(long, value_name = "NODE")]
    via: Option<String>,
    /// Where to keep the proof [default: with the network]
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// How long to wait for the outcome, in seconds [default: 30]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: Option<u64>,
}

pub(crate) fn run(common: &Common, send: &Send, output: &Output) -> Result<Done, Failure> {
    let amount = Amount::parse_positive(&send.amount).map_err(client::Error::from)?;
    if let Some(file) = &send.receipt {
        check_free(file)?;
    }
    let session = Session::find(common)?;
    let via = send.via.as_deref().map(|node| session.endpoints.find(node));
    let wallet = session.wallet(Options {
        timeout: patience(send.timeout),
        via: via.transpose()?,
    })?;
    let addresses = session.addresses();
    let using = send
        .using
        .as_deref()
        .map(|object| addresses.parse_object(object));
    let payment = Payment {
        order: Order {
            from: wallet.party(&send.from)?,
            to: wallet.party(&send.to)?,
            amount,
            using: using.transpose().map_err(client::Error::from)?,
            home: send.shard.map(ShardId::new),
        },
        wallet: &wallet,
        addresses,
        output,
        watch: send.watch,
    };
    session.runtime.block_on(async {
        let settled = payment.make().await?;
        let file = send.receipt.clone();
        let file = file.unwrap_or_else(|| session.receipt(&settled.id));
        payment.conclude(&settled, &file).await
    })
}

/// Refuses a file for the receipt that is in use, before anything is paid.
fn check_free(file: &Path) -> Result<(), Failure> {
    let folder = match file.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Err(Failure::usage(format!("{} is not a file", file.display()))),
    };
    if file.exists() {
        Err(Failure::usage(format!("{} exists already", file.display()))
            .hint("name another file for the receipt: none is overwritten"))
    } else if folder.is_dir() {
        Ok(())
    } else {
        Err(Failure::usage(format!(
            "there is no folder {}",
            folder.display()
        )))
    }
}

/// One payment, and whoever is told about it.
struct Payment<'a> {
    order: Order,
    wallet: &'a Wallet,
    addresses: Addresses,
    output: &'a Output,
    watch: bool,
}

impl Payment<'_> {
    /// Pays, and says what happens.
    async fn make(&self) -> Result<Settled, Failure> {
        let Order {
            from, to, amount, ..
        } = &self.order;
        self.output.note(format_args!(
            "Send      {amount}   {} {ARROW} {}",
            self.party(from),
            self.party(to)
        ));
        let recorded = Mutex::new(None);
        let lanes = Mutex::new(Lanes::default());
        let watch = Watch::new(|progress| {
            if let Event::Recorded { transaction, .. } | Event::Resumed { transaction, .. } =
                &progress.event
            {
                *lock(&recorded) = Some(self.addresses.transaction(transaction));
            }
            if let Some(line) = self.line(&progress) {
                self.output.note(line);
            }
            self.draw(lock(&lanes).add(&progress, |node| self.node(node)));
        });
        let result = self.wallet.send(&self.order, &watch).await;
        drop(watch);
        self.draw(lock(&lanes).rest());
        result.map_err(|error| match lock(&recorded).take() {
            Some(transaction) => self.unsettled(error.into(), transaction),
            None => error.into(),
        })
    }

    /// A failure after the transaction got its identifier, which must not be lost.
    fn unsettled(&self, failure: Failure, transaction: String) -> Failure {
        let unknown = failure.exit == Exit::OutcomeUnknown;
        let data = json!({
            "transaction": transaction,
            "outcome": if unknown { "unknown" } else { "not_sent" },
        });
        let text = if unknown { transaction } else { String::new() };
        Failure {
            text,
            data: Box::new(data),
            ..failure
        }
    }

    /// Keeps the proof of a decided payment, and says how it ended.
    async fn conclude(&self, settled: &Settled, file: &Path) -> Result<Done, Failure> {
        let addresses = self.addresses;
        let mut data = tx::data(settled, addresses);
        data["from"] = addresses.account(&self.order.from).into();
        data["to"] = addresses.account(&self.order.to).into();
        data["amount"] = self.order.amount.ncsc().to_string().into();
        data["decimals"] = DECIMALS.into();
        let kept = self.keep_receipt(settled, file);
        data["receipt"] = kept.then(|| file.display().to_string()).into();
        let text = addresses.transaction(&settled.id);
        match settled.outcome() {
            Outcome::Committed => {
                self.say_committed(settled, kept.then_some(file)).await;
                Ok(Done { text, data })
            }
            Outcome::Aborted(_) => Err(Failure {
                text,
                data: Box::new(data),
                ..tx::aborted(settled, addresses)
            }),
        }
    }

    /// Saves the receipt. The payment is made by now, so a failure is only a warning.
    fn keep_receipt(&self, settled: &Settled, file: &Path) -> bool {
        if !settled.is_complete() {
            let warning = "no receipt is kept: not all shards have said what they decided";
            self.output.warn(warning);
            return false;
        }
        let receipt = receipt::receipt(self.wallet.client().genesis(), settled);
        let saved = receipt::save(&receipt, file);
        if let Err(error) = &saved {
            let warning = format!("the payment is decided, and its receipt is not kept: {error}");
            self.output.warn(warning);
        }
        saved.is_ok()
    }

    async fn say_committed(&self, settled: &Settled, receipt: Option<&Path>) {
        let again = if settled.resumed {
            " (by an earlier attempt)"
        } else {
            ""
        };
        self.output.note(format_args!(
            "{} committed in {} ms{again}{}",
            self.output.green(DONE),
            settled.milliseconds,
            self.balances().await,
        ));
        let heads = settled.decisions.len();
        let signatures: usize = settled.decisions.iter().map(Verified::signatures).sum();
        self.output.note(format_args!(
            "  proof    checked: {}, {}, {}",
            count(heads, "head"),
            count(signatures, "signature"),
            count(heads, "inclusion proof"),
        ));
        if let Some(file) = receipt {
            self.output
                .note(format_args!("  receipt  {}", file.display()));
        }
    }

    /// What both have now, if the network says so.
    async fn balances(&self) -> String {
        if self.output.is_json() {
            return String::new();
        }
        let mut text = String::new();
        for owner in [self.order.from, self.order.to] {
            if let Ok(holdings) = self.wallet.holdings(&owner).await {
                text += &format!("     {} {}", self.name(&owner), holdings.balance());
            }
        }
        text
    }

    /// Shows lanes to those who watch.
    fn draw(&self, lanes: Vec<String>) {
        for lane in lanes.iter().filter(|_| self.watch) {
            self.output.note(lane);
        }
    }

    /// What there is to say of an event besides what the lanes show: what must not be lost always, the
    /// rest for those who watch.
    fn line(&self, progress: &Progress) -> Option<String> {
        let addresses = self.addresses;
        let id = |transaction| addresses.transaction(transaction);
        Some(match &progress.event {
            Event::Resumed { transaction, .. } => format!(
                "Again     an earlier attempt at this payment is not settled: {}",
                id(transaction)
            ),
            Event::Waiting { transaction } => format!(
                "Waiting   for another payment that holds the money: {}",
                id(transaction)
            ),
            Event::Merging { accounts } => format!("Merging   {accounts} small accounts first"),
            Event::Retrying { transaction, why } => {
                format!("Again     {} was {why}", id(transaction))
            }
            Event::Recorded {
                transaction,
                inputs,
                outputs,
                shards,
                replaces,
            } => {
                let instead = replaces.as_ref().map_or_else(String::new, |replaced| {
                    format!(
                        "\nInstead   of {}: at most one of the two can commit",
                        id(replaced)
                    )
                });
                format!(
                    "Objects   {inputs} in, {outputs} out, on {}   local check: valid\n\
                     Tx        {}{instead}",
                    places(shards),
                    id(transaction),
                )
            }
            Event::Trouble { node, reason } if self.watch => {
                let at = progress.milliseconds;
                format!("  {at:>5} ms  {} {reason}", self.node(node))
            }
            Event::Trouble { .. }
            | Event::Submitted { .. }
            | Event::UnderWay { .. }
            | Event::Verified { .. } => return None,
        })
    }

    fn party(&self, owner: &PublicKey) -> String {
        let address = short(&self.addresses.account(owner));
        match name_of(self.wallet, owner) {
            Some(name) => format!("{name} {address}"),
            None => address,
        }
    }

    fn name(&self, owner: &PublicKey) -> String {
        name_of(self.wallet, owner).unwrap_or_else(|| short(&self.addresses.account(owner)))
    }

    fn node(&self, node: &NodeId) -> String {
        let mut nodes = self.wallet.client().nodes().iter();
        nodes.find(|known| known.node == *node).map_or_else(
            || short(&self.addresses.node(node)),
            |known| known.name.clone(),
        )
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The shards that a transaction concerns, and what takes place between them.
fn places(shards: &[ShardId]) -> String {
    let names: Vec<String> = shards.iter().map(ToString::to_string).collect();
    match &names[..] {
        [_, _, ..] => format!("shards {} (S-BAC)", names.join(" and ")),
        _ => format!("shard {}", names.join("")),
    }
}

/// A number of things.
fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}
