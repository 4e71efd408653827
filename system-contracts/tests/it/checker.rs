//! The checker of CSCoin: what it accepts, and each of its refusals.

use std::collections::BTreeSet;
use std::sync::Arc;

use contracts::composition::UNEXPECTED;
use contracts::content::{OTHER_TYPE, UNREADABLE};
use contracts::{Content, Contract};
use model::{Bytes, Call, ContractId, Object, PublicKey, Refusal, encoding};
use proptest::prelude::*;
use system_contracts::cscoin::{self, Account, Flows, Payment, refusal};

use crate::world::{NETWORK, NO_POINT, WEAK, account, cases, held_by, key, object, pay};

const ALICE: u8 = 1;
const BOB: u8 = 2;
const CAROL: u8 = 3;

/// A call to judge: by default Alice, who has 8, pays 5 to Bob.
#[derive(Clone)]
struct Case {
    procedure: &'static str,
    inputs: Vec<Object>,
    references: Vec<Object>,
    local_parameters: Bytes,
    outputs: Vec<Object>,
    local_returns: Bytes,
    dependencies: usize,
    signers: BTreeSet<PublicKey>,
}

fn accounts(accounts: &[(u8, u64)]) -> Vec<Object> {
    (0..)
        .zip(accounts)
        .map(|(index, (person, balance))| account(index, *person, *balance))
        .collect()
}

/// Flows as a list of people, ascending by their keys.
fn flows(debits: &[(u8, u64)], credits: &[(u8, u64)]) -> Flows {
    let sorted = |list: &[(u8, u64)]| {
        let mut list: Vec<_> = list.iter().map(|(who, sum)| (key(*who), *sum)).collect();
        list.sort_unstable();
        list
    };
    Flows {
        debits: sorted(debits),
        credits: sorted(credits),
    }
}

impl Case {
    /// A transfer that everybody has signed.
    fn transfer(
        inputs: &[(u8, u64)],
        payments: &[(u8, u64)],
        outputs: &[(u8, u64)],
        flows: &Flows,
    ) -> Self {
        let payments: Vec<Payment> = payments.iter().map(|(who, sum)| pay(*who, *sum)).collect();
        Self {
            procedure: "transfer",
            inputs: accounts(inputs),
            references: Vec::new(),
            local_parameters: encoding::encode(&payments).into(),
            outputs: accounts(outputs),
            local_returns: encoding::encode(flows).into(),
            dependencies: 0,
            signers: [ALICE, BOB, CAROL].map(key).into(),
        }
    }

    /// A merge that everybody has signed.
    fn merge(inputs: &[(u8, u64)], outputs: &[(u8, u64)]) -> Self {
        Self {
            procedure: "merge",
            local_parameters: encoding::encode(&()).into(),
            local_returns: encoding::encode(&()).into(),
            ..Self::transfer(inputs, &[], outputs, &Flows::default())
        }
    }

    fn alice_pays_bob() -> Self {
        Self::transfer(
            &[(ALICE, 8)],
            &[(BOB, 5)],
            &[(BOB, 5), (ALICE, 3)],
            &flows(&[(ALICE, 5)], &[(BOB, 5)]),
        )
    }

    fn judge(&self) -> Result<(), Refusal> {
        let arcs = |objects: &[Object]| objects.iter().cloned().map(Arc::new).collect();
        let call = |dependencies| Call {
            network: NETWORK,
            contract: cscoin::id(),
            procedure: self.procedure,
            inputs: arcs(&self.inputs),
            references: arcs(&self.references),
            local_parameters: &self.local_parameters,
            outputs: arcs(&self.outputs),
            local_returns: &self.local_returns,
            dependencies,
            signers: &self.signers,
        };
        let dependencies = (0..self.dependencies).map(|_| call(Vec::new())).collect();
        cscoin::contract().check(&call(dependencies))
    }

    #[track_caller]
    fn is_accepted(&self) {
        assert_eq!(self.judge(), Ok(()));
    }

    #[track_caller]
    fn is_refused(&self, refusal: Refusal) {
        assert_eq!(self.judge(), Err(refusal));
    }
}

#[test]
fn a_transfer_pays_anyone_out_of_any_accounts_and_returns_change() {
    Case::alice_pays_bob().is_accepted();
    // Nothing is left over.
    let all = flows(&[(ALICE, 8)], &[(BOB, 8)]);
    Case::transfer(&[(ALICE, 8)], &[(BOB, 8)], &[(BOB, 8)], &all).is_accepted();
    // Two payers, each with change, and a payee who is paid twice.
    Case::transfer(
        &[(ALICE, 8), (BOB, 8), (ALICE, 1)],
        &[(CAROL, 6), (CAROL, 4)],
        &[(CAROL, 6), (CAROL, 4), (ALICE, 2), (BOB, 5)],
        &flows(&[(ALICE, 7), (BOB, 3)], &[(CAROL, 10)]),
    )
    .is_accepted();
    // A payer splits an account and moves no value.
    let none = Flows::default();
    Case::transfer(
        &[(ALICE, 8)],
        &[(ALICE, 5)],
        &[(ALICE, 5), (ALICE, 3)],
        &none,
    )
    .is_accepted();
    // As much as there can be.
    let all = flows(&[(ALICE, u64::MAX)], &[(BOB, u64::MAX)]);
    Case::transfer(
        &[(ALICE, u64::MAX - 1), (ALICE, 1)],
        &[(BOB, u64::MAX)],
        &[(BOB, u64::MAX)],
        &all,
    )
    .is_accepted();
}

#[test]
fn a_merge_makes_one_account_of_two_or_more() {
    Case::merge(&[(ALICE, 8), (ALICE, 1)], &[(ALICE, 9)]).is_accepted();
    Case::merge(&[(ALICE, 1), (ALICE, 1), (ALICE, 1)], &[(ALICE, 3)]).is_accepted();
}

#[test]
fn only_transfer_and_merge_are_procedures() {
    for procedure in ["", "mint", "Transfer", "transfer "] {
        let case = Case {
            procedure,
            ..Case::alice_pays_bob()
        };
        case.is_refused(refusal::PROCEDURE);
    }
}

#[test]
fn every_owner_of_an_input_must_sign() {
    let mut case = Case::alice_pays_bob();
    case.signers = BTreeSet::new();
    case.is_refused(refusal::NOT_SIGNED);
    case.signers = [key(BOB), key(CAROL)].into();
    case.is_refused(refusal::NOT_SIGNED);
    case.signers = [key(ALICE)].into();
    case.is_accepted();

    let mut merge = Case::merge(&[(ALICE, 8), (ALICE, 1)], &[(ALICE, 9)]);
    merge.signers = [key(BOB)].into();
    merge.is_refused(refusal::NOT_SIGNED);
}

#[test]
fn an_account_of_somebody_who_did_not_sign_cannot_be_slipped_in() {
    let mut case = Case::transfer(
        &[(ALICE, 8), (CAROL, 1)],
        &[(BOB, 5)],
        &[(BOB, 5), (ALICE, 3), (CAROL, 1)],
        &flows(&[(ALICE, 5)], &[(BOB, 5)]),
    );
    case.is_accepted();
    case.signers.remove(&key(CAROL));
    case.is_refused(refusal::NOT_SIGNED);
}

#[test]
fn the_outputs_hold_what_the_inputs_hold() {
    let with_change = |change| {
        Case::transfer(
            &[(ALICE, 8)],
            &[(BOB, 5)],
            &[(BOB, 5), (ALICE, change)],
            &flows(&[(ALICE, 8 - change)], &[(BOB, 5)]),
        )
    };
    with_change(3).is_accepted();
    with_change(2).is_refused(refusal::SUM);
    with_change(4).is_refused(refusal::SUM);

    let merge = |sum| Case::merge(&[(ALICE, 8), (ALICE, 1)], &[(ALICE, sum)]);
    merge(8).is_refused(refusal::SUM);
    merge(10).is_refused(refusal::SUM);
}

#[test]
fn a_sum_does_not_wrap_around() {
    // u64::MAX + 1 would be 0, and u64::MAX + 6 would be 5.
    let none = Flows::default();
    Case::transfer(
        &[(ALICE, 5)],
        &[(BOB, u64::MAX)],
        &[(BOB, u64::MAX), (ALICE, 6)],
        &none,
    )
    .is_refused(refusal::OVERFLOW);
    Case::transfer(
        &[(ALICE, u64::MAX), (ALICE, 1)],
        &[(BOB, 1)],
        &[(BOB, 1)],
        &none,
    )
    .is_refused(refusal::OVERFLOW);
    Case::merge(&[(ALICE, u64::MAX), (ALICE, 1)], &[(ALICE, u64::MAX)])
        .is_refused(refusal::OVERFLOW);
}

#[test]
fn no_account_is_empty() {
    let flows = flows(&[(ALICE, 8)], &[(BOB, 8)]);
    Case::transfer(&[(ALICE, 8)], &[(BOB, 8)], &[(BOB, 8), (ALICE, 0)], &flows)
        .is_refused(refusal::ZERO);
    Case::transfer(
        &[(ALICE, 8)],
        &[(BOB, 0)],
        &[(BOB, 0), (ALICE, 8)],
        &Flows::default(),
    )
    .is_refused(refusal::ZERO);
    Case::merge(&[(ALICE, 0), (ALICE, 0)], &[(ALICE, 0)]).is_refused(refusal::ZERO);
}

#[test]
fn no_account_belongs_to_a_key_that_must_not_be_registered() {
    for payee in [WEAK, NO_POINT] {
        let mut case = Case::alice_pays_bob();
        case.outputs[0] = object(cscoin::id(), 0, 0, &held_by(payee, 5));
        let amount = 5;
        case.local_parameters = encoding::encode(&[Payment { payee, amount }]).into();
        case.is_refused(refusal::WEAK_OWNER);
    }
}

#[test]
fn a_transfer_pays_somebody() {
    let none = Flows::default();
    Case::transfer(&[(ALICE, 8)], &[], &[(ALICE, 8)], &none).is_refused(refusal::NO_PAYMENT);
    Case::transfer(&[], &[], &[], &none).is_refused(refusal::NO_PAYMENT);
}

#[test]
fn each_payment_is_the_one_asked_for() {
    let good = Case::alice_pays_bob();
    let asking_for = |payments: &[Payment]| Case {
        local_parameters: encoding::encode(payments).into(),
        ..good.clone()
    };
    asking_for(&[pay(BOB, 5)]).is_accepted();
    asking_for(&[pay(BOB, 4)]).is_refused(refusal::PAYMENT);
    asking_for(&[pay(CAROL, 5)]).is_refused(refusal::PAYMENT);
    asking_for(&[pay(ALICE, 3), pay(BOB, 5)]).is_refused(refusal::PAYMENT);
    asking_for(&[pay(BOB, 5), pay(ALICE, 3), pay(BOB, 5)]).is_refused(refusal::PAYMENT);
}

#[test]
fn what_is_not_a_payment_is_change_once_for_each_payer() {
    let flows_with_carol = flows(&[(ALICE, 8)], &[(BOB, 5), (CAROL, 3)]);
    Case::transfer(
        &[(ALICE, 8)],
        &[(BOB, 5)],
        &[(BOB, 5), (CAROL, 3)],
        &flows_with_carol,
    )
    .is_refused(refusal::CHANGE);
    Case::transfer(
        &[(ALICE, 8)],
        &[(BOB, 5)],
        &[(BOB, 5), (ALICE, 1), (ALICE, 2)],
        &flows(&[(ALICE, 5)], &[(BOB, 5)]),
    )
    .is_refused(refusal::CHANGE);
}

#[test]
fn the_flows_are_net_complete_and_in_order() {
    let returning = |flows: &Flows| Case {
        local_returns: encoding::encode(flows).into(),
        ..Case::transfer(
            &[(ALICE, 8), (BOB, 2)],
            &[(CAROL, 7)],
            &[(CAROL, 7), (ALICE, 2), (BOB, 1)],
            &Flows::default(),
        )
    };
    let true_flows = flows(&[(ALICE, 6), (BOB, 1)], &[(CAROL, 7)]);
    returning(&true_flows).is_accepted();

    let mut reversed = true_flows.clone();
    reversed.debits.reverse();
    let mut twice = true_flows.clone();
    twice.credits.push(twice.credits[0]);
    let lies = [
        Flows::default(),
        reversed,
        twice,
        flows(&[(ALICE, 6), (BOB, 1)], &[(CAROL, 8)]),
        flows(&[(ALICE, 6), (BOB, 1)], &[(ALICE, 7)]),
        flows(&[(ALICE, 6)], &[(CAROL, 7)]),
        flows(&[(ALICE, 8), (BOB, 2)], &[(CAROL, 7), (ALICE, 2), (BOB, 1)]), // gross
        flows(&[(ALICE, 6), (BOB, 1), (CAROL, 0)], &[(CAROL, 7)]),
    ];
    for lie in lies {
        returning(&lie).is_refused(refusal::FLOWS);
    }
}

#[test]
fn a_merge_is_of_two_or_more_accounts_into_one() {
    Case::merge(&[(ALICE, 8)], &[(ALICE, 8)]).is_refused(refusal::MERGE);
    Case::merge(&[], &[]).is_refused(refusal::MERGE);
    Case::merge(&[(ALICE, 8), (ALICE, 1)], &[(ALICE, 8), (ALICE, 1)]).is_refused(refusal::MERGE);
}

#[test]
fn a_merge_is_of_the_accounts_of_one_owner() {
    Case::merge(&[(ALICE, 8), (BOB, 1)], &[(ALICE, 9)]).is_refused(refusal::OTHER_OWNER);
    Case::merge(&[(ALICE, 8), (ALICE, 1)], &[(BOB, 9)]).is_refused(refusal::OTHER_OWNER);
}

#[test]
fn nothing_is_read_or_called_beside_the_accounts() {
    let transfer = Case::alice_pays_bob();
    let merge = Case::merge(&[(ALICE, 8), (ALICE, 1)], &[(ALICE, 9)]);
    for mut case in [transfer, merge] {
        case.dependencies = 1;
        case.is_refused(UNEXPECTED);
        case.dependencies = 0;
        case.references = accounts(&[(ALICE, 1)]);
        case.is_refused(refusal::REFERENCES);
    }
}

#[test]
fn whatever_cannot_be_read_is_refused() {
    let garbage = || Bytes::from([0xff, 0x00]);
    let transfer = Case::alice_pays_bob();
    let merge = Case::merge(&[(ALICE, 8), (ALICE, 1)], &[(ALICE, 9)]);
    for good in [transfer, merge] {
        let mut case = good.clone();
        case.inputs[0].content = garbage();
        case.is_refused(UNREADABLE);
        let mut case = good.clone();
        case.outputs[0].content = garbage();
        case.is_refused(UNREADABLE);
        let mut case = good.clone();
        case.local_parameters = garbage();
        case.is_refused(UNREADABLE);
        let mut case = good.clone();
        case.local_returns = garbage();
        case.is_refused(UNREADABLE);
        let mut case = good.clone();
        case.inputs[0].object_type.name = "Coin".to_owned();
        case.is_refused(OTHER_TYPE);
        let mut case = good.clone();
        case.outputs[0].object_type.contract = ContractId::system("CSCoin2");
        case.is_refused(OTHER_TYPE);
    }
}

/// Balances that are small, so that sums are often equal by chance, or at the edge of what fits.
fn balance() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0_u64..4, 1 => Just(u64::MAX), 1 => Just(u64::MAX - 1)]
}

fn some_accounts(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<(u8, u64)>> {
    proptest::collection::vec((1_u8..=3, balance()), count)
}

proptest! {
    #![proptest_config(cases(4_000))]

    /// The judge of this test knows nothing of payments, change and flows: whatever the reason for
    /// which a call is accepted, no money has come or gone and all who had some agreed.
    #[test]
    fn whatever_is_accepted_keeps_the_sum_and_is_signed(
        before in some_accounts(0..4),
        after in some_accounts(0..4),
        payments in 0_usize..3,
        signers in proptest::collection::btree_set(1_u8..=3, 0..4),
        merge in any::<bool>(),
    ) {
        let held = |accounts: &[(u8, u64)]| -> Vec<Account> {
            accounts.iter().map(|(who, sum)| held_by(key(*who), *sum)).collect()
        };
        let flows = Flows::between(&held(&before), &held(&after)).unwrap_or_default();
        let mut case = if merge {
            Case::merge(&before, &after)
        } else {
            Case::transfer(&before, &after[..payments.min(after.len())], &after, &flows)
        };
        case.signers = signers.iter().map(|person| key(*person)).collect();
        if case.judge().is_ok() {
            let sum = |accounts: &[(u8, u64)]| -> u128 {
                accounts.iter().map(|(_, balance)| u128::from(*balance)).sum()
            };
            prop_assert_eq!(sum(&before), sum(&after));
            prop_assert!(before.iter().all(|(person, _)| signers.contains(person)));
            prop_assert!(after.iter().all(|(_, balance)| *balance > 0));
        }
    }
}

#[test]
fn only_accounts_are_of_a_type_of_cscoin() {
    assert_eq!(cscoin::contract().types(), [Account::TYPE]);
    assert_eq!(cscoin::contract().id(), ContractId::system("CSCoin"));
    assert_eq!(cscoin::contract().name(), "CSCoin");
}
