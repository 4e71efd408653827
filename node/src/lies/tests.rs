//! Tests of lies: that each convicts its teller, that the truth is told besides, and that a file which
//! asks for none gets none.

use std::sync::Mutex;

use model::block::{BlockRef, Header, payload_hash};
use model::key::Zip215;
use model::{
    Block, Certificate, Epoch, Head, HeadCertificate, Height, Leaf, Lie, Malpractice, Parcel, Slot,
    Time, TransactionId,
};

use super::*;
use crate::testing::{MEMBERS, SHARD, genesis, member_key, node, seat};

/// Who lies.
const LIAR: usize = 2;

/// Links that remember what each of the others was sent, and what other shards were told.
#[derive(Default)]
struct Remembering {
    sent: Mutex<Vec<(usize, Bytes)>>,
    told: Mutex<Vec<Bytes>>,
}

impl Links for &Remembering {
    fn send(&self, to: Seat, frame: Bytes) {
        self.sent.lock().unwrap().push((to.index(), frame));
    }

    fn broadcast(&self, frame: Bytes) {
        for seat in (0..MEMBERS).filter(|seat| *seat != LIAR) {
            self.sent.lock().unwrap().push((seat, frame.clone()));
        }
    }

    fn tell(&self, _: ShardId, _: Option<Seat>, frame: Bytes) {
        self.told.lock().unwrap().push(frame);
    }

    fn fetch(&self, _: Seat, _: BlocksRequest) {}

    fn entered(&mut self, _: &Arc<EpochChange>) {}
}

const ALL: Lies = Lies {
    equivocate: true,
    two_heads: true,
    false_votes: true,
};

fn liar(links: &Remembering, lies: Lies) -> Liar<&Remembering> {
    let (_, lies) = watch::channel(lies);
    let shards = Shards::of_genesis(&genesis(), SHARD).unwrap().unwrap();
    Liar {
        links,
        lies,
        key: Box::new(member_key(LIAR)),
        shards,
        seat: seat(LIAR),
    }
}

/// What each member hears if the liar says this to all.
fn heard(lies: Lies, message: &Message) -> [Vec<Message>; MEMBERS] {
    let links = Remembering::default();
    liar(&links, lies).broadcast(message.encode_in(Epoch::ZERO).into());
    let mut heard = [const { Vec::new() }; MEMBERS];
    for (seat, frame) in links.sent.into_inner().unwrap() {
        heard[seat].push(Message::decode_in(&frame).unwrap().1);
    }
    heard
}

fn sign(statement: &Statement) -> Signature {
    let shards = Shards::of_genesis(&genesis(), SHARD).unwrap().unwrap();
    member_key(LIAR).sign(&statement.signing_bytes(shards.scope()))
}

fn vote(vote: Vote) -> Message {
    let slot = Slot::new(5);
    Message::Vote(SignedVote {
        slot,
        vote,
        signature: sign(&Statement::Vote { slot, vote }),
    })
}

fn proposal(slot: u64) -> Message {
    let shards = Shards::of_genesis(&genesis(), SHARD).unwrap().unwrap();
    let payload = model::Bytes::default();
    let block = Block {
        header: Header {
            scope: *shards.scope(),
            slot: Slot::new(slot),
            parent: BlockRef::genesis(&genesis().network()),
            height: Height::new(1),
            time: Time::from_ms(9),
            payload: payload_hash(&payload),
        },
        payload,
    };
    let unsigned = Proposal {
        block,
        signature: Signature::from_bytes([0; 64]),
    };
    let signature = sign(&unsigned.statement());
    Message::Proposal(Proposal {
        signature,
        ..unsigned
    })
}

fn head_signature() -> Message {
    let (height, head) = (Height::new(3), Hash::from_bytes([5; 32]));
    Message::HeadSignature(HeadSignature {
        height,
        head,
        signature: sign(&Statement::Head { height, head }),
    })
}

fn said(message: &Message) -> (Statement, Signature) {
    match message {
        Message::Proposal(proposal) => (proposal.statement(), proposal.signature),
        Message::Vote(SignedVote {
            slot,
            vote,
            signature,
        }) => {
            let (slot, vote) = (*slot, *vote);
            (Statement::Vote { slot, vote }, *signature)
        }
        Message::HeadSignature(HeadSignature {
            height,
            head,
            signature,
        }) => {
            let (height, head) = (*height, *head);
            (Statement::Head { height, head }, *signature)
        }
        other => panic!("nothing is signed in {other:?}"),
    }
}

/// The record that two messages of the liar are together.
fn record(first: &Message, second: &Message) -> Malpractice {
    let shards = Shards::of_genesis(&genesis(), SHARD).unwrap().unwrap();
    Malpractice {
        node: node(LIAR),
        lie: Lie::Statements {
            scope: *shards.scope(),
            first: said(first),
            second: said(second),
        },
    }
}

#[test]
fn who_votes_twice_or_signs_two_heads_says_the_truth_to_all_and_the_lie_to_half() {
    let block = Hash::from_bytes([1; 32]);
    for truth in [
        vote(Vote::Notarize(block)),
        vote(Vote::Finalize(block)),
        head_signature(),
    ] {
        let heard = heard(ALL, &truth);
        assert_eq!(heard.each_ref().map(Vec::len), [2, 1, 0, 2]);
        assert!(
            heard
                .iter()
                .flatten()
                .filter(|said| **said == truth)
                .count()
                == MEMBERS - 1
        );
        assert_eq!(heard[0], heard[3]);
        let record = record(&heard[0][0], &heard[0][1]);
        assert_eq!(record.verify(&mut Zip215), Ok(()));
        assert!(changed(&record).all(|record| record.verify(&mut Zip215).is_err()));
    }
}

#[test]
fn who_leads_proposes_one_block_to_half_of_the_others_and_another_one_to_the_rest() {
    let heard = heard(ALL, &proposal(LIAR as u64));
    assert_eq!(heard.each_ref().map(Vec::len), [1, 1, 0, 1]);
    assert_eq!(heard[0], heard[3]);
    let record = record(&heard[0][0], &heard[1][0]);
    assert_eq!(record.verify(&mut Zip215), Ok(()));
    assert!(changed(&record).all(|record| record.verify(&mut Zip215).is_err()));
}

/// The record with one bit changed, in each of its signatures and in the name.
fn changed(record: &Malpractice) -> impl Iterator<Item = Malpractice> {
    let flip = |signature: &mut Signature| {
        let mut bytes = *signature.as_bytes();
        bytes[40] ^= 1;
        *signature = Signature::from_bytes(bytes);
    };
    let of = |change: &dyn Fn(&mut Malpractice)| {
        let mut changed = record.clone();
        change(&mut changed);
        changed
    };
    let statements = |change: &dyn Fn(&mut Signature, &mut Signature)| {
        of(&|record| {
            if let Lie::Statements { first, second, .. } = &mut record.lie {
                change(&mut first.1, &mut second.1);
            }
        })
    };
    [
        of(&|record| record.node = node(LIAR + 1)),
        statements(&|first, _| flip(first)),
        statements(&|_, second| flip(second)),
    ]
    .into_iter()
}

#[test]
fn what_nobody_can_lie_about_and_what_others_say_is_passed_on() {
    let block = Hash::from_bytes([1; 32]);
    let none = Lies::default();
    for (lies, truth) in [
        (ALL, vote(Vote::Skip)),
        (ALL, proposal(LIAR as u64 + 1)),
        (ALL, Message::Recall(Time::from_ms(7))),
        (none, vote(Vote::Notarize(block))),
        (none, proposal(LIAR as u64)),
        (none, head_signature()),
    ] {
        let heard = heard(lies, &truth);
        for seat in (0..MEMBERS).filter(|seat| *seat != LIAR) {
            assert_eq!(heard[seat], std::slice::from_ref(&truth));
        }
    }
}

/// A promise of the shard to another one, which three members sign.
fn delivery(promise: Promise) -> Delivery {
    let shards = Shards::of_genesis(&genesis(), SHARD).unwrap().unwrap();
    let leaf = Leaf {
        to: ShardId::new(1),
        transaction: TransactionId::from_bytes([3; 32]),
        valid_until: Time::from_ms(5),
        promise,
    };
    let tree = outbox_tree(&[leaf], None);
    let head = Head {
        scope: *shards.scope(),
        height: Height::new(4),
        previous: Hash::ZERO,
        block: Hash::ZERO,
        time: Time::from_ms(1),
        results: Hash::ZERO,
        outbox: tree.root(),
        state: None,
    };
    let statement = head.statement();
    let bytes = statement.signing_bytes(shards.scope());
    let sign = |at: usize| (seat(at), member_key(at).sign(&bytes));
    Delivery {
        parcel: Parcel {
            head: HeadCertificate {
                certificate: Certificate {
                    statement,
                    signatures: (1..4).map(sign).collect(),
                },
                head,
            },
            leaves: vec![leaf],
            proof: tree.prove_range(0, 1).unwrap(),
        },
        votes: Vec::new(),
    }
}

fn told(lies: Lies, promise: Promise) -> Vec<Letter> {
    let links = Remembering::default();
    let letter = Letter::Deliver(vec![delivery(promise)]);
    liar(&links, lies).tell(ShardId::new(1), None, letter.encode().into());
    let told = links.told.into_inner().unwrap();
    told.iter()
        .map(|frame| Letter::decode(frame).unwrap())
        .collect()
}

#[test]
fn another_shard_is_told_the_opposite_beside_the_truth_under_a_head_that_the_liar_alone_signed() {
    let yes = Promise::Prepared(Verdict::Commit);
    let [Letter::Deliver(truth), Letter::Deliver(lie)] = &told(ALL, yes)[..] else {
        panic!("two letters");
    };
    assert_eq!(truth[0], delivery(yes));
    let (truth, lie) = (&truth[0].parcel, &lie[0].parcel);
    assert_eq!(lie.check_form(ShardId::new(1)), Ok(()));
    assert!(matches!(
        lie.leaves[0].promise,
        Promise::Prepared(Verdict::Abort(_))
    ));
    assert_eq!(lie.head.certificate.signatures.len(), 1);
    // Whoever believed it could convict the liar twice: of the promises, and of the heads.
    let leaf = |parcel: &Parcel| Box::new(parcel.signed_leaf(0, seat(LIAR)).unwrap());
    let promises = Malpractice {
        node: node(LIAR),
        lie: Lie::Promises {
            first: leaf(truth),
            second: leaf(lie),
        },
    };
    assert_eq!(promises.verify(&mut Zip215), Ok(()));
    for (lies, promise) in [(ALL, Promise::Acknowledged), (Lies::default(), yes)] {
        assert_eq!(told(lies, promise).len(), 1);
    }
}

#[test]
fn a_file_says_what_to_lie_about_and_what_is_no_lie_is_refused() {
    assert_eq!(parse(""), Ok(Lies::default()));
    let all = "equivocate = true\ntwo_heads = true\nfalse_votes = true\n";
    assert_eq!(parse(all), Ok(ALL));
    for text in ["steal = true", "equivocate = 1", "equivocate"] {
        assert!(parse(text).is_err(), "{text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lies.toml");
    let mut temptation = Temptation::open(file.clone());
    let lies = temptation.lies();
    assert_eq!(*lies.borrow(), Lies::default());
    std::fs::write(&file, all).unwrap();
    temptation.look();
    assert_eq!(*lies.borrow(), ALL);
    std::fs::remove_file(&file).unwrap();
    temptation.look();
    assert_eq!(*lies.borrow(), Lies::default());
}
