//! How peers have behaved, and what comes of it.
//!
//! Each offence costs points, and half of them are forgiven in some minutes. Whoever has too few left is
//! disconnected, and then banned: for an hour, and for twice as long each time. Only guests are: a
//! member or a neighbour has its place by the ledger, and it is the ledger that takes it away.
//!
//! The table decides and does nothing: it has no clock.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::PeerId;
use model::NodeId;
use tokio::sync::mpsc;

use crate::bounds::{CONDUCT_MAX, Limits};
use crate::identity::PeerName;

/// What a peer has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Offence {
    /// It did not finish what it had begun in time.
    Slow,
    /// It went on asking after it was told to wait, or sent what nobody asked for.
    Deaf,
    /// Its answer was none.
    BadAnswer,
    /// It passed on gossip that it could have known to be false.
    FalseGossip,
    /// It said what no peer says: bytes that cannot be read, or more than it had announced.
    Malformed,
    /// It sent more than its protocol allows.
    Oversize,
    /// It is of another network.
    WrongNetwork,
    /// A signature of its own does not verify.
    Forged,
}

impl Offence {
    /// What it costs, of the hundred points that everybody has.
    const fn points(self) -> f64 {
        match self {
            Self::Slow => 1.0,
            Self::Deaf => 5.0,
            Self::BadAnswer | Self::FalseGossip => 10.0,
            Self::Malformed | Self::Oversize => 20.0,
            // Twice is a ban.
            Self::WrongNetwork => 30.0,
            Self::Forged => 100.0,
        }
    }
}

/// Where offences are reported to. It never waits: what nobody has time to judge is let pass.
#[derive(Clone, Debug)]
pub(crate) struct Reporter(pub(crate) mpsc::Sender<(PeerId, Offence)>);

impl Reporter {
    /// Reports what a peer has done.
    pub(crate) fn report(&self, peer: PeerId, offence: Offence) {
        let _ = self.0.try_send((peer, offence));
    }
}

/// At this many points a guest is disconnected, whenever it loses more.
const DISCONNECT: f64 = 20.0;

/// At this many points a guest is banned.
const BAN: f64 = 50.0;

/// The most points that there are to lose.
const ALL: f64 = 100.0;

/// How a guest has behaved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerConduct {
    /// The peer.
    pub peer: PeerName,
    /// The node that it spoke for, if it did.
    pub node: Option<NodeId>,
    /// What is left of the hundred points that everybody begins with.
    pub points: u8,
    /// For how long it may not connect, if it may not.
    pub banned: Option<Duration>,
    /// How often it has been banned.
    pub bans: u32,
}

/// What comes of an offence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing yet.
    Tolerated,
    /// The peer is disconnected and may come again.
    Disconnected,
    /// The peer is disconnected and may not come for so long.
    Banned(Duration),
}

/// See [the module](self).
#[derive(Debug)]
pub(crate) struct Conduct {
    half_life: Duration,
    ban: Duration,
    ban_max: Duration,
    records: BTreeMap<PeerId, Record>,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    /// The node that the peer spoke for.
    node: Option<NodeId>,
    /// Points lost, at the time.
    lost: f64,
    at: Instant,
    bans: u32,
    banned_until: Option<Instant>,
}

impl Conduct {
    /// Nobody has done anything.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            half_life: limits.forgiveness,
            ban: limits.ban,
            ban_max: limits.ban_max,
            records: BTreeMap::new(),
        }
    }

    /// A guest has done something, in the name of a node if it has one.
    pub(crate) fn report(
        &mut self,
        peer: PeerId,
        node: Option<NodeId>,
        offence: Offence,
        now: Instant,
    ) -> Verdict {
        self.make_room(&peer, now);
        let half_life = self.half_life;
        let record = self.records.entry(peer).or_insert(Record {
            node,
            lost: 0.0,
            at: now,
            bans: 0,
            banned_until: None,
        });
        record.lost = (record.lost_by(now, half_life) + offence.points()).min(ALL);
        record.at = now;
        record.node = node.or(record.node);
        if record.lost < DISCONNECT {
            return Verdict::Tolerated;
        }
        if record.lost < BAN {
            return Verdict::Disconnected;
        }
        let doubled = 1_u32.checked_shl(record.bans).unwrap_or(u32::MAX);
        let time = self.ban.saturating_mul(doubled).min(self.ban_max);
        record.bans = record.bans.saturating_add(1);
        record.banned_until = Some(now + time);
        Verdict::Banned(time)
    }

    /// Whether a peer may not connect now.
    pub(crate) fn is_banned(&self, peer: &PeerId, now: Instant) -> bool {
        let record = self.records.get(peer);
        record.is_some_and(|record| record.is_banned(now))
    }

    /// How everybody has behaved of whom anything is remembered.
    pub(crate) fn list(&self, now: Instant) -> Vec<PeerConduct> {
        let tell = |(peer, record): (&PeerId, &Record)| PeerConduct {
            peer: PeerName(*peer),
            node: record.node,
            points: (ALL - record.lost_by(now, self.half_life)).round() as u8,
            banned: record
                .banned_until
                .and_then(|until| until.checked_duration_since(now))
                .filter(|left| !left.is_zero()),
            bans: record.bans,
        };
        self.records.iter().map(tell).collect()
    }

    /// Forgives everything that was done in the name of a node: it has gained a place.
    pub(crate) fn pardon(&mut self, node: &NodeId) {
        self.records.retain(|_, record| record.node != Some(*node));
    }

    /// Keeps the table within its bound: first those go that are not banned, with the least to
    /// answer for.
    fn make_room(&mut self, peer: &PeerId, now: Instant) {
        if self.records.len() < CONDUCT_MAX || self.records.contains_key(peer) {
            return;
        }
        let half_life = self.half_life;
        let guilt = |record: &Record| (record.is_banned(now), record.lost_by(now, half_life));
        let least = self.records.iter().min_by(|(_, one), (_, other)| {
            let (one, other) = (guilt(one), guilt(other));
            one.0.cmp(&other.0).then(one.1.total_cmp(&other.1))
        });
        if let Some((least, _)) = least {
            let least = *least;
            self.records.remove(&least);
        }
    }
}

impl Record {
    fn is_banned(&self, now: Instant) -> bool {
        self.banned_until.is_some_and(|until| now < until)
    }

    /// The points that are not forgiven yet.
    fn lost_by(&self, now: Instant, half_life: Duration) -> f64 {
        let age = now.duration_since(self.at).as_secs_f64();
        self.lost * 0.5_f64.powf(age / half_life.as_secs_f64())
    }
}
