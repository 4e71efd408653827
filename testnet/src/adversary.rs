//! Members that lie. One kind of liar has one file.
//!
//! A liar has the key of its seat and does as it likes: it gets all that is sent to its seat, and may
//! send any bytes to anybody. At most `f` members of an honest shard lie, and nobody judges them; what is
//! judged is what they bring about. Of a dishonest shard all members lie, as one ([`dishonest_shard`]).
//!
//! Most are tricksters: an honest replica (`puppet`) does all that an honest member does, and a trick
//! decides what becomes of its words.
//!
//! A new kind is a file here, a variant of [`Kind`], and its lines in [`Kind::name`] and [`Kind::make`].

mod babbler;
mod bundle_forger;
mod certificate_withholder;
mod dishonest_shard;
mod double_proposer;
mod equivocating_voter;
mod equivocator;
mod garbage_sender;
mod half_voter;
mod hearsay;
mod key_finder;
mod kind;
mod letter_forger;
mod letter_replayer;
mod non_member_voter;
mod old_backup;
mod oversized_sender;
mod plot;
mod puppet;
mod replayer;
mod rivals;
mod shard_denier;
mod shard_equivocator;
mod shard_false_voter;
mod shard_forker;
mod shard_impostor;
mod shard_mute;
mod silent_courier;
mod silent_leader;
mod stale_parent_proposer;
mod trickster;
mod twins;
mod unproven_proposer;

use std::collections::{BTreeMap, BTreeSet};

use model::ShardId;
use model::shard::Seat;

pub use kind::{Kind, UnknownKind};
pub use plot::Plot;

use crate::simulation::{Around, Happening, Random, Setting};

/// A member that lies.
pub trait Adversary {
    /// What people call its kind.
    fn name(&self) -> &'static str;

    /// How often it has done what no honest member does.
    fn lies(&self) -> u64;

    /// Something happens to its seat. What it does goes through `around`.
    fn on(&mut self, around: &mut Around<'_>, happening: Happening);
}

/// Who lies in a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Casting {
    /// Nobody.
    Nobody,
    /// Exactly `f` members of each shard, all of this kind. If it is a kind of shards: the whole last
    /// shard, and of each other one nobody, or up to `f` members of any kind.
    All(Kind),
    /// Nobody, or up to `f` members, each of any kind: the seed decides.
    Any,
}

impl Casting {
    /// The dishonest shards among these: the last one, if the kind is one of shards and another shard is
    /// left.
    #[must_use]
    pub fn dishonest_shards(self, shards: &[ShardId]) -> BTreeSet<ShardId> {
        match (self, shards) {
            (Self::All(kind), [_, .., last]) if kind.is_shard() => BTreeSet::from([*last]),
            _ => BTreeSet::new(),
        }
    }
}

/// Gives parts to liars.
#[must_use]
pub fn cast(
    casting: Casting,
    setting: &Setting,
    random: &mut Random,
) -> BTreeMap<Seat, Box<dyn Adversary>> {
    let shards: Vec<ShardId> = setting.genesis.shards.iter().map(|one| one.shard).collect();
    let casting = match casting {
        Casting::All(kind) if kind.is_shard() => {
            if casting.dishonest_shards(&shards).contains(&setting.shard())
                && let Some(scheme) = kind.scheme(setting, random)
            {
                return dishonest_shard::members(kind, scheme, setting, random);
            }
            Casting::Any
        }
        _ => casting,
    };
    let faults = setting.committee.faults().count();
    let count = match casting {
        Casting::Nobody => 0,
        Casting::All(_) => faults,
        Casting::Any => random.index(faults + 1),
    };
    let mut kinds = Kind::of_shards(setting.genesis.shards.len());
    if shards.len() > 1 && setting.newcomers().next().is_some() {
        kinds.extend(Kind::OF_EPOCHS);
    }
    let shared = random.fork();
    let mut seats: Vec<Seat> = setting.seats().collect();
    random.shuffle(&mut seats);
    seats.truncate(count);
    let plot = Plot::new(shared, seats.iter().copied().collect());
    seats
        .into_iter()
        .filter_map(|seat| {
            let kind = match casting {
                Casting::All(kind) => kind,
                Casting::Nobody | Casting::Any => *random.pick(&kinds),
            };
            Some((seat, kind.make(seat, setting, random, &plot)?))
        })
        .collect()
}

/// Gives parts to liars among those who may become members later, to as many as may lie at a time.
#[must_use]
pub fn cast_newcomers(
    casting: Casting,
    setting: &Setting,
    random: &mut Random,
) -> BTreeMap<Seat, Box<dyn Adversary>> {
    let kinds = match casting {
        Casting::Any => Kind::NEWCOMERS.to_vec(),
        Casting::All(kind) if Kind::NEWCOMERS.contains(&kind) => vec![kind],
        Casting::All(_) | Casting::Nobody => return BTreeMap::new(),
    };
    let mut seats: Vec<Seat> = setting.newcomers().collect();
    if seats.is_empty() {
        return BTreeMap::new();
    }
    random.shuffle(&mut seats);
    seats.truncate(setting.committee.faults().count());
    let plot = Plot::new(random.fork(), seats.iter().copied().collect());
    let part = |seat| {
        let kind = random.pick(&kinds);
        Some((seat, kind.make(seat, setting, random, &plot)?))
    };
    seats.into_iter().filter_map(part).collect()
}
