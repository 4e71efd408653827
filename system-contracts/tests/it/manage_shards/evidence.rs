//! Every kind of lie that can be told today, as evidence; and what an honest node says, which is none.

use std::collections::BTreeSet;

use model::merkle::InclusionProof;
use model::outbox::outbox_tree;
use model::statement::Scope;
use model::{
    AbortReason, Epoch, Hash, Head, Height, Leaf, Lie, LieKind, Malpractice, Promise, ShardId,
    Signature, SignedEnd, SignedHead, SignedLeaf, Slot, Statement, Time, TransactionId, Verdict,
    Vote, encoding,
};
use proptest::prelude::*;
use system_contracts::manage_shards::refusal;

use super::object::Objection;
use super::world::{SHARD, founded, node};
use crate::world::{NETWORK, cases, secret};

/// Who lies.
pub(super) const LIAR: u8 = 3;

pub(super) const fn scope(epoch: u64) -> Scope {
    Scope {
        network: NETWORK,
        shard: SHARD,
        epoch: Epoch::new(epoch),
    }
}

const fn hash(byte: u8) -> Hash {
    Hash::from_bytes([byte; 32])
}

fn sign(scope: &Scope, statement: &Statement) -> Signature {
    secret(LIAR).sign(&statement.signing_bytes(scope))
}

pub(super) fn two_statements(scope: Scope, first: Statement, second: Statement) -> Malpractice {
    let said = |statement| (statement, sign(&scope, &statement));
    Malpractice {
        node: node(LIAR),
        lie: Lie::Statements {
            scope,
            first: said(first),
            second: said(second),
        },
    }
}

/// A promise of the block at `height`, with another one beside it.
pub(super) fn promise(scope: Scope, height: u64, promise: Promise) -> SignedLeaf {
    let leaf = |transaction| Leaf {
        to: ShardId::new(1),
        transaction: TransactionId::from_bytes([transaction; 32]),
        valid_until: Time::from_ms(1_000),
        promise,
    };
    let tree = outbox_tree(&[leaf(7), leaf(9)], None);
    let head = Head {
        scope,
        height: Height::new(height),
        previous: Hash::ZERO,
        block: Hash::ZERO,
        time: Time::from_ms(height),
        results: Hash::ZERO,
        outbox: tree.root(),
        state: None,
    };
    SignedLeaf {
        signature: sign(&scope, &head.statement()),
        head,
        leaf: leaf(7),
        proof: tree.prove(0).expect("the first leaf"),
    }
}

/// The head that ended the epoch.
fn end_at(scope: Scope, height: u64) -> SignedEnd {
    let next = founded(1..=4);
    let promise = promise(scope, height, Promise::Acknowledged);
    let tree = outbox_tree(&[promise.leaf], Some(&next));
    let head = Head {
        outbox: tree.root(),
        ..promise.head
    };
    SignedEnd {
        signature: sign(&scope, &head.statement()),
        head,
        next: next.hash(),
        proof: tree.prove(1).expect("the leaf after all promises"),
    }
}

fn signed_head(scope: Scope, height: u64) -> SignedHead {
    let (height, head) = (Height::new(height), hash(3));
    SignedHead {
        scope,
        height,
        head,
        signature: sign(&scope, &Statement::Head { height, head }),
    }
}

fn two_promises(of: fn(Verdict) -> Promise, first: Scope, second: Scope) -> Malpractice {
    let abort = Verdict::Abort(AbortReason::Deadline);
    Malpractice {
        node: node(LIAR),
        lie: Lie::Promises {
            first: Box::new(promise(first, 5, of(Verdict::Commit))),
            second: Box::new(promise(second, 6, of(abort))),
        },
    }
}

/// One record of each kind, told in this epoch.
pub(super) fn every_kind(epoch: u64) -> Vec<(&'static str, Malpractice)> {
    let scope = scope(epoch);
    let slot = Slot::new(4);
    let height = Height::new(4);
    let proposal = |block| Statement::Proposal { slot, block };
    let vote = |vote| Statement::Vote { slot, vote };
    let head = |head| Statement::Head { height, head };
    let two = |first, second| two_statements(scope, first, second);
    let (one, other) = (hash(1), hash(2));
    let past_end = Lie::PastEnd {
        end: Box::new(end_at(scope, 9)),
        head: signed_head(scope, 10),
    };
    let early = signed_head(self::scope(epoch + 1), 9);
    let epochs = Lie::Epochs {
        first: signed_head(scope, 9),
        second: early,
    };
    let told = |lie| Malpractice {
        node: node(LIAR),
        lie,
    };
    vec![
        ("a head past the end", told(past_end)),
        ("two epochs", told(epochs)),
        ("two proposals", two(proposal(one), proposal(other))),
        (
            "two notarizations",
            two(vote(Vote::Notarize(one)), vote(Vote::Notarize(other))),
        ),
        (
            "two finalizations",
            two(vote(Vote::Finalize(one)), vote(Vote::Finalize(other))),
        ),
        (
            "a finalization of another block",
            two(vote(Vote::Notarize(one)), vote(Vote::Finalize(other))),
        ),
        (
            "a finalization of a skipped slot",
            two(vote(Vote::Skip), vote(Vote::Finalize(one))),
        ),
        ("two heads", two(head(one), head(other))),
        ("two votes", two_promises(Promise::Prepared, scope, scope)),
        ("two decisions", two_promises(Promise::Accept, scope, scope)),
    ]
}

#[test]
fn every_kind_of_lie_is_among_those_that_are_tried() {
    // A new kind breaks this, and belongs into `every_kind`.
    let all = [
        LieKind::Proposals,
        LieKind::Votes,
        LieKind::Heads,
        LieKind::Promises,
        LieKind::PastEnd,
        LieKind::Epochs,
    ];
    let records = every_kind(2).into_iter();
    let tried: BTreeSet<LieKind> = records.map(|(_, record)| record.lie.kind()).collect();
    assert_eq!(tried, BTreeSet::from(all));
    for kind in tried {
        match kind {
            LieKind::Proposals
            | LieKind::Votes
            | LieKind::Heads
            | LieKind::Promises
            | LieKind::PastEnd
            | LieKind::Epochs => {}
            LieKind::Nothing => panic!("it is no lie"),
        }
    }
}

#[test]
fn every_kind_of_lie_excludes_who_told_it() {
    for (kind, record) in every_kind(2) {
        let objection = Objection::with(record.clone());
        assert_eq!(objection.case().judge(), Ok(()), "{kind}");
        let swapped = match record.lie {
            Lie::Statements {
                scope,
                first,
                second,
            } => Lie::Statements {
                scope,
                first: second,
                second: first,
            },
            Lie::Promises { first, second } => Lie::Promises {
                first: second,
                second: first,
            },
            Lie::Epochs { first, second } => Lie::Epochs {
                first: second,
                second: first,
            },
            // There is one way to tell it.
            end @ Lie::PastEnd { .. } => end,
        };
        let node = record.node;
        let objection = Objection::with(Malpractice { node, lie: swapped });
        assert_eq!(objection.case().judge(), Ok(()), "{kind}, the other way");
    }
}

#[test]
fn a_lie_excludes_in_whichever_epoch_it_was_told() {
    // The objection is made in epoch 2.
    for epoch in [0, 1, 2, 3] {
        for (kind, record) in every_kind(epoch) {
            let judged = Objection::with(record).case().judge();
            assert_eq!(judged, Ok(()), "{kind}, told in epoch {epoch}");
        }
    }
    let record = two_promises(Promise::Prepared, scope(0), scope(2));
    Objection::with(record).case().is_accepted();
}

#[test]
fn no_record_with_one_bit_changed_excludes_anybody() {
    for (kind, record) in every_kind(2) {
        let mut case = Objection::with(record).case();
        let good = case.local_parameters.clone();
        for bit in 0..8 * good.len() {
            let mut bytes = good.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            case.local_parameters = bytes.into();
            assert!(case.judge().is_err(), "{kind}, bit {bit}");
        }
    }
}

#[test]
fn each_half_of_a_record_is_the_accuseds() {
    for (kind, record) in every_kind(2) {
        let stranger = secret(LIAR + 1);
        let forged =
            |scope: &Scope, statement: &Statement| stranger.sign(&statement.signing_bytes(scope));
        for half in [0, 1] {
            let mut record = record.clone();
            match &mut record.lie {
                Lie::Statements {
                    scope,
                    first,
                    second,
                } => {
                    let said = if half == 0 { first } else { second };
                    said.1 = forged(scope, &said.0);
                }
                Lie::Promises { first, second } => {
                    let said = if half == 0 { first } else { second };
                    said.signature = forged(&said.head.scope, &said.head.statement());
                }
                Lie::PastEnd { end, head: _ } if half == 0 => {
                    end.signature = forged(&end.head.scope, &end.head.statement());
                }
                Lie::PastEnd { end: _, head } => {
                    head.signature = forged(&head.scope, &head.statement());
                }
                Lie::Epochs { first, second } => {
                    let said = if half == 0 { first } else { second };
                    said.signature = forged(&said.scope, &said.statement());
                }
            }
            let judged = Objection::with(record).case().judge();
            assert_eq!(judged, Err(refusal::NOT_SAID), "{kind}, half {half}");
        }
    }
}

#[test]
fn a_promise_is_under_the_head_that_was_signed() {
    for (_, record) in every_kind(2) {
        let Lie::Promises { first, second } = record.lie else {
            continue;
        };
        let node = record.node;
        let changes: [fn(&mut SignedLeaf); 3] = [
            |leaf| leaf.leaf.valid_until = Time::from_ms(1),
            |leaf| leaf.proof.index = 1,
            |leaf| {
                leaf.proof = InclusionProof {
                    index: 0,
                    size: 1,
                    path: Vec::new(),
                };
            },
        ];
        for change in changes {
            let (first, mut second) = (first.clone(), second.clone());
            change(&mut second);
            let lie = Lie::Promises { first, second };
            let case = Objection::with(Malpractice { node, lie }).case();
            case.is_refused(refusal::PATH);
        }
    }
}

/// What an honest node does in a slot, by the rules of the agreement: it proposes one block or none,
/// notarizes one or none, and then skips, or finalizes what it has notarized, or neither.
#[derive(Clone, Copy, Debug)]
struct InSlot {
    proposed: Option<u8>,
    notarized: Option<u8>,
    skipped: bool,
    finalized: bool,
}

impl InSlot {
    fn said(self, number: u64) -> Vec<Statement> {
        let slot = Slot::new(number);
        let block = |byte: Option<u8>| byte.map(hash);
        let vote = |vote| Statement::Vote { slot, vote };
        let proposal = block(self.proposed).map(|block| Statement::Proposal { slot, block });
        let notarized = block(self.notarized).map(|block| vote(Vote::Notarize(block)));
        let last = if self.skipped {
            Some(vote(Vote::Skip))
        } else {
            let finalized = block(self.notarized).filter(|_| self.finalized);
            finalized.map(|block| vote(Vote::Finalize(block)))
        };
        proposal.into_iter().chain(notarized).chain(last).collect()
    }
}

fn in_slot() -> impl Strategy<Value = InSlot> {
    let block = || proptest::option::of(0_u8..3);
    (block(), block(), any::<bool>(), any::<bool>()).prop_map(
        |(proposed, notarized, skipped, finalized)| InSlot {
            proposed,
            notarized,
            skipped,
            finalized,
        },
    )
}

proptest! {
    #![proptest_config(cases(24))]

    /// All that an honest node signs in two epochs, put together in all ways that make a record.
    #[test]
    fn s12_an_honest_node_is_never_excluded(
        slots in proptest::collection::vec(in_slot(), 4),
        heads in proptest::collection::vec(0_u8..3, 5),
        last in 0_usize..5,
        votes in proptest::collection::vec((any::<bool>(), 0_u64..4), 2),
        decision in any::<bool>(),
    ) {
        // Slots after the last block of an epoch are used again in the next one.
        let mut said: Vec<(Scope, Statement)> = Vec::new();
        for (at, slot) in (0_u64..).zip(&slots) {
            let statements = slot.said(at / 2).into_iter();
            said.extend(statements.map(|statement| (scope(at % 2), statement)));
        }
        // Each height belongs to one epoch, and the first ends with `last`.
        let epoch_of = |at: usize| u64::from(at > last);
        let heads: Vec<SignedHead> = (0_usize..).zip(&heads).map(|(at, name)| {
            let scope = scope(epoch_of(at));
            let (height, head) = (Height::new(9 + at as u64), hash(*name));
            let signature = sign(&scope, &Statement::Head { height, head });
            SignedHead { scope, height, head, signature }
        }).collect();
        said.extend(heads.iter().map(|head| (head.scope, head.statement())));
        for first in &heads {
            let end = Box::new(end_at(scope(0), 9 + last as u64));
            let past_end = Lie::PastEnd { end, head: *first };
            let all = heads.iter().map(|second| Lie::Epochs { first: *first, second: *second });
            for lie in all.chain([past_end]) {
                let record = Malpractice { node: node(LIAR), lie };
                Objection::with(record).case().is_refused(refusal::NO_CONFLICT);
            }
        }
        for (its, first) in &said {
            let together = said.iter().filter(|(other, _)| other == its);
            for (_, second) in together {
                let judged = Objection::with(two_statements(*its, *first, *second)).case().judge();
                prop_assert_eq!(judged, Err(refusal::NO_CONFLICT), "{:?}, {:?}", first, second);
            }
        }
        // It votes on a transaction once and repeats that; so does it decide, not always alike.
        let verdict = |commit| match commit {
            true => Verdict::Commit,
            false => Verdict::Abort(AbortReason::Deadline),
        };
        let mut promises = vec![promise(scope(0), 9, Promise::Accept(verdict(decision)))];
        let (vote, _) = votes[0];
        for (_, height) in &votes {
            let again = Promise::Prepared(verdict(vote));
            promises.push(promise(scope(*height % 2), 20 + height, again));
        }
        promises.push(promise(scope(1), 30, Promise::NoDecision));
        promises.push(promise(scope(1), 31, Promise::Acknowledged));
        for first in &promises {
            for second in &promises {
                let lie = Lie::Promises {
                    first: Box::new(first.clone()),
                    second: Box::new(second.clone()),
                };
                let record = Malpractice { node: node(LIAR), lie };
                Objection::with(record).case().is_refused(refusal::NO_CONFLICT);
            }
        }
    }
}

#[test]
fn two_things_said_in_two_epochs_are_no_statement_twice() {
    let (first, second) = (
        Statement::Head {
            height: Height::new(4),
            head: hash(1),
        },
        Statement::Head {
            height: Height::new(4),
            head: hash(2),
        },
    );
    let mut record = two_statements(scope(1), first, second);
    if let Lie::Statements { second, .. } = &mut record.lie {
        second.1 = sign(&scope(2), &second.0);
    }
    Objection::with(record).case().is_refused(refusal::NOT_SAID);
}

#[test]
fn a_record_of_malpractice_is_small() {
    for (kind, record) in every_kind(2) {
        let bytes = encoding::encode(&record).len();
        assert!(bytes < 2_000, "{kind}: {bytes} bytes");
    }
    assert!(encoding::encode(&founded(1..=4)).len() < 400);
}
