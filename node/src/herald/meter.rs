//! What was said and heard, counted.

use net::Topic;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// See [the module](self).
#[derive(Debug)]
pub(crate) struct Tally {
    said: Family<ByTopic, Counter>,
    heard: Family<ByVerdict, Counter>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByTopic {
    topic: Label,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByVerdict {
    topic: Label,
    verdict: Said,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "these are the values of the label")]
enum Label {
    directory,
    heads,
    evidence,
}

/// What a message was judged to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "these are the values of the label")]
pub(super) enum Said {
    accept,
    ignore,
    reject,
}

impl Default for Tally {
    fn default() -> Self {
        let (said, heard) = (Family::default(), Family::default());
        for topic in Topic::ALL.map(label) {
            // They are there from now on.
            drop(Family::<ByTopic, Counter>::get_or_create(
                &said,
                &ByTopic { topic },
            ));
            for verdict in [Said::accept, Said::ignore, Said::reject] {
                let labels = ByVerdict { topic, verdict };
                drop(Family::<ByVerdict, Counter>::get_or_create(&heard, &labels));
            }
        }
        Self { said, heard }
    }
}

impl Tally {
    /// Shows the counters.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let said = "Messages that this node has published";
        registry.register("gossip_said", said, self.said.clone());
        let heard = "Messages that others passed on, by what they were judged to be";
        registry.register("gossip_heard", heard, self.heard.clone());
    }

    pub(super) fn said(&self, topic: Topic) {
        let topic = label(topic);
        self.said.get_or_create(&ByTopic { topic }).inc();
    }

    pub(super) fn heard(&self, topic: Topic, verdict: Said) {
        let topic = label(topic);
        let labels = ByVerdict { topic, verdict };
        self.heard.get_or_create(&labels).inc();
    }
}

const fn label(topic: Topic) -> Label {
    match topic {
        Topic::Directory => Label::directory,
        Topic::Heads => Label::heads,
        Topic::Evidence => Label::evidence,
    }
}
