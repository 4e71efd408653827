//! TCP from an address of one's own choice.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use libp2p::Multiaddr;
use libp2p::core::Transport;
use libp2p::core::transport::{DialOpts, ListenerId, TransportError, TransportEvent};
use libp2p::tcp::tokio::TcpStream;
use tokio::net::TcpSocket;

use crate::config::socket;

/// Dials from an address of this machine, and does not listen.
pub(super) struct Source(pub(super) IpAddr);

/// Connects from an address of this machine.
pub(super) async fn connect(from: IpAddr, to: SocketAddr) -> io::Result<tokio::net::TcpStream> {
    let socket = match to {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(to).await
}

impl Transport for Source {
    type Output = TcpStream;
    type Error = io::Error;
    type ListenerUpgrade = BoxFuture<'static, io::Result<TcpStream>>;
    type Dial = BoxFuture<'static, io::Result<TcpStream>>;

    fn listen_on(
        &mut self,
        _: ListenerId,
        address: Multiaddr,
    ) -> Result<(), TransportError<io::Error>> {
        Err(TransportError::MultiaddrNotSupported(address))
    }

    fn remove_listener(&mut self, _: ListenerId) -> bool {
        false
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        _: DialOpts,
    ) -> Result<Self::Dial, TransportError<io::Error>> {
        let from = self.0;
        match socket(&address) {
            Some(to) => Ok(async move { connect(from, to).await.map(TcpStream) }.boxed()),
            None => Err(TransportError::MultiaddrNotSupported(address)),
        }
    }

    fn poll(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        Poll::Pending
    }
}
