//! The libp2p swarm: one transport, and the behaviours in the order in which they may refuse.

use std::sync::Arc;

use libp2p::core::muxing::{StreamMuxer, StreamMuxerBox};
use libp2p::core::transport::Boxed;
use libp2p::core::upgrade::Version;
use libp2p::core::{ConnectedPoint, Transport};
use libp2p::identity::Keypair;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::{self, NetworkBehaviour};
use libp2p::{PeerId, Swarm, connection_limits, identify, noise, ping, tcp, yamux};
use model::NetworkId;
use zeroize::Zeroizing;

use crate::bounds::{ADDRESSES_AT_ONCE, Limits, SBAC_IN_FLIGHT};
use crate::config::StartError;
use crate::discovery;
use crate::gate::Gate;
use crate::gossip;
use crate::identity::identify_agent;
use crate::pace::Paced;
use crate::parting::Parting;
use crate::protocol::{Name, kademlia};
use crate::reach::Reach;
use crate::record::Rules;
use crate::streams;
use crate::weather::{Under, Weather};

/// What identify calls the family of protocols and their version. Networks are told apart elsewhere.
pub(crate) const IDENTIFY_VERSION: &str = "chainspace/1";

/// How many streams a peer may be negotiating on one connection.
const NEGOTIATING: usize = 128;

/// Streams that are neither requests nor being opened: the greeting, the link, identify, ping and
/// gossip both ways, and the 32 that the directory may have each way, with room to spare.
const OTHER_STREAMS: usize = 128;

/// What Yamux can hold: its receive window of 1 GiB, at 256 KiB a stream. A peer that opens more is
/// disconnected; our own limits refuse it long before.
const STREAMS_MAX: usize = 4096;

/// All behaviours. Those that refuse connections come first: a later one may then take it that
/// what it is told of is there.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    pub(crate) gate: Gate,
    limits: connection_limits::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    pub(crate) streams: streams::Behaviour,
    pub(crate) discovery: Toggle<discovery::Behaviour>,
    pub(crate) gossip: Toggle<gossip::Behaviour>,
}

/// Who this process is to its peers.
pub(crate) struct Appearance<'a> {
    pub(crate) transport_seed: &'a Zeroizing<[u8; 32]>,
    pub(crate) network: &'a NetworkId,
    pub(crate) agent: &'a str,
}

/// How this process takes part in keeping the directory.
pub(crate) struct Part {
    /// From where the addresses that it keeps must lead somewhere.
    pub(crate) reach: Reach,
    /// Whether others can call it.
    pub(crate) reachable: bool,
}

/// Builds a swarm that neither listens nor dials yet. Must be called within a tokio runtime.
///
/// # Errors
///
/// [`StartError::System`] if a key or a cipher cannot be set up.
pub(crate) fn build(
    appearance: &Appearance<'_>,
    offered: Arc<[Name]>,
    part: Option<Part>,
    limits: &Limits,
    weather: Option<Weather>,
) -> Result<Swarm<Behaviour>, StartError> {
    let mut seed = appearance.transport_seed.clone();
    let keypair = Keypair::ed25519_from_bytes(&mut seed[..]).map_err(system)?;
    let ours = keypair.public().to_peer_id();
    let network = appearance.network;
    let gossip = part.as_ref().map(|_| gossip::build(network)).transpose()?;
    let discovery = part.map(|Part { reach, reachable }| {
        let (network, protocol) = (*network, kademlia(network));
        discovery::build(ours, protocol, Rules { network, reach }, reachable)
    });
    let behaviour = Behaviour {
        gate: Gate::new(limits),
        limits: connection_limits::Behaviour::new(
            connection_limits::ConnectionLimits::default()
                .with_max_pending_incoming(Some(limits.pending))
                .with_max_pending_outgoing(Some(limits.pending)),
        ),
        identify: identify::Behaviour::new(
            identify::Config::new(IDENTIFY_VERSION.into(), keypair.public())
                .with_agent_version(identify_agent(appearance.agent, appearance.network))
                .with_cache_size(0),
        ),
        ping: ping::Behaviour::new(
            ping::Config::new()
                .with_interval(limits.ping_interval)
                .with_timeout(limits.ping_timeout),
        ),
        streams: streams::Behaviour::new(offered),
        discovery: discovery.into(),
        gossip: gossip.into(),
    };
    let transport = transport(&keypair, limits, weather)?;
    let config = swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(limits.idle_timeout)
        .with_max_negotiating_inbound_streams(NEGOTIATING)
        .with_dial_concurrency_factor(ADDRESSES_AT_ONCE);
    Ok(Swarm::new(transport, behaviour, ours, config))
}

/// TCP, Noise and Yamux; and between the last two the weather, if there is one.
fn transport(
    keypair: &Keypair,
    limits: &Limits,
    weather: Option<Weather>,
) -> Result<Boxed<(PeerId, StreamMuxerBox)>, StartError> {
    let noise = noise::Config::new(keypair).map_err(system)?;
    let secured = Paced::new(tcp::tokio::Transport::new(tcp::Config::default()))
        .upgrade(Version::V1Lazy)
        .authenticate(noise);
    let yamux = yamux_config(limits);
    let patience = limits.connection_timeout;
    Ok(match weather {
        None => secured
            .multiplex(yamux)
            .timeout(patience)
            .map(parting)
            .boxed(),
        Some(weather) => secured
            .multiplex_ext(move |peer, _| Under::new(yamux, weather, *peer))
            .timeout(patience)
            .map(parting)
            .boxed(),
    })
}

/// A connection with a peer that ends in time.
fn parting<M>((peer, muxer): (PeerId, M), _: ConnectedPoint) -> (PeerId, StreamMuxerBox)
where
    M: StreamMuxer + Send + Unpin + 'static,
    M::Substream: Send + 'static,
    M::Error: Send + Sync + 'static,
{
    (peer, StreamMuxerBox::new(Parting::new(muxer)))
}

fn yamux_config(limits: &Limits) -> yamux::Config {
    // Those of ours, those of the peer and as many of the peer's that it has given up and we have
    // not noticed yet.
    let requests = limits.sync_in_flight + limits.api_in_flight + SBAC_IN_FLIGHT;
    let streams_max = 3 * requests + 2 * limits.opening + OTHER_STREAMS;
    let mut config = yamux::Config::default();
    config.set_max_num_streams(streams_max.min(STREAMS_MAX));
    config
}

fn system(error: impl std::fmt::Display) -> StartError {
    StartError::System(error.to_string())
}
