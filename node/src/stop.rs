//! Stopping a node: by whoever runs it, or because one of its threads has ended.

use std::sync::Arc;

use model::Time;
use tokio::sync::watch;

use crate::clock::time_of_day;

/// Stops a node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stopper(Arc<watch::Sender<Option<Time>>>);

/// Stops the node when it is dropped, even by a panic: each thread of the node holds one.
pub(crate) struct Guard(Option<Stopper>);

impl Stopper {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// Asks the node to stop. It finishes what it has promised and writes its tables first.
    pub fn stop(&self) {
        self.0.send_modify(|since| {
            since.get_or_insert_with(time_of_day);
        });
    }

    /// Whether the node has been asked to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.since().is_some()
    }

    /// When the node was asked to stop, by the time of day.
    pub(crate) fn since(&self) -> Option<Time> {
        *self.0.borrow()
    }

    /// Waits until the node is asked to stop.
    pub(crate) async fn stopped(&self) {
        let mut wishes = self.0.subscribe();
        // The sender is here, so the channel is open.
        let _ = wishes.wait_for(Option::is_some).await;
    }

    pub(crate) fn guard(&self) -> Guard {
        Guard(Some(self.clone()))
    }
}

impl Guard {
    /// Lets the node go on.
    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(stopper) = &self.0 {
            stopper.stop();
        }
    }
}
