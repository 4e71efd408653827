//! That frames come back as they were, and that bytes that are no frames do no harm.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::executor::block_on;
use futures::io::Cursor;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;

fn written(bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for body in bodies {
        block_on(write_frame(&mut bytes, body)).expect("a vector takes everything");
    }
    bytes
}

fn read(bytes: &[u8], limit: usize) -> Result<Vec<u8>, FrameError> {
    block_on(read_frame(&mut Cursor::new(bytes), limit))
}

/// A stream that gives a few bytes at a time and stalls in between.
struct Trickle<'a> {
    bytes: &'a [u8],
    step: usize,
    ready: bool,
}

impl AsyncRead for Trickle<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.ready = !self.ready;
        if !self.ready {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let count = self.step.min(buffer.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.bytes = later;
        Poll::Ready(Ok(count))
    }
}

#[test]
fn a_frame_is_its_length_and_its_bytes() {
    assert_eq!(written(&[b"abc".to_vec()]), b"\0\0\0\x03abc");
    assert_eq!(written(&[vec![]]), b"\0\0\0\0");
}

#[test]
fn the_limit_is_the_last_length_that_is_allowed() {
    let bytes = written(&[vec![1; 100]]);
    assert_eq!(read(&bytes, 100).expect("within the limit").len(), 100);
    let refused = read(&bytes, 99);
    assert!(
        matches!(
            refused,
            Err(FrameError::TooLarge {
                limit: 99,
                found: 100
            })
        ),
        "{refused:?}"
    );
}

#[test]
fn an_end_between_frames_is_told_from_an_end_within_one() {
    let bytes = written(&[b"abc".to_vec()]);
    assert!(matches!(read(&[], 10), Err(FrameError::Ended)));
    for length in 1..bytes.len() {
        let cut = read(&bytes[..length], 10);
        assert!(matches!(cut, Err(FrameError::Io(_))), "{length}: {cut:?}");
    }
}

#[test]
fn memory_follows_the_bytes_that_came_and_not_the_length_that_was_announced() {
    struct Endless {
        given: usize,
        largest: usize,
    }
    impl AsyncRead for Endless {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            self.largest = self.largest.max(buffer.len());
            if self.given == 3 * READ_STEP {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            self.given += buffer.len();
            Poll::Ready(Ok(buffer.len()))
        }
    }
    let mut stream = Endless {
        given: 0,
        largest: 0,
    };
    assert!(block_on(read_body(&mut stream, usize::MAX / 4)).is_err());
    assert_eq!(stream.largest, READ_STEP);
}

#[test]
fn a_body_takes_no_more_room_than_it_needs() {
    for length in [0, 1, READ_STEP, READ_STEP + 1, 5 * READ_STEP + 7] {
        let bytes = vec![9; length];
        let body = block_on(read_body(&mut Cursor::new(&bytes), length)).expect("all is there");
        assert_eq!(body, bytes);
        assert_eq!(body.capacity(), length);
    }
}

proptest! {
    // The same cases in each run; a failure is printed and can be repeated.
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(41),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn frames_come_back_in_order(
        bodies in vec(vec(any::<u8>(), 0..40_000), 0..6),
        step in 1_usize..20_000,
    ) {
        let bytes = written(&bodies);
        let mut stream = Trickle { bytes: &bytes, step, ready: false };
        for body in &bodies {
            let again = block_on(read_frame(&mut stream, 40_000));
            prop_assert_eq!(&again.expect("what was written"), body);
        }
        let end = block_on(read_frame(&mut stream, 40_000));
        prop_assert!(matches!(end, Err(FrameError::Ended)));
    }

    #[test]
    fn any_bytes_end_in_frames_or_an_error(
        bytes in vec(any::<u8>(), 0..3_000),
        small in any::<bool>(),
        limit in 0_usize..2_000,
    ) {
        let mut bytes = bytes;
        if small {
            // Lengths that could be meant.
            for at in (0..bytes.len().saturating_sub(4)).step_by(200) {
                bytes[at] = 0;
                bytes[at + 1] = 0;
            }
        }
        let mut stream = Cursor::new(&bytes);
        loop {
            let before = stream.position();
            match block_on(read_frame(&mut stream, limit)) {
                Ok(body) => {
                    prop_assert!(body.len() <= limit);
                    prop_assert_eq!(stream.position() - before, body.len() as u64 + 4);
                }
                Err(_) => break,
            }
        }
    }

    #[test]
    fn a_cut_or_changed_stream_never_yields_more_than_was_sent(
        bodies in vec(vec(any::<u8>(), 0..300), 1..4),
        cut in any::<prop::sample::Index>(),
        flip in any::<prop::sample::Index>(),
        bit in 0_u32..8,
    ) {
        let mut bytes = written(&bodies);
        let flip = flip.index(bytes.len());
        bytes[flip] ^= 1 << bit;
        bytes.truncate(cut.index(bytes.len() + 1));
        let mut stream = Cursor::new(&bytes);
        let mut total = 0;
        while let Ok(body) = block_on(read_frame(&mut stream, 100_000)) {
            total += body.len() + 4;
        }
        prop_assert!(total <= bytes.len());
    }
}
