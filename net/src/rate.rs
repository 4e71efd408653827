//! How much somebody may do in a while: a bucket of tokens that fills up again.

use std::time::Instant;

/// A token, in billionths: what a bucket gains in a nanosecond is then a whole number of them.
const TOKEN: u64 = 1_000_000_000;

/// See [the module](self). It begins full.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    taken: Option<Taken>,
}

#[derive(Debug)]
struct Taken {
    /// Billionths of tokens that are not in the bucket.
    missing: u64,
    since: Instant,
}

impl Rate {
    /// Takes a token of a bucket that holds `burst` and gains `per_second`, if there is one.
    pub(crate) fn take(&mut self, burst: u32, per_second: u32, now: Instant) -> bool {
        let missing = self.taken.as_ref().map_or(0, |taken| {
            let passed = now.saturating_duration_since(taken.since).as_nanos();
            let passed = u64::try_from(passed).unwrap_or(u64::MAX);
            let gained = passed.saturating_mul(u64::from(per_second));
            taken.missing.saturating_sub(gained)
        });
        let granted = missing + TOKEN <= u64::from(burst) * TOKEN;
        self.taken = Some(Taken {
            missing: if granted { missing + TOKEN } else { missing },
            since: now,
        });
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_granted_and_then_as_much_as_comes_back() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        let take = |rate: &mut Rate, ms| rate.take(3, 2, start + Duration::from_millis(ms));
        assert_eq!(
            [0; 4].map(|ms| take(&mut rate, ms)),
            [true, true, true, false]
        );
        assert!(!take(&mut rate, 400));
        assert!(take(&mut rate, 500));
        assert!(!take(&mut rate, 600));
        let late = [10_000; 4].map(|ms| take(&mut rate, ms));
        assert_eq!(
            late,
            [true, true, true, false],
            "it is full again, and not fuller"
        );
    }
}
