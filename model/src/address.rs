//! The addresses that the ledger takes for nodes: the part of the multiaddress format that has one
//! spelling for everything it can say.
//!
//! All nodes of the shard that keeps descriptors must agree on whether an address may stand in one, so
//! the syntax is small and complete here, and depends on no library for networks. Whether anybody
//! answers at an address is another question, which no checker can ask.
//!
//! ```text
//! /ip4/192.0.2.7/tcp/9000      /dns/n0.example.org/udp/9000/quic-v1/p2p/12D3KooW...
//! ```

use core::fmt::Display;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use crate::bounds;

/// Characters of the name of a peer: the base 58 form of an Ed25519 key, which is what nodes have.
const PEER_CHARS: usize = 52;

/// What the name of a peer with an Ed25519 key begins with.
const PEER_PREFIX: &str = "12D3KooW";

/// Bytes in a name of the DNS, and in one label of it.
const DNS_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// Why a text is not the address of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// Longer than [`bounds::ADDRESS_BYTES_MAX`].
    #[error("an address has {limit} bytes at most, this one has {found}")]
    TooLong {
        /// The limit.
        limit: usize,
        /// The bytes it has.
        found: usize,
    },
    /// It does not begin with a host that can be reached, in its shortest spelling.
    #[error(
        "an address begins with /ip4, /ip6, /dns, /dns4 or /dns6 and a host in its usual spelling"
    )]
    Host,
    /// After the host there is no transport, or no port.
    #[error("after the host of an address comes /tcp and a port, or /udp, a port and /quic-v1")]
    Transport,
    /// What follows is not the name of a peer, or not the end.
    #[error("an address ends there, or with /p2p and the name of a peer")]
    Peer,
}

/// Checks that `text` is an address that a descriptor may have.
///
/// # Errors
///
/// [`BadAddress`] says what is wrong with it.
pub fn check(text: &str) -> Result<(), BadAddress> {
    let (limit, found) = (bounds::ADDRESS_BYTES_MAX, text.len());
    if found > limit {
        return Err(BadAddress::TooLong { limit, found });
    }
    let mut parts = text.split('/');
    let host = match (parts.next(), parts.next(), parts.next()) {
        (Some(""), Some(kind), Some(host)) => is_host(kind, host),
        _ => false,
    };
    holds(host, BadAddress::Host)?;
    let transport = match (parts.next(), parts.next()) {
        (Some("tcp"), Some(port)) => is_port(port),
        (Some("udp"), Some(port)) => is_port(port) && parts.next() == Some("quic-v1"),
        _ => false,
    };
    holds(transport, BadAddress::Transport)?;
    let end = match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => true,
        (Some("p2p"), Some(name), None) => is_peer(name),
        _ => false,
    };
    holds(end, BadAddress::Peer)
}

/// Whether nodes elsewhere on the internet can try an address that [`check`] accepts: its host is not
/// one that means something else, or nothing, on another network.
#[must_use]
pub fn is_global(text: &str) -> bool {
    let mut parts = text.split('/').skip(1);
    let (Some(kind), Some(host)) = (parts.next(), parts.next()) else {
        return false;
    };
    match kind {
        "ip4" => exactly::<Ipv4Addr>(host).is_some_and(is_global_4),
        "ip6" => exactly::<Ipv6Addr>(host).is_some_and(is_global_6),
        _ => {
            let last = host.rsplit('.').next();
            host.contains('.') && !matches!(last, Some("local" | "localhost" | "internal"))
        }
    }
}

/// The blocks that are set aside are those of RFC 6890.
const fn is_global_4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let aside = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || a == 0
        || a >= 224
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && b & 0xfe == 18);
    !aside
}

/// Global unicast is 2000::/3; of it 2001:db8::/32 is for documentation.
fn is_global_6(ip: Ipv6Addr) -> bool {
    let [first, second, ..] = ip.segments();
    first & 0xe000 == 0x2000 && (first, second) != (0x2001, 0x0db8)
}

fn is_host(kind: &str, host: &str) -> bool {
    match kind {
        "ip4" => exactly::<Ipv4Addr>(host).is_some_and(|ip| !ip.is_unspecified()),
        "ip6" => exactly::<Ipv6Addr>(host).is_some_and(|ip| !ip.is_unspecified()),
        "dns" | "dns4" | "dns6" => host.len() <= DNS_BYTES_MAX && host.split('.').all(is_label),
        _ => false,
    }
}

fn is_label(label: &str) -> bool {
    let ends = label.starts_with('-') || label.ends_with('-');
    let letters = label
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    (1..=LABEL_BYTES_MAX).contains(&label.len()) && letters && !ends
}

fn is_port(port: &str) -> bool {
    exactly::<u16>(port).is_some_and(|port| port != 0)
}

fn is_peer(name: &str) -> bool {
    let base58 = |byte: u8| byte.is_ascii_alphanumeric() && !b"0OIl".contains(&byte);
    name.len() == PEER_CHARS && name.starts_with(PEER_PREFIX) && name.bytes().all(base58)
}

/// The value that `text` is the usual spelling of.
fn exactly<T: FromStr + Display>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    (value.to_string() == text).then_some(value)
}

fn holds(rule: bool, otherwise: BadAddress) -> Result<(), BadAddress> {
    rule.then_some(()).ok_or(otherwise)
}
