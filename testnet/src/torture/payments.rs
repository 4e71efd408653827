//! Payments among all accounts, into all shards, by wallets that follow their own rules.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use client::keys::{LOCAL_NAMES, LocalKeys};
use client::{Amount, Class, Client, Options, Order, Progress, Settled, Wallet, Watch};
use futures::future::{join_all, try_join_all};
use model::ShardId;
use model::api::Status;
use tokio::time::{sleep, timeout};

use super::seen::Seen;
use crate::bench::{BenchError, Scene};
use crate::local::Layout;
use crate::simulation::Random;

/// How many wallets pay. More than there are accounts, so that some compete for what they spend.
const PAYERS: usize = LOCAL_NAMES.len() + 2;

/// The most a payment pays, in ncsc. An account with less is paid whole, so that there are not ever more.
const AMOUNT_MAX: u64 = 1_000;

/// How long a wallet waits for a decision before the order is given again.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait before asking again when nobody answers.
const AGAIN: Duration = Duration::from_millis(100);

/// How long it may take until everything is settled when nothing fails any more.
const SETTLE_PATIENCE: Duration = Duration::from_secs(180);

/// How long all nodes must have had the same heads until nothing more is expected of them.
const QUIET: Duration = Duration::from_secs(5);

/// How often the nodes are asked for their heads, and how long each may take to answer.
const ASK_EVERY: Duration = Duration::from_millis(250);
const STATUS_PATIENCE: Duration = Duration::from_secs(2);

/// All who pay.
pub(super) struct Payers {
    payers: Vec<Payer>,
    seen: Arc<Mutex<Seen>>,
}

/// One user with a wallet of its own.
struct Payer {
    wallet: Wallet,
    from: &'static str,
    shards: Vec<ShardId>,
    random: RefCell<Random>,
    seen: Arc<Mutex<Seen>>,
}

impl Payers {
    /// Opens the wallets. Call it within a tokio runtime.
    pub(super) fn open(layout: &Layout, scene: &Scene, seed: u64) -> Result<Self, BenchError> {
        let seen = Arc::new(Mutex::default());
        let mut random = Random::new(seed);
        let payers = (0..PAYERS).map(|number| -> Result<Payer, client::Error> {
            let endpoints = scene.endpoint.endpoints(scene.genesis.clone());
            let keys = Box::new(LocalKeys::of(&endpoints.genesis));
            let options = Options {
                timeout: PATIENCE,
                ..Options::default()
            };
            let client = Client::connect(endpoints, options)?;
            let journal = layout.root().join("payers").join(number.to_string());
            Ok(Payer {
                wallet: Wallet::open(client, keys, &journal)?,
                from: LOCAL_NAMES[number % LOCAL_NAMES.len()],
                shards: scene
                    .genesis
                    .shards
                    .iter()
                    .map(|shard| shard.shard)
                    .collect(),
                random: RefCell::new(random.fork()),
                seen: Arc::clone(&seen),
            })
        });
        let payers = payers.collect::<Result<_, _>>().map_err(wrong)?;
        Ok(Self { payers, seen })
    }

    /// Pays until it is enough. What became of every payment is known then.
    pub(super) async fn pay(&self, enough: &AtomicBool) -> Result<(), BenchError> {
        let paying = self.payers.iter().map(|payer| payer.pay(enough));
        try_join_all(paying).await.map(drop)
    }

    /// Committed transactions, and aborted ones by reason.
    pub(super) fn count(&self) -> (u64, BTreeMap<&'static str, u64>) {
        look(&self.seen).count()
    }

    /// What the wallets know, at the end.
    pub(super) fn close(self) -> Seen {
        look(&self.seen).clone()
    }

    /// Waits until all nodes of each shard, which has so many, have had the same head for a while.
    ///
    /// # Errors
    ///
    /// [`BenchError::Wrong`] if that does not happen.
    pub(super) async fn wait_until_quiet(&self, nodes: usize) -> Result<(), BenchError> {
        let deadline = Instant::now() + SETTLE_PATIENCE;
        let mut heads = Vec::new();
        let mut since = Instant::now();
        loop {
            let statuses = self.statuses().await;
            let found: Vec<_> = statuses
                .iter()
                .map(|status| status.as_ref().map(|status| status.head))
                .collect();
            if found != heads || !statuses.chunks(nodes).all(agree) {
                heads = found;
                since = Instant::now();
            }
            if since.elapsed() >= QUIET {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(BenchError::Wrong(format!(
                    "the nodes do not come to rest: {statuses:?}"
                )));
            }
            sleep(ASK_EVERY).await;
        }
    }

    async fn statuses(&self) -> Vec<Option<Status>> {
        let client = self.payers[0].wallet.client();
        join_all(client.nodes().iter().map(async |node| {
            let status = timeout(STATUS_PATIENCE, client.status(&node.node)).await;
            status.ok()?.ok()
        }))
        .await
    }
}

/// Whether nodes of one shard are all ready and have one head.
fn agree(statuses: &[Option<Status>]) -> bool {
    let mut statuses = statuses.iter();
    let Some(Some(first)) = statuses.next() else {
        return false;
    };
    let same = |status: &Status| status.tip == first.tip && status.head == first.head;
    let rests = |status: &Status| status.not_ready.is_empty() && status.waiting == 0;
    rests(first) && statuses.all(|status| status.as_ref().is_some_and(|s| same(s) && rests(s)))
}

impl Payer {
    async fn pay(&self, enough: &AtomicBool) -> Result<(), BenchError> {
        while !enough.load(Ordering::Relaxed) {
            if let Some(order) = self.order().await? {
                self.settle(&order, enough).await?;
            } else {
                sleep(AGAIN).await;
            }
        }
        Ok(())
    }

    /// An account of the payer, all of it if it is small; somebody else; some shard, wherever the account
    /// lives. `None` if nobody says which accounts there are.
    async fn order(&self) -> Result<Option<Order>, BenchError> {
        let party = |name: &str| self.wallet.party(name).map_err(wrong);
        let from = party(self.from)?;
        let holdings = match self.wallet.holdings(&from).await {
            Ok(holdings) => holdings,
            Err(error) if is_patient(&error) => return Ok(None),
            Err(error) => return Err(wrong(error)),
        };
        if holdings.accounts.is_empty() {
            return Ok(None);
        }
        let mut random = self.random.borrow_mut();
        let others = LOCAL_NAMES.into_iter().filter(|name| *name != self.from);
        let others: Vec<&str> = others.collect();
        let account = random.pick(&holdings.accounts);
        let amount = match account.balance.ncsc() {
            small @ ..=AMOUNT_MAX => small,
            _ => 1 + random.below(AMOUNT_MAX),
        };
        Ok(Some(Order {
            from,
            to: party(random.pick::<&str>(&others))?,
            amount: Amount::from_ncsc(amount),
            using: Some(account.id),
            home: Some(*random.pick(&self.shards)),
        }))
    }

    /// Gives an order again and again, until it is known what became of it.
    async fn settle(&self, order: &Order, enough: &AtomicBool) -> Result<(), BenchError> {
        let mut last = None;
        loop {
            let seen = Arc::clone(&self.seen);
            let watch = Watch::new(move |progress: Progress| look(&seen).hear(&progress.event));
            match self.wallet.send(order, &watch).await {
                Ok(settled) => {
                    look(&self.seen).decide(settled.id, Settled::outcome(&settled));
                    return Ok(());
                }
                // Another wallet was faster: nothing is to be had of the account any more.
                Err(error) if matches!(error.class(), Class::Aborted | Class::Funds) => {
                    return Ok(());
                }
                Err(error) if is_patient(&error) => {}
                Err(error) => return Err(wrong(error)),
            }
            if enough.load(Ordering::Relaxed) {
                let last = *last.get_or_insert_with(Instant::now);
                if last.elapsed() > SETTLE_PATIENCE {
                    let from = self.from;
                    let never = format!("a payment of {from} is never settled: {order:?}");
                    return Err(BenchError::Wrong(never));
                }
            }
            sleep(AGAIN).await;
        }
    }
}

/// Whether doing the same again helps: so many nodes fail that none can answer or decide.
fn is_patient(error: &client::Error) -> bool {
    matches!(error.class(), Class::Unknown | Class::Unreachable)
}

fn look(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wrong(error: client::Error) -> BenchError {
    BenchError::Wrong(format!("a wallet cannot pay: {error}"))
}
