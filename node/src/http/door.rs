//! The way in to [`Site`]: how many may be inside, and how long.
//!
//! Whoever finds no room is turned away at once, for those who wait stand in the way of the next: who keeps a
//! node running asks from the same machine whether it lives, and has to get in whoever else is there.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::Site;
use crate::error::Fatal;

/// Connections that are open at a time.
const CONNECTIONS_MAX: usize = 64;

/// How many of them are for this machine alone: a probe, a scraper and a web server in front, twice over.
const OF_THIS_MACHINE: usize = 8;

/// Connections of one address that are open at a time: nobody who asks for one thing after another needs more.
const OF_ONE_MAX: usize = 4;

/// How long a connection may take to say what it wants.
const HEADERS_PATIENCE: Duration = Duration::from_secs(5);

/// How long a connection may last. Whoever watches for longer comes again.
const CONNECTION_MAX: Duration = Duration::from_secs(60);

/// The most bytes of headers of a request.
const HEADERS_BYTES_MAX: usize = 16 * 1024;

/// How long to wait when the system has no room for a connection.
const NO_ROOM: Duration = Duration::from_millis(100);

/// A place where connections come in.
pub(crate) struct Door {
    listener: TcpListener,
    address: SocketAddr,
}

/// A door at this address. Who comes waits until the door is served.
///
/// # Errors
///
/// [`Fatal::Http`].
pub(crate) fn bind(address: SocketAddr) -> Result<Door, Fatal> {
    let open = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Door { listener, address })
    };
    open().map_err(|reason| Fatal::Http { address, reason })
}

/// Who is inside.
#[derive(Default)]
struct Room {
    /// How many there are of each address.
    inside: Mutex<BTreeMap<IpAddr, usize>>,
}

/// A place inside, until it is dropped.
struct Place {
    room: Arc<Room>,
    of: IpAddr,
}

impl Room {
    fn inside(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        // A poisoned lock means that another thread panicked; what the map holds is still true.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a caller from an address, if there is one.
    fn place(self: &Arc<Self>, from: IpAddr) -> Option<Place> {
        // A listener for both kinds of addresses sees the older kind in the clothes of the newer one.
        let of = from.to_canonical();
        let limit = match of.is_loopback() {
            true => CONNECTIONS_MAX,
            false => CONNECTIONS_MAX - OF_THIS_MACHINE,
        };
        let mut inside = self.inside();
        let all: usize = inside.values().sum();
        let of_one = inside.get(&of).copied().unwrap_or(0);
        if all >= limit || of_one >= OF_ONE_MAX {
            return None;
        }
        inside.insert(of, of_one + 1);
        let room = Arc::clone(self);
        Some(Place { room, of })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.room.inside();
        if let Some(count) = inside.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                inside.remove(&self.of);
            }
        }
    }
}

impl Door {
    /// Where it is.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets connections in until the runtime ends.
    pub(crate) async fn serve(self, site: Site) {
        let (address, router) = (self.address, site.router());
        if let Err(error) = self.let_in(&router).await {
            tracing::error!(%address, %error, "health and metrics are not served");
        }
    }

    async fn let_in(self, router: &Router) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let room = Arc::new(Room::default());
        tracing::info!(address = %self.address, "serving health and metrics");
        loop {
            let Ok((stream, from)) = listener.accept().await else {
                // Too many open files, or the caller is gone already.
                sleep(NO_ROOM).await;
                continue;
            };
            let Some(place) = room.place(from.ip()) else {
                continue;
            };
            let router = router.clone();
            tokio::spawn(async move {
                // What goes wrong on a connection is its caller's business.
                let _ = timeout(CONNECTION_MAX, converse(stream, router)).await;
                drop(place);
            });
        }
    }
}

async fn converse(stream: TcpStream, router: Router) -> hyper::Result<()> {
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_PATIENCE)
        .max_buf_size(HEADERS_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await
}
