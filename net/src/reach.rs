//! Which addresses are worth telling others.
//!
//! An address such as `10.0.0.7` leads somewhere else in every house. On an open network it is useless
//! at best, and at worst it makes strangers dial machines that were never meant to be dialed. A test
//! network on one machine or one site has no other addresses.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol as Part;

/// From where an address must lead to the same place to be worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// From everywhere: only global unicast addresses count.
    Global,
    /// From wherever this network is: private addresses and loopback count too.
    Local,
}

impl Reach {
    /// Whether an address is worth telling. One without an IP address never is: nobody could dial it.
    pub(crate) fn admits(self, address: &Multiaddr) -> bool {
        let ip = match address.iter().next() {
            Some(Part::Ip4(ip)) => IpAddr::V4(ip),
            Some(Part::Ip6(ip)) => ip.to_canonical(),
            _ => return false,
        };
        match self {
            Self::Global => is_global(ip),
            Self::Local => !ip.is_unspecified() && !ip.is_multicast(),
        }
    }
}

fn is_global(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_global_v4(ip),
        IpAddr::V6(ip) => is_global_v6(ip),
    }
}

/// Follows IANA's registry of special addresses.
fn is_global_v4(ip: Ipv4Addr) -> bool {
    let special = match ip.octets() {
        // This network, loopback, private, multicast, and reserved for ever.
        [0 | 10 | 127 | 224..=255, ..] => true,
        // Shared by a provider's customers.
        [100, 64..=127, ..] => true,
        [169, 254, ..] | [172, 16..=31, ..] | [192, 168, ..] => true,
        // Protocols and documentation.
        [192, 0, 0 | 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        // Benchmarks.
        [198, 18 | 19, ..] => true,
        _ => false,
    };
    !special
}

/// Only `2000::/3` is handed out; within it `2001::/23` is for protocols, and two blocks are for
/// documentation.
fn is_global_v6(ip: Ipv6Addr) -> bool {
    let special = match ip.segments() {
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => true,
        [first, ..] => first & 0xe000 != 0x2000,
    };
    !special
}
