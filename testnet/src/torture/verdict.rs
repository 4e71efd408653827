//! What must be true when everything is over, read from the disks of nodes that have stopped.
//!
//! All nodes of a shard have one head, and are in the last epoch that it has begun. The whole history of each shard is replayed by `audit`, which
//! shares no code with the nodes, and ends in that head; the histories of any two shards fit together.
//! No object is locked. What the accounts hold together is what there was at first. And every
//! transaction that is in any chain has ended in one way in all shards that it concerns.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use audit::{Replay, compatible};
use client::Amount;
use consensus::sbac::session::Stage;
use contracts::Content as _;
use model::block::{Entry, decode_entries};
use model::key::Zip215;
use model::{Epoch, Finalized, Genesis, Hash, Height, NodeId, Outcome, ShardId, TransactionId};
use node::Contracts;
use node::Reads;
use node::store::{Directory, Setup};
use system_contracts::cscoin::{self, Account};
use system_contracts::genesis::supply;

use super::seen::Seen;
use crate::bench::BenchError;
use crate::local::Layout;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// The height of each shard, in their order.
    pub heights: Vec<u64>,
    /// Transactions in all chains, each counted once.
    pub transactions: u64,
    /// Those of them that concern several shards.
    pub across: u64,
    /// What all accounts hold.
    pub supply: Option<Amount>,
    /// What is broken, each in a sentence. None: everything is in order.
    pub broken: Vec<String>,
}

/// The disk of one node.
struct Book {
    name: String,
    reads: Reads,
    height: Height,
    head: Hash,
    epoch: Epoch,
    /// Objects that are locked.
    locked: usize,
    /// Transactions that several shards have begun and this one has not decided.
    undecided: usize,
    _directory: Directory,
}

/// The fate of a transaction.
#[derive(Default)]
struct Fate {
    /// The shards that it concerns.
    participants: BTreeSet<ShardId>,
    /// What each that has ended it made of it.
    outcomes: BTreeMap<ShardId, Outcome>,
}

/// Reads the disks of all nodes, and compares them with what the wallets know, and with the last epoch of
/// each shard where it is known.
///
/// # Errors
///
/// [`BenchError::Wrong`] if a store cannot be read at all.
pub(super) fn reach(
    layout: &Layout,
    genesis: &Genesis,
    seen: &Seen,
    epochs: &BTreeMap<ShardId, Epoch>,
) -> Result<Verdict, BenchError> {
    let mut verdict = Verdict::default();
    let mut replays = Vec::new();
    let mut fates: BTreeMap<TransactionId, Fate> = BTreeMap::new();
    for shard in &genesis.shards {
        let number = shard.shard;
        let members = shard.members.iter();
        let books = members
            .map(|member| Book::open(layout, genesis, number, &member.name, member.node))
            .collect::<Result<Vec<_>, _>>()?;
        verdict.agreed(number, &books);
        verdict.up_to_date(&books, epochs.get(&number).copied());
        let Some(first) = books.first() else { continue };
        verdict.heights.push(first.height.number());
        let replay = verdict.audited(genesis, number, first, &mut fates)?;
        replays.extend(replay.map(|replay| (number, replay)));
    }
    verdict.together(&replays);
    verdict.supplied(genesis, &replays);
    verdict.settled(&fates);
    verdict.kept(&fates, seen);
    Ok(verdict)
}

impl Verdict {
    fn broken(&mut self, what: impl Into<String>) {
        self.broken.push(what.into());
    }

    /// All nodes of a shard have one head, and none has begun what it has not decided.
    fn agreed(&mut self, shard: ShardId, books: &[Book]) {
        let heads: BTreeSet<_> = books.iter().map(|book| (book.height, book.head)).collect();
        if heads.len() != 1 {
            let heads = books
                .iter()
                .map(|book| (&book.name, book.height, book.head));
            let heads: Vec<_> = heads.collect();
            self.broken(format!(
                "the nodes of shard {shard} have different heads: {heads:?}"
            ));
        }
        for book in books {
            let Book { name, locked, .. } = book;
            if *locked > 0 {
                self.broken(format!("{name} still locks {locked} objects"));
            }
            if book.undecided > 0 {
                let undecided = book.undecided;
                self.broken(format!("{name} has not decided {undecided} transactions"));
            }
        }
    }

    /// All nodes of a shard are in its last epoch.
    fn up_to_date(&mut self, books: &[Book], last: Option<Epoch>) {
        let last = last.unwrap_or(Epoch::ZERO);
        for book in books.iter().filter(|book| book.epoch != last) {
            let Book { name, epoch, .. } = book;
            self.broken(format!(
                "{name} is in epoch {epoch}, and its shard in {last}"
            ));
        }
    }

    /// The history of a shard is in order, and ends where its nodes are.
    fn audited(
        &mut self,
        genesis: &Genesis,
        shard: ShardId,
        book: &Book,
        fates: &mut BTreeMap<TransactionId, Fate>,
    ) -> Result<Option<Replay>, BenchError> {
        let checkers = Contracts::system().checkers;
        let Some(mut replay) = Replay::new(genesis, shard, checkers) else {
            self.broken(format!("the network does not start with shard {shard}"));
            return Ok(None);
        };
        let mut next = Height::new(1);
        while next <= book.height {
            let found = book.reads.blocks(next).map_err(unreadable)?;
            if found.blocks.is_empty() {
                self.broken(format!("{} has no final block at {next}", book.name));
                return Ok(None);
            }
            for block in &found.blocks {
                if let Err(finding) = replay.block(block, &mut Zip215) {
                    let (height, problem) = (finding.height, finding.problem);
                    self.broken(format!("shard {shard} at height {height}: {problem}"));
                    return Ok(None);
                }
                book.enter(shard, block, fates)?;
                next = next.next();
            }
        }
        match replay.finish() {
            Ok(end) if end == (book.height, book.head) => {}
            Ok((height, head)) => self.broken(format!(
                "the audit of shard {shard} ends at height {height} with head {head}, and {} at {} \
                 with {}",
                book.name, book.height, book.head
            )),
            Err(finding) => self.broken(format!("shard {shard}: {}", finding.problem)),
        }
        Ok(Some(replay))
    }

    /// The histories of any two shards fit together.
    fn together(&mut self, replays: &[(ShardId, Replay)]) {
        for (at, (one, first)) in replays.iter().enumerate() {
            for (other, second) in &replays[at + 1..] {
                if let Err(finding) = compatible(first, second) {
                    let problem = finding.problem;
                    self.broken(format!("shards {one} and {other}: {problem}"));
                }
            }
        }
    }

    /// All accounts together hold what there was at first.
    fn supplied(&mut self, genesis: &Genesis, replays: &[(ShardId, Replay)]) {
        let objects = replays
            .iter()
            .flat_map(|(_, replay)| replay.active().values());
        let accounts = objects.filter(|object| object.object_type.contract == cscoin::id());
        let balances = accounts.map(|object| Account::read(cscoin::id(), object));
        let sum = balances.map(|account| account.map_or(0, |account| account.balance));
        let (found, expected) = (sum.sum::<u64>(), supply(genesis));
        self.supply = Some(Amount::from_ncsc(found));
        if expected != Some(found) {
            self.broken(format!(
                "all accounts hold {found} ncsc, and {expected:?} were there at first"
            ));
        }
    }

    /// Every transaction has ended in one way in all shards that it concerns.
    fn settled(&mut self, fates: &BTreeMap<TransactionId, Fate>) {
        for (id, fate) in fates {
            self.transactions += 1;
            self.across += u64::from(fate.participants.len() > 1);
            let committed = |outcome: &&Outcome| **outcome == Outcome::Committed;
            let commits = fate.outcomes.values().filter(committed).count();
            if commits > 0 && commits < fate.participants.len() {
                let outcomes = &fate.outcomes;
                self.broken(format!(
                    "transaction {id} is not committed everywhere: {outcomes:?}"
                ));
            }
        }
    }

    /// What was proven to a wallet is what the chains say.
    fn kept(&mut self, fates: &BTreeMap<TransactionId, Fate>, seen: &Seen) {
        for id in &seen.split {
            self.broken(format!(
                "transaction {id} was both committed and aborted for a wallet"
            ));
        }
        for (id, outcome) in &seen.decided {
            let committed = *outcome == Outcome::Committed;
            let fate = fates.get(id);
            let found = fate.is_some_and(|fate| {
                let mut outcomes = fate.outcomes.values();
                outcomes.any(|found| (*found == Outcome::Committed) == committed)
            });
            if !found {
                self.broken(format!(
                    "a wallet has seen {outcome:?} of {id}, and no chain has it"
                ));
            }
        }
    }
}

impl Book {
    fn open(
        layout: &Layout,
        genesis: &Genesis,
        shard: ShardId,
        name: &str,
        node: NodeId,
    ) -> Result<Self, BenchError> {
        let directory = Directory::open(layout.store(name)).map_err(unreadable)?;
        let setup = Setup {
            genesis,
            shard,
            node,
            labels: Contracts::system().labels,
        };
        let (store, start) = directory.store(setup).map_err(unreadable)?;
        let tip = start.ledger.tip;
        let sessions = start.ledger.state.sessions.values();
        let undecided = sessions.filter(|session| !matches!(session.stage, Stage::Decided { .. }));
        let undecided = undecided.count();
        Ok(Self {
            name: name.to_owned(),
            reads: Reads::new(store.state(), store.reader()),
            height: tip.height,
            head: tip.head,
            epoch: start.ledger.scope.epoch,
            locked: start.ledger.locked().count(),
            undecided,
            _directory: directory,
        })
    }

    /// Notes what a block begins and ends.
    fn enter(
        &self,
        shard: ShardId,
        block: &Finalized,
        fates: &mut BTreeMap<TransactionId, Fate>,
    ) -> Result<(), BenchError> {
        let entries = decode_entries(&block.block.payload);
        let entries = entries.map_err(|error| BenchError::Wrong(error.to_string()))?;
        for entry in entries {
            if let Entry::Prepare(transaction) = entry {
                let fate = fates.entry(transaction.body.id()).or_default();
                fate.participants.extend(transaction.body.participants);
            }
        }
        let height = block.block.header.height;
        let row = self.reads.state().block(height).map_err(unreadable)?;
        for result in row.into_iter().flat_map(|row| row.results) {
            let fate = fates.entry(result.transaction).or_default();
            fate.outcomes.insert(shard, result.outcome);
        }
        Ok(())
    }
}

fn unreadable(error: node::store::StoreError) -> BenchError {
    BenchError::Wrong(format!("a node's store cannot be read: {error}"))
}
