//! Time as the shell hands it in.

use model::Time;

/// What the clocks of a node show. The crate reads none itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// A clock that never goes back, for time-outs. Its zero means nothing.
    pub timer: Time,
    /// The time of day, for block time. It may jump when an operator sets it.
    pub clock: Time,
}

impl Now {
    /// Both clocks showing the same time, as in a simulation without skew.
    #[must_use]
    pub const fn both(time: Time) -> Self {
        Self {
            timer: time,
            clock: time,
        }
    }
}
