//! Gossip: what we say, what others pass on to us, and what we pass on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use libp2p::PeerId;
use libp2p::gossipsub::{self, Event, Message, MessageAcceptance, MessageId};
use tokio::sync::mpsc;
use tracing::debug;

use super::Service;
use crate::bounds::{GOSSIP_BURST, GOSSIP_PER_SECOND};
use crate::conduct::Offence;
use crate::gossip::{Gossip, Judged, Outbox, Subject, Topic, Verdict};
use crate::rate::Rate;

/// How often we try to say what nobody has heard. Not whenever somebody comes: he may come and go.
const AGAIN: Duration = Duration::from_millis(250);

/// See [the module](self).
pub(super) struct Hall {
    outlet: mpsc::Sender<Gossip>,
    judging: mpsc::UnboundedSender<Judged>,
    pub(super) judged: mpsc::UnboundedReceiver<Judged>,
    outbox: Outbox,
    /// When what nobody has heard is said again.
    again: Instant,
    /// How much each peer has passed on to us. Of connected peers only.
    rates: BTreeMap<PeerId, Rate>,
}

impl Hall {
    /// Nothing has been said.
    pub(super) fn new(outlet: mpsc::Sender<Gossip>) -> Self {
        let (judging, judged) = mpsc::unbounded_channel();
        Self {
            outlet,
            judging,
            judged,
            outbox: Outbox::default(),
            again: Instant::now(),
            rates: BTreeMap::new(),
        }
    }

    /// A peer is no longer connected.
    pub(super) fn forget(&mut self, peer: &PeerId) {
        self.rates.remove(peer);
    }
}

impl Service {
    /// Says something to everybody, or keeps it until somebody is there.
    pub(super) fn say(&mut self, topic: Topic, bytes: Bytes) {
        if !self.publish(topic, &bytes) {
            self.hall.outbox.keep(topic, bytes, Instant::now());
        }
    }

    /// Tries again to say what nobody has heard.
    pub(super) fn say_again(&mut self, now: Instant) {
        if now < self.hall.again {
            return;
        }
        self.hall.again = now + AGAIN;
        self.peers.set_audience(self.audience());
        let mut outbox = std::mem::take(&mut self.hall.outbox);
        outbox.retry(now, |topic, bytes| self.publish(topic, bytes));
        self.hall.outbox = outbox;
    }

    /// The peers that listen to all that we say.
    fn audience(&self) -> usize {
        let gossip = self.swarm.behaviour().gossip.as_ref();
        let peers = gossip.into_iter().flat_map(|gossip| gossip.all_peers());
        peers
            .filter(|(_, topics)| topics.len() == Topic::ALL.len())
            .count()
    }

    /// Says something. Says whether that was all that could be done about it.
    fn publish(&mut self, topic: Topic, bytes: &Bytes) -> bool {
        let name = topic.name(&self.config.network);
        let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() else {
            return true;
        };
        match gossip.publish(name, bytes.to_vec()) {
            Ok(_) => {
                self.meter.gossip_out.increment();
                true
            }
            // Everybody has heard it.
            Err(gossipsub::PublishError::Duplicate) => true,
            Err(error) => {
                debug!(?topic, %error, "nobody hears us");
                false
            }
        }
    }

    /// Something has happened in gossip.
    pub(super) fn on_gossip(&mut self, event: Event) {
        if let Event::Message {
            propagation_source,
            message_id,
            message,
        } = event
        {
            self.on_message(propagation_source, message_id, message);
        }
    }

    /// A message has been passed on to us: we let the rest of the node judge it.
    fn on_message(&mut self, from: PeerId, id: MessageId, message: Message) {
        let subject = Subject { message: id, from };
        let topic = Topic::named(&message.topic, &self.config.network);
        let Some(topic) = topic.filter(|topic| message.data.len() <= topic.bytes_max()) else {
            return self.judge_gossip(subject, MessageAcceptance::Reject);
        };
        // What was on its way when the connection was closed leaves nothing behind.
        if !self.arrivals.values().any(|a| a.connection.peer == from) {
            return self.judge_gossip(subject, MessageAcceptance::Ignore);
        }
        let rate = self.hall.rates.entry(from).or_default();
        if !rate.take(GOSSIP_BURST, GOSSIP_PER_SECOND, Instant::now()) {
            self.meter.gossip_refused_rate.increment();
            return self.judge_gossip(subject, MessageAcceptance::Ignore);
        }
        let gossip = Gossip {
            topic,
            bytes: message.data.into(),
            verdict: Verdict::on(subject, self.hall.judging.clone()),
        };
        match self.hall.outlet.try_send(gossip) {
            Ok(()) => self.meter.gossip_in.increment(),
            // Dropping it is to ignore it.
            Err(_) => self.meter.gossip_dropped_full.increment(),
        }
    }

    /// A message has been judged.
    pub(super) fn on_judged(&mut self, judged: Judged) {
        let Judged {
            subject,
            acceptance,
        } = judged;
        self.judge_gossip(subject, acceptance);
    }

    fn judge_gossip(&mut self, subject: Subject, acceptance: MessageAcceptance) {
        let Subject { message, from } = subject;
        if let MessageAcceptance::Reject = acceptance {
            debug!(peer = %from, "passed on what is false");
            self.meter.gossip_rejected.increment();
            self.on_offence(from, Offence::FalseGossip);
        }
        if let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() {
            gossip.report_message_validation_result(&message, &from, acceptance);
        }
    }
}
