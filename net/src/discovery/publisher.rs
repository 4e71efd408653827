//! When to tell others where this node is and what it serves.
//!
//! At once when that has changed, every hour because those who keep it come and go, and whenever we
//! know twice as many peers as the last time: the ones nearest to our keys are then others. Somebody
//! who has just joined knows one peer, then four, then all, and tells each time.

use std::time::Instant;

use crate::bounds::{PUBLISH_INTERVAL, PUBLISH_RETRY};

/// See [the module](self).
#[derive(Debug, Default)]
pub(crate) struct Publisher {
    /// Peers in our table, and how many they were when we last published.
    peers: usize,
    peers_then: usize,
    /// When to publish next. `None` is at once.
    due: Option<Instant>,
}

impl Publisher {
    /// What is published has changed.
    pub(crate) fn changed(&mut self) {
        self.due = None;
    }

    /// The table has gained a peer, and perhaps lost one for it.
    pub(crate) fn gained(&mut self, instead_of_another: bool) {
        if !instead_of_another {
            self.peers += 1;
        }
    }

    /// Whether there is anybody to ask and to tell.
    pub(crate) fn knows_peers(&self) -> bool {
        self.peers > 0
    }

    /// Whether it is time. The caller publishes then.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let due = self.due.is_none_or(|due| due <= now) || self.peers >= 2 * self.peers_then;
        if !self.knows_peers() || !due {
            return false;
        }
        self.peers_then = self.peers;
        self.due = Some(now + PUBLISH_INTERVAL);
        true
    }

    /// Nobody took it.
    pub(crate) fn failed(&mut self, now: Instant) {
        self.due = self.due.map(|due| due.min(now + PUBLISH_RETRY));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_published_while_there_is_nobody() {
        let mut publisher = Publisher::default();
        assert!(!publisher.is_due(Instant::now()));
        publisher.gained(false);
        assert!(publisher.is_due(Instant::now()));
    }

    #[test]
    fn it_is_published_again_for_each_reason() {
        let (mut publisher, now) = (Publisher::default(), Instant::now());
        publisher.gained(false);
        assert!(publisher.is_due(now));
        assert!(!publisher.is_due(now), "nothing has happened");
        publisher.changed();
        assert!(publisher.is_due(now), "it has changed");
        publisher.gained(true);
        assert!(!publisher.is_due(now), "a peer instead of another");
        publisher.gained(false);
        assert!(publisher.is_due(now), "twice as many peers");
        publisher.gained(false);
        assert!(!publisher.is_due(now), "not twice as many");
        assert!(publisher.is_due(now + PUBLISH_INTERVAL), "an hour");
    }

    #[test]
    fn what_nobody_took_is_published_sooner() {
        let (mut publisher, now) = (Publisher::default(), Instant::now());
        publisher.gained(false);
        assert!(publisher.is_due(now));
        publisher.failed(now);
        assert!(!publisher.is_due(now));
        assert!(publisher.is_due(now + PUBLISH_RETRY));
    }
}
