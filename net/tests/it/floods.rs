//! Many at once: members, strangers and long answers.

use bytes::Bytes;
use net::{Config, Limits, Protocol, Target};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::support::{PATIENCE, Running, all_linked, member, node, soon, start, until, wallet};

/// An address of this machine that no member speaks from.
const STRANGER: &str = "127.0.0.2:0";

/// A node to which this machine is as far as any other.
fn far(number: u8, committee: &[u8], bootnodes: Vec<String>) -> Running {
    start(Config {
        bootnodes,
        limits: Limits {
            exempt_loopback: false,
            ..Limits::on_one_machine()
        },
        ..member(number, committee)
    })
}

/// A connection of a stranger, who says nothing on it.
async fn stranger(port: u16) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(STRANGER.parse().expect("an address"))?;
    socket.connect(([127, 0, 0, 1], port).into()).await
}

#[tokio::test]
async fn item_3_twelve_members_that_open_a_link_at_once_all_get_it() {
    let all: Vec<u8> = (1..=13).collect();
    let mut busy = start(member(1, &all));
    let bootnodes = vec![busy.address()];
    let mut others: Vec<Running> = all[1..]
        .iter()
        .map(|number| {
            start(Config {
                bootnodes: bootnodes.clone(),
                ..member(*number, &all)
            })
        })
        .collect();
    busy.linked(&all[1..]).await;
    for other in &mut others {
        other.linked(&[1]).await;
    }
    assert_eq!(busy.handle.counters().links_refused, 0);
    assert_eq!(busy.handle.broadcast(Bytes::from_static(b"all")), Ok(12));
    for other in &mut others {
        assert_eq!(other.frame().await, (node(1), b"all".to_vec()));
    }
}

#[tokio::test]
async fn item_6_a_thousand_connections_from_one_address_keep_no_member_out_and_slow_none_down() {
    let all = [1, 2, 3];
    let mut one = far(1, &all, Vec::new());
    let mut two = far(2, &all, vec![one.address()]);
    one.linked(&[2]).await;
    two.linked(&[1]).await;
    let port = one.port();
    let mut held = std::collections::VecDeque::new();
    let mut three = None;
    for number in 0..1_000_u32 {
        held.extend(soon("a stranger", stranger(port)).await.ok());
        if held.len() > 100 {
            held.pop_front();
        }
        // Every frame is answered before the next stranger comes.
        let frame = Bytes::from(number.to_be_bytes().to_vec());
        assert_eq!(one.handle.send(node(2), frame.clone()), Ok(()));
        assert_eq!(two.frame().await, (node(1), frame.to_vec()));
        assert_eq!(two.handle.send(node(1), frame.clone()), Ok(()));
        assert_eq!(one.frame().await, (node(2), frame.to_vec()));
        if number == 500 {
            three = Some(far(3, &all, vec![one.address(), two.address()]));
        }
    }
    let mut three = three.expect("it was started");
    three.linked(&[1, 2]).await;
    one.linked(&[3]).await;
    // They are taken from the system at a pace, so some are refused a little later.
    soon("the strangers are refused", async {
        loop {
            let counters = one.handle.counters();
            assert_eq!(counters.links_down, 0);
            if counters.connections_refused + counters.handshakes_failed >= 900 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    // Strangers that speak are turned away as those who do not.
    let guest = start(wallet(9));
    assert!(
        soon("hello", guest.handle.dial(&one.address()))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn item_7_long_answers_by_the_dozen_arrive_whole() {
    const ANSWERS: usize = 64;
    const LENGTH: usize = 1024 * 1024;
    let mut members = [1, 2].map(|number| start(member(number, &[1, 2])));
    let remote = soon("hello", members[1].handle.dial(&members[0].address())).await;
    assert!(remote.is_ok(), "{remote:?}");
    all_linked(&mut members, &[1, 2]).await;
    let [server, mut client] = members;
    let mut requests = server.events.requests;
    tokio::spawn(async move {
        while let Some(request) = requests.recv().await {
            let byte = request.body[0];
            // The client waits for each of them.
            let _ = request.reply.send(vec![byte; LENGTH]);
        }
    });
    let mut asked = JoinSet::new();
    let (mut next, mut whole) = (0, 0);
    while whole < ANSWERS {
        while next < ANSWERS && asked.len() < Limits::on_one_machine().sync_in_flight {
            let handle = client.handle.clone();
            let byte = next as u8;
            next += 1;
            asked.spawn(async move {
                let target = Target::Node(node(1));
                let answer = handle.request(target, Protocol::Sync, vec![byte], PATIENCE);
                (byte, answer.await)
            });
        }
        let (byte, answer) = soon("an answer", asked.join_next())
            .await
            .expect("some are asked")
            .expect("no panic");
        assert!(answer == Ok(vec![byte; LENGTH]), "answer {byte}");
        whole += 1;
        // The link works all the time.
        let frame = Bytes::from(vec![byte]);
        assert_eq!(server.handle.send(node(2), frame.clone()), Ok(()));
        assert_eq!(client.frame().await, (node(1), frame.to_vec()));
    }
    let unanswered = || server.handle.counters().requests_unanswered;
    until("the count", || unanswered() == 0).await;
}
