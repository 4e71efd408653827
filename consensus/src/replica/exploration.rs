//! What an exploration of all that can happen needs: to go two ways from one replica, and to see
//! that two ways lead to the same one.

use std::sync::Arc;

use model::SignatureCheck;

use super::Replica;
use crate::bft::Outline;
use crate::member::Member;
use crate::signer::Signer;

impl Replica {
    /// Another replica that stands where this one stands. Keys are not copied: it is given its own.
    #[must_use]
    pub fn twin(&self, signer: Box<dyn Signer>, check: Box<dyn SignatureCheck + Send>) -> Self {
        let shards = self.member.shards().clone();
        let mut member = Member::new(shards, self.member.seat(), signer, check);
        member.recall = self.member.recall.clone();
        member.reported = self.member.reported.clone();
        Self {
            member,
            checkers: Arc::clone(&self.checkers),
            ledger: self.ledger.clone(),
            mempool: self.mempool.clone(),
            inbox: self.inbox.clone(),
            courier: self.courier.clone(),
            testimony: self.testimony.clone(),
            succession: self.succession.clone(),
            founded: self.founded.clone(),
            changes_aside: self.changes_aside.clone(),
            closing: self.closing.clone(),
            taught: self.taught.clone(),
            retired: self.retired,
            bft: self.bft.clone(),
            heads: self.heads.clone(),
            wake: self.wake,
            swept: self.swept,
            halted: self.halted,
        }
    }

    /// See [`Outline`].
    #[must_use]
    pub fn outline(&self) -> Outline {
        let ready = self.mempool.ready().map(|ready| ready.id()).collect();
        self.bft.outline(ready, self.halted)
    }
}
