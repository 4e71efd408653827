//! How long a member waits before it acts without others.

/// Time-outs, in milliseconds. They differ between members without harm: safety does not depend on
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long the leader of a slot has, from the moment there is something to do, before this
    /// member votes to skip the slot. Long against a block's way through a busy machine.
    pub skip_ms: u64,
    /// The longest that time gets; it doubles with every slot that does not lead to a final block.
    pub skip_max_ms: u64,
    /// How long a notarized block may stay short of final before an empty block is proposed on it.
    pub empty_ms: u64,
    /// How often a member without progress says again what it has said (rule 8).
    pub standstill_ms: u64,
    /// How often an idle member tells one other how far it is.
    pub heartbeat_ms: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            skip_ms: 400,
            skip_max_ms: 8_000,
            empty_ms: 150,
            standstill_ms: 1_000,
            heartbeat_ms: 5_000,
        }
    }
}

impl Pace {
    /// The time a leader has, `fruitless` slots after the last one that led to a final block.
    pub(crate) fn skip_after_ms(&self, fruitless: u64) -> u64 {
        let doublings = u32::try_from(fruitless.min(16)).expect("at most 16");
        self.skip_ms
            .saturating_mul(1 << doublings)
            .min(self.skip_max_ms)
    }
}
