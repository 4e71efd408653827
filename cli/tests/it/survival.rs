//! A minute of payments while nodes are killed with signal 9: nothing that was promised is lost.
//!
//! Wallets pay without a pause; a seed decides when which node is killed and how long it stays away,
//! one at a time as a rule and now and then all of them at once. Afterwards the books are closed: the
//! supply is exact, all nodes have one head, every decision that a wallet has seen proven is the
//! decision that each node has on its disk, every transaction that was ever sent has one, and no node
//! has signed two things in its log that no honest node signs together. The whole chain is audited by
//! code that shares nothing with the nodes.

mod books;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use client::keys::LocalKeys;
use client::{Amount, Class, Client, Event, Options, Order, Progress, Settled, Wallet, Watch};
use model::{Outcome, TransactionId};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testnet::local::{Endpoint, Layout, read_genesis};

use crate::support::{Network, folder, pid};
use books::Books;

/// How long nodes are killed.
const TURMOIL: Duration = Duration::from_secs(60);

/// How long it may take, once no node is killed any more, until a payment is settled.
const CALM_PATIENCE: Duration = Duration::from_secs(180);

/// What decides what happens.
const SEED: u64 = 7;

/// Who pays, each the next one.
const PAYERS: [&str; 4] = ["alice", "bob", "carol", "dave"];

const SUPPLY: u64 = 10_000 * 1_000_000_000;

#[test]
fn a_minute_of_payments_while_nodes_are_killed_loses_nothing() {
    let folder = folder();
    let mut network = Network::start_in(folder.path(), &[]);
    let stop = Arc::new(AtomicBool::new(false));
    let payers: Vec<_> = (0..PAYERS.len())
        .map(|payer| {
            let (directory, stop) = (folder.path().to_owned(), Arc::clone(&stop));
            thread::spawn(move || Payer::open(&directory, payer).pay(&stop))
        })
        .collect();
    let turmoil = Turmoil::over(&network);
    stop.store(true, Ordering::Relaxed);
    let mut seen = Seen::default();
    for payer in payers {
        seen.add(
            payer
                .join()
                .unwrap_or_else(|_| panic!("seed {SEED}: a payer failed")),
        );
    }
    let committed = seen.committed();
    // What the test has seen is worth a line, whether it fails or not.
    let _ = writeln!(
        std::io::stderr(),
        "survival, seed {SEED}: {turmoil:?}, {} transactions sent, {committed} of them committed",
        seen.sent.len(),
    );
    assert!(
        committed > 0 && turmoil.kills > 0,
        "seed {SEED}: nothing happened"
    );

    network.agreed_head();
    assert_eq!(network.supply(), SUPPLY, "seed {SEED}");
    network.json(0, &["testnet", "stop"]);
    network.wait();
    Books::open(folder.path()).check(&seen);
}

/// What the wallets have seen.
#[derive(Default)]
struct Seen {
    /// Every transaction that was ever written down to be sent.
    sent: BTreeSet<TransactionId>,
    /// Every decision of which a proof was checked.
    decided: BTreeMap<TransactionId, Outcome>,
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.sent.extend(other.sent);
        self.decided.extend(other.decided);
    }

    fn committed(&self) -> usize {
        let outcomes = self.decided.values();
        outcomes
            .filter(|outcome| **outcome == Outcome::Committed)
            .count()
    }
}

/// One user with a wallet of its own.
struct Payer {
    wallet: Wallet,
    runtime: tokio::runtime::Runtime,
    from: &'static str,
    to: &'static str,
}

impl Payer {
    fn open(directory: &Path, payer: usize) -> Self {
        let layout = Layout::of(directory);
        let endpoint = Endpoint::read(&layout).expect("the network runs");
        let genesis = read_genesis(&layout, endpoint.network).expect("it is there");
        let endpoints = endpoint.endpoints(genesis);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("there is a thread for it");
        let keys = Box::new(LocalKeys::of(&endpoints.genesis));
        let options = Options {
            timeout: Duration::from_secs(5),
            ..Options::default()
        };
        let client = {
            let _inside = runtime.enter();
            Client::connect(endpoints, options).expect("the genesis document is in order")
        };
        let from = PAYERS[payer];
        let journal = directory.join(format!("wallet-of-{from}"));
        Self {
            wallet: Wallet::open(client, keys, &journal).expect("it can be made"),
            runtime,
            from,
            to: PAYERS[(payer + 1) % PAYERS.len()],
        }
    }

    /// Pays until it is told to stop, and knows what became of every payment then.
    fn pay(self, stop: &AtomicBool) -> Seen {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut amount = 0;
        while !stop.load(Ordering::Relaxed) {
            amount += 1;
            let party = |name| self.wallet.party(name).expect("it is a test account");
            let order = Order {
                from: party(self.from),
                to: party(self.to),
                amount: Amount::from_ncsc(amount),
                using: None,
                home: None,
            };
            self.pay_once(&order, &seen, stop);
        }
        let mut seen = seen.lock().expect("nobody panics with it");
        std::mem::take(&mut *seen)
    }

    /// Gives the same order until it is known what became of it.
    fn pay_once(&self, order: &Order, seen: &Arc<Mutex<Seen>>, stop: &AtomicBool) {
        let mut calm: Option<Instant> = None;
        loop {
            let noted = Arc::clone(seen);
            let watch = Watch::new(move |progress: Progress| {
                let mut seen = noted.lock().expect("nobody panics with it");
                match progress.event {
                    Event::Recorded { transaction, .. } => {
                        seen.sent.insert(transaction);
                    }
                    Event::Verified {
                        transaction,
                        outcome,
                        ..
                    } => note(&mut seen, transaction, outcome),
                    _ => {}
                }
            });
            match self.runtime.block_on(self.wallet.send(order, &watch)) {
                Ok(settled) => {
                    let mut seen = seen.lock().expect("nobody panics with it");
                    return note(&mut seen, settled.id, Settled::outcome(&settled));
                }
                // All nodes are down, or so many that none can decide.
                Err(error) if matches!(error.class(), Class::Unknown | Class::Unreachable) => {
                    if stop.load(Ordering::Relaxed) {
                        let since = calm.get_or_insert_with(Instant::now).elapsed();
                        assert!(
                            since < CALM_PATIENCE,
                            "seed {SEED}: {} never knows: {error}",
                            self.from
                        );
                    }
                }
                Err(error) => panic!("seed {SEED}: {} cannot pay: {error}", self.from),
            }
        }
    }
}

/// Notes a decision, which is never another one than before.
fn note(seen: &mut Seen, transaction: TransactionId, outcome: Outcome) {
    let before = seen.decided.insert(transaction, outcome);
    assert!(
        before.is_none_or(|before| before == outcome),
        "seed {SEED}: {transaction} was {before:?} and is {outcome:?}"
    );
}

/// What was done to the nodes.
#[derive(Debug, Default)]
struct Turmoil {
    /// Nodes that were killed alone.
    kills: u32,
    /// How often all nodes were killed at once.
    blackouts: u32,
}

impl Turmoil {
    /// Kills and restarts nodes until the time is over. All of them run in the end.
    fn over(network: &Network) -> Self {
        let mut turmoil = Self::default();
        let mut random = Random(SEED);
        let end = Instant::now() + TURMOIL;
        while Instant::now() < end {
            random.pause(1_500);
            let pids: Vec<Option<u32>> = network.nodes().iter().map(pid).collect();
            let victims: Vec<usize> = if random.below(4) == 0 {
                turmoil.blackouts += 1;
                (0..pids.len()).collect()
            } else {
                turmoil.kills += 1;
                vec![random.below(pids.len() as u64) as usize]
            };
            for victim in &victims {
                let pid = pids[*victim].and_then(|pid| i32::try_from(pid).ok());
                let pid = pid.expect("every node runs");
                kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it is there");
            }
            random.pause(1_500);
            for victim in victims {
                network.json(0, &["testnet", "restart", &format!("n{victim}")]);
            }
        }
        turmoil
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// Lets time pass: this is the turmoil's own pace, and nothing is waited for.
    fn pause(&mut self, below_ms: u64) {
        thread::sleep(Duration::from_millis(self.below(below_ms)));
    }
}
