//! Searches for those who serve a shard.
//!
//! The table names peers and not where they are, and forgets that as soon as a search is over. So each
//! peer that is named is dialed at once, and who asked gets those who answered.

use std::collections::{BTreeSet, HashSet};

use futures::future::join_all;
use libp2p::PeerId;
use libp2p::kad::QueryId;
use model::ShardId;
use tokio::sync::oneshot;

use crate::bounds::{SURVEY_DIALS_MAX, SURVEYS_MAX};
use crate::discovery::Key;
use crate::handle::{DialError, Remote};
use crate::service::Service;

/// The searches under way.
#[derive(Default)]
pub(in crate::service) struct Surveys(Vec<Survey>);

struct Survey {
    query: QueryId,
    found: BTreeSet<PeerId>,
    /// What comes of dialing each of them.
    dials: Vec<oneshot::Receiver<Result<Remote, DialError>>>,
    outcome: oneshot::Sender<Vec<Remote>>,
}

impl Service {
    /// Searches for those who serve a shard. With too many searches under way nobody is found.
    pub(in crate::service) fn survey(
        &mut self,
        shard: ShardId,
        outcome: oneshot::Sender<Vec<Remote>>,
    ) {
        let key = Key::of_shard(&self.config.network, shard);
        if self.directory.surveys.0.len() >= SURVEYS_MAX {
            return;
        }
        if let Some(table) = self.table() {
            let query = table.get_providers(key.into());
            self.directory.surveys.0.push(Survey {
                query,
                found: BTreeSet::new(),
                dials: Vec::new(),
                outcome,
            });
        }
    }

    /// Some peers say that they serve the shard.
    pub(super) fn on_providers(&mut self, query: QueryId, peers: HashSet<PeerId>) {
        let ours = *self.swarm.local_peer_id();
        for peer in peers.into_iter().filter(|peer| *peer != ours) {
            let mut surveys = self.directory.surveys.0.iter_mut();
            let Some(survey) = surveys.find(|survey| survey.query == query) else {
                return;
            };
            if survey.found.len() >= SURVEY_DIALS_MAX || !survey.found.insert(peer) {
                continue;
            }
            let dial = self.dial_peer(peer);
            let mut surveys = self.directory.surveys.0.iter_mut();
            if let Some(survey) = surveys.find(|survey| survey.query == query) {
                survey.dials.push(dial);
            }
        }
    }

    /// Nobody else will be found. Those who answer are reported when all dials have ended.
    pub(super) fn end_survey(&mut self, query: QueryId) {
        let surveys = &mut self.directory.surveys.0;
        let Some(at) = surveys.iter().position(|survey| survey.query == query) else {
            return;
        };
        let Survey { dials, outcome, .. } = surveys.swap_remove(at);
        tokio::spawn(async move {
            let ended = join_all(dials).await;
            let reached = ended.into_iter().filter_map(|dial| dial.ok()?.ok());
            // Whoever asked may have given up.
            drop(outcome.send(reached.collect()));
        });
    }
}
