//! What each offence comes to, now and later.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn conduct() -> (Conduct, PeerId, Instant) {
    let conduct = Conduct::new(&Limits::default());
    (conduct, PeerId::random(), Instant::now())
}

#[test]
fn a_guest_is_disconnected_at_20_points_and_banned_at_50() {
    let (mut conduct, peer, now) = conduct();
    let mut verdicts = |offence, times| -> Vec<Verdict> {
        (0..times)
            .map(|_| conduct.report(peer, None, offence, now))
            .collect()
    };
    assert_eq!(verdicts(Offence::Slow, 19), [Verdict::Tolerated; 19]);
    assert_eq!(verdicts(Offence::Slow, 1), [Verdict::Disconnected]);
    assert_eq!(verdicts(Offence::Deaf, 5), [Verdict::Disconnected; 5]);
    assert_eq!(verdicts(Offence::Deaf, 1), [Verdict::Banned(60 * MINUTE)]);
}

#[test]
fn some_offences_weigh_more_than_others() {
    let first = |offence| {
        let (mut conduct, peer, now) = conduct();
        [(); 3].map(|()| conduct.report(peer, None, offence, now))
    };
    let (tolerated, disconnected) = (Verdict::Tolerated, Verdict::Disconnected);
    let banned = Verdict::Banned;
    assert_eq!(
        first(Offence::BadAnswer),
        [tolerated, disconnected, disconnected]
    );
    let grave = [disconnected, disconnected, banned(60 * MINUTE)];
    assert_eq!(first(Offence::Malformed), grave);
    assert_eq!(first(Offence::Oversize), grave);
    assert_eq!(first(Offence::WrongNetwork)[1], banned(60 * MINUTE));
    assert_eq!(first(Offence::Forged)[0], banned(60 * MINUTE));
}

#[test]
fn half_is_forgiven_in_ten_minutes() {
    let (mut conduct, peer, now) = conduct();
    assert_eq!(
        conduct.report(peer, None, Offence::Malformed, now),
        Verdict::Disconnected
    );
    // 20 have become 10, and one more is 11.
    let later = now + 10 * MINUTE;
    assert_eq!(
        conduct.report(peer, None, Offence::Slow, later),
        Verdict::Tolerated
    );
    assert_eq!(
        conduct.report(peer, None, Offence::BadAnswer, later),
        Verdict::Disconnected
    );
}

#[test]
fn a_ban_ends_and_the_next_is_twice_as_long_up_to_a_day() {
    let (mut conduct, peer, mut now) = conduct();
    for hours in [1, 2, 4, 8, 16, 24, 24] {
        let time = hours * 60 * MINUTE;
        assert_eq!(
            conduct.report(peer, None, Offence::Forged, now),
            Verdict::Banned(time)
        );
        assert!(
            conduct.is_banned(&peer, now + time - MINUTE),
            "{hours} hours"
        );
        assert!(!conduct.is_banned(&peer, now + time), "{hours} hours");
        assert!(!conduct.is_banned(&PeerId::random(), now));
        now += time;
    }
}

#[test]
fn a_node_that_gains_a_place_is_forgiven_whatever_its_peers_have_done() {
    let node = |byte| NodeId::new(model::PublicKey::from_bytes([byte; 32]));
    let (mut conduct, one, now) = conduct();
    let other = PeerId::random();
    conduct.report(one, Some(node(1)), Offence::Forged, now);
    conduct.report(one, None, Offence::Forged, now);
    conduct.report(other, Some(node(2)), Offence::Forged, now);
    conduct.pardon(&node(1));
    assert!(!conduct.is_banned(&one, now));
    assert!(conduct.is_banned(&other, now));
}

#[test]
fn the_table_is_bounded_and_forgets_those_with_the_least_to_answer_for() {
    let (mut conduct, banned, now) = conduct();
    conduct.report(banned, None, Offence::Forged, now);
    let worse = PeerId::random();
    conduct.report(worse, None, Offence::BadAnswer, now);
    for _ in 0..2 * CONDUCT_MAX {
        conduct.report(PeerId::random(), None, Offence::Slow, now);
    }
    assert_eq!(conduct.records.len(), CONDUCT_MAX);
    assert!(conduct.is_banned(&banned, now));
    assert_eq!(
        conduct.report(worse, None, Offence::BadAnswer, now),
        Verdict::Disconnected
    );
}
