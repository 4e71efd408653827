//! C4: what too few members of a shard say counts for nothing, and convicts them if the shard itself says
//! something else.

use consensus::Replica;
use consensus::sbac::letter::AdmittedLetter;
use model::key::Zip215;
use model::shard::Seat;
use model::{LieKind, NodeId, Parcel};

use super::bench::{Bench, Said, Stand};
use super::dishonest::{DECIDED_BY_0, replica, reported, transaction};
use super::setting::{member, shard};

/// Who lies: a member of shard 2 that is among those who sign for it.
const LIAR: usize = 1;

/// The same, as the liar alone has signed it.
fn alone(mut parcel: Parcel) -> Parcel {
    let signatures = &mut parcel.head.certificate.signatures;
    signatures.retain(|(seat, _)| seat.index() == LIAR);
    parcel
}

fn is_named(replica: &mut Replica, bench: &Bench, parcel: &Parcel) -> bool {
    let records = reported(replica, bench, parcel);
    for record in &records {
        assert_eq!(record.verify(&mut Zip215), Ok(()));
        assert_eq!(record.node, NodeId::new(member(2, LIAR).public()));
        assert_eq!(record.lie.kind(), LieKind::Heads);
        assert_eq!(record.lie.told_in().1, shard(2));
    }
    assert!(records.len() < 2);
    !records.is_empty()
}

#[test]
fn c4_a_vote_that_one_member_has_signed_counts_for_nothing_and_convicts_it() {
    let mut bench = Bench::new();
    let attacked = transaction(&mut bench, DECIDED_BY_0);
    bench.prepare(0, &attacked);
    let truth = bench.lie_at(2, 7, 0, &attacked, Said::Yes);
    let lie = alone(bench.lie_at(2, 7, 0, &attacked, Said::No));
    let delivery = bench.with_votes(&lie);
    assert!(bench.admit(0, &delivery).is_err());
    assert_eq!(bench.stand(0, &attacked), Stand::Open);
    for first in [&truth, &lie] {
        let second = if first == &truth { &lie } else { &truth };
        let mut replica = replica(&bench);
        assert!(!is_named(&mut replica, &bench, first));
        assert!(is_named(&mut replica, &bench, second));
        assert!(!is_named(&mut replica, &bench, second), "once is enough");
    }
}

#[test]
fn a_member_that_signs_by_itself_for_ever_is_named_once() {
    let mut bench = Bench::new();
    let mut replica = replica(&bench);
    let attacked = transaction(&mut bench, DECIDED_BY_0);
    let named = (1..60).filter(|height| {
        let truth = bench.lie_at(2, *height, 0, &attacked, Said::Yes);
        let lie = alone(bench.lie_at(2, *height, 0, &attacked, Said::No));
        let before = is_named(&mut replica, &bench, &truth);
        before | is_named(&mut replica, &bench, &lie)
    });
    assert_eq!(named.count(), 1);
}

#[test]
fn s12_who_says_what_its_shard_says_and_who_did_not_sign_is_not_named() {
    let mut bench = Bench::new();
    let mut replica = replica(&bench);
    let attacked = transaction(&mut bench, DECIDED_BY_0);
    let truth = bench.lie_at(2, 7, 0, &attacked, Said::Yes);
    assert!(!is_named(&mut replica, &bench, &truth));
    assert!(!is_named(&mut replica, &bench, &alone(truth.clone())));
    let lie = alone(bench.lie_at(2, 7, 0, &attacked, Said::No));

    let mut forged = lie.clone();
    let signature = truth.head.certificate.signatures[0].1;
    forged.head.certificate.signatures[0].1 = signature;
    let mut of_another = lie.clone();
    of_another.head.certificate.signatures[0].0 = Seat::new(2).expect("a seat");
    let mut nobodys = lie.clone();
    nobodys.head.certificate.signatures.clear();
    let mut repeated = lie.clone();
    let again = repeated.head.certificate.signatures[0];
    repeated.head.certificate.signatures.push(again);
    let mut other_head = lie.clone();
    other_head.head.head.time = other_head.head.head.time.plus_ms(1);
    for refused in [forged, of_another, nobodys, repeated, other_head] {
        let delivery = bench.with_votes(&refused);
        let opened = bench.open(0, &delivery);
        assert!(opened.is_err(), "nothing of it is kept: {opened:?}");
    }
    let delivery = bench.with_votes(&lie);
    let kept = matches!(
        bench.open(0, &delivery),
        Ok(AdmittedLetter::Unproven { signed, .. }) if signed.len() == 1
    );
    assert!(kept);
}
