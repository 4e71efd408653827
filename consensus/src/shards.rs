//! The shards of the network, as a member of one of them knows them.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::genesis::BadGenesis;
use model::head::HeadCertificate;
use model::outbox::BadParcel;
use model::statement::Scope;
use model::{Committee, Directory, Epoch, EpochChange, Genesis, NodeDescriptor, Policy, ShardId};
use model::{Parcel, ShardRecord};

use crate::injected::{self, Mistake};

/// All shards, which of them is ours, and in which epoch it is. A clone shares them.
#[derive(Clone, Debug)]
pub struct Shards {
    ours: ShardId,
    epoch: Epoch,
    directory: Directory,
    policy: Arc<Policy>,
}

impl Shards {
    /// The shards of `genesis`, as a member of `ours` knows them; `None` if it has no such shard.
    ///
    /// # Errors
    ///
    /// [`BadGenesis`] if the members of a shard cannot form one.
    pub fn of_genesis(genesis: &Genesis, ours: ShardId) -> Option<Result<Self, BadGenesis>> {
        genesis.shard(ours)?;
        let policy = Arc::new(genesis.policy());
        let directory = Directory::of_genesis(genesis);
        Some(directory.map(|directory| Self {
            ours,
            epoch: Epoch::ZERO,
            directory,
            policy,
        }))
    }

    /// The shards of a directory, as a member of `ours` in `epoch` knows them; `None` if it has no such
    /// shard, or no such epoch of it.
    #[must_use]
    pub fn within(
        directory: Directory,
        policy: Arc<Policy>,
        ours: ShardId,
        epoch: Epoch,
    ) -> Option<Self> {
        directory.committee(ours, epoch)?;
        Some(Self {
            ours,
            epoch,
            directory,
            policy,
        })
    }

    /// A shard that is alone in its network, in its first epoch.
    ///
    /// # Panics
    ///
    /// Never: the nodes form a shard already.
    #[must_use]
    pub fn alone(ours: &Committee) -> Self {
        let shard = ours.scope().shard;
        let descriptor = |(seat, node): (usize, &_)| NodeDescriptor {
            name: format!("node {seat}"),
            node: *node,
            addresses: Vec::new(),
        };
        let members = ours.members().iter().enumerate().map(descriptor);
        let record = ShardRecord::founded(shard, members.collect(), 0);
        let policy = Policy::new(model::Profile::Open, [shard].into(), BTreeMap::new());
        let directory = Directory::alone(ours.scope().network, record);
        Self {
            ours: shard,
            epoch: Epoch::ZERO,
            directory: directory.expect("they form a shard already"),
            policy: Arc::new(policy),
        }
    }

    /// The same shards, with ours in another epoch; `None` if that is not known.
    #[must_use]
    pub fn at(&self, epoch: Epoch) -> Option<Self> {
        let (directory, policy) = (self.directory.clone(), Arc::clone(&self.policy));
        Self::within(directory, policy, self.ours, epoch)
    }

    /// Our shard.
    ///
    /// # Panics
    ///
    /// Never: every way to make this value looks it up.
    #[must_use]
    pub fn ours(&self) -> &Committee {
        self.directory
            .committee(self.ours, self.epoch)
            .expect("our shard is known")
    }

    /// The record of our shard.
    ///
    /// # Panics
    ///
    /// Never, as above.
    #[must_use]
    pub fn record(&self) -> &ShardRecord {
        self.directory
            .record(self.ours, self.epoch)
            .expect("our shard is known")
    }

    /// The change that ends the epoch of our shard, if it is known.
    #[must_use]
    pub fn next(&self) -> Option<&Arc<EpochChange>> {
        self.directory.changes(self.ours, self.epoch).next()
    }

    /// Our shard is in its next epoch from now on. Whether that is known.
    pub fn enter(&mut self) -> bool {
        let next = self.epoch.next();
        let known = self.directory.committee(self.ours, next).is_some();
        if known {
            self.epoch = next;
        }
        known
    }

    /// What every signature of our shard is bound to.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        self.ours().scope()
    }

    /// The members of another shard, in the last epoch that is known.
    #[must_use]
    pub fn other(&self, shard: ShardId) -> Option<&Committee> {
        let other = self.directory.current(shard);
        other.filter(|committee| committee.scope().shard != self.ours)
    }

    /// The members of all other shards in the last epochs that are known, ascending by shard.
    pub fn others(&self) -> impl Iterator<Item = &Committee> {
        let all = self.directory.all();
        all.filter(|committee| committee.scope().shard != self.ours)
    }

    /// Who spoke for another shard when it signed a head.
    ///
    /// # Errors
    ///
    /// [`BadParcel::OtherShard`] if the shard is not known, [`BadParcel::Ahead`] if the epoch is not
    /// known yet, and [`BadParcel::AfterEnd`] if the epoch had ended at that height.
    pub fn signers(&self, head: &HeadCertificate) -> Result<&Committee, BadParcel> {
        let head = &head.head;
        let Scope { shard, epoch, .. } = head.scope;
        let current = self.other(shard).ok_or(BadParcel::OtherShard)?;
        let known = current.scope().epoch;
        let committee = self.directory.committee(shard, epoch);
        let committee = committee.ok_or(BadParcel::Ahead { shard, known })?;
        let end = self.directory.end(shard, epoch);
        let is_over = end.is_some_and(|end| head.height > end);
        if is_over && !injected::makes(Mistake::HearsOldEpochs) {
            return Err(BadParcel::AfterEnd);
        }
        Ok(committee)
    }

    /// How many signatures over the head of a parcel make us believe it, and of whom.
    ///
    /// # Errors
    ///
    /// As [`Shards::signers`].
    pub fn believed(&self, parcel: &Parcel) -> Result<(&Committee, usize), BadParcel> {
        let committee = self.signers(&parcel.head)?;
        Ok((committee, self.policy.profile().threshold(committee)))
    }

    /// All that is known of shards and epochs.
    #[must_use]
    pub const fn directory(&self) -> &Directory {
        &self.directory
    }

    /// All that is known of shards and epochs, to learn more.
    pub const fn directory_mut(&mut self) -> &mut Directory {
        &mut self.directory
    }

    /// What all shards have agreed on.
    #[must_use]
    pub const fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }
}
