//! Amounts: what is taken, what is refused and why, and that nothing is rounded.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::*;

fn cases(cases: u32) -> Config {
    Config {
        cases,
        rng_seed: RngSeed::Fixed(17),
        failure_persistence: None,
        ..Config::default()
    }
}

#[track_caller]
fn taken(text: &str, ncsc: u64) {
    assert_eq!(text.parse(), Ok(Amount::from_ncsc(ncsc)), "{text}");
}

#[track_caller]
fn refused(text: &str, why: impl Fn(String) -> AmountError) {
    assert_eq!(text.parse::<Amount>(), Err(why(text.to_owned())), "{text}");
}

#[test]
fn amounts_are_taken_with_and_without_units() {
    taken("5", 5 * CSC);
    taken("5CSC", 5 * CSC);
    taken("5 csc", 5 * CSC);
    taken("0.5 csc", CSC / 2);
    taken("0.500", CSC / 2);
    taken("500_000_000ncsc", CSC / 2);
    taken("1 NCSC", 1);
    taken("0.000000001", 1);
    taken("1 000 CSC", 1_000 * CSC);
    taken("1 000.000 000 001 CSC", 1_000 * CSC + 1);
    taken("  7 ", 7 * CSC);
    taken("007", 7 * CSC);
    taken("0", 0);
}

#[test]
fn the_largest_amount_is_taken_and_no_larger_one() {
    taken("18446744073709551615ncsc", u64::MAX);
    taken("18446744073.709551615", u64::MAX);
    refused("18446744073709551616ncsc", AmountError::Overflow);
    refused("18446744073.709551616", AmountError::Overflow);
    refused("99999999999999999999999999", AmountError::Overflow);
}

#[test]
fn what_is_no_number_is_refused() {
    for text in [
        "",
        " ",
        "CSC",
        ".",
        ".5",
        "5.",
        "1..2",
        "1.2.3",
        "1,5",
        "+5",
        "0x10",
        "1e9",
        "1e9 csc",
        "5e-1",
        "NaN",
        "inf",
        "_5",
        "5_",
        "5__0",
        "5  0",
        "1 .5",
        "\u{0665}",
        "5\u{a0}000",
    ] {
        assert!(
            matches!(
                text.parse::<Amount>(),
                Err(AmountError::NotANumber(_) | AmountError::UnknownUnit(_))
            ),
            "{text}"
        );
    }
}

#[test]
fn less_than_nothing_is_refused() {
    refused("-5", AmountError::Negative);
    refused(" -0.1csc", AmountError::Negative);
}

#[test]
fn other_units_are_refused() {
    for (text, unit) in [("5 eth", "eth"), ("5 mcsc", "mcsc"), ("5CSCs", "CSCs")] {
        assert_eq!(
            text.parse::<Amount>(),
            Err(AmountError::UnknownUnit(unit.to_owned()))
        );
    }
}

#[test]
fn nothing_is_rounded() {
    refused("0.0000000001", AmountError::TooFine);
    refused("1.0000000000", AmountError::TooFine);
    refused("0.5ncsc", AmountError::TooFine);
}

#[test]
fn zero_is_refused_where_there_must_be_something() {
    assert_eq!(Amount::parse_positive("0.0"), Err(AmountError::Zero));
    assert_eq!(Amount::parse_positive("0ncsc"), Err(AmountError::Zero));
    assert_eq!(Amount::parse_positive("1ncsc"), Ok(Amount::from_ncsc(1)));
}

#[test]
fn amounts_are_shown_in_groups_and_without_needless_digits() {
    for (ncsc, text) in [
        (0, "0 CSC"),
        (1, "0.000000001 CSC"),
        (CSC, "1 CSC"),
        (1_000 * CSC, "1 000 CSC"),
        (994_998_000_000, "994.998 CSC"),
        (12_345_678 * CSC + 90, "12 345 678.00000009 CSC"),
        (u64::MAX, "18 446 744 073.709551615 CSC"),
    ] {
        assert_eq!(Amount::from_ncsc(ncsc).to_string(), text);
    }
}

#[test]
fn an_error_repeats_little_of_what_was_typed() {
    let error = "9".repeat(10_000).parse::<Amount>().expect_err("too much");
    assert!(error.to_string().len() < 200);
    let error = format!("5{}", "x".repeat(10_000))
        .parse::<Amount>()
        .expect_err("no unit");
    assert!(error.to_string().len() < 200);
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn what_is_shown_is_taken(ncsc: u64) {
        let amount = Amount::from_ncsc(ncsc);
        prop_assert_eq!(amount.to_string().parse(), Ok(amount));
        prop_assert_eq!(format!("{ncsc}ncsc").parse(), Ok(amount));
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}|[0-9 _.a-zA-Z-]{0,40}") {
        let _ = text.parse::<Amount>();
    }
}
