//! What a node falls back on when it begins again.

use std::collections::BTreeMap;
use std::sync::Arc;

use consensus::replica::Open;
use consensus::{Ledger, Shards};
use model::shard::Seat;
use node::store::log::Position;

use crate::simulation::chain::Chain;
use crate::simulation::setting::{Place, Setting};

/// A state, what the replica held beyond it, and where the log goes on.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) ledger: Ledger,
    pub(super) open: Open,
    pub(super) position: Position,
    pub(super) chain: Chain,
}

impl Snapshot {
    /// What a node begins with that has kept nothing.
    pub(super) fn empty(setting: &Setting) -> Self {
        Self {
            ledger: setting.ledger(),
            open: Open {
                records: Vec::new(),
                foreign: BTreeMap::new(),
                epoch: setting.scope().epoch,
                directory: setting.shards.directory().clone(),
            },
            position: Position::FIRST,
            chain: Chain::default(),
        }
    }

    /// The shards as they are known here.
    pub(super) fn shards(&self, setting: &Setting) -> Option<Shards> {
        let Open {
            directory, epoch, ..
        } = &self.open;
        let policy = Arc::clone(setting.shards.policy());
        Shards::within(directory.clone(), policy, setting.shard(), *epoch)
    }

    /// Whether a node is a member in the epoch that is reached here.
    pub(super) fn has_seat(&self, setting: &Setting, node: Seat) -> bool {
        let shard = setting.shard();
        let place = Place { shard, seat: node };
        let seat = setting.seat_in(&self.open.directory, place, self.open.epoch);
        seat.is_some()
    }
}
