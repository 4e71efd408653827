//! Which addresses are told where.

use super::*;

#[track_caller]
fn check(addresses: &[&str], reach: Reach, expected: bool) {
    for text in addresses {
        let address = text.parse().expect("an address");
        assert_eq!(reach.admits(&address), expected, "{reach:?} {text}");
    }
}

const GLOBAL: &[&str] = &[
    "/ip4/8.8.8.8/tcp/1",
    "/ip4/100.63.0.1/tcp/1",
    "/ip4/172.32.0.1/tcp/1",
    "/ip4/223.255.255.255/tcp/1",
    "/ip6/2606:4700::1/tcp/1",
    "/ip6/2001:200::1/tcp/1",
    "/ip6/::ffff:8.8.8.8/tcp/1",
];

const PRIVATE: &[&str] = &[
    "/ip4/127.0.0.1/tcp/1",
    "/ip4/10.1.2.3/tcp/1",
    "/ip4/172.31.0.1/tcp/1",
    "/ip4/192.168.0.1/tcp/1",
    "/ip4/169.254.1.1/tcp/1",
    "/ip4/100.64.0.1/tcp/1",
    "/ip4/192.0.2.1/tcp/1",
    "/ip6/::1/tcp/1",
    "/ip6/fe80::1/tcp/1",
    "/ip6/fd00::1/tcp/1",
    "/ip6/2001:db8::1/tcp/1",
    "/ip6/::ffff:10.0.0.1/tcp/1",
];

const NOWHERE: &[&str] = &[
    "/ip4/0.0.0.0/tcp/1",
    "/ip4/224.0.0.1/tcp/1",
    "/ip6/::/tcp/1",
    "/ip6/ff02::1/tcp/1",
    "/dns4/example.org/tcp/1",
    "/memory/1",
];

#[test]
fn addresses_that_lead_to_one_place_from_everywhere_are_told_everywhere() {
    check(GLOBAL, Reach::Global, true);
    check(GLOBAL, Reach::Local, true);
}

#[test]
fn addresses_of_one_site_are_told_within_it_alone() {
    check(PRIVATE, Reach::Global, false);
    check(PRIVATE, Reach::Local, true);
}

#[test]
fn addresses_that_nobody_can_dial_are_told_nowhere() {
    check(NOWHERE, Reach::Global, false);
    check(NOWHERE, Reach::Local, false);
}
