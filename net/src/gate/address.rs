//! How many connections each host has, and how fast it makes new ones.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use super::Full;
use crate::bounds::{HOST_OUTCASTS_MAX, Limits};

/// Hosts that are remembered. Beyond it the ones without connections are forgotten, and with them
/// how fast they knocked: whoever has this many addresses is not slowed down by a rate.
const HOSTS_MAX: usize = 4096;

/// The time over which new connections are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// Where a connection comes from, as far as limits go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Host {
    /// An address of this machine, which may have no limit.
    Loopback(u64),
    /// An IPv4 address, or the first 64 bits of an IPv6 address: the smallest network that one
    /// customer gets.
    Network(u64),
    /// No IP address at all. Transports that have none are not in use, so all share one count.
    Unknown,
}

impl Host {
    /// The host of an address that a connection came from.
    pub(super) fn of(address: &Multiaddr) -> Self {
        let ip = match address.iter().next() {
            Some(Protocol::Ip4(ip)) => IpAddr::V4(ip),
            Some(Protocol::Ip6(ip)) => ip.to_canonical(),
            _ => return Self::Unknown,
        };
        let network = match ip {
            IpAddr::V4(ip) => u64::from(ip.to_bits()),
            // No unicast IPv6 address begins with 32 zero bits, so the two do not meet.
            IpAddr::V6(ip) => (ip.to_bits() >> 64) as u64,
        };
        if ip.is_loopback() {
            Self::Loopback(network)
        } else {
            Self::Network(network)
        }
    }
}

#[derive(Debug)]
struct Presence {
    pending: usize,
    established: usize,
    window_began: Instant,
    knocks: u32,
    /// Peers that were thrown out, and since when they are counted.
    outcasts: u32,
    outcasts_since: Instant,
    banned_until: Option<Instant>,
}

/// The presence of all hosts.
#[derive(Debug, Default)]
pub(super) struct Addresses(BTreeMap<Host, Presence>);

impl Addresses {
    /// A connection arrives.
    ///
    /// # Errors
    ///
    /// If the host already has too many, or makes them too fast.
    pub(super) fn knock(&mut self, host: Host, limits: &Limits, now: Instant) -> Result<(), Full> {
        if self.0.len() >= HOSTS_MAX {
            self.0
                .retain(|_, presence| !presence.is_absent() || presence.is_banned(now));
        }
        if self.0.len() >= HOSTS_MAX {
            self.0.retain(|_, presence| !presence.is_absent());
        }
        let presence = self.0.entry(host).or_insert(Presence::new(now));
        if !(limits.exempt_loopback && matches!(host, Host::Loopback(_))) {
            presence.check(limits, now)?;
        }
        presence.pending += 1;
        Ok(())
    }

    /// The handshake of a connection that knocked is complete.
    pub(super) fn established(&mut self, host: Host) {
        if let Some(presence) = self.0.get_mut(&host) {
            presence.pending -= 1;
            presence.established += 1;
        }
    }

    /// The handshake of a connection that knocked has failed.
    pub(super) fn failed(&mut self, host: Host) {
        if let Some(presence) = self.0.get_mut(&host) {
            presence.pending -= 1;
        }
    }

    /// A peer of the host was thrown out. With too many of them in the time that it takes to forgive, the
    /// host is banned.
    pub(super) fn cast_out(&mut self, host: Host, limits: &Limits, now: Instant) {
        let Some(presence) = self.0.get_mut(&host) else {
            return;
        };
        if now.duration_since(presence.outcasts_since) >= limits.forgiveness {
            presence.outcasts_since = now;
            presence.outcasts = 0;
        }
        presence.outcasts += 1;
        if presence.outcasts >= HOST_OUTCASTS_MAX {
            presence.outcasts = 0;
            presence.banned_until = Some(now + limits.ban);
        }
    }

    /// An established connection counts again: it is a member's no longer.
    pub(super) fn came(&mut self, host: Host) {
        let presence = self.0.entry(host).or_insert(Presence::new(Instant::now()));
        presence.established += 1;
    }

    /// An established connection is closed, or counts no longer.
    pub(super) fn left(&mut self, host: Host) {
        if let Some(presence) = self.0.get_mut(&host) {
            presence.established -= 1;
        }
    }
}

impl Presence {
    const fn new(now: Instant) -> Self {
        Self {
            pending: 0,
            established: 0,
            window_began: now,
            knocks: 0,
            outcasts: 0,
            outcasts_since: now,
            banned_until: None,
        }
    }

    /// Whether nothing but its rate is known of the host.
    fn is_absent(&self) -> bool {
        self.pending == 0 && self.established == 0
    }

    fn is_banned(&self, now: Instant) -> bool {
        self.banned_until.is_some_and(|until| now < until)
    }

    fn check(&mut self, limits: &Limits, now: Instant) -> Result<(), Full> {
        if self.is_banned(now) {
            return Err(Full::Banned);
        }
        if now.duration_since(self.window_began) >= WINDOW {
            self.window_began = now;
            self.knocks = 0;
        }
        if self.knocks >= limits.per_ip_per_minute {
            return Err(Full::AddressRate);
        }
        // A knock that is refused for another reason counts too, or refusals would cost nothing.
        self.knocks += 1;
        if self.pending >= limits.per_ip_pending {
            return Err(Full::AddressPending);
        }
        if self.established >= limits.per_ip {
            return Err(Full::AddressEstablished);
        }
        Ok(())
    }
}
