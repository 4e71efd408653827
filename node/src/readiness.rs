//! Whether a node can do its part in deciding transactions: each condition by itself.

#[cfg(test)]
mod tests;

use model::Time;
use model::api::NotReady;

use crate::gauges::Gauges;
use crate::registry::Known;
use crate::stop::Stopper;

/// Something that must hold before a node is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    /// A name that never changes.
    pub(crate) name: &'static str,
    /// What is missing. `None`: it holds.
    pub(crate) missing: Option<NotReady>,
    /// Since when it holds, or does not, by the time of day. `None`: from the start.
    pub(crate) since: Option<Time>,
}

/// All conditions. A node without a shard lacks a seat, and nothing that comes with one.
pub(crate) fn conditions(gauges: &Gauges, stopper: &Stopper, known: &Known) -> [Condition; 4] {
    let (linked, needed) = (gauges.linked(), known.links_needed());
    let too_few = NotReady::TooFewLinks { linked, needed };
    [
        Condition {
            name: "linked",
            missing: (linked < needed).then_some(too_few),
            since: Some(gauges.quorum_linked_since()),
        },
        Condition {
            name: "synced",
            missing: gauges.behind().then_some(NotReady::CatchingUp),
            since: Some(gauges.behind_since()),
        },
        Condition {
            name: "seat",
            missing: gauges.seatless().then_some(NotReady::NoSeat),
            since: Some(gauges.seatless_since()),
        },
        Condition {
            name: "running",
            missing: stopper.is_stopping().then_some(NotReady::Stopping),
            since: stopper.since(),
        },
    ]
}

/// What is missing, as clients are told.
pub(crate) fn missing(gauges: &Gauges, stopper: &Stopper, known: &Known) -> Vec<NotReady> {
    let conditions = conditions(gauges, stopper, known).into_iter();
    conditions
        .filter_map(|condition| condition.missing)
        .collect()
}
