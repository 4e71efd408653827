//! What a liar makes of what it hears.

use consensus::message::Proposal;
use model::{Hash, Signature};

use super::*;
use crate::simulation::Setting;

fn certificate(slot: Slot, vote: Vote) -> Message {
    Message::Certificate(Certificate {
        statement: Statement::Vote { slot, vote },
        signatures: Vec::new(),
    })
}

fn proposal(block: &Block) -> Message {
    Message::Proposal(Proposal {
        block: block.clone(),
        signature: Signature::from_bytes([0; 64]),
    })
}

/// A block in `slot` on the first of `bases`, and the news of it.
fn extend(hearsay: &mut Hearsay, scope: &Scope, slot: u64) -> BlockRef {
    let slot = Slot::new(slot);
    let base = hearsay.bases(slot)[0];
    let block = base.extend(scope, slot, DAWN, encode_entries(&[]));
    hearsay.learn(&proposal(&block));
    hearsay.learn(&certificate(slot, Vote::Notarize(block.hash())));
    block.name()
}

#[test]
fn blocks_that_are_notarized_are_bases_the_highest_first() {
    let setting = Setting::new(4);
    let scope = setting.scope();
    let hearsay = &mut Hearsay::new(scope);
    let first = extend(hearsay, scope, 1);
    let second = extend(hearsay, scope, 2);
    let names = |below| -> Vec<BlockRef> {
        let bases = hearsay.bases(Slot::new(below));
        bases.into_iter().map(|base| base.name).collect()
    };
    let genesis = BlockRef::genesis(&scope.network);
    assert_eq!(names(3), [second, first, genesis]);
    assert_eq!(names(2), [first, genesis]);
}

#[test]
fn a_block_leads_to_a_slot_if_all_between_are_skipped() {
    let setting = Setting::new(4);
    let hearsay = &mut Hearsay::new(setting.scope());
    let genesis = hearsay.bases(Slot::new(1))[0];
    assert!(hearsay.leads_to(&genesis, Slot::new(1)));
    assert!(!hearsay.leads_to(&genesis, Slot::new(3)));
    hearsay.learn(&certificate(Slot::new(1), Vote::Skip));
    assert!(!hearsay.leads_to(&genesis, Slot::new(3)));
    hearsay.learn(&certificate(Slot::new(2), Vote::Skip));
    assert!(hearsay.leads_to(&genesis, Slot::new(3)));
}

#[test]
fn what_is_said_of_slots_that_are_far_ahead_is_not_believed() {
    let setting = Setting::new(4);
    let scope = setting.scope();
    let hearsay = &mut Hearsay::new(scope);
    let last = Slot::new(u64::MAX);
    let far = hearsay.bases(last)[0].extend(scope, last, DAWN, encode_entries(&[]));
    hearsay.learn(&proposal(&far));
    hearsay.learn(&certificate(last, Vote::Notarize(far.hash())));
    hearsay.learn(&certificate(last, Vote::Finalize(Hash::ZERO)));
    assert_eq!(hearsay.bases(last).len(), 1);
}
