//! The way in to [`Site`]: how many may be inside, and how long.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::Site;
use crate::error::Fatal;

/// Connections that are open at a time. Those beyond it wait.
const CONNECTIONS_MAX: usize = 64;

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
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        tracing::info!(address = %self.address, "serving health and metrics");
        loop {
            let Ok(place) = Arc::clone(&room).acquire_owned().await else {
                return Ok(()); // nobody closes it
            };
            let Ok((stream, _)) = listener.accept().await else {
                // Too many open files, or the caller is gone already.
                sleep(NO_ROOM).await;
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
