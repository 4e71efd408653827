use model::outbox::outbox_tree;
use model::{
    EpochChange, HandOver, Hash, Height, Lie, NodeId, Outcome, SecretKey, ShardId, Statement,
};
use system_contracts::manage_shards;

use super::*;
use crate::heads::tests::{certified, signed};
use crate::registry::tests::{decided, founding, record, transaction};
use crate::testing::{SHARD, committee, genesis, member_key, node, person, registry};

fn judge() -> Judge {
    Judge::new(registry(), Arc::default())
}

#[track_caller]
fn check<T: serde::Serialize>(judge: &mut Judge, topic: Topic, said: &T, expected: Judgement) {
    let judged = judge.judge(topic, &encoding::encode(said), Instant::now());
    assert_eq!(judged, expected);
}

const NEW: fn() -> Judgement = || Judgement::New(Vec::new());

#[test]
fn what_cannot_be_read_is_false() {
    for topic in Topic::ALL {
        for bytes in [&b""[..], b"news", &[0xff; 100]] {
            let judged = judge().judge(topic, bytes, Instant::now());
            assert_eq!(judged, Judgement::False, "{topic:?}");
        }
    }
}

#[test]
fn an_act_is_new_once_false_without_a_quorum_and_nobodys_fault_if_it_is_ahead() {
    let mut judge = judge();
    let create = |epoch, seats: &[usize]| {
        let create = transaction(manage_shards::CREATE, &record());
        News::Acted(decided(create, Outcome::Committed, epoch, seats))
    };
    let topic = Topic::Directory;
    check(&mut judge, topic, &create(0, &[0, 1]), Judgement::False);
    check(&mut judge, topic, &create(1, &[0, 1, 2]), Judgement::Ahead);
    check(&mut judge, topic, &News::Acted(founding()), NEW());
    check(&mut judge, topic, &News::Acted(founding()), Judgement::Old);
    assert!(
        judge
            .registry
            .known()
            .directory
            .current(record().shard)
            .is_some()
    );
}

/// The shard goes on with the same members from the block at a height on, as these sign.
fn change(height: u64, signers: &[usize]) -> EpochChange {
    let before = genesis().record(SHARD).unwrap();
    let next = before.followed_by(before.descriptors().cloned().collect(), 1);
    let next = next.unwrap();
    let tree = outbox_tree(&[], Some(&next));
    EpochChange {
        hand_over: HandOver {
            head: signed(height, tree.root(), signers),
            proof: tree.prove(0).unwrap(),
        },
        next,
    }
}

#[test]
fn a_change_is_new_once_whoever_signed_it_and_false_without_a_quorum() {
    let mut judge = judge();
    let said = |height, seats: &[usize]| News::Changed(change(height, seats));
    let topic = Topic::Directory;
    check(&mut judge, topic, &said(9, &[0, 1]), Judgement::False);
    check(&mut judge, topic, &said(9, &[0, 1, 2]), NEW());
    check(&mut judge, topic, &said(9, &[1, 2, 3]), Judgement::Old);
    // Nobody can know which of two ends the sender has seen.
    check(&mut judge, topic, &said(10, &[1, 2, 3]), Judgement::Old);
    let mut later = change(9, &[0, 1, 2]);
    later.next = later.next.renewed().unwrap_or(later.next);
    later.next.epoch = model::Epoch::new(3);
    check(&mut judge, topic, &News::Changed(later), Judgement::Ahead);
}

#[test]
fn a_head_is_new_as_long_as_there_is_no_higher_one() {
    let (mut judge, topic) = (judge(), Topic::Heads);
    check(
        &mut judge,
        topic,
        &certified(5, 1, &[0, 1]),
        Judgement::False,
    );
    check(&mut judge, topic, &certified(5, 1, &[0, 1, 2]), NEW());
    check(
        &mut judge,
        topic,
        &certified(5, 1, &[1, 2, 3]),
        Judgement::Old,
    );
    check(
        &mut judge,
        topic,
        &certified(4, 1, &[0, 1, 2]),
        Judgement::Old,
    );
    let mut later = certified(6, 1, &[0, 1, 2]);
    later.head.scope.epoch = model::Epoch::new(1);
    check(&mut judge, topic, &later, Judgement::Ahead);
    let mut other = certified(6, 1, &[0, 1, 2]);
    other.head.scope.network = model::NetworkId::from_bytes([9; 32]);
    check(&mut judge, topic, &other, Judgement::False);
    // After the end of its epoch there is nothing to hear.
    let ended = News::Changed(change(9, &[0, 1, 2]));
    check(&mut judge, Topic::Directory, &ended, NEW());
    check(
        &mut judge,
        topic,
        &certified(10, 1, &[0, 1, 2]),
        Judgement::Old,
    );
    check(&mut judge, topic, &certified(9, 1, &[0, 1, 2]), NEW());
}

#[test]
fn a_fork_exposes_those_who_signed_both_heads() {
    let (mut judge, topic) = (judge(), Topic::Heads);
    check(&mut judge, topic, &certified(5, 1, &[0, 1, 2]), NEW());
    let fork = encoding::encode(&certified(5, 2, &[1, 2, 3]));
    let Judgement::New(lies) = judge.judge(topic, &fork, Instant::now()) else {
        panic!("it is news");
    };
    let liars: Vec<NodeId> = lies.iter().map(|record| record.node).collect();
    assert_eq!(liars, [node(1), node(2)]);
    // Whoever tells of it as a lie tells nothing new.
    check(&mut judge, Topic::Evidence, &lies[0], Judgement::Old);
}

/// The member on a seat has signed two heads of one height.
fn two_heads(seat: usize) -> Malpractice {
    let scope = *committee().scope();
    let head = |byte| {
        let statement = Statement::Head {
            height: Height::new(1_000),
            head: Hash::from_bytes([byte; 32]),
        };
        let signature = member_key(seat).sign(&statement.signing_bytes(&scope));
        (statement, signature)
    };
    Malpractice {
        node: node(seat),
        lie: Lie::Statements {
            scope,
            first: head(1),
            second: head(2),
        },
    }
}

#[test]
fn the_lies_of_one_shard_leave_room_for_those_of_another() {
    let elsewhere = Arc::new(Registry::new(node(0), &genesis()));
    let lie_at_home = two_heads(3);
    for registry in [registry(), elsewhere] {
        let mut judge = Judge::new(registry, Arc::default());
        // Whoever founds a shard has as many keys as it likes. That it lied is not looked at here.
        let throw_away = |number: u16| {
            let mut lie = lie_at_home.clone();
            let mut seed = [8; 32];
            seed[..2].copy_from_slice(&number.to_be_bytes());
            lie.node = NodeId::new(SecretKey::from_seed(seed).public());
            if let Lie::Statements { scope, .. } = &mut lie.lie {
                scope.shard = ShardId::new(7);
            }
            lie
        };
        let exposed = (0..1_000).filter(|number| judge.expose(&throw_away(*number)));
        let exposed = exposed.count();
        assert!((1..1_000).contains(&exposed), "{exposed}");
        check(
            &mut judge,
            Topic::Evidence,
            &throw_away(1_000),
            Judgement::Old,
        );
        let news = Judgement::New(vec![lie_at_home.clone()]);
        check(&mut judge, Topic::Evidence, &lie_at_home, news);
    }
}

#[test]
fn a_lie_is_new_once_and_what_proves_none_is_false() {
    let (mut judge, topic) = (judge(), Topic::Evidence);
    let lie = two_heads(3);
    check(&mut judge, topic, &lie, Judgement::New(vec![lie.clone()]));
    check(&mut judge, topic, &lie, Judgement::Old);
    let mut accused = two_heads(2);
    accused.node = node(1);
    check(&mut judge, topic, &accused, Judgement::False);
    let mut stranger = two_heads(2);
    stranger.node = NodeId::new(person(1).public());
    check(&mut judge, topic, &stranger, Judgement::False);
    for seat in 0..3 {
        let mut nothing = two_heads(seat);
        let Lie::Statements { first, second, .. } = &mut nothing.lie else {
            panic!("two statements");
        };
        *second = *first;
        check(&mut judge, topic, &nothing, Judgement::False);
    }
    let mut later = two_heads(2);
    let Lie::Statements { scope, .. } = &mut later.lie else {
        panic!("two statements");
    };
    scope.epoch = model::Epoch::new(1);
    check(&mut judge, topic, &later, Judgement::Ahead);
}
