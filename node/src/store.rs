//! What a node keeps (decision D22): a log, which is the truth, and tables, which are derived from it.
//!
//! ```text
//!    replica ---records---> log (append, sync)              promises become durable here
//!       |                    ^  |
//!       |                    |  '--- replay of the tail when the node starts
//!       '----applied----> state = tables, and over them what has changed since
//!                            |
//!                            '--- flush: now and then, behind the log, one transaction
//! ```
//!
//! Nothing here has a thread or a clock: a [`Store`] is driven by one caller, in the order of the
//! replica's outputs, so that a simulator can drive it over a disk that crashes. [`State`] and
//! [`log::Reader`] are what others read from meanwhile.
//!
//! Paper: Section IV-A, the node hash chain. sbac.md, 5.13.

pub mod changes;
mod directory;
mod error;
mod evidence;
pub mod log;
pub mod medium;
mod recovery;
mod state;
pub mod states;
mod tables;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use consensus::ledger::Foreign;
use consensus::replica::{AppliedBlock, Open};
use consensus::{Ledger, Record};
use model::api::Progress;
use model::block::BlockRef;
use model::statement::{Height, Scope};
use model::{Epoch, EpochChange, Fact, Genesis, HeadCertificate, NodeId, Outcome, ShardId};
use redb::StorageBackend;

pub use directory::Directory;
pub use error::StoreError;
pub(crate) use evidence::Liars;
pub use recovery::{Recovered, RecoveryError};
pub use state::{Standing, State};

use crate::labels::Labels;
use changes::{BlockRow, Changes};
use log::{Log, LogError, Owner, Position, Torn};
use medium::Medium;
use tables::{Checkpoint, Identity, Tables};

/// Whose store it is.
pub struct Setup<'a> {
    /// The genesis document of the network.
    pub genesis: &'a Genesis,
    /// The shard.
    pub shard: ShardId,
    /// The node.
    pub node: NodeId,
    /// Under which labels objects are listed.
    pub labels: Arc<dyn Labels>,
}

/// A store, as the one who writes it holds it.
pub struct Store {
    log: Log,
    state: Arc<State>,
    labels: Arc<dyn Labels>,
    scope: Scope,
    /// Where the log has blocks that are not applied yet.
    bodies: BTreeMap<BlockRef, Position>,
}

/// Where a store that was opened stands, and how it goes on from there.
pub struct Start {
    /// The ledger that the tables hold.
    pub ledger: Ledger,
    /// What the replica held beyond its ledger when the tables were written.
    pub open: Vec<Record>,
    /// The first record of the log that the tables do not reflect.
    pub position: Position,
    /// What was known of shards and epochs when the tables were written.
    pub facts: Vec<Fact>,
    /// Whether there was nothing before.
    pub is_new: bool,
    /// What was cut off the end of the log.
    pub torn: Option<Torn>,
}

/// What a node begins with that does not replay the history of its shard.
pub struct Inheritance {
    /// The ledger at some height.
    pub ledger: Ledger,
    /// The head at that height.
    pub head: HeadCertificate,
}

/// Changes on their way to the tables, and all that goes with them.
pub struct Flush {
    state: Arc<State>,
    changes: Arc<Changes>,
    checkpoint: Checkpoint,
}

impl Store {
    /// Opens a store, or begins one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it is damaged, or not that of this node.
    pub fn open(
        medium: Arc<dyn Medium>,
        backend: impl StorageBackend,
        setup: Setup<'_>,
    ) -> Result<(Self, Start), StoreError> {
        let network = setup.genesis.network();
        let identity = Identity {
            network,
            node: setup.node,
            shard: setup.shard,
        };
        let owner = Owner {
            network,
            node: setup.node,
        };
        let tables = Tables::open(backend, &identity, is_blank(&*medium)?)?;
        let snapshot = tables.snapshot()?;
        let checkpoint = snapshot.checkpoint()?;
        let confirmed = checkpoint
            .as_ref()
            .map_or(Position::FIRST, |kept| kept.position);
        let (log, torn) = Log::open(medium, owner, confirmed)?;

        let (acts, evidence) = (snapshot.acts()?, snapshot.evidence()?);
        let genesis = Ledger::genesis(setup.genesis, setup.shard);
        let is_new = checkpoint.is_none();
        let checkpoint = checkpoint.unwrap_or_else(|| Checkpoint::of_genesis(&genesis));
        let ledger = if is_new {
            genesis
        } else {
            let foreign = checkpoint.foreign.iter().cloned();
            let foreign = foreign.map(|record| (record.shard, Foreign::of(record)));
            let state = consensus::ledger::State {
                objects: snapshot.objects()?,
                decided: snapshot.decided()?,
                sessions: snapshot.sessions(&network)?,
                foreign: foreign.collect(),
            };
            let policy = Arc::new(setup.genesis.policy());
            Ledger::restore(checkpoint.scope, checkpoint.tip, policy, state)
        };
        let state = State::new(tables, &checkpoint, acts, evidence);
        let store = Self {
            log,
            state: Arc::new(state),
            labels: setup.labels,
            scope: checkpoint.scope,
            bodies: checkpoint.bodies.into_iter().collect(),
        };
        if is_new {
            store.begin(&ledger);
        }
        let start = Start {
            ledger,
            open: checkpoint.open,
            facts: checkpoint.facts,
            position: checkpoint.position,
            is_new,
            torn,
        };
        Ok((store, start))
    }

    /// The first objects are changes too: the tables begin empty.
    fn begin(&self, genesis: &Ledger) {
        self.state.change(None, |changes| {
            for (id, object) in &genesis.state.objects {
                changes.create(*id, object, &*self.labels);
            }
        });
    }

    /// Whether nothing has ever been appended to the log.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.log.end() == Position::FIRST
    }

    /// Begins a store that is new with a state instead of the first objects. Write the tables before
    /// anything else: the log says nothing of this state.
    pub fn inherit(&mut self, inheritance: &Inheritance) {
        let Inheritance { ledger, head } = inheritance;
        self.scope = ledger.scope;
        self.state.begin_at(ledger.tip, |changes| {
            for (id, object) in &ledger.state.objects {
                changes.create(*id, object, &*self.labels);
            }
            changes.remember(&ledger.state);
        });
        self.state.certify(head.clone());
    }

    /// Appends records to the log. They survive a crash of the process from now on, and one of the
    /// machine after [`Store::sync`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Log`]; then the node must stop.
    pub fn append<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Record> + Clone,
    ) -> Result<(), StoreError> {
        let positions = self.log.append(records.clone())?;
        for (record, position) in records.zip(positions) {
            self.note(record, position);
        }
        Ok(())
    }

    /// Makes durable all that was appended.
    ///
    /// # Errors
    ///
    /// [`StoreError::Log`]; then the node must stop.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        Ok(self.log.sync()?)
    }

    /// A block was applied to the ledger.
    ///
    /// # Panics
    ///
    /// If the log does not have the block: a replica keeps a block before it applies it.
    pub fn applied(&mut self, block: &AppliedBlock) {
        let AppliedBlock {
            block,
            certificate,
            applied,
        } = block;
        let name = block.name();
        let position = self.bodies.remove(&name);
        // Blocks are applied in the order of their slots, so those that are left behind never will.
        self.bodies.retain(|body, _| body.slot > name.slot);
        let row = BlockRow {
            position: position.expect("a block is kept before it is applied"),
            head: applied.head.clone(),
            certificate: certificate.clone(),
            results: applied.results.clone(),
        };
        let tip = consensus::ledger::Tip {
            block: name,
            epoch: applied.head.scope.epoch,
            height: applied.head.height,
            time: applied.head.time,
            head: applied.head.hash(),
        };
        self.state.change(Some(tip), |changes| {
            for (id, object) in &applied.consumed {
                changes.consume(*id, object, &*self.labels);
            }
            for (id, object) in &applied.created {
                changes.create(*id, object, &*self.labels);
            }
            changes.decide(row, applied);
        });
        let decided = applied.concluded.iter().zip(&applied.results);
        let acts = decided.filter(|((transaction, _), result)| {
            result.outcome == Outcome::Committed && self.labels.is_act(transaction.body())
        });
        self.state
            .enact(acts.map(|((transaction, _), _)| transaction.id()));
    }

    /// The epoch that the shard is in.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.scope.epoch
    }

    /// An epoch has begun.
    pub fn entered(&mut self, change: &EpochChange) {
        self.scope.epoch = change.next.epoch;
    }

    /// A quorum has signed the head of an applied block.
    pub fn certified(&self, head: HeadCertificate) {
        self.state.certify(head);
    }

    /// Puts aside what has changed since the last flush, to be written by [`Flush::commit`]. `open`
    /// is what the replica holds beyond that at this moment.
    ///
    /// # Errors
    ///
    /// [`StoreError::Log`]: the log is synced first, for tables must not know what it could lose.
    ///
    /// # Panics
    ///
    /// If the flush before this one has not been committed.
    pub fn flush(&mut self, open: Open) -> Result<Flush, StoreError> {
        self.sync()?;
        Ok(self.flush_up_to(self.log.end(), open))
    }

    /// A flush of what the records before `position` have changed.
    pub(crate) fn flush_up_to(&self, position: Position, open: Open) -> Flush {
        let foreign = open.foreign.iter();
        let checkpoint = Checkpoint {
            scope: Scope {
                epoch: open.epoch,
                ..self.scope
            },
            tip: self.state.tip(),
            began: self.state.began(),
            certified: self.state.certified(),
            position,
            bodies: self.bodies.iter().map(|(name, at)| (*name, *at)).collect(),
            open: open.records,
            foreign: foreign.map(|(shard, heard)| heard.record(*shard)).collect(),
            facts: open.directory.facts(),
        };
        Flush {
            state: Arc::clone(&self.state),
            changes: self.state.freeze(),
            checkpoint,
        }
    }

    /// The state, for readers.
    #[must_use]
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.state)
    }

    /// The log, for readers.
    #[must_use]
    pub fn reader(&self) -> log::Reader {
        self.log.reader()
    }

    /// Remembers where a block is, until it is applied, and proofs of lies for ever.
    fn note(&mut self, record: &Record, position: Position) {
        let block = match record {
            Record::Proposal(proposal) => &proposal.block,
            Record::Block(block) => block,
            Record::Reserved(_)
            | Record::Vote { .. }
            | Record::Certificate(_)
            | Record::Head { .. }
            | Record::HeadCertificate(_)
            | Record::Change(_)
            | Record::Abstain(_) => return,
            Record::Malpractice(record) => return self.state.exhibit(record),
        };
        if block.header.slot > self.state.tip().block.slot {
            self.bodies.insert(block.name(), position);
        }
    }
}

/// Whether nothing has ever been appended to the log on a medium, which need not have been begun.
fn is_blank(medium: &dyn Medium) -> Result<bool, StoreError> {
    let Position { segment, offset } = Position::FIRST;
    let look = || -> io::Result<bool> {
        let segments = medium.list()?;
        if segments.is_empty() {
            return Ok(true);
        }
        Ok(segments == [segment] && medium.length(segment)? <= offset)
    };
    look().map_err(|reason| {
        let (doing, file) = ("look at", medium.name(segment));
        LogError::Disk {
            doing,
            file,
            reason,
        }
        .into()
    })
}

impl Flush {
    /// Writes the tables: all of it, durably, or nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Tables`]; then the node must stop.
    pub fn commit(self) -> Result<(), StoreError> {
        self.state.commit(&self.changes, &self.checkpoint)
    }
}

impl Checkpoint {
    /// Where a store begins that has never been flushed: with the whole log.
    fn of_genesis(ledger: &Ledger) -> Self {
        Self {
            scope: ledger.scope,
            tip: ledger.tip,
            began: Progress {
                height: ledger.tip.height,
                time: ledger.tip.time,
            },
            certified: Height::ZERO,
            position: Position::FIRST,
            bodies: Vec::new(),
            open: Vec::new(),
            foreign: Vec::new(),
            facts: Vec::new(),
        }
    }
}
