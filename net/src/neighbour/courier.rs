//! Carries what waits for one neighbour.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::NodeId;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::debug;

use super::batch::Batch;
use crate::counters::Meter;
use crate::handle::RequestError;
use crate::link::Outgoing;
use crate::peers::{Connection, Role};
use crate::protocol::{Name, Protocol};
use crate::rpc::ask;

/// See [the module](self).
pub(crate) struct Courier {
    neighbour: NodeId,
    name: Name,
    outgoing: Outgoing,
    /// The connection to take, if there is one.
    way: watch::Receiver<Option<Arc<Connection>>>,
    patience: Duration,
    meter: Arc<Meter>,
    /// What was taken from the queue and did not belong to the batch before.
    left_over: Option<Bytes>,
}

impl Courier {
    /// A courier to `neighbour` that gives each request so much time.
    pub(crate) fn new(
        neighbour: NodeId,
        name: Name,
        outgoing: Outgoing,
        way: watch::Receiver<Option<Arc<Connection>>>,
        patience: Duration,
        meter: Arc<Meter>,
    ) -> Self {
        Self {
            neighbour,
            name,
            outgoing,
            way,
            patience,
            meter,
            left_over: None,
        }
    }

    /// Works until nothing is queued and nothing can be any more.
    ///
    /// What was under way when a request fails is lost, and what waits is tried next. Without a
    /// connection that fails at once, and so the queue is empty when the neighbour comes back.
    pub(crate) async fn run(mut self) {
        while let Some(batch) = self.gather().await {
            let frames = batch.frames() as u64;
            match self.tell(batch).await {
                Ok(()) => {
                    self.meter.sbac_requests_out.increment();
                    self.meter.sbac_frames_out.add(frames);
                }
                Err(reason) => {
                    debug!(neighbour = %self.neighbour, frames, %reason, "not told");
                    self.meter.sbac_frames_lost.add(frames);
                }
            }
        }
    }

    /// Waits for a frame, and takes what is queued behind it as long as it belongs together.
    async fn gather(&mut self) -> Option<Batch> {
        let first = match self.left_over.take() {
            Some(frame) => frame,
            None => self.outgoing.next().await?,
        };
        let mut batch = Batch::of(&first);
        while let Some(frame) = self.outgoing.try_next() {
            if !batch.has_room(&frame) {
                self.left_over = Some(frame);
                break;
            }
            batch.push(&frame);
        }
        Some(batch)
    }

    /// Tells the neighbour, and waits until it has taken everything.
    async fn tell(&self, batch: Batch) -> Result<(), RequestError> {
        let way = self.way.borrow().clone();
        let connection = way.ok_or(RequestError::NotConnected)?;
        let (name, body) = (self.name.clone(), batch.into_body());
        let asking = ask(&connection, name, Protocol::Sbac, body, &self.meter);
        let asking = connection.while_is(Role::Neighbour, asking);
        match timeout(self.patience, asking).await {
            Ok(Some(outcome)) => outcome.map(|_taken| ()),
            Ok(None) => Err(RequestError::Closed),
            Err(_) => Err(RequestError::Timeout),
        }
    }
}
