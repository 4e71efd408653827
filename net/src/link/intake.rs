//! Where the frames of one node go, a member or a neighbour.
//!
//! The budget belongs to the node and not to its connection: a node that comes again and again has
//! one budget.

use std::sync::Arc;

use bytes::Bytes;
use model::NodeId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::queue::share;
use crate::events::Frame;

/// See [the module](self).
#[derive(Clone)]
pub(crate) struct Intake {
    node: NodeId,
    frames: mpsc::Sender<Frame>,
    budget: Arc<Semaphore>,
}

/// Nobody takes frames any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NobodyTakes;

impl Intake {
    /// An intake for the frames of `node` into `frames` with `bytes` to spend, and never fewer than
    /// `least`.
    pub(crate) fn new(
        node: NodeId,
        frames: mpsc::Sender<Frame>,
        bytes: usize,
        least: usize,
    ) -> Self {
        Self {
            node,
            frames,
            budget: Arc::new(Semaphore::new(bytes.max(least))),
        }
    }

    /// Waits until there is room for this many bytes.
    pub(crate) async fn room(&self, bytes: u32) -> Result<OwnedSemaphorePermit, NobodyTakes> {
        let budget = Arc::clone(&self.budget);
        budget
            .acquire_many_owned(bytes)
            .await
            .map_err(|_| NobodyTakes)
    }

    /// Hands on a frame, which takes its share out of the room that was found before.
    ///
    /// # Panics
    ///
    /// If there is less room than the frame needs: it was found for this frame.
    pub(crate) async fn put(
        &self,
        frame: Bytes,
        room: &mut OwnedSemaphorePermit,
    ) -> Result<(), NobodyTakes> {
        let share = room
            .split(share(frame.len()) as usize)
            .expect("the room was found for this frame");
        let frame = Frame::new(self.node, frame, share);
        self.frames.send(frame).await.map_err(|_| NobodyTakes)
    }
}
