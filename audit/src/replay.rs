//! The full audit of one shard: its whole history, re-executed.
//!
//! Paper: Section IV-A. "A full audit involves replaying all transactions processed by the shard,
//! and ensuring that (1) all transactions were valid according to the checkers the shard executed;
//! (2) the objects input or references of all committed transactions were all active".

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::block::{BlockRef, Entry, decode_entries};
use model::bounds;
use model::head::{Head, HeadCertificate};
use model::result::{AbortReason, Outcome, TransactionResult, results_tree};
use model::shard::Committee;
use model::statement::{Height, Statement, Vote};
use model::transaction::Authorized;
use model::{
    Certificate, Checkers, Finalized, Genesis, Hash, NodeId, Object, ObjectId, ShardId,
    SignatureCheck, Time, TransactionId, merkle, validity,
};

use crate::finding::{Finding, Problem};

/// An audit under way: everything up to some height has been found in order.
pub struct Replay {
    committee: Committee,
    checkers: Arc<dyn Checkers>,
    last: BlockRef,
    height: Height,
    time: Time,
    head: Hash,
    active: BTreeMap<ObjectId, Arc<Object>>,
    /// Every transaction ever decided. The auditor forgets none.
    decided: BTreeSet<TransactionId>,
    /// The last height that a certificate makes final.
    final_height: Height,
}

impl Replay {
    /// An audit of `shard` from its genesis on; `None` if the network does not start with it.
    #[must_use]
    pub fn new(genesis: &Genesis, shard: ShardId, checkers: Arc<dyn Checkers>) -> Option<Self> {
        let committee = genesis.committee(shard)?.ok()?;
        let network = genesis.network();
        Some(Self {
            committee,
            checkers,
            last: BlockRef::genesis(&network),
            height: Height::ZERO,
            time: genesis.created,
            head: Head::before_first(&network),
            active: genesis.objects_of(shard),
            decided: BTreeSet::new(),
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
        let results = self.execute(&entries, block.header.time);
        let computed = Head {
            scope: *self.committee.scope(),
            height,
            previous: self.head,
            block: name.hash,
            time: block.header.time,
            results: results_tree(&results).root(),
            outbox: merkle::root(&[]),
        };
        if let Some(head) = head {
            self.compare(head, &computed, check)?;
        }
        self.last = name;
        self.height = height;
        self.time = block.header.time;
        self.head = computed.hash();
        Ok(())
    }

    /// Ends the audit: the height and the head up to which the history is in order.
    ///
    /// # Errors
    ///
    /// [`Problem::NotFinal`] if no certificate covers the last blocks.
    pub fn finish(self) -> Result<(Height, Hash), Finding> {
        if self.final_height < self.height {
            return Err(Finding {
                height: self.final_height.next(),
                problem: Problem::NotFinal,
                signers: Vec::new(),
            });
        }
        Ok((self.height, self.head))
    }

    /// The objects that are active after the blocks audited so far.
    #[must_use]
    pub const fn active(&self) -> &BTreeMap<ObjectId, Arc<Object>> {
        &self.active
    }

    /// Whether the block extends the chain.
    fn link(&self, next: &Finalized) -> Result<(), Problem> {
        let header = &next.block.header;
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

    /// The entries of a payload, each signature checked again.
    fn entries(
        &self,
        payload: &[u8],
        check: &mut impl SignatureCheck,
    ) -> Result<Vec<Authorized>, Problem> {
        let entries =
            decode_entries(payload).map_err(|error| Problem::Malformed(error.to_string()))?;
        let mut authorized = Vec::with_capacity(entries.len());
        for Entry::Prepare(transaction) in entries {
            let well_formed = transaction
                .check_form(&self.committee.scope().network)
                .map_err(|error| Problem::Malformed(error.to_string()))?;
            let id = well_formed.id();
            let checked = well_formed.verify(check);
            authorized.push(checked.map_err(|_| Problem::Forged(id))?);
        }
        Ok(authorized)
    }

    /// Decides the entries by the rules, and changes the active set accordingly.
    fn execute(&mut self, entries: &[Authorized], time: Time) -> Vec<TransactionResult> {
        let mut results = Vec::new();
        for transaction in entries {
            let body = transaction.body();
            let late = time > body.valid_until;
            let early = body.valid_until.since_ms(time) > bounds::VALIDITY_MS_MAX;
            let alone = body.participants == [self.committee.scope().shard];
            let id = transaction.id();
            if late || early || !alone || !self.decided.insert(id) {
                continue;
            }
            let outcome = match validity::valid(&self.active, transaction, &*self.checkers) {
                Ok(effects) => {
                    for id in &effects.consumed {
                        self.active.remove(id);
                    }
                    self.active.extend(effects.created);
                    Outcome::Committed
                }
                Err(invalid) => Outcome::Aborted(AbortReason::Invalid(invalid)),
            };
            results.push(TransactionResult {
                transaction: id,
                outcome,
            });
        }
        results
    }

    /// Compares a head that a quorum signed with the one that follows from the chain.
    fn compare(
        &self,
        signed: &HeadCertificate,
        computed: &Head,
        check: &mut impl SignatureCheck,
    ) -> Result<(), Finding> {
        let height = computed.height;
        if signed.verify(&self.committee, check).is_err() || signed.head.height != height {
            return Err(Finding {
                height,
                problem: Problem::Certificate,
                signers: Vec::new(),
            });
        }
        if signed.head != *computed {
            return Err(Finding {
                height,
                problem: Problem::OtherHead,
                signers: self.signers(&signed.certificate),
            });
        }
        Ok(())
    }

    fn signers(&self, certificate: &Certificate) -> Vec<NodeId> {
        certificate
            .signatures
            .iter()
            .filter_map(|(seat, _)| self.committee.member(*seat))
            .collect()
    }
}
