//! What the ledger knows of a shard, what its nodes agree to, and how it hands over.

use model::{ContractId, Entry, Fact, HandOver, ShardRecord};

use super::{Sample, sample};
use crate::hand_over::hand_over;
use crate::membership::{describe, record};
use crate::world::{NETWORK, node};

fn of_record(name: &'static str, record: &ShardRecord) -> Sample {
    let (hash, leaf) = (record.hash(), HandOver::leaf(record));
    let derived = [
        ("hash", hash.as_ref()),
        ("consent", &record.consent_bytes(NETWORK)),
        ("hand-over", leaf.as_ref()),
    ];
    sample(name, record, &derived)
}

/// All of them.
pub(super) fn all() -> Vec<Sample> {
    let first = record(1..=4);
    let left = first.without(&node(3)).expect("a member");
    let members = (2..=8).map(describe).collect();
    let next = record(1..=7).followed_by(members, 5_000).expect("a number");
    let (plan, ending, change) = crate::epoch::samples();
    let scope = *record(1..=7).committee(NETWORK).expect("a shard").scope();
    let plan_bytes = plan.statement().signing_bytes(&scope);
    vec![
        sample("node-descriptor", &describe(1), &[]),
        of_record("shard-record", &first),
        of_record("shard-record-vacated", &left),
        sample("hand-over", &hand_over(&next, &[0, 1, 2, 3, 4]), &[]),
        sample("epoch-plan", &plan, &[("statement", plan_bytes.as_slice())]),
        sample("epoch-ending", &ending, &[]),
        sample("epoch-change", &change, &[]),
        sample("fact-founded", &Fact::Founded(first.clone()), &[]),
        sample("fact-changed", &Fact::Changed(change.clone()), &[]),
        sample("entry-change", &Entry::Change(change.clone()), &[]),
        sample("entry-end", &Entry::End(ending.clone()), &[]),
        sample(
            "system-contract-shards",
            &ContractId::system("ManageShards"),
            &[],
        ),
    ]
}
