//! Random histories of founding, handing over and objecting, judged by Figure 2.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contracts::{Called, Calls, Content, Procedure, Registry};
use model::{Object, ObjectId, Place, ShardId, ShardRecord, validity};
use proptest::prelude::*;
use system_contracts::manage_shards::{
    self, CannotRun, Create, Exclude, Succession, Token, Update,
};

use super::evidence::{LIAR, every_kind};
use super::world::{PRICE, SHARD, consents, hand_over, people, read, token};
use crate::world::{NETWORK, TERMS, active, arguments, cases};

/// What somebody tries. Numbers are taken modulo what there is to choose from.
#[derive(Clone, Debug)]
enum Attempt {
    Create {
        first: u8,
        size: u8,
    },
    Update {
        shard: usize,
        first: u8,
        size: u8,
        signers: usize,
    },
    Exclude {
        shard: usize,
        kind: usize,
    },
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let members = || (1_u8..6, 3_u8..9);
    prop_oneof![
        2 => members().prop_map(|(first, size)| Attempt::Create { first, size }),
        3 => (any::<usize>(), members(), 2_usize..8).prop_map(
            |(shard, (first, size), signers)| Attempt::Update { shard, first, size, signers },
        ),
        2 => (any::<usize>(), 0_usize..8)
            .prop_map(|(shard, kind)| Attempt::Exclude { shard, kind }),
    ]
}

/// alpha, and what was committed.
struct World {
    active: BTreeMap<ObjectId, Arc<Object>>,
    checkers: Registry,
    commits: u64,
}

impl World {
    fn new() -> Self {
        Self {
            active: active([&token(SHARD.number())]),
            checkers: Registry::new().with(manage_shards::contract()),
            commits: 0,
        }
    }

    fn of_type(&self, name: &str) -> Vec<Object> {
        let all = self.active.values();
        let found = all.filter(|object| object.object_type.name == name);
        found.map(|object| Object::clone(object)).collect()
    }

    /// One of the shards.
    fn shard(&self, choice: usize) -> Option<Object> {
        let mut shards = self.of_type("Shard");
        (!shards.is_empty()).then(|| shards.swap_remove(choice % shards.len()))
    }

    fn try_out(&mut self, attempt: &Attempt) {
        match attempt {
            Attempt::Create { first, size } => {
                let token = self.of_type("Token").swap_remove(0);
                let next = Token::read(manage_shards::id(), &token)
                    .expect("the token")
                    .next;
                let members = people(*first..=first + size - 1);
                let record = ShardRecord::founded(next, members.clone(), PRICE);
                let create = Create {
                    members,
                    price: PRICE,
                };
                let given = arguments(vec![token], consents(&record, None));
                self.run(|calls| calls.call(&create, given));
            }
            Attempt::Update {
                shard,
                first,
                size,
                signers,
            } => {
                let Some(object) = self.shard(*shard) else {
                    return;
                };
                let before = read(&object);
                let members = people(*first..=first + size - 1);
                let after = before.followed_by(members, PRICE).expect("a number");
                let taken = before.seats.iter().enumerate();
                let taken = taken.filter(|(_, place)| matches!(place, Place::Taken(_)));
                let seats: Vec<usize> = taken.map(|(at, _)| at).take(*signers).collect();
                let succession = Succession {
                    hand_over: hand_over(&before, &after, &seats),
                    consents: consents(&after, Some(&before)),
                };
                let update = Update { next: after };
                let given = arguments(vec![object], succession);
                self.run(|calls| calls.call(&update, given));
            }
            Attempt::Exclude { shard, kind } => {
                let Some(object) = self.shard(*shard) else {
                    return;
                };
                let (_, record) = every_kind(0).swap_remove(*kind);
                self.run(|calls| calls.call(&Exclude, arguments(vec![object], record)));
            }
        }
    }

    /// Commits what a procedure makes; what it refuses changes nothing.
    fn run<P: Procedure<Error = CannotRun>>(
        &mut self,
        call: impl FnOnce(&mut Calls) -> Result<Called<P>, CannotRun>,
    ) {
        let before = self.records();
        let mut calls = Calls::new(NETWORK);
        if call(&mut calls).is_err() {
            return;
        }
        let authorized = calls.draft(TERMS).finish().expect("well-formed").trust();
        let effects = validity::valid(&self.active, &authorized, &self.checkers)
            .expect("the checker accepts what the procedure makes");
        for consumed in &effects.consumed {
            self.active.remove(consumed);
        }
        self.active.extend(effects.created);
        self.commits += 1;
        self.judge(&before);
    }

    /// The records by the numbers of their shards, no two alike.
    fn records(&self) -> BTreeMap<ShardId, ShardRecord> {
        let records: Vec<ShardRecord> = self.of_type("Shard").iter().map(read).collect();
        let count = records.len();
        let by_number: BTreeMap<_, _> = records.into_iter().map(|it| (it.shard, it)).collect();
        assert_eq!(by_number.len(), count, "one record for each shard");
        by_number
    }

    /// The rules of ManageShards, restated without its types of reasons.
    fn judge(&self, before: &BTreeMap<ShardId, ShardRecord>) {
        let tokens = self.of_type("Token");
        assert_eq!(tokens.len(), 1, "the token is a singleton");
        let next = Token::read(manage_shards::id(), &tokens[0])
            .expect("the token")
            .next;
        let after = self.records();
        let founded = u32::try_from(after.len()).expect("few shards");
        assert_eq!(
            next.number(),
            SHARD.number() + founded,
            "every number is given once"
        );
        for (number, record) in &after {
            assert!(*number < next);
            assert_eq!(record.seats.len() % 3, 1);
            let nodes: BTreeSet<_> = record.seats.iter().map(|it| it.descriptor().node).collect();
            assert_eq!(nodes.len(), record.seats.len(), "no node is there twice");
            let Some(old) = before.get(number) else {
                continue;
            };
            let changed = old
                .seats
                .iter()
                .zip(&record.seats)
                .filter(|(a, b)| a != b)
                .count();
            match record.epoch.number() - old.epoch.number() {
                0 => assert!(changed <= 1, "an objection is to one node"),
                1 => assert!(
                    !record
                        .seats
                        .iter()
                        .any(|it| matches!(it, Place::Vacated(_)))
                ),
                _ => panic!("an epoch was left out"),
            }
            let vacated = |record: &ShardRecord| {
                let gone = record
                    .seats
                    .iter()
                    .filter(|it| matches!(it, Place::Vacated(_)));
                gone.map(|it| it.descriptor().node).collect::<Vec<_>>()
            };
            let liar = super::world::node(LIAR);
            assert!(
                vacated(record).iter().all(|node| *node == liar),
                "nobody else lied"
            );
        }
        assert!(
            before.keys().all(|number| after.contains_key(number)),
            "no shard is lost"
        );
    }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn no_history_gives_a_number_twice_or_excludes_who_did_not_lie(
        attempts in proptest::collection::vec(attempt(), 1..16),
    ) {
        let mut world = World::new();
        for attempt in &attempts {
            world.try_out(attempt);
        }
    }
}

#[test]
fn histories_get_somewhere() {
    let mut world = World::new();
    let found = Attempt::Create { first: 1, size: 4 };
    let grow = Attempt::Update {
        shard: 0,
        first: 2,
        size: 7,
        signers: 3,
    };
    let exclude = Attempt::Exclude { shard: 0, kind: 6 };
    for (commits, attempt) in (1..).zip([found, exclude, grow]) {
        world.try_out(&attempt);
        assert_eq!(world.commits, commits, "{attempt:?}");
    }
    assert_eq!(world.records()[&SHARD].seats.len(), 7);
}
