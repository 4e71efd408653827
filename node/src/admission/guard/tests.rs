//! Who is caught, under a clock that is set by hand.

use model::{NetworkId, ObjectId, PublicKey};

use super::*;

fn client(number: u32) -> PeerName {
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number.to_be_bytes());
    PeerName::of_transport_seed(&seed.into())
}

#[test]
fn a_client_is_caught_for_a_while_and_no_other_with_it() {
    let (mut caught, now) = (Caught::default(), Instant::now());
    caught.note(client(1), now);
    assert!(caught.holds(&client(1), now));
    assert!(!caught.holds(&client(2), now));
    let soon = now + CAUGHT_FOR / 2;
    caught.note(client(1), soon);
    assert!(caught.holds(&client(1), now + CAUGHT_FOR));
    assert!(!caught.holds(&client(1), soon + CAUGHT_FOR));
}

#[test]
fn those_who_are_caught_are_remembered_up_to_a_bound() {
    let (mut caught, now) = (Caught::default(), Instant::now());
    for number in 0..=CAUGHT_MAX as u32 {
        caught.note(client(number), now);
        assert!(caught.holds(&client(number), now));
        assert!(caught.0.len() <= CAUGHT_MAX);
    }
}

#[test]
fn only_what_no_client_makes_is_false() {
    let network = NetworkId::from_bytes([1; 32]);
    let honest = [
        Malformed::OtherNetwork {
            expected: network,
            found: network,
        },
        Malformed::TooMuch {
            what: "bytes",
            limit: 1,
            found: 2,
        },
    ];
    let lies = [
        Malformed::Empty,
        Malformed::Openings {
            what: "missing is",
            object: ObjectId::from_bytes([1; 32]),
        },
        Malformed::Participants {
            declared: Vec::new(),
            derived: Vec::new(),
        },
        Malformed::Authorizations,
        Malformed::BadSignature {
            key: PublicKey::from_bytes([1; 32]),
        },
    ];
    assert_eq!(honest.map(|malformed| is_false(&malformed)), [false; 2]);
    assert_eq!(lies.map(|malformed| is_false(&malformed)), [true; 5]);
}
