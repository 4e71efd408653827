//! Gathering the proofs of lies that nodes hold.
//!
//! A proof needs no trust in whoever shows it: it is checked with the key of the liar, and what does not
//! verify is left out.
//!
//! Paper: Section VI-A, "a non-repudiable record of malpractice from one of the nodes".

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use futures::future::join_all;
use model::api::{Exhibit, PAGE_EXHIBITS_MAX, Progress, Request, Response};
use model::key::Zip215;
use model::{LieKind, Malpractice, NetworkId, NodeId, ShardId};
use tokio::time::Instant;

use crate::api::{Api, AskError};
use crate::connection::{ANSWER, Client, unexpected};

/// Pages that are asked for at one node. An honest one has fewer.
const PAGES_MAX: usize = 64;

/// What can be told of one node in one way only: in which shard it lied, and how.
type About = (NodeId, ShardId, LieKind);

/// The proof of a lie, which verifies, and who holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The proof.
    pub record: Malpractice,
    /// When one of the holders first came to it, in the time of its shard.
    pub seen: Progress,
    /// The nodes that hold a proof of this lie.
    pub held_by: Vec<NodeId>,
}

/// What nodes know of lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    /// One proof of each kind of lie of each node, in the order in which they came to light.
    pub proofs: Vec<Proof>,
    /// The nodes that could not be asked.
    pub silent: Vec<(NodeId, AskError)>,
    /// The nodes that showed what proves nothing, or is of another network.
    pub wrong: Vec<NodeId>,
}

impl<A: Api> Client<A> {
    /// Asks all nodes which lies they hold proofs of, and checks every one.
    pub async fn evidence(&self) -> Gathered {
        let network = self.network();
        let nodes: Vec<NodeId> = self.nodes().iter().map(|at| at.node).collect();
        let answers = join_all(nodes.iter().map(|node| self.evidence_of(node))).await;
        let mut found: BTreeMap<About, Proof> = BTreeMap::new();
        let mut gathered = Gathered::default();
        for (node, answer) in nodes.into_iter().zip(answers) {
            match answer {
                Err(error) => gathered.silent.push((node, error)),
                Ok(exhibits) => {
                    let count = exhibits.len();
                    let sound = exhibits.into_iter().filter(|one| is_sound(one, &network));
                    let sound: Vec<Exhibit> = sound.collect();
                    if sound.len() < count {
                        gathered.wrong.push(node);
                    }
                    sound.into_iter().for_each(|one| add(&mut found, one, node));
                }
            }
        }
        gathered.proofs = found.into_values().collect();
        gathered.proofs.sort_by_key(|proof| proof.seen.time);
        gathered
    }

    /// All that one node shows.
    async fn evidence_of(&self, node: &NodeId) -> Result<Vec<Exhibit>, AskError> {
        let mut exhibits = Vec::new();
        let until = self.deadline();
        for _ in 0..PAGES_MAX {
            let after = u32::try_from(exhibits.len()).unwrap_or(u32::MAX);
            let page = match self
                .api
                .ask_in_turn(node, Request::Evidence { after }, ANSWER)
                .await?
            {
                Response::Evidence(page) => page,
                Response::Refused(refused) => return Err(AskError::Silent(refused.to_string())),
                other => return Err(unexpected(&other)),
            };
            let more = page.more && !page.exhibits.is_empty();
            exhibits.extend(page.exhibits.into_iter().take(PAGE_EXHIBITS_MAX));
            // A node that always has more is not heard to the end.
            if !more || Instant::now() >= until {
                break;
            }
        }
        Ok(exhibits)
    }
}

fn is_sound(exhibit: &Exhibit, network: &NetworkId) -> bool {
    let (told_in, _) = exhibit.record.lie.told_in();
    told_in == *network && exhibit.record.verify(&mut Zip215).is_ok()
}

fn add(found: &mut BTreeMap<About, Proof>, exhibit: Exhibit, holder: NodeId) {
    let Exhibit { seen, record } = exhibit;
    let (_, shard) = record.lie.told_in();
    let about = (record.node, shard, record.lie.kind());
    let proof = found.entry(about).or_insert_with(|| Proof {
        record,
        seen,
        held_by: Vec::new(),
    });
    if seen.time < proof.seen.time {
        proof.seen = seen;
    }
    if !proof.held_by.contains(&holder) {
        proof.held_by.push(holder);
    }
}
