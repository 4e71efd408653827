//! Content is read as one value or not at all.

use std::sync::Arc;

use contracts::Content;
use contracts::content::{OTHER_TYPE, UNREADABLE};
use model::{Bytes, Object, ObjectType, Refusal};

use crate::counter::{self, Counter};
use crate::vault;
use crate::world::first_object;

fn object(content: impl Into<Bytes>) -> Object {
    Object {
        content: content.into(),
        ..first_object(counter::id(), 0, 0, &Counter(7))
    }
}

#[track_caller]
fn check(object: &Object, expected: Result<Counter, Refusal>) {
    assert_eq!(Counter::read(counter::id(), object), expected);
}

#[test]
fn content_comes_back_as_it_was_written() {
    check(
        &first_object(counter::id(), 3, 1, &Counter(7)),
        Ok(Counter(7)),
    );
    check(&object([0x07]), Ok(Counter(7)));
}

#[test]
fn an_object_of_another_type_is_not_read() {
    let of = |contract, name: &str| Object {
        object_type: ObjectType {
            contract,
            name: name.to_owned(),
        },
        ..object([0x07])
    };
    check(&of(counter::id(), "counter"), Err(OTHER_TYPE));
    check(&of(counter::id(), ""), Err(OTHER_TYPE));
    check(&of(vault::id(), "Counter"), Err(OTHER_TYPE));
}

#[test]
fn bytes_that_are_not_the_canonical_content_are_not_read() {
    check(&object([]), Err(UNREADABLE));
    check(&object([0x41]), Err(UNREADABLE));
    check(&object([0x18, 0x07]), Err(UNREADABLE)); // 7 in two bytes
    check(&object([0x07, 0x00]), Err(UNREADABLE)); // a byte left over
    check(&object([0x81, 0x07]), Err(UNREADABLE)); // 7 in an array
}

#[test]
fn one_bad_object_makes_the_list_unreadable() {
    let good = Arc::new(object([0x07]));
    let bad = Arc::new(object([]));
    let read = |objects: &[Arc<Object>]| Counter::read_all(counter::id(), objects);
    assert_eq!(read(&[]), Ok(vec![]));
    assert_eq!(
        read(&[good.clone(), good.clone()]),
        Ok(vec![Counter(7), Counter(7)])
    );
    assert_eq!(read(&[good, bad]), Err(UNREADABLE));
}
