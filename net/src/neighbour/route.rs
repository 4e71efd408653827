//! Which connection with a neighbour to use, when there are two.
//!
//! Any of them would do, but both sides keep only the one they use, so they must mean the same. As
//! with links it is the newest, except for those that were dialed at about the same time: of these
//! it is the one that the smaller id dialed.

#[cfg(test)]
mod tests;

use std::time::Instant;

use libp2p::swarm::ConnectionId;
use model::NodeId;

use crate::bounds::RACE_WINDOW;

/// A connection that could be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// Which one.
    pub(crate) id: ConnectionId,
    /// Whether this node dialed it.
    pub(crate) dialed_by_us: bool,
    /// When it was established.
    pub(crate) since: Instant,
}

/// The connection to use between `ours` and `theirs`, if there is any.
pub(crate) fn choose(
    ours: &NodeId,
    theirs: &NodeId,
    candidates: &[Candidate],
) -> Option<ConnectionId> {
    let age = |candidate: &&Candidate| (candidate.since, candidate.id);
    let newest = candidates.iter().max_by_key(age)?;
    let racing = |candidate: &&Candidate| {
        newest.since.duration_since(candidate.since) < RACE_WINDOW
            && candidate.dialed_by_us == (ours < theirs)
    };
    let preferred = candidates.iter().filter(racing).max_by_key(age);
    Some(preferred.unwrap_or(newest).id)
}
