//! What goes wrong in a world, drawn from its seed before it begins.

mod faults;

use model::Time;
use model::shard::Seat;

use super::disk::Outage;
use super::network::Weather;
use super::options::{CrashPoint, Forgetting, Options};
use super::random::Random;

/// Something that goes wrong.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// The network treats frames in another way.
    Weather(Weather),
    /// Links are cut: for each seat, whether each seat does not hear it.
    Cut(Vec<Vec<bool>>),
    /// All links are mended.
    Mend,
    /// A node crashes after so many more things that it does.
    Fuse {
        /// The node.
        seat: Seat,
        /// After how many.
        after: u64,
        /// How.
        outage: Outage,
    },
    /// All nodes crash at once.
    Blackout(Outage),
    /// A node's time of day is wrong by so many milliseconds.
    Skew {
        /// The node.
        seat: Seat,
        /// By how many.
        skew_ms: i64,
    },
    /// Only so many more bytes fit on the disk of a node.
    DiskFull {
        /// The node.
        seat: Seat,
        /// How many.
        room: usize,
    },
    /// The next sync of the disk of a node fails.
    SyncFails(Seat),
    /// A node goes down, and a bit of its disk flips.
    Rot(Seat),
    /// The disk of a node is in order again.
    Repair(Seat),
    /// A node that may forget goes down and comes back with less than it had.
    Forget {
        /// Whether all is lost, or what was written since some time.
        all: bool,
    },
}

/// How far apart two clocks may be when the network is calm, in milliseconds. Within the tolerance of
/// the protocol, frames under way included.
const SKEW_MS: u64 = 2_000;

/// Everything that goes wrong, and when.
pub(super) fn draw(options: &Options, random: &mut Random) -> Vec<(Time, Trouble)> {
    let seats: Vec<Seat> = (0..options.nodes).filter_map(Seat::new).collect();
    let mut troubles = Vec::new();
    for seat in &seats {
        let skew_ms = skew(random, SKEW_MS);
        troubles.push((
            Time::ZERO,
            Trouble::Skew {
                seat: *seat,
                skew_ms,
            },
        ));
    }
    if let Some(CrashPoint {
        node,
        after,
        outage,
    }) = options.crash_at
        && let Some(seat) = Seat::new(node)
    {
        troubles.push((
            Time::ZERO,
            Trouble::Fuse {
                seat,
                after,
                outage,
            },
        ));
    }
    let turmoil = &mut Turmoil {
        ms: options.turmoil_ms,
        seats,
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
    troubles
}

/// The part of a world's life in which things go wrong.
struct Turmoil<'a> {
    ms: u64,
    seats: Vec<Seat>,
    random: &'a mut Random,
    troubles: &'a mut Vec<(Time, Trouble)>,
}

impl Turmoil<'_> {
    fn at(&mut self) -> Time {
        Time::from_ms(self.random.within(&(0..=self.ms)))
    }

    fn seat(&mut self) -> Seat {
        *self.random.pick(&self.seats)
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

    /// Which seats do not hear which.
    fn cut(&mut self) -> Vec<Vec<bool>> {
        let random = &mut *self.random;
        let size = self.seats.len();
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

    fn crashes(&mut self, most: u64) {
        for _ in 0..self.random.within(&(0..=most)) {
            let (at, seat, outage) = (self.at(), self.seat(), self.outage());
            let after = self.random.below(10);
            self.troubles.push((
                at,
                Trouble::Fuse {
                    seat,
                    after,
                    outage,
                },
            ));
        }
        if self.random.chance(150) {
            let (at, outage) = (self.at(), self.outage());
            self.troubles.push((at, Trouble::Blackout(outage)));
        }
    }

    /// An operator sets a clock, and later sets it right.
    fn clocks(&mut self) {
        if self.random.chance(250) {
            let (at, seat) = (self.at(), self.seat());
            let wrong = skew(self.random, 60_000);
            let right = skew(self.random, SKEW_MS);
            self.troubles.push((
                at,
                Trouble::Skew {
                    seat,
                    skew_ms: wrong,
                },
            ));
            let end = Time::from_ms(self.ms);
            self.troubles.push((
                end,
                Trouble::Skew {
                    seat,
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
