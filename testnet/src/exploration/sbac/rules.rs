//! What must hold: S1 to S7 of the design, restated without the code that is judged.

use std::collections::{BTreeMap, BTreeSet};

use consensus::Ledger;
use consensus::sbac::{Hearing, session::Stage};
use model::{Mode, ObjectId, Promise, TransactionId, Verdict};

use super::cast::{ABORT, Cast, Said};
use super::machine::{Memory, Stand};

/// S6: exactly the transactions that are prepared hold what they consume and what they refer to. S5:
/// who consumes an object holds it alone, and what is held is there.
pub(super) fn judge_locks(cast: &Cast, ledger: &Ledger) -> Result<(), String> {
    let mut expected: BTreeMap<ObjectId, BTreeSet<TransactionId>> = BTreeMap::new();
    for (id, session) in &ledger.state.sessions {
        if let Stage::Prepared(held) = &session.stage {
            for object in held.consumed.iter().chain(&held.referenced) {
                expected.entry(*object).or_default().insert(*id);
            }
        }
    }
    let mut found: BTreeMap<ObjectId, BTreeSet<TransactionId>> = BTreeMap::new();
    for (object, holders, _) in ledger.locked() {
        found.entry(object).or_default().extend(holders);
    }
    if found != expected {
        return Err("S6: locks are not those of the prepared transactions".to_owned());
    }
    for (object, holders) in &found {
        let consumes = |holder: &TransactionId| cast.consumes(holder, object);
        if holders.len() > 1 && holders.iter().any(consumes) {
            return Err("S5: two transactions hold one object, and one consumes it".to_owned());
        }
        if !ledger.state.objects.contains_key(object) {
            return Err("S5: a transaction holds an object that is gone".to_owned());
        }
    }
    Ok(())
}

/// What makes no sense to sequence changes nothing, so that a shard that does not sequence it misses
/// nothing. It may be answered nevertheless.
pub(super) fn judge_hearing(hearing: Hearing, changes: bool) -> Result<(), String> {
    let sensible = matches!(hearing, Hearing::Now | Hearing::Soon);
    if changes && !sensible {
        return Err(format!("what is to be heard {hearing:?} changes something"));
    }
    Ok(())
}

/// S4 and S5: nothing is created or consumed twice, and nothing ends in two ways.
pub(super) fn judge_memory(memory: &Memory) -> Result<(), String> {
    if memory.created.values().any(|times| *times > 1) {
        return Err("S4: an object was created twice".to_owned());
    }
    if memory.consumed.values().any(|times| *times > 1) {
        return Err("S5: an object was consumed twice".to_owned());
    }
    if memory.committed & memory.aborted != 0 {
        return Err("S1: a shard has committed a transaction and aborted it".to_owned());
    }
    if memory.committed.count_ones() > 1 {
        return Err("S5: two transactions with the same inputs were committed".to_owned());
    }
    Ok(())
}

/// S7: nothing is committed that refers to an object which was consumed before.
pub(super) fn judge_reads(cast: &Cast, before: &Memory, after: &Memory) -> Result<(), String> {
    let gone = |object: &ObjectId| before.consumed.contains_key(object);
    if after.committed & !before.committed != 0 && cast.references.iter().any(gone) {
        return Err("S7: what was committed refers to an object that is gone".to_owned());
    }
    Ok(())
}

/// S1 to S3, of all honest shards together. Whether one of them has committed a transaction that another
/// one has not, and will not: only those whom all trust to decide can bring that about.
pub(super) fn judge(cast: &Cast, said: Said, stands: &[(u32, &Stand)]) -> Result<bool, String> {
    let mut split = false;
    for about in 0..cast.explored {
        let committed = |stand: &Stand| stand.memory.committed >> about & 1 == 1;
        let prepared = |stand: &Stand| stand.prepared >> about & 1 == 1;
        let somewhere = stands.iter().any(|(_, stand)| committed(stand));
        let title = &cast.titles[about];
        for (shard, stand) in stands {
            judge_words(cast, said, *shard, about)?;
            if !somewhere || committed(stand) {
                continue;
            }
            if is_decided_by_a_liar(cast, about) {
                judge_consent(cast, said, *shard, about)?;
                split |= !prepared(stand);
            } else if !prepared(stand) {
                return Err(format!(
                    "S1: {title} was committed somewhere, and shard {shard} will not do it"
                ));
            } else if was_told_never(cast, said, *shard, about) {
                return Err(format!(
                    "S3: {title} was committed somewhere, and shard {shard}, which waits for the \
                     decision, was told that there is none"
                ));
            }
        }
    }
    Ok(split)
}

/// Whether the liar has a say in what becomes of a transaction that all others have voted for.
fn is_decided_by_a_liar(cast: &Cast, about: usize) -> bool {
    let body = cast.transactions[about].body();
    cast.liar.is_some_and(|liar| match body.mode {
        Mode::Decider(decider) => decider.number() == liar,
        Mode::AllVotes => body.participants.iter().any(|shard| shard.number() == liar),
    })
}

/// Not even a liar can have a transaction committed that an honest shard has not voted for.
fn judge_consent(cast: &Cast, said: Said, shard: u32, about: usize) -> Result<(), String> {
    let mut others = cast.shards.iter();
    let yes = Promise::Prepared(Verdict::Commit);
    if others.any(|to| cast.was_said(said, [shard, *to], about, yes)) {
        return Ok(());
    }
    let title = &cast.titles[about];
    Err(format!(
        "S1: {title} was committed somewhere, and shard {shard} has not voted for it"
    ))
}

fn was_told_never(cast: &Cast, said: Said, shard: u32, about: usize) -> bool {
    let never = Promise::NoDecision;
    cast.honest()
        .any(|from| cast.was_said(said, [from, shard], about, never))
}

/// S2 and S3: no honest shard votes in two ways, or decides in two ways.
fn judge_words(cast: &Cast, said: Said, shard: u32, about: usize) -> Result<(), String> {
    let says = |promise: Promise| {
        let mut others = cast.shards.iter().filter(|other| **other != shard);
        others.any(|to| cast.was_said(said, [shard, *to], about, promise))
    };
    let title = &cast.titles[about];
    if says(Promise::Prepared(Verdict::Commit)) && says(Promise::Prepared(ABORT)) {
        return Err(format!("S2: shard {shard} voted on {title} in two ways"));
    }
    let decides = [Promise::Accept(Verdict::Commit), Promise::Accept(ABORT)].map(says);
    if decides == [true, true] {
        return Err(format!("S3: shard {shard} decided {title} in two ways"));
    }
    let decider = match cast.transactions[about].body().mode {
        Mode::Decider(decider) => decider.number() == shard,
        Mode::AllVotes => false,
    };
    if decides != [false, false] && !decider {
        return Err(format!(
            "S3: shard {shard} decided {title}, which is not its to decide"
        ));
    }
    Ok(())
}
