//! A transaction that a command makes: what is said while it is made, and what is left of it.
//!
//! Its identifier is in the wallet's journal, and on stderr, before anything is sent. The same command
//! again never does twice what it does while the outcome is unknown.

mod lanes;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use client::address::short;
use client::{Addresses, Event, Options, Progress, Settled, Verified, Wallet, Watch, receipt};
use model::{NodeId, Outcome, PublicKey, ShardId};
use serde_json::{Value, json};

use crate::account::name_of;
use crate::exit::{Exit, Failure};
use crate::output::{DONE, Done, Output};
use crate::session::{Session, patience};
use crate::tx;
use lanes::Lanes;

/// What every command understands that makes a transaction.
#[derive(Debug, clap::Args)]
pub(crate) struct Making {
    /// Show what happens to the transaction as it happens
    #[arg(long)]
    watch: bool,
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

impl Making {
    /// Opens the wallet of a network for the transaction.
    pub(crate) fn wallet(&self, session: &Session) -> Result<Wallet, Failure> {
        let via = self.via.as_deref().map(|node| session.endpoints.find(node));
        session.wallet(Options {
            timeout: patience(self.timeout),
            via: via.transpose()?,
        })
    }

    /// Refuses a file for the receipt that is in use, before anything is done.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.receipt.as_deref().map_or(Ok(()), check_free)
    }

    /// The transaction that is to be made.
    pub(crate) const fn deal<'a>(
        &'a self,
        session: &'a Session,
        wallet: &'a Wallet,
        output: &'a Output,
    ) -> Deal<'a> {
        Deal {
            making: self,
            session,
            wallet,
            output,
        }
    }
}

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

/// One transaction, and whoever is told about it.
pub(crate) struct Deal<'a> {
    making: &'a Making,
    session: &'a Session,
    wallet: &'a Wallet,
    output: &'a Output,
}

impl Deal<'_> {
    /// Lets the wallet `act`, and says what happens.
    pub(crate) async fn make(
        &self,
        act: impl AsyncFnOnce(&Watch<'_>) -> Result<Settled, client::Error>,
    ) -> Result<Settled, Failure> {
        let recorded = Mutex::new(None);
        let lanes = Mutex::new(Lanes::default());
        let watch = Watch::new(|progress| {
            if let Event::Recorded { transaction, .. } | Event::Resumed { transaction, .. } =
                &progress.event
            {
                *lock(&recorded) = Some(self.addresses().transaction(transaction));
            }
            if let Some(line) = self.line(&progress) {
                self.output.note(line);
            }
            self.draw(lock(&lanes).add(&progress, |node| self.node(node)));
        });
        let result = act(&watch).await;
        drop(watch);
        self.draw(lock(&lanes).rest());
        result.map_err(|error| match lock(&recorded).take() {
            Some(transaction) => unsettled(error.into(), transaction),
            None => error.into(),
        })
    }

    /// Keeps the proof of a decided transaction, and says how it ended. `besides` is what there is to say
    /// to programs about this kind of transaction, and `closing` what there is to say to people once it
    /// is committed.
    pub(crate) async fn conclude(
        &self,
        settled: &Settled,
        besides: Value,
        closing: impl Future<Output = String>,
    ) -> Result<Done, Failure> {
        let file = self.making.receipt.clone();
        let file = file.unwrap_or_else(|| self.session.receipt(&settled.id));
        let mut data = tx::data(settled, self.addresses());
        if let (Value::Object(data), Value::Object(besides)) = (&mut data, besides) {
            data.extend(besides);
        }
        let kept = self.keep_receipt(settled, &file);
        data["receipt"] = kept.then(|| file.display().to_string()).into();
        let text = self.addresses().transaction(&settled.id);
        match settled.outcome() {
            Outcome::Committed => {
                let closing = closing.await;
                self.say_committed(settled, &closing, kept.then_some(&file));
                Ok(Done { text, data })
            }
            Outcome::Aborted(_) => Err(Failure {
                text,
                data: Box::new(data),
                ..tx::aborted(settled, self.addresses())
            }),
        }
    }

    /// Saves the receipt. What was wanted is done by now, so a failure is only a warning.
    fn keep_receipt(&self, settled: &Settled, file: &Path) -> bool {
        if !settled.is_complete() {
            let warning = "no receipt is kept: not all shards have said what they decided";
            self.output.warn(warning);
            return false;
        }
        let receipt = receipt::receipt(self.wallet.client(), settled);
        let saved = receipt::save(&receipt, file);
        if let Err(error) = &saved {
            let warning =
                format!("the transaction is decided, and its receipt is not kept: {error}");
            self.output.warn(warning);
        }
        saved.is_ok()
    }

    fn say_committed(&self, settled: &Settled, closing: &str, receipt: Option<&PathBuf>) {
        let again = if settled.resumed {
            " (by an earlier attempt)"
        } else {
            ""
        };
        self.output.note(format_args!(
            "{} committed in {} ms{again}{}",
            self.output.green(DONE),
            settled.milliseconds,
            closing,
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

    /// Shows lanes to those who watch.
    fn draw(&self, lanes: Vec<String>) {
        for lane in lanes.iter().filter(|_| self.making.watch) {
            self.output.note(lane);
        }
    }

    /// What there is to say of an event besides what the lanes show: what must not be lost always, the
    /// rest for those who watch.
    fn line(&self, progress: &Progress) -> Option<String> {
        let addresses = self.addresses();
        let id = |transaction| addresses.transaction(transaction);
        Some(match &progress.event {
            Event::Resumed { transaction, .. } => format!(
                "Again     an earlier attempt at this is not settled: {}",
                id(transaction)
            ),
            Event::Waiting { transaction } => format!(
                "Waiting   for another transaction that holds the objects: {}",
                id(transaction)
            ),
            Event::Asking { shard, nodes } => {
                format!("Asking    {nodes} nodes to agree to shard {shard}")
            }
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
            Event::Trouble { node, reason } if self.making.watch => {
                let at = progress.milliseconds;
                format!("  {at:>5} ms  {} {reason}", self.node(node))
            }
            Event::Trouble { .. }
            | Event::Submitted { .. }
            | Event::UnderWay { .. }
            | Event::Verified { .. } => return None,
        })
    }

    pub(crate) fn addresses(&self) -> Addresses {
        self.session.addresses()
    }

    pub(crate) fn party(&self, owner: &PublicKey) -> String {
        let address = short(&self.addresses().account(owner));
        match name_of(self.wallet, owner) {
            Some(name) => format!("{name} {address}"),
            None => address,
        }
    }

    pub(crate) fn name(&self, owner: &PublicKey) -> String {
        name_of(self.wallet, owner).unwrap_or_else(|| short(&self.addresses().account(owner)))
    }

    pub(crate) fn node(&self, node: &NodeId) -> String {
        let mut nodes = self.wallet.client().nodes().iter();
        nodes.find(|known| known.node == *node).map_or_else(
            || short(&self.addresses().node(node)),
            |known| known.name.clone(),
        )
    }
}

/// A failure after the transaction got its identifier, which must not be lost.
fn unsettled(failure: Failure, transaction: String) -> Failure {
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
