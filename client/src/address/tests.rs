//! Addresses: golden texts, every typing error, and every mix-up of kinds and networks.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::*;

/// So many cases of a property, the same ones in every run.
fn cases(cases: u32) -> Config {
    Config {
        cases,
        rng_seed: RngSeed::Fixed(17),
        failure_persistence: None,
        ..Config::default()
    }
}

fn bytes() -> [u8; 32] {
    core::array::from_fn(|at| u8::try_from(at * 7).expect("32 times 7 is below 256"))
}

fn networks_and_kinds() -> impl Iterator<Item = (NetworkKind, Kind)> {
    let networks = NetworkKind::ALL.into_iter();
    networks.flat_map(|network| Kind::ALL.into_iter().map(move |kind| (network, kind)))
}

#[test]
fn addresses_have_golden_texts() {
    let texts: Vec<String> = networks_and_kinds()
        .map(|(network, kind)| format(kind, network, &bytes()))
        .collect();
    let golden = include_str!("tests/golden.txt");
    assert_eq!(texts, golden.lines().collect::<Vec<_>>());
}

#[test]
fn an_address_is_what_it_was_made_of() {
    for (network, kind) in networks_and_kinds() {
        let text = format(kind, network, &bytes());
        assert_eq!(parse(kind, network, &text), Ok(bytes()), "{text}");
        assert_eq!(
            parse(kind, network, &text.to_uppercase()),
            Ok(bytes()),
            "{text}"
        );
        assert!(
            text.len() <= 90,
            "bech32m finds typing errors in texts of up to 90 characters"
        );
    }
}

#[test]
fn sixty_four_digits_are_taken_for_any_kind() {
    let digits = Hash::from_bytes(bytes()).to_string();
    for (network, kind) in networks_and_kinds() {
        assert_eq!(parse(kind, network, &digits), Ok(bytes()));
    }
    assert!(parse(Kind::Object, NetworkKind::Local, &digits[1..]).is_err());
}

#[test]
fn every_single_wrong_character_is_found() {
    let text = format(Kind::Account, NetworkKind::Local, &bytes());
    for at in 0..text.len() {
        for wrong in ('!'..='~').filter(|wrong| !text[at..].starts_with(*wrong)) {
            let mut typed = text.clone();
            typed.replace_range(at..=at, &wrong.to_string());
            let parsed = parse(Kind::Account, NetworkKind::Local, &typed);
            assert!(parsed.is_err(), "{typed} passes for {text}");
        }
    }
}

#[test]
fn every_missing_doubled_or_swapped_character_is_found() {
    let text = format(Kind::Transaction, NetworkKind::Main, &bytes());
    let is_refused = |typed: &str| parse(Kind::Transaction, NetworkKind::Main, typed).is_err();
    for at in 0..text.len() {
        let mut missing = text.clone();
        let character = missing.remove(at);
        assert!(is_refused(&missing), "{missing}");
        let mut doubled = text.clone();
        doubled.insert(at, character);
        assert!(is_refused(&doubled), "{doubled}");
        let mut swapped = text.clone().into_bytes();
        if at > 0 && swapped[at] != swapped[at - 1] {
            swapped.swap(at - 1, at);
            let swapped = String::from_utf8(swapped).expect("an address is ASCII");
            assert!(is_refused(&swapped), "{swapped}");
        }
    }
}

#[test]
fn an_address_of_another_network_says_so() {
    let text = format(Kind::Account, NetworkKind::Local, &bytes());
    assert_eq!(
        parse(Kind::Account, NetworkKind::Test, &text),
        Err(AddressError::WrongNetwork {
            text,
            found: NetworkKind::Local,
            ours: NetworkKind::Test,
        })
    );
}

#[test]
fn an_address_of_another_kind_says_so() {
    let text = format(Kind::Transaction, NetworkKind::Local, &bytes());
    let error = parse(Kind::Object, NetworkKind::Local, &text).expect_err("another kind");
    assert_eq!(
        error.to_string(),
        format!("`{text}` is the id of a transaction, the id of an object is needed here")
    );
}

#[test]
fn what_is_no_address_at_all_says_what_one_looks_like() {
    for text in ["", "bob", "1", "lcs", "xyz1qqqq", "lcs2qqqqq", "\u{fc}1"] {
        let error = parse(Kind::Account, NetworkKind::Local, text).expect_err("no address");
        assert!(
            matches!(error, AddressError::NotAnAddress { prefix: "lcs", .. }),
            "{text}"
        );
    }
}

#[test]
fn a_typing_error_says_so() {
    for text in ["lcs1", "lcs1qqqq", "lcs1b", "lcs1\u{fc}"] {
        let error = parse(Kind::Account, NetworkKind::Local, text).expect_err("no address");
        assert_eq!(
            error,
            AddressError::Typo {
                text: text.to_owned()
            }
        );
    }
}

#[test]
fn other_versions_lengths_and_padding_are_not_known() {
    let hrp = Hrp::parse_unchecked("lcs");
    let unsupported = |payload: &[u8]| {
        let text = bech32::encode::<Bech32m>(hrp, payload).expect("short enough");
        let error = parse(Kind::Account, NetworkKind::Local, &text).expect_err("unsupported");
        assert_eq!(error, AddressError::Unsupported { text });
    };
    unsupported(&[]);
    unsupported(&[VERSION; 32]);
    unsupported(&[VERSION; 34]);
    unsupported(&[1; 33]);
}

#[test]
fn an_error_repeats_little_of_what_was_typed() {
    let long = "x".repeat(10_000);
    let error = parse(Kind::Account, NetworkKind::Local, &long).expect_err("no address");
    assert!(error.to_string().len() < 300);
}

#[test]
fn the_short_form_keeps_both_ends() {
    let text = format(Kind::Account, NetworkKind::Local, &bytes());
    let expected = format!("{}...{}", &text[..8], &text[text.len() - 6..]);
    assert_eq!(short(&text), expected);
    assert_eq!(expected.len(), 17);
    for text in [
        "",
        "lcs1",
        "lcs1qqqqqqqqq",
        "\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}",
    ] {
        assert_eq!(short(text), text);
    }
}

#[test]
fn the_kind_of_network_goes_by_its_name() {
    for (name, kind) in [
        ("local-7f3a9c21", NetworkKind::Local),
        ("testnet-1", NetworkKind::Test),
        ("chainspace", NetworkKind::Main),
        ("my local", NetworkKind::Main),
    ] {
        assert_eq!(NetworkKind::named(name), kind);
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn all_bytes_survive(bytes: [u8; 32], kind in 0..5_usize, network in 0..3_usize) {
        let (kind, network) = (Kind::ALL[kind], NetworkKind::ALL[network]);
        prop_assert_eq!(parse(kind, network, &format(kind, network, &bytes)), Ok(bytes));
    }

    #[test]
    fn up_to_four_wrong_characters_are_found(
        bytes: [u8; 32],
        wrong in prop::collection::btree_map(4..63_usize, 0..32_usize, 1..=4),
    ) {
        const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
        let text = format(Kind::Account, NetworkKind::Local, &bytes);
        let mut typed = text.clone().into_bytes();
        for (at, character) in wrong {
            typed[at] = ALPHABET[character];
        }
        let typed = String::from_utf8(typed).expect("the alphabet is ASCII");
        let parsed = parse(Kind::Account, NetworkKind::Local, &typed);
        prop_assert_eq!(parsed.is_ok(), typed == text);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,120}") {
        for (network, kind) in networks_and_kinds() {
            let _ = parse(kind, network, &text);
        }
        let _ = short(&text);
    }
}
