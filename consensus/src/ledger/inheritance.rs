//! Beginning with the state of a shard at a height, and not with its history.
//!
//! What heads commit to says all that a ledger needs. The history below is not needed to go on: what a
//! shard may still be asked about is part of its state.
//!
//! Paper: Section IV-A, checkpoints. Deviation: D-11.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::block::BlockRef;
use model::state::{Inventory, Piece, ShardState};
use model::statement::Scope;
use model::{Policy, ShardRecord};

use super::{Decided, Foreign, Ledger, State, Tip};
use crate::sbac::session::Session;

/// Why no ledger can begin with a state. Members have signed it, so they have made a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadState {
    /// A transaction that is under way is not well-formed.
    #[error("a transaction in the state is not well-formed")]
    Session,
    /// The state does not say whether an epoch ends with it.
    #[error("the state has no last piece")]
    Unfinished,
}

impl State {
    /// The state as a head commits to it. `next` is the record that follows, if an epoch ends here.
    #[must_use]
    pub fn as_committed<'a>(&'a self, next: Option<&'a ShardRecord>) -> ShardState<'a> {
        let decided = self.decided.iter();
        let foreign = self.foreign.iter();
        let foreign = foreign.map(|(shard, foreign)| foreign.record(*shard));
        ShardState {
            objects: &self.objects,
            decided: decided.map(|(id, decided)| decided.record(*id)).collect(),
            sessions: self.sessions.values().map(|held| held.record()).collect(),
            foreign: foreign.filter(|record| !record.is_empty()).collect(),
            next,
        }
    }
}

impl Ledger {
    /// The ledger after the block of an inventory, which has been checked, as have these, which are all
    /// its pieces. If an epoch ends with that block, the ledger is in the next one.
    ///
    /// # Errors
    ///
    /// [`BadState`] if no ledger can have this state.
    pub fn inherit(
        inventory: &Inventory,
        pieces: Vec<Piece>,
        policy: Arc<Policy>,
    ) -> Result<Self, BadState> {
        let head = &inventory.head.head;
        let Scope { network, epoch, .. } = head.scope;
        let mut state = State::default();
        let mut next = None;
        for piece in pieces {
            match piece {
                Piece::Objects(objects) => {
                    let objects = objects.into_iter();
                    let objects = objects.map(|object| (object.id(), Arc::new(object)));
                    state.objects.extend(objects);
                }
                Piece::Decided(records) => {
                    let decided = records.iter();
                    let decided = decided.map(|record| (record.transaction, Decided::of(record)));
                    state.decided.extend(decided);
                }
                Piece::Sessions(records) => {
                    for record in records {
                        let session = Session::of(record, &network).ok_or(BadState::Session)?;
                        let id = session.transaction.id();
                        state.sessions.insert(id, Arc::new(session));
                    }
                }
                Piece::Foreign(records) => {
                    let foreign = records.into_iter();
                    let foreign = foreign.map(|record| (record.shard, Foreign::of(record)));
                    state.foreign.extend(foreign.collect::<BTreeMap<_, _>>());
                }
                Piece::Next(record) => next = Some(record),
            }
        }
        let next = next.ok_or(BadState::Unfinished)?;
        let tip = Tip {
            block: BlockRef {
                slot: inventory.header.slot,
                hash: head.block,
            },
            epoch,
            height: head.height,
            time: head.time,
            head: head.hash(),
        };
        let scope = Scope {
            epoch: next.map_or(epoch, |next| next.epoch),
            ..head.scope
        };
        Ok(Self::restore(scope, tip, policy, state))
    }
}
