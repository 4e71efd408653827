//! Contracts that call CSCoin: a ticket is sold for a payment, and the payment cannot be left out,
//! be made to somebody else, be counted twice, or be cut out of the sale.

use std::collections::BTreeSet;

use contracts::{Calls, Content, Registry};
use model::key::Zip215;
use model::transaction::{Authorized, Malformed};
use model::{
    Authorization, Invalid, Object, ShardId, Trace, Transaction, TransactionBody, encoding,
    placement, validity,
};
use system_contracts::cscoin::{self, Payment};

use crate::ticket::{self, Booth, Buy, Ticket, Tickets};
use crate::world::{NETWORK, TERMS, account, active, arguments, key, object, pay, secret};

const BUYER: u8 = 1;
const SELLER: u8 = 2;
const THIEF: u8 = 3;

/// What is active: a booth in shard 1, and two accounts of the buyer in shard 0.
fn world() -> Vec<Object> {
    vec![
        object(ticket::id(), 0, 1, &Booth::example(key(SELLER))),
        account(1, BUYER, 25),
        account(2, BUYER, 25),
    ]
}

fn checkers() -> Registry {
    system_contracts::checkers().with(Tickets)
}

/// The traces of a sale to the buyer for `payment` out of the account `account`.
fn sale(booth: &Object, account: usize, payment: Payment) -> Trace {
    let mut calls = Calls::new(NETWORK);
    let buy = Buy {
        accounts: vec![world()[account].clone()],
        payment,
    };
    calls
        .call(&buy, arguments(vec![booth.clone()], key(BUYER)))
        .expect("the buyer has enough");
    calls.draft(TERMS).body().traces[0].clone()
}

fn good_sale() -> Trace {
    sale(&world()[0], 1, pay(SELLER, 10))
}

/// These traces as a transaction that is whole in form: openings and participants are what follows
/// from the traces. Who forges a transaction can do that much.
fn transaction(traces: &[Trace], signers: &[u8]) -> Transaction {
    let mut body = TransactionBody {
        network: NETWORK,
        nonce: TERMS.nonce,
        valid_until: TERMS.valid_until,
        mode: TERMS.mode,
        participants: Vec::new(),
        traces: traces.to_vec(),
    };
    let free = placement::free_objects(&body);
    let mut openings = world();
    openings.retain(|object| free.contains(&object.id()));
    openings.sort_by_key(Object::id);
    let homes = openings.iter().map(|object| object.home);
    body.participants = placement::participants(&body, homes).into_iter().collect();
    let id = body.id();
    let signers: BTreeSet<_> = signers.iter().map(|who| (key(*who), *who)).collect();
    Transaction {
        body,
        openings,
        authorizations: signers
            .iter()
            .map(|(_, who)| Authorization::new(&secret(*who), &id))
            .collect(),
    }
}

fn authorize(transaction: Transaction) -> Result<Authorized, Malformed> {
    transaction.check_form(&NETWORK)?.verify(&mut Zip215)
}

fn judge(traces: &[Trace], signers: &[u8]) -> Result<Vec<Object>, Invalid> {
    let authorized = authorize(transaction(traces, signers)).expect("whole in form");
    let effects = validity::valid(&active(&world()), &authorized, &checkers())?;
    let created = effects.created.values();
    Ok(created.map(|object| Object::clone(object)).collect())
}

#[track_caller]
fn check_refused(traces: &[Trace], signers: &[u8]) {
    let refused = traces.last().expect("there is a trace");
    assert_eq!(
        judge(traces, signers),
        Err(Invalid::CheckerRefused {
            trace: refused.id(&NETWORK),
            contract: refused.contract,
        })
    );
}

#[test]
fn a_ticket_is_sold_for_a_payment() {
    let created = judge(&[good_sale()], &[BUYER]).expect("valid");
    let tickets: Vec<Ticket> = created
        .iter()
        .filter_map(|object| Ticket::read(ticket::id(), object).ok())
        .collect();
    let holder = key(BUYER);
    assert_eq!(tickets, [Ticket { holder }]);
    assert_eq!(created.len(), 4, "booth, ticket, payment, change");
}

#[test]
fn a_sale_concerns_the_shards_of_both_contracts() {
    let participants = transaction(&[good_sale()], &[BUYER]).body.participants;
    assert_eq!(participants, [0, 1].map(ShardId::new));
}

#[test]
fn the_payment_cannot_be_left_out() {
    let mut unpaid = good_sale();
    unpaid.dependencies.clear();
    check_refused(&[unpaid.clone()], &[BUYER]);
    // Beside the sale is not below it: nobody can tell what it was for.
    let payment = good_sale().dependencies.remove(0);
    check_refused(&[payment, unpaid], &[BUYER]);
}

#[test]
fn the_payment_cannot_be_for_another_payee_or_a_smaller_amount() {
    let booth = &world()[0];
    check_refused(&[sale(booth, 1, pay(THIEF, 10))], &[BUYER]);
    check_refused(&[sale(booth, 1, pay(BUYER, 10))], &[BUYER]);
    check_refused(&[sale(booth, 1, pay(SELLER, 9))], &[BUYER]);
    assert!(judge(&[sale(booth, 1, pay(SELLER, 11))], &[BUYER]).is_ok());
}

#[test]
fn the_payment_cannot_return_what_did_not_flow() {
    let mut lie = sale(&world()[0], 1, pay(THIEF, 10));
    lie.dependencies[0].local_returns = good_sale().dependencies[0].local_returns.clone();
    let payment = lie.dependencies[0].id(&NETWORK);
    assert_eq!(
        judge(&[lie], &[BUYER]),
        Err(Invalid::CheckerRefused {
            trace: payment,
            contract: cscoin::id(),
        })
    );
}

#[test]
fn the_payment_needs_the_signature_of_the_payer() {
    let payment = good_sale().dependencies[0].id(&NETWORK);
    for signers in [&[][..], &[THIEF, SELLER]] {
        assert_eq!(
            judge(&[good_sale()], signers),
            Err(Invalid::CheckerRefused {
                trace: payment,
                contract: cscoin::id(),
            })
        );
    }
}

/// The booth as a sale leaves it.
fn booth_after(sale: &Trace) -> Object {
    sale.objects(sale.id(&NETWORK)).next().expect("a booth")
}

#[test]
fn two_tickets_are_sold_for_two_payments() {
    let first = good_sale();
    let second = sale(&booth_after(&first), 2, pay(SELLER, 10));
    assert!(judge(&[first, second], &[BUYER]).is_ok());
}

#[test]
fn two_sales_cannot_share_one_payment() {
    let first = good_sale();
    let second = sale(&booth_after(&first), 1, pay(SELLER, 10));
    assert_eq!(first.dependencies, second.dependencies);
    assert_eq!(
        judge(&[first, second.clone()], &[BUYER]),
        Err(Invalid::NotActive {
            trace: second.dependencies[0].id(&NETWORK),
            object: world()[1].id(),
        })
    );
}

#[test]
fn one_sale_is_not_two_tickets() {
    let holder = key(BUYER);
    let mut greedy = good_sale();
    greedy
        .outputs
        .push(Ticket { holder }.output(ShardId::new(1)));
    check_refused(&[greedy], &[BUYER]);
}

#[test]
fn a_sale_cannot_count_the_payment_of_a_sale_below_it() {
    let first = good_sale();
    let mut second = sale(&booth_after(&first), 1, pay(SELLER, 10));
    second.dependencies = vec![first];
    check_refused(&[second], &[BUYER]);
}

#[test]
fn a_sale_with_two_payments_does_not_say_which_counts() {
    let mut twice = good_sale();
    let other = sale(&world()[0], 2, pay(SELLER, 10));
    twice.dependencies.extend(other.dependencies);
    check_refused(&[twice], &[BUYER]);
}

#[test]
fn the_payment_cannot_be_cut_out_of_a_signed_sale() {
    let signed = transaction(&[good_sale()], &[BUYER]);
    assert!(authorize(signed.clone()).is_ok());

    let payment = good_sale().dependencies;
    let cut = Transaction {
        authorizations: signed.authorizations,
        ..transaction(&payment, &[])
    };
    let key = key(BUYER);
    assert_eq!(authorize(cut).err(), Some(Malformed::BadSignature { key }));
    // Without the signature, or with another, the form is right and the owner has not agreed.
    check_refused(&payment, &[]);
    check_refused(&payment, &[THIEF]);
}

#[test]
fn no_part_of_a_signed_sale_can_be_changed() {
    let signed = transaction(&[good_sale()], &[BUYER]);
    let buyer = key(BUYER);
    let mut forgeries = vec![signed.clone(); 4];
    forgeries[0].body.nonce = [9; 16];
    forgeries[1].body.valid_until = TERMS.valid_until.plus_ms(1);
    forgeries[2].body.traces[0].local_parameters = encoding::encode(&key(THIEF)).into();
    let holder = key(THIEF);
    forgeries[3].body.traces[0].outputs[1] = Ticket { holder }.output(ShardId::new(1));
    for forgery in forgeries {
        assert_eq!(
            authorize(forgery).err(),
            Some(Malformed::BadSignature { key: buyer })
        );
    }
}

/// All the money is that of the genesis document. No trace starts with none, and none is made of
/// something else, or by somebody else.
#[test]
fn g3_no_trace_makes_money() {
    let payment = good_sale().dependencies.remove(0);
    let init = Trace {
        procedure: "init".to_owned(),
        ..payment.clone()
    };
    check_refused(std::slice::from_ref(&init), &[BUYER]);
    let out_of_nothing = Trace {
        inputs: Vec::new(),
        ..init.clone()
    };
    let trace = out_of_nothing.id(&NETWORK);
    assert_eq!(
        judge(&[out_of_nothing], &[BUYER]),
        Err(Invalid::OutputsWithoutInputs { trace })
    );
    let booth = world()[0].id();
    let out_of_a_booth = Trace {
        inputs: vec![booth],
        ..payment
    };
    let by_tickets = Trace {
        contract: ticket::id(),
        ..out_of_a_booth.clone()
    };
    let account = by_tickets.objects(by_tickets.id(&NETWORK)).next();
    let account = account.expect("a payment has an output").id();
    for (forged, object) in [(out_of_a_booth, booth), (by_tickets, account)] {
        let foreign = Invalid::ForeignType {
            trace: forged.id(&NETWORK),
            contract: forged.contract,
            object,
        };
        assert_eq!(judge(&[forged], &[BUYER]), Err(foreign));
    }
}
