//! Faults on purpose: peers that are cut off, and what they say arriving late.
//!
//! A node on a test network can be given a *weather*. Under it, every connection with a peer goes
//! through a [`Line`] beneath the multiplexer, where the peer's name is known already: what the peer
//! says is heard late, or not at all while it is cut off. Only what is heard is affected, so both ends
//! of a cut have to be told. It is a cable that was pulled: nothing is closed and nothing is refused,
//! connections hang until somebody's patience is over, new ones hang at their greeting, and what was
//! on its way when the cable is back arrives.
//!
//! A node without a weather has none of this in the path of its connections.

mod line;
#[cfg(test)]
mod tests;
mod upgrade;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use libp2p::PeerId;
use tokio::sync::watch;

use crate::identity::PeerName;

pub(crate) use upgrade::Under;

/// What happens to what a peer says, before this node hears it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// Nothing is heard of the peer.
    pub cut: bool,
    /// How much later than usual the peer is heard.
    pub delay: Duration,
}

/// The ways to all peers. Clones are the same weather, which can change at any time.
#[derive(Clone, Debug, Default)]
pub struct Weather(Arc<watch::Sender<BTreeMap<PeerName, Way>>>);

impl Weather {
    /// Changes the ways to all peers. To those that are not named nothing happens.
    pub fn change(&self, ways: BTreeMap<PeerName, Way>) {
        self.0.send_replace(ways);
    }

    /// How many peers are named.
    #[must_use]
    pub fn named(&self) -> usize {
        self.0.borrow().len()
    }

    /// The way to a peer, now and whenever it may have changed.
    pub(crate) fn to(&self, peer: PeerId) -> BoxStream<'static, Way> {
        let name = PeerName(peer);
        let mut ways = self.0.subscribe();
        ways.mark_changed();
        stream::unfold(ways, move |mut ways| async move {
            ways.changed().await.ok()?;
            let way = ways.borrow_and_update().get(&name).copied();
            Some((way.unwrap_or_default(), ways))
        })
        .boxed()
    }
}
