//! Questions and answers: every way in which they can end.

use std::time::Duration;

use net::{Config, Limits, Protocol, ReplyError, RequestError, Target, bounds};
use tokio::task::JoinSet;

use crate::support::{PATIENCE, Running, member, node, soon, start, wallet};

/// A member and a wallet that has dialed it.
async fn pair() -> (Running, Running) {
    pair_with(member(1, &[1, 2]), wallet(9)).await
}

async fn pair_with(server: Config, client: Config) -> (Running, Running) {
    let server = start(server);
    let client = start(client);
    let remote = soon("hello", client.handle.dial(&server.address())).await;
    assert!(remote.is_ok(), "{remote:?}");
    (server, client)
}

/// Asks in the background.
fn ask(
    client: &Running,
    protocol: Protocol,
    body: Vec<u8>,
    patience: Duration,
) -> tokio::task::JoinHandle<Result<Vec<u8>, RequestError>> {
    let handle = client.handle.clone();
    let target = Target::Node(node(1));
    tokio::spawn(async move { handle.request(target, protocol, body, patience).await })
}

async fn outcome(
    asked: tokio::task::JoinHandle<Result<Vec<u8>, RequestError>>,
) -> Result<Vec<u8>, RequestError> {
    soon("the end of a request", asked).await.expect("no panic")
}

#[tokio::test]
async fn a_question_is_answered() {
    let (mut server, client) = pair().await;
    for protocol in [Protocol::Api, Protocol::Sync] {
        let asked = ask(&client, protocol, b"what?".to_vec(), PATIENCE);
        let request = server.request().await;
        assert_eq!(request.protocol, protocol);
        assert_eq!(request.body, b"what?");
        assert_eq!(request.from.node, None);
        assert_eq!(request.from.peer, server.handle.peers()[0].peer);
        assert_eq!(request.reply.send(b"that".to_vec()), Ok(()));
        assert_eq!(outcome(asked).await, Ok(b"that".to_vec()));
    }
}

#[tokio::test]
async fn members_ask_each_other_both_ways() {
    let mut members = crate::support::start_committee(&[1, 2]);
    crate::support::all_linked(&mut members, &[1, 2]).await;
    for (from, to) in [(0, 1), (1, 0)] {
        let handle = members[from].handle.clone();
        let target = Target::Node(node(to as u8 + 1));
        let asked = tokio::spawn(async move {
            handle
                .request(target, Protocol::Sync, vec![3], PATIENCE)
                .await
        });
        let request = members[to].request().await;
        assert_eq!(request.from.node, Some(node(from as u8 + 1)));
        assert_eq!(request.reply.send(vec![4]), Ok(()));
        assert_eq!(outcome(asked).await, Ok(vec![4]));
    }
}

#[tokio::test]
async fn a_node_can_ask_a_wallet_that_has_dialed_it() {
    let (server, mut client) = pair().await;
    let target = Target::Peer(server.handle.peers()[0].peer);
    let handle = server.handle.clone();
    let asked = tokio::spawn(async move {
        handle
            .request(target, Protocol::Api, vec![], PATIENCE)
            .await
    });
    let request = client.request().await;
    assert_eq!(request.from.node, Some(node(1)));
    assert_eq!(request.reply.send(vec![6]), Ok(()));
    assert_eq!(outcome(asked).await, Ok(vec![6]));
}

#[tokio::test]
async fn the_longest_bodies_arrive_whole() {
    let (mut server, client) = pair().await;
    for protocol in [Protocol::Api, Protocol::Sync] {
        let body: Vec<u8> = (0..protocol.request_bytes_max())
            .map(|at| at as u8)
            .collect();
        let answer: Vec<u8> = (0..protocol.response_bytes_max())
            .map(|at| (at / 3) as u8)
            .collect();
        let asked = ask(&client, protocol, body.clone(), PATIENCE);
        let request = server.request().await;
        assert!(request.body == body);
        assert_eq!(request.reply.send(answer.clone()), Ok(()));
        assert!(outcome(asked).await == Ok(answer));
    }
}

#[tokio::test]
async fn bodies_beyond_the_limits_are_refused_where_they_are_made() {
    let (mut server, client) = pair().await;
    for protocol in [Protocol::Api, Protocol::Sync] {
        let limit = protocol.request_bytes_max();
        let asked = ask(&client, protocol, vec![0; limit + 1], PATIENCE);
        let found = limit + 1;
        assert_eq!(
            outcome(asked).await,
            Err(RequestError::TooLarge { limit, found })
        );

        let asked = ask(&client, protocol, vec![0; 10], PATIENCE);
        let request = server.request().await;
        let limit = protocol.response_bytes_max();
        let found = limit + 1;
        let sent = request.reply.send(vec![0; found]);
        assert_eq!(sent, Err(ReplyError::TooLarge { limit, found }));
        assert_eq!(outcome(asked).await, Err(RequestError::Closed));
    }
}

#[tokio::test]
async fn a_reply_that_is_dropped_ends_the_request() {
    let (mut server, client) = pair().await;
    let asked = ask(&client, Protocol::Api, vec![1], PATIENCE);
    drop(server.request().await);
    assert_eq!(outcome(asked).await, Err(RequestError::Closed));
    // The connection is as good as before.
    let asked = ask(&client, Protocol::Api, vec![2], PATIENCE);
    assert_eq!(server.request().await.reply.send(vec![3]), Ok(()));
    assert_eq!(outcome(asked).await, Ok(vec![3]));
    assert_eq!(client.handle.peers().len(), 1);
}

#[tokio::test]
async fn a_request_that_is_withdrawn_is_no_longer_answered() {
    let (mut server, client) = pair().await;
    let asked = ask(&client, Protocol::Api, vec![1], PATIENCE);
    let mut request = server.request().await;
    asked.abort();
    soon("the end of interest", request.reply.gone()).await;
    assert_eq!(request.reply.send(vec![1]), Err(ReplyError::Gone));
}

#[tokio::test]
async fn a_request_ends_when_its_time_is_over() {
    let (mut server, client) = pair().await;
    let asked = ask(&client, Protocol::Api, vec![1], Duration::from_millis(1));
    assert_eq!(outcome(asked).await, Err(RequestError::Timeout));
    // The next one is answered, and the first one is gone if it ever arrived.
    let asked = ask(&client, Protocol::Api, vec![2], PATIENCE);
    let mut request = server.request().await;
    if request.body == [1] {
        soon("the end of interest", request.reply.gone()).await;
        request = server.request().await;
    }
    assert_eq!(request.reply.send(vec![3]), Ok(()));
    assert_eq!(outcome(asked).await, Ok(vec![3]));
}

#[tokio::test]
async fn a_request_to_nobody_ends_at_once() {
    let (server, client) = pair().await;
    let target = Target::Node(node(5));
    let asked = client
        .handle
        .request(target, Protocol::Api, vec![], PATIENCE);
    assert_eq!(
        soon("the end", asked).await,
        Err(RequestError::NotConnected)
    );
    let own = server.address();
    let (_, peer) = own.split_once("/p2p/").expect("a peer");
    let target = Target::Peer(peer.parse().expect("a peer name"));
    let asked = server
        .handle
        .request(target, Protocol::Api, vec![], PATIENCE);
    assert_eq!(
        soon("the end", asked).await,
        Err(RequestError::NotConnected)
    );
}

#[tokio::test]
async fn a_request_to_a_peer_that_dies_ends_at_once() {
    let (mut server, client) = pair().await;
    let asked = ask(&client, Protocol::Api, vec![1], PATIENCE);
    let request = server.request().await;
    soon("the stop", server.handle.shutdown()).await;
    assert_eq!(outcome(asked).await, Err(RequestError::Closed));
    assert_eq!(request.reply.send(vec![2]), Err(ReplyError::Gone));
}

#[tokio::test]
async fn hundreds_of_long_polls_wait_on_one_connection() {
    let (mut server, client) = pair().await;
    const POLLS: usize = 1000;
    let mut polls = JoinSet::new();
    for poll in 0..POLLS {
        let handle = client.handle.clone();
        polls.spawn(async move {
            let body = poll.to_be_bytes().to_vec();
            let answer =
                handle.request(Target::Node(node(1)), Protocol::Api, body.clone(), PATIENCE);
            (body, answer.await)
        });
    }
    // All of them wait before the first is answered.
    let mut waiting = Vec::new();
    for _ in 0..POLLS {
        waiting.push(server.request().await);
    }
    for request in waiting {
        let body = request.body.clone();
        assert_eq!(request.reply.send(body), Ok(()));
    }
    while let Some(poll) = soon("an answer", polls.join_next()).await {
        let (body, answer) = poll.expect("no panic");
        assert_eq!(answer, Ok(body));
    }
}

#[tokio::test]
async fn requests_beyond_the_limit_of_a_connection_are_refused_here() {
    let (mut server, client) = pair().await;
    let limit = Limits::on_one_machine().sync_in_flight;
    let mut asked = Vec::new();
    let mut taken = Vec::new();
    for number in 0..limit {
        asked.push(ask(&client, Protocol::Sync, vec![number as u8], PATIENCE));
        taken.push(server.request().await);
    }
    let beyond = ask(&client, Protocol::Sync, vec![9], PATIENCE);
    assert_eq!(outcome(beyond).await, Err(RequestError::Busy));
    // The other protocol has room of its own.
    let other = ask(&client, Protocol::Api, vec![7], PATIENCE);
    assert_eq!(server.request().await.reply.send(vec![8]), Ok(()));
    assert_eq!(outcome(other).await, Ok(vec![8]));
    for (asked, taken) in asked.into_iter().zip(taken) {
        assert_eq!(taken.reply.send(vec![1]), Ok(()));
        assert_eq!(outcome(asked).await, Ok(vec![1]));
    }
}

#[tokio::test]
async fn requests_of_guests_have_a_bound_and_leave_room_for_members() {
    let limits = Limits {
        api_serving: 1,
        ..Limits::on_one_machine()
    };
    let full = Config {
        limits,
        ..member(1, &[1, 2])
    };
    let (mut server, client) = pair_with(full, wallet(9)).await;
    let first = ask(&client, Protocol::Api, vec![1], PATIENCE);
    let request = server.request().await;
    let beyond = ask(&client, Protocol::Api, vec![2], PATIENCE);
    assert_eq!(outcome(beyond).await, Err(RequestError::Closed));
    assert_eq!(server.handle.counters().requests_refused_full, 1);
    let fellow = start(member(2, &[1, 2]));
    let remote = soon("hello", fellow.handle.dial(&server.address())).await;
    assert!(remote.is_ok(), "{remote:?}");
    let fellows = ask(&fellow, Protocol::Api, vec![3], PATIENCE);
    assert_eq!(server.request().await.reply.send(vec![4]), Ok(()));
    assert_eq!(outcome(fellows).await, Ok(vec![4]));
    assert_eq!(request.reply.send(vec![5]), Ok(()));
    assert_eq!(outcome(first).await, Ok(vec![5]));
}

#[tokio::test]
async fn the_bytes_of_requests_have_a_bound_over_all_peers() {
    let half = bounds::API_REQUEST_BYTES_MAX / 2;
    let full = Config {
        limits: Limits {
            request_bytes: half,
            ..Limits::on_one_machine()
        },
        ..member(1, &[1, 2])
    };
    let (mut server, client) = pair_with(full, wallet(9)).await;
    let first = ask(&client, Protocol::Api, vec![0; half], PATIENCE);
    let request = server.request().await;
    let beyond = ask(&client, Protocol::Api, vec![0; 1], PATIENCE);
    assert_eq!(outcome(beyond).await, Err(RequestError::Closed));
    // A request that is dropped makes room, even before it is answered.
    let net::Inbound { reply, .. } = { request };
    assert_eq!(reply.send(vec![1]), Ok(()));
    assert_eq!(outcome(first).await, Ok(vec![1]));
    let next = ask(&client, Protocol::Api, vec![0; half], PATIENCE);
    assert_eq!(server.request().await.reply.send(vec![2]), Ok(()));
    assert_eq!(outcome(next).await, Ok(vec![2]));
}

#[tokio::test]
async fn a_node_that_never_answers_gives_the_stream_back() {
    let hasty = Config {
        limits: Limits {
            serve_timeout: Duration::from_millis(20),
            ..Limits::on_one_machine()
        },
        ..member(1, &[1, 2])
    };
    let (mut server, client) = pair_with(hasty, wallet(9)).await;
    let asked = ask(&client, Protocol::Api, vec![1], PATIENCE);
    let mut request = server.request().await;
    assert_eq!(outcome(asked).await, Err(RequestError::Closed));
    soon("the end of interest", request.reply.gone()).await;
    assert_eq!(server.handle.counters().requests_unanswered, 1);
}
