use super::*;
use crate::applicant::tests::config;
use crate::testing::genesis;

const GLOBAL: &str = "/ip4/8.8.8.8/tcp/4700";
const PRIVATE: &str = "/ip4/10.0.0.7/tcp/4700";
const LOOPBACK: &str = "/ip4/127.0.0.1/tcp/4700";
const EVERYWHERE: &str = "/ip4/0.0.0.0/tcp/4700";

#[track_caller]
fn check(listed: &[&str], bootnodes: &[&str], listen: &[&str], expected: bool) {
    let texts = |all: &[&str]| all.iter().map(|&one| one.to_owned()).collect::<Vec<_>>();
    let mut genesis = genesis();
    genesis.shards[0].members[1].addresses = texts(listed);
    let config = Config {
        bootnodes: texts(bootnodes),
        listen: texts(listen),
        ..config(&[])
    };
    let decided = AnnouncePrivate::Auto.decide(&genesis, &config);
    assert_eq!(decided, expected, "{listed:?} {bootnodes:?} {listen:?}");
    assert!(AnnouncePrivate::Yes.decide(&genesis, &config));
    assert!(!AnnouncePrivate::No.decide(&genesis, &config));
}

#[test]
fn others_are_told_what_the_network_can_tell() {
    let given = [
        "/dns/a.example.org/tcp/1",
        "/ip4/8.8.8.8/udp/1/quic-v1",
        "/ip4/8.8.8.8/tcp/1/p2p/12D3KooWExample",
        "/ip6/2001:db8::1/tcp/1",
    ];
    let config = Config {
        external_addresses: given.map(str::to_owned).to_vec(),
        ..config(&[])
    };
    let told = ["/ip4/8.8.8.8/tcp/1", "/ip6/2001:db8::1/tcp/1"];
    assert_eq!(external(&config), told);
}

#[test]
fn the_network_file_decides_then_the_bootnodes_then_where_the_node_listens() {
    check(&[PRIVATE, LOOPBACK], &[GLOBAL], &[EVERYWHERE], true);
    check(&[PRIVATE, GLOBAL], &[PRIVATE], &[LOOPBACK], false);
    check(&["/dns/a.example.org/tcp/1"], &[], &[LOOPBACK], false);
    check(&[], &[PRIVATE], &[EVERYWHERE], true);
    check(&[], &[PRIVATE, GLOBAL], &[LOOPBACK], false);
    check(&[], &[], &[LOOPBACK, PRIVATE], true);
    check(&[], &[], &[LOOPBACK, EVERYWHERE], false);
    check(&[], &[], &["/ip6/::/tcp/4700"], false);
    check(&[], &[], &["/ip6/::1/tcp/4700"], true);
    check(&[], &[], &[], false);
}
