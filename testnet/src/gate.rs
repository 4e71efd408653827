//! The gate: known mistakes are made on purpose, and the simulator must notice each.
//!
//! Most were made by others, in engines that were tested too. A judge that never convicts proves
//! nothing, so each mistake is a test of `tests/gate.rs`, and `examples/gate.rs` prints which liar brings
//! it to light. One that is known from elsewhere is not among them, because this code cannot make it: a
//! vote to skip after a vote to finalize. Only the frontier is skipped, and a slot that one voted to
//! finalize lies before it.

use std::panic;

use consensus::injected::{Mistake, inject};

use crate::adversary::{Casting, Kind};
use crate::simulation::{Change, Failure, Forgetting, Modes, Options, run};

/// Worlds of one setting.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Who lies in them.
    pub name: String,
    /// The worlds.
    pub options: Options,
}

impl Setting {
    /// All settings: nobody lies, then one of each kind among four, then two who sign everything among
    /// seven.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let setting = |name: String, options| Self { name, options };
        let nobody = setting("nobody".to_owned(), worlds(Casting::Nobody));
        let kinds = Kind::ALL.map(|kind| setting(kind.to_string(), worlds(Casting::All(kind))));
        let two = Options {
            casting: Casting::All(Kind::Equivocator),
            ..Options::new(7)
        };
        let two = setting("two equivocators of 7".to_owned(), two);
        std::iter::once(nobody).chain(kinds).chain([two]).collect()
    }

    /// Settings of several shards, in which nobody lies, and then one whole shard of three.
    #[must_use]
    pub fn across_shards() -> Vec<Self> {
        let modes = [Modes::Decider, Modes::AllVotes].into_iter();
        let sizes = modes.flat_map(|modes| [2, 3].map(|shards| (shards, modes)));
        let settings = sizes.map(|(shards, modes)| Self {
            name: format!("nobody in {shards} shards, {modes:?}"),
            options: Options {
                modes,
                casting: Casting::Nobody,
                ..Options::with_all_faults(4).across(shards)
            },
        });
        settings.chain(Self::dishonest_shards()).collect()
    }

    /// Settings of shards that change their members, in which nobody lies, and then one who has found keys.
    #[must_use]
    pub fn of_epochs() -> Vec<Self> {
        let nobody = [1, 2, 3].map(|shards| Self {
            name: format!("nobody in {shards} shards that change their members"),
            options: Options {
                casting: Casting::Nobody,
                ..Options::with_all_faults(4).across(shards).changing(3)
            },
        });
        let finders = [2, 3].map(|shards| Self {
            name: format!("{} in {shards} shards", Kind::KeyFinder),
            options: Options {
                modes: Modes::Decider,
                casting: Casting::All(Kind::KeyFinder),
                change: Some(Change::Replace(3)),
                ..Options::new(4).across(shards).changing(2)
            },
        });
        // Votes of two epochs can only be confused by a node that goes down as soon as one begins.
        let restless = Self {
            name: "nobody, and nodes that crash all the time".to_owned(),
            options: Options {
                casting: Casting::Nobody,
                crashes: 60,
                ..Options::new(4).changing(4)
            },
        };
        let nobody = nobody.into_iter().chain([restless]);
        nobody.chain(finders).collect()
    }

    /// Settings of three shards, of which one lies in such a way that a mistake of others shows.
    fn dishonest_shards() -> impl Iterator<Item = Self> {
        let kinds = [Kind::BundleForger, Kind::ShardImpostor].into_iter();
        kinds.map(|kind| Self {
            name: kind.to_string(),
            options: Options {
                modes: Modes::Decider,
                casting: Casting::All(kind),
                ..Options::new(4).across(3)
            },
        })
    }
}

/// Worlds of four in which everything goes wrong that may. Where nobody lies, nodes whose disks were
/// swapped must keep their word nevertheless.
fn worlds(casting: Casting) -> Options {
    let forgetting = match casting {
        Casting::Nobody => Forgetting::Judged,
        Casting::All(_) | Casting::Any => Forgetting::Forgiven,
    };
    Options {
        casting,
        forgetting,
        ..Options::with_all_faults(4)
    }
}

/// The first failure in the worlds from seed zero on, with code that makes the mistake, or none.
#[must_use]
pub fn first_failure(mistake: Option<Mistake>, options: &Options, worlds: u64) -> Option<Failure> {
    inject(mistake);
    let failure = (0..worlds).find_map(|seed| run(seed, options).err());
    inject(None);
    failure
}

/// Worlds of two liars among seven that are tried if no other world shows a mistake: one liar alone
/// cannot show a parent that nobody notarized, and two do it in one world of a few hundred.
const RARE: u64 = 600;

/// The first failure in any setting with code that makes the mistake, a world of each after the other,
/// and who lied in it. What so many worlds of each do not show is looked for in [`RARE`] of the last.
#[must_use]
pub fn caught(mistake: Mistake, worlds: u64) -> Option<(String, Failure)> {
    inject(Some(mistake));
    let settings = if Mistake::ACROSS_SHARDS.contains(&mistake) {
        Setting::across_shards()
    } else if Mistake::OF_EPOCHS.contains(&mistake) {
        Setting::of_epochs()
    } else {
        Setting::all()
    };
    let try_world = |seed, setting: &Setting| {
        let failure = run(seed, &setting.options).err()?;
        Some((setting.name.clone(), failure))
    };
    let mut tried =
        (0..worlds).flat_map(|seed| settings.iter().map(move |setting| (seed, setting)));
    let caught = tried.find_map(|(seed, setting)| try_world(seed, setting));
    let caught = caught.or_else(|| {
        let last = settings.last()?;
        (worlds..RARE).find_map(|seed| try_world(seed, last))
    });
    inject(None);
    caught
}

/// Lets the code under test panic without a word: that is a failure of a world like others. What
/// panics in a file whose name ends with `judge` is said.
pub fn silence(judge: &'static str) {
    let say = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let location = panic.location();
        if location.is_some_and(|location| location.file().ends_with(judge)) {
            say(panic);
        }
    }));
}
