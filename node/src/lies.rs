//! Lies on purpose: the file that says what a node of a test network lies about.
//!
//! ```toml
//! equivocate = true    # votes for two blocks of one slot, and proposes two where it leads
//! two_heads = true     # signs two heads at each height
//! false_votes = true   # shows other shards the opposite of what its shard promises them
//! ```
//!
//! Only a node whose configuration names such a file looks at one, again whenever it may have changed.
//! Its replica is honest all the same: the lies are added to what it says on its way out, with the key of
//! the node. A node without the file has none of this in the path of its messages.

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use consensus::message::{BlocksRequest, HeadSignature, Message, Proposal, SignedVote};
use consensus::sbac::letter::Letter;
use consensus::{Shards, Signer};
use model::outbox::outbox_tree;
use model::shard::Seat;
use model::{
    AbortReason, Delivery, EpochChange, Hash, Promise, ShardId, Signature, Statement, Verdict, Vote,
};
use serde::Deserialize;
use tokio::sync::watch;

use crate::effects::Links;
use crate::watched::Watched;

/// What a node lies about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Lies {
    equivocate: bool,
    two_heads: bool,
    false_votes: bool,
}

/// The lies of a node, as a file says.
pub(crate) struct Temptation {
    file: Watched,
    lies: Arc<watch::Sender<Lies>>,
}

impl Temptation {
    /// What the file says now.
    pub(crate) fn open(file: PathBuf) -> Self {
        let mut temptation = Self {
            file: Watched::new(file),
            lies: Arc::default(),
        };
        temptation.look();
        temptation
    }

    /// What the file says at any time.
    pub(crate) fn lies(&self) -> watch::Receiver<Lies> {
        self.lies.subscribe()
    }

    /// Looks at the file again and again, for as long as the node runs.
    pub(crate) async fn follow(mut self) {
        let mut beat = Watched::beat();
        loop {
            beat.tick().await;
            self.look();
        }
    }

    fn look(&mut self) {
        if let Some(lies) = self.file.look(parse) {
            tracing::warn!(?lies, "what this node lies about, on purpose, has changed");
            self.lies.send_replace(lies);
        }
    }
}

fn parse(text: &str) -> Result<Lies, String> {
    toml::from_str(text).map_err(|error| error.to_string())
}

/// Links over which a member lies.
pub(crate) struct Liar<L> {
    pub(crate) links: L,
    pub(crate) lies: watch::Receiver<Lies>,
    pub(crate) key: Box<dyn Signer>,
    pub(crate) shards: Shards,
    pub(crate) seat: Seat,
}

impl<L: Links> Links for Liar<L> {
    fn send(&self, to: Seat, frame: Bytes) {
        self.links.send(to, frame);
    }

    fn broadcast(&self, frame: Bytes) {
        let lies = *self.lies.borrow();
        let message = (lies.equivocate || lies.two_heads).then(|| Message::decode_in(&frame));
        let message = message.and_then(Result::ok);
        match message.map(|(_, message)| message) {
            Some(Message::Proposal(proposal)) if lies.equivocate && self.leads(&proposal) => {
                self.halve(frame, self.twin(proposal));
            }
            Some(Message::Vote(vote)) if lies.equivocate => {
                self.links.broadcast(frame);
                if let Some(other) = self.other_vote(vote) {
                    self.tell_half(&Message::Vote(other));
                }
            }
            Some(Message::HeadSignature(signed)) if lies.two_heads => {
                self.links.broadcast(frame);
                self.tell_half(&Message::HeadSignature(self.other_head(signed)));
            }
            _ => self.links.broadcast(frame),
        }
    }

    fn tell(&self, shard: ShardId, to: Option<Seat>, frame: Bytes) {
        let lies = self.lies.borrow().false_votes;
        let opposite = lies.then(|| self.opposite(&frame)).flatten();
        self.links.tell(shard, to, frame);
        if let Some(letter) = opposite {
            self.links.tell(shard, to, letter.encode().into());
        }
    }

    fn fetch(&self, from: Seat, request: BlocksRequest) {
        self.links.fetch(from, request);
    }

    fn entered(&mut self, change: &Arc<EpochChange>) {
        let node = self.shards.ours().member(self.seat);
        // The replica knows it, and so what comes before it is known here.
        let _ = self.shards.directory_mut().follow(change);
        self.shards.enter();
        let seat = node.and_then(|node| self.shards.ours().seat(&node));
        self.seat = seat.unwrap_or(self.seat);
        self.links.entered(change);
    }
}

impl<L: Links> Liar<L> {
    /// The other members in the order of their seats, every second one of which hears the lies.
    fn others(&self) -> impl Iterator<Item = (Seat, bool)> {
        let seats = (0..self.shards.ours().size()).filter_map(Seat::new);
        let others = seats.filter(|seat| *seat != self.seat);
        others.zip([true, false].into_iter().cycle())
    }

    fn tell_half(&self, lie: &Message) {
        let frame = Bytes::from(lie.encode_in(self.shards.scope().epoch));
        for (seat, hears_lies) in self.others() {
            if hears_lies {
                self.links.send(seat, frame.clone());
            }
        }
    }

    /// Says one thing to one half of the members, and another one to the other half.
    fn halve(&self, truth: Bytes, lie: Message) {
        for (seat, hears_lies) in self.others() {
            if !hears_lies {
                self.links.send(seat, truth.clone());
            }
        }
        self.tell_half(&lie);
    }

    fn leads(&self, proposal: &Proposal) -> bool {
        let members = self.shards.ours().size() as u64;
        proposal.block.header.slot.number() % members == self.seat.index() as u64
    }

    /// Another block in the slot of this one, a millisecond later.
    fn twin(&self, mut proposal: Proposal) -> Message {
        let time = &mut proposal.block.header.time;
        *time = time.plus_ms(1);
        proposal.signature = self.sign(&proposal.statement());
        Message::Proposal(proposal)
    }

    /// A vote of the same kind for a block that does not exist.
    fn other_vote(&self, SignedVote { slot, vote, .. }: SignedVote) -> Option<SignedVote> {
        let vote = match vote {
            Vote::Notarize(block) => Vote::Notarize(other(&block)),
            Vote::Finalize(block) => Vote::Finalize(other(&block)),
            Vote::Skip => return None,
        };
        Some(SignedVote {
            slot,
            vote,
            signature: self.sign(&Statement::Vote { slot, vote }),
        })
    }

    fn other_head(&self, HeadSignature { height, head, .. }: HeadSignature) -> HeadSignature {
        let head = other(&head);
        HeadSignature {
            height,
            head,
            signature: self.sign(&Statement::Head { height, head }),
        }
    }

    /// A letter with the opposite of all votes and decisions in this one, under heads that this member
    /// alone has signed.
    fn opposite(&self, frame: &Bytes) -> Option<Letter> {
        let Ok(Letter::Deliver(deliveries)) = Letter::decode(frame) else {
            return None;
        };
        let turned = deliveries.into_iter().filter_map(|said| self.turn(said));
        let turned: Vec<Delivery> = turned.collect();
        (!turned.is_empty()).then_some(Letter::Deliver(turned))
    }

    fn turn(&self, mut said: Delivery) -> Option<Delivery> {
        let parcel = &mut said.parcel;
        let before = parcel.leaves.clone();
        for leaf in &mut parcel.leaves {
            leaf.promise = turned(leaf.promise);
        }
        if parcel.leaves == before {
            return None;
        }
        parcel.leaves.sort_unstable();
        let tree = outbox_tree(&parcel.leaves, None);
        let head = &mut parcel.head;
        head.head.outbox = tree.root();
        head.certificate.statement = head.head.statement();
        head.certificate.signatures = vec![(self.seat, self.sign(&head.head.statement()))];
        parcel.proof = tree.prove_range(0, parcel.leaves.len())?;
        Some(said)
    }

    fn sign(&self, statement: &Statement) -> Signature {
        let scope = self.shards.scope();
        self.key.sign(&statement.signing_bytes(scope))
    }
}

const fn turned(promise: Promise) -> Promise {
    match promise {
        Promise::Prepared(verdict) => Promise::Prepared(other_verdict(verdict)),
        Promise::Accept(verdict) => Promise::Accept(other_verdict(verdict)),
        Promise::NoDecision | Promise::Acknowledged => promise,
    }
}

const fn other_verdict(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Commit => Verdict::Abort(AbortReason::Deadline),
        Verdict::Abort(_) => Verdict::Commit,
    }
}

/// A hash that is certainly another one.
fn other(hash: &Hash) -> Hash {
    Hash::from_bytes(hash.as_bytes().map(|byte| !byte))
}
