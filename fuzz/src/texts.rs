//! What people type and write into files: addresses, amounts, names of peers, and the configuration.

use std::fs;
use std::sync::LazyLock;

use crate::choices::Choices;
use client::address::{self, Kind, NetworkKind};
use client::amount::{Amount, AmountError};
use model::Hash;
use net::PeerName;
use node::Config;
use tempfile::TempDir;

/// All kinds of addresses.
pub(crate) const KINDS: [Kind; 5] = [
    Kind::Account,
    Kind::Object,
    Kind::Transaction,
    Kind::Node,
    Kind::Head,
];

const NETWORKS: [NetworkKind; 3] = [NetworkKind::Main, NetworkKind::Test, NetworkKind::Local];

/// The characters of the part of an address that has a checksum.
const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Any text as an address: it is one thing at most, and written back as it was.
pub fn address(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert!(
        address::short(&text).len() <= text.len(),
        "a short form is no longer"
    );
    let hexadecimal = text.parse::<Hash>().is_ok();
    let mut meanings = 0;
    for kind in KINDS {
        for network in NETWORKS {
            match address::parse(kind, network, &text) {
                Ok(named) => {
                    meanings += 1;
                    let written = address::format(kind, network, &named);
                    assert!(
                        hexadecimal || written == text.to_lowercase(),
                        "{text} is {written}"
                    );
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
    assert!(hexadecimal || meanings <= 1, "{text} is {meanings} things");
}

/// A real address with up to four characters changed: nobody may take it for another one.
pub fn typing_error(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let (kind, network) = (KINDS[choices.below(5)], NETWORKS[choices.below(3)]);
    let changes = choices.below(5);
    let places = [(); 4].map(|()| (choices.byte(), choices.byte()));
    let mut named = [0; 32];
    named.iter_mut().for_each(|byte| *byte = choices.byte());

    let right = address::format(kind, network, &named);
    assert_eq!(address::parse(kind, network, &right), Ok(named), "{right}");
    let mut wrong = right.clone().into_bytes();
    let prefix = right.find('1').map_or(0, |at| at + 1);
    for (at, to) in places.into_iter().take(changes) {
        let at = prefix + usize::from(at) % (wrong.len() - prefix);
        wrong[at] = ALPHABET[usize::from(to) % ALPHABET.len()];
    }
    let wrong = String::from_utf8(wrong).expect("characters of the alphabet");
    if wrong != right {
        let read = address::parse(kind, network, &wrong);
        assert!(read.is_err(), "{wrong} is taken for {right}");
    }
}

/// Any text as an amount: what is shown of it means the same.
pub fn amount(bytes: &[u8]) {
    if let Some(ncsc) = bytes.first_chunk() {
        let amount = Amount::from_ncsc(u64::from_le_bytes(*ncsc));
        assert_eq!(amount.to_string().parse(), Ok(amount), "{amount}");
    }
    let text = String::from_utf8_lossy(bytes);
    match text.parse::<Amount>() {
        Ok(amount) => {
            assert_eq!(
                amount.to_string().parse(),
                Ok(amount),
                "{text} is shown as {amount}"
            );
            let positive = if amount.ncsc() == 0 {
                Err(AmountError::Zero)
            } else {
                Ok(amount)
            };
            assert_eq!(Amount::parse_positive(&text), positive, "{text}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Any text as the name of a peer.
pub fn peer_name(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(name) = text.parse::<PeerName>() {
        assert_eq!(name.to_string().parse(), Ok(name), "{text}");
    }
}

/// Any text as an address to dial.
pub fn dial_address(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(address) = net::fuzzing::address(&text) {
        assert_eq!(
            net::fuzzing::address(&address).as_ref(),
            Some(&address),
            "{text}"
        );
    }
}

/// Where the configuration is written, one folder for each process.
static FOLDER: LazyLock<TempDir> =
    LazyLock::new(|| tempfile::tempdir().expect("a folder to write to"));

/// Any text as the configuration of a node: what is taken makes sense.
pub fn config(bytes: &[u8]) {
    let path = FOLDER.path().join("node.toml");
    fs::write(&path, bytes).expect("a folder to write to");
    match Config::load(&path) {
        Ok(Config { name, pace, .. }) => {
            assert!(
                !name.is_empty() && !name.chars().any(char::is_control),
                "{name:?}"
            );
            assert!(
                pace.skip_ms > 0 && pace.skip_max_ms >= pace.skip_ms,
                "{pace:?}"
            );
            assert!(pace.empty_ms > 0 && pace.standstill_ms > 0 && pace.heartbeat_ms > 0);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
