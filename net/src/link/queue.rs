//! What waits to be written to one member.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::bounds::{FRAME_BYTES_MAX, FRAME_OVERHEAD, Limits};
use crate::handle::SendError;

/// A frame and its share of the queue's bytes.
struct Waiting {
    frame: Bytes,
    _share: OwnedSemaphorePermit,
}

/// The end that is written to. It never waits.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    frames: mpsc::Sender<Waiting>,
    bytes: Arc<Semaphore>,
}

/// The end that the pump takes from.
pub(crate) struct Outgoing(mpsc::Receiver<Waiting>);

/// An empty queue. Whatever its limits, it has room for one frame.
pub(crate) fn queue(limits: &Limits) -> (Queue, Outgoing) {
    let (frames, outgoing) = mpsc::channel(limits.link_frames.max(1));
    let bytes = limits.link_bytes.max(FRAME_BYTES_MAX + FRAME_OVERHEAD);
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
    /// [`SendError::Full`] if there is no room, [`SendError::NotConnected`] if the link is gone.
    pub(crate) fn push(&self, frame: Bytes) -> Result<(), SendError> {
        let share = Arc::clone(&self.bytes)
            .try_acquire_many_owned(share(frame.len()))
            .map_err(|_| SendError::Full)?;
        let waiting = Waiting {
            frame,
            _share: share,
        };
        self.frames.try_send(waiting).map_err(|error| match error {
            TrySendError::Full(_) => SendError::Full,
            TrySendError::Closed(_) => SendError::NotConnected,
        })
    }
}

impl Outgoing {
    /// The next frame, once there is one. `None` when the queue is empty and every sender gone.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        self.0.recv().await.map(|waiting| waiting.frame)
    }

    /// Whether nothing waits right now.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
