//! What is said when nobody gives anything, under a clock that is set by hand.

use super::*;
use crate::testing::registry;

#[test]
fn that_nobody_gives_anything_is_said_after_a_while_and_then_now_and_then() {
    let began = Instant::now();
    let mut silence = Silence::new(began);
    let said = (0..180_u64).filter(|seconds| {
        let now = began + Duration::from_secs(*seconds);
        silence.is_to_be_said(now)
    });
    assert_eq!(said.collect::<Vec<u64>>(), [60, 120]);
}

#[test]
fn a_shard_lacks_nothing_of_which_no_more_was_heard() {
    let known = registry().known();
    let height = Height::new(7);
    for (heard, lacks) in [(None, false), (Some(7), false), (Some(8), true)] {
        let heard = heard.map(Height::new);
        assert_eq!(lacks_blocks(&known, height, heard), lacks, "{heard:?}");
    }
}
