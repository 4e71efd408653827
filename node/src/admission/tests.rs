use std::sync::Arc;

use bytes::Bytes;
use consensus::message::{Admitted, Proposal, Status};
use consensus::{Message, Shards};
use model::api::{Refused, Taken};
use model::block::{BlockRef, Entry, Header, encode_entries, payload_hash};
use model::bounds::AUTHORIZATIONS_MAX;
use model::{Authorization, Block, Epoch, Height, NodeId, Signature, Slot, Transaction};
use net::PeerName;
use tokio::sync::oneshot;

use super::{Admission, Counters, Event, Meter, SIGNATURES_AT_ONCE, Submission, take_batch};
use crate::testing::{
    CREATED, SHARD, Shard, account_of, committee, genesis, node, payment, person, registry, seat,
};

/// Different payments.
fn payments(count: u64) -> Vec<Transaction> {
    let shard = Shard::new();
    let until = CREATED.plus_ms(10_000);
    let account = account_of(shard.ledger(), 0);
    let pay = |nonce| payment(&account, 0, 1, 1, nonce, until);
    (0..count).map(pay).collect()
}

fn admission() -> Admission {
    let known = registry().subscribe();
    Admission::new(
        Shards::alone(&committee()),
        known,
        Arc::new(Meter::default()),
    )
}

fn admit(admission: &mut Admission, frames: &[(NodeId, Bytes)]) -> Vec<Event> {
    admission.admit(frames.iter().map(|(from, bytes)| (*from, bytes)))
}

fn client(number: u8) -> PeerName {
    PeerName::of_transport_seed(&[number; 32].into())
}

/// A transaction of a client, or of the node itself, and where what becomes of it is told.
fn submission(
    client: Option<PeerName>,
    transaction: Transaction,
) -> (Submission, oneshot::Receiver<Taken>) {
    let (answer, told) = oneshot::channel();
    let submission = Submission {
        transaction,
        client,
        answer,
    };
    (submission, told)
}

fn passed_on(transactions: &[Transaction]) -> Bytes {
    Message::Transactions(transactions.to_vec())
        .encode_in(Epoch::ZERO)
        .into()
}

/// A proposal of the member on seat 1.
fn proposal(transactions: &[Transaction]) -> Proposal {
    let entries: Vec<Entry> = transactions.iter().cloned().map(Entry::Prepare).collect();
    let payload = encode_entries(&entries);
    let block = Block {
        header: Header {
            scope: *committee().scope(),
            slot: Slot::new(1),
            parent: BlockRef::genesis(&genesis().network()),
            height: Height::new(1),
            time: CREATED.plus_ms(5),
            payload: payload_hash(&payload),
        },
        payload,
    };
    Proposal {
        block,
        signature: Signature::from_bytes([0; 64]),
    }
}

fn proposed(transactions: &[Transaction]) -> Bytes {
    Message::Proposal(proposal(transactions))
        .encode_in(Epoch::ZERO)
        .into()
}

/// How many transactions or entries came through, event by event.
fn counts(events: &[Event]) -> Vec<usize> {
    let count = |event: &Event| match event {
        Event::Message { message, .. } => match message {
            Admitted::Transactions(transactions) => transactions.len(),
            Admitted::Proposal(proposal) => proposal.entries.len(),
            _ => 0,
        },
        _ => panic!("no frame makes such an event"),
    };
    events.iter().map(count).collect()
}

/// The same transaction with signatures of others beside it.
fn signed_by_another(transaction: &Transaction) -> Transaction {
    let mut other = transaction.clone();
    other.authorizations = vec![Authorization::new(&person(5), &transaction.body.id())];
    other
}

/// The same transaction with a signature that is not one.
fn forged(transaction: &Transaction) -> Transaction {
    let mut other = transaction.clone();
    other.authorizations[0].signature = Signature::from_bytes([1; 64]);
    other
}

/// The same transaction with as many signatures as there may be, none of which is one.
fn riddled(transaction: &Transaction) -> Transaction {
    let signature = Signature::from_bytes([1; 64]);
    let keys = (0..AUTHORIZATIONS_MAX as u8).map(|number| person(number).public());
    let mut authorizations: Vec<_> = keys.map(|key| Authorization { key, signature }).collect();
    authorizations.sort_by_key(|authorization| authorization.key);
    Transaction {
        authorizations,
        ..transaction.clone()
    }
}

#[test]
fn a_transaction_that_is_passed_on_and_then_proposed_is_checked_once() {
    let mut admission = admission();
    let transactions = payments(5);
    let events = admit(&mut admission, &[(node(1), passed_on(&transactions))]);
    assert_eq!(counts(&events), [5]);
    assert_eq!(admission.meter.snapshot().signatures, 5);
    let again = [
        (node(2), passed_on(&transactions)),
        (node(3), proposed(&transactions)),
    ];
    assert_eq!(counts(&admit(&mut admission, &again)), [5, 5]);
    assert_eq!(admission.meter.snapshot().signatures, 5);
}

#[test]
fn copies_that_arrive_together_are_checked_once() {
    let mut admission = admission();
    let transactions = payments(4);
    let frames = [
        (node(1), passed_on(&transactions)),
        (node(2), passed_on(&transactions[..2])),
        (node(3), proposed(&transactions[1..])),
    ];
    assert_eq!(counts(&admit(&mut admission, &frames)), [4, 2, 3]);
    assert_eq!(admission.meter.snapshot().signatures, 4);
}

#[test]
fn other_signatures_under_a_known_identifier_are_not_trusted() {
    let mut admission = admission();
    let transactions = payments(1);
    admit(&mut admission, &[(node(1), passed_on(&transactions))]);

    let forged = [forged(&transactions[0])];
    assert_eq!(forged[0].body.id(), transactions[0].body.id());
    let frames = [(node(2), passed_on(&forged)), (node(2), proposed(&forged))];
    assert_eq!(counts(&admit(&mut admission, &frames)), [0]);
    assert_eq!(admission.meter.snapshot().transactions, 2);

    // Another key may sign it too, but then it counts as signed by that key.
    let other = [signed_by_another(&transactions[0])];
    let events = admit(&mut admission, &[(node(2), passed_on(&other))]);
    let [
        Event::Message {
            message: Admitted::Transactions(found),
            ..
        },
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!(found[0].signers(), [person(5).public()].into());
    // And the first copy is still what it was.
    let events = admit(&mut admission, &[(node(2), passed_on(&transactions))]);
    assert_eq!(counts(&events), [1]);
}

#[test]
fn a_forged_copy_does_not_spoil_the_genuine_one_beside_it() {
    let transactions = payments(3);
    for forged_first in [false, true] {
        let mut admission = admission();
        let genuine = passed_on(&transactions);
        let forged = passed_on(&[forged(&transactions[1])]);
        let mut frames = vec![(node(1), genuine), (node(2), forged)];
        if forged_first {
            frames.reverse();
        }
        let mut found = counts(&admit(&mut admission, &frames));
        found.sort_unstable();
        assert_eq!(found, [0, 3], "forged first: {forged_first}");
        assert_eq!(admission.meter.snapshot().transactions, 1);
    }
}

#[test]
fn one_bad_transaction_spoils_a_proposal_and_nothing_else() {
    let mut admission = admission();
    let mut transactions = payments(3);
    transactions[2] = forged(&transactions[2]);
    let frames = [
        (node(1), proposed(&transactions)),
        (node(1), passed_on(&transactions)),
    ];
    assert_eq!(counts(&admit(&mut admission, &frames)), [2]);
    assert_eq!(admission.meter.snapshot().transactions, 2);
}

#[test]
fn every_refusal_is_counted_under_its_reason() {
    let mut admission = admission();
    let mut other_scope = proposal(&[]);
    other_scope.block.header.scope.shard = model::ShardId::new(SHARD.number() + 1);
    let mut other_payload = proposal(&[]);
    other_payload.block.payload = encode_entries(
        &payments(1)
            .into_iter()
            .map(Entry::Prepare)
            .collect::<Vec<_>>(),
    );
    let stranger = NodeId::new(person(0).public());
    let status = Message::Status(Status {
        finalization: None,
        frontier: Slot::new(1),
        certified: Height::ZERO,
    });
    let frames: [(NodeId, Bytes); 5] = [
        (node(1), vec![0xff, 0x00].into()),
        (
            node(1),
            Message::Proposal(other_scope).encode_in(Epoch::ZERO).into(),
        ),
        (
            node(1),
            Message::Proposal(other_payload)
                .encode_in(Epoch::ZERO)
                .into(),
        ),
        (stranger, status.encode_in(Epoch::ZERO).into()),
        (node(3), status.encode_in(Epoch::ZERO).into()),
    ];
    let events = admit(&mut admission, &frames);
    assert!(
        matches!(&events[..], [Event::Message { from, .. }] if *from == seat(3)),
        "{events:?}"
    );
    let expected = Counters {
        not_a_message: 1,
        other_scope: 1,
        other_payload: 1,
        strangers: 1,
        ..Counters::default()
    };
    assert_eq!(admission.meter.snapshot(), expected);
}

#[test]
fn submitters_are_told_what_is_wrong_and_the_rest_goes_on() {
    let mut admission = admission();
    let good = payments(3);
    let mut unsigned_form = good[0].clone();
    unsigned_form.openings.clear();
    let mut answers = Vec::new();
    let mut submissions = Vec::new();
    for transaction in [
        good[0].clone(),
        forged(&good[1]),
        unsigned_form,
        good[2].clone(),
    ] {
        let (submission, told) = submission(None, transaction);
        submissions.push(submission);
        answers.push(told);
    }
    let submitted = admission.admit_submissions(submissions);
    let ids: Vec<_> = submitted.iter().map(|one| one.transaction.id()).collect();
    assert_eq!(ids, [good[0].body.id(), good[2].body.id()]);
    for one in submitted {
        one.answer.send(Taken::Waits).unwrap();
    }
    let mut told = answers.into_iter().map(|mut told| told.try_recv().unwrap());
    assert_eq!(told.next(), Some(Taken::Waits));
    assert!(matches!(
        told.next(),
        Some(Taken::Refused(Refused::Malformed(_)))
    ));
    assert!(matches!(
        told.next(),
        Some(Taken::Refused(Refused::Malformed(_)))
    ));
    assert_eq!(told.next(), Some(Taken::Waits));
}

#[test]
fn false_signatures_are_looked_at_up_to_the_first_and_their_client_is_caught() {
    let mut admission = admission();
    let (liar, honest) = (client(1), client(2));
    let (junk, mut junk_told) = submission(Some(liar), riddled(&payments(1)[0]));
    let checked = admission.check_submissions(vec![junk]);
    assert_eq!(checked.caught, [liar]);
    assert!(checked.submitted.is_empty());
    assert!(matches!(
        junk_told.try_recv(),
        Ok(Taken::Refused(Refused::Malformed(_)))
    ));
    let looked_at = AUTHORIZATIONS_MAX as u64 + 1;
    assert_eq!(admission.meter.snapshot().signatures, looked_at);

    // Whoever is beside it is neither refused nor caught.
    let (junk, _) = submission(Some(liar), riddled(&payments(2)[1]));
    let (good, _) = submission(Some(honest), payments(1).remove(0));
    let checked = admission.check_submissions(vec![junk, good]);
    assert_eq!(checked.caught, [liar]);
    assert_eq!(checked.submitted.len(), 1);
}

#[test]
fn a_client_whose_transaction_has_a_form_that_no_client_makes_is_caught() {
    let mut admission = admission();
    let good = payments(1).remove(0);
    let mut unopened = good.clone();
    unopened.openings.clear();
    let mut elsewhere = good.clone();
    elsewhere.body.network = model::NetworkId::from_bytes([9; 32]);
    let (unopened, _) = submission(Some(client(1)), unopened);
    // Somebody may have taken it for another network.
    let (elsewhere, _) = submission(Some(client(2)), elsewhere);
    let (good, _) = submission(Some(client(3)), good);
    let submitted = admission.admit_submissions(vec![unopened, elsewhere, good]);
    assert_eq!(submitted.len(), 1);
    assert_eq!(admission.meter.snapshot().false_submissions, 1);
}

#[test]
fn a_false_signature_of_a_client_costs_members_nothing() {
    let mut admission = admission();
    let transactions = payments(20);
    let (junk, _) = submission(Some(client(1)), forged(&payments(21)[20]));
    let events = admit(&mut admission, &[(node(1), passed_on(&transactions))]);
    assert_eq!(counts(&events), [20]);
    admission.admit_submissions(vec![junk]);
    // The one that is false is checked in a batch of its own, and then alone.
    assert_eq!(admission.meter.snapshot().signatures, 20 + 2);
}

#[test]
fn one_that_is_false_does_not_make_the_good_ones_beside_it_be_checked_again_later() {
    let mut admission = admission();
    let mut transactions = payments(4);
    transactions[3] = riddled(&transactions[3]);
    admit(&mut admission, &[(node(1), passed_on(&transactions))]);
    let together = 3 + AUTHORIZATIONS_MAX as u64;
    assert_eq!(admission.meter.snapshot().signatures, together + 3 + 1);
    let good = passed_on(&transactions[..3]);
    assert_eq!(counts(&admit(&mut admission, &[(node(2), good)])), [3]);
    assert_eq!(admission.meter.snapshot().signatures, together + 3 + 1);
}

#[test]
fn clients_are_checked_so_many_signatures_at_a_time() {
    let riddled = riddled(&payments(1)[0]);
    let whole = SIGNATURES_AT_ONCE / AUTHORIZATIONS_MAX;
    let mut waiting: Vec<Submission> = (0..=whole)
        .map(|_| submission(None, riddled.clone()).0)
        .collect();
    assert_eq!(take_batch(&mut waiting).len(), whole);
    assert_eq!(take_batch(&mut waiting).len(), 1);
    assert_eq!(take_batch(&mut waiting).len(), 0);

    // One that has too many is refused for its form, and has to be looked at for that.
    let mut endless = riddled.clone();
    let signatures = endless.authorizations.iter().cycle();
    endless.authorizations = signatures.take(2 * SIGNATURES_AT_ONCE).cloned().collect();
    let mut waiting: Vec<Submission> = [riddled, endless.clone(), endless]
        .map(|transaction| submission(None, transaction).0)
        .into();
    assert_eq!(take_batch(&mut waiting).len(), 1);
    assert_eq!(take_batch(&mut waiting).len(), 1);
    assert_eq!(take_batch(&mut waiting).len(), 1);
}
