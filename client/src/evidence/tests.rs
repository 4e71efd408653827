//! Gathering proofs from nodes that do not all tell the truth.

use std::time::Duration;

use model::api::{EvidencePage, Refused};
use model::statement::{Slot, Statement, Vote};
use model::{Hash, Height, Lie, Time};

use super::*;
use crate::connection::{Endpoints, NodeEndpoint, Options};
use crate::testing::{SHARD, World, secret};

/// Nodes with what each of them shows; those without anything do not answer.
struct Shelf(BTreeMap<NodeId, Vec<Exhibit>>);

impl Api for Shelf {
    fn introduce(&self, _: NodeEndpoint) {}

    async fn ask(
        &self,
        node: &NodeId,
        request: Request,
        _: Duration,
    ) -> Result<Response, AskError> {
        let Request::Evidence { after } = request else {
            return Ok(Response::Refused(Refused::Unavailable));
        };
        let shown = self.0.get(node);
        let shown = shown.ok_or_else(|| AskError::Silent("it is away".to_owned()))?;
        let rest = &shown[(after as usize).min(shown.len())..];
        let page = &rest[..rest.len().min(PAGE_EXHIBITS_MAX)];
        Ok(Response::Evidence(EvidencePage {
            exhibits: page.to_vec(),
            more: page.len() < rest.len(),
        }))
    }
}

const A: Vote = Vote::Notarize(Hash::from_bytes([1; 32]));
const B: Vote = Vote::Notarize(Hash::from_bytes([2; 32]));

/// Two votes of a node for one slot, seen at a time.
fn votes(world: &World, liar: usize, slot: u64, [first, second]: [Vote; 2], seen: u64) -> Exhibit {
    let committee = world.genesis.committee(SHARD).unwrap().unwrap();
    let signed = |vote| {
        let slot = Slot::new(slot);
        let statement = Statement::Vote { slot, vote };
        let bytes = statement.signing_bytes(committee.scope());
        (statement, secret(liar).sign(&bytes))
    };
    Exhibit {
        seen: Progress {
            height: Height::new(seen),
            time: Time::from_ms(seen),
        },
        record: Malpractice {
            node: NodeId::new(secret(liar).public()),
            lie: Lie::Statements {
                scope: *committee.scope(),
                first: signed(first),
                second: signed(second),
            },
        },
    }
}

/// What four nodes, each of which shows these, are gathered to show together.
async fn gathered(world: &World, shown: [Option<Vec<Exhibit>>; 4]) -> (Vec<NodeId>, Gathered) {
    let nodes = world.genesis.shards[0].members.iter();
    let nodes: Vec<NodeId> = nodes.map(|member| member.node).collect();
    let endpoints = Endpoints {
        genesis: world.genesis.clone(),
        nodes: nodes
            .iter()
            .map(|node| NodeEndpoint {
                name: node.to_string(),
                node: *node,
                address: String::new(),
            })
            .collect(),
    };
    let shelf = nodes.iter().zip(shown);
    let shelf = shelf.filter_map(|(node, shown)| Some((*node, shown?)));
    let shelf = Shelf(shelf.collect());
    let client = Client::over(endpoints, Options::default(), shelf).unwrap();
    let gathered = client.evidence().await;
    (nodes, gathered)
}

#[tokio::test]
async fn proofs_of_one_lie_are_one_proof_and_those_who_do_not_answer_are_named() {
    let world = World::new(&[1]);
    let early = votes(&world, 3, 7, [A, B], 10);
    let late = votes(&world, 3, 8, [A, B], 20);
    let shown = [
        Some(vec![late]),
        Some(vec![early.clone()]),
        Some(Vec::new()),
        None,
    ];
    let (nodes, gathered) = gathered(&world, shown).await;
    let [proof] = &gathered.proofs[..] else {
        panic!("one proof: {gathered:?}");
    };
    assert_eq!(proof.seen, early.seen);
    assert_eq!(proof.held_by, nodes[..2]);
    assert_eq!(gathered.silent.len(), 1);
    assert_eq!(gathered.silent[0].0, nodes[3]);
    assert_eq!(gathered.wrong, []);
}

#[tokio::test]
async fn what_proves_nothing_is_left_out_and_whoever_shows_it_is_named() {
    let world = World::new(&[1]);
    let sound = votes(&world, 3, 7, [A, B], 10);
    let mut forged = sound.clone();
    forged.record.node = NodeId::new(secret(2).public());
    let honest = votes(&world, 2, 7, [A, A], 5);
    let mut foreign = sound.clone();
    if let Lie::Statements { scope, .. } = &mut foreign.record.lie {
        scope.network = NetworkId::from_bytes([9; 32]);
    }
    let shown = [
        Some(vec![forged, sound.clone()]),
        Some(vec![honest]),
        Some(vec![foreign]),
        Some(Vec::new()),
    ];
    let (nodes, gathered) = gathered(&world, shown).await;
    let records: Vec<_> = gathered.proofs.iter().map(|proof| &proof.record).collect();
    assert_eq!(records, [&sound.record]);
    assert_eq!(gathered.wrong, nodes[..3]);
}

#[tokio::test]
async fn all_pages_are_read_and_no_more_than_there_may_be() {
    let world = World::new(&[1]);
    let many: Vec<_> = (0..40)
        .map(|slot| votes(&world, 3, slot, [A, B], 100 - slot))
        .collect();
    let shown = [Some(many), None, None, None];
    let (_, gathered) = gathered(&world, shown).await;
    // The last of them, on the second page, was seen first.
    assert_eq!(gathered.proofs[0].seen.time, Time::from_ms(61));
}
