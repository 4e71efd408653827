//! The numbers of a node, as Prometheus reads them.
//!
//! All names begin with `chainspace_`. Labels are roles, reasons, outcomes and shards, and never peers: a peer
//! may be anybody, and a list of anybodies has no bound. All metrics are there from the first scrape on,
//! also those that are zero. What needs a store or threads that a node without a shard has not is zero
//! until it has one, and the metric that says what runs has no label `shard` until then.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use model::{Epoch, Height, NetworkId, Outcome, ShardId, TransactionResult};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry;
use tokio::sync::mpsc::WeakSender;

use crate::admission::Meter;
use crate::api::{Identity, VERSION};
use crate::effects::Turn;
use crate::event::{Event, Submission};
use crate::gauges::Gauges;
use crate::heads::Heads;
use crate::herald::Tally;
use crate::reads::Reads;
use crate::registry::{Known, Registry};

/// The first bucket of the times that syncs take, in seconds, and how many there are, each twice as long:
/// from a tenth of a millisecond to three seconds.
const SYNC_BUCKETS: (f64, u16) = (0.000_1, 16);

/// What the node has done since it was started.
#[derive(Debug)]
pub(crate) struct Performed {
    blocks: Counter,
    transactions: Family<ByOutcome, Counter>,
    sync_seconds: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: Decided,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "these are the values of the label")]
enum Decided {
    committed,
    aborted,
}

impl Default for Performed {
    fn default() -> Self {
        let (first, count) = SYNC_BUCKETS;
        let transactions = Family::<ByOutcome, Counter>::default();
        for outcome in [Decided::committed, Decided::aborted] {
            // It is there from now on.
            drop(transactions.get_or_create(&ByOutcome { outcome }));
        }
        Self {
            blocks: Counter::default(),
            transactions,
            sync_seconds: Histogram::new(exponential_buckets(first, 2.0, count)),
        }
    }
}

impl Performed {
    /// A block with these decisions was applied.
    pub(crate) fn applied(&self, results: &[TransactionResult]) {
        self.blocks.inc();
        let is_committed = |result: &&TransactionResult| result.outcome == Outcome::Committed;
        let committed = results.iter().filter(is_committed).count();
        self.count(Decided::committed, committed);
        self.count(Decided::aborted, results.len() - committed);
    }

    /// The log was made durable, which took this long.
    pub(crate) fn synced(&self, took: Duration) {
        self.sync_seconds.observe(took.as_secs_f64());
    }

    fn count(&self, outcome: Decided, transactions: usize) {
        let counter = self.transactions.get_or_create(&ByOutcome { outcome });
        counter.inc_by(transactions as u64);
    }
}

/// What waits between the threads of the node.
pub(crate) struct Queues {
    pub(crate) events: WeakSender<Event>,
    pub(crate) turns: WeakSender<Turn>,
    pub(crate) submissions: WeakSender<Submission>,
}

impl Queues {
    /// Of each: how many wait there, and how many may.
    fn filled(&self) -> [(usize, usize); 3] {
        let Self {
            events,
            turns,
            submissions,
        } = self;
        [filled(events), filled(turns), filled(submissions)]
    }
}

/// What else is read at every scrape.
pub(crate) struct Sources {
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) registry: Arc<Registry>,
    /// There since the node has a shard.
    pub(crate) reads: Arc<OnceLock<Arc<Reads>>>,
    pub(crate) admission: Arc<Meter>,
    pub(crate) network: net::Handle,
    pub(crate) heads: Arc<Heads>,
    /// Likewise.
    pub(crate) queues: Arc<OnceLock<Queues>>,
}

/// All metrics of a node.
pub(crate) fn metrics(
    identity: &Identity,
    performed: &Performed,
    tally: &Tally,
    sources: Sources,
) -> registry::Registry {
    let mut registry = registry::Registry::with_prefix("chainspace");
    registry.register(
        "blocks",
        "Blocks applied since the start",
        performed.blocks.clone(),
    );
    registry.register(
        "transactions",
        "Transactions decided by those blocks",
        performed.transactions.clone(),
    );
    registry.register(
        "sync_seconds",
        "How long it took to make the log durable",
        performed.sync_seconds.clone(),
    );
    tally.register(&mut registry);
    let network = identity.network;
    registry.register_collector(Box::new(Scrape { sources, network }));
    registry
}

/// Reads the sources.
struct Scrape {
    sources: Sources,
    network: NetworkId,
}

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrape").finish_non_exhaustive()
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut page = Page(encoder);
        let known = self.sources.registry.known();
        self.runs(&mut page, &known)?;
        self.standing(&mut page, &known)?;
        page.heights(&self.sources.heads.heights())?;
        self.peers(&mut page, &known)?;
        self.memory(&mut page)?;
        self.queues(&mut page)?;
        let network = self.sources.network.counters();
        page.counters("net", &network.list())?;
        let admission = self.sources.admission.snapshot();
        page.counters("admission", &admission.list())
    }
}

impl Scrape {
    /// What runs.
    fn runs(&self, page: &mut Page<'_>, known: &Known) -> fmt::Result {
        let mut labels = vec![
            ("version", VERSION.to_owned()),
            ("network", self.network.to_string()),
        ];
        labels.extend(known.place.map(|place| ("shard", place.shard.to_string())));
        let help = "The software, the network and the shard";
        page.describe("node", help, MetricType::Info)?
            .encode_info(&labels)
    }

    /// How far the node is.
    fn standing(&self, page: &mut Page<'_>, known: &Known) -> fmt::Result {
        let gauges = &self.sources.gauges;
        let kept = self.sources.reads.get();
        let height = kept.map_or(Height::ZERO, |reads| reads.progress().height);
        let certified = kept.map_or(Height::ZERO, |reads| reads.state().certified());
        let epoch = known.place.map_or(Epoch::ZERO, |place| place.epoch);
        let yes = u64::from;
        page.gauge("height", "The last block that was applied", height.number())?;
        page.gauge(
            "certified_height",
            "The last head that a quorum signed",
            certified.number(),
        )?;
        page.gauge("epoch", "The epoch of the shard", epoch.number())?;
        page.gauge(
            "seat",
            "Whether the node has a seat in its shard",
            yes(!gauges.seatless()),
        )?;
        page.gauge(
            "behind",
            "Whether blocks are being fetched",
            yes(gauges.behind()),
        )?;
        page.gauge(
            "flushing",
            "Whether tables are being written",
            yes(gauges.flushing()),
        )?;
        page.gauge(
            "waiting",
            "Transactions that wait to be decided",
            gauges.waiting(),
        )?;
        let sessions = "Transactions of several shards that are voted on and not decided";
        page.gauge("sessions", sessions, gauges.sessions())
    }

    /// Who is connected, by role.
    fn peers(&self, page: &mut Page<'_>, known: &Known) -> fmt::Result {
        let gauges = &self.sources.gauges;
        page.gauge(
            "links",
            "Members of the shard with a link",
            gauges.linked().into(),
        )?;
        let needed = "Links that a quorum needs";
        page.gauge("links_needed", needed, known.links_needed().into())?;
        let peers = self.sources.network.peers();
        let linked = peers.iter().filter(|peer| peer.linked).count();
        let nodes = peers.iter().filter(|peer| peer.node.is_some()).count();
        let roles = [
            ("linked", linked),
            ("node", nodes.saturating_sub(linked)),
            ("client", peers.len() - nodes),
        ];
        let help = "Connections of members and neighbours, of other nodes, and of all others";
        page.family("peers", help, "role", &roles)
    }

    /// What the process uses of the memory, and may use.
    fn memory(&self, page: &mut Page<'_>) -> fmt::Result {
        let memory = self.sources.network.memory();
        page.gauge("memory_bytes", "Memory in use", memory.used)?;
        let help = "The most memory that was in use at a time";
        page.gauge("memory_peak_bytes", help, memory.peak)?;
        let help = "Memory that may be used: guests are refused at 75 %, and let go at 85 %";
        page.gauge("memory_limit_bytes", help, memory.share)
    }

    /// What waits between the threads.
    fn queues(&self, page: &mut Page<'_>) -> fmt::Result {
        let names = ["events", "turns", "submissions"];
        let queues = self.sources.queues.get().map(Queues::filled);
        let queues = queues.unwrap_or_default();
        let pick = |which: fn((usize, usize)) -> usize| {
            let sizes = names.iter().copied().zip(queues.map(which));
            sizes.collect::<Vec<_>>()
        };
        let help = "What waits between the threads of the node";
        page.family("queue_length", help, "queue", &pick(|(waiting, _)| waiting))?;
        let help = "What may wait there";
        page.family("queue_capacity", help, "queue", &pick(|(_, room)| room))
    }
}

/// How many wait in a channel, and how many may. A node that stops has closed its channels.
fn filled<T>(channel: &WeakSender<T>) -> (usize, usize) {
    channel.upgrade().map_or((0, 0), |sender| {
        let room = sender.max_capacity();
        (room - sender.capacity(), room)
    })
}

/// What is being written.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.describe(name, help, MetricType::Gauge)?
            .encode_gauge(&value)
    }

    /// A gauge for each value of a label.
    fn family(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: &[(&'static str, usize)],
    ) -> fmt::Result {
        let mut metric = self.describe(name, help, MetricType::Gauge)?;
        for (value, amount) in values {
            let labels = [(label, *value)];
            metric
                .encode_family(&labels)?
                .encode_gauge(&(*amount as u64))?;
        }
        Ok(())
    }

    /// How far shards are. There are as many of them as the root shard has founded, and fewer are heard of.
    fn heights(&mut self, heights: &[(ShardId, Height)]) -> fmt::Result {
        let help = "The highest certified head of each shard that gossip has told of";
        let mut metric = self.describe("shard_height", help, MetricType::Gauge)?;
        for (shard, height) in heights {
            let labels = [("shard", shard.to_string())];
            metric
                .encode_family(&labels)?
                .encode_gauge(&height.number())?;
        }
        Ok(())
    }

    fn counters(&mut self, room: &str, counters: &[(&str, &str, u64)]) -> fmt::Result {
        for (name, help, count) in counters {
            let name = format!("{room}_{name}");
            let mut metric =
                self.describe(&name, help.trim_end_matches('.'), MetricType::Counter)?;
            metric.encode_counter::<NoLabelSet, _, u64>(count, None)?;
        }
        Ok(())
    }

    fn describe<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, kind)
    }
}
