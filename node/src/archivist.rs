//! Keeping states for those who begin with one, on a thread of its own: a large state takes a while to
//! write, and nobody waits for it.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use consensus::replica::AppliedBlock;

use crate::store::states::{Kept, States};

/// Keeps states. When it is dropped, the one that is being written is finished.
pub(crate) struct Archivist {
    states: States,
    writing: Option<JoinHandle<()>>,
}

impl Archivist {
    pub(crate) const fn new(states: States) -> Self {
        Self {
            states,
            writing: None,
        }
    }

    /// A block was applied: if its head commits to the state, the state is kept, unless another one is
    /// still being written. Others keep it, too.
    pub(crate) fn applied(&mut self, block: &AppliedBlock) {
        let Some(state) = &block.applied.state else {
            return;
        };
        let height = block.block.header.height;
        if self.writing.as_ref().is_some_and(|at| !at.is_finished()) {
            tracing::debug!(%height, "the state before this one is still being written");
            return;
        }
        let kept = Kept {
            header: block.block.header.clone(),
            state: Arc::clone(state),
            next: block.applied.next.clone(),
        };
        let states = self.states.clone();
        let work = move || match states.keep(&kept) {
            Ok(()) => tracing::debug!(%height, "kept a state for others"),
            Err(error) => tracing::warn!(%height, %error, "cannot keep a state for others"),
        };
        let thread = thread::Builder::new().name("archivist".into()).spawn(work);
        self.writing = thread
            .inspect_err(|error| tracing::warn!(%error, "cannot keep a state for others"))
            .ok();
    }
}

impl Drop for Archivist {
    fn drop(&mut self) {
        if let Some(writing) = self.writing.take() {
            // What it has to say it has said.
            let _ = writing.join();
        }
    }
}
