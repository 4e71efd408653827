//! The directory that all nodes keep: what we say in it, what we keep of it, what we look up.

mod surveys;

use std::collections::BTreeSet;
use std::time::Instant;

use libp2p::kad::{
    self, GetProvidersOk, GetRecordOk, InboundRequest, PeerRecord, QueryId, QueryResult, Quorum,
    Record, RecordKey,
};
use model::{NodeId, ShardId};
use tracing::{debug, error, info};

use super::Service;
use crate::bounds::{BOOTSTRAP_INTERVAL, Limits};
use crate::clock::unix_ms;
use crate::config::View;
use crate::discovery::{Finder, Key, Known, Publisher, Records, Unkept};
use crate::gate::is_loopback;
use crate::handle::{Direction, Wish};
use crate::peers::Connection;
use crate::record::{Proven, SignedRecord};

pub(super) use surveys::Surveys;

/// What is under way in the directory.
pub(super) struct Directory {
    finder: Finder,
    publisher: Publisher,
    lookups: Vec<(QueryId, NodeId)>,
    pub(super) surveys: Surveys,
    /// The shards that this node says it serves.
    provided: BTreeSet<ShardId>,
    /// What the ledger says about members and shards.
    known: Known,
    bootstrap_due: Instant,
}

impl Directory {
    /// Nothing is under way.
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            finder: Finder::new(limits),
            publisher: Publisher::default(),
            lookups: Vec::new(),
            surveys: Surveys::default(),
            provided: BTreeSet::new(),
            known: Known::default(),
            bootstrap_due: now + BOOTSTRAP_INTERVAL,
        }
    }
}

impl Service {
    /// The table, if this process takes part in keeping it.
    pub(super) fn table(&mut self) -> Option<&mut kad::Behaviour<Records>> {
        let discovery = self.swarm.behaviour_mut().discovery.as_mut()?;
        Some(&mut discovery.table)
    }

    /// Does what is due.
    pub(super) fn discover(&mut self, now: Instant) {
        let Some(discovery) = self.swarm.behaviour_mut().discovery.as_mut() else {
            return;
        };
        let unanswered = std::mem::take(&mut discovery.unanswered);
        self.meter.directory_unanswered.add(unanswered);
        if self.directory.publisher.is_due(now) {
            self.publish_ourselves();
        }
        if self.directory.publisher.knows_peers() {
            let missing = self.dialer.missing();
            for node in self.directory.finder.due(missing, now) {
                self.look_up(node);
            }
        }
        if self.directory.bootstrap_due <= now {
            self.directory.bootstrap_due = now + BOOTSTRAP_INTERVAL;
            if let Some(table) = self.table() {
                // Without peers there is nothing to fill it with.
                let _ = table.bootstrap();
            }
        }
    }

    /// A handle wants something.
    pub(super) fn on_wish(&mut self, wish: Wish) {
        match wish {
            Wish::Provide(shards) => self.provide(shards),
            Wish::KnowShards(shards) => self.know_shards(shards),
            Wish::Survey { shard, outcome } => self.survey(shard, outcome),
            Wish::Publish { topic, bytes } => self.say(topic, bytes),
        }
    }

    /// The ledger has these members now, as far as this node follows it.
    pub(super) fn know_members(&mut self, view: &View) {
        let nodes = view.committee.iter().chain(&view.neighbours);
        self.directory.known.nodes = nodes.copied().collect();
        self.know();
    }

    /// The ledger has these shards now.
    fn know_shards(&mut self, shards: BTreeSet<ShardId>) {
        self.directory.known.shards = shards;
        self.know();
    }

    fn look_up(&mut self, node: NodeId) {
        let key = Key::of_node(&self.config.network, &node);
        if let Some(table) = self.table() {
            let query = table.get_record(key.into());
            debug!(%node, "looked up");
            self.meter.lookups.increment();
            self.directory.lookups.push((query, node));
        }
    }

    /// What the ledger says has changed. Who is missed now may be known already.
    fn know(&mut self) {
        let known = self.directory.known.clone();
        let missing: Vec<NodeId> = self.dialer.missing().collect();
        let Some(table) = self.table() else {
            return;
        };
        let records = table.store_mut();
        records.set_known(known);
        let newest = |node: &NodeId| records.newest(node).cloned();
        let found: Vec<Proven> = missing.iter().filter_map(newest).collect();
        for Proven {
            node, addresses, ..
        } in found
        {
            self.dialer.learn(node, addresses, Instant::now());
        }
    }

    /// The addresses that others should know have changed.
    pub(super) fn readdress(&mut self) {
        self.renew_hello();
        self.directory.publisher.changed();
        // Whoever asks us about ourselves is answered before others know.
        let record = self.hello.record().cloned();
        if let (Some(record), Some(table)) = (record, self.table()) {
            let key = Key::of_node(&record.record.network, &record.record.node);
            let kept = table.store_mut().offer(&key.into(), &record.encode());
            debug!(?kept, "our own record");
        }
    }

    /// The addresses to tell others.
    pub(super) fn own_addresses(&self) -> Vec<libp2p::Multiaddr> {
        let external = &self.external;
        if !external.is_empty() {
            return external.clone();
        }
        let reach = self.config.discovery.reach();
        let listening = self.swarm.listeners().cloned();
        let told: Vec<_> = listening.filter(|at| reach.admits(at)).collect();
        // To others loopback is themselves. It is told where there is nothing else: on one machine.
        let elsewhere: Vec<_> = told.iter().filter(|at| !is_loopback(at)).cloned().collect();
        match elsewhere.is_empty() {
            true => told,
            false => elsewhere,
        }
    }

    /// Tells libp2p which addresses are ours: it tells them to those who ask for providers.
    pub(super) fn set_own_addresses(&mut self, addresses: &[libp2p::Multiaddr]) {
        let before: Vec<_> = self.swarm.external_addresses().cloned().collect();
        for address in before.iter().filter(|old| !addresses.contains(old)) {
            self.swarm.remove_external_address(address);
        }
        for address in addresses {
            self.swarm.add_external_address(address.clone());
        }
    }

    /// Says anew where we are and what we serve.
    fn publish_ourselves(&mut self) {
        // Not each time: of two processes with one key, the one that was started last is to win, and
        // a new number would say that this one was.
        if self.hello.is_ageing(unix_ms()) {
            self.renew_hello();
        }
        let network = self.config.network;
        let ours = self.config.identity.as_ref().map(|identity| identity.node);
        let record = self.hello.record().map(SignedRecord::encode);
        let provided = self.directory.provided.clone();
        let Some(table) = self.table() else {
            return;
        };
        if let (Some(ours), Some(value)) = (ours, record) {
            let key: RecordKey = Key::of_node(&network, &ours).into();
            if let Err(error) = table.put_record(Record::new(key, value), Quorum::One) {
                debug!(%error, "our own record is not one to keep");
            }
        }
        for shard in provided {
            // Our own entry is always kept.
            drop(table.start_providing(Key::of_shard(&network, shard).into()));
        }
    }

    /// Serves these shards from now on, and no others.
    pub(super) fn provide(&mut self, shards: BTreeSet<ShardId>) {
        let network = self.config.network;
        let before = std::mem::replace(&mut self.directory.provided, shards.clone());
        if let Some(table) = self.table() {
            for shard in before.difference(&shards) {
                table.stop_providing(&Key::of_shard(&network, *shard).into());
            }
        }
        if before != shards {
            self.directory.publisher.changed();
        }
    }

    /// Something has happened in the directory.
    pub(super) fn on_directory(&mut self, event: kad::Event) {
        match event {
            kad::Event::InboundRequest { request } => self.on_handed_in(request),
            kad::Event::OutboundQueryProgressed {
                id, result, step, ..
            } => self.on_answer(id, result, step.last),
            kad::Event::RoutingUpdated {
                is_new_peer: true,
                old_peer,
                ..
            } => self.directory.publisher.gained(old_peer.is_some()),
            // Who is in the table is decided by records alone.
            _ => {}
        }
    }

    /// A peer hands something in, to be kept for others.
    fn on_handed_in(&mut self, request: InboundRequest) {
        match request {
            InboundRequest::PutRecord {
                record: Some(record),
                source,
                ..
            } => {
                debug!(%source, "a record is handed in");
                self.take_record(&record.key, &record.value);
            }
            InboundRequest::AddProvider {
                record: Some(provider),
            } => {
                let Some(table) = self.table() else {
                    return;
                };
                let peer = provider.provider;
                match table.store_mut().offer_provider(provider) {
                    Ok(()) => self.meter.records_kept.increment(),
                    Err(reason) => {
                        debug!(%peer, %reason, "not kept");
                        self.meter.records_refused.increment();
                    }
                }
            }
            _ => {}
        }
    }

    fn on_answer(&mut self, query: QueryId, result: QueryResult, last: bool) {
        match result {
            QueryResult::GetRecord(Ok(GetRecordOk::FoundRecord(PeerRecord { record, .. }))) => {
                self.take_record(&record.key, &record.value);
            }
            QueryResult::GetProviders(Ok(GetProvidersOk::FoundProviders { providers, .. })) => {
                self.on_providers(query, providers);
            }
            QueryResult::PutRecord(Err(reason)) => {
                debug!(%reason, "nobody took our record");
                self.directory.publisher.failed(Instant::now());
            }
            _ => {}
        }
        if last {
            self.on_query_over(query);
        }
    }

    fn on_query_over(&mut self, query: QueryId) {
        let lookups = &mut self.directory.lookups;
        if let Some(at) = lookups.iter().position(|(of, _)| *of == query) {
            let (_, node) = lookups.swap_remove(at);
            self.directory.finder.ended(&node, Instant::now());
        }
        self.end_survey(query);
    }

    /// Takes a record from whomever, if it proves itself and says something new.
    pub(super) fn take_record(&mut self, key: &RecordKey, value: &[u8]) {
        let Some(table) = self.table() else {
            return;
        };
        match table.store_mut().offer(key, value) {
            Ok(proven) => self.learn(proven),
            Err(Unkept::Stale) => {}
            Err(reason) => {
                debug!(%reason, "a record is not kept");
                self.meter.records_refused.increment();
            }
        }
    }

    /// A peer has proven who it is, and perhaps shown its record. It knows best where it is; and where
    /// we have reached it, it can be asked about others.
    pub(super) fn meet(&mut self, connection: &Connection, record: Option<&SignedRecord>) {
        // Those who only dial have nothing to tell others.
        if let Some(record) = record.filter(|signed| !signed.record.addresses.is_empty()) {
            let key = Key::of_node(&self.config.network, &record.record.node);
            self.take_record(&key.into(), &record.encode());
        }
        if connection.direction == Direction::Outbound
            && let Some(table) = self.table()
        {
            table.add_address(&connection.peer, connection.address.clone());
        }
    }

    /// A node is at these addresses.
    fn learn(&mut self, proven: Proven) {
        let ours = self.config.identity.as_ref().map(|identity| identity.node);
        if Some(proven.node) == ours {
            return self.on_own_record(&proven);
        }
        debug!(node = %proven.node, peer = %proven.peer, "a record is kept");
        self.meter.records_kept.increment();
        if let Some(table) = self.table() {
            for address in &proven.addresses {
                table.add_address(&proven.peer, address.clone());
            }
        }
        let Proven {
            node, addresses, ..
        } = proven;
        self.dialer.learn(node, addresses, Instant::now());
    }

    /// A record of this node is newer than the one that it has signed itself.
    fn on_own_record(&mut self, proven: &Proven) {
        if proven.peer == *self.swarm.local_peer_id() {
            if self.hello.outdo(proven.sequence) {
                info!("others have a record of this node from a time to come: the clock was wrong");
                self.readdress();
            }
        } else {
            error!(peer = %proven.peer, "another process runs with the member key of this node");
        }
    }
}
