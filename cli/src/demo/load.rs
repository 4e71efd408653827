//! Payments that never stop: users who pay each other, within shards and across them, on a thread of
//! their own.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use client::keys::LocalKeys;
use client::{Amount, Client, Endpoints, Options, Order, Wallet, Watch};
use futures::future::join_all;
use model::ShardId;
use testnet::local::{Endpoint, Layout, read_genesis};

use crate::exit::{Exit, Failure};
use crate::session::runtime;

/// Who pays whom.
const PAIRS: [(&str, &str); 4] = [
    ("carol", "dave"),
    ("dave", "carol"),
    ("erin", "frank"),
    ("frank", "erin"),
];

/// What a payment pays, in ncsc.
const AMOUNT: u64 = 1_000;

/// How long a payment may take until the same payment is tried again.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a user waits between two payments: others work on this machine, too.
const PAUSE: Duration = Duration::from_millis(100);

/// Users who pay until they are told to stop.
pub(super) struct Load {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    enough: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    /// When each payment was proven to be committed.
    committed: Vec<Instant>,
    /// How many of them crossed shards.
    across: u64,
    /// What went wrong and was tried again.
    troubles: Vec<String>,
}

/// What came of the payments between two moments.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) committed: usize,
    pub(super) across: u64,
    pub(super) again: usize,
    pub(super) per_second: f64,
    /// The longest time in which no payment was proven to be committed.
    pub(super) longest_gap: Duration,
    /// What went wrong last, if anything did.
    pub(super) last_trouble: Option<String>,
}

impl Load {
    /// Starts the users of the network in a directory.
    pub(super) fn start(directory: &Path) -> Result<Self, Failure> {
        let shared = Arc::new(Shared::default());
        let layout = Layout::of(directory);
        let endpoint = Endpoint::read(&layout)?;
        let endpoints = endpoint.endpoints(read_genesis(&layout, endpoint.network)?);
        let runtime = runtime()?;
        let payers = {
            let _inside = runtime.enter();
            let payers = PAIRS
                .iter()
                .map(|pair| Payer::open(&layout, &endpoints, pair, &shared));
            payers.collect::<Result<Vec<_>, _>>()?
        };
        let work = move || {
            runtime.block_on(join_all(payers.iter().map(Payer::pay)));
        };
        let thread = std::thread::Builder::new().name("load".into()).spawn(work);
        let thread = thread.map_err(|error| {
            Failure::new(Exit::Failed, format!("cannot start a thread: {error}"))
        })?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// What has come of it from one moment until now.
    pub(super) fn since(&self, from: Instant) -> Account {
        let seen = lock(&self.shared.seen);
        let now = Instant::now();
        let within = seen.committed.iter().filter(|at| **at >= from);
        let times: Vec<Instant> = std::iter::once(from)
            .chain(within.copied())
            .chain([now])
            .collect();
        let gaps = times
            .windows(2)
            .map(|pair| pair[1].saturating_duration_since(pair[0]));
        let committed = times.len() - 2;
        let seconds = now.saturating_duration_since(from).as_secs_f64().max(0.001);
        Account {
            committed,
            across: seen.across,
            again: seen.troubles.len(),
            per_second: committed as f64 / seconds,
            longest_gap: gaps.max().unwrap_or_default(),
            last_trouble: seen.troubles.last().cloned(),
        }
    }

    /// Lets the users finish what they have begun.
    pub(super) fn stop(&mut self) {
        self.shared.enough.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // If it has panicked, its payments are missed.
            let _ = thread.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A user.
struct Payer {
    wallet: Wallet,
    order: Order,
    shared: Arc<Shared>,
}

impl Payer {
    fn open(
        layout: &Layout,
        endpoints: &Endpoints,
        (from, to): &(&str, &str),
        shared: &Arc<Shared>,
    ) -> Result<Self, Failure> {
        let options = Options {
            timeout: PATIENCE,
            ..Options::default()
        };
        let client = Client::connect(endpoints.clone(), options)?;
        let keys = Box::new(LocalKeys::of(&endpoints.genesis));
        let journal = layout.directory().join("payers").join(from);
        let wallet = Wallet::open(client, keys, &journal)?;
        let order = Order {
            from: wallet.party(from)?,
            to: wallet.party(to)?,
            amount: Amount::from_ncsc(AMOUNT),
            using: None,
            home: None,
        };
        Ok(Self {
            wallet,
            order,
            shared: Arc::clone(shared),
        })
    }

    /// Pays into one shard and the other, until it is enough.
    async fn pay(&self) {
        let homes = [None, Some(ShardId::new(0)), None, Some(ShardId::new(1))];
        let mut homes = homes.into_iter().cycle();
        let mut home = None;
        while !self.shared.enough.load(Ordering::Relaxed) {
            let order = Order { home, ..self.order };
            match self.wallet.send(&order, &Watch::nobody()).await {
                Ok(settled) if settled.is_committed() => {
                    let mut seen = lock(&self.shared.seen);
                    seen.committed.push(Instant::now());
                    seen.across += u64::from(settled.transaction.body.participants.len() > 1);
                    drop(seen);
                    home = homes.next().flatten();
                }
                // The same payment again: it is made once.
                Ok(settled) => self.trouble(format!("{:?}", settled.outcome())),
                Err(error) => self.trouble(error.to_string()),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn trouble(&self, why: String) {
        lock(&self.shared.seen).troubles.push(why);
    }
}

// Whoever panicked with the lock left a list that is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
