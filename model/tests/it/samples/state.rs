//! The pieces of a state, of each kind one.

use model::membership::ShardRecord;
use model::state::{DecidedRecord, ForeignRecord, Piece, Role, SessionRecord, StageRecord};
use model::{
    AbortReason, Epoch, Hash, Height, Promise, Time, Trace, Transaction, TransactionId, Verdict,
};

use super::{Sample, promises, sample};
use crate::membership::record;
use crate::world::{OPEN, created, output, shard, thing, trace, transaction};

/// What a shard remembers of transactions that have ended.
pub(super) fn decided() -> Piece {
    let roles = [
        Role::Alone,
        Role::Voter,
        Role::Decider,
        Role::Peer { commit: true },
        Role::Refuser { decider: shard(3) },
    ];
    let record = |(number, role): (u8, Role)| DecidedRecord {
        transaction: TransactionId::from_bytes([number; 32]),
        valid_until: Time::from_ms(9_000),
        height: Height::new(u64::from(number)),
        committed: number % 2 == 0,
        role,
        answered: Time::from_ms(5_000),
    };
    Piece::Decided((1..).zip(roles).map(record).collect())
}

fn objects() -> Piece {
    let mut objects = vec![thing(OPEN, 0, 1), thing(OPEN, 1, 1)];
    objects.sort_by_key(model::Object::id);
    Piece::Objects(objects)
}

/// A transaction that makes an object of another one, with what it makes.
fn change() -> (Transaction, Trace) {
    let old = thing(OPEN, 0, 1);
    let trace = Trace {
        outputs: vec![output(1, 7)],
        ..trace(&[&old], 0)
    };
    (
        transaction(std::slice::from_ref(&trace), &[old], &[1]),
        trace,
    )
}

/// A transaction at each stage that it can be at.
fn sessions() -> Piece {
    let (transaction, trace) = change();
    let vote = promises::parcel(1, 4, Promise::Prepared(Verdict::Commit));
    let votes = vec![(shard(1), Some(vote)), (shard(2), None)];
    let refused = Verdict::Abort(AbortReason::Refused { shard: shard(2) });
    let stages = [
        StageRecord::Prepared {
            consumed: vec![thing(OPEN, 0, 1).id()],
            referenced: vec![thing(OPEN, 1, 1).id()],
            created: created(&trace),
            votes: vec![shard(2)],
        },
        StageRecord::Open(votes.clone()),
        StageRecord::Decided {
            verdict: refused,
            votes,
            waiting: vec![shard(1), shard(2)],
        },
    ];
    let session = |(number, stage): (u64, StageRecord)| SessionRecord {
        transaction: transaction.clone(),
        prepared: Height::new(number),
        stage,
        repeats: 2,
        alarm: Time::from_ms(6_000),
    };
    Piece::Sessions((1..).zip(stages).map(session).collect())
}

/// A shard of which everything is known that can be, and one that has shown two chains.
fn foreign() -> Piece {
    let heads = vec![(Height::new(7), Hash::from_bytes([1; 32]))];
    let known = ForeignRecord {
        shard: shard(1),
        heads: heads.clone(),
        forked: false,
        aborted: vec![(TransactionId::from_bytes([5; 32]), Time::from_ms(9_000))],
        founded: true,
        epoch: Epoch::new(1),
        ends: vec![(Epoch::ZERO, Height::new(6))],
    };
    let forked = ForeignRecord {
        shard: shard(2),
        heads,
        forked: true,
        aborted: Vec::new(),
        founded: false,
        epoch: Epoch::ZERO,
        ends: Vec::new(),
    };
    Piece::Foreign(vec![known, forked])
}

/// The last piece where an epoch ends with this record.
fn next(record: ShardRecord) -> Piece {
    Piece::Next(Some(record))
}

/// All of them.
pub(super) fn all() -> Vec<Sample> {
    let pieces = [
        ("piece-objects", objects()),
        ("piece-decided", decided()),
        ("piece-sessions", sessions()),
        ("piece-foreign", foreign()),
        ("piece-next", next(record(1..=4))),
    ];
    let of = |(name, piece): (&'static str, Piece)| {
        sample(name, &piece, &[("hash", piece.hash().as_ref())])
    };
    pieces.into_iter().map(of).collect()
}
