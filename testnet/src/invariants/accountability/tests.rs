//! That whoever splits others is to be convicted, and nobody honest.

use std::collections::BTreeSet;

use model::outbox::outbox_tree;
use model::shard::Seat;
use model::{AbortReason, Certificate, Head, HeadCertificate, Leaf, Parcel, Profile, Promise};
use model::{ShardId, Verdict};

use super::{Accountability, Both};
use crate::invariants::testing::{in_time, turn};
use crate::simulation::{Journal, Place, Setting, Trust};
use consensus::Signer;

/// Three shards, of which the last one lies.
fn settings() -> Vec<Setting> {
    Setting::of_shards(3, 4, Profile::Open)
}

const LIAR: ShardId = ShardId::new(2);

fn judge(settings: &[Setting], liars: &[Seat]) -> Accountability {
    let place = |seat: &Seat| Place {
        shard: LIAR,
        seat: *seat,
    };
    let liars = liars.iter().map(place).collect();
    let trust = Trust::without(BTreeSet::from([LIAR]), false);
    Accountability::new(settings.iter(), &liars, trust)
}

/// A vote of the last shard on one transaction, which the first three members sign.
fn vote(settings: &[Setting], height: u64, verdict: Verdict) -> Parcel {
    let setting = &settings[2];
    let leaf = Leaf {
        to: ShardId::new(0),
        transaction: turn(&settings[0], 1, ShardId::new(1), 0).id(),
        valid_until: in_time(),
        promise: Promise::Prepared(verdict),
    };
    let tree = outbox_tree(&[leaf], None);
    let empty = model::Hash::ZERO;
    let head = Head {
        scope: *setting.scope(),
        height: model::Height::new(height),
        previous: empty,
        block: empty,
        time: in_time(),
        results: empty,
        outbox: tree.root(),
    };
    let statement = head.statement();
    let bytes = statement.signing_bytes(&head.scope);
    let sign = |seat| (seat, setting.scribe(seat, Journal::default()).sign(&bytes));
    let signatures = setting.seats().take(3).map(sign).collect();
    Parcel {
        head: HeadCertificate {
            certificate: Certificate {
                statement,
                signatures,
            },
            head,
        },
        leaves: vec![leaf],
        proof: tree.prove_range(0, 1).unwrap(),
    }
}

const ABORT: Verdict = Verdict::Abort(AbortReason::Deadline);

/// Two honest shards have come to different ends.
fn split(judge: &mut Accountability, settings: &[Setting]) {
    let id = turn(&settings[0], 1, ShardId::new(1), 0).id();
    judge.ends.insert(id, BTreeSet::from([true, false]));
}

#[test]
fn s13_a_split_of_which_nobody_is_convicted_is_seen() {
    let settings = settings();
    let all: Vec<Seat> = settings[2].seats().collect();
    let mut judge = judge(&settings, &all);
    split(&mut judge, &settings);
    judge.hear(&vote(&settings, 1, Verdict::Commit));
    assert!(judge.answered().unwrap_err().contains("nobody"));
    judge.hear(&vote(&settings, 2, ABORT));
    judge.answered().unwrap();
}

#[test]
fn s12_an_honest_member_that_is_convicted_is_seen() {
    let settings = settings();
    let two: Vec<Seat> = settings[2].seats().take(2).collect();
    let mut judge = judge(&settings, &two);
    judge.hear(&vote(&settings, 1, Verdict::Commit));
    judge.answered().unwrap();
    judge.hear(&vote(&settings, 2, ABORT));
    assert!(judge.answered().unwrap_err().contains("honest"));
}

#[test]
fn two_heads_at_one_height_convict_those_who_signed_both() {
    let settings = settings();
    let mut judge = judge(&settings, &[]);
    judge.hear(&vote(&settings, 1, Verdict::Commit));
    judge.hear(&vote(&settings, 1, ABORT));
    judge.words.clear();
    assert!(judge.answered().unwrap_err().contains("honest"));
    assert!(judge.of_promises(LIAR, &Both::default()).is_empty());
}
