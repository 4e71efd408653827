//! What the nodes have on their disks, read while they do not run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use audit::Replay;
use consensus::Record;
use model::key::Zip215;
use model::statement::{Height, Vote};
use model::{Committee, Genesis, Hash, NodeId, ShardId};
use node::Contracts;
use node::Reads;
use node::store::log::{LogError, Position};
use node::store::{Directory, Setup};
use testnet::local::{Layout, read_genesis};

use super::{SEED, Seen};

const SHARD: ShardId = ShardId::new(0);

/// The stores of all nodes of a network that has stopped.
pub(super) struct Books {
    genesis: Genesis,
    committee: Committee,
    nodes: Vec<Book>,
}

/// The store of one node.
struct Book {
    name: String,
    node: NodeId,
    reads: Reads,
    records: Vec<Record>,
    tip: Height,
    _directory: Directory,
}

impl Books {
    pub(super) fn open(directory: &Path) -> Self {
        let layout = Layout::of(directory);
        let network = layout
            .network()
            .expect("it can be read")
            .expect("it is kept");
        let genesis = read_genesis(&layout, network).expect("it can be read");
        let committee = genesis
            .committee(SHARD)
            .expect("it is there")
            .expect("in order");
        let members = genesis.shards[0].members.iter();
        let nodes = members
            .map(|member| {
                let path = layout.root().join("nodes").join(&member.name).join("store");
                Book::open(&path, &genesis, member.name.clone(), member.node)
            })
            .collect();
        Self {
            genesis,
            committee,
            nodes,
        }
    }

    /// Checks the books against each other, and against what users have seen.
    pub(super) fn check(&self, seen: &Seen) {
        for book in &self.nodes {
            book.signs_nothing_that_conflicts();
            book.has_all(seen, &self.committee);
        }
        let tips: BTreeSet<Height> = self.nodes.iter().map(|book| book.tip).collect();
        assert_eq!(tips.len(), 1, "seed {SEED}: all nodes have the same blocks");
        self.nodes[0].is_in_order(&self.genesis);
    }
}

impl Book {
    fn open(path: &Path, genesis: &Genesis, name: String, node: NodeId) -> Self {
        let directory = Directory::open(path).expect("the node has stopped");
        let labels = Contracts::system().labels;
        let (shard, setup) = (SHARD, genesis);
        let setup = Setup {
            genesis: setup,
            shard,
            node,
            labels,
        };
        let (store, _) = directory.store(setup).expect("it is in order");
        let mut records = Vec::new();
        let read = store.reader().replay_from(Position::FIRST, |_, record| {
            records.push(record);
            Ok::<(), LogError>(())
        });
        read.unwrap_or_else(|error| panic!("seed {SEED}: the log of {name}: {error}"));
        let state = store.state();
        Self {
            name,
            node,
            tip: state.tip().height,
            reads: Reads::new(state, store.reader()),
            records,
            _directory: directory,
        }
    }

    /// Per slot a member notarizes one block at most and finalizes no other, and it does not both skip
    /// and finalize. Per height it signs one head, and as a leader it proposes one block per slot.
    fn signs_nothing_that_conflicts(&self) {
        let mut blocks: BTreeMap<u64, Hash> = BTreeMap::new();
        let (mut skipped, mut finalized) = (BTreeSet::new(), BTreeSet::new());
        let mut heads: BTreeMap<u64, Hash> = BTreeMap::new();
        let mut votes = 0;
        let same = |known: &mut BTreeMap<u64, Hash>, at: u64, hash: Hash, what: &str| {
            let before = *known.entry(at).or_insert(hash);
            assert_eq!(
                before, hash,
                "seed {SEED}: two {what} of {} at {at}",
                self.name
            );
        };
        for record in &self.records {
            match record {
                Record::Vote { slot, vote } => {
                    let slot = slot.number();
                    votes += 1;
                    match vote {
                        Vote::Notarize(hash) => same(&mut blocks, slot, *hash, "votes"),
                        Vote::Finalize(hash) => {
                            same(&mut blocks, slot, *hash, "votes");
                            finalized.insert(slot);
                        }
                        Vote::Skip => {
                            skipped.insert(slot);
                        }
                    }
                }
                Record::Head(head) => {
                    same(&mut heads, head.height.number(), head.hash(), "heads");
                }
                Record::Malpractice(malpractice) => {
                    panic!("seed {SEED}: {} saw {malpractice:?}", self.name)
                }
                _ => {}
            }
        }
        let both: Vec<_> = skipped.intersection(&finalized).collect();
        assert_eq!(
            both,
            Vec::<&u64>::new(),
            "seed {SEED}: {} skipped too",
            self.name
        );
        assert!(votes > 0, "seed {SEED}: {} has never voted", self.name);
    }

    /// Whatever was proven to a user is kept, and whatever was sent is decided.
    fn has_all(&self, seen: &Seen, committee: &Committee) {
        for id in &seen.sent {
            let found = self.reads.outcome(id).expect("it can be read");
            let found = found.unwrap_or_else(|| panic!("seed {SEED}: {} lost {id}", self.name));
            let proven = found.verify(committee, &mut Zip215);
            assert_eq!(
                proven,
                Ok(()),
                "seed {SEED}: {} has no proof of {id}",
                self.name
            );
            let outcome = found.result.outcome;
            assert_eq!(seen.decided.get(id), Some(&outcome), "seed {SEED}: {id}");
        }
        assert!(seen.decided.keys().all(|id| seen.sent.contains(id)));
    }

    /// The chain of this node is that of an honest shard from its first block to its last.
    fn is_in_order(&self, genesis: &Genesis) {
        let checkers = Contracts::system().checkers;
        let audit = Replay::new(genesis, SHARD, checkers);
        let mut audit = audit.expect("the network starts with the shard");
        let mut next = Height::new(1);
        while next <= self.tip {
            let found = self.reads.blocks(next).expect("they can be read");
            assert!(!found.blocks.is_empty(), "seed {SEED}: no block at {next}");
            for block in &found.blocks {
                let audited = audit.block(block, &mut Zip215);
                assert!(audited.is_ok(), "seed {SEED}: {} {audited:?}", self.node);
                next = next.next();
            }
        }
        let end = audit.finish().map(|(height, _)| height);
        assert_eq!(end.ok(), Some(self.tip), "seed {SEED}: the end is final");
    }
}
