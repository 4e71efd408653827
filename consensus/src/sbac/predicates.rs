//! The predicates by which the votes of shards become a decision.
//!
//! `LocalPrepared(commit|abort, T, s)`, that enough nodes of shard `s` promise the same, is what makes a
//! parcel believed at all: [`model::Parcel::check_head`]. So here there is one vote for each shard.
//!
//! Paper: Section V-A.

use std::collections::BTreeSet;

use model::{ShardId, Verdict};

/// `AllPrepared(commit, T)`: all participants beside `ours` have voted to commit.
pub(super) fn all_prepared(
    participants: &[ShardId],
    ours: ShardId,
    commits: impl Fn(&ShardId) -> bool,
) -> bool {
    participants
        .iter()
        .all(|shard| *shard == ours || commits(shard))
}

/// `SomePrepared(abort, T)`: one vote of a participant is against it, and that is enough.
pub(super) const fn some_prepared_abort(vote: &Verdict) -> bool {
    !vote.is_commit()
}

/// The participants beside `ours`.
pub(super) fn others(participants: &[ShardId], ours: ShardId) -> BTreeSet<ShardId> {
    let others = participants.iter().filter(|shard| **shard != ours);
    others.copied().collect()
}
