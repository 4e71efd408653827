//! What a service manager is told: that the node is ready, that it lives, and that it stops.
//!
//! systemd restarts a node that stops saying that it lives (`contrib/chainspace.service`). Where there
//! is no service manager, nobody is told and nothing happens.

use std::thread;

use node::Pulse;
use sd_notify::NotifyState;

use crate::exit::Failure;
use crate::node::spawn;

/// The node listens and has got back what it had kept.
pub(crate) fn ready(pulse: Pulse) -> Result<(), Failure> {
    tell(NotifyState::Ready);
    let Some(patience) = sd_notify::watchdog_enabled() else {
        return Ok(());
    };
    // Twice as often as needed, as systemd advises.
    let pause = patience / 2;
    spawn("watchdog", move || {
        loop {
            if pulse.is_alive() {
                tell(NotifyState::Watchdog);
            }
            thread::sleep(pause);
        }
    })
}

/// The node stops.
pub(crate) fn stopping() {
    tell(NotifyState::Stopping);
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "cannot tell the service manager");
    }
}
