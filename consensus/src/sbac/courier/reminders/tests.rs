//! Reminders: what is due comes up, ever more seldom, and only while it waits.

use super::*;

fn id(number: u32) -> TransactionId {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    TransactionId::from_bytes(bytes)
}

#[test]
fn a_transaction_comes_up_six_times_and_ever_more_seldom() {
    let mut reminders = Reminders::default();
    reminders.begin(id(1), Time::ZERO);
    reminders.begin(id(1), Time::from_ms(500));
    let mut found = Vec::new();
    while let Some(first) = reminders.first() {
        assert_eq!(reminders.next(Time::from_ms(first.as_ms() - 1)), None);
        let (_, before) = reminders.next(first).expect("it is due");
        found.push((first.as_ms(), before));
    }
    let times = [1_000, 3_000, 7_000, 15_000, 31_000, 63_000];
    assert_eq!(found, times.into_iter().zip(0..).collect::<Vec<_>>());
}

#[test]
fn of_ten_thousand_that_wait_only_those_that_are_due_come_up() {
    let mut reminders = Reminders::default();
    for number in 0..10_000 {
        reminders.begin(id(number), Time::from_ms(u64::from(number)));
    }
    (5..10_000).for_each(|number| reminders.end(&id(number)));
    assert_eq!(reminders.by_time.len(), 5);
    assert_eq!(reminders.first(), Some(Time::from_ms(1_000)));
    let due = Time::from_ms(1_002);
    let found: Vec<_> = std::iter::from_fn(|| reminders.next(due)).collect();
    assert_eq!(found, [(id(0), 0), (id(1), 0), (id(2), 0)]);
    assert_eq!(reminders.first(), Some(Time::from_ms(1_003)));
}
