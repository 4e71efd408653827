//! The full audit of one shard: its whole history, re-executed.
//!
//! Paper: Section IV-A. "A full audit involves replaying all transactions processed by the shard,
//! and ensuring that (1) all transactions were valid according to the checkers the shard executed;
//! (2) the objects input or references of all committed transactions were all active". And Section
//! V-B, "a re-execution of all their transactions under the messages received yields the same
//! decisions".
//!
//! The members of a shard change from epoch to epoch; each signature is checked against those of its own.

mod alarms;
mod entries;
mod epochs;
mod hearing;
mod locks;
mod naming;
mod prepare;
mod records;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::block::BlockRef;
use model::head::{Head, HeadCertificate};
use model::outbox::Leaf;
use model::result::results_tree;
use model::shard::Committee;
use model::state::ShardState;
use model::statement::{Epoch, Height, Statement, Vote};
use model::{
    Certificate, Checkers, Directory, EpochChange, Finalized, Genesis, HandOver, Hash, NodeId,
    Object, ObjectId, Profile, ShardId, SignatureCheck, Time, TransactionResult, merkle,
};

use crate::account::Account;
use crate::finding::{Finding, Problem};
use entries::Checked;
use epochs::{Phase, next_record};
use state::{Said, State};

/// An audit under way: everything up to some height has been found in order.
pub struct Replay {
    /// The members in the epoch of the next block.
    committee: Committee,
    phase: Phase,
    /// All shards, epoch by epoch.
    directory: Directory,
    profile: Profile,
    last: BlockRef,
    height: Height,
    time: Time,
    head: Hash,
    state: State,
    account: Account,
    /// The last height that a certificate makes final.
    final_height: Height,
}

impl Replay {
    /// An audit of `shard` from its genesis on; `None` if the network does not start with it.
    #[must_use]
    pub fn new(genesis: &Genesis, shard: ShardId, checkers: Arc<dyn Checkers>) -> Option<Self> {
        let directory = Directory::of_genesis(genesis).ok()?;
        Self::within(directory, genesis, shard, checkers)
    }

    /// An audit of `shard` from its beginning on by somebody who knows of shards that were founded since,
    /// and of their epochs; `None` if this shard is not among those. What the chain says of epochs is
    /// checked and need not be known; a shard that was founded has to be.
    #[must_use]
    pub fn within(
        directory: Directory,
        genesis: &Genesis,
        shard: ShardId,
        checkers: Arc<dyn Checkers>,
    ) -> Option<Self> {
        let committee = directory.committee(shard, Epoch::ZERO)?.clone();
        let network = genesis.network();
        Some(Self {
            committee,
            phase: Phase::UnderWay,
            directory,
            profile: genesis.profile,
            last: BlockRef::genesis(&network),
            height: Height::ZERO,
            time: genesis.created,
            head: Head::before_first(&network),
            state: State::new(shard, genesis, checkers),
            account: Account::default(),
            final_height: Height::ZERO,
        })
    }

    /// Audits the next block.
    ///
    /// # Errors
    ///
    /// The first [`Finding`]. The audit cannot go on after it.
    pub fn block(
        &mut self,
        next: &Finalized,
        check: &mut impl SignatureCheck,
    ) -> Result<(), Finding> {
        let Finalized {
            block,
            certificate,
            head,
        } = next;
        let height = block.header.height;
        let blame = |problem, signers| Finding {
            height,
            problem,
            signers,
            proofs: Vec::new(),
        };
        self.link(next)
            .map_err(|problem| blame(problem, Vec::new()))?;
        let name = block.name();
        if let Some(certificate) = certificate {
            self.finality(certificate, name, check)
                .map_err(|problem| blame(problem, Vec::new()))?;
            self.final_height = height;
        }
        let signers = certificate
            .as_ref()
            .map_or_else(Vec::new, |certificate| self.signers(certificate));
        let entries = self
            .entries(&block.payload, check)
            .map_err(|problem| blame(problem, signers))?;
        if self.phase == Phase::Beginning {
            self.state.promise_again();
        }
        let Said { results, outbox } = self.state.block(height, block.header.time, &entries);
        let next = next_record(&entries);
        let hand_over = next.map(|next| HandOver::leaf(next));
        let commits = next.is_some() || model::state::is_due(height);
        let leaves: Vec<Hash> = outbox.iter().map(Leaf::hash).chain(hand_over).collect();
        let computed = Head {
            scope: *self.committee.scope(),
            height,
            previous: self.head,
            block: name.hash,
            time: block.header.time,
            results: results_tree(&results).root(),
            outbox: merkle::root(&leaves),
            state: commits.then(|| self.state.named(next.map(|next| &**next)).root()),
        };
        if let Some(head) = head {
            self.compare(head, &computed, check)
                .map_err(|(problem, signers)| blame(problem, signers))?;
        }
        self.last = name;
        self.height = height;
        self.time = block.header.time;
        self.head = computed.hash();
        self.enter(head.as_ref(), &entries, &results);
        self.go_on(next, leaves, head.as_ref())
            .map_err(|contradiction| blame(contradiction.into(), Vec::new()))
    }

    /// Ends the audit: the height and the head up to which the history is in order.
    ///
    /// # Errors
    ///
    /// [`Problem::NotFinal`] if no certificate covers the last blocks.
    pub fn finish(&self) -> Result<(Height, Hash), Finding> {
        if self.final_height < self.height {
            return Err(Finding {
                height: self.final_height.next(),
                problem: Problem::NotFinal,
                signers: Vec::new(),
                proofs: Vec::new(),
            });
        }
        Ok((self.height, self.head))
    }

    /// The objects that are active after the blocks audited so far.
    #[must_use]
    pub const fn active(&self) -> &BTreeMap<ObjectId, Arc<Object>> {
        self.state.active()
    }

    /// The whole state after the blocks audited so far, as a head commits to it where no epoch ends.
    #[must_use]
    pub fn state(&self) -> ShardState<'_> {
        self.state.named(None)
    }

    /// What the blocks audited so far say of this shard and of others.
    pub(crate) const fn account(&self) -> &Account {
        &self.account
    }

    /// The members of a shard of the network in an epoch.
    pub(crate) fn committee(&self, shard: ShardId, epoch: Epoch) -> Option<&Committee> {
        self.directory.committee(shard, epoch)
    }

    /// How a shard of the network has ended an epoch.
    pub(crate) fn change(&self, shard: ShardId, epoch: Epoch) -> Option<&EpochChange> {
        let change = self.directory.changes(shard, epoch).next();
        change.map(|change| &**change)
    }

    /// Whether the block extends the chain.
    fn link(&self, next: &Finalized) -> Result<(), Problem> {
        let header = &next.block.header;
        if self.phase == Phase::Over {
            return Err(Problem::NotHandedOver);
        }
        if header.scope != *self.committee.scope() {
            return Err(Problem::OtherScope);
        }
        let above = header.parent == self.last && header.slot > self.last.slot;
        if !above || header.height.number() != self.height.number() + 1 {
            return Err(Problem::Gap);
        }
        if header.time <= self.time {
            return Err(Problem::Time);
        }
        if !next.block.is_whole() {
            return Err(Problem::Payload);
        }
        Ok(())
    }

    /// Whether a quorum finalized this very block.
    fn finality(
        &self,
        certificate: &Certificate,
        name: BlockRef,
        check: &mut impl SignatureCheck,
    ) -> Result<(), Problem> {
        let about = Statement::Vote {
            slot: name.slot,
            vote: Vote::Finalize(name.hash),
        };
        let genuine = certificate.verify(&self.committee, check).is_ok();
        if certificate.statement == about && genuine {
            Ok(())
        } else {
            Err(Problem::Certificate)
        }
    }

    /// Compares a head that a quorum signed with the one that follows from the chain.
    fn compare(
        &self,
        signed: &HeadCertificate,
        computed: &Head,
        check: &mut impl SignatureCheck,
    ) -> Result<(), (Problem, Vec<NodeId>)> {
        let head = &signed.head;
        let about = head.height == computed.height;
        if !about || signed.verify(&self.committee, check).is_err() {
            return Err((Problem::Certificate, Vec::new()));
        }
        if head == computed {
            return Ok(());
        }
        let (results, outbox, state) = (head.results, head.outbox, head.state);
        let roots_only = Head {
            results,
            outbox,
            state,
            ..computed.clone()
        };
        let problem = if *head != roots_only {
            Problem::OtherHead
        } else if results != computed.results {
            Problem::OtherResults
        } else if outbox != computed.outbox {
            Problem::OtherOutbox
        } else {
            Problem::OtherState
        };
        Err((problem, self.signers(&signed.certificate)))
    }

    /// Enters a block that is in order into the account.
    fn enter(
        &mut self,
        head: Option<&HeadCertificate>,
        entries: &[Checked],
        results: &[TransactionResult],
    ) {
        let scope = self.committee.scope();
        let of = (scope.shard, self.height);
        let signed = head.map(|head| &head.certificate);
        self.account.head(of, self.head, scope.epoch, signed);
        for entry in entries {
            match entry {
                Checked::Prepare(_) | Checked::Change(_) | Checked::End(_) | Checked::Found(_) => {}
                Checked::Deliver(delivery) => self.account.heard(delivery),
            }
        }
        let outcomes = results.iter();
        let outcomes = outcomes.map(|result| (result.transaction, (self.height, result.outcome)));
        self.account.outcomes.extend(outcomes);
    }

    fn signers(&self, certificate: &Certificate) -> Vec<NodeId> {
        certificate
            .signatures
            .iter()
            .filter_map(|(seat, _)| self.committee.member(*seat))
            .collect()
    }
}
