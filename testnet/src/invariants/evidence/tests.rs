//! That the judge of evidence sees false accusations, and lies that nobody names.

use std::collections::BTreeSet;
use std::sync::Arc;

use consensus::message::SignedVote;
use consensus::sbac::letter::AdmittedLetter;
use consensus::{Admitted, Signer as _};
use model::outbox::outbox_tree;
use model::statement::{Scope, Slot, Statement, Vote};
use model::{
    AbortReason, Delivery, Epoch, Hash, Head, Height, Leaf, Lie, Malpractice, NodeId, Profile,
    Promise, SecretKey, ShardId, SignedHead, SignedLeaf, Time, TransactionId, Verdict,
};

use super::{Evidence, NAMED_MAX};
use crate::invariants::What;
use crate::invariants::testing::{refusal, seat, see, sign, vote};
use crate::simulation::{Journal, Setting};

const LIAR: usize = 3;
const SLOT: Slot = Slot::new(7);
const A: Vote = Vote::Notarize(Hash::from_bytes([1; 32]));
const B: Vote = Vote::Notarize(Hash::from_bytes([2; 32]));

fn judge(setting: &Setting) -> Evidence {
    Evidence::new(setting, BTreeSet::from([seat(LIAR)]))
}

const fn statement(vote: Vote) -> Statement {
    Statement::Vote { slot: SLOT, vote }
}

/// A record that says that `node` cast both votes, which it signed.
fn record(setting: &Setting, node: usize, first: Vote, second: Vote) -> Malpractice {
    let signed = |vote| {
        let statement = statement(vote);
        (statement, sign(setting, node, &statement))
    };
    Malpractice {
        node: setting.committee.member(seat(node)).unwrap(),
        lie: Lie::Statements {
            scope: *setting.scope(),
            first: signed(first),
            second: signed(second),
        },
    }
}

/// Node 0 hears a vote of the liar, while its last final block is in slot `tip`.
fn hears(judge: &mut Evidence, setting: &Setting, vote: Vote, tip: u64) {
    let message = Admitted::Vote(SignedVote {
        slot: SLOT,
        vote,
        signature: sign(setting, LIAR, &statement(vote)),
    });
    let heard = What::Heard {
        from: seat(LIAR),
        message: &message,
        tip: Slot::new(tip),
    };
    see(judge, 0, &heard).unwrap();
}

#[test]
fn a_sound_record_against_a_liar_is_accepted() {
    let setting = Setting::new(4);
    let accused = record(&setting, LIAR, A, B);
    see(&mut judge(&setting), 0, &What::Accused(&accused)).unwrap();
}

#[test]
fn an_honest_node_that_is_named_is_seen() {
    let setting = Setting::new(4);
    let accused = record(&setting, 1, A, B);
    let said = refusal(&mut judge(&setting), 0, &What::Accused(&accused));
    assert!(said.contains("honest"), "{said}");
}

#[test]
fn a_record_that_proves_nothing_is_seen() {
    let setting = Setting::new(4);
    let no_conflict = record(&setting, LIAR, A, Vote::Skip);
    let mut forged = record(&setting, LIAR, A, B);
    if let Lie::Statements { first, second, .. } = &mut forged.lie {
        second.1 = first.1;
    }
    for accused in [no_conflict, forged] {
        refusal(&mut judge(&setting), 0, &What::Accused(&accused));
    }
}

#[test]
fn a_lie_that_is_heard_must_be_named_in_the_same_step() {
    let setting = Setting::new(4);
    let mut silent = judge(&setting);
    hears(&mut silent, &setting, A, 6);
    see(&mut silent, 0, &What::Stepped).unwrap();
    hears(&mut silent, &setting, B, 6);
    refusal(&mut silent, 0, &What::Stepped);

    let mut honest = judge(&setting);
    hears(&mut honest, &setting, A, 6);
    hears(&mut honest, &setting, B, 6);
    let accused = record(&setting, LIAR, A, B);
    see(&mut honest, 0, &What::Accused(&accused)).unwrap();
    see(&mut honest, 0, &What::Stepped).unwrap();
}

#[test]
fn a_lie_about_a_slot_that_is_final_need_not_be_named() {
    let setting = Setting::new(4);
    let mut judge = judge(&setting);
    hears(&mut judge, &setting, A, 6);
    hears(&mut judge, &setting, B, 7);
    see(&mut judge, 0, &What::Stepped).unwrap();
}

#[test]
fn a_liar_that_is_named_without_end_is_seen() {
    let setting = Setting::new(4);
    let mut judge = judge(&setting);
    let accused = record(&setting, LIAR, A, B);
    for _ in 0..NAMED_MAX {
        see(&mut judge, 0, &What::Accused(&accused)).unwrap();
    }
    refusal(&mut judge, 0, &What::Accused(&accused));
}

#[test]
fn a_record_about_epochs_must_prove_that_a_liar_signed_where_its_epoch_has_no_room() {
    let setting = Setting::new(4);
    let node = |at| setting.committee.member(seat(at)).unwrap();
    let signed = |at: usize, epoch: u64, height: u64| {
        let scope = Scope {
            epoch: Epoch::new(epoch),
            ..*setting.scope()
        };
        let (height, head) = (Height::new(height), Hash::from_bytes([6; 32]));
        let bytes = Statement::Head { height, head }.signing_bytes(&scope);
        SignedHead {
            scope,
            height,
            head,
            signature: setting.scribe(seat(at), Journal::default()).sign(&bytes),
        }
    };
    let record = |at, first, second| Malpractice {
        node: node(at),
        lie: Lie::Epochs { first, second },
    };
    let lied = record(LIAR, signed(LIAR, 0, 9), signed(LIAR, 1, 9));
    see(&mut judge(&setting), 0, &What::Accused(&lied)).unwrap();
    let honest = record(1, signed(1, 0, 9), signed(1, 1, 9));
    let in_order = record(LIAR, signed(LIAR, 0, 9), signed(LIAR, 1, 10));
    let forged = record(LIAR, signed(LIAR, 0, 9), signed(1, 1, 9));
    for accused in [honest, in_order, forged] {
        refusal(&mut judge(&setting), 0, &What::Accused(&accused));
    }
}

/// A record that says that somebody with this key, a member of another shard, promised both.
fn broken_promises(
    setting: &Setting,
    key: &SecretKey,
    [first, second]: [Verdict; 2],
) -> Malpractice {
    let scope = Scope {
        shard: ShardId::new(9),
        ..*setting.scope()
    };
    let signed = |verdict| {
        let leaf = Leaf {
            to: setting.scope().shard,
            transaction: TransactionId::from_bytes([4; 32]),
            valid_until: Time::ZERO,
            promise: Promise::Prepared(verdict),
        };
        let tree = outbox_tree(&[leaf], None);
        let head = Head {
            scope,
            height: Height::new(1),
            previous: Hash::ZERO,
            block: Hash::ZERO,
            time: Time::ZERO,
            results: Hash::ZERO,
            outbox: tree.root(),
            state: None,
        };
        Box::new(SignedLeaf {
            signature: key.sign(&head.statement().signing_bytes(&scope)),
            head,
            leaf,
            proof: tree.prove(0).unwrap(),
        })
    };
    Malpractice {
        node: NodeId::new(key.public()),
        lie: Lie::Promises {
            first: signed(first),
            second: signed(second),
        },
    }
}

#[test]
fn a_record_of_promises_must_prove_that_a_stranger_promised_the_opposite() {
    let setting = Setting::new(4);
    let key = SecretKey::from_seed([99; 32]);
    let no = Verdict::Abort(AbortReason::Deadline);
    let lied = broken_promises(&setting, &key, [Verdict::Commit, no]);
    see(&mut judge(&setting), 0, &What::Accused(&lied)).unwrap();

    let agreed = broken_promises(&setting, &key, [no, no]);
    let mut forged = lied.clone();
    forged.node = NodeId::new(SecretKey::from_seed([98; 32]).public());
    let mut ours = lied;
    ours.node = setting.committee.member(seat(LIAR)).unwrap();
    for accused in [agreed, forged, ours] {
        refusal(&mut judge(&setting), 0, &What::Accused(&accused));
    }
}

/// Node 0 of the first of three shards is shown a head of height 1 of the third one.
fn is_shown(judge: &mut Evidence, settings: &[Setting], verdict: Verdict) -> Delivery {
    let delivery = Delivery {
        parcel: vote(settings, 1, verdict),
        votes: Vec::new(),
    };
    let letter = AdmittedLetter::Deliver(vec![Arc::new(delivery.clone())]);
    see(judge, 0, &What::HeardFromAfar(&letter)).unwrap();
    delivery
}

#[test]
fn s13_two_heads_of_another_shard_at_one_height_must_be_named_in_the_same_step() {
    let settings = Setting::of_shards(3, 4, Profile::Open);
    let abort = Verdict::Abort(AbortReason::Deadline);
    let mut judge = Evidence::new(&settings[0], BTreeSet::new());
    let first = is_shown(&mut judge, &settings, Verdict::Commit);
    is_shown(&mut judge, &settings, Verdict::Commit);
    see(&mut judge, 0, &What::Stepped).unwrap();
    let second = is_shown(&mut judge, &settings, abort);
    let said = refusal(&mut judge, 0, &What::Stepped);
    assert!(said.contains("did not name it"), "{said}");

    is_shown(&mut judge, &settings, abort);
    for (at, node) in settings[2].committee.members().iter().take(3).enumerate() {
        let head = |said: &Delivery| {
            let by = &said.parcel.head;
            (by.head.statement(), by.certificate.signatures[at].1)
        };
        let record = Malpractice {
            node: *node,
            lie: Lie::Statements {
                scope: *settings[2].scope(),
                first: head(&first),
                second: head(&second),
            },
        };
        see(&mut judge, 0, &What::Accused(&record)).unwrap();
        let mut forged = record;
        if let Lie::Statements { first, second, .. } = &mut forged.lie {
            second.1 = first.1;
        }
        refusal(&mut judge, 0, &What::Accused(&forged));
    }
    see(&mut judge, 0, &What::Stepped).unwrap();
}
