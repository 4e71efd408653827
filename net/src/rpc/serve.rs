//! The answering side of an exchange.

use std::sync::Arc;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::Stream;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{sleep, timeout};

use crate::bounds::Limits;
use crate::codec::{FrameError, read_body, read_length, write_frame};
use crate::conduct::Offence;
use crate::counters::Meter;
use crate::events::{Inbound, Origin, Reply};
use crate::identity::PeerName;
use crate::peers::{Connection, Role, Shares};
use crate::protocol::Protocol;
use crate::quota::{Over, Quotas};

/// Where requests of peers are taken in: the room for them and the way to whoever answers.
pub(crate) struct Desk {
    limits: Limits,
    meter: Arc<Meter>,
    requests: mpsc::Sender<Inbound>,
    quotas: Arc<Quotas>,
    /// Members and neighbours have room of their own, so that guests, of whom there can be many,
    /// cannot keep them from catching up.
    members: Room,
    neighbours: Room,
    guests: Room,
}

/// How much may be in the works at a time.
struct Room {
    serving: Shares,
    request_bytes: Arc<Semaphore>,
    response_bytes: Arc<Semaphore>,
}

/// Why a request was not answered.
#[derive(Debug, Error)]
pub(crate) enum Unanswered {
    #[error("the peer did not prove who it is")]
    Unproven,
    #[error("no room for another request")]
    Full,
    #[error("the peer goes on asking after it was told to wait")]
    Deaf,
    #[error("the request did not come in time")]
    SlowRequest,
    #[error(transparent)]
    Request(#[from] FrameError),
    #[error("the requester has lost interest")]
    Abandoned,
    #[error("the requester sent more than its request")]
    Excess,
    #[error("this node did not answer")]
    NoAnswer,
    #[error("the requester did not take the response in time")]
    SlowResponse,
}

impl Desk {
    /// A desk that passes requests on to `requests`.
    pub(crate) fn new(
        limits: &Limits,
        meter: Arc<Meter>,
        quotas: Arc<Quotas>,
        requests: mpsc::Sender<Inbound>,
    ) -> Self {
        Self {
            quotas,
            limits: limits.clone(),
            meter,
            requests,
            members: Room::new(limits),
            neighbours: Room::new(limits),
            guests: Room::new(limits),
        }
    }

    fn room(&self, role: Role) -> &Room {
        match role {
            Role::Member => &self.members,
            Role::Neighbour => &self.neighbours,
            Role::Guest => &self.guests,
        }
    }
}

impl Room {
    fn new(limits: &Limits) -> Self {
        Self {
            // What neighbours tell comes in by a door of its own.
            serving: Shares::new(limits.sync_serving, limits.api_serving, 0),
            request_bytes: Arc::new(Semaphore::new(limits.request_bytes)),
            response_bytes: Arc::new(Semaphore::new(limits.response_bytes)),
        }
    }
}

/// Takes one request from a stream that a peer opened, and writes the response.
///
/// # Errors
///
/// Every [`Unanswered`]. The stream is dropped in each case, which tells the peer.
pub(crate) async fn serve(
    desk: Arc<Desk>,
    connection: &Connection,
    protocol: Protocol,
    stream: Stream,
) -> Result<(), Unanswered> {
    let served = exchange(&desk, connection, protocol, stream).await;
    if let Err(offence) = served.as_ref().map_err(Unanswered::offence)
        && let Some(offence) = offence
    {
        connection.report(offence);
    }
    served
}

async fn exchange(
    desk: &Desk,
    connection: &Connection,
    protocol: Protocol,
    mut stream: Stream,
) -> Result<(), Unanswered> {
    let _in_flight = desk.take(connection.answering.of(protocol), 1)?;
    // A peer may ask before this node has finished with its greeting; no byte is read until then.
    let proof = match connection.proof() {
        Some(proof) => proof,
        None => {
            let _early = desk.take(&connection.early, 1)?;
            connection.proven().await.ok_or(Unanswered::Unproven)?
        }
    };
    let asks_too_often = desk.turn(connection, protocol, proof.role).await?;
    let room = desk.room(proof.role);
    let _serving = desk.take(room.serving.of(protocol), 1)?;
    let (body, share) = timeout(
        desk.limits.request_timeout,
        desk.read(room, protocol, &mut stream),
    )
    .await
    .map_err(|_| Unanswered::SlowRequest)??;
    let from = Origin {
        peer: PeerName(connection.peer),
        node: proof.node,
        local: connection.local,
    };
    let is_counted = proof.role == Role::Guest && !connection.exempt;
    let over_quota = match is_counted {
        true => {
            let brings = desk
                .quotas
                .guest_brings(connection.peer, protocol, body.len());
            asks_too_often.or(desk.in_words(brings)?)
        }
        false => asks_too_often,
    };
    let answer = desk.hand_over(from, protocol, body, over_quota, share)?;
    let response = tokio::select! {
        response = timeout(desk.limits.serve_timeout, answer) => match response {
            Ok(Ok(response)) => response,
            Ok(Err(_)) | Err(_) => {
                desk.meter.requests_unanswered.increment();
                return Err(Unanswered::NoAnswer);
            }
        },
        gone = abandoned(&mut stream) => return Err(gone),
    };
    if is_counted {
        desk.quotas
            .guest_costs(connection.peer, protocol, response.len());
    }
    timeout(
        desk.limits.response_timeout,
        desk.write(room, response, &mut stream),
    )
    .await
    .map_err(|_| Unanswered::SlowResponse)?
}

impl Unanswered {
    /// What the peer has done, if it is its fault.
    fn offence(&self) -> Option<Offence> {
        match self {
            Self::Deaf => Some(Offence::Deaf),
            Self::SlowRequest | Self::SlowResponse => Some(Offence::Slow),
            Self::Excess => Some(Offence::Malformed),
            Self::Request(FrameError::TooLarge { .. }) => Some(Offence::Oversize),
            // Whoever loses interest, or its connection, has done nothing wrong.
            Self::Request(FrameError::Ended | FrameError::Io(_))
            | Self::Unproven
            | Self::Full
            | Self::Abandoned
            | Self::NoAnswer => None,
        }
    }
}

impl Desk {
    /// Waits for the turn of a member or a neighbour. A guest does not wait here: it is told to.
    async fn turn(
        &self,
        connection: &Connection,
        protocol: Protocol,
        role: Role,
    ) -> Result<Option<Duration>, Unanswered> {
        if connection.exempt {
            return Ok(None);
        }
        match role {
            Role::Guest => self.in_words(self.quotas.guest_asks(connection.peer, protocol)),
            Role::Member | Role::Neighbour => {
                while let Err(time) = self.quotas.asks(connection.peer, protocol) {
                    self.meter.requests_over_quota.increment();
                    sleep(time).await;
                }
                Ok(None)
            }
        }
    }

    /// How long a guest is told to wait, if it is told anything.
    fn in_words(&self, share: Result<(), Over>) -> Result<Option<Duration>, Unanswered> {
        let Err(over) = share else { return Ok(None) };
        self.meter.requests_over_quota.increment();
        match over {
            Over::Wait(time) => Ok(Some(time)),
            Over::Deaf => Err(Unanswered::Deaf),
        }
    }

    fn take(
        &self,
        room: &Arc<Semaphore>,
        permits: usize,
    ) -> Result<OwnedSemaphorePermit, Unanswered> {
        u32::try_from(permits)
            .ok()
            .and_then(|permits| Arc::clone(room).try_acquire_many_owned(permits).ok())
            .ok_or_else(|| {
                self.meter.requests_refused_full.increment();
                Unanswered::Full
            })
    }

    async fn read(
        &self,
        room: &Room,
        protocol: Protocol,
        stream: &mut Stream,
    ) -> Result<(Vec<u8>, OwnedSemaphorePermit), Unanswered> {
        let length = read_length(stream, protocol.request_bytes_max())
            .await
            .inspect_err(|error| {
                if let FrameError::TooLarge { .. } = error {
                    self.meter.oversize.increment();
                }
            })?;
        let share = self.take(&room.request_bytes, length)?;
        let body = read_body(stream, length).await.map_err(FrameError::Io)?;
        Ok((body, share))
    }

    fn hand_over(
        &self,
        from: Origin,
        protocol: Protocol,
        body: Vec<u8>,
        over_quota: Option<Duration>,
        share: OwnedSemaphorePermit,
    ) -> Result<oneshot::Receiver<Vec<u8>>, Unanswered> {
        let (reply, answer) = oneshot::channel();
        let reply = Reply::new(reply, protocol.response_bytes_max());
        self.requests
            .try_send(Inbound::new(from, protocol, body, over_quota, reply, share))
            .map_err(|_| {
                self.meter.requests_refused_full.increment();
                Unanswered::Full
            })?;
        self.meter.requests_in.increment();
        Ok(answer)
    }

    async fn write(
        &self,
        room: &Room,
        response: Vec<u8>,
        stream: &mut Stream,
    ) -> Result<(), Unanswered> {
        let _share = self.take(&room.response_bytes, response.len())?;
        write_frame(stream, &response)
            .await
            .map_err(FrameError::Io)?;
        stream.close().await.map_err(FrameError::Io)?;
        Ok(())
    }
}

/// Waits for a sign that the requester is no longer waiting. Reading on also keeps its bytes from
/// piling up: one more than the request ends the exchange.
async fn abandoned(stream: &mut Stream) -> Unanswered {
    match stream.read(&mut [0]).await {
        Ok(0) | Err(_) => Unanswered::Abandoned,
        Ok(_) => Unanswered::Excess,
    }
}
