//! Which nodes to look up, and when.
//!
//! A node that is out of reach is left alone for a moment: it may be about to call us, or an address
//! that we know may still do. After that others are asked where it is, and asked again with pauses
//! that double. What they answer goes to the dialer.
//!
//! The finder decides and does nothing: it has no clock and no socket.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use model::NodeId;

use crate::bounds::{LOOKUPS_MAX, Limits};

/// See [the module](self).
#[derive(Debug)]
pub(crate) struct Finder {
    pause_min: Duration,
    pause_max: Duration,
    sought: BTreeMap<NodeId, Sought>,
}

#[derive(Debug)]
struct Sought {
    /// When it is looked up next. `None` while it is being looked up.
    due: Option<Instant>,
    /// The pause after this look-up.
    pause: Duration,
}

impl Finder {
    /// A finder that seeks nobody yet.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            pause_min: limits.lookup_min,
            pause_max: limits.lookup_max,
            sought: BTreeMap::new(),
        }
    }

    /// The nodes to look up now, of those that are out of reach. The caller looks each of them up
    /// and says with [`Finder::ended`] when that is over.
    pub(crate) fn due(
        &mut self,
        missing: impl IntoIterator<Item = NodeId>,
        now: Instant,
    ) -> Vec<NodeId> {
        let missing: BTreeSet<NodeId> = missing.into_iter().collect();
        self.sought
            .retain(|node, sought| sought.due.is_none() || missing.contains(node));
        for node in missing {
            self.sought.entry(node).or_insert(Sought {
                due: Some(now + self.pause_min),
                pause: self.pause_min * 2,
            });
        }
        let running = self.sought.values().filter(|s| s.due.is_none()).count();
        let is_due = |sought: &Sought| sought.due.is_some_and(|due| due <= now);
        let due = self.sought.iter_mut().filter(|(_, sought)| is_due(sought));
        due.take(LOOKUPS_MAX.saturating_sub(running))
            .map(|(node, sought)| {
                sought.due = None;
                *node
            })
            .collect()
    }

    /// A look-up is over, whatever came of it.
    pub(crate) fn ended(&mut self, node: &NodeId, now: Instant) {
        if let Some(sought) = self.sought.get_mut(node) {
            sought.due = Some(now + sought.pause);
            sought.pause = (sought.pause * 2).min(self.pause_max);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::PublicKey;

    const MIN: Duration = Duration::from_secs(1);

    fn finder() -> Finder {
        Finder::new(&Limits {
            lookup_min: MIN,
            lookup_max: 4 * MIN,
            ..Limits::default()
        })
    }

    fn nodes(numbers: impl IntoIterator<Item = u8>) -> Vec<NodeId> {
        let node = |number| NodeId::new(PublicKey::from_bytes([number; 32]));
        numbers.into_iter().map(node).collect()
    }

    #[test]
    fn a_node_is_looked_up_after_a_moment_and_then_with_pauses_that_double() {
        let (mut finder, start) = (finder(), Instant::now());
        let seek = |finder: &mut Finder, at: Duration| finder.due(nodes([1]), start + at);
        assert_eq!(seek(&mut finder, Duration::ZERO), []);
        let mut at = MIN;
        for pause in [2, 4, 4, 4] {
            assert_eq!(seek(&mut finder, at), nodes([1]), "{at:?}");
            assert_eq!(seek(&mut finder, at), [], "it is being looked up");
            finder.ended(&nodes([1])[0], start + at);
            at += pause * MIN;
            assert_eq!(seek(&mut finder, at - MIN / 2), [], "{at:?}");
        }
    }

    #[test]
    fn a_node_that_was_within_reach_meanwhile_begins_anew() {
        let (mut finder, start) = (finder(), Instant::now());
        finder.due(nodes([1]), start);
        assert_eq!(finder.due([], start + MIN), []);
        assert_eq!(finder.due(nodes([1]), start + MIN), []);
        assert_eq!(finder.due(nodes([1]), start + 2 * MIN), nodes([1]));
    }

    #[test]
    fn not_all_nodes_are_looked_up_at_once() {
        let (mut finder, start) = (finder(), Instant::now());
        let many = || nodes(1..=20);
        finder.due(many(), start);
        let first = finder.due(many(), start + MIN);
        assert_eq!(first.len(), LOOKUPS_MAX);
        assert_eq!(finder.due(many(), start + MIN), []);
        finder.ended(&first[0], start + MIN);
        assert_eq!(finder.due(many(), start + MIN).len(), 1);
    }
}
