//! The peers that were good: whom we call when we know too few, and when the file is written.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use libp2p::Multiaddr;
use model::NetworkId;
use tokio::task::JoinHandle;
use tracing::{debug, warn};

use super::Service;
use super::dials::options;
use crate::clock::unix_ms;
use crate::config::Config;
use crate::handle::Direction;
use crate::known::{KnownPeers, replace};
use crate::peers::Connection;

/// How often the file is written at most.
const SAVE_INTERVAL: Duration = Duration::from_secs(30);

/// How often peers that were good are called again while too few are connected.
const CALL_INTERVAL: Duration = Duration::from_secs(30);

/// How many of them are called at once.
const CALLS: usize = 16;

/// With this many peers nobody is called for company.
const COMPANY: usize = 3;

/// See [the module](self).
pub(super) struct Acquaintances {
    network: NetworkId,
    path: Option<PathBuf>,
    known: KnownPeers,
    changed: bool,
    save_due: Instant,
    call_due: Instant,
    saving: Option<JoinHandle<()>>,
}

impl Acquaintances {
    /// Those that are in the file, if there is one.
    pub(super) fn load(config: &Config, now: Instant) -> Self {
        let path = config.discovery.peer_store.clone();
        let known = path.as_ref().map(|path| {
            KnownPeers::load(path, &config.network, unix_ms()).unwrap_or_else(|reason| {
                warn!(file = %path.display(), %reason, "no peers remembered");
                KnownPeers::default()
            })
        });
        Self {
            network: config.network,
            path,
            known: known.unwrap_or_default(),
            changed: false,
            save_due: now,
            call_due: now,
            saving: None,
        }
    }

    /// What there is to write and where, if there is something new.
    fn unsaved(&mut self) -> Option<(PathBuf, Vec<u8>)> {
        let path = self.path.clone().filter(|_| self.changed)?;
        self.changed = false;
        Some((path, self.known.encode(&self.network)))
    }

    /// Writes the file for the last time.
    pub(super) async fn close(&mut self) {
        if let Some(saving) = self.saving.take() {
            // Two writers of one file would spoil it. A panic of the first is no reason not to write.
            let _ = saving.await;
        }
        if let Some((path, bytes)) = self.unsaved() {
            save(&path, &bytes);
        }
    }
}

fn save(path: &std::path::Path, bytes: &[u8]) {
    if let Err(error) = replace(path, bytes) {
        warn!(file = %path.display(), %error, "peers not remembered");
    }
}

impl Service {
    /// A peer has proven who it is. Where we dialed it, it can be dialed again.
    pub(super) fn remember(&mut self, connection: &Connection) {
        if connection.direction != Direction::Outbound || self.acquaintances.path.is_none() {
            return;
        }
        let node = connection.proof().and_then(|proof| proof.node);
        let mut address = connection.address.clone();
        if let Some(libp2p::multiaddr::Protocol::P2p(_)) = address.iter().last() {
            address.pop();
        }
        let known = &mut self.acquaintances.known;
        known.met(&connection.peer, &address, node, unix_ms());
        self.acquaintances.changed = true;
    }

    /// Calls those who were good, if hardly anybody is connected.
    pub(super) fn call_acquaintances(&mut self, now: Instant) {
        if now < self.acquaintances.call_due {
            return;
        }
        self.acquaintances.call_due = now + CALL_INTERVAL;
        let connected = self.peers.infos();
        if connected.len() >= COMPANY {
            return;
        }
        let latest = self.acquaintances.known.latest(CALLS);
        let addresses: Vec<Multiaddr> = latest.filter_map(|p| p.address.parse().ok()).collect();
        for address in addresses {
            if !self.is_connected(&address) {
                debug!(%address, "a peer that was good is called");
                self.start_dial(options(&address));
            }
        }
    }

    /// Writes the file, if there is something new and the last time is long enough ago.
    pub(super) fn save_acquaintances(&mut self, now: Instant) {
        let idle = self
            .acquaintances
            .saving
            .as_ref()
            .is_none_or(JoinHandle::is_finished);
        if now < self.acquaintances.save_due || !idle {
            return;
        }
        if let Some((path, bytes)) = self.acquaintances.unsaved() {
            self.acquaintances.save_due = now + SAVE_INTERVAL;
            // Not on this thread, which has peers to serve while the disk is busy.
            let saving = tokio::task::spawn_blocking(move || save(&path, &bytes));
            self.acquaintances.saving = Some(saving);
        }
    }
}
