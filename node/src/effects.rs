//! Carrying out what the replica asks for, in its order, on the thread that owns the log.
//!
//! All turns of the event loop that wait are carried out together: one write for all their records,
//! one sync if a promise is among them, then everything that was waiting for the disk. Meanwhile the
//! loop goes on with its next turn. What comes before the first record in a turn waits for nothing.
//!
//! A write that fails is the end of the node: nothing is sent on the strength of it.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use consensus::Record;
use consensus::message::{BlocksRequest, Message};
use consensus::replica::{Open, Output};
use model::shard::Seat;
use model::{Epoch, EpochChange, HeadCertificate, LieKind, Malpractice, NodeId, ShardId};
use tokio::sync::mpsc;

use crate::archivist::Archivist;
use crate::error::Fatal;
use crate::flusher::Flusher;
use crate::metrics::Performed;
use crate::store::{Store, StoreError};
use crate::waiters::Waiters;

/// Outputs that are carried out together, at most by one turn more. It bounds how long the first of
/// them waits for the last.
const OUTPUTS_AT_ONCE: usize = 4_096;

/// What one turn of the event loop came to.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// What is to be done, in this order.
    pub(crate) outputs: Vec<Output>,
    /// Then the tables are to be written, and this is what the replica holds beyond its ledger.
    pub(crate) flush: Option<Open>,
}

/// The ways out to the other members. None of them waits.
pub(crate) trait Links: Send {
    /// Sends a frame to one member. It may get lost.
    fn send(&self, to: Seat, frame: Bytes);

    /// Sends a frame to all other members.
    fn broadcast(&self, frame: Bytes);

    /// Tells members of another shard something: one of them, or all. It may get lost.
    fn tell(&self, shard: ShardId, to: Option<Seat>, frame: Bytes);

    /// An epoch of the shard has begun: from now on, members are those of its record.
    fn entered(&mut self, change: &Arc<EpochChange>);

    /// Asks a member for blocks. The answer, or that there is none, comes as an event.
    fn fetch(&self, from: Seat, request: BlocksRequest);
}

/// Carries out what the replica asks for.
pub(crate) struct Effects<L> {
    store: Store,
    links: L,
    waiters: Arc<Waiters>,
    flusher: Flusher,
    performed: Arc<Performed>,
    /// Keeps states for others, if the node does.
    archivist: Option<Archivist>,
    /// The epoch in which the node speaks.
    epoch: Epoch,
    /// The last message that was sent to a single member, for those that follow.
    encoded: Option<(Arc<Message>, Bytes)>,
    /// Who was seen to lie, and about what, since the node was started: members of shards only.
    liars: BTreeSet<(NodeId, LieKind)>,
}

impl<L: Links> Effects<L> {
    pub(crate) fn new(
        store: Store,
        links: L,
        waiters: Arc<Waiters>,
        flusher: Flusher,
        performed: Arc<Performed>,
    ) -> Self {
        Self {
            epoch: store.epoch(),
            store,
            links,
            waiters,
            flusher,
            performed,
            archivist: None,
            encoded: None,
            liars: BTreeSet::new(),
        }
    }

    /// The same, with somebody who keeps states for others.
    pub(crate) fn with_archivist(self, archivist: Archivist) -> Self {
        let archivist = Some(archivist);
        Self { archivist, ..self }
    }

    /// Carries out turns until the event loop has ended.
    ///
    /// # Errors
    ///
    /// [`Fatal`], at once.
    pub(crate) fn run(mut self, mut turns: mpsc::Receiver<Turn>) -> Result<(), Fatal> {
        while let Some(mut turn) = turns.blocking_recv() {
            // A flush reflects all records before it and none after it, so it ends a group.
            while turn.flush.is_none() && turn.outputs.len() < OUTPUTS_AT_ONCE {
                let Ok(next) = turns.try_recv() else { break };
                turn.outputs.extend(next.outputs);
                turn.flush = next.flush;
            }
            self.perform(turn.outputs)?;
            if let Some(open) = turn.flush {
                self.flush(open)?;
            }
        }
        self.flusher.wait()
    }

    /// Carries out outputs, all records among them in one write.
    pub(crate) fn perform(&mut self, mut outputs: Vec<Output>) -> Result<(), Fatal> {
        let first = outputs.iter().position(|output| record(output).is_some());
        let kept_first = outputs.split_off(first.unwrap_or(outputs.len()));
        self.release_all(outputs)?;
        let records = kept_first.iter().filter_map(record);
        if records.clone().next().is_some() {
            self.store.append(records.clone())?;
        }
        if records.clone().any(Record::is_promise) {
            let began = Instant::now();
            self.store.sync()?;
            self.performed.synced(began.elapsed());
        }
        self.release_all(kept_first)
    }

    fn release_all(&mut self, outputs: Vec<Output>) -> Result<(), Fatal> {
        outputs
            .into_iter()
            .try_for_each(|output| self.release(output))
    }

    /// Does what an output asks for. All records before it are where they have to be.
    fn release(&mut self, output: Output) -> Result<(), Fatal> {
        match output {
            Output::Persist(_) => {} // done before
            Output::Send { to, message } => {
                let frame = self.encode(message);
                self.links.send(to, frame);
            }
            Output::Broadcast(message) => {
                self.links.broadcast(message.encode_in(self.epoch).into());
            }
            Output::Tell { shard, to, letter } => {
                self.links.tell(shard, to, letter.encode().into())
            }
            Output::FetchBlocks { from, request } => self.links.fetch(from, request),
            Output::WakeAt(_) => {} // the event loop keeps these
            Output::Applied(block) => {
                self.store.applied(&block);
                if let Some(archivist) = &mut self.archivist {
                    archivist.applied(&block);
                }
                self.performed.applied(&block.applied.results);
                self.waiters.applied(block.applied.head.height);
            }
            Output::HeadCertified(head) => self.certified(head)?,
            Output::Entered(change) => {
                self.epoch = change.next.epoch;
                self.encoded = None;
                self.store.entered(&change);
                self.links.entered(&change);
            }
            Output::Malpractice(record) => self.warn_of(&record),
            Output::Halt(contradiction) => return Err(Fatal::Contradiction(contradiction)),
        }
        Ok(())
    }

    /// Says that a node lies, and about what, once.
    fn warn_of(&mut self, record: &Malpractice) {
        let (node, kind) = (record.node, record.lie.kind());
        if self.liars.insert((node, kind)) {
            let (_, shard) = record.lie.told_in();
            tracing::warn!(%node, %shard, %kind, "a member of a shard was seen to lie");
        }
    }

    fn certified(&mut self, head: HeadCertificate) -> Result<(), StoreError> {
        let height = head.head.height;
        self.store.certified(head);
        if let Some(block) = self.store.state().block(height)? {
            let decided = block.results.iter().map(|result| &result.transaction);
            self.waiters.certified(height, decided);
        }
        Ok(())
    }

    /// One encoding for all members that are sent the same message, one after the other.
    fn encode(&mut self, message: Arc<Message>) -> Bytes {
        if let Some((last, frame)) = &self.encoded
            && Arc::ptr_eq(last, &message)
        {
            return frame.clone();
        }
        let frame = Bytes::from(message.encode_in(self.epoch));
        self.encoded = Some((message, frame.clone()));
        frame
    }

    fn flush(&mut self, open: Open) -> Result<(), Fatal> {
        self.flusher.wait()?;
        let flush = self.store.flush(open)?;
        self.flusher.begin(flush)
    }
}

const fn record(output: &Output) -> Option<&Record> {
    match output {
        Output::Persist(record) => Some(record),
        _ => None,
    }
}
