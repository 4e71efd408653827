//! What the ledger knows of a shard, what its nodes agree to, and how it hands over.

use model::{
    Consent, ContractId, Entry, Fact, HandOver, Invitation, ShardRecord, SignedDescriptor,
};

use super::{Sample, sample};
use crate::hand_over::hand_over;
use crate::membership::{describe, record};
use crate::world::{NETWORK, node, secret};

fn of_record(name: &'static str, record: &ShardRecord) -> Sample {
    let (hash, leaf, terms) = (record.hash(), HandOver::leaf(record), record.terms());
    let derived = [
        ("hash", hash.as_ref()),
        ("consent", &record.consent_bytes(NETWORK)),
        ("hand-over", leaf.as_ref()),
        ("terms", terms.as_ref()),
    ];
    sample(name, record, &derived)
}

/// What nodes are asked to agree to.
pub(super) fn invited() -> ShardRecord {
    record(1..=4)
}

/// What one of them answers.
pub(super) fn consent() -> Consent {
    Consent::new(NETWORK, &invited(), node(2), |bytes| secret(2).sign(bytes))
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
        sample(
            "signed-descriptor",
            &SignedDescriptor::new(NETWORK, describe(1), |bytes| secret(1).sign(bytes)),
            &[(
                "signing bytes",
                &SignedDescriptor::signing_bytes(NETWORK, &describe(1)),
            )],
        ),
        sample(
            "invitation",
            &Invitation {
                network: NETWORK,
                record: invited(),
            },
            &[],
        ),
        sample("consent", &consent(), &[]),
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
