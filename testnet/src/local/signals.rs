//! The signals that the supervisor listens to.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::LocalError;

/// The signals that ask a program to stop.
pub(crate) struct Signals([Signal; 3]);

impl Signals {
    pub(crate) fn install() -> Result<Self, LocalError> {
        Ok(Self([
            install(SignalKind::interrupt())?,
            install(SignalKind::terminate())?,
            install(SignalKind::hangup())?,
        ]))
    }

    /// Waits for the next one.
    pub(crate) async fn recv(&mut self) {
        let Self([interrupt, terminate, hangup]) = self;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// Prepares to receive a signal, which then has no other effect.
pub(crate) fn install(kind: SignalKind) -> Result<Signal, LocalError> {
    signal(kind).map_err(|source| LocalError::System {
        action: "receive signals",
        source,
    })
}
