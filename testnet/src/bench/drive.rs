//! Sending payments, and keeping account of each until it is certified.
//!
//! The arrivals are *open* or *closed*. Open: a payment is due at a moment that does not depend on
//! how the network fares, and its latency counts from that moment, so that a stall shows in every
//! payment that had to wait for it. Closed: so many payments are under way at any time, which finds
//! out how many the network can take.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use model::api::{Refused, Request, Response, SUBMIT_MAX, Taken};
use model::{Outcome, Transaction, TransactionId};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::error::BenchError;
use super::follower::{Certified, Followed};
use super::link::{Link, problem};
use super::load::{Load, Ready};

/// How long the last payments may take to be certified.
const DRAIN_PATIENCE: Duration = Duration::from_secs(60);

/// How often the driver looks at the time when nothing happens.
const TICK: Duration = Duration::from_millis(1);

/// How often a node is asked again that cannot be reached, and how long.
const PAUSE: Duration = Duration::from_millis(100);
const ATTEMPTS: u32 = 100;

/// When payments are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// So many in each second, come what may.
    Open {
        /// Payments per second.
        per_second: u32,
    },
    /// As soon as one is certified another one is sent.
    Closed {
        /// Payments under way at a time.
        in_flight: usize,
    },
}

/// What came of the payments of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Payments that were sent, all of which are certified.
    pub(crate) sent: u64,
    /// Payments that were certified while payments were being sent.
    pub(crate) in_window: u64,
    /// How long payments were being sent.
    pub(crate) window: Duration,
    /// How long it took until the first block was certified, and how many were certified with it.
    pub(crate) lead: Duration,
    pub(crate) in_lead: u64,
    /// How often a node was too busy to take a payment, which was then sent again.
    pub(crate) refused: u64,
    /// From the moment a payment was due until the proof of its decision was checked.
    pub(crate) latencies: Vec<Duration>,
    /// Blocks with payments, and how many of them came while payments were being sent.
    pub(crate) blocks: u64,
    pub(crate) blocks_in_window: u64,
    /// Whether the payments that were made in advance came to an end before the time did.
    pub(crate) exhausted: bool,
}

impl Tally {
    /// Counts another run in.
    pub(crate) fn add(&mut self, more: Self) {
        self.sent += more.sent;
        self.in_window += more.in_window;
        self.window += more.window;
        self.lead += more.lead;
        self.in_lead += more.in_lead;
        self.refused += more.refused;
        self.latencies.extend(more.latencies);
        self.blocks += more.blocks;
        self.blocks_in_window += more.blocks_in_window;
        self.exhausted |= more.exhausted;
    }
}

/// A payment that is under way.
struct UnderWay {
    lane: usize,
    due: Instant,
    /// Participants that have not decided.
    missing: usize,
}

/// Sends payments over `link` and hears from `blocks` what is certified.
pub(crate) struct Driver<'a> {
    pub(crate) link: &'a Link,
    pub(crate) load: &'a mut dyn Load,
    pub(crate) blocks: &'a mut mpsc::Receiver<Followed>,
    /// How many nodes a shard has. Those of the first shard come first.
    pub(crate) nodes: usize,
    pub(crate) stop: &'a Arc<AtomicBool>,
}

/// One run.
struct Run<'a, 'd> {
    driver: &'a mut Driver<'d>,
    arrivals: Arrivals,
    began: Instant,
    /// When sending ends.
    end: Instant,
    /// Lanes whose last payment is certified, the one that has waited longest first.
    free: VecDeque<usize>,
    under_way: HashMap<TransactionId, UnderWay>,
    sending: bool,
    tally: Tally,
}

impl Driver<'_> {
    /// Sends payments for `duration`, and waits until all of them are certified.
    ///
    /// # Errors
    ///
    /// [`BenchError`] if a payment is lost, a node is at fault, or somebody asked to stop.
    pub(crate) async fn run(
        &mut self,
        arrivals: Arrivals,
        duration: Duration,
    ) -> Result<Tally, BenchError> {
        let began = Instant::now();
        let free = (0..self.load.lanes()).collect();
        let run = Run {
            driver: self,
            arrivals,
            began,
            end: began + duration,
            free,
            under_way: HashMap::new(),
            sending: true,
            tally: Tally::default(),
        };
        run.go().await
    }
}

impl Run<'_, '_> {
    async fn go(mut self) -> Result<Tally, BenchError> {
        let link = self.driver.link;
        let mut submissions = FuturesUnordered::new();
        while self.sending || !self.under_way.is_empty() {
            for (node, payments) in self.due().into_iter().enumerate() {
                let mut payments = payments.into_iter().peekable();
                while payments.peek().is_some() {
                    let batch = payments.by_ref().take(SUBMIT_MAX).collect();
                    submissions.push(submit(link, node, batch));
                }
            }
            tokio::select! {
                biased;
                block = self.driver.blocks.recv() => match block {
                    Some(block) => self.settle(&block?)?,
                    None => return Err(BenchError::Interrupted),
                },
                Some(refusals) = submissions.next() => self.tally.refused += refusals?,
                () = sleep(TICK) => {}
            }
            self.check()?;
        }
        Ok(self.tally)
    }

    /// The payments that are due, for each node: one of each concerned shard, always the same for the
    /// payments of a lane.
    fn due(&mut self) -> Vec<Vec<Transaction>> {
        let nodes = self.driver.nodes;
        let mut found = vec![Vec::new(); self.driver.link.nodes()];
        while let Some((lane, due)) = self.next_due() {
            let Some(payment) = self.take(lane) else {
                break;
            };
            let participants = payment.transaction.body.participants.clone();
            let under_way = UnderWay {
                lane,
                due,
                missing: participants.len(),
            };
            self.under_way.insert(payment.id, under_way);
            for shard in participants {
                let node = shard.number() as usize * nodes + lane % nodes;
                found[node].push(payment.transaction.clone());
            }
        }
        found
    }

    /// The lane whose next payment is due, and since when.
    fn next_due(&mut self) -> Option<(usize, Instant)> {
        if !self.sending {
            return None;
        }
        let now = Instant::now();
        let (due, is_due) = match self.arrivals {
            Arrivals::Closed { in_flight } => (now, self.under_way.len() < in_flight),
            Arrivals::Open { per_second } => {
                let due = self.began + Duration::from_secs(self.tally.sent) / per_second;
                (due, due <= now)
            }
        };
        if due >= self.end {
            self.stop_sending();
            return None;
        }
        let lane = self.free.front().filter(|_| is_due).copied()?;
        Some((lane, due))
    }

    /// Takes the next payment of a lane. If there is none the sending ends.
    fn take(&mut self, lane: usize) -> Option<Ready> {
        let payment = self.driver.load.next(lane);
        if payment.is_some() {
            self.free.pop_front();
            self.tally.sent += 1;
        } else {
            self.tally.exhausted = true;
            self.stop_sending();
        }
        payment
    }

    fn stop_sending(&mut self) {
        self.sending = false;
        self.tally.window = self.began.elapsed();
    }

    fn settle(&mut self, block: &Certified) -> Result<(), BenchError> {
        // What strangers sent is theirs.
        let mut ours = block.results.iter();
        if let Some(aborted) = ours.find(|result| {
            result.outcome != Outcome::Committed && self.under_way.contains_key(&result.transaction)
        }) {
            return Err(BenchError::Wrong(format!(
                "a payment that is in order was aborted at height {}: {:?}",
                block.height, aborted.outcome
            )));
        }
        let mut settled = 0;
        let mut decided = false;
        for id in block.transactions() {
            let Some(under_way) = self.under_way.get_mut(id) else {
                continue;
            };
            decided = true;
            under_way.missing -= 1;
            if under_way.missing > 0 {
                continue;
            }
            if let Some(UnderWay { lane, due, .. }) = self.under_way.remove(id) {
                let latency = block.at.saturating_duration_since(due);
                self.tally.latencies.push(latency);
                self.free.push_back(lane);
                settled += 1;
            }
        }
        if decided {
            self.tally.blocks += 1;
        }
        if decided && self.sending {
            if self.tally.blocks_in_window == 0 {
                self.tally.lead = block.at.saturating_duration_since(self.began);
                self.tally.in_lead = settled;
            }
            self.tally.blocks_in_window += 1;
            self.tally.in_window += settled;
        }
        Ok(())
    }

    /// Whether it makes sense to go on.
    fn check(&self) -> Result<(), BenchError> {
        if self.driver.stop.load(Ordering::Relaxed) {
            return Err(BenchError::Interrupted);
        }
        if Instant::now() > self.end + DRAIN_PATIENCE {
            return Err(BenchError::Wrong(format!(
                "{} payments that nodes have taken are not decided after {} s",
                self.under_way.len(),
                DRAIN_PATIENCE.as_secs(),
            )));
        }
        Ok(())
    }
}

/// Submits payments to a node until it takes them all. Returns how often it was too busy for one.
async fn submit(
    link: &Link,
    node: usize,
    mut payments: Vec<Transaction>,
) -> Result<u64, BenchError> {
    let (mut refusals, mut failures) = (0, 0);
    while !payments.is_empty() {
        let request = Request::SubmitAll(payments.clone());
        let taken = match link.ask(node, &request, Duration::ZERO).await {
            Ok(Response::Taken(taken)) if taken.len() == payments.len() => taken,
            Ok(other) => return Err(problem(node, format_args!("takes nothing: {other:?}"))),
            Err(_) if failures < ATTEMPTS => {
                failures += 1;
                sleep(PAUSE).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        let mut again = Vec::new();
        let mut pause = Duration::ZERO;
        for (payment, taken) in payments.into_iter().zip(taken) {
            match taken {
                Taken::Waits | Taken::Decided(_) => {}
                Taken::Refused(Refused::Busy { retry_ms }) => {
                    pause = Duration::from_millis(retry_ms.into());
                    refusals += 1;
                    again.push(payment);
                }
                Taken::Refused(refused) => return Err(problem(node, refused)),
            }
        }
        payments = again;
        sleep(pause).await;
    }
    Ok(refusals)
}
