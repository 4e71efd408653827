//! A member that signs heads which its epoch does not have is named by those who know where it ends.

use consensus::Message;
use consensus::message::HeadSignature;
use model::statement::Scope;
use model::{Epoch, Hash, Height, LieKind, Statement};

use super::replacement;
use super::town::Town;
use crate::world::member;

/// Who lies, and is replaced.
const LIAR: usize = 3;

/// A head that somebody signs in an epoch.
fn head(town: &Town, person: usize, epoch: Epoch, height: u64) -> Message {
    let scope = Scope {
        epoch,
        ..town.world.scope()
    };
    let (height, head) = (Height::new(height), Hash::from_bytes([9; 32]));
    let bytes = Statement::Head { height, head }.signing_bytes(&scope);
    Message::HeadSignature(HeadSignature {
        height,
        head,
        signature: member(person).sign(&bytes),
    })
}

/// A town in which the first epoch ends by the signatures of the liar, among others.
fn town() -> Town {
    let mut town = Town::new(2);
    town.give(0);
    town.filter(|_, from, _, message| from != 2 || !matches!(message, Message::HeadSignature(_)));
    town
}

fn end_epoch(town: &mut Town) {
    let plan = replacement(town);
    town.approve(&[0, 1, 2], &plan);
    town.run_until("all are in the next epoch", 10_000, |town| {
        town.are_in(&[0, 1, 2, 4], 1)
    });
}

fn kinds(town: &Town) -> Vec<(usize, LieKind)> {
    let named = town.named.iter();
    let mut kinds: Vec<_> = named.map(|(by, it)| (*by, it.lie.kind())).collect();
    kinds.sort_unstable();
    kinds
}

#[test]
fn who_signs_a_head_above_the_end_of_its_epoch_is_named_whenever_it_does() {
    // Before anybody knows where the epoch will end.
    let mut early = town();
    early.run_for(300);
    let lie = head(&early, LIAR, Epoch::ZERO, 30);
    early.lie(LIAR, Epoch::ZERO, &lie);
    early.run_for(300);
    assert_eq!(kinds(&early), []);
    end_epoch(&mut early);
    early.run_for(1_000);
    // Person 2 has gathered other signatures than the liar's under the end, and can prove nothing.
    let by_some = [0, 1].map(|by| (by, LieKind::PastEnd));
    assert_eq!(kinds(&early), by_some);

    // When the others are in the next one already.
    let mut late = town();
    end_epoch(&mut late);
    for _ in 0..20 {
        late.lie(LIAR, Epoch::ZERO, &lie);
        late.run_for(50);
    }
    assert_eq!(kinds(&late), by_some, "each says so once");
}

#[test]
fn who_signs_a_head_below_the_beginning_of_its_epoch_is_named() {
    let mut town = town();
    end_epoch(&mut town);
    // Who stays signed the end of the first epoch.
    let lie = head(&town, 1, Epoch::new(1), 1);
    town.lie(1, Epoch::new(1), &lie);
    town.run_for(500);
    let by_others = [0, 2, 4].map(|by| (by, LieKind::Epochs));
    assert_eq!(kinds(&town), by_others);
}

#[test]
fn a_liar_that_stays_is_named_once_in_each_epoch() {
    let mut town = town();
    end_epoch(&mut town);
    for epoch in 1..3 {
        for _ in 0..20 {
            let lie = head(&town, 1, Epoch::new(1), 1);
            town.lie(1, Epoch::new(1), &lie);
            town.run_for(50);
        }
        let by_0 = town.named.iter().filter(|(by, _)| *by == 0);
        assert_eq!(by_0.count(), epoch);
        let plan = town.plan(&town.record(0), &[0, 1, 2, 5 + epoch]);
        town.approve(&[0, 1, 2], &plan);
        let next = 1 + u64::try_from(epoch).expect("few epochs");
        town.run_until("the next epoch", 10_000, |town| {
            town.are_in(&[0, 1, 2], next)
        });
    }
}

#[test]
fn what_a_member_did_not_sign_names_nobody() {
    let mut town = town();
    end_epoch(&mut town);
    for (epoch, height) in [(0, 30), (1, 1)] {
        let epoch = Epoch::new(epoch);
        let forged = head(&town, 5, epoch, height);
        town.lie(1, epoch, &forged);
    }
    // Nor does a head of its epoch that the others have not come to yet.
    let ahead = head(&town, 1, Epoch::new(1), 60);
    town.lie(1, Epoch::new(1), &ahead);
    town.run_for(1_000);
    assert_eq!(kinds(&town), []);
}
