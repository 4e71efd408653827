//! The rule of ZIP-215, frozen on the inputs on which Ed25519 libraries disagree.

use core::fmt::{Debug, Display};

use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::Serialize;
use zeroize::ZeroizeOnDrop;

use super::*;
use crate::encoding::{decode, encode};

/// All byte strings that decode to a point of small order: eight points, six of which have a
/// second encoding that is not canonical.
pub(super) const SMALL_ORDER: [&str; 14] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    // Not canonical: x is zero with a sign, or y is written as y + p.
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

/// A key, a message and a signature, and who accepts them.
pub(super) struct EdgeCase {
    pub(super) message: &'static str,
    key: &'static str,
    r: &'static str,
    s: &'static str,
    /// ZIP-215.
    pub(super) valid: bool,
    /// RFC 8032 without the cofactor, as dalek's `verify` has it.
    without_cofactor: bool,
    /// The same without keys and `R` of small order, as dalek's `verify_strict` has it.
    strict: bool,
}

impl EdgeCase {
    pub(super) fn key(&self) -> PublicKey {
        parse(self.key)
    }

    pub(super) fn signature(&self) -> Signature {
        parse(&[self.r, self.s].concat())
    }
}

/// A key with a component of order eight, made for these cases.
const MIXED: &str = "c668425144eca1e8f9a8e178986f150a310e6f426cbc38a42c17a9e0c0e71982";
/// A nonce point with a component of order eight.
const MIXED_R: &str = "4c261951fba9f4ba7ece40431f212269f58becc2473c54cecda0e8f1e6f9d253";

/// One case for each row of the table in "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko,
/// 2020), built anew from their description.
pub(super) const EDGE_CASES: [EdgeCase; 10] = [
    // Everything is of small order and s is zero.
    EdgeCase {
        message: "edge case 0, try 8",
        key: SMALL_ORDER[1],
        r: SMALL_ORDER[3],
        s: "0000000000000000000000000000000000000000000000000000000000000000",
        valid: true,
        without_cofactor: true,
        strict: false,
    },
    // A key of small order, R of mixed order.
    EdgeCase {
        message: "edge case 1, try 12",
        key: SMALL_ORDER[1],
        r: MIXED_R,
        s: "e878dca548664051e5e695d8c157b538a506f9a3dd9f0e9cfed7f4de62238207",
        valid: true,
        without_cofactor: true,
        strict: false,
    },
    // A key of mixed order, R of small order.
    EdgeCase {
        message: "edge case 2, try 7",
        key: MIXED,
        r: SMALL_ORDER[3],
        s: "2a34e8bec293f311b9095a259d6a67075d3a3d8360ebe7d33746f7234cd1c400",
        valid: true,
        without_cofactor: true,
        strict: false,
    },
    // Both of mixed order, and the components of order eight cancel.
    EdgeCase {
        message: "edge case 3, try 11",
        key: MIXED,
        r: MIXED_R,
        s: "b4be3cac36674b4771a8e22d42c03a1c6d249e73aa5821fdb957b3cb3db38d0a",
        valid: true,
        without_cofactor: true,
        strict: true,
    },
    // Both of mixed order, and only the cofactor makes the components vanish.
    EdgeCase {
        message: "edge case 4, try 6",
        key: MIXED,
        r: MIXED_R,
        s: "482519c0e478798af43c4a366e8699b127068a0058d715d0597474e8873a1900",
        valid: true,
        without_cofactor: false,
        strict: false,
    },
    // The same, and 8k reduced by the group order is no multiple of eight.
    EdgeCase {
        message: "edge case 5, try 0",
        key: MIXED,
        r: MIXED_R,
        s: "04fffa451d103766991894f7252146170b764f9ede33998e6aba9b6fbd8b4204",
        valid: true,
        without_cofactor: false,
        strict: false,
    },
    // An honest signature with the group order added to s.
    EdgeCase {
        message: "edge case 6",
        key: "0f7608783489684c04726001595638e5258c2ed0bdb3d18d9e3453ea8bb458ad",
        r: "b31b20f50426242514d81b383548bd90de72fd0b8cf2382a88f9f52ce5076b23",
        s: "582ca30ebb97946dd8b1408b5dd9b276f1bef23e63f690b9dd3cc9aba74a4011",
        valid: false,
        without_cofactor: false,
        strict: false,
    },
    // An honest signature with fourteen times the group order added, so that high bits are set.
    EdgeCase {
        message: "edge case 7",
        key: "0f7608783489684c04726001595638e5258c2ed0bdb3d18d9e3453ea8bb458ad",
        r: "b31b20f50426242514d81b383548bd90de72fd0b8cf2382a88f9f52ce5076b23",
        s: "8a3cb590c0e155a8544cb793a8a56032ba973c512fc9edee13e798c036fb6ae4",
        valid: false,
        without_cofactor: false,
        strict: false,
    },
    // R is not canonical, and the signer hashed its canonical form.
    EdgeCase {
        message: "edge case 8, try 6",
        key: MIXED,
        r: SMALL_ORDER[12],
        s: "16b9a924250dc08689fd83b723c479088dc2b9d82bf75ce128635a79ad590403",
        valid: false,
        without_cofactor: false,
        strict: false,
    },
    // R is not canonical, and the signer hashed it as it stands.
    EdgeCase {
        message: "edge case 9, try 1",
        key: MIXED,
        r: SMALL_ORDER[12],
        s: "1f19c70ccd00a6528cda8f55e8cc6fbfbd31095d025f2f73bc7be7b694d6e906",
        valid: true,
        without_cofactor: false,
        strict: false,
    },
];

/// All 196 signatures of any message with a key and an `R` of small order and a zero `s`.
pub(super) fn small_order_pairs() -> Vec<(PublicKey, Signature)> {
    let zero = "00".repeat(32);
    let signatures = SMALL_ORDER.map(|r| parse(&[r, &zero].concat()));
    let with = |key: &str| signatures.map(|signature| (parse(key), signature));
    SMALL_ORDER.into_iter().flat_map(with).collect()
}

fn parse<T: core::str::FromStr<Err: Debug>>(hex: &str) -> T {
    hex.parse()
        .expect("the vectors of this file are hexadecimal")
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed([seed; 32])
}

/// RFC 8032, section 7.1, tests 1 and 2.
#[test]
fn signing_is_that_of_rfc_8032() {
    #[track_caller]
    fn check(seed: &str, public: &str, message: &[u8], signature: &str) {
        let seed: crate::Hash = parse(seed);
        let key = SecretKey::from_seed(*seed.as_bytes());
        assert_eq!(key.public(), parse(public));
        assert_eq!(key.sign(message), parse(signature));
        assert!(verify(&key.public(), message, &key.sign(message)));
    }
    check(
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        b"",
        concat!(
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155",
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
    );
    check(
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        b"\x72",
        concat!(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
    );
}

#[test]
fn the_edge_cases_are_decided_by_zip_215() {
    for case in &EDGE_CASES {
        let valid = verify(&case.key(), case.message.as_bytes(), &case.signature());
        assert_eq!(valid, case.valid, "{}", case.message);
    }
}

#[test]
fn the_edge_cases_tell_the_rules_of_other_libraries_apart() {
    for case in &EDGE_CASES {
        let key = VerifyingKey::from_bytes(case.key().as_bytes()).expect("all keys are points");
        let signature = (*case.signature().as_bytes()).into();
        let message = case.message.as_bytes();
        let plain = ed25519_dalek::Verifier::verify(&key, message, &signature).is_ok();
        let strict = key.verify_strict(message, &signature).is_ok();
        assert_eq!(
            (plain, strict),
            (case.without_cofactor, case.strict),
            "{}",
            case.message
        );
    }
}

#[test]
fn all_signatures_of_small_order_are_valid() {
    let pairs = small_order_pairs();
    assert_eq!(pairs.len(), 196);
    for (key, signature) in pairs {
        assert!(verify(&key, b"Zcash", &signature), "{key} {signature}");
    }
}

#[test]
fn keys_of_small_order_are_not_registered() {
    for weak in SMALL_ORDER {
        let key: PublicKey = parse(weak);
        assert_eq!(key.check_registrable(), Err(WeakKey::SmallOrder), "{weak}");
    }
}

#[test]
fn keys_that_are_no_points_are_not_registered_and_verify_nothing() {
    let no_point = PublicKey::from_bytes([2; 32]);
    assert_eq!(no_point.check_registrable(), Err(WeakKey::NotAPoint));
    assert!(!verify(&no_point, b"", &key(1).sign(b"")));
}

#[test]
fn keys_that_need_a_secret_are_registered() {
    assert_eq!(key(1).public().check_registrable(), Ok(()));
    assert_eq!(parse::<PublicKey>(MIXED).check_registrable(), Ok(()));
}

#[test]
fn a_signature_with_any_bit_flipped_is_refused() {
    let message = b"pay Bob";
    let signature = key(1).sign(message);
    for bit in 0..512 {
        let mut bytes = *signature.as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let flipped = Signature::from_bytes(bytes);
        assert!(!verify(&key(1).public(), message, &flipped), "bit {bit}");
    }
}

#[test]
fn a_signature_is_refused_under_another_key_and_for_another_message() {
    let message = *b"pay Bob";
    let public = key(1).public();
    let signature = key(1).sign(&message);
    assert!(verify(&public, &message, &signature));
    for bit in 0..256 {
        let mut bytes = *public.as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(
            !verify(&PublicKey::from_bytes(bytes), &message, &signature),
            "bit {bit}"
        );
    }
    for bit in 0..8 * message.len() {
        let mut other = message;
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(!verify(&public, &other, &signature), "bit {bit}");
    }
}

#[test]
fn the_plain_check_is_verify() {
    for case in &EDGE_CASES {
        let valid = Zip215.check(&case.key(), case.message.as_bytes(), &case.signature());
        assert_eq!(valid, case.valid, "{}", case.message);
    }
}

#[test]
fn keys_and_signatures_are_byte_strings() {
    let public = key(1).public();
    let bytes = encode(&public);
    assert_eq!(bytes[..2], [0x58, 32]);
    assert_eq!(decode(&bytes, 34), Ok(public));

    let signature = key(1).sign(b"");
    let bytes = encode(&signature);
    assert_eq!(bytes[..2], [0x58, 64]);
    assert_eq!(decode(&bytes, 66), Ok(signature));
    assert_eq!(signature.to_string().parse(), Ok(signature));
}

#[test]
fn a_secret_key_is_wiped() {
    fn check<T: ZeroizeOnDrop>() {}
    check::<SigningKey>();
}

/// Does not compile if the type has the trait: then two impls could be meant.
macro_rules! assert_not_impl {
    ($type:ty: $($trait:ident),*) => {
        $({
            trait AmbiguousIfImplemented<A> {
                fn check() {}
            }
            impl<T: ?Sized> AmbiguousIfImplemented<()> for T {}
            impl<T: ?Sized + $trait> AmbiguousIfImplemented<u8> for T {}
            <$type as AmbiguousIfImplemented<_>>::check();
        })*
    };
}

#[test]
fn a_secret_key_cannot_be_shown_copied_or_written() {
    assert_not_impl!(SecretKey: Debug, Display, Clone, Serialize);
}
