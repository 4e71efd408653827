//! Keys of members who have left get known to a liar who has stayed.
//!
//! Whoever has the keys of a quorum of an epoch speaks for it. As long as another shard has not heard that
//! the epoch is over, it has to believe that (sbac.md, 5.9: at most `f` members of an epoch are corrupted
//! until all shards know its end). So no key gets known before, and nobody whose key is known comes back.

use std::sync::Arc;

use model::shard::Seat;
use model::{Epoch, ShardId};

use super::{Happening, Member, World};
use crate::adversary::Kind;
use crate::simulation::around::Leak;
use crate::simulation::setting::{Place, number};

impl World {
    /// Whether a node is a liar that looks for keys.
    pub(super) fn seeks_keys(&self, shard: ShardId, node: Seat) -> bool {
        let member = &self.quarters[number(shard)].members[node.index()];
        matches!(member, Member::Liar(liar) if liar.name() == Kind::KeyFinder.name())
    }

    /// Whoever looks for keys finds those of the last epoch that all other shards know to be over.
    pub(super) fn leak(&mut self) {
        let places = self.places().into_iter();
        let seekers: Vec<Place> = places
            .filter(|place| self.seeks_keys(place.shard, place.seat))
            .collect();
        for seeker in seekers {
            let shard = seeker.shard;
            let Some(ended) = self.heard_of(shard).number().checked_sub(1) else {
                continue;
            };
            let ended = Epoch::new(ended);
            let known = self.leaked.get(&shard).is_some_and(|epoch| *epoch >= ended);
            // Those who are to come back have not been careless.
            if known || self.wishes.contains_key(&shard) {
                continue;
            }
            if let Some(leak) = self.keys_of(shard, ended) {
                self.leaked.insert(shard, ended);
                let holders = leak
                    .keys
                    .iter()
                    .map(|(_, seat)| Place { shard, seat: *seat });
                self.exposed.extend(holders);
                self.happens(self.now, seeker, Happening::Leaked(Arc::new(leak)));
            }
        }
    }

    /// The epoch in which all other honest shards hear a shard.
    fn heard_of(&self, shard: ShardId) -> Epoch {
        let others = self.quarters.iter().filter(|quarter| {
            let other = quarter.setting.shard();
            other != shard && !self.trust.is_dishonest(other)
        });
        let heard = others.map(|quarter| {
            let ledgers = quarter.members.iter().filter_map(|member| match member {
                Member::Honest(node) => node.ledger(),
                Member::Liar(_) => None,
            });
            let epochs = ledgers.map(|ledger| ledger.epoch_of(shard));
            epochs.max().unwrap_or(Epoch::ZERO)
        });
        heard.min().unwrap_or(Epoch::ZERO)
    }

    /// The keys of the members of an epoch who have left since, or lie, if they are a quorum.
    fn keys_of(&self, shard: ShardId, epoch: Epoch) -> Option<Leak> {
        let roll = self.judges.roll(shard)?;
        let committee = roll.committee(epoch)?;
        let members: Vec<Seat> = roll.members().collect();
        let keys = committee.seats().filter_map(|seat| {
            let holder = roll.node(&committee.member(seat)?)?;
            let loose = !members.contains(&holder) || self.is_liar(shard, holder);
            loose.then_some((seat, holder))
        });
        let keys: Vec<(Seat, Seat)> = keys.collect();
        (keys.len() >= committee.quorum()).then_some(Leak {
            scope: *committee.scope(),
            end: roll.end(epoch)?,
            keys,
        })
    }
}
