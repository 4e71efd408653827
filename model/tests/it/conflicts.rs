//! Which statements no honest node signs together, and the bytes that are signed.

use std::collections::BTreeSet;

use model::statement::Scope;
use model::{Epoch, Hash, Height, NetworkId, Slot, Statement, Vote};

use crate::world::{NETWORK, shard};

/// The kinds of statements, as the table below names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Proposal,
    Notarize,
    Skip,
    Finalize,
    Head,
    Succession,
}

use Kind::{Finalize, Head, Notarize, Proposal, Skip, Succession};

const KINDS: [Kind; 6] = [Proposal, Notarize, Skip, Finalize, Head, Succession];

/// Pairs that conflict when they are about one slot or height and different hashes.
const CONFLICT_IF_HASHES_DIFFER: [(Kind, Kind); 5] = [
    (Proposal, Proposal),
    (Notarize, Notarize),
    (Notarize, Finalize),
    (Finalize, Finalize),
    (Head, Head),
];

/// The pair that conflicts when it is about one slot, whatever the hash.
const CONFLICT_ALWAYS: (Kind, Kind) = (Skip, Finalize);

fn statement(kind: Kind, number: u64, hash: u8) -> Statement {
    let slot = Slot::new(number);
    let hash = Hash::from_bytes([hash; 32]);
    let vote = |vote| Statement::Vote { slot, vote };
    match kind {
        Proposal => Statement::Proposal { slot, block: hash },
        Notarize => vote(Vote::Notarize(hash)),
        Skip => vote(Vote::Skip),
        Finalize => vote(Vote::Finalize(hash)),
        Head => Statement::Head {
            height: Height::new(number),
            head: hash,
        },
        Succession => Statement::Succession { next: hash },
    }
}

/// Every kind of statement about two slots or heights and two hashes.
pub(crate) fn all_statements() -> Vec<Statement> {
    statements().into_iter().map(|(_, _, _, s)| s).collect()
}

fn statements() -> Vec<(Kind, u64, u8, Statement)> {
    let mut all = Vec::new();
    for kind in KINDS {
        for number in [5, 6] {
            for hash in [1, 2] {
                all.push((kind, number, hash, statement(kind, number, hash)));
            }
        }
    }
    all
}

#[test]
fn every_pair_of_statements_conflicts_exactly_as_documented() {
    for (kind, number, hash, statement) in statements() {
        for (other_kind, other_number, other_hash, other) in statements() {
            let pair = (kind.min(other_kind), kind.max(other_kind));
            let expected = number == other_number
                && (pair == CONFLICT_ALWAYS
                    || hash != other_hash && CONFLICT_IF_HASHES_DIFFER.contains(&pair));
            assert_eq!(
                statement.conflicts(&other),
                expected,
                "{statement:?} and {other:?}"
            );
        }
    }
}

#[test]
fn conflicts_are_symmetric_and_no_statement_conflicts_with_itself() {
    for statement in all_statements() {
        assert!(!statement.conflicts(&statement), "{statement:?}");
        for other in all_statements() {
            assert_eq!(
                statement.conflicts(&other),
                other.conflicts(&statement),
                "{statement:?} and {other:?}"
            );
        }
    }
}

#[test]
fn no_two_statements_have_the_same_signing_bytes() {
    let scope = Scope {
        network: NETWORK,
        shard: shard(1),
        epoch: Epoch::new(1),
    };
    let scopes = [
        scope,
        Scope {
            network: NetworkId::from_bytes([8; 32]),
            ..scope
        },
        Scope {
            shard: shard(2),
            ..scope
        },
        Scope {
            epoch: Epoch::new(2),
            ..scope
        },
    ];
    let different: BTreeSet<Statement> = all_statements().into_iter().collect();
    let mut bytes = BTreeSet::new();
    for scope in &scopes {
        for statement in &different {
            bytes.insert(statement.signing_bytes(scope));
        }
    }
    assert_eq!(bytes.len(), scopes.len() * different.len());
    let lengths: BTreeSet<usize> = bytes.iter().map(Vec::len).collect();
    assert_eq!(lengths.len(), 1, "one layout");
}
