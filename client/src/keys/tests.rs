//! The public keys of local networks.

use model::{Profile, Time};

use super::*;

fn genesis(name: &str) -> Genesis {
    Genesis {
        name: name.to_owned(),
        created: Time::ZERO,
        profile: Profile::Open,
        shards: Vec::new(),
        mappings: Vec::new(),
        objects: Vec::new(),
    }
}

#[test]
fn local_keys_are_the_published_words() {
    let published = SecretKey::from_seed(*b"chainspace-local-alice..........");
    assert_eq!(local_secret("alice").public(), published.public());
    let published = SecretKey::from_seed(*b"chainspace-local-bob............");
    assert_eq!(local_secret("bob").public(), published.public());
}

#[test]
fn a_local_network_has_ten_accounts_that_can_sign() {
    let keys = LocalKeys::of(&genesis("local-1"));
    assert_eq!(keys.names(), LOCAL_NAMES);
    let mut seen = Vec::new();
    for name in LOCAL_NAMES {
        let public = keys.public(name).expect("the name is known");
        let secret = keys.secret(&public).expect("the secret is known");
        assert_eq!(secret.public(), public);
        assert!(!seen.contains(&public));
        seen.push(public);
    }
}

#[test]
fn no_other_network_knows_these_keys() {
    let alice = local_secret("alice").public();
    for name in ["chainspace", "testnet-1", "not-local"] {
        let keys = LocalKeys::of(&genesis(name));
        assert_eq!(keys.names(), Vec::<String>::new());
        assert_eq!(keys.public("alice"), None);
        assert_eq!(keys.secret(&alice).err(), Some(NoSecret(alice)));
    }
}

#[test]
fn a_stranger_has_no_secret_here() {
    let stranger = SecretKey::from_seed([1; 32]).public();
    let keys = LocalKeys::of(&genesis("local-1"));
    assert_eq!(keys.secret(&stranger).err(), Some(NoSecret(stranger)));
}
