//! The models that have names, and what the exploration of each must come to.
//!
//! The transactions consume objects of the shards 0 and 1, and create one in each of the shards 0, 1 and
//! 2, if nothing else is said. A name is what a model is called on the command line and in the tests.
//!
//! With the feature `injected-bugs` there are further models: each has the code make a known mistake, and
//! is there to be noticed.
//!
//! Design: sbac.md, appendix A.

use std::fmt;

#[cfg(feature = "injected-bugs")]
use consensus::injected::{Mistake, inject};
use model::{Mode, ShardId};

use super::{Broken, Helper, Model, Progress, Report, explore};

/// What an exploration comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every rule holds, all do the same in the end, and nobody waits for ever.
    Holds,
    /// One honest shard commits what another one has given up.
    Splits,
    /// That, and an honest shard waits for ever.
    SplitsAndSticks,
    /// An honest shard waits for ever, and none commits what another one has given up.
    Sticks,
    /// The rule with this number is broken.
    Breaks(&'static str),
}

impl Verdict {
    /// What was found, where no rule was broken.
    #[must_use]
    pub const fn of(report: &Report) -> Self {
        match (report.splits > 0, report.stuck > 0) {
            (false, false) => Self::Holds,
            (true, false) => Self::Splits,
            (true, true) => Self::SplitsAndSticks,
            (false, true) => Self::Sticks,
        }
    }

    /// Whether what was found is what must be. Of an exploration that was given up it is asked that
    /// nothing was found which must not be.
    #[must_use]
    pub fn admits(self, found: &Result<Report, Broken>) -> bool {
        match (self, found) {
            (Self::Breaks(rule), Err(broken)) => broken.how.starts_with(rule),
            (Self::Breaks(_), Ok(report)) => !report.exhausted,
            (_, Err(_)) => false,
            (_, Ok(report)) if report.exhausted => Self::of(report) == self,
            (Self::Splits | Self::SplitsAndSticks, Ok(_)) => true,
            (Self::Holds | Self::Sticks, Ok(report)) => report.splits == 0,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds => f.write_str("holds"),
            Self::Splits => f.write_str("splits"),
            Self::SplitsAndSticks => f.write_str("splits and sticks"),
            Self::Sticks => f.write_str("sticks"),
            Self::Breaks(rule) => write!(f, "breaks {rule}"),
        }
    }
}

/// A model with a name.
#[derive(Clone, Debug)]
pub struct Named {
    /// What it is called.
    pub name: &'static str,
    /// What happens in it, in a few words.
    pub about: &'static str,
    /// What is explored. No number of states is too large.
    pub model: Model,
    /// What it must come to.
    pub expected: Verdict,
    /// The mistake that the code makes meanwhile.
    #[cfg(feature = "injected-bugs")]
    pub mistake: Option<Mistake>,
}

impl Named {
    const fn new(name: &'static str, about: &'static str, model: Model, expected: Verdict) -> Self {
        Self {
            name,
            about,
            model,
            expected,
            #[cfg(feature = "injected-bugs")]
            mistake: None,
        }
    }

    /// Explores it, or as many of its states. `on_progress` is called now and then.
    ///
    /// # Errors
    ///
    /// [`Broken`] if a rule was broken, with a shortest way there. With a mistake, one must be.
    pub fn explore(
        &self,
        states_max: usize,
        on_progress: impl FnMut(&Progress),
    ) -> Result<Report, Broken> {
        let model = Model {
            states_max,
            ..self.model.clone()
        };
        #[cfg(feature = "injected-bugs")]
        let _weakened = Weakened::by(self.mistake);
        explore(&model, on_progress)
    }
}

/// The code makes a mistake for as long as this is there.
#[cfg(feature = "injected-bugs")]
struct Weakened;

#[cfg(feature = "injected-bugs")]
impl Weakened {
    fn by(mistake: Option<Mistake>) -> Self {
        inject(mistake);
        Self
    }
}

#[cfg(feature = "injected-bugs")]
impl Drop for Weakened {
    fn drop(&mut self) {
        inject(None);
    }
}

/// Others lock and spend the inputs, and spend an output again.
pub const OTHERS: [(u32, Helper); 4] = [
    (0, Helper::Locks),
    (0, Helper::Spends),
    (1, Helper::Spends),
    (2, Helper::Respends),
];

/// Decided by the shard with this number, which votes last.
#[must_use]
pub const fn decided_by(number: u32) -> Mode {
    Mode::Decider(ShardId::new(number))
}

/// `T(x0, x1) -> (y0, y1, y2)` in each of these modes.
#[must_use]
pub fn swap(modes: &[Mode], liar: Option<u32>, helpers: &[(u32, Helper)]) -> Model {
    Model {
        inputs: vec![0, 1],
        references: Vec::new(),
        outputs: vec![0, 1, 2],
        modes: modes.to_vec(),
        liar,
        helpers: helpers.to_vec(),
        states_max: usize::MAX,
    }
}

/// All models, in the order in which they are best read.
#[must_use]
pub fn catalogue() -> Vec<Named> {
    let mut all = of_one();
    all.extend(of_several());
    #[cfg(feature = "injected-bugs")]
    all.extend(weakened());
    all
}

/// One transaction.
fn of_one() -> Vec<Named> {
    let decider = [decided_by(1)];
    let paper = [Mode::AllVotes];
    vec![
        Named::new(
            "decider",
            "shard 1 votes last and decides, and others want the same objects (A.3)",
            swap(&decider, None, &OTHERS),
            Verdict::Holds,
        ),
        Named::new(
            "decider-liar",
            "a fourth shard has an input and lies, and others want the same objects (A.3')",
            Model {
                inputs: vec![0, 1, 3],
                ..swap(
                    &decider,
                    Some(3),
                    &[(0, Helper::Spends), (2, Helper::Respends)],
                )
            },
            Verdict::Holds,
        ),
        Named::new(
            "decider-liar-locks",
            "the same, and others lock an input as well (A.3')",
            Model {
                inputs: vec![0, 1, 3],
                ..swap(
                    &decider,
                    Some(3),
                    &[(0, Helper::Locks), (0, Helper::Spends), (1, Helper::Spends)],
                )
            },
            Verdict::Holds,
        ),
        Named::new(
            "dishonest-decider",
            "the shard that decides lies: who voted for it is at its mercy (A.3)",
            swap(&decider, Some(1), &[(0, Helper::Spends)]),
            Verdict::SplitsAndSticks,
        ),
        Named::new(
            "all-votes",
            "as in the paper, each shard decides by the votes of all (A.4)",
            swap(&paper, None, &OTHERS),
            Verdict::Holds,
        ),
        Named::new(
            "all-votes-liar",
            "the same, and shard 2 lies: this is why a decider is the default (A.4)",
            swap(&paper, Some(2), &[]),
            Verdict::SplitsAndSticks,
        ),
        Named::new(
            "reference",
            "the object of shard 0 is only referred to; others refer to it, and spend it",
            Model {
                inputs: vec![1],
                references: vec![0],
                ..swap(
                    &decider,
                    None,
                    &[(0, Helper::Reads), (0, Helper::Spends), (1, Helper::Spends)],
                )
            },
            Verdict::Holds,
        ),
    ]
}

/// Two transactions that want the same objects.
fn of_several() -> Vec<Named> {
    vec![
        Named::new(
            "crossing",
            "two transactions of three shards, each decided by another shard, want the same objects",
            swap(&[decided_by(0), decided_by(1)], None, &[]),
            Verdict::Holds,
        ),
        Named::new(
            "crossing-modes",
            "two transactions of two shards, one decided by all votes and one by shard 1",
            Model {
                outputs: vec![0, 1],
                ..swap(
                    &[Mode::AllVotes, decided_by(1)],
                    None,
                    &[(0, Helper::Spends)],
                )
            },
            Verdict::Holds,
        ),
        Named::new(
            "crossing-liar",
            "two transactions of three shards that want the same objects, and shard 2 lies",
            swap(&[decided_by(0), decided_by(1)], Some(2), &[]),
            Verdict::Holds,
        ),
    ]
}

/// Known mistakes, each in a model that brings it to light.
#[cfg(feature = "injected-bugs")]
fn weakened() -> Vec<Named> {
    let named = |mistake, name, (about, model): &(&'static str, Model), rule| Named {
        mistake: Some(mistake),
        ..Named::new(name, about, model.clone(), Verdict::Breaks(rule))
    };
    let decider = (
        "as decider, with a mistake",
        swap(&[decided_by(1)], None, &OTHERS),
    );
    let paper = (
        "as all-votes, with a mistake",
        swap(&[Mode::AllVotes], None, &OTHERS),
    );
    let bribed = (
        "as dishonest-decider, with a mistake",
        swap(&[decided_by(1)], Some(1), &[]),
    );
    let accomplice = (
        "shard 2 lies, and does not decide, with a mistake",
        swap(&[decided_by(1)], Some(2), &[]),
    );
    use Mistake as M;
    vec![
        named(M::IgnoresLocks, "ignores-locks", &decider, "S6"),
        named(
            M::CommitsWithoutVotes,
            "commits-without-votes",
            &decider,
            "S1",
        ),
        named(M::BundleUnchecked, "bundle-unchecked", &bribed, "S1"),
        named(
            M::ForgetsUnacknowledged,
            "forgets-unacknowledged",
            &decider,
            "S3",
        ),
        named(M::ForgetsEnded, "forgets-ended", &decider, "S2"),
        named(M::ForgetsVoted, "forgets-voted", &paper, "S3"),
        named(M::SkipsWitnesses, "skips-witnesses", &decider, "S1"),
        named(M::UnlocksForOthers, "unlocks-for-others", &decider, "S6"),
        named(M::CarriesOutAgain, "carries-out-again", &decider, "S5"),
        named(M::GivesUpAlone, "gives-up-alone", &decider, "S1"),
        named(
            M::BelievesAnybody,
            "believes-anybody",
            &accomplice,
            "what is to be heard Never",
        ),
    ]
}
