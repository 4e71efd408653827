//! Takes in what neighbours tell.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use futures::AsyncWriteExt;
use libp2p::Stream;
use model::NodeId;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{sleep, timeout};

use super::batch::{NoBatch, share_max, split};
use crate::bounds::{Limits, SBAC_REQUEST_BYTES_MAX};
use crate::codec::{FrameError, read_body, read_length, write_frame};
use crate::conduct::Offence;
use crate::counters::Meter;
use crate::events::Frame;
use crate::link::{Intake, NobodyTakes};
use crate::peers::{Connection, Role};
use crate::protocol::Protocol;
use crate::quota::Quotas;

/// See [the module](self).
pub(crate) struct Door {
    limits: Limits,
    meter: Arc<Meter>,
    quotas: Arc<Quotas>,
    /// Where each neighbour's frames go. Locked for a look-up and never across a wait.
    intakes: RwLock<BTreeMap<NodeId, Intake>>,
    /// Where all of them lead.
    frames: mpsc::Sender<Frame>,
}

/// Why what a peer wanted to tell was not taken.
#[derive(Debug, Error)]
pub(crate) enum Untaken {
    #[error("the peer is no neighbour")]
    NotANeighbour,
    #[error("the neighbour has too many requests under way")]
    TooMany,
    #[error("the request did not come in time, or there was no room for it")]
    Slow,
    #[error(transparent)]
    Request(#[from] FrameError),
    #[error(transparent)]
    NoBatch(#[from] NoBatch),
    #[error("this node takes nothing from its neighbours")]
    NobodyTakes,
}

impl From<NobodyTakes> for Untaken {
    fn from(NobodyTakes: NobodyTakes) -> Self {
        Self::NobodyTakes
    }
}

impl Door {
    /// A door for nobody yet, into `frames`.
    pub(crate) fn new(
        limits: &Limits,
        meter: Arc<Meter>,
        quotas: Arc<Quotas>,
        frames: mpsc::Sender<Frame>,
    ) -> Self {
        Self {
            quotas,
            limits: limits.clone(),
            meter,
            intakes: RwLock::default(),
            frames,
        }
    }

    /// Lets a neighbour in, who gets a budget of its own.
    pub(crate) fn admit(&self, node: NodeId) {
        let bytes = self.limits.inbound_tell_bytes;
        let least = share_max(SBAC_REQUEST_BYTES_MAX);
        let intake = Intake::new(node, self.frames.clone(), bytes, least);
        let mut intakes = self.intakes.write().unwrap_or_else(PoisonError::into_inner);
        intakes.insert(node, intake);
    }

    /// Lets a node in no more.
    pub(crate) fn shut_out(&self, node: &NodeId) {
        let mut intakes = self.intakes.write().unwrap_or_else(PoisonError::into_inner);
        intakes.remove(node);
    }

    /// Takes the frames from a stream that a peer opened, and says that they are taken.
    ///
    /// # Errors
    ///
    /// Every [`Untaken`]. The stream is dropped in each case, which tells the peer.
    pub(crate) async fn take(
        &self,
        connection: &Connection,
        mut stream: Stream,
    ) -> Result<(), Untaken> {
        let in_flight = connection.answering.of(Protocol::Sbac);
        let Ok(_in_flight) = in_flight.try_acquire() else {
            self.meter.requests_refused_full.increment();
            return Err(Untaken::TooMany);
        };
        let Some(intake) = self.intake_of(connection).await else {
            self.meter.sbac_requests_refused.increment();
            return Err(Untaken::NotANeighbour);
        };
        let taking = self.take_from(connection, &intake, &mut stream);
        let taken = connection.while_is(Role::Neighbour, taking).await;
        taken.unwrap_or(Err(Untaken::NotANeighbour))
    }

    /// Takes the frames of a neighbour.
    async fn take_from(
        &self,
        connection: &Connection,
        intake: &Intake,
        stream: &mut Stream,
    ) -> Result<(), Untaken> {
        let (body, mut room) = self.read(intake, stream).await?;
        let frames = split(&body).inspect_err(|_| {
            self.meter.sbac_bodies_bad.increment();
            connection.report(Offence::Malformed);
        })?;
        self.turn(connection, frames.len(), body.len()).await;
        self.meter.sbac_requests_in.increment();
        self.meter.sbac_frames_in.add(frames.len() as u64);
        for frame in frames {
            // In memory of its own, so that one that is kept does not keep the others.
            intake.put(Bytes::copy_from_slice(frame), &mut room).await?;
        }
        // The frames have their shares; what is left of the room is for others.
        drop((body, room));
        within(self.limits.response_timeout, taken(stream)).await
    }

    /// Waits until a neighbour may tell so much. It has one request under way, so this slows it down.
    async fn turn(&self, connection: &Connection, frames: usize, bytes: usize) {
        if connection.exempt {
            return;
        }
        while let Err(time) = self.quotas.tells(connection.peer, frames) {
            self.meter.requests_over_quota.increment();
            sleep(time).await;
        }
        while let Err(time) = self.quotas.tells_bytes(connection.peer, bytes) {
            self.meter.requests_over_quota.increment();
            sleep(time).await;
        }
    }

    /// Where the frames of the peer go, if it is a neighbour. No byte is read to find out.
    async fn intake_of(&self, connection: &Connection) -> Option<Intake> {
        let proof = connection.proven().await?;
        match proof.role {
            Role::Neighbour => {
                let intakes = self.intakes.read().unwrap_or_else(PoisonError::into_inner);
                intakes.get(&proof.node?).cloned()
            }
            Role::Member | Role::Guest => None,
        }
    }

    /// Reads a request. Its body is left with the peer until there is room for all frames in it.
    async fn read(
        &self,
        intake: &Intake,
        stream: &mut Stream,
    ) -> Result<(Vec<u8>, OwnedSemaphorePermit), Untaken> {
        let patience = self.limits.request_timeout;
        let announced = async {
            let length = read_length(stream, SBAC_REQUEST_BYTES_MAX).await;
            Ok(length.inspect_err(|error| {
                if let FrameError::TooLarge { .. } = error {
                    self.meter.oversize.increment();
                }
            })?)
        };
        let length = within(patience, announced).await?;
        let share = u32::try_from(share_max(length)).unwrap_or(u32::MAX);
        let room = async { Ok(intake.room(share).await?) };
        let room = within(self.limits.tell_timeout, room).await?;
        let body = async { Ok(read_body(stream, length).await.map_err(FrameError::Io)?) };
        let body = within(patience, body).await?;
        Ok((body, room))
    }
}

/// Says that everything is taken.
async fn taken(stream: &mut Stream) -> Result<(), Untaken> {
    write_frame(stream, &[]).await.map_err(FrameError::Io)?;
    stream.close().await.map_err(FrameError::Io)?;
    Ok(())
}

async fn within<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, Untaken>>,
) -> Result<T, Untaken> {
    timeout(patience, work).await.unwrap_or(Err(Untaken::Slow))
}
