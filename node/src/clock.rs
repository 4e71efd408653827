//! The clocks of a node, the only place that reads them for the replica.

use std::time::{Duration, SystemTime};

use consensus::Now;
use model::Time;
use tokio::time::Instant;

/// A clock that never goes back and begins when it is made, and the time of day beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that shows zero now.
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// What both clocks show.
    pub(crate) fn now(&self) -> Now {
        Now {
            timer: time(self.start.elapsed()),
            clock: time_of_day(),
        }
    }

    /// When the clock that never goes back shows `timer`.
    pub(crate) fn instant(&self, timer: Time) -> Instant {
        self.start + Duration::from_millis(timer.as_ms())
    }
}

/// The time of day.
pub(crate) fn time_of_day() -> Time {
    let day = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    // A computer whose clock shows a time before 1970 cannot take part; nor does it harm.
    time(day.unwrap_or_default())
}

fn time(since: Duration) -> Time {
    Time::from_ms(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
