//! Every kind of file with every kind of mistake: one sentence each, and what to do.

use model::{
    Consent, Invitation, Lie, NetworkId, NodeId, ShardId, ShardRecord, Signature, SignedDescriptor,
};
use model::{Hash, Slot, Statement, Vote};

use super::*;
use crate::error::Error;
use crate::testing::{SHARD, World, directory, secret};
use crate::{paper, receipt};

const ALL: [Kind; 7] = [
    Kind::Network,
    Kind::Receipt,
    Kind::Evidence,
    Kind::Descriptor,
    Kind::Proposal,
    Kind::Consent,
    Kind::Configuration,
];

fn lie(world: &World) -> Malpractice {
    let scope = *world.genesis.committee(SHARD).unwrap().unwrap().scope();
    let voted = |block: u8| {
        let (slot, vote) = (Slot::new(1), Vote::Notarize(Hash::from_bytes([block; 32])));
        let statement = Statement::Vote { slot, vote };
        let signature = secret(0).sign(&statement.signing_bytes(&scope));
        (statement, signature)
    };
    Malpractice {
        node: NodeId::new(secret(0).public()),
        lie: Lie::Statements {
            scope,
            first: voted(1),
            second: voted(2),
        },
    }
}

/// A good file of each kind.
async fn files() -> Vec<(Kind, Vec<u8>)> {
    let world = World::new(&[1_000]);
    let network = NetworkId::from_bytes([7; 32]);
    let descriptor = World::newcomer(5);
    let signed = SignedDescriptor {
        network,
        descriptor: descriptor.clone(),
        signature: Signature::from_bytes([9; 64]),
    };
    let invitation = Invitation {
        network,
        record: ShardRecord::founded(ShardId::new(2), vec![descriptor.clone()], 5),
    };
    let consent = Consent {
        network,
        node: descriptor.node,
        record: Hash::from_bytes([3; 32]),
        signature: Signature::from_bytes([9; 64]),
    };
    vec![
        (Kind::Network, world.genesis.to_bytes()),
        (Kind::Receipt, world.payment(1, None).await.to_bytes()),
        (Kind::Evidence, encoding::encode(&lie(&world))),
        (Kind::Descriptor, paper::to_text(&signed).into_bytes()),
        (Kind::Proposal, paper::to_text(&invitation).into_bytes()),
        (Kind::Consent, paper::to_text(&consent).into_bytes()),
        (
            Kind::Configuration,
            b"member_key = \"member.key\"\n".to_vec(),
        ),
    ]
}

/// What is said of the file at `path` by those who want one of a kind: nothing, if it is one.
fn said(path: &Path, wanted: Kind) -> Option<(String, &'static str)> {
    let error: Error = match wanted {
        Kind::Network | Kind::Configuration => {
            let bad = diagnose(path, wanted)?;
            return Some((bad.to_string(), bad.hint()));
        }
        Kind::Receipt => receipt::verify(path, None).err()?.into(),
        Kind::Evidence => paper::read_evidence(path).err()?.into(),
        Kind::Descriptor => paper::read::<SignedDescriptor>(path).err()?.into(),
        Kind::Proposal => paper::read::<Invitation>(path).err()?.into(),
        Kind::Consent => paper::read::<Consent>(path).err()?.into(),
    };
    let hint = error.hint().expect("there is something to do about it");
    Some((error.to_string(), hint))
}

#[track_caller]
fn check(path: &Path, wanted: Kind, words: &str) {
    let (sentence, hint) = said(path, wanted).unwrap_or_else(|| panic!("{wanted} {words}"));
    let path = path.display().to_string();
    assert!(sentence.starts_with(&path), "{wanted}: {sentence}");
    assert!(sentence.contains(words), "{wanted}, {words}: {sentence}");
    assert!(!sentence.contains('{') && !hint.is_empty(), "{sentence}");
}

#[tokio::test(start_paused = true)]
async fn a_file_of_another_kind_is_said_to_be_that() {
    let folder = directory();
    let path = folder.path().join("file");
    for (found, bytes) in files().await {
        assert_eq!(kind_of(&bytes), Some(found));
        std::fs::write(&path, &bytes).expect("it can be written");
        for wanted in ALL {
            if wanted == found {
                assert_eq!(said(&path, wanted), None, "{wanted}");
            } else {
                check(&path, wanted, &format!("is no {wanted}: it is a {found}"));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_file_is_refused_wherever_it_was_cut_off() {
    let folder = directory();
    let path = folder.path().join("file");
    for (kind, bytes) in files().await {
        if kind == Kind::Configuration {
            continue; // whoever reads it says which key is missing
        }
        let step = bytes.len().div_ceil(50);
        for length in (5..bytes.len()).step_by(step) {
            std::fs::write(&path, &bytes[..length]).expect("it can be written");
            let words = match kind {
                Kind::Network | Kind::Receipt | Kind::Evidence => "was cut off after",
                _ => "is damaged",
            };
            check(&path, kind, words);
        }
        std::fs::write(&path, [&bytes[..], b"00"].concat()).expect("it can be written");
        check(&path, kind, "damaged");
    }
}

#[test]
fn what_is_no_file_at_all_is_said_to_be_that() {
    let folder = directory();
    let path = folder.path().join("file");
    for wanted in ALL {
        check(&path, wanted, "is not there");
        check(folder.path(), wanted, "is a folder");
    }
    for wanted in ALL {
        std::fs::write(&path, "").expect("it can be written");
        if wanted != Kind::Configuration {
            check(&path, wanted, "is empty");
        }
        std::fs::write(&path, [0x3c, 0x21, 0xff]).expect("it can be written");
        check(&path, wanted, &format!("is no {wanted}"));
        let file = File::create(&path).expect("it can be made");
        file.set_len(1 << 40).expect("it can be sparse");
        check(&path, wanted, "it has more than");
        std::fs::remove_file(&path).expect("it is there");
    }
}
