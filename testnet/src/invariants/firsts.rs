//! Who is the first to get somewhere: all honest nodes of a shard do the same there, which is another
//! judge's business, so one of them is enough to look at.

use std::collections::BTreeMap;

use consensus::replica::AppliedBlock;
use model::ShardId;
use model::statement::Height;

/// The highest block of each shard that anybody applied.
#[derive(Default)]
pub(super) struct Firsts(BTreeMap<ShardId, Height>);

impl Firsts {
    /// Whether nobody of the shard has applied a block at this height before.
    pub(super) fn is_first(&mut self, shard: ShardId, applied: &AppliedBlock) -> bool {
        let height = applied.block.header.height;
        let highest = self.0.entry(shard).or_insert(Height::ZERO);
        let first = height > *highest;
        *highest = height.max(*highest);
        first
    }
}
