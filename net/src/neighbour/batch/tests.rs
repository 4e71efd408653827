//! That frames come back as they were gathered, and that bytes that are no batch are refused.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;

fn gathered(frames: &[Vec<u8>]) -> Vec<u8> {
    let (first, others) = frames.split_first().expect("a frame");
    let mut batch = Batch::of(first);
    for frame in others {
        batch.push(frame);
    }
    batch.into_body()
}

#[track_caller]
fn check(body: &[u8], expected: Result<&[&[u8]], NoBatch>) {
    let found = split(body);
    assert_eq!(
        found.as_ref().map(Vec::as_slice),
        expected.as_ref().copied()
    );
}

#[test]
fn a_batch_is_lengths_and_frames() {
    let body = gathered(&[b"ab".to_vec(), Vec::new(), b"c".to_vec()]);
    assert_eq!(body, b"\0\0\0\x02ab\0\0\0\0\0\0\0\x01c");
    check(&body, Ok(&[b"ab", b"", b"c"]));
}

#[test]
fn bodies_that_are_no_batch_are_refused() {
    check(b"", Err(NoBatch::Empty));
    check(b"\0\0\0", Err(NoBatch::Cut));
    check(b"\0\0\0\x02a", Err(NoBatch::Cut));
    check(b"\0\0\0\x01ab", Err(NoBatch::Cut));
    let found = SBAC_FRAME_BYTES_MAX + 1;
    let length = u32::try_from(found).expect("a length");
    check(&length.to_be_bytes(), Err(NoBatch::TooLarge { found }));
    check(&[0xff; 8], Err(NoBatch::TooLarge { found: 0xffff_ffff }));
    check(
        &vec![0; LENGTH_BYTES * (SBAC_FRAMES_MAX + 1)],
        Err(NoBatch::TooMany),
    );
}

#[test]
fn the_limits_are_the_last_that_are_allowed() {
    let longest = vec![1; SBAC_FRAME_BYTES_MAX];
    check(&gathered(std::slice::from_ref(&longest)), Ok(&[&longest]));
    let most = split(&[0; LENGTH_BYTES * SBAC_FRAMES_MAX]).map(|frames| frames.len());
    assert_eq!(most, Ok(SBAC_FRAMES_MAX));
}

#[test]
fn gathering_ends_at_its_limits() {
    let mut batch = Batch::of(&[0; 1000]);
    let rest = SBAC_BATCH_BYTES - 1000 - 2 * LENGTH_BYTES;
    assert!(batch.has_room(&vec![0; rest]));
    assert!(!batch.has_room(&vec![0; rest + 1]));
    for _ in 1..SBAC_FRAMES_MAX {
        assert!(batch.has_room(&[]));
        batch.push(&[]);
    }
    assert!(!batch.has_room(&[]));
    assert_eq!(batch.frames(), SBAC_FRAMES_MAX);
    // A frame that is longer than what is gathered goes alone.
    assert!(!Batch::of(&[0; SBAC_FRAME_BYTES_MAX]).has_room(&[]));
}

proptest! {
    // The same cases in each run; a failure is printed and can be repeated.
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_was_gathered_is_what_is_split(frames in vec(vec(any::<u8>(), 0..50), 1..20)) {
        let body = gathered(&frames);
        prop_assert_eq!(split(&body), Ok(frames.iter().map(Vec::as_slice).collect()));
        let shares: usize = frames.iter().map(|frame| frame.len() + FRAME_OVERHEAD).sum();
        prop_assert!(shares <= share_max(body.len()));
    }

    #[test]
    fn what_is_split_can_only_have_been_gathered_so(body in vec(0..4_u8, 0..60)) {
        if let Ok(frames) = split(&body) {
            let frames: Vec<Vec<u8>> = frames.into_iter().map(<[u8]>::to_vec).collect();
            prop_assert_eq!(gathered(&frames), body);
        }
    }
}
