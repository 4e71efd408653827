//! Clients that spend what is not there.
//!
//! A transaction that uses an object which is not active here will most likely be aborted. That is a
//! decision like any other: it takes its place in a block, every member works on it, and its sender pays
//! nothing. So before its signatures are looked at, it is looked whether what it uses is there, and of
//! those for which it is not only so many are taken: of one client, and of all together. The others are told
//! to try again, because this node may just be behind. A client that goes on regardless is reported.
//!
//! What lives in other shards is for those to know. A transaction that uses nothing of this shard, and makes
//! something here, is as doubtful: who pays nothing for it would lock nothing either. Those shards tell
//! of it when they have voted, so nobody needs to be believed. Clients that pay have more room.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Instant;

use model::{ShardId, Transaction};
use net::PeerName;

/// Doubtful transactions of one client that are borne with. A client that follows one node and submits to
/// another that is a block behind has some, and loses nothing but time.
const OF_ONE: Allowance = Allowance {
    burst: 100.0,
    per_second: 20.0,
};

/// Likewise of one client that pays: what a shard can decide, or nearly so. Whoever goes too far has something
/// aborted and pays no more.
const OF_PAYER: Allowance = Allowance {
    burst: 2_000.0,
    per_second: 1_000.0,
};

/// Doubtful transactions that are taken of all clients together that do not pay. Each is decided by all members,
/// perhaps of several shards, and every node takes so many: a hundredth of what a shard can decide.
const OF_ALL: Allowance = Allowance {
    burst: 32.0,
    per_second: 8.0,
};

/// How many more of one client are refused until it is reported once.
const REPORT_EACH: u32 = 32;

/// Clients of whom it is remembered what they had.
const CLIENTS_MAX: usize = 1_024;

/// So many at once, and so many each second.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    burst: f64,
    per_second: f64,
}

/// What is left of an allowance.
#[derive(Clone, Copy, Debug)]
struct Rest {
    left: f64,
    at: Instant,
}

impl Allowance {
    const fn full(self, now: Instant) -> Rest {
        Rest {
            left: self.burst,
            at: now,
        }
    }

    /// Takes one, if there is one.
    fn take(self, rest: &mut Rest, now: Instant) -> bool {
        let gained = now.duration_since(rest.at).as_secs_f64() * self.per_second;
        rest.left = (rest.left + gained).min(self.burst);
        rest.at = now;
        let granted = rest.left >= 1.0;
        if granted {
            rest.left -= 1.0;
        }
        granted
    }
}

/// What is to become of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubtful {
    /// It is taken.
    Taken,
    /// There is no room for it now.
    Refused,
    /// Likewise, and its client has been told so often enough.
    Reported,
}

/// See [the module](self).
pub(super) struct Doubt {
    all: Rest,
    each: HashMap<PeerName, Asked>,
}

/// What a client has asked for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    rest: Rest,
    /// What it has beyond that because it pays.
    paid: Rest,
    /// How many were refused.
    refused: u32,
}

impl Doubt {
    /// Nobody has had anything.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            all: OF_ALL.full(now),
            each: HashMap::new(),
        }
    }

    /// A client submits a doubtful transaction.
    pub(super) fn consider(&mut self, client: PeerName, pays: bool, now: Instant) -> Doubtful {
        if self.each.len() >= CLIENTS_MAX && !self.each.contains_key(&client) {
            // They begin anew. What all have together does not.
            self.each.clear();
        }
        let asked = self.each.entry(client).or_insert_with(|| Asked {
            rest: OF_ONE.full(now),
            paid: OF_PAYER.full(now),
            refused: 0,
        });
        if pays && OF_PAYER.take(&mut asked.paid, now) {
            return Doubtful::Taken;
        }
        if !OF_ONE.take(&mut asked.rest, now) {
            asked.refused += 1;
            return match asked.refused.is_multiple_of(REPORT_EACH) {
                true => Doubtful::Reported,
                false => Doubtful::Refused,
            };
        }
        match OF_ALL.take(&mut self.all, now) {
            true => Doubtful::Taken,
            false => Doubtful::Refused,
        }
    }
}

/// How a transaction stands to what is in a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cover {
    /// What it uses here is there.
    Full,
    /// It uses nothing here.
    Elsewhere,
    /// Something that it uses here is not there.
    Lacking,
}

/// How a transaction stands to what is in a shard. Its form has not been checked, and need not have been: one
/// that hides what it uses is malformed.
pub(super) fn cover(
    transaction: &Transaction,
    shard: ShardId,
    is_active: impl Fn(&model::ObjectId) -> bool,
) -> Cover {
    let used = transaction.openings.iter();
    let mut here = used.filter(|object| object.home == shard).peekable();
    if here.peek().is_none() {
        return Cover::Elsewhere;
    }
    match here.all(|object| is_active(&object.id())) {
        true => Cover::Full,
        false => Cover::Lacking,
    }
}
