//! The state as it is read: the tables, and over them what has changed since they were written.
//!
//! One thread changes it, the one that appends to the log. Any number of threads read it, and a
//! reader never makes the writer wait for a disk: under the lock there is nothing but memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use consensus::ledger::Tip;
use model::api::{EvidencePage, Exhibit, PAGE_BYTES_AIM, Page, Progress};
use model::{
    Hash, HeadCertificate, Height, Malpractice, Object, ObjectId, Time, TransactionId, encoding,
};

use super::StoreError;
use super::changes::{BlockRow, Changes, Place};
use super::evidence::Evidence;
use super::tables::{Checkpoint, Snapshot, Tables};

/// The state.
pub struct State {
    tables: Tables,
    recent: RwLock<Recent>,
}

/// What the tables do not have yet.
struct Recent {
    tip: Tip,
    /// The block after which the history that is kept begins.
    began: Progress,
    certified: Height,
    /// All of them, written or not.
    acts: Vec<TransactionId>,
    /// All of it, written or not.
    evidence: Evidence,
    fresh: Changes,
    /// What is being written to the tables.
    frozen: Option<Arc<Changes>>,
}

/// How a transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is decided, and here is where.
    Decided(Place),
    /// It has a session: the shard has begun it and not decided it. Its deadline says nothing about
    /// when it will be.
    UnderWay,
    /// The shard has neither decided nor begun it. Past its deadline it never will, unless that was over
    /// before the history that is kept begins.
    Unknown {
        /// The block time at which it begins.
        since: Time,
    },
    /// It was decided before the history that is kept begins.
    Before,
}

/// Where something is to be found.
enum Found<T> {
    /// It has changed lately.
    Recent(T),
    /// The tables have it, if anybody does.
    Below(Snapshot),
}

impl Recent {
    /// How far the shard is.
    const fn progress(&self) -> Progress {
        Progress {
            height: self.tip.height,
            time: self.tip.time,
        }
    }

    /// The layers over the tables, the newest first.
    fn layers(&self) -> impl Iterator<Item = &Changes> {
        std::iter::once(&self.fresh).chain(self.frozen.as_deref())
    }
}

/// The active objects with one label, as the layers have them.
type Changed = BTreeMap<ObjectId, Option<Arc<Object>>>;

impl State {
    /// The state at a checkpoint, of which the tables have all, `acts` and `evidence` too.
    pub(super) fn new(
        tables: Tables,
        checkpoint: &Checkpoint,
        acts: Vec<TransactionId>,
        evidence: Vec<Exhibit>,
    ) -> Self {
        Self {
            tables,
            recent: RwLock::new(Recent {
                tip: checkpoint.tip,
                began: checkpoint.began,
                certified: checkpoint.certified,
                acts,
                evidence: Evidence::restore(checkpoint.scope.shard, evidence),
                fresh: Changes::default(),
                frozen: None,
            }),
        }
    }

    /// The last applied block.
    #[must_use]
    pub fn tip(&self) -> Tip {
        self.read().tip
    }

    /// How far the shard is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.read().progress()
    }

    /// The block after which the history that is kept begins: the one before the first, or that of the
    /// state that the node began with.
    #[must_use]
    pub fn began(&self) -> Progress {
        self.read().began
    }

    /// The highest head that a quorum is known to have signed.
    #[must_use]
    pub fn certified(&self) -> Height {
        self.read().certified
    }

    /// The lies that the node holds proofs of, without the first so many, as far as a page goes.
    #[must_use]
    pub fn evidence(&self, after: u32) -> EvidencePage {
        self.read().evidence.page(after)
    }

    /// An active object, and the height at which it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Tables`].
    pub fn object(&self, id: &ObjectId) -> Result<Option<(Arc<Object>, Height)>, StoreError> {
        let (found, height) = self.look(|changes| changes.objects.get(id).cloned())?;
        let object = match found {
            Found::Recent(object) => object,
            Found::Below(tables) => tables.object(id)?.map(Arc::new),
        };
        Ok(object.map(|object| (object, height)))
    }

    /// The block at a height.
    ///
    /// # Errors
    ///
    /// [`StoreError::Tables`].
    pub fn block(&self, height: Height) -> Result<Option<BlockRow>, StoreError> {
        match self.look(|changes| changes.blocks.get(&height).cloned())?.0 {
            Found::Recent(row) => Ok(Some(row)),
            Found::Below(tables) => tables.block(height),
        }
    }

    /// The head at a height with the signatures of a quorum.
    ///
    /// # Errors
    ///
    /// [`StoreError::Tables`].
    pub fn head(&self, height: Height) -> Result<Option<HeadCertificate>, StoreError> {
        match self.look(|changes| changes.heads.get(&height).cloned())?.0 {
            Found::Recent(head) => Ok(Some(head)),
            Found::Below(tables) => tables.head(height),
        }
    }

    /// Where the decision on a transaction is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Tables`].
    pub fn place(&self, transaction: &TransactionId) -> Result<Option<Place>, StoreError> {
        match self
            .look(|changes| changes.transactions.get(transaction).copied())?
            .0
        {
            Found::Recent(place) => Ok(Some(place)),
            Found::Below(tables) => tables.place(transaction),
        }
    }

    /// How a transaction stands, and how far the shard is: both of one moment, so that whoever hears
    /// that it is unknown past its deadline knows that no decision fell in between.
    ///
    /// # Errors
    ///
    /// [`StoreError::Tables`].
    pub fn standing(
        &self,
        transaction: &TransactionId,
    ) -> Result<(Standing, Progress), StoreError> {
        let recent = self.read();
        let progress = recent.progress();
        let changed = |changes: &Changes| changes.transactions.get(transaction).copied();
        if let Some(place) = recent.layers().find_map(changed) {
            return Ok((Standing::Decided(place), progress));
        }
        let begun = |changes: &Changes| Some(changes.sessions.get(transaction)?.is_some());
        let begun = recent.layers().find_map(begun);
        let ended = |changes: &Changes| Some(changes.decided.get(transaction)?.is_some());
        let ended = recent.layers().find_map(ended);
        let began = recent.began;
        let below = self.tables.snapshot()?;
        drop(recent);
        // Whoever decides keeps the session until all others have heard of it.
        if let Some(place) = below.place(transaction)? {
            return Ok((Standing::Decided(place), progress));
        }
        let begun = match begun {
            Some(begun) => begun,
            None => below.has_session(transaction)?,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => below.has_decided(transaction)?,
        };
        let standing = match () {
            () if begun => Standing::UnderWay,
            () if ended => Standing::Before,
            () => Standing::Unknown { since: began.time },
        };
        Ok((standing, progress))
    }

    /// At most `count` active objects with `label` after `after`, ascending, all active at one
    /// height.
    ///
    /// # Errors
    ///
    /// [`StoreError::Tables`].
    pub fn labelled(
        &self,
        label: Hash,
        after: Option<ObjectId>,
        count: usize,
    ) -> Result<Page, StoreError> {
        let (height, changed, below) = self.changed(label, after)?;
        let kept = below.labelled(label, after, count + 1, |id| !changed.contains_key(id))?;
        let created = changed.iter().filter(|(_, object)| object.is_some());
        let ids: BTreeSet<ObjectId> = kept.into_iter().chain(created.map(|(id, _)| *id)).collect();
        let mut page = Page {
            objects: Vec::new(),
            height,
            more: false,
        };
        let mut bytes = 0;
        for id in ids {
            let object = match changed.get(&id).cloned().flatten() {
                Some(object) => Arc::unwrap_or_clone(object),
                None => below.object(&id)?.ok_or(StoreError::ObjectMissing(id))?,
            };
            bytes += encoding::encode(&object).len();
            let full = page.objects.len() == count || bytes > PAGE_BYTES_AIM;
            if full && !page.objects.is_empty() {
                page.more = true;
                break;
            }
            page.objects.push(object);
        }
        Ok(page)
    }

    /// The height, what has changed about a label, and the tables below: all of one moment.
    fn changed(
        &self,
        label: Hash,
        after: Option<ObjectId>,
    ) -> Result<(Height, Changed, Snapshot), StoreError> {
        let recent = self.read();
        let mut changed = Changed::new();
        for layer in recent.layers() {
            for (id, object) in layer.labelled(label, after) {
                changed.entry(id).or_insert_with(|| object.cloned());
            }
        }
        Ok((recent.tip.height, changed, self.tables.snapshot()?))
    }

    /// What the newest layer that knows has to say, or the tables below all layers, and the height:
    /// all of one moment.
    fn look<T>(
        &self,
        known: impl Fn(&Changes) -> Option<T>,
    ) -> Result<(Found<T>, Height), StoreError> {
        let recent = self.read();
        let found = match recent.layers().find_map(known) {
            Some(found) => Found::Recent(found),
            None => Found::Below(self.tables.snapshot()?),
        };
        Ok((found, recent.tip.height))
    }

    /// The state is another one, and the history that is kept begins after its block.
    pub(super) fn begin_at(&self, tip: Tip, work: impl FnOnce(&mut Changes)) {
        let mut recent = self.write();
        recent.tip = tip;
        recent.began = recent.progress();
        recent.fresh = Changes::default();
        work(&mut recent.fresh);
    }

    /// Changes the state. Only the thread that appends to the log calls this.
    pub(super) fn change(&self, tip: Option<Tip>, work: impl FnOnce(&mut Changes)) {
        let mut recent = self.write();
        recent.tip = tip.unwrap_or(recent.tip);
        work(&mut recent.fresh);
    }

    /// The shard has committed transactions that are listed.
    pub(super) fn enact(&self, acts: impl Iterator<Item = TransactionId>) {
        let mut recent = self.write();
        for id in acts {
            let number = u32::try_from(recent.acts.len()).expect("there are few");
            recent.acts.push(id);
            recent.fresh.acts.insert(number, id);
        }
    }

    /// The transactions that are listed, without the first so many.
    #[must_use]
    pub fn acts(&self, after: usize) -> Vec<TransactionId> {
        let recent = self.read();
        recent.acts.get(after..).unwrap_or_default().to_vec()
    }

    /// A quorum has signed a head.
    pub(super) fn certify(&self, head: HeadCertificate) {
        let mut recent = self.write();
        let height = head.head.height;
        recent.certified = recent.certified.max(height);
        recent.fresh.heads.insert(height, head);
    }

    /// Takes in a record of malpractice. The first of each kind against each node of a shard is kept.
    pub(super) fn exhibit(&self, record: &Malpractice) {
        let mut recent = self.write();
        let seen = recent.progress();
        if let Some((number, exhibit)) = recent.evidence.add(seen, record) {
            recent.fresh.evidence.insert(number, exhibit);
        }
    }

    /// How many lies the node holds proofs of.
    #[must_use]
    pub fn exhibits(&self) -> u32 {
        self.read().evidence.count()
    }

    /// Puts what has changed aside, to be written.
    ///
    /// # Panics
    ///
    /// If what was put aside before has not been written yet.
    pub(super) fn freeze(&self) -> Arc<Changes> {
        let mut recent = self.write();
        assert!(recent.frozen.is_none(), "one flush at a time");
        let frozen = Arc::new(std::mem::take(&mut recent.fresh));
        recent.frozen = Some(Arc::clone(&frozen));
        frozen
    }

    /// Writes to the tables what was put aside.
    ///
    /// # Errors
    ///
    /// [`StoreError::Tables`]; then the node must stop.
    pub(super) fn commit(
        &self,
        frozen: &Changes,
        checkpoint: &Checkpoint,
    ) -> Result<(), StoreError> {
        self.tables.commit(frozen, checkpoint)?;
        self.write().frozen = None;
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, Recent> {
        self.recent.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Recent> {
        self.recent.write().unwrap_or_else(PoisonError::into_inner)
    }
}
