//! Things that go wrong in a world, as they happen.

use std::collections::BTreeSet;

use model::shard::Seat;

use super::{Happening, Member, World};
use crate::simulation::disk::Outage;
use crate::simulation::fault::{Fault, Faults};
use crate::simulation::node::Node;
use crate::simulation::options::Forgetting;
use crate::simulation::plan::Trouble;
use crate::simulation::random::Random;
use crate::simulation::setting::Setting;

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
            Trouble::Skew { seat, skew_ms } => self.set_clock(seat, skew_ms),
            _ if self.calm => {}
            Trouble::Weather(weather) => self.network.turn(weather),
            Trouble::Cut(cut) => {
                self.faults.count(Fault::Partition);
                self.network.cut(cut);
            }
            Trouble::Fuse {
                seat,
                after,
                outage,
            } => self.at_node(seat, |node| node.set_fuse(Some((after, outage)))),
            Trouble::Blackout(outage) => self.blackout(outage),
            Trouble::DiskFull { seat, room } => self.at_node(seat, |node| node.fill_disk(room)),
            Trouble::SyncFails(seat) => self.at_node(seat, |node| node.fail_next_sync()),
            Trouble::Rot(seat) => self.rot(seat),
            Trouble::Repair(seat) => self.repair(seat),
            Trouble::Forget { all } => self.forget(all),
        }
    }

    /// Does something to a node, if the member on this seat is one.
    fn at_node(&mut self, seat: Seat, action: impl FnOnce(&mut Node)) {
        if let Member::Honest(node) = &mut self.members[seat.index()] {
            action(node);
        }
    }

    fn set_clock(&mut self, seat: Seat, skew_ms: i64) {
        // What a clock shows when the world begins is no jump.
        if self.now > model::Time::ZERO {
            self.faults.count(Fault::ClockJump);
        }
        self.at_node(seat, |node| node.set_skew(skew_ms));
    }

    fn blackout(&mut self, outage: Outage) {
        self.faults.count(Fault::Blackout);
        for seat in self.setting.seats() {
            self.crash(seat, outage);
        }
    }

    fn crash(&mut self, seat: Seat, outage: Outage) {
        self.act(seat, |member, around| {
            if let Member::Honest(node) = member {
                node.crash(around, outage);
            }
        });
    }

    /// A node goes down, and what its disk has is not what was written to it.
    fn rot(&mut self, seat: Seat) {
        self.crash(seat, Outage::Killed);
        self.at_node(seat, |node| {
            node.flip_bit();
        });
    }

    /// The disk of a node is in order again, and somebody starts the node.
    pub(super) fn repair(&mut self, seat: Seat) {
        let mut is_down = false;
        self.at_node(seat, |node| {
            node.mend_disk();
            is_down = !node.is_up();
        });
        if is_down {
            self.happens(self.now, seat, Happening::Begin);
        }
    }

    /// A node goes down and comes back with less than it had.
    fn forget(&mut self, all: bool) {
        if self.forgetful.is_empty() {
            return;
        }
        let seat = *self.random.pick(&self.forgetful);
        self.crash(seat, Outage::PowerLost);
        self.act(seat, |member, around| {
            if let Member::Honest(node) = member {
                if all {
                    node.lose_log(around);
                } else {
                    node.roll_back(around);
                }
            }
        });
        let forgiven = self.options.forgetting == Forgetting::Forgiven;
        self.judges.forgot(seat, forgiven);
    }

    /// What went wrong, and how often.
    pub(super) fn faults(&self) -> Faults {
        let mut faults = self.faults;
        for member in &self.members {
            if let Member::Honest(node) = member {
                faults.add(node.faults());
            }
        }
        faults
    }
}
