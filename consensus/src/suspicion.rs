//! Who is suspected of having lied, and who was reported for it already.
//!
//! A liar must not fill the log, which is kept for as long as a node lives. One record of each kind
//! in each shard against each node is enough to have it removed, so there is at most one in each epoch of our shard,
//! by when a list can name it again. What was reported before a restart may be reported once more.

use std::collections::BTreeSet;

use model::shard::Seat;
use model::statement::Scope;
use model::{
    Directory, Epoch, EpochChange, Lie, LieKind, Malpractice, NodeId, ShardId, SignedEnd,
    SignedHead,
};

/// The nodes that were reported in this epoch, each for a kind of lie in a shard: what it tells in another one
/// does not cover what it tells in its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reported(BTreeSet<(ShardId, NodeId, LieKind)>);

impl Reported {
    /// Whether the node was reported for such a lie.
    pub(crate) fn contains(&self, shard: ShardId, node: &NodeId, kind: LieKind) -> bool {
        self.0.contains(&(shard, *node, kind))
    }

    /// The record is reported.
    pub(crate) fn insert(&mut self, record: &Malpractice) {
        let (_, shard) = record.lie.told_in();
        self.0.insert((shard, record.node, record.lie.kind()));
    }
}

/// What it takes to name somebody: who was on which seat, and who was named before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) reported: &'a Reported,
}

impl Known<'_> {
    /// The node that was on a seat when something was signed.
    pub(crate) fn node(&self, scope: &Scope, seat: Seat) -> Option<NodeId> {
        self.directory
            .committee(scope.shard, scope.epoch)?
            .member(seat)
    }

    /// The seat of a node when something was signed.
    pub(crate) fn seat(&self, scope: &Scope, node: &NodeId) -> Option<Seat> {
        self.directory
            .committee(scope.shard, scope.epoch)?
            .seat(node)
    }

    /// What a node said with a head, if its epoch has no such height, and the node has signed where it
    /// begins or ends.
    pub(crate) fn misplaced(&self, node: &NodeId, said: SignedHead) -> Option<Malpractice> {
        let Scope { shard, epoch, .. } = said.scope;
        let seat = self.seat(&said.scope, node)?;
        let ended = |epoch| self.directory.changes(shard, epoch).next();
        let height = |end: &EpochChange| end.hand_over.head.head.height;
        let lie = if let Some(end) = ended(epoch).filter(|end| said.height > height(end)) {
            let end = Box::new(SignedEnd::of(end, seat)?);
            Lie::PastEnd { end, head: said }
        } else {
            let before = epoch.number().checked_sub(1).map(Epoch::new)?;
            let end = ended(before).filter(|end| said.height <= height(end))?;
            let end = &end.hand_over.head;
            let first = SignedHead::of(end, self.seat(&end.head.scope, node)?)?;
            Lie::Epochs {
                first,
                second: said,
            }
        };
        Some(Malpractice { node: *node, lie })
    }
}

/// What a node said with two heads of one chain, if no honest node says both.
pub(crate) fn contradiction(first: SignedHead, second: SignedHead) -> Option<Lie> {
    if first.conflicts(&second) {
        return Some(Lie::Epochs { first, second });
    }
    let (one, other) = (first.statement(), second.statement());
    (first.scope == second.scope && one.conflicts(&other)).then_some(Lie::Statements {
        scope: first.scope,
        first: (one, first.signature),
        second: (other, second.signature),
    })
}
