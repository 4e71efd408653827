//! Tells the rest of the node which links are up.
//!
//! The channel is bounded and the service never waits, so a reader that sleeps may miss a change
//! that was undone again. What it never misses is how things stand: as long as the last word about
//! a member has not been said, it is tried again.

use std::collections::BTreeMap;

use model::NodeId;
use tokio::sync::mpsc;

use crate::events::Link;

/// See [the module](self).
#[derive(Debug)]
pub(super) struct Reports {
    outlet: mpsc::Sender<Link>,
    links: BTreeMap<NodeId, Report>,
}

#[derive(Debug, Default)]
struct Report {
    said: bool,
    now: bool,
}

impl Reports {
    /// No link is up, and nothing has been said.
    pub(super) fn new(outlet: mpsc::Sender<Link>) -> Self {
        Self {
            outlet,
            links: BTreeMap::new(),
        }
    }

    /// A link is up or down. Says whether that is a change.
    pub(super) fn set(&mut self, node: NodeId, up: bool) -> bool {
        let report = self.links.entry(node).or_default();
        let changed = report.now != up;
        report.now = up;
        self.retry();
        changed
    }

    /// Says what has not been said yet.
    pub(super) fn retry(&mut self) {
        for (node, report) in &mut self.links {
            let link = Link {
                node: *node,
                up: report.now,
            };
            if report.said != report.now && self.outlet.try_send(link).is_ok() {
                report.said = report.now;
            }
        }
        // That there is no link is what everybody thinks of those of whom nothing was said.
        self.links.retain(|_, report| report.said || report.now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::PublicKey;

    fn link(byte: u8, up: bool) -> Link {
        let node = NodeId::new(PublicKey::from_bytes([byte; 32]));
        Link { node, up }
    }

    #[test]
    fn the_last_word_about_each_member_arrives() {
        let (outlet, mut inlet) = mpsc::channel(1);
        let mut reports = Reports::new(outlet);
        for Link { node, up } in [link(1, true), link(2, true), link(1, false), link(1, true)] {
            reports.set(node, up);
        }
        assert_eq!(inlet.try_recv(), Ok(link(1, true)));
        reports.retry();
        assert_eq!(inlet.try_recv(), Ok(link(2, true)));
        reports.retry();
        assert!(inlet.try_recv().is_err(), "nothing else is left to say");
    }

    #[test]
    fn changes_that_are_read_in_time_are_all_reported() {
        let (outlet, mut inlet) = mpsc::channel(4);
        let mut reports = Reports::new(outlet);
        for up in [true, false, true] {
            reports.set(link(1, up).node, up);
            assert_eq!(inlet.try_recv(), Ok(link(1, up)));
        }
    }
}
