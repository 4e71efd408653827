//! A member that tells other shards what its shard has not promised. In all else it follows the
//! protocol.
//!
//! It turns votes and decisions round, makes heads of its own that have them, signs these as often as
//! it takes, and leaves out the votes that belong to a decision. What stops it: a promise is under a
//! head that `f + 1` members signed, and a decision to commit counts with the votes of all others.

use std::sync::Arc;

use consensus::sbac::letter::Letter;
use model::outbox::outbox_tree;
use model::shard::Seat;
use model::{
    AbortReason, Certificate, Delivery, Head, HeadCertificate, Leaf, Parcel, Promise, Verdict,
};

use super::puppet::Telling;
use super::trickster::{Stage, Trick};

/// How many of a thousand letters it sends as they are, after or without one that it forged.
const HONEST: u64 = 500;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct LetterForger;

impl Trick for LetterForger {
    fn tell(&mut self, stage: &mut Stage<'_, '_>, telling: Telling) {
        if let Letter::Deliver(deliveries) = &*telling.letter {
            let forged = deliveries.iter().map(|delivery| forge(stage, delivery));
            let letter = Arc::new(Letter::Deliver(forged.collect()));
            stage.tell(&Telling {
                letter,
                ..telling.clone()
            });
            stage.lied();
        }
        if stage.voice.random.chance(HONEST) {
            stage.tell(&telling);
        }
    }
}

/// A delivery of what the shard did not promise, or not so.
fn forge(stage: &mut Stage<'_, '_>, honest: &Delivery) -> Delivery {
    let mut delivery = honest.clone();
    let parcel = &mut delivery.parcel;
    match stage.voice.random.below(4) {
        0 => parcel.leaves.iter_mut().for_each(turn_round),
        1 => parcel.head.certificate.signatures.truncate(1),
        2 => delivery.votes.clear(),
        _ => own_head(stage, parcel),
    }
    delivery
}

/// The opposite promise.
fn turn_round(leaf: &mut Leaf) {
    let other = |verdict: Verdict| match verdict {
        Verdict::Commit => Verdict::Abort(AbortReason::Deadline),
        Verdict::Abort(_) => Verdict::Commit,
    };
    leaf.promise = match leaf.promise {
        Promise::Prepared(verdict) => Promise::Prepared(other(verdict)),
        Promise::Accept(verdict) => Promise::Accept(other(verdict)),
        Promise::NoDecision => Promise::Acknowledged,
        Promise::Acknowledged => Promise::NoDecision,
    };
}

/// Puts the opposite promises under a head of the liar's own, which it signs for every seat.
fn own_head(stage: &mut Stage<'_, '_>, parcel: &mut Parcel) {
    let forged = opposite(parcel, |head| {
        let statement = head.statement();
        let signature = stage.sign(&statement);
        let seats = (0..=stage.voice.others.len()).filter_map(Seat::new);
        HeadCertificate {
            certificate: Certificate {
                statement,
                signatures: seats.map(|seat| (seat, signature)).collect(),
            },
            head,
        }
    });
    if let Some(forged) = forged {
        *parcel = forged;
    }
}

/// The opposite promises under a head that is like the honest one, as `certify` has it signed.
pub(super) fn opposite(
    honest: &Parcel,
    certify: impl FnOnce(Head) -> HeadCertificate,
) -> Option<Parcel> {
    let mut leaves = honest.leaves.clone();
    leaves.iter_mut().for_each(turn_round);
    leaves.sort_unstable();
    let tree = outbox_tree(&leaves, None);
    let head = Head {
        outbox: tree.root(),
        ..honest.head.head.clone()
    };
    Some(Parcel {
        head: certify(head),
        proof: tree.prove_range(0, leaves.len())?,
        leaves,
    })
}
