//! What a node can tell of what it has kept: blocks, decisions with their proofs, transactions.
//!
//! Everything is read from the tables and the log, so that it is the same after a restart, and so
//! that no reader is in the way of the event loop.
//!
//! Paper: Section III, Reads; Section IV-A, partial audits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use consensus::Record;
use consensus::message::{BLOCKS_BYTES_AIM, BLOCKS_MAX, Blocks};
use model::api::{Act, Found, Page, Progress, Refused};
use model::block::{Entry, decode_entries};
use model::merkle::{Lookup, SortedTree};
use model::receipt::{CertifiedResult, CertifiedResults};
use model::result::results_tree;
use model::state::Inventory;
use model::{Block, Certificate, Ending, Finalized, Hash, HeadCertificate, Height};
use model::{Object, ObjectId, Outcome, Transaction, TransactionId};

use crate::store::changes::{BlockRow, Place};
use crate::store::log::{Position, Reader};
use crate::store::states::States;
use crate::store::{Standing, State, StoreError};

/// Acts that are read at once.
const ACTS_AT_ONCE: usize = 64;

/// Trees of results that are kept. Clients ask about the blocks of the last second or two.
const TREES_MAX: usize = 64;

/// Bytes of blocks in one answer at most, half of what the protocol allows: the estimate below is
/// generous, and an answer that is too long would be no answer.
const BLOCKS_BYTES_LIMIT: usize = consensus::message::BLOCKS_BYTES_MAX / 2;

/// Reads what a node has kept.
pub struct Reads {
    state: Arc<State>,
    log: Reader,
    /// Where states for others are, if there are any.
    states: Option<States>,
    /// The trees of the blocks that were asked about last.
    trees: Mutex<BTreeMap<Height, Arc<SortedTree>>>,
}

impl Reads {
    /// Reads of this state and this log.
    #[must_use]
    pub fn new(state: Arc<State>, log: Reader) -> Self {
        Self {
            state,
            log,
            states: None,
            trees: Mutex::default(),
        }
    }

    /// The same, with states to hand to others.
    #[must_use]
    pub fn handing_out(self, states: States) -> Self {
        let states = Some(states);
        Self { states, ..self }
    }

    /// Whether the whole history of the shard is kept, and not only what came after some block.
    #[must_use]
    pub fn has_all(&self) -> bool {
        self.state.began().height == Height::ZERO
    }

    /// The newest state to hand to others whose head is certified; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn inventory(&self) -> Result<Option<Inventory>, StoreError> {
        let Some(states) = &self.states else {
            return Ok(None);
        };
        for height in states.heights() {
            let Some(head) = self.state.head(height)? else {
                continue;
            };
            match states.inventory(head) {
                Ok(Some(inventory)) => return Ok(Some(inventory)),
                Ok(None) => {} // dropped in between
                Err(error) => tracing::warn!(%height, %error, "cannot read a state for others"),
            }
        }
        Ok(None)
    }

    /// A piece of a state, as [`Reads::inventory`] names it; `None` if it is not kept any more.
    #[must_use]
    pub fn piece(&self, height: Height, number: u32) -> Option<Vec<u8>> {
        let read = self.states.as_ref()?.piece(height, number);
        read.inspect_err(|error| tracing::warn!(%height, %error, "cannot read a state for others"))
            .ok()?
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// How far the shard is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.state.progress()
    }

    /// The highest head that a quorum is known to have signed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn head(&self) -> Result<Option<HeadCertificate>, StoreError> {
        self.state.head(self.state.certified())
    }

    /// Why a transaction cannot be shown.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn undecided(&self, transaction: &TransactionId) -> Result<Refused, StoreError> {
        let (standing, progress) = self.state.standing(transaction)?;
        Ok(match standing {
            // It is, but not for anybody to believe: no quorum has signed it yet.
            Standing::Decided(_) => Refused::NotYet(progress),
            Standing::UnderWay => Refused::UnderWay(progress),
            Standing::Before => Refused::Unavailable,
            Standing::Unknown { .. } if self.has_all() => Refused::Unknown(progress),
            Standing::Unknown { since } => Refused::UnknownSince { progress, since },
        })
    }

    /// An active object, and the height at which it is.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn object(&self, id: &ObjectId) -> Result<Option<(Arc<Object>, Height)>, StoreError> {
        self.state.object(id)
    }

    /// See [`State::labelled`].
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn labelled(
        &self,
        label: Hash,
        after: Option<ObjectId>,
        count: usize,
    ) -> Result<Page, StoreError> {
        self.state.labelled(label, after, count)
    }

    /// The height of the block that decided a transaction.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn decided(&self, transaction: &TransactionId) -> Result<Option<Height>, StoreError> {
        Ok(self.state.place(transaction)?.map(|place| place.height))
    }

    /// What became of a transaction, if it is decided.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn decision(&self, transaction: &TransactionId) -> Result<Option<Outcome>, StoreError> {
        let Some(place) = self.state.place(transaction)? else {
            return Ok(None);
        };
        let block = self.state.block(place.height)?;
        let result = |block: BlockRow| {
            let result = block.results.get(place.index as usize)?;
            Some(result.outcome)
        };
        Ok(block.and_then(result))
    }

    /// The decision on a transaction, if there is one and a quorum has signed it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn outcome(
        &self,
        transaction: &TransactionId,
    ) -> Result<Option<CertifiedResult>, StoreError> {
        let Some(place) = self.state.place(transaction)? else {
            return Ok(None);
        };
        match self.state.block(place.height)? {
            Some(block) => self.certified(&block, place),
            None => Ok(None),
        }
    }

    /// All decisions of the block at a height, if a quorum has signed its head.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn results(&self, height: Height) -> Result<Option<CertifiedResults>, StoreError> {
        let head = self.state.head(height)?;
        let block = self.state.block(height)?;
        Ok(head.zip(block).map(|(head, block)| CertifiedResults {
            head,
            results: block.results,
        }))
    }

    /// A decided transaction.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn transaction(&self, id: &TransactionId) -> Result<Option<Found>, StoreError> {
        let Some(place) = self.state.place(id)? else {
            return Ok(None);
        };
        let (row, prepared) = (
            self.state.block(place.height)?,
            self.state.block(place.prepared)?,
        );
        let (Some(row), Some(prepared)) = (row, prepared) else {
            return Ok(None);
        };
        let block = self.block(prepared.position)?;
        let transaction = entry(&block, id)?;
        Ok(Some(Found {
            transaction: transaction.ok_or(StoreError::NotABlock(prepared.position))?,
            height: place.height,
            result: self.certified(&row, place)?,
        }))
    }

    /// What the shard has committed about shards, without the first so many: as many as make a good
    /// answer and have a proof.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn acts(&self, after: usize) -> Result<Vec<Act>, StoreError> {
        let mut acts = Vec::new();
        for id in self.state.acts(after).into_iter().take(ACTS_AT_ONCE) {
            let Some(found) = self.transaction(&id)? else {
                break;
            };
            let Some(result) = found.result else { break };
            acts.push(Act {
                transaction: found.transaction,
                result,
            });
        }
        Ok(acts)
    }

    /// Who consented to the plan that ended an epoch of the shard with the block at a height.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn ending(&self, height: Height) -> Result<Option<Ending>, StoreError> {
        let Some(row) = self.state.block(height)? else {
            return Ok(None);
        };
        let block = self.block(row.position)?;
        Ok(match decode_entries(&block.payload)?.pop() {
            Some(Entry::End(ending)) => Some(ending),
            _ => None,
        })
    }

    /// Final blocks from a height on: as many as make a good answer, ending in one that is final by
    /// a certificate of its own, or of the head after it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn blocks(&self, first: Height) -> Result<Blocks, StoreError> {
        let mut blocks: Vec<Finalized> = Vec::new();
        let mut bytes = 0;
        let mut height = first;
        while blocks.len() < BLOCKS_MAX && bytes < BLOCKS_BYTES_LIMIT {
            let Some(row) = self.state.block(height)? else {
                break;
            };
            let finalized = Finalized {
                block: self.block(row.position)?,
                certificate: row.certificate,
                head: self.state.head(height)?,
            };
            bytes += estimate(&finalized);
            let ends = finalized.certificate.is_some();
            blocks.push(finalized);
            if ends && bytes >= BLOCKS_BYTES_AIM {
                break;
            }
            height = height.next();
        }
        // What comes after the last certificate proves nothing yet.
        let is_proven = |block: &Finalized| block.certificate.is_some() || block.head.is_some();
        let proven = blocks.iter().rposition(is_proven);
        blocks.truncate(proven.map_or(0, |last| last + 1));
        Ok(Blocks { blocks })
    }

    /// The block that the log has at a place.
    fn block(&self, position: Position) -> Result<Block, StoreError> {
        match self.log.read(position)? {
            Record::Proposal(proposal) => Ok(proposal.block),
            Record::Block(block) => Ok(block),
            _ => Err(StoreError::NotABlock(position)),
        }
    }

    /// A decision of a block, if a quorum has signed the head after it.
    fn certified(
        &self,
        block: &BlockRow,
        place: Place,
    ) -> Result<Option<CertifiedResult>, StoreError> {
        let Some(head) = self.state.head(place.height)? else {
            return Ok(None);
        };
        let Some(result) = block.results.get(place.index as usize).copied() else {
            return Ok(None);
        };
        match self.tree(block).prove(&result.key()) {
            Lookup::Present(proof) => Ok(Some(CertifiedResult {
                result,
                proof,
                head,
            })),
            Lookup::Absent(_) => Ok(None),
        }
    }

    /// The tree of a block's results.
    fn tree(&self, block: &BlockRow) -> Arc<SortedTree> {
        let height = block.head.height;
        let mut trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tree) = trees.get(&height) {
            return Arc::clone(tree);
        }
        let tree = Arc::new(results_tree(&block.results));
        trees.insert(height, Arc::clone(&tree));
        if trees.len() > TREES_MAX {
            trees.pop_first();
        }
        tree
    }
}

/// The transaction of a block with this identifier.
fn entry(block: &Block, id: &TransactionId) -> Result<Option<Transaction>, StoreError> {
    let entries = decode_entries(&block.payload)?.into_iter();
    let mut transactions = entries.filter_map(|entry| match entry {
        Entry::Prepare(transaction) => Some(transaction),
        Entry::Deliver(_) | Entry::Change(_) | Entry::End(_) | Entry::Found(_) => None,
    });
    Ok(transactions.find(|transaction| transaction.body.id() == *id))
}

/// No fewer bytes than the encoding of a block in an answer has.
fn estimate(finalized: &Finalized) -> usize {
    /// Headers, heads and statements, all of fixed size.
    const FIXED: usize = 1_024;
    /// A seat, a signature and what goes around them.
    const SIGNATURE: usize = 80;
    let signers = |certificate: &Certificate| certificate.signatures.len();
    let own = finalized.certificate.as_ref().map_or(0, signers);
    let head = finalized
        .head
        .as_ref()
        .map_or(0, |head| signers(&head.certificate));
    finalized.block.payload.len() + FIXED + (own + head) * SIGNATURE
}
