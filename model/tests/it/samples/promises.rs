//! What shards say to each other, and what proves that a node said two things.

use model::merkle::{RangeProof, Tree};
use model::outbox::outbox_tree;
use model::statement::Scope;
use model::{
    AbortReason, Delivery, Head, HeadCertificate, Leaf, Lie, Malpractice, Mapping, Parcel, Profile,
    Promise, ShardId, SignedLeaf, Time, TransactionId, Verdict,
};

use super::{Sample, certificate, committee, head, sample};
use crate::world::{node, secret, shard};

const TRANSACTION: TransactionId = TransactionId::from_bytes([5; 32]);

fn leaf(to: u32, promise: Promise) -> Leaf {
    Leaf {
        to: shard(to),
        transaction: TRANSACTION,
        valid_until: Time::from_ms(1_700_000_000_500),
        promise,
    }
}

fn refused() -> Verdict {
    Verdict::Abort(AbortReason::Refused {
        shard: ShardId::new(2),
    })
}

/// The promise of a shard to commit.
pub(crate) fn a_leaf() -> Leaf {
    leaf(4, Promise::Prepared(Verdict::Commit))
}

fn leaves() -> Vec<Sample> {
    let all = [
        ("leaf-prepared-commit", Promise::Prepared(Verdict::Commit)),
        ("leaf-prepared-abort", Promise::Prepared(refused())),
        ("leaf-accept-commit", Promise::Accept(Verdict::Commit)),
        ("leaf-accept-abort", Promise::Accept(refused())),
        ("leaf-no-decision", Promise::NoDecision),
        ("leaf-acknowledged", Promise::Acknowledged),
    ];
    all.into_iter()
        .map(|(name, promise)| {
            let leaf = leaf(4, promise);
            sample(name, &leaf, &[("hash", leaf.hash().as_ref())])
        })
        .collect()
}

/// The head of a shard whose block says these things.
fn head_over(number: u32, tree: &Tree) -> Head {
    Head {
        outbox: tree.root(),
        ..head(&committee(number))
    }
}

/// What the shard says to `to`, of all that it says in one block.
pub(super) fn parcel(number: u32, to: u32, promise: Promise) -> Parcel {
    let mut all = vec![
        leaf(0, Promise::Acknowledged),
        leaf(to, promise),
        leaf(9, Promise::NoDecision),
    ];
    all.sort();
    let at = all.iter().position(|leaf| leaf.to == shard(to));
    let at = at.expect("there is one");
    let tree = outbox_tree(&all, None);
    let head = head_over(number, &tree);
    Parcel {
        leaves: vec![all[at]],
        proof: tree.prove_range(at, 1).expect("it is a leaf"),
        head: HeadCertificate {
            certificate: certificate(&committee(number), head.statement()),
            head,
        },
    }
}

/// Shard 4 tells shard 2 to commit, and shows the vote of shard 1.
pub(super) fn delivery() -> Delivery {
    Delivery {
        parcel: parcel(4, 2, Promise::Accept(Verdict::Commit)),
        votes: vec![parcel(1, 4, Promise::Prepared(Verdict::Commit))],
    }
}

/// A record of a node that promised both.
fn two_promises(first: Promise, second: Promise) -> Malpractice {
    let signed = |promise| {
        let leaf = leaf(4, promise);
        let tree = outbox_tree(&[leaf], None);
        let head = head_over(1, &tree);
        let scope: Scope = head.scope;
        Box::new(SignedLeaf {
            signature: secret(1).sign(&head.statement().signing_bytes(&scope)),
            head,
            leaf,
            proof: tree.prove(0).expect("the only leaf"),
        })
    };
    Malpractice {
        node: node(1),
        lie: Lie::Promises {
            first: signed(first),
            second: signed(second),
        },
    }
}

/// Two conflicting votes, and two conflicting decisions.
pub(crate) fn malpractice() -> [(&'static str, Malpractice); 2] {
    let [vote, decision] = [Promise::Prepared, Promise::Accept]
        .map(|promise| two_promises(promise(Verdict::Commit), promise(refused())));
    [
        ("malpractice-vote", vote),
        ("malpractice-decision", decision),
    ]
}

fn range_proof() -> Sample {
    let leaves: Vec<_> = (0..5).map(|to| leaf(to, Promise::Acknowledged)).collect();
    let tree = outbox_tree(&leaves, None);
    let proof: RangeProof = tree.prove_range(1, 3).expect("three of five leaves");
    sample("range-proof", &proof, &[("root", tree.root().as_ref())])
}

/// All of them.
pub(super) fn all() -> Vec<Sample> {
    let delivery = delivery();
    let mapping = Mapping {
        homes: vec![shard(1), shard(4)],
        deciders: vec![shard(4)],
        frozen: vec!["rate".to_owned()],
    };
    let mut samples = leaves();
    samples.extend([
        range_proof(),
        sample("parcel", &delivery.parcel, &[]),
        sample("delivery", &delivery, &[]),
        sample("mapping", &mapping, &[]),
        sample("profile-open", &Profile::Open, &[]),
        sample("profile-paper", &Profile::Paper, &[]),
    ]);
    let lies = malpractice().into_iter().chain(crate::ended::malpractice());
    samples.extend(lies.map(|(name, record)| sample(name, &record, &[])));
    samples
}
