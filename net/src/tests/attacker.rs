//! A peer that says what it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::identity::Keypair;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Stream, SwarmBuilder, identify, noise, tcp, yamux};
use model::{NetworkId, NodeId, SecretKey, encoding};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::codec::{FrameError, read_frame, write_frame};
use crate::identity::Hello;
use crate::protocol::{Names, Purpose};
use crate::record::{NodeRecord, SignedRecord};
use crate::streams;
use crate::{Config, Discovery, Events, Handle, Identity, Limits, Sign, View};

/// Ends a test whose event never comes.
pub(super) const GUARD: Duration = Duration::from_secs(120);

/// The numbers of records.
static SEQUENCE: AtomicU64 = AtomicU64::new(1);

/// Waits for an event.
pub(super) async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(GUARD, event).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: did not happen"),
    }
}

pub(super) fn network() -> NetworkId {
    NetworkId::from_bytes([7; 32])
}

pub(super) fn node(number: u8) -> NodeId {
    NodeId::new(SecretKey::from_seed([number; 32]).public())
}

pub(super) fn signer(number: u8) -> Sign {
    let secret = SecretKey::from_seed([number; 32]);
    Arc::new(move |message| secret.sign(message))
}

/// A member of the committee 1, 2, 3, whose neighbours are 4 and 5.
pub(super) fn member(number: u8, limits: Limits) -> Config {
    Config {
        network: network(),
        transport_seed: Zeroizing::new([number; 32]),
        identity: Some(Identity {
            node: node(number),
            sign: signer(number),
        }),
        view: View {
            committee: vec![node(1), node(2), node(3)],
            neighbours: vec![node(4), node(5)],
        },
        listen: vec!["/ip4/127.0.0.1/tcp/0".into()],
        bootnodes: Vec::new(),
        agent: "victim".into(),
        discovery: local(),
        limits,
    }
}

/// How nodes on one machine find each other.
pub(super) fn local() -> Discovery {
    Discovery {
        private_addresses: true,
        ..Discovery::default()
    }
}

/// Starts the node under attack, member 1.
pub(super) fn victim(limits: Limits) -> (Handle, Events) {
    crate::spawn(member(1, limits)).expect("the network starts")
}

/// Shows that a node still works: an honest wallet asks it something. It asks until it is answered, because
/// the limits of the node may be tighter than a busy machine can keep to.
pub(super) async fn still_works(handle: &Handle, events: &mut Events) {
    let wallet = Config {
        identity: None,
        view: View::default(),
        listen: Vec::new(),
        ..member(99, Limits::on_one_machine())
    };
    let (wallet, _events) = crate::spawn(wallet).expect("the network starts");
    let address = handle.listen_addresses().remove(0);
    let asking = async { while !is_answered(&wallet, &address).await {} };
    let answering = async {
        while let Some(request) = events.requests.recv().await {
            if request.body == [42] {
                // The wallet may have lost this try.
                let _ = request.reply.send(vec![43]);
            }
        }
    };
    let answered = async {
        tokio::select! {
            () = asking => {}
            () = answering => panic!("the network has stopped"),
        }
    };
    soon("an answer", answered).await;
}

/// Dials and asks once. Whether that was answered.
async fn is_answered(wallet: &Handle, address: &str) -> bool {
    let Ok(remote) = wallet.dial(address).await else {
        return false;
    };
    let target = crate::Target::Peer(remote.peer);
    let asked = wallet.request(target, crate::Protocol::Api, vec![42], GUARD);
    asked.await == Ok(vec![43])
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    identify: identify::Behaviour,
    streams: streams::Behaviour,
}

/// See [the module](self).
pub(super) struct Attacker {
    pub(super) peer: PeerId,
    opener: streams::Opener,
    names: Names,
    pub(super) inbound: mpsc::Receiver<streams::Inbound>,
    swarm: JoinHandle<()>,
}

/// An attacker that waits to be dialed.
pub(super) struct Waiting {
    pub(super) address: String,
    pub(super) attacker: JoinHandle<Attacker>,
}

/// What an attacker is made of.
pub(super) struct Disguise {
    /// Whether it offers the protocols of the network.
    pub(super) offers: bool,
    /// What identify says it is.
    pub(super) agent: String,
    /// Who it is.
    pub(super) keypair: Keypair,
}

impl Default for Disguise {
    fn default() -> Self {
        Self {
            offers: true,
            agent: "attacker".into(),
            keypair: Keypair::generate_ed25519(),
        }
    }
}

fn swarm(disguise: &Disguise) -> libp2p::Swarm<Behaviour> {
    let keypair = disguise.keypair.clone();
    let names = Names::new(&network());
    let offered = match disguise.offers {
        true => names.offered(true),
        false => Arc::new([]),
    };
    let config = identify::Config::new("chainspace/1".into(), keypair.public())
        .with_agent_version(disguise.agent.clone());
    SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(
            tcp::Config::default(),
            noise::Config::new,
            yamux::Config::default,
        )
        .expect("a transport")
        .with_behaviour(|_| Behaviour {
            identify: identify::Behaviour::new(config),
            streams: streams::Behaviour::new(offered),
        })
        .expect("a behaviour")
        .with_swarm_config(|config| config.with_idle_connection_timeout(GUARD))
        .build()
}

/// Waits for the first connection, and keeps the swarm going after that.
async fn connected(mut swarm: libp2p::Swarm<Behaviour>) -> Attacker {
    let peer = *swarm.local_peer_id();
    let id = loop {
        if let SwarmEvent::ConnectionEstablished { connection_id, .. } =
            swarm.select_next_some().await
        {
            break connection_id;
        }
    };
    let opener = swarm.behaviour_mut().streams.take_opener(id);
    let (sender, inbound) = mpsc::channel(16);
    let swarm = tokio::spawn(async move {
        loop {
            if let SwarmEvent::Behaviour(BehaviourEvent::Streams(stream)) =
                swarm.select_next_some().await
            {
                drop(sender.try_send(stream));
            }
        }
    });
    Attacker {
        peer,
        opener: opener.expect("a new connection"),
        names: Names::new(&network()),
        inbound,
        swarm,
    }
}

/// An attacker that listens.
pub(super) async fn wait(disguise: Disguise) -> Waiting {
    let mut swarm = swarm(&disguise);
    let any = "/ip4/127.0.0.1/tcp/0".parse().expect("an address");
    swarm.listen_on(any).expect("a free port");
    let listening = async {
        loop {
            if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
                return address.to_string();
            }
        }
    };
    let address = soon("an address", listening).await;
    let attacker = tokio::spawn(connected(swarm));
    Waiting { address, attacker }
}

impl Attacker {
    /// An attacker that has dialed a node and said nothing yet.
    pub(super) async fn dial(handle: &Handle) -> Self {
        Self::dial_as(handle, &Disguise::default()).await
    }

    /// An attacker in a disguise that has dialed a node and said nothing yet.
    pub(super) async fn dial_as(handle: &Handle, disguise: &Disguise) -> Self {
        let mut swarm = swarm(disguise);
        let address: Multiaddr = handle.listen_addresses()[0].parse().expect("an address");
        let options = DialOpts::unknown_peer_id().address(address).build();
        swarm.dial(options).expect("a dial");
        soon("a connection", connected(swarm)).await
    }

    /// An attacker that has said hello as a member, or as a guest.
    pub(super) async fn greeted(handle: &Handle, member: Option<u8>) -> Self {
        Self::greeted_as(handle, member, &Disguise::default()).await
    }

    /// An attacker in a disguise that has said hello as a member, or as a guest.
    pub(super) async fn greeted_as(
        handle: &Handle,
        member: Option<u8>,
        disguise: &Disguise,
    ) -> Self {
        let attacker = Self::dial_as(handle, disguise).await;
        let hello = attacker.hello(member);
        let answer = attacker.greet(&encoding::encode(&hello)).await;
        assert!(answer.is_ok(), "{answer:?}");
        attacker
    }

    /// A greeting that is in order.
    pub(super) fn hello(&self, member: Option<u8>) -> Hello {
        Hello {
            network: network(),
            agent: "attacker".into(),
            record: member.map(|number| self.record(number, |_| ())),
        }
    }

    /// The record of a member, signed after a change.
    pub(super) fn record(&self, number: u8, change: impl FnOnce(&mut NodeRecord)) -> SignedRecord {
        let mut record = NodeRecord {
            network: network(),
            node: node(number),
            peer: self.peer.to_bytes().into(),
            addresses: Vec::new(),
            // Each attacker is newer than the one before.
            sequence: SEQUENCE.fetch_add(1, Ordering::Relaxed),
            expires: u64::MAX,
        };
        change(&mut record);
        record.sign(&signer(number))
    }

    /// Opens a stream.
    pub(super) async fn open(&self, purpose: Purpose) -> Stream {
        let name = self.names.of(purpose).clone();
        let stream = soon("a stream", self.opener.open(name)).await;
        stream.expect("the node speaks the protocol")
    }

    /// Opens a stream, unless the connection is gone.
    pub(super) async fn try_open(&self, purpose: Purpose) -> Option<Stream> {
        let name = self.names.of(purpose).clone();
        soon("a stream", self.opener.open(name)).await.ok()
    }

    /// Says something as a greeting and returns the answer.
    pub(super) async fn greet(&self, hello: &[u8]) -> Result<Vec<u8>, FrameError> {
        let mut stream = self.open(Purpose::Hello).await;
        say(&mut stream, hello).await;
        soon("an answer", read_frame(&mut stream, 1 << 20)).await
    }

    /// Waits until the node has closed the connection.
    pub(super) async fn closed(&self) {
        // Streams can be opened for as long as the connection lives.
        let name = self.names.of(Purpose::Exchange(crate::Protocol::Api));
        let ended = async {
            while let Ok(mut stream) = self.opener.open(name.clone()).await {
                drop(stream.read(&mut [0]).await);
            }
        };
        soon("the end of the connection", ended).await;
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        self.swarm.abort();
    }
}

/// Writes a frame; a node that has closed the stream does not hear it.
pub(super) async fn say(stream: &mut Stream, body: &[u8]) {
    let said = async {
        write_frame(stream, body).await?;
        stream.flush().await
    };
    drop(soon("room for a frame", said).await);
}

/// Waits until the node has closed a stream, and returns what it said before.
pub(super) async fn last_words(stream: &mut Stream) -> Vec<u8> {
    let mut words = Vec::new();
    // A stream that is reset ends as much as one that is closed.
    drop(soon("the end of a stream", stream.read_to_end(&mut words)).await);
    words
}
