//! What could not be published yet: there was nobody who listens.
//!
//! A node that has just started knows nobody, and one whose peers are all slow has no room in any
//! queue. What it wants to say then is kept for a minute, and said when somebody comes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Topic;

/// How long a message waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// Messages that wait. The oldest goes first: gossip is about how things stand now.
const MESSAGES_MAX: usize = 64;

/// See [the module](self).
#[derive(Debug, Default)]
pub(crate) struct Outbox(VecDeque<Waiting>);

#[derive(Debug)]
struct Waiting {
    topic: Topic,
    bytes: Bytes,
    until: Instant,
}

impl Outbox {
    /// Keeps a message that nobody took.
    pub(crate) fn keep(&mut self, topic: Topic, bytes: Bytes, now: Instant) {
        if self.0.len() >= MESSAGES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Waiting {
            topic,
            bytes,
            until: now + PATIENCE,
        });
    }

    /// Tries to publish each message that still waits. `publish` says whether somebody took it.
    pub(crate) fn retry(&mut self, now: Instant, mut publish: impl FnMut(Topic, &Bytes) -> bool) {
        let waits = |waiting: &Waiting| now < waiting.until;
        self.0
            .retain(|waiting| waits(waiting) && !publish(waiting.topic, &waiting.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: usize) -> Bytes {
        Bytes::from(number.to_be_bytes().to_vec())
    }

    fn waiting(outbox: &mut Outbox, now: Instant) -> Vec<Bytes> {
        let mut seen = Vec::new();
        outbox.retry(now, |_, bytes| {
            seen.push(bytes.clone());
            false
        });
        seen
    }

    #[test]
    fn a_message_waits_until_somebody_takes_it() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        outbox.keep(Topic::Heads, message(1), now);
        outbox.keep(Topic::Heads, message(2), now);
        assert_eq!(waiting(&mut outbox, now), [message(1), message(2)]);
        outbox.retry(now, |_, bytes| *bytes == message(1));
        assert_eq!(waiting(&mut outbox, now), [message(2)]);
        assert_eq!(waiting(&mut outbox, now + PATIENCE), [] as [Bytes; 0]);
    }

    #[test]
    fn only_the_latest_messages_wait() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        for number in 0..=MESSAGES_MAX {
            outbox.keep(Topic::Heads, message(number), now);
        }
        let waiting = waiting(&mut outbox, now);
        assert_eq!(waiting.len(), MESSAGES_MAX);
        assert_eq!(waiting.first(), Some(&message(1)));
    }
}
