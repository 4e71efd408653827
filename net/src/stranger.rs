//! A peer that says whatever it is told to: for those who want to know what a node bears.
//!
//! A stranger has a key and one connection, on which it opens streams for any protocol that a node offers
//! and writes any bytes. It keeps no promise that an honest peer keeps. `testnet` floods networks of real
//! processes with strangers; nothing else should have a use for them.

mod source;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::core::Transport;
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{Config, SwarmEvent};
use libp2p::{Multiaddr, Stream, StreamProtocol, Swarm, noise, yamux};
use model::{NetworkId, encoding};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::codec::{FrameError, read_frame, write_frame};
use crate::identity::{Hello, PeerName};
use crate::protocol::{Name, Names, Protocol, Purpose, kademlia};
use crate::streams;
use source::Source;

/// How long a stranger waits for anything.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long its connection is kept without a stream.
const IDLE: Duration = Duration::from_secs(3_600);

/// What a node offers to those who connect, each under the name of a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The greeting.
    Hello,
    /// The link between members.
    Link,
    /// What neighbours tell.
    Sbac,
    /// What nodes ask.
    Sync,
    /// What wallets ask.
    Api,
    /// The directory.
    Directory,
    /// Gossip.
    Gossip,
    /// What libp2p wants to know of a peer.
    Identify,
}

impl Door {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Hello,
        Self::Link,
        Self::Sbac,
        Self::Sync,
        Self::Api,
        Self::Directory,
        Self::Gossip,
        Self::Identify,
    ];

    fn name(self, network: &NetworkId) -> Name {
        let ours = |purpose| Names::new(network).of(purpose).clone();
        match self {
            Self::Hello => ours(Purpose::Hello),
            Self::Link => ours(Purpose::Bft),
            Self::Sbac => ours(Purpose::Exchange(Protocol::Sbac)),
            Self::Sync => ours(Purpose::Exchange(Protocol::Sync)),
            Self::Api => ours(Purpose::Exchange(Protocol::Api)),
            Self::Directory => Name::of_libp2p(kademlia(network)),
            Self::Gossip => Name::of_libp2p(StreamProtocol::new("/meshsub/1.1.0")),
            Self::Identify => Name::of_libp2p(StreamProtocol::new("/ipfs/id/push/1.0.0")),
        }
    }
}

/// Connects from an address of this machine, and says nothing.
///
/// # Errors
///
/// If there is no connection.
pub async fn connect_from(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    timeout(PATIENCE, source::connect(from, to)).await?
}

/// See [the module](self). Its connection ends with it.
pub struct Stranger {
    network: NetworkId,
    peer: PeerName,
    opener: streams::Opener,
    swarm: JoinHandle<()>,
}

/// A stream that a stranger has opened.
pub struct Speech(Stream);

impl Stranger {
    /// A stranger with a new key that has connected with a node and said nothing yet. It comes `from` an
    /// address of this machine.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// If there is no connection, or not for long.
    pub async fn dial(network: NetworkId, from: IpAddr, to: SocketAddr) -> io::Result<Self> {
        let mut swarm = swarm(from).map_err(io::Error::other)?;
        let peer = PeerName(*swarm.local_peer_id());
        let options = DialOpts::unknown_peer_id().address(multiaddr(to)).build();
        swarm.dial(options).map_err(io::Error::other)?;
        let connected = async {
            loop {
                match swarm.select_next_some().await {
                    SwarmEvent::ConnectionEstablished { connection_id, .. } => {
                        let opener = swarm.behaviour_mut().take_opener(connection_id);
                        return opener.ok_or_else(gone);
                    }
                    SwarmEvent::OutgoingConnectionError { .. } => return Err(gone()),
                    _ => {}
                }
            }
        };
        let opener = timeout(PATIENCE, connected).await??;
        let swarm = tokio::spawn(async move {
            // Whatever the node wants is not answered.
            while !matches!(
                swarm.select_next_some().await,
                SwarmEvent::ConnectionClosed { .. }
            ) {}
        });
        Ok(Self {
            network,
            peer,
            opener,
            swarm,
        })
    }

    /// The name that it proves when it connects.
    #[must_use]
    pub fn peer(&self) -> PeerName {
        self.peer
    }

    /// Says hello, as a wallet does.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn greet(&self) -> io::Result<()> {
        let hello = Hello {
            network: self.network,
            agent: "stranger".into(),
            record: None,
        };
        let mut speech = self.open(Door::Hello).await?;
        speech.frame(&encoding::encode(&hello)).await?;
        speech
            .answer(crate::bounds::HELLO_BYTES_MAX)
            .await
            .map(drop)
    }

    /// Whether the connection is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.swarm.is_finished()
    }

    /// Waits until the connection is closed.
    pub async fn closed(mut self) {
        // It neither panics nor is aborted while somebody waits here.
        let _ = (&mut self.swarm).await;
    }

    /// Opens a stream.
    ///
    /// # Errors
    ///
    /// If the connection is gone, or the node does not open this door.
    pub async fn open(&self, door: Door) -> io::Result<Speech> {
        let opened = self.opener.open(door.name(&self.network));
        let opened = timeout(PATIENCE, opened).await?;
        opened.map(Speech).map_err(io::Error::other)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.swarm.abort();
    }
}

impl Speech {
    /// Writes bytes as they are.
    ///
    /// # Errors
    ///
    /// If the node has closed the stream, or does not read.
    pub async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        let said = async {
            self.0.write_all(bytes).await?;
            self.0.flush().await
        };
        timeout(PATIENCE, said).await?
    }

    /// Writes a frame.
    ///
    /// # Errors
    ///
    /// As [`Speech::say`].
    pub async fn frame(&mut self, body: &[u8]) -> io::Result<()> {
        let said = async {
            write_frame(&mut self.0, body).await?;
            self.0.flush().await
        };
        timeout(PATIENCE, said).await?
    }

    /// Reads a frame of so many bytes at most.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub async fn answer(&mut self, limit: usize) -> io::Result<Vec<u8>> {
        let read = timeout(PATIENCE, read_frame(&mut self.0, limit)).await?;
        read.map_err(|error| match error {
            FrameError::Io(error) => error,
            error => io::Error::other(error),
        })
    }

    /// Waits until the node has nothing more to say.
    pub async fn ended(&mut self) {
        let mut room = [0; 1_024];
        let read = async { while matches!(self.0.read(&mut room).await, Ok(1..)) {} };
        // Who says nothing for so long has nothing to say.
        let _ = timeout(PATIENCE, read).await;
    }
}

fn swarm(from: IpAddr) -> Result<Swarm<streams::Behaviour>, noise::Error> {
    let keypair = Keypair::generate_ed25519();
    let ours = keypair.public().to_peer_id();
    let transport = Source(from)
        .upgrade(Version::V1Lazy)
        .authenticate(noise::Config::new(&keypair)?)
        .multiplex(yamux::Config::default())
        .boxed();
    let config = Config::with_tokio_executor().with_idle_connection_timeout(IDLE);
    let behaviour = streams::Behaviour::new([].into());
    Ok(Swarm::new(transport, behaviour, ours, config))
}

fn multiaddr(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip()).with(libp2p::multiaddr::Protocol::Tcp(address.port()))
}

fn gone() -> io::Error {
    io::ErrorKind::ConnectionRefused.into()
}
