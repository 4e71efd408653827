//! When a list of signatures proves what a shard said, and each reason why it does not.

use model::head::HeadError;
use model::key::Zip215;
use model::shard::Seat;
use model::{
    Certificate, CertificateError, Committee, Epoch, Hash, Head, HeadCertificate, Height,
    Signature, Slot, Statement, Time, Vote,
};

use crate::world::{NETWORK, committee, key, secret, shard};

const STATEMENT: Statement = Statement::Vote {
    slot: Slot::new(4),
    vote: Vote::Finalize(Hash::from_bytes([1; 32])),
};

fn seat(index: usize) -> Seat {
    Seat::new(index).expect("few seats")
}

/// The signature of the member on a seat: member `n` of the committee has seat `n - 1`.
fn signature(committee: &Committee, index: usize, statement: &Statement) -> (Seat, Signature) {
    let person = u8::try_from(index + 1).expect("few seats");
    let bytes = statement.signing_bytes(committee.scope());
    (seat(index), secret(person).sign(&bytes))
}

fn certificate(committee: &Committee, statement: Statement, seats: &[usize]) -> Certificate {
    Certificate {
        statement,
        signatures: seats
            .iter()
            .map(|index| signature(committee, *index, &statement))
            .collect(),
    }
}

#[track_caller]
fn check(size: u8, seats: &[usize], expected: Result<(), CertificateError>) {
    let committee = committee(size);
    let certificate = certificate(&committee, STATEMENT, seats);
    assert_eq!(certificate.verify(&committee, &mut Zip215), expected);
}

#[test]
fn a_quorum_of_members_proves_a_statement() {
    check(4, &[0, 1, 2], Ok(()));
    check(4, &[0, 2, 3], Ok(()));
    check(4, &[0, 1, 2, 3], Ok(()));
    check(7, &[0, 1, 2, 3, 6], Ok(()));
}

#[test]
fn one_signature_fewer_is_too_few() {
    let too_few = |needed, found| Err(CertificateError::TooFew { needed, found });
    check(4, &[], too_few(3, 0));
    check(4, &[0, 1], too_few(3, 2));
    check(7, &[0, 1, 2, 3], too_few(5, 4));
    // Without a multiple of three and one more, a quorum is still all but f.
    check(5, &[0, 1, 2], too_few(4, 3));
    check(6, &[0, 1, 2, 3], too_few(5, 4));
}

#[test]
fn another_threshold_may_be_asked_for() {
    let committee = committee(7);
    let needed = committee.honest_threshold();
    let verify = |seats: &[usize]| {
        certificate(&committee, STATEMENT, seats).verify_threshold(&committee, needed, &mut Zip215)
    };
    assert_eq!(verify(&[1, 3, 5]), Ok(()));
    let found = 2;
    assert_eq!(
        verify(&[1, 3]),
        Err(CertificateError::TooFew { needed, found })
    );
}

#[test]
fn a_member_counts_once() {
    check(4, &[0, 1, 1], Err(CertificateError::Order));
    check(4, &[0, 2, 1], Err(CertificateError::Order));
    check(4, &[2, 1, 0], Err(CertificateError::Order));
}

#[test]
fn only_seats_of_the_committee_count() {
    check(4, &[0, 1, 4], Err(CertificateError::UnknownSeat));
    check(4, &[0, 1, 99], Err(CertificateError::UnknownSeat));
}

#[test]
fn every_signature_is_the_members_over_this_statement() {
    let committee = committee(4);
    let good = certificate(&committee, STATEMENT, &[0, 1, 2, 3]);
    let other_statement = Statement::Vote {
        slot: Slot::new(4),
        vote: Vote::Skip,
    };
    for index in 0..4 {
        let mut of_another = good.clone();
        of_another.signatures[index].1 = good.signatures[(index + 1) % 4].1;
        let mut of_another_statement = good.clone();
        of_another_statement.signatures[index] = signature(&committee, index, &other_statement);
        for bad in [of_another, of_another_statement] {
            assert_eq!(
                bad.verify(&committee, &mut Zip215),
                Err(CertificateError::BadSignature)
            );
        }
    }
}

#[test]
fn a_certificate_of_another_network_shard_or_epoch_proves_nothing() {
    let ours = committee(4);
    let nodes = || ours.members().to_vec();
    let network = model::NetworkId::from_bytes([8; 32]);
    let others = [
        Committee::new(network, shard(3), Epoch::new(2), nodes()),
        Committee::new(NETWORK, shard(4), Epoch::new(2), nodes()),
        Committee::new(NETWORK, shard(3), Epoch::new(3), nodes()),
    ];
    for other in others {
        let other = other.expect("the same nodes");
        assert_eq!(
            certificate(&other, STATEMENT, &[0, 1, 2]).verify(&ours, &mut Zip215),
            Err(CertificateError::BadSignature)
        );
    }
}

fn head(committee: &Committee) -> Head {
    Head {
        scope: *committee.scope(),
        height: Height::new(1),
        previous: Head::before_first(&NETWORK),
        block: Hash::from_bytes([1; 32]),
        time: Time::from_ms(5),
        results: Hash::from_bytes([2; 32]),
        outbox: Hash::from_bytes([3; 32]),
        state: None,
    }
}

#[test]
fn a_certified_head_is_of_the_committee_and_certified() {
    let committee = committee(4);
    let head = head(&committee);
    let good = HeadCertificate {
        certificate: certificate(&committee, head.statement(), &[0, 1, 3]),
        head,
    };
    let check = |bad: HeadCertificate, expected| {
        assert_eq!(bad.verify(&committee, &mut Zip215), expected);
    };
    check(good.clone(), Ok(()));

    let mut other_scope = good.clone();
    other_scope.head.scope.epoch = Epoch::new(3);
    check(other_scope, Err(HeadError::OtherScope));

    let mut other_head = good.clone();
    other_head.head.results = Hash::from_bytes([9; 32]);
    check(other_head, Err(HeadError::OtherStatement));

    let mut other_statement = good.clone();
    other_statement.certificate = certificate(&committee, STATEMENT, &[0, 1, 3]);
    check(other_statement, Err(HeadError::OtherStatement));

    let mut uncertified = good;
    uncertified.certificate.signatures.pop();
    let (needed, found) = (3, 2);
    let too_few = CertificateError::TooFew { needed, found };
    check(uncertified, Err(HeadError::Certificate(too_few)));
}

#[test]
fn thresholds_and_seats_of_a_shard() {
    for (size, faults, honest, quorum) in [
        (4, 1, 2, 3),
        (5, 1, 2, 4),
        (6, 1, 2, 5),
        (7, 2, 3, 5),
        (10, 3, 4, 7),
        (100, 33, 34, 67),
    ] {
        let committee = committee(size);
        assert_eq!(committee.faults().count(), faults, "size {size}");
        assert_eq!(committee.honest_threshold(), honest, "size {size}");
        assert_eq!(committee.quorum(), quorum, "size {size}");
        // Two quorums share an honest member, and the honest members are a quorum.
        assert!(2 * quorum > usize::from(size) + faults, "size {size}");
        assert!(quorum + faults <= usize::from(size), "size {size}");
        for (index, member) in committee.members().iter().enumerate() {
            assert_eq!(committee.seat(member), Seat::new(index));
            assert_eq!(committee.member(seat(index)), Some(*member));
        }
        assert_eq!(committee.seat(&model::NodeId::new(key(0))), None);
    }
}
