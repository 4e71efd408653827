use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{KeyError, MemberKey, Signer as _, too_open, transport_seed};

#[test]
fn a_key_that_was_made_is_read_back_and_signs_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("member.key");
    let made = MemberKey::create(&path).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let read = MemberKey::load(&path).unwrap();
    assert_eq!(made.node(), read.node());
    assert_eq!(made.sign(b"message"), read.sign(b"message"));
    let again = MemberKey::create(&path).map(|_| ());
    assert!(matches!(again, Err(KeyError::Create { .. })));
    assert_eq!(MemberKey::load(&path).unwrap().node(), made.node());
}

#[test]
fn a_key_that_others_can_read_is_refused_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("member.key");
    MemberKey::create(&path).unwrap();
    for mode in [0o640, 0o604, 0o660, 0o710] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        match MemberKey::load(&path).map(|_| ()) {
            Err(error @ KeyError::Open { .. }) => {
                assert!(error.to_string().contains("chmod 600"));
            }
            other => panic!("mode {mode:o}: {other:?}"),
        }
    }
}

#[test]
fn a_file_that_holds_no_key_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("member.key");
    MemberKey::create(&path).unwrap();
    let (long, letters, signs) = ("ab".repeat(33), "xy".repeat(32), "+1".repeat(32));
    for text in ["", "ab", &long, &letters, &signs] {
        fs::write(&path, text).unwrap();
        let refused = MemberKey::load(&path).map(|_| ());
        assert!(matches!(refused, Err(KeyError::Malformed { .. })), "{text}");
    }
    for text in [format!("{}\n", "AB".repeat(32)), "ab".repeat(32)] {
        fs::write(&path, text).unwrap();
        MemberKey::load(&path).unwrap();
    }
    let missing = MemberKey::load(&directory.path().join("none")).map(|_| ());
    assert!(matches!(missing, Err(KeyError::Read { .. })));
}

#[test]
fn a_transport_key_is_made_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("network.key");
    let first = transport_seed(&path).unwrap();
    assert_eq!(*first, *transport_seed(&path).unwrap());
}

#[test]
fn only_a_credential_may_show_a_right_of_the_group_and_none_a_right_of_others() {
    let lent = Path::new("/run/credentials/chainspace.service");
    let key = lent.join("member.key");
    assert_eq!(too_open(&key, Some(lent)) & 0o440, 0);
    assert_ne!(too_open(&key, Some(lent)) & 0o404, 0);
    assert_ne!(too_open(&key, Some(lent)) & 0o420, 0);
    for folder in [None, Some(Path::new("/run/credentials/other.service"))] {
        assert_ne!(too_open(&key, folder) & 0o440, 0, "{folder:?}");
    }
}
