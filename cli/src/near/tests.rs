//! Tests of guessing names.

use super::{distance, nearest};

#[test]
fn the_distance_counts_letters() {
    for (one, other, expected) in [
        ("", "", 0),
        ("bob", "bob", 0),
        ("bobb", "bob", 1),
        ("bb", "bob", 1),
        ("bub", "bob", 1),
        ("alcie", "alice", 2),
        ("kitten", "sitting", 3),
        ("", "bob", 3),
    ] {
        assert_eq!(distance(one, other), expected, "{one} {other}");
        assert_eq!(distance(other, one), expected, "{other} {one}");
    }
}

#[test]
fn only_a_near_name_is_guessed() {
    let known = ["alice", "bob", "judy", "n0"].map(str::to_owned);
    for (text, expected) in [
        ("alcie", Some("alice")),
        ("bobb", Some("bob")),
        ("Judy", Some("judy")),
        ("zacharias", None),
        ("", None),
        ("n9", Some("n0")),
    ] {
        assert_eq!(nearest(text, &known), expected, "{text}");
    }
    assert_eq!(nearest("alice", &[]), None);
}
