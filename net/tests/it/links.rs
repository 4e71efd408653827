//! Links between members: that they come up, carry frames, and come back.

use bytes::Bytes;
use futures::future::join;
use net::{Config, Limits, SendError};

use crate::support::{
    PATIENCE, all_linked, member, node, soon, start, start_committee, until, wallet,
};

const FOUR: [u8; 4] = [1, 2, 3, 4];

#[tokio::test]
async fn four_members_link_and_every_frame_arrives_in_order() {
    let mut members = start_committee(&FOUR);
    all_linked(&mut members, &FOUR).await;
    const FRAMES: u32 = 500;
    for (from, sender) in members.iter().enumerate() {
        for frame in 0..FRAMES {
            let bytes = Bytes::from(frame.to_be_bytes().to_vec());
            if frame % 2 == 0 {
                assert_eq!(sender.handle.broadcast(bytes), Ok(FOUR.len() - 1));
                continue;
            }
            for (to, number) in FOUR.iter().enumerate().filter(|(to, _)| *to != from) {
                let sent = sender.handle.send(node(*number), bytes.clone());
                assert_eq!(sent, Ok(()), "frame {frame} from {from} to {to}");
            }
        }
    }
    for (to, receiver) in members.iter_mut().enumerate() {
        let mut next = [0; FOUR.len()];
        for _ in 0..(FOUR.len() - 1) * FRAMES as usize {
            let (from, bytes) = receiver.frame().await;
            let from = FOUR
                .iter()
                .position(|n| node(*n) == from)
                .expect("a member");
            assert_ne!(from, to, "a node sends nothing to itself");
            assert_eq!(bytes, u32::to_be_bytes(next[from]), "from {from} to {to}");
            next[from] += 1;
        }
        let counters = receiver.handle.counters();
        assert_eq!(counters.frames_in, u64::from(FRAMES) * 3);
        assert_eq!(counters.frames_dropped_full, 0);
    }
}

#[tokio::test]
async fn frames_of_every_size_arrive_whole() {
    let mut members = start_committee(&[1, 2]);
    all_linked(&mut members, &[1, 2]).await;
    let sizes = [0, 1, 4095, 8191, 8192, 8193, 65_536, 300_000, 1024 * 1024];
    for size in sizes {
        let bytes: Vec<u8> = (0..size).map(|at: usize| (at % 251) as u8).collect();
        let sent = members[0].handle.send(node(2), bytes.clone().into());
        assert_eq!(sent, Ok(()), "size {size}");
        let (from, received) = members[1].frame().await;
        assert_eq!(from, node(1));
        assert!(received == bytes, "size {size}");
    }
}

#[tokio::test]
async fn a_frame_beyond_the_limit_is_refused_before_it_is_queued() {
    let mut members = start_committee(&[1, 2]);
    all_linked(&mut members, &[1, 2]).await;
    let long = Bytes::from(vec![0; net::bounds::FRAME_BYTES_MAX + 1]);
    let sent = members[0].handle.send(node(2), long.clone());
    assert_eq!(sent, Err(SendError::TooLarge));
    assert_eq!(members[0].handle.broadcast(long), Err(SendError::TooLarge));
}

#[tokio::test]
async fn a_frame_for_a_node_without_a_link_is_refused_and_counted() {
    let lonely = start(member(1, &[1, 2]));
    let sent = lonely.handle.send(node(2), Bytes::from_static(b"anybody?"));
    assert_eq!(sent, Err(SendError::NotConnected));
    assert_eq!(lonely.handle.broadcast(Bytes::from_static(b"?")), Ok(0));
    assert_eq!(lonely.handle.counters().frames_dropped_unlinked, 1);
}

#[tokio::test]
async fn item_2_simultaneous_dials_leave_exactly_one_usable_link() {
    for round in 0..100 {
        let committee = [1, 2];
        let mut one = start(member(1, &committee));
        let mut two = start(member(2, &committee));
        let (to_two, to_one) = (two.address(), one.address());
        let dials = join(one.handle.dial(&to_two), two.handle.dial(&to_one));
        let (ones, twos) = soon("both dials", dials).await;
        // A dial can lose the race, and then the other one has won it.
        assert!(
            ones.is_ok() || twos.is_ok(),
            "round {round}: {ones:?}, {twos:?}"
        );
        // A link that loses the race takes its frames with it, so each side speaks again whenever
        // its link changes. What arrives on both sides was carried by the one that stayed.
        let (mut heard_by_one, mut heard_by_two) = (false, false);
        let (ones, twos) = (&mut one.events, &mut two.events);
        soon("a frame each way", async {
            while !(heard_by_one && heard_by_two) {
                tokio::select! {
                    Some(link) = ones.links.recv() => if link.up {
                        let _ = one.handle.send(node(2), Bytes::from_static(b"1"));
                    },
                    Some(link) = twos.links.recv() => if link.up {
                        let _ = two.handle.send(node(1), Bytes::from_static(b"2"));
                    },
                    Some(frame) = ones.frames.recv() => heard_by_one = frame.from == node(2),
                    Some(frame) = twos.frames.recv() => heard_by_two = frame.from == node(1),
                }
            }
        })
        .await;
        for (side, running) in [(1, &one), (2, &two)] {
            let peers = running.handle.peers();
            let linked = peers.iter().filter(|peer| peer.linked).count();
            assert_eq!(linked, 1, "round {round}, side {side}: {peers:?}");
            assert!(peers.len() <= 2, "round {round}, side {side}: {peers:?}");
        }
    }
}

#[tokio::test]
async fn item_4_a_node_outside_the_committee_gets_no_link() {
    let mut victim = start(member(1, &[1, 2]));
    // The outsider takes itself for a fellow member and opens a link.
    let mut outsider = start(member(9, &[9, 1]));
    let remote = soon("hello", outsider.handle.dial(&victim.address())).await;
    let remote = remote.expect("anybody may say hello");
    assert_eq!(remote.node, Some(node(1)));
    // It is a guest like others, and asks for a link again in a while.
    let target = net::Target::Peer(remote.peer);
    let outsiders = outsider.handle.clone();
    let request = outsiders.request(target, net::Protocol::Api, vec![1], PATIENCE);
    let answer = async {
        let asked = victim.request().await;
        assert_eq!(asked.from.node, Some(node(9)));
        asked.reply.send(vec![2])
    };
    let (outcome, answered) = tokio::join!(request, answer);
    assert_eq!((outcome, answered), (Ok(vec![2]), Ok(())));
    let refused = || victim.handle.counters().links_refused >= 2;
    until("a second refusal", refused).await;
    assert_eq!(
        outsider.handle.send(node(1), Bytes::from_static(b"vote")),
        Err(SendError::NotConnected)
    );
    assert_eq!(victim.handle.counters().links_up, 0);
    assert_eq!(victim.handle.counters().connections, 1);
    assert!(victim.events.links.try_recv().is_err());
    assert!(victim.events.frames.try_recv().is_err());
    assert!(outsider.events.links.try_recv().is_err());
}

#[tokio::test]
async fn a_wallet_has_no_links() {
    let mut victim = start(member(1, &[1, 2]));
    let wallet = start(wallet(9));
    let remote = soon("hello", wallet.handle.dial(&victim.address())).await;
    assert_eq!(remote.map(|remote| remote.node), Ok(Some(node(1))));
    let sent = wallet.handle.send(node(1), Bytes::from_static(b"vote"));
    assert_eq!(sent, Err(SendError::NotConnected));
    assert!(victim.events.links.try_recv().is_err());
}

#[tokio::test]
async fn item_5_a_member_that_does_not_take_its_frames_fills_only_its_own_link() {
    let committee = [1, 2, 3];
    let mut members = start_committee(&committee);
    all_linked(&mut members, &committee).await;
    let frame = Bytes::from(vec![5; 64 * 1024]);
    // Nobody takes the frames of member 2. Its queues are bounded, so this ends.
    let mut queued = 0;
    while members[0].handle.send(node(2), frame.clone()).is_ok() {
        queued += 1;
        assert!(queued * frame.len() < 1 << 30, "the queue has no bound");
    }
    assert!(members[0].handle.counters().frames_dropped_full > 0);
    // The others notice nothing.
    for number in 0..100_u8 {
        let sent = members[0].handle.send(node(3), Bytes::from(vec![number]));
        assert_eq!(sent, Ok(()));
        assert_eq!(members[2].frame().await, (node(1), vec![number]));
    }
    // Nothing that was queued is lost once it is taken.
    for at in 0..queued {
        let (from, bytes) = members[1].frame().await;
        assert_eq!(from, node(1));
        assert!(bytes == frame, "frame {at}");
    }
}

#[tokio::test]
async fn item_10_a_member_that_restarts_is_linked_again() {
    for restarting in [0, 1] {
        let committee = [1, 2];
        let mut members = start_committee(&committee);
        all_linked(&mut members, &committee).await;
        let staying = 1 - restarting;
        let (left, address) = (committee[restarting], members[restarting].address());
        let listen = address
            .split("/p2p")
            .next()
            .expect("a first part")
            .to_owned();
        let stopped = members.remove(restarting);
        soon("the stop", stopped.handle.shutdown()).await;
        let mut stayed = members.remove(0);
        let down = stayed.link().await;
        assert_eq!((down.node, down.up), (node(left), false));
        // It knows nobody: the member that stayed must find it, or it that member.
        let mut again = start(Config {
            listen: vec![listen],
            bootnodes: vec![stayed.address()],
            ..member(left, &committee)
        });
        stayed.linked(&[left]).await;
        again.linked(&[committee[staying]]).await;
        let sent = stayed.handle.send(node(left), Bytes::from_static(b"again"));
        assert_eq!(sent, Ok(()));
        assert_eq!(again.frame().await.1, b"again");
    }
}

#[tokio::test]
async fn a_member_that_restarts_without_bootnodes_is_found_by_the_others() {
    for restarting in [0, 1] {
        let committee = [1, 2];
        let limits = Limits {
            dialer_grace: std::time::Duration::ZERO,
            ..Limits::on_one_machine()
        };
        let configured = |number| Config {
            limits: limits.clone(),
            ..member(number, &committee)
        };
        let first = start(configured(1));
        let second = start(Config {
            bootnodes: vec![first.address()],
            ..configured(2)
        });
        let mut members = vec![first, second];
        all_linked(&mut members, &committee).await;
        let left = committee[restarting];
        let address = members[restarting].address();
        let listen = address
            .split("/p2p")
            .next()
            .expect("a first part")
            .to_owned();
        soon("the stop", members.remove(restarting).handle.shutdown()).await;
        let mut stayed = members.remove(0);
        let mut again = start(Config {
            listen: vec![listen],
            ..configured(left)
        });
        assert!(!stayed.link().await.up);
        stayed.linked(&[left]).await;
        again.linked(&[committee[1 - restarting]]).await;
    }
}

#[tokio::test]
async fn what_is_queued_at_shutdown_still_arrives() {
    let mut members = start_committee(&[1, 2]);
    all_linked(&mut members, &[1, 2]).await;
    for number in 0..200_u8 {
        let sent = members[0]
            .handle
            .send(node(2), Bytes::from(vec![number; 1000]));
        assert_eq!(sent, Ok(()));
    }
    let mut receiver = members.remove(1);
    soon("the stop", members.remove(0).handle.shutdown()).await;
    for number in 0..200_u8 {
        assert_eq!(receiver.frame().await, (node(1), vec![number; 1000]));
    }
    assert!(!receiver.link().await.up);
}

#[tokio::test]
async fn a_member_may_speak_through_a_new_transport_key() {
    let committee = [1, 2];
    let mut members = start_committee(&committee);
    all_linked(&mut members, &committee).await;
    let mut one = members.remove(0);
    let old = members.remove(0);
    // The same member key with another transport key: the newer record wins.
    let mut new = start(Config {
        transport_seed: [77; 32].into(),
        bootnodes: vec![one.address()],
        ..member(2, &committee)
    });
    assert!(!one.link().await.up, "the old peer is let go");
    one.linked(&[2]).await;
    new.linked(&[1]).await;
    let sent = one
        .handle
        .send(node(2), Bytes::from_static(b"to the new one"));
    assert_eq!(sent, Ok(()));
    assert_eq!(new.frame().await.1, b"to the new one");
    drop(old);
}

#[tokio::test]
async fn two_processes_with_one_member_key_refuse_each_other() {
    let one = start(member(1, &[1, 2]));
    let twin = start(Config {
        transport_seed: [77; 32].into(),
        ..member(1, &[1, 2])
    });
    let outcome = soon("the refusal", twin.handle.dial(&one.address())).await;
    assert!(
        matches!(outcome, Err(net::DialError::Refused { .. })),
        "{outcome:?}"
    );
}
