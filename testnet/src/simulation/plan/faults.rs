//! What goes wrong less often than every day: disks that fail and rot, clocks that jump, partitions
//! that move, nodes that forget.

use super::{SKEW_MS, Trouble, Turmoil, skew};
use crate::simulation::setting::Place;
use model::Time;

/// How far clocks jump, in milliseconds, the whole range: within what the protocol tolerates, and
/// beyond.
const JUMPS_MS: [u64; 2] = [4_000, 60_000];

impl Turmoil<'_> {
    /// All of it, but for nodes that forget.
    pub(super) fn all_faults(&mut self) {
        self.moving_partition();
        self.failing_disks();
        self.jumping_clocks();
        if self.random.chance(350) {
            self.blackout();
        }
    }

    /// A partition that is another one before the links were mended.
    fn moving_partition(&mut self) {
        if !self.random.chance(500) {
            return;
        }
        let mut at = self.at();
        for _ in 0..self.random.within(&(2..=6)) {
            let cut = self.cut();
            self.troubles.push((at, Trouble::Cut(cut)));
            at = at.plus_ms(self.random.within(&(100..=900)));
        }
        self.troubles.push((at, Trouble::Mend));
    }

    fn failing_disks(&mut self) {
        for _ in 0..self.random.below(3) {
            let (at, place) = (self.at(), self.place());
            let room = self.random.index(4_000);
            self.troubles.push((at, Trouble::DiskFull { place, room }));
            self.repair(at, place);
        }
        for _ in 0..self.random.below(3) {
            let (at, place) = (self.at(), self.place());
            self.troubles.push((at, Trouble::SyncFails(place)));
        }
        if self.random.chance(400) {
            let (at, place) = (self.at(), self.place());
            self.troubles.push((at, Trouble::Rot(place)));
            self.repair(at, place);
        }
    }

    /// Somebody sees to a disk some time later.
    fn repair(&mut self, from: Time, place: Place) {
        let at = from.plus_ms(self.random.within(&(100..=4_000)));
        self.troubles.push((at, Trouble::Repair(place)));
    }

    /// Clocks jump forward and back, and are right again in the end.
    fn jumping_clocks(&mut self) {
        for _ in 0..self.random.below(5) {
            let (at, place) = (self.at(), self.place());
            let range = *self.random.pick(&JUMPS_MS);
            let wrong = skew(self.random, range);
            let right = skew(self.random, SKEW_MS);
            let end = Time::from_ms(self.ms);
            for (at, skew_ms) in [(at, wrong), (end, right)] {
                self.troubles.push((at, Trouble::Skew { place, skew_ms }));
            }
        }
    }

    /// Whoever may forget does, now and then.
    pub(super) fn forget(&mut self) {
        for _ in 0..self.random.within(&(1..=3)) {
            let (at, all) = (self.at(), self.random.chance(500));
            let shard = match &self.shards[..] {
                [only] => *only,
                shards => *self.random.pick(shards),
            };
            self.troubles.push((at, Trouble::Forget { shard, all }));
        }
    }
}
