//! A node says whom it is connected with, and whom it misses.

use model::api::{PeerDirection, PeerList, PeerRow, Request, Response};
use model::shard::Seat;
use net::PeerName;

use crate::network::{MEMBERS, Network, SHARD, Wallet, wait_for};

fn peers(wallet: &Wallet, peer: PeerName) -> PeerList {
    match wallet.ask(peer, &Request::Peers) {
        Response::Peers(list) => list,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_node_lists_members_guests_wallets_and_those_it_misses() {
    let mut network = Network::with_guests(1).all_started();
    let wallet = Wallet::new(&network);
    let first = wallet.connect(network.address(0));
    // There may be two connections with one node, of which one carries the link.
    let linked = |row: &&PeerRow| row.connection.as_ref().is_some_and(|c| c.linked);
    let list = wait_for("all are there", || {
        let list = peers(&wallet, first);
        let guest = network.key(MEMBERS).node();
        let met = list.rows.iter().any(|row| row.node == Some(guest));
        (list.rows.iter().filter(linked).count() == MEMBERS - 1 && met).then_some(list)
    });
    let seats = list.rows.iter().filter(linked).map(|row| row.seat);
    let others: Vec<_> = (1..MEMBERS)
        .map(|seat| Seat::new(seat).map(|seat| (SHARD, seat)))
        .collect();
    assert_eq!(seats.collect::<Vec<_>>(), others);
    assert!(list.listens[0].starts_with(network.address(0)), "{list:?}");
    assert_eq!(list.announces, list.listens);
    assert_eq!((list.left_out, list.banned.len()), (0, 0));
    let own = list.rows.last().expect("the wallet is the last one");
    assert_eq!((own.node, own.seat), (None, None));
    let connection = own.connection.as_ref().expect("it asks");
    assert_eq!(connection.agent, "test-wallet/1");
    assert_eq!(connection.direction, PeerDirection::Inbound);
    assert_eq!(connection.conduct, 100);

    // A node without a seat says it as well.
    let waiting = wallet.connect(network.address(MEMBERS));
    assert!(!peers(&wallet, waiting).rows.is_empty());

    network.stop(3);
    let gone = Some(network.key(3).node());
    wait_for("a member that is gone is missed", || {
        let rows = peers(&wallet, first).rows;
        let row = rows.into_iter().find(|row| row.node == gone)?;
        (row.connection.is_none() && row.seat.is_some()).then_some(())
    });
}
