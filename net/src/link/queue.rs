//! What waits to be written to one node, a member or a neighbour.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::bounds::FRAME_OVERHEAD;

/// A frame and its share of the queue's bytes.
struct Waiting {
    frame: Bytes,
    _share: OwnedSemaphorePermit,
}

/// Why a frame was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unqueued {
    /// There is no room.
    Full,
    /// Nobody takes from the queue any more.
    Closed,
}

/// The end that is written to. It never waits.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    frames: mpsc::Sender<Waiting>,
    bytes: Arc<Semaphore>,
}

/// The end that is taken from.
pub(crate) struct Outgoing(mpsc::Receiver<Waiting>);

/// An empty queue for so many frames and bytes. Whatever its limits, it has room for one frame, none
/// of which is longer than `longest`.
pub(crate) fn queue(frames: usize, bytes: usize, longest: usize) -> (Queue, Outgoing) {
    let (frames, outgoing) = mpsc::channel(frames.max(1));
    let bytes = bytes.max(longest + FRAME_OVERHEAD);
    let queue = Queue {
        frames,
        bytes: Arc::new(Semaphore::new(bytes)),
    };
    (queue, Outgoing(outgoing))
}

/// What a frame takes from a byte budget.
pub(super) fn share(length: usize) -> u32 {
    u32::try_from(length + FRAME_OVERHEAD).unwrap_or(u32::MAX)
}

impl Queue {
    /// Queues a frame.
    ///
    /// # Errors
    ///
    /// Every [`Unqueued`].
    pub(crate) fn push(&self, frame: Bytes) -> Result<(), Unqueued> {
        let share = Arc::clone(&self.bytes)
            .try_acquire_many_owned(share(frame.len()))
            .map_err(|_| Unqueued::Full)?;
        let waiting = Waiting {
            frame,
            _share: share,
        };
        self.frames.try_send(waiting).map_err(|error| match error {
            TrySendError::Full(_) => Unqueued::Full,
            TrySendError::Closed(_) => Unqueued::Closed,
        })
    }
}

impl Outgoing {
    /// The next frame, once there is one. `None` when the queue is empty and every sender gone.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        self.0.recv().await.map(|waiting| waiting.frame)
    }

    /// The next frame, if one waits right now.
    pub(crate) fn try_next(&mut self) -> Option<Bytes> {
        self.0.try_recv().ok().map(|waiting| waiting.frame)
    }

    /// Whether nothing waits right now.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
