//! Which addresses a descriptor may have, and each reason why it may not.

use model::address::{self, BadAddress};
use model::bounds::ADDRESS_BYTES_MAX;
use proptest::prelude::*;

use crate::world::cases;

const PEER: &str = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";

#[track_caller]
fn check(text: &str, expected: Result<(), BadAddress>) {
    assert_eq!(address::check(text), expected, "{text:?}");
}

#[test]
fn a_host_a_transport_and_perhaps_a_peer_are_an_address() {
    for text in [
        "/ip4/192.0.2.7/tcp/9000",
        "/ip4/127.0.0.1/tcp/1",
        "/ip4/192.0.2.7/udp/65535/quic-v1",
        "/ip6/2001:db8::7/tcp/9000",
        "/ip6/::1/udp/9000/quic-v1",
        "/dns/n0.example.org/tcp/9000",
        "/dns4/localhost/tcp/9000",
        "/dns6/xn--bcher-kva.example/udp/443/quic-v1",
    ] {
        check(text, Ok(()));
        check(&format!("{text}/p2p/{PEER}"), Ok(()));
    }
}

#[test]
fn a_host_has_one_spelling_and_can_be_reached() {
    for host in [
        "",
        "ip4/192.0.2.7",
        "//192.0.2.7",
        "/ip4",
        "/ip4/",
        "/ip4/192.0.2.07",
        "/ip4/192.0.2",
        "/ip4/192.0.2.256",
        "/ip4/0.0.0.0",
        "/ip4/2001:db8::7",
        "/ip6/192.0.2.7",
        "/ip6/2001:DB8::7",
        "/ip6/2001:db8:0::7",
        "/ip6/::",
        "/ip6/fe80::1%eth0",
        "/dns/",
        "/dns/Example.org",
        "/dns/example.org.",
        "/dns/-a.example",
        "/dns/a-.example",
        "/dns/a_b.example",
        "/dns/b\u{fc}cher.example",
        "/unix/tmp",
        "/p2p-circuit/x",
    ] {
        check(&format!("{host}/tcp/9000"), Err(BadAddress::Host));
    }
    let label = "a".repeat(63);
    check(&format!("/dns/{label}.org/tcp/9000"), Ok(()));
    check(
        &format!("/dns/{label}a.org/tcp/9000"),
        Err(BadAddress::Host),
    );
    let long = [label.as_str(); 4].join(".");
    check(&format!("/dns/{}/tcp/9000", &long[2..]), Ok(()));
    check(
        &format!("/dns/{}/tcp/9000", &long[1..]),
        Err(BadAddress::Host),
    );
}

#[test]
fn a_transport_has_a_port_and_quic_has_a_version() {
    for transport in [
        "",
        "/",
        "/tcp",
        "/tcp/",
        "/tcp/0",
        "/tcp/09000",
        "/tcp/+9000",
        "/tcp/65536",
        "/tcp/-1",
        "/udp/9000",
        "/udp/9000/quic",
        "/udp/0/quic-v1",
        "/sctp/9000",
    ] {
        let text = format!("/ip4/192.0.2.7{transport}");
        check(&text, Err(BadAddress::Transport));
    }
}

#[test]
fn nothing_but_a_peer_comes_after_it() {
    let zero = PEER.replace('e', "0");
    for end in [
        "/".to_owned(),
        "/ws".to_owned(),
        "/p2p".to_owned(),
        "/p2p/".to_owned(),
        format!("/p2p/{}", &PEER[..51]),
        format!("/p2p/{PEER}1"),
        format!("/p2p/{zero}"),
        format!("/p2p/1{}", &PEER[..51]),
        format!("/p2p/{PEER}/"),
        format!("/p2p/{PEER}/p2p-circuit"),
        format!("/ipfs/{PEER}"),
    ] {
        let text = format!("/ip4/192.0.2.7/tcp/9000{end}");
        check(&text, Err(BadAddress::Peer));
    }
}

#[test]
fn an_address_is_short() {
    let text = format!("/ip4/192.0.2.7/tcp/9000/{}", "x".repeat(ADDRESS_BYTES_MAX));
    let (limit, found) = (ADDRESS_BYTES_MAX, text.len());
    check(&text, Err(BadAddress::TooLong { limit, found }));
}

proptest! {
    #![proptest_config(cases(2_000))]

    /// Whatever is let in can stand on a screen and in a list as it is.
    #[test]
    fn what_is_let_in_is_printable_ascii_without_spaces(
        text in "(/(ip4|ip6|dns|tcp|udp|p2p|quic-v1|[ -~]{0,4}))?/[ -~]{0,12}(/tcp/[0-9]{0,6})?.{0,3}",
    ) {
        if address::check(&text).is_ok() {
            prop_assert!(text.bytes().all(|byte| (b'!'..=b'~').contains(&byte)), "{text:?}");
            prop_assert!(text.starts_with('/') && !text.ends_with('/'));
        }
    }
}

#[test]
fn an_address_that_means_something_else_elsewhere_is_not_global() {
    let is_global = |host: &str| {
        let text = format!("{host}/tcp/9000");
        assert_eq!(address::check(&text), Ok(()), "{text}");
        address::is_global(&text)
    };
    for host in [
        "/ip4/10.0.0.1",
        "/ip4/172.16.0.1",
        "/ip4/192.168.1.1",
        "/ip4/127.0.0.1",
        "/ip4/169.254.1.1",
        "/ip4/100.64.0.1",
        "/ip4/192.0.0.8",
        "/ip4/192.0.2.7",
        "/ip4/198.18.0.1",
        "/ip4/0.1.2.3",
        "/ip4/224.0.0.1",
        "/ip4/255.255.255.255",
        "/ip6/::1",
        "/ip6/fe80::1",
        "/ip6/fd00::1",
        "/ip6/ff02::1",
        "/ip6/2001:db8::1",
        "/dns/localhost",
        "/dns4/printer",
        "/dns6/printer.local",
    ] {
        assert!(!is_global(host), "{host}");
    }
    for host in [
        "/ip4/8.8.8.8",
        "/ip4/100.128.0.1",
        "/ip4/172.32.0.1",
        "/ip4/198.20.0.1",
        "/ip6/2a00::1",
        "/dns/n0.example.org",
    ] {
        assert!(is_global(host), "{host}");
    }
    assert!(!address::is_global("anything"));
}
