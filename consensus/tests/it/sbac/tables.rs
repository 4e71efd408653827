//! Each cell of the tables of the protocol: what a shard does with each thing that it may hear, however
//! far the transaction is there.

use model::transaction::Authorized;
use model::{AbortReason, Mode};

use super::bench::{Bench, Said, Stand};
use super::setting::{narrow, outputs, reason, shard, trace, wide};

/// How far the transaction is in the shard before the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// Unknown, and its deadline is not over.
    Early,
    /// Unknown, and its deadline is over.
    Late,
    /// Voted to commit.
    Yes,
    /// Voted to abort.
    No,
    /// Open, in the shard that decides.
    Open,
    /// Committed.
    Committed,
    /// Aborted after a vote to commit.
    Aborted,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// The shard sequences the transaction.
    Prepare,
    /// It hears this of another shard.
    Hears(Said, u32),
    /// The deadline passes.
    Deadline,
}

use Before::{Aborted, Committed, Early, Late, No, Open, Yes};
use Event::{Deadline, Hears, Prepare};

/// The shard that the table is about: in the mode with a decider it is one with an input, or one with
/// an output only, and shard 0 decides.
#[derive(Clone, Copy)]
struct Table {
    mode: Mode,
    ours: u32,
}

impl Table {
    /// A transaction of the shards 0, 1 and 2, of which 2 has an output only.
    fn transaction(self, bench: &mut Bench, before: Before) -> Authorized {
        let (x0, x1) = (bench.thing(0), bench.thing(1));
        let inputs = [&x0, &x1];
        let mut trace = trace(&inputs, &[], &[0, 1, 2]);
        if before == No {
            trace.procedure = "wrong".to_owned();
        }
        bench.transaction(self.mode, vec![trace], &inputs)
    }

    fn bring_to(self, bench: &mut Bench, before: Before) -> Authorized {
        let transaction = self.transaction(bench, before);
        let others = [0, 1, 2].into_iter().filter(|other| *other != self.ours);
        match before {
            Early => {}
            Late => drop(bench.expire(self.ours)),
            Yes | No | Open => drop(bench.prepare(self.ours, &transaction)),
            Committed | Aborted => {
                bench.prepare(self.ours, &transaction);
                let decides = self.mode == Mode::Decider(shard(self.ours));
                let said = match (before == Committed, decides || self.mode == Mode::AllVotes) {
                    (true, true) => Said::Yes,
                    (false, true) => Said::No,
                    (true, false) => Said::Commit,
                    (false, false) => Said::Abort,
                };
                for other in others {
                    self.hear(bench, &transaction, said, other);
                }
            }
        }
        transaction
    }

    /// The shard hears something that another one made up, with all votes that are needed.
    fn hear(self, bench: &mut Bench, transaction: &Authorized, said: Said, from: u32) {
        if said == Said::Commit {
            for voter in [1, 2].into_iter().filter(|voter| *voter != self.ours) {
                bench.lie(voter, 0, transaction, Said::Yes);
            }
        }
        let lie = bench.lie(from, self.ours, transaction, said);
        bench.show(&lie);
    }

    /// Where the event leads, and what the shard says to shards 0, 1 and 2 in its block.
    fn run(self, before: Before, event: Event) -> (Stand, Vec<(u32, Said)>) {
        let mut bench = Bench::new();
        let transaction = self.bring_to(&mut bench, before);
        // So long that whoever asks is answered again, and not so long that anything is repeated.
        bench.pass(self.ours, 3_000);
        let known = bench.parcels.len();
        match event {
            Prepare => drop(bench.prepare(self.ours, &transaction)),
            Hears(said, from) => self.hear(&mut bench, &transaction, said, from),
            Deadline => drop(bench.expire(self.ours)),
        }
        let new = bench.parcels[known..].iter();
        let said = new
            .filter(|parcel| parcel.from() == shard(self.ours))
            .map(|parcel| &parcel.leaves[0])
            .filter(|leaf| leaf.transaction == transaction.id())
            .map(|leaf| (leaf.to.number(), Said::of(&leaf.promise)));
        (bench.stand(self.ours, &transaction), said.collect())
    }

    #[track_caller]
    fn check(self, before: Before, event: Event, stand: Stand, said: &[(u32, Said)]) {
        let (ours, mode) = (self.ours, self.mode);
        let expected = (stand, said.to_vec());
        let found = self.run(before, event);
        assert_eq!(
            found, expected,
            "{before:?}, {event:?}, shard {ours}, {mode:?}"
        );
    }
}

const DECIDED_BY_0: Mode = Mode::Decider(model::ShardId::new(0));

#[test]
fn a_shard_that_votes_in_each_stage() {
    for ours in [1, 2] {
        let table = Table {
            mode: DECIDED_BY_0,
            ours,
        };
        let check = |before, event, stand, said: &[Said]| {
            let said: Vec<_> = said.iter().map(|said| (0, *said)).collect();
            table.check(before, event, stand, &said);
        };
        check(Early, Prepare, Stand::Prepared, &[Said::Yes]);
        check(Late, Prepare, Stand::Unknown, &[]);
        check(Yes, Prepare, Stand::Prepared, &[]);
        // Whoever brings it again asks for the vote.
        check(No, Prepare, Stand::Aborted, &[Said::No]);
        check(Committed, Prepare, Stand::Committed, &[]);
        check(Aborted, Prepare, Stand::Aborted, &[]);

        let commit = Hears(Said::Commit, 0);
        check(Early, commit, Stand::Unknown, &[]);
        check(Late, commit, Stand::Unknown, &[Said::Done]);
        check(Yes, commit, Stand::Committed, &[Said::Done]);
        check(No, commit, Stand::Aborted, &[]);
        check(Committed, commit, Stand::Committed, &[Said::Done]);
        check(Aborted, commit, Stand::Aborted, &[]);

        let abort = Hears(Said::Abort, 0);
        check(Early, abort, Stand::Unknown, &[Said::Done]);
        check(Late, abort, Stand::Unknown, &[Said::Done]);
        check(Yes, abort, Stand::Aborted, &[Said::Done]);
        check(No, abort, Stand::Aborted, &[Said::Done]);
        check(Committed, abort, Stand::Committed, &[]);
        check(Aborted, abort, Stand::Aborted, &[Said::Done]);

        let never = Hears(Said::Never, 0);
        check(Early, never, Stand::Unknown, &[]);
        check(Late, never, Stand::Unknown, &[]);
        check(Yes, never, Stand::Aborted, &[]);
        check(No, never, Stand::Aborted, &[]);
        check(Committed, never, Stand::Committed, &[]);
        check(Aborted, never, Stand::Aborted, &[]);

        check(Early, Deadline, Stand::Unknown, &[]);
        check(Yes, Deadline, Stand::Prepared, &[Said::Yes]);
        check(No, Deadline, Stand::Unknown, &[]);
        check(Committed, Deadline, Stand::Unknown, &[]);
        check(Aborted, Deadline, Stand::Unknown, &[]);
    }
}

#[test]
fn a_shard_that_votes_listens_to_the_decider_and_to_nobody_else() {
    for ours in [1, 2] {
        let table = Table {
            mode: DECIDED_BY_0,
            ours,
        };
        for said in [Said::Commit, Said::Abort, Said::Never, Said::Yes, Said::No] {
            let event = Hears(said, 3 - ours);
            table.check(Yes, event, Stand::Prepared, &[]);
        }
        // The decider has no vote beside its decision.
        for said in [Said::Yes, Said::No] {
            table.check(Yes, Hears(said, 0), Stand::Prepared, &[]);
        }
    }
}

#[test]
fn the_shard_that_decides_in_each_stage() {
    let table = Table {
        mode: DECIDED_BY_0,
        ours: 0,
    };
    let commits = [(1, Said::Commit), (2, Said::Commit)];
    let aborts = [(1, Said::Abort), (2, Said::Abort)];
    table.check(Early, Prepare, Stand::Open, &[]);
    table.check(Late, Prepare, Stand::Unknown, &[]);
    table.check(Open, Prepare, Stand::Open, &[]);
    table.check(Committed, Prepare, Stand::Committed, &[]);
    table.check(Aborted, Prepare, Stand::Aborted, &[]);

    let yes = Hears(Said::Yes, 1);
    table.check(Early, yes, Stand::Unknown, &[]);
    table.check(Late, yes, Stand::Unknown, &[(1, Said::Never)]);
    table.check(Open, yes, Stand::Open, &[]);
    table.check(Committed, yes, Stand::Committed, &commits[..1]);
    // Shard 1 was the first to vote against it: it knows, and nothing is owed to it.
    table.check(Aborted, yes, Stand::Aborted, &[]);
    let other = Hears(Said::Yes, 2);
    table.check(Aborted, other, Stand::Aborted, &aborts[1..]);

    let no = Hears(Said::No, 1);
    table.check(Early, no, Stand::Unknown, &[]);
    table.check(Late, no, Stand::Unknown, &[(1, Said::Never)]);
    table.check(Open, no, Stand::Aborted, &aborts[1..]);
    table.check(Committed, no, Stand::Committed, &commits[..1]);
    table.check(Aborted, no, Stand::Aborted, &[]);

    for (before, stand) in [
        (Early, Stand::Unknown),
        (Late, Stand::Unknown),
        (Open, Stand::Open),
        (Committed, Stand::Committed),
        (Aborted, Stand::Aborted),
    ] {
        for said in [Said::Done, Said::Never, Said::Abort, Said::Commit] {
            if before == Early && said == Said::Abort || before == Late {
                continue; // As any shard that does not know whose transaction this is.
            }
            table.check(before, Hears(said, 1), stand, &[]);
        }
    }

    table.check(Open, Deadline, Stand::Aborted, &aborts);
    table.check(Committed, Deadline, Stand::Committed, &commits);
    table.check(Aborted, Deadline, Stand::Aborted, &aborts[1..]);
}

#[test]
fn a_decision_is_kept_until_all_have_done_it_and_the_deadline_is_over() {
    let table = Table {
        mode: DECIDED_BY_0,
        ours: 0,
    };
    for (before, first) in [(Committed, 1), (Aborted, 2)] {
        let mut bench = Bench::new();
        let transaction = table.bring_to(&mut bench, before);
        let stand = bench.stand(0, &transaction);
        let heard = bench.clone();
        // One after the other, then the deadline.
        for from in first..=2 {
            assert!(!bench.ledger(0).state.sessions.is_empty());
            table.hear(&mut bench, &transaction, Said::Done, from);
        }
        assert!(bench.ledger(0).state.sessions.is_empty());
        assert_eq!(bench.stand(0, &transaction), stand, "it is remembered");
        bench.expire(0);
        assert_eq!(bench.stand(0, &transaction), Stand::Unknown);
        // The deadline, then one after the other.
        let mut bench = heard;
        bench.expire(0);
        for from in first..=2 {
            assert_eq!(bench.stand(0, &transaction), stand, "it is remembered");
            table.hear(&mut bench, &transaction, Said::Done, from);
        }
        assert_eq!(bench.stand(0, &transaction), Stand::Unknown);
    }
}

#[test]
fn the_mode_of_the_paper_in_each_stage() {
    for ours in [1, 2] {
        let table = Table {
            mode: Mode::AllVotes,
            ours,
        };
        let both = |said| [(0, said), (3 - ours, said)];
        let [yes, no, never] = [Said::Yes, Said::No, Said::Never].map(|said| Hears(said, 0));
        let to_0 = |said| [(0, said)];

        table.check(Early, Prepare, Stand::Prepared, &both(Said::Yes));
        table.check(Late, Prepare, Stand::Unknown, &[]);
        table.check(Yes, Prepare, Stand::Prepared, &[]);
        table.check(No, Prepare, Stand::Aborted, &[]);
        table.check(Committed, Prepare, Stand::Committed, &[]);
        table.check(Aborted, Prepare, Stand::Aborted, &[]);

        for vote in [yes, no] {
            table.check(Early, vote, Stand::Unknown, &[]);
            table.check(Late, vote, Stand::Unknown, &to_0(Said::Never));
            table.check(No, vote, Stand::Aborted, &to_0(Said::No));
            table.check(Committed, vote, Stand::Committed, &to_0(Said::Yes));
            table.check(Aborted, vote, Stand::Aborted, &to_0(Said::Yes));
        }
        table.check(Yes, yes, Stand::Prepared, &[]);
        table.check(Yes, no, Stand::Aborted, &[]);

        table.check(Early, never, Stand::Unknown, &[]);
        table.check(Late, never, Stand::Unknown, &[]);
        table.check(Yes, never, Stand::Aborted, &[]);
        table.check(No, never, Stand::Aborted, &[]);
        table.check(Committed, never, Stand::Committed, &[]);
        table.check(Aborted, never, Stand::Aborted, &[]);

        // Nobody decides, so a decision says nothing.
        for said in [Said::Commit, Said::Abort, Said::Done] {
            table.check(Yes, Hears(said, 0), Stand::Prepared, &[]);
        }
        // Nor does anybody's vote who has no part in it.
        for said in [Said::Yes, Said::No, Said::Never] {
            table.check(Yes, Hears(said, 3), Stand::Prepared, &[]);
        }

        // Records stay for ever.
        table.check(Yes, Deadline, Stand::Prepared, &both(Said::Yes));
        table.check(No, Deadline, Stand::Aborted, &[]);
        table.check(Committed, Deadline, Stand::Committed, &[]);
        table.check(Aborted, Deadline, Stand::Aborted, &[]);
    }
}

#[test]
fn what_the_decider_may_not_hold_it_refuses_to_open() {
    let mut bench = Bench::new();
    let thing = bench.things(narrow(), 0).remove(0);
    let abroad = bench.swap(DECIDED_BY_0, &[&thing], &[2]);
    let applied = bench.prepare(0, &abroad);
    let (contract, home) = (narrow(), shard(2));
    assert_eq!(
        reason(&applied, &abroad),
        AbortReason::Home { contract, home }
    );
    assert_eq!(bench.said(0, 2, &abroad), [Said::Abort]);
}

#[test]
fn the_deciders_own_check_is_the_last_vote() {
    let mut bench = Bench::new();
    let (x0, x1) = (bench.thing(0), bench.thing(1));
    let both = bench.swap(DECIDED_BY_0, &[&x0, &x1], &[1]);
    bench.prepare(0, &both);
    bench.prepare(1, &both);
    // Nothing is locked where the decision is made, so somebody else may be faster.
    let alone = bench.swap(DECIDED_BY_0, &[&x0], &[0]);
    bench.prepare(0, &alone);
    bench.assert_committed(&alone);
    bench.carry();
    assert_eq!(bench.stands(&both), [Stand::Aborted, Stand::Aborted]);
    assert!(bench.is_active(&x1) && !bench.is_locked(&x1));
    assert!(outputs(&both).iter().all(|output| !bench.is_active(output)));
    assert_eq!(x0.object_type.contract, wide());
}

#[test]
fn whoever_asks_too_often_is_answered_now_and_then() {
    for (mode, said) in [(DECIDED_BY_0, Said::Commit), (Mode::AllVotes, Said::Yes)] {
        let table = Table { mode, ours: 1 };
        let mut bench = Bench::new();
        let transaction = table.bring_to(&mut bench, Committed);
        let answers = |bench: &Bench| bench.said(1, 0, &transaction).len();
        let before = answers(&bench);
        for _ in 0..20 {
            bench.pass(1, 500);
            table.hear(&mut bench, &transaction, said, 0);
        }
        assert_eq!(answers(&bench) - before, 5, "{mode:?}: one in two seconds");
    }
}
