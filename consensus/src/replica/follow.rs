//! Following a shard without a seat in it.
//!
//! ```text
//!   final blocks of anybody ---> checked against the members of their epoch ---> applied, kept
//!                                                                                  |
//!   a seat in the next epoch <--- the change that the directory knows <--- the epoch ends
//! ```
//!
//! A replica without a seat signs nothing. What it is given proves itself: a quorum finalized the
//! blocks or signed the heads after them, and the members are those of the directory. It keeps what it
//! has checked as records of the log, and takes them in as it does when it is restored, so that a
//! restart changes nothing. When an epoch begins in which it has a seat, it starts.
//!
//! Paper: Section VI-A. Deviation: D-10.

use model::{Epoch, Finalized, HeadCertificate, NodeId};

use super::{Contradiction, Input, Output, Replica, Setup};
use crate::bft::check_chain;
use crate::ledger::Ledger;
use crate::record::Record;
use crate::time::Now;

impl Replica {
    /// A replica of `node`, which has no seat in the epoch of `ledger`. The seat of `setup` is nobody's
    /// then.
    #[must_use]
    pub fn guest(node: NodeId, setup: Setup, ledger: Ledger) -> Self {
        let mut replica = Self::new(setup, ledger);
        replica.member.await_seat(node);
        replica.retired = true;
        replica
    }

    /// What happens to a replica without a seat. It takes in what proves itself, and nothing else.
    pub(super) fn step_aside(&mut self, now: Now, input: Input, out: &mut Vec<Output>) {
        let blocks = match input {
            Input::Final(blocks) => blocks.blocks,
            Input::Learned(fact) => {
                // What contradicts what is known was not checked, or is known already.
                let _ = self.member.shards_mut().directory_mut().trust(&fact);
                Vec::new()
            }
            _ => return,
        };
        if let Err(contradiction) = self.trail(blocks, out) {
            self.halt(contradiction, out);
        } else if !self.retired {
            out.extend(self.start(now));
        }
    }

    /// Goes on as far as the blocks lead, or to an epoch in which there is a seat. Blocks that do not
    /// prove themselves are left out: somebody else has better ones.
    fn trail(
        &mut self,
        blocks: Vec<Finalized>,
        out: &mut Vec<Output>,
    ) -> Result<(), Contradiction> {
        let tip = self.ledger.tip.height;
        let news = blocks.into_iter();
        let mut news = news
            .skip_while(|block| block.block.header.height <= tip)
            .peekable();
        loop {
            self.pass(out)?;
            if self.closing.is_some() || !self.retired {
                return Ok(());
            }
            let epoch = self.ledger.scope.epoch;
            let of_epoch = |block: &Finalized| block.block.header.scope.epoch == epoch;
            let run: Vec<Finalized> = std::iter::from_fn(|| news.next_if(of_epoch)).collect();
            if run.is_empty() || !self.trail_within(epoch, run, out)? {
                return Ok(());
            }
        }
    }

    /// Follows blocks of the epoch. Whether they prove themselves.
    fn trail_within(
        &mut self,
        epoch: Epoch,
        run: Vec<Finalized>,
        out: &mut Vec<Output>,
    ) -> Result<bool, Contradiction> {
        let heads: Vec<_> = run.iter().map(|block| block.head.clone()).collect();
        let Ok(checked) = check_chain(&mut self.member, &self.ledger.tip, run) else {
            return Ok(false);
        };
        for ((candidate, certificate), head) in checked.into_iter().zip(heads) {
            let name = candidate.block.hash();
            self.keep(Record::Block((*candidate.block).clone()), out)?;
            if let Some(certificate) = certificate {
                self.keep(Record::Certificate(certificate), out)?;
            }
            let of_block = |head: &HeadCertificate| head.head.block == name;
            if let Some(head) = head.filter(of_block)
                && self.ledger.scope.epoch == epoch
                && self.member.verify_head(&head)
            {
                self.keep(Record::HeadCertificate(head), out)?;
            }
        }
        Ok(true)
    }

    /// Begins the next epoch, if this one has ended and the directory knows how.
    fn pass(&mut self, out: &mut Vec<Output>) -> Result<(), Contradiction> {
        while let Some(closing) = &self.closing {
            let Some(change) = self.member.shards().next().cloned() else {
                return Ok(());
            };
            let certificate = &change.hand_over.head;
            let height = closing.head.height;
            if certificate.head != closing.head || change.next != *closing.next {
                return Err(Contradiction::CertifiedHead { height });
            }
            if self.heads.certificate(height).is_none() {
                self.keep(Record::HeadCertificate(certificate.clone()), out)?;
            }
            self.enter(&change, out);
        }
        Ok(())
    }

    /// Keeps a record, and takes it in.
    fn keep(&mut self, record: Record, out: &mut Vec<Output>) -> Result<(), Contradiction> {
        out.push(Output::Persist(record.clone()));
        out.extend(self.restore(record)?);
        Ok(())
    }
}
