//! The final blocks that a node holds, and how it answers those who lack them.

use std::sync::Arc;

use consensus::message::{Blocks, BlocksRequest};
use consensus::replica::AppliedBlock;
use model::{Finalized, HeadCertificate};

/// Final blocks from height 1 on, without gaps.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain(Vec<Arc<Finalized>>);

impl Chain {
    /// The next block is final.
    pub(super) fn applied(&mut self, applied: &AppliedBlock) {
        self.0.push(Arc::new(Finalized {
            block: (*applied.block).clone(),
            certificate: applied.certificate.clone(),
            head: None,
        }));
    }

    /// The head of a block is certified.
    pub(super) fn certified(&mut self, certificate: &HeadCertificate) {
        let height = certificate.head.height.number();
        let index = usize::try_from(height)
            .ok()
            .and_then(|height| height.checked_sub(1));
        if let Some(found) = index.and_then(|index| self.0.get_mut(index)) {
            Arc::make_mut(found).head = Some(certificate.clone());
        }
    }

    /// All of them.
    pub(super) fn blocks(&self) -> impl Iterator<Item = &Finalized> {
        self.0.iter().map(|block| &**block)
    }

    /// The answer to a request: so many blocks, or as many as it takes to reach a certificate.
    pub(super) fn answer(&self, request: BlocksRequest, aim: usize) -> Blocks {
        let first = usize::try_from(request.first.number()).unwrap_or(usize::MAX);
        let wanted = self.0.get(first.saturating_sub(1)..).unwrap_or_default();
        let certified =
            |index: &usize| wanted[*index].certificate.is_some() || wanted[*index].head.is_some();
        let end = (0..wanted.len().min(aim)).rev().find(certified);
        let end = end.or_else(|| (0..wanted.len()).find(certified));
        let blocks = end.map_or(&[][..], |end| &wanted[..=end]);
        Blocks {
            blocks: blocks.iter().map(|block| (**block).clone()).collect(),
        }
    }
}
