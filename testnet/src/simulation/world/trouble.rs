//! Things that go wrong in a world, as they happen.

use std::collections::BTreeSet;

use model::ShardId;
use model::shard::Seat;

use super::{Happening, Member, World};
use crate::simulation::disk::Outage;
use crate::simulation::fault::{Fault, Faults};
use crate::simulation::node::Node;
use crate::simulation::options::Forgetting;
use crate::simulation::plan::Trouble;
use crate::simulation::random::Random;
use crate::simulation::setting::{Place, Setting, number};

/// The honest members that may forget what they signed: as many as may lie and do not, or one.
pub(super) fn forgetful(
    forgetting: Forgetting,
    setting: &Setting,
    liars: &BTreeSet<Seat>,
    random: &mut Random,
) -> Vec<Seat> {
    let left = setting.committee.faults().count() - liars.len();
    let count = match forgetting {
        Forgetting::Never => return Vec::new(),
        Forgetting::Forgiven => left,
        Forgetting::Judged => 1,
    };
    let honest = setting.seats().filter(|seat| !liars.contains(seat));
    let mut honest: Vec<Seat> = honest.collect();
    random.shuffle(&mut honest);
    honest.truncate(count);
    honest
}

impl World {
    pub(super) fn trouble(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Mend => self.mend(),
            Trouble::Skew { place, skew_ms } => self.set_clock(place, skew_ms),
            _ if self.calm => {}
            Trouble::Weather(weather) => self.network.turn(weather),
            Trouble::Cut(cut) => {
                self.faults.count(Fault::Partition);
                self.network.cut(cut);
            }
            Trouble::Fuse {
                place,
                after,
                outage,
            } => self.at_node(place, |node| node.set_fuse(Some((after, outage)))),
            Trouble::Blackout { shard, outage } => self.blackout(shard, outage),
            Trouble::DiskFull { place, room } => self.at_node(place, |node| node.fill_disk(room)),
            Trouble::SyncFails(place) => self.at_node(place, |node| node.fail_next_sync()),
            Trouble::Rot(place) => self.rot(place),
            Trouble::Repair(place) => self.repair(place),
            Trouble::Forget { shard, all } => self.forget(shard, all),
            Trouble::Change { shard, change } => self.wish(shard, change),
        }
    }

    /// Does something to a node, if the member on this place is one.
    fn at_node(&mut self, place: Place, action: impl FnOnce(&mut Node)) {
        if let Member::Honest(node) =
            &mut self.quarters[number(place.shard)].members[place.seat.index()]
        {
            action(node);
        }
    }

    fn set_clock(&mut self, place: Place, skew_ms: i64) {
        // What a clock shows when the world begins is no jump.
        if self.now > model::Time::ZERO {
            self.faults.count(Fault::ClockJump);
        }
        self.at_node(place, |node| node.set_skew(skew_ms));
    }

    fn blackout(&mut self, shard: Option<ShardId>, outage: Outage) {
        self.faults.count(Fault::Blackout);
        for place in self.places() {
            if shard.is_none_or(|shard| shard == place.shard) {
                self.crash(place, outage);
            }
        }
    }

    fn crash(&mut self, place: Place, outage: Outage) {
        self.act(place, |member, around| {
            if let Member::Honest(node) = member {
                node.crash(around, outage);
            }
        });
    }

    /// A node goes down, and what its disk has is not what was written to it.
    fn rot(&mut self, place: Place) {
        self.crash(place, Outage::Killed);
        self.at_node(place, |node| {
            node.flip_bit();
        });
    }

    /// The disk of a node is in order again, and somebody starts the node.
    pub(super) fn repair(&mut self, place: Place) {
        let mut is_down = false;
        self.at_node(place, |node| {
            node.mend_disk();
            is_down = !node.is_up();
        });
        if is_down {
            self.happens(self.now, place, Happening::Begin);
        }
    }

    /// A node goes down and comes back with less than it had.
    fn forget(&mut self, shard: ShardId, all: bool) {
        let forgetful = &self.quarters[number(shard)].forgetful;
        if forgetful.is_empty() {
            return;
        }
        let seat = *self.random.pick(forgetful);
        let place = Place { shard, seat };
        self.crash(place, Outage::PowerLost);
        self.act(place, |member, around| {
            if let Member::Honest(node) = member {
                if all {
                    node.lose_log(around);
                } else {
                    node.roll_back(around);
                }
            }
        });
        let forgiven = self.options.forgetting == Forgetting::Forgiven;
        self.judges.forgot(place, forgiven);
    }

    /// What went wrong, and how often.
    pub(super) fn faults(&self) -> Faults {
        let mut faults = self.faults;
        for member in self.members() {
            if let Member::Honest(node) = member {
                faults.add(node.faults());
            }
        }
        faults
    }
}
