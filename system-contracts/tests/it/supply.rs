//! The supply is constant: random histories of transfers and merges, judged by Figure 2, neither
//! make nor lose money.

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::{Called, Calls, Procedure};
use model::{Object, ObjectId, validity};
use proptest::prelude::*;
use system_contracts::cscoin::{CannotRun, Merge, Transfer};

use crate::world::{NETWORK, TERMS, account, active, arguments, cases, pay, read, secret};

const PEOPLE: u8 = 4;

/// What somebody tries. Numbers are taken modulo what there is to choose from.
#[derive(Clone, Debug)]
enum Attempt {
    Transfer {
        payer: u8,
        accounts: usize,
        payments: Vec<(u8, u64)>,
    },
    Merge {
        owner: u8,
        accounts: usize,
    },
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let amount = prop_oneof![8 => 1_u64..60, 1 => Just(u64::MAX)];
    let payments = proptest::collection::vec((1..=PEOPLE, amount), 0..4);
    let transfer = (1..=PEOPLE, 1_usize..4, payments);
    prop_oneof![
        3 => transfer.prop_map(|(payer, accounts, payments)| Attempt::Transfer {
            payer,
            accounts,
            payments,
        }),
        1 => (1..=PEOPLE, 2_usize..5)
            .prop_map(|(owner, accounts)| Attempt::Merge { owner, accounts }),
    ]
}

/// alpha, and how often it has changed.
struct World {
    active: BTreeMap<ObjectId, Arc<Object>>,
    commits: u64,
}

impl World {
    /// Some accounts of one owner.
    fn accounts_of(&self, person: u8, count: usize) -> Vec<Object> {
        let owner = secret(person).public();
        self.active
            .values()
            .filter(|object| read(std::slice::from_ref(object))[0].owner == owner)
            .take(count)
            .map(|object| Object::clone(object))
            .collect()
    }

    fn try_out(&mut self, attempt: &Attempt) {
        match attempt {
            Attempt::Transfer {
                payer,
                accounts,
                payments,
            } => {
                let inputs = self.accounts_of(*payer, *accounts);
                let payments = payments.iter().map(|(who, sum)| pay(*who, *sum)).collect();
                self.run(*payer, |calls| {
                    calls.call(&Transfer::NEAR, arguments(inputs, payments))
                });
            }
            Attempt::Merge { owner, accounts } => {
                let inputs = self.accounts_of(*owner, *accounts);
                self.run(*owner, |calls| calls.call(&Merge, arguments(inputs, ())));
            }
        }
    }

    /// Commits what a procedure makes; what it refuses changes nothing.
    fn run<P: Procedure<Error = CannotRun>>(
        &mut self,
        signer: u8,
        call: impl FnOnce(&mut Calls) -> Result<Called<P>, CannotRun>,
    ) {
        let mut calls = Calls::new(NETWORK);
        if call(&mut calls).is_err() {
            return;
        }
        let draft = calls.draft(TERMS).sign(&secret(signer));
        let authorized = draft.finish().expect("well-formed").trust();
        let checkers = system_contracts::checkers();
        let effects = validity::valid(&self.active, &authorized, &checkers)
            .expect("the checker accepts what the procedure makes");
        for consumed in &effects.consumed {
            self.active.remove(consumed);
        }
        self.active.extend(effects.created);
        self.commits += 1;
    }

    /// The supply, in arithmetic that cannot overflow.
    fn supply(&self) -> u128 {
        self.active
            .values()
            .map(|object| u128::from(read(std::slice::from_ref(object))[0].balance))
            .sum()
    }
}

fn first_accounts() -> Vec<Object> {
    (0..)
        .zip(1..=PEOPLE)
        .map(|(index, person)| account(index, person, 100))
        .collect()
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn no_history_changes_the_supply(attempts in proptest::collection::vec(attempt(), 1..30)) {
        let mut world = World {
            active: active(&first_accounts()),
            commits: 0,
        };
        for attempt in &attempts {
            world.try_out(attempt);
            prop_assert_eq!(world.supply(), 400);
        }
    }
}

#[test]
fn histories_do_commit() {
    let mut world = World {
        active: active(&first_accounts()),
        commits: 0,
    };
    let payments = vec![(2, 30), (1, 20)];
    world.try_out(&Attempt::Transfer {
        payer: 1,
        accounts: 1,
        payments,
    });
    world.try_out(&Attempt::Merge {
        owner: 2,
        accounts: 4,
    });
    assert_eq!((world.commits, world.active.len()), (2, 5));
}
