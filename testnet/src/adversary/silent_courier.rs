//! A member that keeps what its shard promises from other shards, or tells one of their members alone.
//! In all else it follows the protocol.
//!
//! It tries to have some shards hear of a decision and others not, and to keep locks held. What stops
//! it: of the `f + 1` initiators of a block one is honest, and what nobody acknowledges is promised
//! again, with other initiators.

use model::shard::Seat;

use super::puppet::Telling;
use super::trickster::{Stage, Trick};

/// How many of a thousand letters it keeps altogether.
const KEPT: u64 = 700;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct SilentCourier;

impl Trick for SilentCourier {
    fn tell(&mut self, stage: &mut Stage<'_, '_>, mut telling: Telling) {
        stage.lied();
        let random = &mut stage.voice.random;
        if random.chance(KEPT) {
            return;
        }
        if telling.to.is_none() {
            telling.to = Seat::new(random.index(stage.voice.others.len() + 1));
        }
        stage.tell(&telling);
    }
}
