//! What goes wrong in a world, drawn from its seed before it begins.

mod faults;

use model::{ShardId, Time};

use super::disk::Outage;
use super::network::Weather;
use super::options::{CrashPoint, Forgetting, Options};
use super::random::Random;
use super::setting::{Place, Setting};

/// Something that goes wrong.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// The network treats frames in another way.
    Weather(Weather),
    /// Links are cut: for each member, whether each member does not hear it. Members are numbered
    /// through all shards.
    Cut(Vec<Vec<bool>>),
    /// All links are mended.
    Mend,
    /// A node crashes after so many more things that it does.
    Fuse {
        /// The node.
        place: Place,
        /// After how many.
        after: u64,
        /// How.
        outage: Outage,
    },
    /// All nodes crash at once, or all of one shard.
    Blackout {
        /// The shard.
        shard: Option<ShardId>,
        /// How.
        outage: Outage,
    },
    /// A node's time of day is wrong by so many milliseconds.
    Skew {
        /// The node.
        place: Place,
        /// By how many.
        skew_ms: i64,
    },
    /// Only so many more bytes fit on the disk of a node.
    DiskFull {
        /// The node.
        place: Place,
        /// How many.
        room: usize,
    },
    /// The next sync of the disk of a node fails.
    SyncFails(Place),
    /// A node goes down, and a bit of its disk flips.
    Rot(Place),
    /// The disk of a node is in order again.
    Repair(Place),
    /// A node that may forget goes down and comes back with less than it had.
    Forget {
        /// The shard of which it is a member.
        shard: ShardId,
        /// Whether all is lost, or what was written since some time.
        all: bool,
    },
    /// The operators of a shard want other members.
    Change {
        /// The shard.
        shard: ShardId,
        /// Which.
        change: Change,
    },
}

/// How a shard is to change its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// So many members are replaced.
    Replace(usize),
    /// A member loses its seat, which stays vacant.
    Exclude,
    /// One member is replaced, and operators are not of one mind by whom.
    Race,
}

/// How far apart two clocks may be when the network is calm, in milliseconds. Within the tolerance of
/// the protocol, frames under way included.
const SKEW_MS: u64 = 2_000;

/// Everything that goes wrong, and when.
pub(super) fn draw<'a>(
    options: &Options,
    settings: impl Iterator<Item = &'a Setting> + Clone,
    random: &mut Random,
) -> Vec<(Time, Trouble)> {
    let in_shard = |setting: &Setting| {
        let shard = setting.shard();
        setting.nodes().map(move |seat| Place { shard, seat })
    };
    let places: Vec<Place> = settings.clone().flat_map(in_shard).collect();
    let mut troubles = Vec::new();
    for place in places.iter().copied() {
        let skew_ms = skew(random, SKEW_MS);
        troubles.push((Time::ZERO, Trouble::Skew { place, skew_ms }));
    }
    if let Some(CrashPoint {
        node,
        after,
        outage,
    }) = options.crash_at
        && let Some(place) = places.get(node).copied()
    {
        let fuse = Trouble::Fuse {
            place,
            after,
            outage,
        };
        troubles.push((Time::ZERO, fuse));
    }
    let turmoil = &mut Turmoil {
        ms: options.turmoil_ms,
        shards: settings.map(Setting::shard).collect(),
        places,
        random,
        troubles: &mut troubles,
    };
    if options.weather {
        turmoil.weather();
    }
    if options.partitions {
        turmoil.partitions();
    }
    if options.crashes > 0 {
        turmoil.crashes(options.crashes);
    }
    if options.weather {
        turmoil.clocks();
    }
    if options.faults {
        turmoil.all_faults();
    }
    if options.forgetting != Forgetting::Never {
        turmoil.forget();
    }
    turmoil.changes(options);
    troubles
}

/// The part of a world's life in which things go wrong.
struct Turmoil<'a> {
    ms: u64,
    shards: Vec<ShardId>,
    places: Vec<Place>,
    random: &'a mut Random,
    troubles: &'a mut Vec<(Time, Trouble)>,
}

impl Turmoil<'_> {
    fn at(&mut self) -> Time {
        Time::from_ms(self.random.within(&(0..=self.ms)))
    }

    fn place(&mut self) -> Place {
        *self.random.pick(&self.places)
    }

    fn outage(&mut self) -> Outage {
        *self.random.pick(&[Outage::Killed, Outage::PowerLost])
    }

    fn weather(&mut self) {
        for change in 0..=self.random.below(3) {
            let random = &mut *self.random;
            let slowest = *random.pick(&[5, 20, 100, 400, 1_500]);
            let weather = Weather {
                delay_ms: 1..=slowest,
                lost: *random.pick(&[0, 10, 50, 200]),
                doubled: *random.pick(&[0, 20, 200]),
                echoed: *random.pick(&[0, 0, 10]),
                echo_ms: 500..=20_000,
            };
            let at = if change == 0 { Time::ZERO } else { self.at() };
            self.troubles.push((at, Trouble::Weather(weather)));
        }
    }

    fn partitions(&mut self) {
        for _ in 0..self.random.below(5) {
            let from = self.at();
            let cut = self.cut();
            let lasts = self.random.within(&(100..=3_000));
            self.troubles.push((from, Trouble::Cut(cut)));
            self.troubles.push((from.plus_ms(lasts), Trouble::Mend));
        }
    }

    /// Which members do not hear which.
    fn cut(&mut self) -> Vec<Vec<bool>> {
        if self.shards.len() > 1 && self.random.chance(500) {
            return self.cut_between_shards();
        }
        let random = &mut *self.random;
        let size = self.places.len();
        let mut cut = vec![vec![false; size]; size];
        let kind = random.below(4);
        let groups: Vec<u64> = (0..size).map(|_| random.below(2 + kind / 2)).collect();
        let alone = random.index(size);
        for (from, row) in cut.iter_mut().enumerate() {
            for (to, cut) in row.iter_mut().enumerate() {
                *cut = match kind {
                    // One hears nobody, or is heard by nobody.
                    0 => to == alone,
                    1 => from == alone,
                    // Two groups, or three.
                    _ => groups[from] != groups[to],
                };
            }
        }
        cut
    }

    /// Some shards do not hear some others; within a shard all hear each other.
    fn cut_between_shards(&mut self) -> Vec<Vec<bool>> {
        let deaf = |random: &mut Random| random.chance(600);
        let cut: Vec<((ShardId, ShardId), bool)> = self
            .shards
            .iter()
            .flat_map(|from| self.shards.iter().map(move |to| (*from, *to)))
            .map(|pair| (pair, pair.0 != pair.1 && deaf(self.random)))
            .collect();
        let is_cut = |from: &Place, to: &Place| cut.contains(&((from.shard, to.shard), true));
        let row = |from| self.places.iter().map(|to| is_cut(from, to)).collect();
        self.places.iter().map(row).collect()
    }

    fn crashes(&mut self, most: u64) {
        for _ in 0..self.random.within(&(0..=most)) {
            let (at, place, outage) = (self.at(), self.place(), self.outage());
            let after = self.random.below(10);
            self.troubles.push((
                at,
                Trouble::Fuse {
                    place,
                    after,
                    outage,
                },
            ));
        }
        if self.random.chance(150) {
            self.blackout();
        }
        if self.shards.len() > 1 && self.random.chance(300) {
            let (at, outage) = (self.at(), self.outage());
            let shard = Some(*self.random.pick(&self.shards));
            self.troubles
                .push((at, Trouble::Blackout { shard, outage }));
        }
    }

    /// The first change comes for certain, so that no world is without one.
    fn changes(&mut self, options: &Options) {
        if options.changes == 0 {
            return;
        }
        for _ in 0..self.random.within(&(1..=options.changes)) {
            let at = self.at();
            let shard = *self.random.pick(&self.shards);
            let any = match self.random.below(5) {
                0 => Change::Exclude,
                1 => Change::Race,
                2 => Change::Replace(self.random.index(options.nodes + 1)),
                _ => Change::Replace(1),
            };
            let change = options.change.unwrap_or(any);
            self.troubles.push((at, Trouble::Change { shard, change }));
        }
    }

    fn blackout(&mut self) {
        let (at, outage) = (self.at(), self.outage());
        let everywhere = Trouble::Blackout {
            shard: None,
            outage,
        };
        self.troubles.push((at, everywhere));
    }

    /// An operator sets a clock, and later sets it right.
    fn clocks(&mut self) {
        if self.random.chance(250) {
            let (at, place) = (self.at(), self.place());
            let wrong = skew(self.random, 60_000);
            let right = skew(self.random, SKEW_MS);
            self.troubles.push((
                at,
                Trouble::Skew {
                    place,
                    skew_ms: wrong,
                },
            ));
            let end = Time::from_ms(self.ms);
            self.troubles.push((
                end,
                Trouble::Skew {
                    place,
                    skew_ms: right,
                },
            ));
        }
    }
}

/// So many milliseconds in all, before or after.
fn skew(random: &mut Random, most: u64) -> i64 {
    let skew = i64::try_from(random.within(&(0..=most))).expect("a skew is small");
    skew - i64::try_from(most / 2).expect("a skew is small")
}
