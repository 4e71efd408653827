//! libp2p's Kademlia, with three things put right.
//!
//! - It dials whatever address a peer hands it. We leave out those that lead nowhere from here, so
//!   that nobody can make the nodes of an open network knock at machines of private networks.
//! - It dials from the port at which this node listens, which fails for a while after a connection with
//!   the same peer was closed. We take a new port for each dial.
//! - It answers as many questions as are asked. We count what comes from each connection, and what is
//!   too much is left unanswered.

use std::collections::BTreeMap;
use std::task::{Context, Poll};
use std::time::Instant;

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::kad::{self, BucketInserts, Caching, Mode, StoreInserts};
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, StreamProtocol};

use super::Records;
use crate::bounds::{KAD_BURST, KAD_PER_SECOND, RECORD_LIFETIME};
use crate::rate::Rate;
use crate::reach::Reach;
use crate::record::Rules;

/// See [the module](self).
pub(crate) struct Behaviour {
    pub(crate) table: kad::Behaviour<Records>,
    reach: Reach,
    rates: BTreeMap<ConnectionId, Rate>,
    /// Messages that were not looked at because there were too many, until somebody counts them.
    pub(crate) unanswered: u64,
}

/// The behaviour of the peer `ours`, which keeps a part of the table itself if others can reach it.
pub(crate) fn build(
    ours: PeerId,
    protocol: StreamProtocol,
    rules: Rules,
    reachable: bool,
) -> Behaviour {
    let mut config = kad::Config::new(protocol);
    config
        .set_kbucket_inserts(BucketInserts::Manual)
        .set_record_filtering(StoreInserts::FilterBoth)
        .disjoint_query_paths(true)
        .set_caching(Caching::Disabled)
        .set_record_ttl(Some(RECORD_LIFETIME))
        .set_provider_record_ttl(Some(RECORD_LIFETIME))
        // Whoever a record is about says it again, with a new signature.
        .set_publication_interval(None)
        .set_replication_interval(None)
        .set_provider_publication_interval(None)
        // We do this when there is somebody to ask.
        .set_periodic_bootstrap_interval(None);
    let mut table = kad::Behaviour::with_config(ours, Records::new(ours, rules), config);
    table.set_mode(Some(match reachable {
        true => Mode::Server,
        false => Mode::Client,
    }));
    Behaviour {
        table,
        reach: rules.reach,
        rates: BTreeMap::new(),
        unanswered: 0,
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = <kad::Behaviour<Records> as NetworkBehaviour>::ConnectionHandler;
    type ToSwarm = kad::Event;

    fn handle_pending_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let table = &mut self.table;
        let mut known =
            table.handle_pending_outbound_connection(connection, peer, addresses, role)?;
        known.retain(|address| self.reach.admits(address));
        Ok(known)
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.table
            .handle_established_inbound_connection(connection, peer, local, remote)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.table
            .handle_established_outbound_connection(connection, peer, address, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionClosed(closed) => {
                self.rates.remove(&closed.connection_id);
            }
            // It would have the table filled before there is anybody to ask, and tell others the
            // addresses of all our interfaces. What others are told is in our record.
            FromSwarm::NewListenAddr(_) => return,
            _ => {}
        }
        self.table.on_swarm_event(event);
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        let rate = self.rates.entry(connection).or_default();
        if rate.take(KAD_BURST, KAD_PER_SECOND, Instant::now()) {
            self.table
                .on_connection_handler_event(peer, connection, event);
        } else {
            self.unanswered += 1;
        }
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.table.poll(context).map(|wish| match wish {
            ToSwarm::Dial { opts } => ToSwarm::Dial {
                opts: from_new_port(opts),
            },
            other => other,
        })
    }
}

/// The same dial from a port of its own. The table dials peers, and nothing but peers.
fn from_new_port(wish: DialOpts) -> DialOpts {
    match wish.get_peer_id() {
        Some(peer) => DialOpts::peer_id(peer).allocate_new_port().build(),
        None => wish,
    }
}
