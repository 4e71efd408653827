//! That the judge of agreement sees each way to disagree.

use std::sync::Arc;

use super::Agreement;
use crate::invariants::What;
use crate::invariants::testing::{certificate, follow, genesis, refusal, see, state, tip};
use crate::simulation::Setting;
use node::store::log::Position;

/// A judge, and nodes 0 and 1 that have begun.
fn begun(setting: &Setting) -> Agreement {
    let mut judge = Agreement::default();
    let ledger = setting.ledger();
    for node in [0, 1] {
        let began = What::Began {
            ledger: &ledger,
            durable: Position::FIRST,
        };
        see(&mut judge, node, &began).unwrap();
    }
    judge
}

#[test]
fn the_same_blocks_are_agreement() {
    let setting = Setting::new(4);
    let mut judge = begun(&setting);
    let first = follow(&setting, &genesis(&setting), 1, Vec::new());
    let second = follow(&setting, &tip(&first), 1, Vec::new());
    for node in [0, 1] {
        see(&mut judge, node, &What::Applied(&first)).unwrap();
        see(&mut judge, node, &What::Applied(&second)).unwrap();
        let ledger = state(&setting, tip(&second), Default::default());
        see(&mut judge, node, &What::Stands(&ledger)).unwrap();
        see(
            &mut judge,
            node,
            &What::Certified(&certificate(&second.applied.head)),
        )
        .unwrap();
    }
}

#[test]
fn two_blocks_at_a_height_are_seen() {
    let setting = Setting::new(4);
    let mut judge = begun(&setting);
    let one = follow(&setting, &genesis(&setting), 1, Vec::new());
    let other = follow(&setting, &genesis(&setting), 2, Vec::new());
    see(&mut judge, 0, &What::Applied(&one)).unwrap();
    assert!(refusal(&mut judge, 1, &What::Applied(&other)).contains("another node applied"));
}

#[test]
fn two_heads_at_a_height_are_seen() {
    let setting = Setting::new(4);
    let mut judge = begun(&setting);
    let one = follow(&setting, &genesis(&setting), 1, Vec::new());
    let mut other = one.clone();
    Arc::make_mut(&mut other.applied).head.results = model::Hash::from_bytes([1; 32]);
    see(&mut judge, 0, &What::Applied(&one)).unwrap();
    assert!(refusal(&mut judge, 1, &What::Applied(&other)).contains("another node computed"));
}

#[test]
fn a_certificate_of_another_head_is_seen_before_and_after() {
    let setting = Setting::new(4);
    let one = follow(&setting, &genesis(&setting), 1, Vec::new());
    let other = follow(&setting, &genesis(&setting), 2, Vec::new());
    let certified = certificate(&other.applied.head);

    let mut judge = begun(&setting);
    see(&mut judge, 0, &What::Applied(&one)).unwrap();
    refusal(&mut judge, 1, &What::Certified(&certified));

    let mut judge = begun(&setting);
    see(&mut judge, 1, &What::Certified(&certified)).unwrap();
    refusal(&mut judge, 0, &What::Applied(&one));
    refusal(
        &mut judge,
        0,
        &What::Certified(&certificate(&one.applied.head)),
    );
}

#[test]
fn a_gap_and_a_step_back_are_seen() {
    let setting = Setting::new(4);
    let mut judge = begun(&setting);
    let first = follow(&setting, &genesis(&setting), 1, Vec::new());
    let second = follow(&setting, &tip(&first), 1, Vec::new());
    refusal(&mut judge, 0, &What::Applied(&second));

    let mut judge = begun(&setting);
    see(&mut judge, 0, &What::Applied(&first)).unwrap();
    refusal(&mut judge, 0, &What::Applied(&first));
}

#[test]
fn a_state_without_its_block_is_seen() {
    let setting = Setting::new(4);
    let mut judge = begun(&setting);
    let first = follow(&setting, &genesis(&setting), 1, Vec::new());
    let ledger = state(&setting, tip(&first), Default::default());
    refusal(&mut judge, 0, &What::Stands(&ledger));
}
