//! The greeting: the exchange that comes before everything else on a connection.
//!
//! The dialer speaks first. The listener answers only what it has accepted, so a dialer that gets
//! an answer knows that it is welcome.

use std::sync::Arc;
use std::time::Duration;

use futures::{AsyncRead, AsyncWrite, AsyncWriteExt};
use thiserror::Error;
use tokio::time::timeout;

use crate::bounds::HELLO_BYTES_MAX;
use crate::codec::{FrameError, read_frame, write_frame};
use crate::identity::Hello;
use crate::peers::Connection;
use crate::protocol::Name;
use crate::streams::OpenError;

/// Why a greeting failed.
#[derive(Debug, Error)]
pub(crate) enum Greeting {
    /// The peer does not speak the greeting of our network.
    #[error("the peer does not speak the greeting of this network")]
    Unsupported,
    /// It was not over in time.
    #[error("the greeting took too long")]
    Timeout,
    /// The peer closed the stream or the connection instead of answering.
    #[error("the peer closed the connection instead of answering the greeting")]
    Refused,
    /// What the peer said is no greeting.
    #[error("the greeting is malformed: {0}")]
    Malformed(String),
}

/// The dialer's side: says `hello`, the encoding of our greeting, and returns the peer's.
///
/// # Errors
///
/// Every [`Greeting`].
pub(crate) async fn greet(
    connection: Arc<Connection>,
    name: Name,
    hello: Arc<[u8]>,
    patience: Duration,
) -> Result<Hello, Greeting> {
    let exchange = async {
        let mut stream = connection
            .opener
            .open(name)
            .await
            .map_err(|error| match error {
                OpenError::Unsupported => Greeting::Unsupported,
                OpenError::Timeout => Greeting::Timeout,
                OpenError::Closed => Greeting::Refused,
            })?;
        say(&mut stream, &hello).await?;
        listen(&mut stream).await
    };
    timeout(patience, exchange)
        .await
        .map_err(|_| Greeting::Timeout)?
}

/// The listener's side, first half: hears what the dialer says.
///
/// # Errors
///
/// Every [`Greeting`] but [`Greeting::Unsupported`].
pub(crate) async fn hear<S>(stream: &mut S, patience: Duration) -> Result<Hello, Greeting>
where
    S: AsyncRead + Unpin,
{
    timeout(patience, listen(stream))
        .await
        .map_err(|_| Greeting::Timeout)?
}

/// The listener's side, second half: answers with `hello`, the encoding of our greeting.
///
/// # Errors
///
/// If the peer does not take it in time.
pub(crate) async fn answer<S>(
    stream: &mut S,
    hello: &[u8],
    patience: Duration,
) -> Result<(), Greeting>
where
    S: AsyncWrite + Unpin,
{
    let last_word = async {
        say(stream, hello).await?;
        stream.close().await.map_err(|_| Greeting::Refused)
    };
    timeout(patience, last_word)
        .await
        .map_err(|_| Greeting::Timeout)?
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, hello: &[u8]) -> Result<(), Greeting> {
    let said = async {
        write_frame(stream, hello).await?;
        stream.flush().await
    };
    said.await.map_err(|_| Greeting::Refused)
}

async fn listen<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Hello, Greeting> {
    let bytes = read_frame(stream, HELLO_BYTES_MAX)
        .await
        .map_err(|error| match error {
            FrameError::Ended | FrameError::Io(_) => Greeting::Refused,
            FrameError::TooLarge { .. } => Greeting::Malformed(error.to_string()),
        })?;
    Hello::decode(&bytes).map_err(|error| Greeting::Malformed(error.to_string()))
}
