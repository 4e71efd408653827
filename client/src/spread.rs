//! Asking as many nodes as it takes, and not more.
//!
//! `f + 1` nodes of a shard are asked at once, so that one of them is honest. The others are a
//! reserve: one more is asked whenever an earlier one turns out to be of no help, and all of them
//! when nothing has come of it for a while.

use std::future::Future;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use model::NodeId;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// The nodes that have not been asked yet.
pub(crate) struct Reserve {
    calls: Semaphore,
    patience: Duration,
}

impl Reserve {
    /// A reserve that joins by itself after `patience`.
    pub(crate) const fn new(patience: Duration) -> Self {
        Self {
            calls: Semaphore::const_new(0),
            patience,
        }
    }

    /// Asks one more node.
    pub(crate) fn call(&self) {
        self.calls.add_permits(1);
    }

    /// Waits to be called, or until patience is at its end.
    async fn called(&self) {
        if let Ok(Ok(call)) = timeout(self.patience, self.calls.acquire()).await {
            call.forget();
        }
    }
}

/// What each of `nodes` answers, in the order in which the answers come. The first `at_once` are
/// asked at once, the others when the reserve is called.
pub(crate) fn spread<'a, F: Future + 'a>(
    nodes: &[NodeId],
    at_once: usize,
    reserve: &'a Reserve,
    ask: impl Fn(NodeId) -> F + Clone + 'a,
) -> FuturesUnordered<impl Future<Output = (NodeId, F::Output)> + 'a> {
    let asking = |(position, node): (usize, &NodeId)| {
        let (node, ask) = (*node, ask.clone());
        async move {
            if position >= at_once {
                reserve.called().await;
            }
            (node, ask(node).await)
        }
    };
    nodes.iter().enumerate().map(asking).collect()
}
