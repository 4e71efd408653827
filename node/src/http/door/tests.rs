//! Who gets in, and who does not get in the way.

use std::net::Ipv4Addr;

use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use super::*;

/// A door that is served on this machine: its address.
fn serve() -> SocketAddr {
    let door = bind((Ipv4Addr::LOCALHOST, 0).into()).expect("there is a port");
    let address = door.address();
    let router = Router::new().route("/livez", get(|| async { "yes" }));
    tokio::spawn(async move { door.let_in(&router).await });
    address
}

/// A connection from an address of this machine that says nothing yet.
async fn come(from: Ipv4Addr, door: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("there are sockets");
    socket.bind((from, 0).into()).expect("the address is ours");
    socket.connect(door).await.expect("the door is there")
}

/// Asks whether the node lives. What comes back: nothing if there was no room.
async fn ask(stream: &mut TcpStream) -> String {
    let request = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut answer = Vec::new();
    // Whoever is turned away may notice it here or there.
    if stream.write_all(request).await.is_ok() {
        let _ = stream.read_to_end(&mut answer).await;
    }
    String::from_utf8(answer).expect("it is text")
}

#[tokio::test]
async fn silent_connections_of_one_address_leave_room_for_others() {
    let door = serve();
    let mut silent = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        silent.push(come(Ipv4Addr::new(127, 0, 0, 2), door).await);
    }
    let answer = ask(&mut come(Ipv4Addr::LOCALHOST, door).await).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // The first few of them are inside, and the others have been turned away.
    assert_eq!(ask(&mut silent[OF_ONE_MAX]).await, "");
}

#[test]
fn many_addresses_leave_room_for_this_machine() {
    let room = Arc::new(Room::default());
    let stranger = |number: u8| IpAddr::from([192, 0, 2, number]);
    let strangers = (0..=u8::MAX).map_while(|number| room.place(stranger(number)));
    let strangers: Vec<Place> = strangers.collect();
    assert_eq!(strangers.len(), CONNECTIONS_MAX - OF_THIS_MACHINE);
    let here = |last: u8| IpAddr::from([127, 0, 0, last]);
    let ours = (1..=u8::MAX).map_while(|last| room.place(here(last)));
    let ours: Vec<Place> = ours.collect();
    assert_eq!(ours.len(), OF_THIS_MACHINE);
    drop((strangers, ours));
    assert!(room.inside().is_empty());
}

#[test]
fn one_address_has_few_places_however_it_is_written() {
    let room = Arc::new(Room::default());
    let plain = Ipv4Addr::new(192, 0, 2, 1);
    let mapped = IpAddr::from(plain.to_ipv6_mapped());
    let mut inside: Vec<Place> = (0..OF_ONE_MAX)
        .map(|_| room.place(mapped).expect("there is room"))
        .collect();
    assert!(room.place(plain.into()).is_none());
    inside.pop();
    assert!(room.place(plain.into()).is_some());
}
