//! What a client makes of nodes that are there, not there, or somebody else.

use std::net::TcpListener;
use std::time::Duration;

use client::{AskError, Class, Client};
use model::api::Status;

use crate::support::{Server, client, client_of, genesis, node, status};

const ANYWHERE: &str = "/ip4/127.0.0.1/tcp/0";

/// Ends a test whose event never comes.
const GUARD: Duration = Duration::from_secs(120);

/// Asks until something comes of it: a busy machine may need longer than one question may take.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(outcome) = ask().await {
                return outcome;
            }
        }
    };
    match tokio::time::timeout(GUARD, asking).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("{what}: did not happen"),
    }
}

/// What member 1 says about itself, once it says anything.
async fn answered(client: &Client) -> Result<Status, AskError> {
    until("an answer", async || match client.status(&node(1)).await {
        Err(AskError::Unreachable(_) | AskError::Silent(_)) => None,
        answer => Some(answer),
    })
    .await
}

#[tokio::test]
async fn a_node_is_dialed_when_it_is_first_asked_and_again_when_it_was_lost() {
    let genesis = genesis("local-1");
    let server = Server::start(&genesis, 1, ANYWHERE, status);
    let client = client(&genesis, 1, &server.address);
    for _ in 0..3 {
        let status = answered(&client).await.expect("the node is there");
        assert_eq!((status.name.as_str(), status.linked), ("n1", 3));
    }

    let address = server.address.clone();
    server.stop().await;
    let lost = client.status(&node(1)).await.expect_err("the node is gone");
    assert!(
        matches!(lost, AskError::Unreachable(_) | AskError::Silent(_)),
        "{lost}"
    );

    let listen = address
        .split("/p2p/")
        .next()
        .expect("a split has a first part");
    let server = Server::start(&genesis, 1, listen, status);
    let status = answered(&client).await.expect("the node is back");
    assert_eq!(status.node, node(1));
    client.shutdown().await;
    server.stop().await;
}

#[tokio::test]
async fn an_address_that_says_nothing_does_not_hide_the_next() {
    let genesis = genesis("local-1");
    let server = Server::start(&genesis, 1, ANYWHERE, status);
    let silent = TcpListener::bind("127.0.0.1:0").expect("there are free ports");
    let port = silent.local_addr().expect("it listens").port();
    let silent_address = format!("/ip4/127.0.0.1/tcp/{port}");
    let client = client_of(&genesis, 1, &[&silent_address, &server.address]);
    let mut answer = client.status(&node(1)).await;
    // Even on a busy machine it takes less than the silent address would.
    for _ in 0..2 {
        if answer.is_err() {
            answer = client.status(&node(1)).await;
        }
    }
    assert_eq!(answer.expect("the node is there").node, node(1));
}

#[tokio::test]
async fn where_nobody_listens_nobody_is_reached() {
    let genesis = genesis("local-1");
    let server = Server::start(&genesis, 1, ANYWHERE, status);
    let address = server.address.clone();
    server.stop().await;
    let client = client(&genesis, 1, &address);
    let error = client.status(&node(1)).await.expect_err("nobody listens");
    assert!(matches!(error, AskError::Unreachable(_)), "{error}");
    assert!(!error.has_left());
    let error = client
        .transaction(&model::TransactionId::from_bytes([1; 32]))
        .await;
    assert_eq!(
        error.expect_err("nobody listens").class(),
        Class::Unreachable
    );
}

#[tokio::test]
async fn a_node_of_another_network_is_told_apart_by_both_names() {
    let (ours, theirs) = (genesis("local-1"), genesis("local-2"));
    let server = Server::start(&theirs, 1, ANYWHERE, status);
    let client = client(&ours, 1, &server.address);
    let transaction = model::TransactionId::from_bytes([1; 32]);
    let error = until("the word of the node", async || {
        let found = client.transaction(&transaction).await;
        let error = found.expect_err("another network");
        (error.class() != Class::Unreachable).then_some(error)
    })
    .await;
    assert_eq!(error.class(), Class::WrongNetwork);
    let text = error.to_string();
    assert!(text.contains(&ours.network().to_string()), "{text}");
    assert!(text.contains(&theirs.network().to_string()), "{text}");
}

#[tokio::test]
async fn another_node_at_the_address_is_not_asked() {
    let genesis = genesis("local-1");
    let server = Server::start(&genesis, 2, ANYWHERE, status);
    let client = client(&genesis, 1, &server.address);
    let error = client.status(&node(1)).await.expect_err("another node");
    assert!(matches!(error, AskError::Unreachable(_)), "{error}");
}

#[tokio::test]
async fn garbage_is_not_an_answer() {
    let genesis = genesis("local-1");
    let server = Server::start(&genesis, 1, ANYWHERE, |_, _, _| Some(vec![0xff; 100]));
    let client = client(&genesis, 1, &server.address);
    let error = answered(&client).await.expect_err("garbage");
    assert!(matches!(error, AskError::Lying(_)), "{error}");
}

#[tokio::test]
async fn the_status_of_somebody_else_is_not_an_answer() {
    let genesis = genesis("local-1");
    let answer = |genesis: &_, _, request: &[u8]| status(genesis, 2, request);
    let server = Server::start(&genesis, 1, ANYWHERE, answer);
    let client = client(&genesis, 1, &server.address);
    let error = answered(&client).await.expect_err("somebody else");
    assert!(matches!(error, AskError::Lying(_)), "{error}");
}

#[tokio::test]
async fn no_answer_is_told_apart_from_no_node() {
    let genesis = genesis("local-1");
    let server = Server::start(&genesis, 1, ANYWHERE, |_, _, _| None);
    let client = client(&genesis, 1, &server.address);
    let error = until("the silence of the node", async || {
        let error = client.status(&node(1)).await.expect_err("no answer");
        (!matches!(error, AskError::Unreachable(_))).then_some(error)
    })
    .await;
    assert!(matches!(error, AskError::Silent(_)), "{error}");
    assert!(error.has_left());
}

#[test]
fn endpoints_are_found_by_name_and_key() {
    let genesis = genesis("local-1");
    let stranger = model::NodeId::new(model::SecretKey::from_seed([9; 32]).public());
    let endpoint = |name: &str, node| client::NodeEndpoint {
        name: name.to_owned(),
        node,
        address: ANYWHERE.to_owned(),
    };
    let mut endpoints = client::Endpoints {
        genesis: genesis.clone(),
        nodes: vec![endpoint("n1", node(1)), endpoint("n2", node(2))],
    };
    let address = client::Addresses(client::NetworkKind::Local).node(&node(2));
    for text in ["n2", &address, &node(2).to_string()] {
        assert_eq!(endpoints.find(text).expect("it is there"), node(2));
    }
    let error = endpoints.find("n5").expect_err("there is no n5");
    assert_eq!(
        error.to_string(),
        "there is no node `n5`; known nodes are: n1, n2"
    );
    // Members come and go: one that genesis does not name can be asked as well.
    endpoints.nodes.push(endpoint("x", stranger));
    assert_eq!(endpoints.find("x").expect("it is there"), stranger);
}
