//! Getting a replica back from what its node kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Directory, Epoch, ShardId};

use super::{Contradiction, Output, Replica};
use crate::bft::Turn;
use crate::injected::{self, Mistake};
use crate::ledger::Foreign;
use crate::message::Proposal;
use crate::record::Record;
use crate::time::Now;

/// What a replica holds beyond what blocks have changed in its ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// The records that give the replica when they are restored above a ledger at its present tip.
    pub records: Vec<Record>,
    /// What the ledger has heard of other shards.
    pub foreign: BTreeMap<ShardId, Foreign>,
    /// The epoch that the replica is in.
    pub epoch: Epoch,
    /// What is known of shards and epochs.
    pub directory: Directory,
}

impl Open {
    /// What a replica holds in the first epoch, before it has heard of anything.
    #[must_use]
    pub const fn nothing(directory: Directory) -> Self {
        Self {
            records: Vec::new(),
            foreign: BTreeMap::new(),
            epoch: Epoch::ZERO,
            directory,
        }
    }
}

impl Replica {
    /// Takes back one record of the log. Call for each, in the order in which they were written.
    ///
    /// Returns [`Output::Applied`], [`Output::HeadCertified`] and [`Output::Entered`] only, so that the shell can rebuild
    /// what it derives; nothing is sent, and nothing is to be kept again.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] if the state contradicts what the log says was signed.
    pub fn restore(&mut self, record: Record) -> Result<Vec<Output>, Contradiction> {
        let mut out = Vec::new();
        match record {
            Record::Reserved(slot) => self.bft.restore_reserved(slot),
            Record::Proposal(Proposal { block, signature }) => {
                self.restore_block(block, Some(signature), &mut out)?;
            }
            Record::Block(block) => self.restore_block(block, None, &mut out)?,
            Record::Vote { slot, vote } => self.bft.restore_vote(slot, vote),
            Record::Certificate(certificate) => {
                self.bft.restore_certificate(certificate);
                self.restore_final(&mut out)?;
            }
            Record::Head(head) => self.heads.restore_guard(head)?,
            Record::HeadCertificate(certificate) => {
                // It may be all that says that the last block of an epoch is final.
                self.bft.is_final_by_head(certificate.head.block);
                let turn = &mut Turn {
                    now: Now::both(model::Time::ZERO),
                    member: &mut self.member,
                    out: &mut out,
                };
                self.heads.restore_certificate(turn, certificate)?;
                self.restore_final(&mut out)?;
            }
            Record::Change(change) => {
                if self.ledger.tip.height != change.hand_over.head.head.height {
                    let slot = self.ledger.tip.block.slot;
                    return Err(Contradiction::KeptBlock { slot });
                }
                let kept = injected::makes(Mistake::KeepsOldVotes).then(|| self.bft.open_records());
                self.enter(&Arc::new(change), &mut out);
                for record in kept.into_iter().flatten() {
                    if let Record::Vote { slot, vote } = record {
                        self.bft.restore_vote(slot, vote);
                    }
                }
            }
            Record::Malpractice(_) => {} // it was reported when it was found
            Record::Abstain(through) => self.member.recall.abstain(through),
        }
        out.retain(|output| {
            matches!(
                output,
                Output::Applied(_) | Output::HeadCertified(_) | Output::Entered(_)
            )
        });
        Ok(out)
    }

    /// What this replica holds beyond what blocks have changed in its ledger.
    ///
    /// A shell that keeps the ledger keeps this with it, and replays the log from the position that
    /// it had at that moment.
    #[must_use]
    pub fn open(&self) -> Open {
        Open {
            records: self.open_records(),
            foreign: self.ledger.state.foreign.clone(),
            epoch: self.ledger.scope.epoch,
            directory: self.member.shards().directory().clone(),
        }
    }

    fn open_records(&self) -> Vec<Record> {
        let mut records = self.bft.open_records();
        records.extend(self.heads.open_records());
        let through = self.member.recall.through();
        if through > self.ledger.tip.block.slot {
            records.push(Record::Abstain(through));
        }
        records
    }

    fn restore_block(
        &mut self,
        block: model::Block,
        signature: Option<model::Signature>,
        out: &mut Vec<Output>,
    ) -> Result<(), Contradiction> {
        let slot = block.header.slot;
        self.bft
            .restore_block(&self.member, block, signature)
            .map_err(|_| Contradiction::KeptBlock { slot })?;
        self.restore_final(out)
    }

    /// Applies what is final by what has been restored so far. Nothing is signed: the log says what
    /// was, and [`Replica::start`] signs the rest.
    fn restore_final(&mut self, out: &mut Vec<Output>) -> Result<(), Contradiction> {
        if self.closing.is_some() {
            return Ok(());
        }
        let now = Now::both(model::Time::ZERO);
        let (turn, bft, _) = &mut self.parts(now, out);
        let blocks = bft.restore_final(turn)?;
        if blocks.is_empty() {
            return Ok(());
        }
        let mut shown = self.ledger.tip;
        for block in blocks {
            let proven = block.certificate.is_some();
            let head = self.apply_block(now, block, out);
            let (turn, _, heads) = &mut self.parts(now, out);
            heads.restore_applied(turn, head)?;
            if self.closing.is_some() {
                self.bft.applied(shown);
                return Ok(());
            }
            if proven {
                shown = self.ledger.tip;
            }
        }
        self.bft.applied(self.ledger.tip);
        Ok(())
    }
}
