//! The network between members: what is lost, late, doubled, out of order or cut off.

use std::ops::RangeInclusive;
use std::sync::Arc;

use model::Time;

use super::random::Random;

/// What travels between two members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The encoding of a [`consensus::Message`], or whatever a liar sends instead.
    Message(Arc<[u8]>),
    /// The encoding of a [`consensus::message::BlocksRequest`].
    Ask {
        /// Which question it is, for the asker.
        number: u64,
        /// The question.
        bytes: Arc<[u8]>,
    },
    /// The encoding of the [`consensus::message::Blocks`] that were asked for.
    Answer {
        /// The question that is answered.
        number: u64,
        /// The answer.
        bytes: Arc<[u8]>,
    },
}

impl Frame {
    /// What it carries.
    #[must_use]
    pub const fn bytes(&self) -> &Arc<[u8]> {
        match self {
            Self::Message(bytes) | Self::Ask { bytes, .. } | Self::Answer { bytes, .. } => bytes,
        }
    }
}

/// How the network treats what it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weather {
    /// How long a frame takes, in milliseconds.
    pub delay_ms: RangeInclusive<u64>,
    /// How many of a thousand frames are lost.
    pub lost: u64,
    /// How many of a thousand frames arrive twice.
    pub doubled: u64,
    /// How many of a thousand frames arrive once more, this long after they were sent.
    pub echoed: u64,
    /// How late an echo is, in milliseconds.
    pub echo_ms: RangeInclusive<u64>,
}

impl Weather {
    /// A network on which every frame arrives soon, if not in order.
    #[must_use]
    pub const fn calm() -> Self {
        Self {
            delay_ms: 1..=40,
            lost: 0,
            doubled: 0,
            echoed: 0,
            echo_ms: 1..=1,
        }
    }
}

/// The network.
#[derive(Debug)]
pub struct Network {
    random: Random,
    weather: Weather,
    /// For each member, those who do not hear it. Members are numbered through all shards.
    cut: Vec<Vec<bool>>,
}

impl Network {
    /// A network that joins so many members.
    #[must_use]
    pub fn new(random: Random, weather: Weather, members: usize) -> Self {
        Self {
            random,
            weather,
            cut: vec![vec![false; members]; members],
        }
    }

    /// The weather changes.
    pub fn turn(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// Cuts the links that are `true`: for each member, whether each member does not hear it.
    pub fn cut(&mut self, cut: Vec<Vec<bool>>) {
        self.cut = cut;
    }

    /// As [`Network::cut`], among as many members from the one with the number `first` on.
    pub fn cut_among(&mut self, first: usize, cut: &[Vec<bool>]) {
        for (row, cut) in self.cut[first..].iter_mut().zip(cut) {
            row[first..first + cut.len()].copy_from_slice(cut);
        }
    }

    /// Mends all links. Returns the pairs that hear each other again.
    pub fn mend(&mut self) -> Vec<(usize, usize)> {
        let mut mended = Vec::new();
        for (from, row) in self.cut.iter_mut().enumerate() {
            for (to, cut) in row.iter_mut().enumerate() {
                if std::mem::take(cut) {
                    mended.push((from, to));
                }
            }
        }
        mended
    }

    /// When what is sent now arrives: never, once, or more than once.
    pub fn arrivals(&mut self, now: Time, from: usize, to: usize) -> Vec<Time> {
        let Self {
            random,
            weather,
            cut,
        } = self;
        if cut[from][to] || random.chance(weather.lost) {
            return Vec::new();
        }
        let mut arrivals = vec![now.plus_ms(random.within(&weather.delay_ms))];
        if random.chance(weather.doubled) {
            arrivals.push(now.plus_ms(random.within(&weather.delay_ms)));
        }
        if random.chance(weather.echoed) {
            arrivals.push(now.plus_ms(random.within(&weather.echo_ms)));
        }
        arrivals
    }
}
