//! Papers come back as they were, or not at all.

use model::{NetworkId, NodeDescriptor, NodeId, SecretKey, ShardId, ShardRecord, Signature};

use super::*;

const PATH: &str = "me.csd";

fn descriptor(person: u8) -> NodeDescriptor {
    NodeDescriptor {
        name: format!("node {person}"),
        node: NodeId::new(SecretKey::from_seed([person; 32]).public()),
        addresses: vec![format!("/ip4/192.0.2.{person}/tcp/9000")],
    }
}

fn signed() -> SignedDescriptor {
    SignedDescriptor {
        network: NetworkId::from_bytes([7; 32]),
        descriptor: descriptor(1),
        signature: Signature::from_bytes([9; 64]),
    }
}

fn invitation(members: u8) -> Invitation {
    let members = (1..=members).map(descriptor).collect();
    Invitation {
        network: NetworkId::from_bytes([7; 32]),
        record: ShardRecord::founded(ShardId::new(2), members, 5),
    }
}

fn parse<P: Paper>(text: &str) -> Result<P, PaperError> {
    from_text(text, Path::new(PATH))
}

#[test]
fn a_paper_is_read_back_however_it_was_wrapped() {
    let text = to_text(&signed());
    assert!(text.starts_with("csd1") && text.is_ascii(), "{text}");
    assert!(!text.contains(char::is_whitespace));
    assert_eq!(parse::<SignedDescriptor>(&text).expect("whole"), signed());
    let lines: Vec<&str> = (0..text.len())
        .step_by(60)
        .map(|at| &text[at..text.len().min(at + 60)])
        .collect();
    let wrapped = format!("\r\n  {}\n", lines.join("\r\n  "));
    assert_eq!(
        parse::<SignedDescriptor>(&wrapped).expect("whole"),
        signed()
    );
    let large = invitation(100);
    let text = to_text(&large);
    assert_eq!(parse::<Invitation>(&text).expect("whole"), large);
}

#[test]
fn every_character_counts() {
    let text = to_text(&signed());
    for at in (4..text.len()).step_by(7) {
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
        let changed = String::from_utf8(changed).expect("ASCII");
        let refused = parse::<SignedDescriptor>(&changed).expect_err("it was changed");
        assert!(matches!(refused, PaperError::Damaged { .. }), "{at}");
    }
    for length in [4, 5, 11, 12, text.len() - 1] {
        let refused = parse::<SignedDescriptor>(&text[..length]).expect_err("it is cut off");
        assert!(matches!(refused, PaperError::Damaged { .. }), "{length}");
    }
}

#[test]
fn what_is_something_else_is_said_to_be_that() {
    let refused = parse::<SignedDescriptor>(&to_text(&invitation(4)));
    let said = refused.expect_err("it is a proposal").to_string();
    assert_eq!(
        said,
        "me.csd is no descriptor of a node: it is a proposal of a shard"
    );
    let refused = parse::<Consent>("hello").expect_err("it is a greeting");
    let said = refused.to_string();
    assert!(said.ends_with("it does not begin as one does"), "{said}");
    assert_eq!(refused.class(), Class::Verification);
    // The check covers what the text says that it is.
    let relabelled = to_text(&signed()).replacen("csd1", "csc1", 1);
    let refused = parse::<Consent>(&relabelled).expect_err("it is a descriptor");
    assert!(matches!(refused, PaperError::Damaged { .. }));
}

#[test]
fn files_that_are_missing_or_endless_are_not_read() {
    let folder = crate::testing::directory();
    let path = folder.path().join("long.csp");
    let refused = read::<Invitation>(&path).expect_err("it is not there");
    assert!(refused.to_string().ends_with("is not there"), "{refused}");
    std::fs::write(&path, vec![b' '; 4 * PAPER_BYTES_MAX + 100]).expect("it can be written");
    let refused = read::<Invitation>(&path).expect_err("it is too long");
    assert!(refused.to_string().contains("more than"), "{refused}");
    std::fs::write(&path, [1, 2, 3]).expect("it can be written");
    let refused = read_evidence(&path).expect_err("it is no evidence");
    assert_eq!(refused.class(), Class::Verification);
}

#[test]
fn a_descriptor_is_believed_if_its_node_signed_it_for_this_network_and_can_be_reached() {
    let folder = crate::testing::directory();
    let path = folder.path().join(PATH);
    let network = NetworkId::from_bytes([7; 32]);
    let secret = SecretKey::from_seed([1; 32]);
    let sign = |bytes: &[u8]| secret.sign(bytes);
    let good = SignedDescriptor::new(network, descriptor(1), sign);
    let check = |paper: &SignedDescriptor, network, kind| {
        std::fs::write(&path, to_text(paper)).expect("it can be written");
        read_descriptor(&path, network, kind)
    };
    let found = check(&good, network, NetworkKind::Local);
    assert_eq!(found.expect("it is good"), descriptor(1));

    let hidden = check(&good, network, NetworkKind::Test).expect_err("192.0.2.1 is nowhere");
    assert_eq!(hidden.class(), Class::Usage);
    let said = hidden.to_string();
    assert!(said.ends_with("this is a public test network"), "{said}");

    let other = NetworkId::from_bytes([8; 32]);
    let foreign = check(&good, other, NetworkKind::Local).expect_err("of another network");
    assert_eq!(foreign.class(), Class::WrongNetwork);

    let forged = check(&signed(), network, NetworkKind::Local).expect_err("not signed");
    assert_eq!(forged.class(), Class::Verification);
}
