//! Getting a node back from its store: the ledger from the tables, the rest from the log.
//!
//! If the tables are lost or were never written, the whole log is replayed. It takes longer, and
//! nothing else is different. Only a node that began with a state cannot do without them: that state is in no
//! log.

use consensus::replica::{Contradiction, Output};
use consensus::{Record, Replica};

use super::error::TABLES_FILE;
use super::log::{LogError, Position};
use super::{Store, StoreError};

/// Records between two looks at how far a replay is.
const STRIDE: u64 = 10_000;

/// Applied blocks after which a replay writes the tables, so that it holds little in memory.
const FLUSH_BLOCKS: u64 = 2_000;

/// What a replay did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Records of the log that were replayed.
    pub records: u64,
    /// Blocks that they applied.
    pub blocks: u64,
}

/// Why a node cannot be got back.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state contradicts what the log says was signed.
    #[error("{contradiction} (byte {} of segment {} of the log)", .position.offset, .position.segment)]
    Contradiction {
        /// The record that shows it.
        position: Position,
        /// What is contradicted.
        contradiction: Contradiction,
    },
    /// The tables are gone, and the log does not begin at genesis.
    #[error(
        "the file `{TABLES_FILE}` of the node is gone, and it alone had the state that the node began with; \
         put a copy of it back, or leave its keys and its folder alone, make a new node with \
         `chainspace node init`, and let the shard take that one instead"
    )]
    WithoutState,
}

impl RecoveryError {
    /// The same, of a node that has come to no block: what is in its log follows on nothing that it has.
    pub(crate) fn without_tables(self) -> Self {
        match self {
            Self::Contradiction {
                contradiction: Contradiction::KeptBlock { .. },
                ..
            } => Self::WithoutState,
            other => other,
        }
    }
}

impl From<LogError> for RecoveryError {
    fn from(error: LogError) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Gives a replica, made with the ledger that [`Store::open`] found, the rest of what it knew.
    ///
    /// # Errors
    ///
    /// [`RecoveryError`]; then the node must not take part.
    pub fn recover(
        &mut self,
        replica: &mut Replica,
        open: Vec<Record>,
        position: Position,
    ) -> Result<Recovered, RecoveryError> {
        let mut recovered = Recovered::default();
        for record in open {
            self.restore(replica, position, record)?;
        }
        let mut unflushed = 0;
        self.reader().replay_from(position, |at, record| {
            if unflushed >= FLUSH_BLOCKS && !replica.is_closing() {
                self.flush_up_to(at, replica.open()).commit()?;
                unflushed = 0;
            }
            self.note(&record, at);
            let blocks = self.restore(replica, at, record)?;
            unflushed += blocks;
            recovered.records += 1;
            recovered.blocks += blocks;
            if recovered.records.is_multiple_of(STRIDE) {
                let height = self.state.tip().height;
                tracing::info!(records = recovered.records, %height, "replaying the log");
            }
            Ok::<(), RecoveryError>(())
        })?;
        Ok(recovered)
    }

    /// Restores one record and takes in what it did. Returns how many blocks it applied.
    fn restore(
        &mut self,
        replica: &mut Replica,
        position: Position,
        record: Record,
    ) -> Result<u64, RecoveryError> {
        let contradicted = |contradiction| RecoveryError::Contradiction {
            position,
            contradiction,
        };
        let mut blocks = 0;
        for output in replica.restore(record).map_err(contradicted)? {
            match output {
                Output::Applied(block) => {
                    self.applied(&block);
                    blocks += 1;
                }
                Output::HeadCertified(head) => self.certified(head),
                Output::Entered(change) => self.entered(&change),
                Output::Persist(_)
                | Output::Send { .. }
                | Output::Broadcast(_)
                | Output::Tell { .. }
                | Output::FetchBlocks { .. }
                | Output::WakeAt(_)
                | Output::Malpractice(_)
                | Output::Halt(_) => {} // a restored record asks for nothing
            }
        }
        Ok(blocks)
    }
}
