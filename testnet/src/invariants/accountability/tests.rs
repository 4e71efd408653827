//! That whoever splits others is to be convicted, and nobody honest.

use std::collections::BTreeSet;

use model::shard::Seat;
use model::{AbortReason, Profile, ShardId, Verdict};

use super::{Accountability, Both};
use crate::invariants::testing::{turn, vote};
use crate::simulation::{Place, Setting, Trust};

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
