//! The requester's side of an exchange.

use futures::AsyncWriteExt;

use crate::codec::{FrameError, read_frame, write_frame};
use crate::conduct::Offence;
use crate::counters::Meter;
use crate::handle::RequestError;
use crate::peers::Connection;
use crate::protocol::{Name, Protocol};
use crate::streams::OpenError;

/// Sends a request on a connection and waits for the response, for as long as it takes.
///
/// # Errors
///
/// Every [`RequestError`] but those that end it from outside (a timeout, a shutdown).
pub(crate) async fn ask(
    connection: &Connection,
    name: Name,
    protocol: Protocol,
    body: Vec<u8>,
    meter: &Meter,
) -> Result<Vec<u8>, RequestError> {
    let _in_flight = connection
        .asking
        .of(protocol)
        .try_acquire()
        .map_err(|_| RequestError::Busy)?;
    let opening = connection.opening.acquire().await;
    let mut stream = connection
        .opener
        .open(name)
        .await
        .map_err(|error| match error {
            OpenError::Unsupported => RequestError::Unsupported,
            OpenError::Timeout => RequestError::Timeout,
            OpenError::Closed => RequestError::Closed,
        })?;
    drop(opening);
    meter.requests_out.increment();
    write_frame(&mut stream, &body)
        .await
        .map_err(|_| RequestError::Closed)?;
    stream.flush().await.map_err(|_| RequestError::Closed)?;
    drop(body);
    read_frame(&mut stream, protocol.response_bytes_max())
        .await
        .map_err(|error| match error {
            FrameError::TooLarge { limit, found } => {
                meter.oversize.increment();
                connection.report(Offence::BadAnswer);
                RequestError::ResponseTooLarge { limit, found }
            }
            FrameError::Ended | FrameError::Io(_) => RequestError::Closed,
        })
}
