//! `MS.create`: what it accepts, and each of its refusals.

use model::{Epoch, NodeDescriptor, NodeId, Place, Refusal, ShardId, ShardRecord, Signature};
use system_contracts::manage_shards::{Shard, Token, refusal};

use super::world::{Case, PRICE, consents, describe, node, object, people, token};
use crate::world::{NO_POINT, WEAK};

/// The people 1 to 4 found shard 7.
#[derive(Clone)]
struct Founding {
    token: Token,
    counted: Token,
    record: ShardRecord,
    consents: Vec<Signature>,
    number: ShardId,
}

impl Founding {
    fn of(members: Vec<NodeDescriptor>) -> Self {
        let [number, next] = [7, 8].map(ShardId::new);
        let record = ShardRecord::founded(number, members, PRICE);
        Self {
            token: Token { next: number },
            counted: Token { next },
            consents: consents(&record, None),
            record,
            number,
        }
    }

    fn good() -> Self {
        Self::of(people(1..=4))
    }

    fn case(&self) -> Case {
        let outputs = vec![
            object(0, &self.counted),
            object(1, &Shard(self.record.clone())),
        ];
        let input = object(0, &self.token);
        Case::new("create", input, &self.consents, outputs, &self.number)
    }
}

#[track_caller]
fn check(change: impl FnOnce(&mut Founding), expected: Refusal) {
    let mut founding = Founding::good();
    change(&mut founding);
    founding.case().is_refused(expected);
}

/// As [`check`], with the consents of all to what the record says then.
#[track_caller]
fn check_agreed(change: impl FnOnce(&mut ShardRecord), expected: Refusal) {
    check(
        |founding| {
            change(&mut founding.record);
            founding.consents = consents(&founding.record, None);
        },
        expected,
    );
}

fn descriptor(record: &mut ShardRecord, seat: usize) -> &mut NodeDescriptor {
    match &mut record.seats[seat] {
        Place::Taken(descriptor) | Place::Vacated(descriptor) => descriptor,
    }
}

#[test]
fn any_nodes_that_agree_may_form_a_shard() {
    Founding::good().case().is_accepted();
    for size in [7, 10, 31] {
        Founding::of(people(1..=size)).case().is_accepted();
    }
}

#[test]
fn a_founding_consumes_the_token_and_makes_a_token_and_a_shard() {
    Founding::good().case().keeps_to_its_objects();
    let mut swapped = Founding::good().case();
    swapped.outputs.swap(0, 1);
    swapped.is_refused(contracts::content::OTHER_TYPE);
}

#[test]
fn the_token_counts_every_shard_and_no_number_is_given_twice() {
    let number = ShardId::new;
    check(|it| it.counted.next = number(7), refusal::TOKEN);
    check(|it| it.counted.next = number(9), refusal::TOKEN);
    check(|it| it.token.next = number(6), refusal::TOKEN);
    check(|it| it.number = number(8), refusal::NUMBER);
    check_agreed(|record| record.shard = number(6), refusal::FOUNDED);
    check_agreed(|record| record.shard = number(8), refusal::FOUNDED);
    check_agreed(|record| record.epoch = Epoch::new(1), refusal::FOUNDED);
    check(|it| it.token.next = number(u32::MAX), refusal::EXHAUSTED);
}

#[test]
fn a_shard_has_3_f_plus_1_different_nodes_with_keys_of_their_own() {
    for size in [1, 2, 3, 5, 6, 8, 9, 11, 101, 103] {
        Founding::of(people(1..=size))
            .case()
            .is_refused(refusal::SIZE);
    }
    check(|it| it.record.seats.clear(), refusal::SIZE);
    check(
        |it| descriptor(&mut it.record, 3).node = node(1),
        refusal::REPEATED,
    );
    for weak in [WEAK, NO_POINT] {
        check(
            |it| descriptor(&mut it.record, 3).node = NodeId::new(weak),
            refusal::WEAK_KEY,
        );
    }
    check(
        |it| it.record = it.record.without(&node(3)).expect("a member"),
        refusal::VACANT,
    );
}

#[test]
fn names_addresses_and_the_price_are_within_bounds() {
    check_agreed(
        |record| descriptor(record, 3).name = "node 1".to_owned(),
        refusal::NAME,
    );
    check_agreed(
        |record| descriptor(record, 3).name = "node\n4".to_owned(),
        refusal::NAME,
    );
    check_agreed(
        |record| descriptor(record, 3).addresses = vec!["/tcp/9000".to_owned()],
        refusal::ADDRESS,
    );
    check_agreed(
        |record| {
            let addresses = &mut descriptor(record, 3).addresses;
            *addresses = vec![addresses[0].clone(); 5];
        },
        refusal::ADDRESS,
    );
    check_agreed(|record| record.price = 1_000_000_000_001, refusal::PRICE);
    let mut long = people(1..=100);
    for (index, node) in long.iter_mut().enumerate() {
        node.name = format!("{index:n>64}");
        node.addresses = vec![node.addresses[0].clone(); 4];
    }
    Founding::of(long).case().is_refused(refusal::TOO_LONG);
}

#[test]
fn nobody_is_made_a_member_without_having_agreed() {
    check(|it| it.consents.truncate(3), refusal::CONSENTS);
    check(|it| it.consents.clear(), refusal::CONSENTS);
    check(|it| it.consents.push(it.consents[0]), refusal::CONSENTS);
    check(|it| it.consents.swap(0, 1), refusal::NOT_AGREED);
    check(
        |it| it.consents[2] = Signature::from_bytes([0; 64]),
        refusal::NOT_AGREED,
    );
    // Agreed, and somebody is described in other words, or the shard asks for more.
    check(
        |it| descriptor(&mut it.record, 2).name = "n3".to_owned(),
        refusal::NOT_AGREED,
    );
    check(
        |it| descriptor(&mut it.record, 2).addresses.clear(),
        refusal::NOT_AGREED,
    );
    check(|it| it.record.price += 1, refusal::NOT_AGREED);
}

#[test]
fn who_agreed_to_one_company_is_not_put_into_another() {
    // Node 1 has agreed to form a shard with the nodes 2 to 4.
    let mut alone = Founding::of([1, 11, 12, 13].map(describe).to_vec());
    alone.case().is_accepted();
    alone.consents[0] = Founding::good().consents[0];
    alone.case().is_refused(refusal::NOT_AGREED);
}

#[test]
fn what_was_agreed_to_for_one_shard_founds_no_other() {
    let agreed = Founding::good();
    let mut replayed = Founding::good();
    let [number, next] = [8, 9].map(ShardId::new);
    replayed.token = Token { next: number };
    replayed.counted = Token { next };
    replayed.record.shard = number;
    replayed.number = number;
    replayed.consents.clone_from(&agreed.consents);
    replayed.case().is_refused(refusal::NOT_AGREED);
    replayed.consents = consents(&replayed.record, None);
    replayed.case().is_accepted();
}

#[test]
fn a_token_is_made_of_nothing_but_a_token() {
    let mut case = Founding::good().case();
    case.inputs = vec![object(0, &Shard(Founding::good().record))];
    case.is_refused(contracts::content::OTHER_TYPE);
    let mut two = Founding::good().case();
    two.outputs[1] = token(8);
    two.is_refused(contracts::content::OTHER_TYPE);
}
