//! Every kind of lie is put into words.

use model::merkle::InclusionProof;
use model::statement::Scope;
use model::{
    Epoch, Hash, Head, Height, Leaf, LieKind, NetworkId, ShardId, Signature, SignedEnd, SignedLeaf,
    Slot, Time, TransactionId, Verdict,
};

use super::*;

const NOBODYS: Signature = Signature::from_bytes([0; 64]);

const fn scope(epoch: u64) -> Scope {
    Scope {
        network: NetworkId::from_bytes([1; 32]),
        shard: ShardId::new(1),
        epoch: Epoch::new(epoch),
    }
}

fn head(height: u64) -> Head {
    Head {
        scope: scope(0),
        height: Height::new(height),
        previous: Hash::ZERO,
        block: Hash::ZERO,
        time: Time::ZERO,
        results: Hash::ZERO,
        outbox: Hash::ZERO,
        state: None,
    }
}

fn signed_head(epoch: u64, height: u64) -> SignedHead {
    SignedHead {
        scope: scope(epoch),
        height: Height::new(height),
        head: Hash::ZERO,
        signature: NOBODYS,
    }
}

fn proof() -> InclusionProof {
    InclusionProof {
        index: 0,
        size: 1,
        path: Vec::new(),
    }
}

fn statements(first: Statement, second: Statement) -> Lie {
    Lie::Statements {
        scope: scope(0),
        first: (first, NOBODYS),
        second: (second, NOBODYS),
    }
}

fn leaf(promise: Promise) -> Box<SignedLeaf> {
    Box::new(SignedLeaf {
        head: head(4),
        signature: NOBODYS,
        leaf: Leaf {
            to: ShardId::new(2),
            transaction: TransactionId::from_bytes([3; 32]),
            valid_until: Time::ZERO,
            promise,
        },
        proof: proof(),
    })
}

/// One lie of each kind, and what is said of it.
fn lies() -> Vec<(Lie, &'static str)> {
    let (slot, block) = (Slot::new(7), Hash::ZERO);
    let proposal = Statement::Proposal { slot, block };
    let vote = |vote| Statement::Vote { slot, vote };
    let height = Height::new(8);
    let one_head = Statement::Head {
        height,
        head: block,
    };
    let end = SignedEnd {
        head: head(9),
        signature: NOBODYS,
        next: Hash::ZERO,
        proof: proof(),
    };
    let ended = Lie::PastEnd {
        end: Box::new(end),
        head: signed_head(0, 10),
    };
    let epochs = Lie::Epochs {
        first: signed_head(1, 5),
        second: signed_head(2, 5),
    };
    let promises = Lie::Promises {
        first: leaf(Promise::Prepared(Verdict::Commit)),
        second: leaf(Promise::Accept(Verdict::Commit)),
    };
    vec![
        (statements(proposal, proposal), "in slot 7"),
        (
            statements(vote(Vote::Skip), vote(Vote::Finalize(block))),
            "a vote for no block in slot 7 and a vote for block",
        ),
        (statements(one_head, one_head), "at height 8"),
        (promises, "a vote for and a commit of transaction"),
        (ended, "follows height 9, and head"),
        (epochs, "at height 5 in epoch 2"),
        (statements(proposal, one_head), "and head"),
    ]
}

#[test]
fn every_kind_of_lie_is_put_into_words() {
    let mut kinds = Vec::new();
    for (lie, words) in lies() {
        let said = what_was_said(&lie);
        assert!(said.contains(words), "{said}");
        kinds.push(lie.kind());
    }
    use LieKind::{Epochs, Heads, Nothing, PastEnd, Promises, Proposals, Votes};
    let all = [Proposals, Votes, Heads, Promises, PastEnd, Epochs, Nothing];
    assert_eq!(kinds, all);
    let mut names: Vec<String> = all.iter().map(ToString::to_string).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all.len(), "each has a name of its own");
}
