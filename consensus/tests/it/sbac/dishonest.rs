//! B: dishonest shards. One of four says whatever it likes, to whomever it likes. C4: `f + 1` members of
//! a shard say what it has not agreed on.

use std::sync::Arc;

use consensus::bft::Pace;
use consensus::message::Refused;
use consensus::replica::Setup;
use consensus::{Input, Ledger, Now, Output, Record, Replica, Shards};
use model::head::HeadError;
use model::key::Zip215;
use model::outbox::{BadParcel, outbox_tree};
use model::shard::Seat;
use model::transaction::Authorized;
use model::{
    AbortReason, CertificateError, Delivery, Head, Invalid, Leaf, Lie, Malpractice, Mode, Parcel,
    Profile,
};

use super::bench::{Bench, Said, Stand};
use super::setting::{
    CREATED, Contracts, MODES, VALID_MS, member, narrow, outputs, reason, shard, trace, wide,
};

/// Shard 0 decides; the shards 1 and 2 vote.
pub(super) const DECIDED_BY_0: Mode = Mode::Decider(model::ShardId::new(0));

/// `T(x0, x1, x2) -> (y0, y1, y2)`. Shard 2 is the dishonest one, if it is not said otherwise.
pub(super) fn transaction(bench: &mut Bench, mode: Mode) -> Authorized {
    let inputs = [bench.thing(0), bench.thing(1), bench.thing(2)];
    let inputs: Vec<_> = inputs.iter().collect();
    bench.swap(mode, &inputs, &[0, 1, 2])
}

/// Whether two promises convict each member that signed both: those of the quorum.
#[track_caller]
fn assert_convicts(bench: &Bench, first: &Parcel, second: &Parcel) {
    assert_eq!(convicted(bench, first, second), [0, 1, 2]);
}

/// The seats of those who signed two promises that no honest member signs together.
fn convicted(bench: &Bench, first: &Parcel, second: &Parcel) -> Vec<usize> {
    let speaker = first.from();
    let committee = bench
        .genesis
        .committee(speaker)
        .expect("a shard")
        .expect("a committee");
    let convicts = |seat: &Seat| {
        let leaf = |parcel: &Parcel| parcel.signed_leaf(0, *seat).map(Box::new);
        let (Some(first), Some(second)) = (leaf(first), leaf(second)) else {
            return false;
        };
        let record = Malpractice {
            node: committee.member(*seat).expect("a member"),
            lie: Lie::Promises { first, second },
        };
        record.verify(&mut Zip215).is_ok()
    };
    let seats = (0..committee.size()).filter_map(Seat::new);
    seats.filter(convicts).map(Seat::index).collect()
}

/// What two members of shard 1, `f + 1`, say of a vote: the opposite, under another head of its block.
fn false_vote(bench: &Bench, vote: &Parcel) -> Parcel {
    let leaf = Leaf {
        promise: Said::Yes.promise(),
        ..vote.leaves[0]
    };
    let head = Head {
        outbox: outbox_tree(&[leaf], None).root(),
        ..vote.head.head.clone()
    };
    bench.certify_by(0..2, 1, &head, &[leaf]).remove(0)
}

/// `T(x0, x1) -> (y0, y1)`, for which shard 1 does not vote, because another transaction has locked x1.
fn refused_by_1(bench: &mut Bench, mode: Mode) -> Authorized {
    let (x0, x1) = (bench.thing(0), bench.thing(1));
    let rival = bench.swap(Mode::Decider(shard(3)), &[&x1], &[]);
    let attacked = bench.swap(mode, &[&x0, &x1], &[0, 1]);
    bench.prepare(1, &rival);
    bench.prepare(1, &attacked);
    bench.prepare(0, &attacked);
    attacked
}

#[test]
fn c4_f_plus_1_members_who_lie_speak_for_their_shard_where_f_plus_1_are_believed() {
    for mode in [Mode::AllVotes, DECIDED_BY_0] {
        let mut bench = Bench::with(Profile::Paper, "bench");
        let attacked = refused_by_1(&mut bench, mode);
        let vote = bench.parcel(1, 0, &attacked, Said::No);
        let lie = false_vote(&bench, &vote);
        bench.show(&lie);
        // Shard 0 has done what shard 1 refuses: with more than f liars a shard is not honest.
        assert_eq!(bench.stand(0, &attacked), Stand::Committed);
        assert_eq!(bench.stand(1, &attacked), Stand::Aborted);
        // Whoever signed the vote of the shard too has lied, and nobody else is accused: both liars, or
        // as few as a quorum and they have in common.
        assert_eq!(convicted(&bench, &vote, &lie), [0, 1]);
        let (head, leaves) = (&vote.head.head, &vote.leaves);
        let vote = bench.certify_by(1..4, 1, head, leaves).remove(0);
        assert_eq!(convicted(&bench, &vote, &lie), [1]);
        // Both heads are of one height, so nothing that the shard says is heard from now on.
        bench.show(&vote);
        assert!(bench.ledger(0).state.foreign[&shard(1)].forked);
    }
}

#[test]
fn c4_f_plus_1_members_who_lie_are_not_believed_where_a_quorum_is_asked_for() {
    for mode in [Mode::AllVotes, DECIDED_BY_0] {
        let mut bench = Bench::new();
        let attacked = refused_by_1(&mut bench, mode);
        let vote = bench.parcel(1, 0, &attacked, Said::No);
        let parcel = false_vote(&bench, &vote);
        let votes = Vec::new();
        let refused = bench.admit(0, &Delivery { parcel, votes });
        let [needed, found] = [3, 2];
        let too_few = HeadError::Certificate(CertificateError::TooFew { needed, found });
        assert_eq!(refused, Err(Refused::Parcel(BadParcel::Head(too_few))));
        bench.carry();
        assert_eq!(bench.stands(&attacked), [Stand::Aborted, Stand::Aborted]);
        assert!(bench.is_active(&bench.thing(0)));
    }
}

/// A member of shard 0 that has just begun.
pub(super) fn replica(bench: &Bench) -> Replica {
    let shards = Shards::of_genesis(&bench.genesis, shard(0)).expect("a shard of it");
    let setup = Setup {
        shards: shards.expect("a committee"),
        seat: Seat::new(0).expect("a member"),
        signer: Box::new(member(0, 0)),
        check: Box::new(Zip215),
        checkers: Arc::new(Contracts),
        pace: Pace::default(),
    };
    let mut replica = Replica::new(setup, Ledger::genesis(&bench.genesis, shard(0)));
    replica.start(Now::both(CREATED));
    replica
}

/// Whom the replica reports, and keeps the proof against, when it is told this.
pub(super) fn reported(replica: &mut Replica, bench: &Bench, parcel: &Parcel) -> Vec<Malpractice> {
    let delivery = bench.with_votes(parcel);
    let letter = bench.open(0, &delivery).expect("it says something");
    let letter = Input::Letter {
        shard: parcel.from(),
        seat: Seat::new(1).expect("a member"),
        letter,
    };
    let mut kept = Vec::new();
    let mut told = Vec::new();
    for output in replica.step(Now::both(CREATED), letter) {
        match output {
            Output::Persist(Record::Malpractice(record)) => kept.push(record),
            Output::Malpractice(record) => told.push(record),
            _ => {}
        }
    }
    assert_eq!(kept, told);
    told
}

#[test]
fn b1_a_member_that_is_shown_both_votes_reports_those_who_signed_them_once() {
    let mut bench = Bench::new();
    let mut replica = replica(&bench);
    // The second time they are known.
    for count in [3, 0] {
        let attacked = transaction(&mut bench, DECIDED_BY_0);
        let [yes, no] = [Said::Yes, Said::No].map(|said| bench.lie(2, 0, &attacked, said));
        assert_eq!(reported(&mut replica, &bench, &yes), []);
        let records = reported(&mut replica, &bench, &no);
        assert_eq!(records.len(), count);
        for record in &records {
            assert_eq!(record.verify(&mut Zip215), Ok(()));
        }
        assert_eq!(reported(&mut replica, &bench, &no), [], "a copy");
    }
}

#[test]
fn b1_of_two_votes_of_one_shard_the_first_counts_and_both_convict_it() {
    for [first, second] in [[Said::Yes, Said::No], [Said::No, Said::Yes]] {
        let mut bench = Bench::new();
        let attacked = transaction(&mut bench, DECIDED_BY_0);
        bench.prepare(0, &attacked);
        bench.prepare(1, &attacked);
        let votes = [first, second].map(|said| bench.lie(2, 0, &attacked, said));
        votes.iter().for_each(|vote| drop(bench.show(vote)));
        // It tells the other participant too, where nobody listens to it.
        for said in [
            Said::Yes,
            Said::No,
            Said::Commit,
            Said::Abort,
            Said::Never,
            Said::Done,
        ] {
            let lie = bench.lie(2, 1, &attacked, said);
            bench.show(&lie);
        }
        bench.carry();
        let committed = first == Said::Yes;
        let stand = if committed {
            Stand::Committed
        } else {
            Stand::Aborted
        };
        assert_eq!(bench.stand(0, &attacked), stand);
        assert_eq!(bench.stand(1, &attacked), stand);
        for home in [0, 1] {
            assert_eq!(bench.is_active(&bench.thing(home)), !committed);
            assert_eq!(
                bench.is_active(&outputs(&attacked)[home as usize]),
                committed
            );
        }
        assert_convicts(&bench, &votes[0], &votes[1]);
    }
}

#[test]
fn b2_a_shard_that_says_nothing_holds_nobody_up_beyond_the_deadline() {
    let mut bench = Bench::new();
    let attacked = transaction(&mut bench, DECIDED_BY_0);
    bench.prepare(0, &attacked);
    bench.prepare(1, &attacked);
    bench.carry();
    let [x0, x1] = [0, 1].map(|home| bench.thing(home));
    assert!(
        !bench.is_locked(&x0),
        "what the decider has is never locked"
    );
    assert!(bench.is_locked(&x1));
    let applied = bench.expire(0);
    assert_eq!(reason(&applied, &attacked), AbortReason::Deadline);
    bench.carry_if(|parcel| parcel.leaves[0].to != shard(2));
    assert_eq!(bench.stand(1, &attacked), Stand::Aborted);
    assert!(bench.is_active(&x1) && !bench.is_locked(&x1));
}

#[test]
fn b2_a_shard_that_acknowledges_nothing_costs_a_block_now_and_then() {
    let mut bench = Bench::new();
    let attacked = transaction(&mut bench, DECIDED_BY_0);
    bench.prepare(0, &attacked);
    bench.prepare(1, &attacked);
    let vote = bench.lie(2, 0, &attacked, Said::Yes);
    bench.show(&vote);
    bench.carry_if(|parcel| parcel.leaves[0].to != shard(2));
    bench.assert_committed_at(0, &attacked);
    bench.assert_committed_at(1, &attacked);
    let before = bench.said(0, 2, &attacked).len();
    for _ in 0..600 {
        bench.pass(0, 1_000);
        bench.block(0, &[]);
    }
    let repeated = bench.said(0, 2, &attacked).len() - before;
    assert!((8..=16).contains(&repeated), "{repeated} in ten minutes");
}

#[test]
fn b3_a_shard_that_votes_for_what_is_wrong_harms_only_contracts_that_it_has_objects_of() {
    // The checker of the contract refuses the trace, and shard 2 votes for it nevertheless. Shards with
    // objects of the contract refuse; if shard 2 alone had any, nobody else would have been asked.
    for mode in [Mode::AllVotes, DECIDED_BY_0, Mode::Decider(shard(1))] {
        let mut bench = Bench::new();
        let inputs = [bench.thing(0), bench.thing(1), bench.thing(2)];
        let inputs: Vec<_> = inputs.iter().collect();
        let mut wrong = trace(&inputs, &[], &[0, 1, 2]);
        wrong.procedure = "wrong".to_owned();
        let attacked = bench.transaction(mode, vec![wrong], &inputs);
        bench.prepare(0, &attacked);
        bench.prepare(1, &attacked);
        for to in [0, 1] {
            let vote = bench.lie(2, to, &attacked, Said::Yes);
            bench.show(&vote);
        }
        bench.carry();
        for home in [0, 1] {
            assert_eq!(bench.stand(home, &attacked), Stand::Aborted);
            let thing = bench.thing(home);
            assert!(bench.is_active(&thing) && !bench.is_locked(&thing));
        }
    }
}

#[test]
fn b4_v10_a_shard_that_a_contract_does_not_trust_holds_nothing_of_it() {
    for mode in MODES {
        let mut bench = Bench::new();
        // Shard 3 says that it has an object of the contract, which somebody made up.
        let forged = model::Object {
            home: shard(3),
            ..bench.things(narrow(), 0).remove(0)
        };
        let attacked = bench.swap(mode, &[&forged], &[0]);
        let applied = bench.prepare(0, &attacked);
        let (contract, home) = (narrow(), shard(3));
        assert_eq!(
            reason(&applied, &attacked),
            AbortReason::Home { contract, home }
        );
        for said in [Said::Yes, Said::Commit] {
            let lie = bench.lie(3, 0, &attacked, said);
            bench.show(&lie);
        }
        bench.assert_nothing_done(&attacked);
    }
}

#[test]
fn b4_v10_an_output_in_a_shard_that_the_contract_does_not_trust() {
    let mut bench = Bench::new();
    let thing = bench.things(narrow(), 0).remove(0);
    for mode in [Mode::AllVotes, Mode::Decider(shard(1))] {
        let attacked = bench.swap(mode, &[&thing], &[0, 2]);
        let applied = bench.prepare(0, &attacked);
        let (contract, home) = (narrow(), shard(2));
        assert_eq!(
            reason(&applied, &attacked),
            AbortReason::Home { contract, home }
        );
        assert!(!bench.is_locked(&thing));
    }
}

#[test]
fn b5_a_decider_that_says_both_convicts_itself() {
    let mut bench = Bench::new();
    let attacked = transaction(&mut bench, Mode::Decider(shard(2)));
    bench.prepare(0, &attacked);
    bench.prepare(1, &attacked);
    let commit = bench.lie(2, 0, &attacked, Said::Commit);
    let abort = bench.lie(2, 1, &attacked, Said::Abort);
    bench.show(&commit);
    bench.show(&abort);
    // The inconsistency is permitted: the contract trusts shard 2 to decide.
    assert_eq!(bench.stand(0, &attacked), Stand::Committed);
    assert_eq!(bench.stand(1, &attacked), Stand::Aborted);
    assert_convicts(&bench, &commit, &abort);
}

#[test]
fn b5_a_decider_that_denies_what_it_has_decided_is_not_convicted_by_these_two_promises() {
    // An honest decider forgets what all have done, and then denies it to whoever shows it an old vote.
    // So the two promises prove nothing by themselves: an audit of the decider has to.
    let mut bench = Bench::new();
    let attacked = transaction(&mut bench, Mode::Decider(shard(2)));
    bench.prepare(0, &attacked);
    bench.prepare(1, &attacked);
    let commit = bench.lie(2, 0, &attacked, Said::Commit);
    let never = bench.lie(2, 1, &attacked, Said::Never);
    bench.show(&commit);
    bench.show(&never);
    assert_eq!(bench.stand(0, &attacked), Stand::Committed);
    assert_eq!(bench.stand(1, &attacked), Stand::Aborted);
    let seat = Seat::new(0).expect("a seat");
    let [first, second] = [&commit, &never].map(|parcel| parcel.signed_leaf(0, seat));
    let (first, second) = first.zip(second).expect("it signed both");
    assert!(!first.conflicts(&second));
}

#[test]
fn b5_b7_a_decider_that_the_contract_does_not_trust_is_not_listened_to() {
    let mut bench = Bench::new();
    let thing = bench.things(narrow(), 0).remove(0);
    let attacked = bench.swap(Mode::Decider(shard(2)), &[&thing], &[0]);
    let applied = bench.prepare(0, &attacked);
    let (contract, decider) = (narrow(), shard(2));
    assert_eq!(
        reason(&applied, &attacked),
        AbortReason::Decider { contract, decider }
    );
    assert!(bench.is_active(&thing) && !bench.is_locked(&thing));
    let lie = bench.lie(2, 0, &attacked, Said::Commit);
    bench.show(&lie);
    bench.assert_nothing_done(&attacked);
}

#[test]
fn b6_a_decider_cannot_commit_without_the_votes() {
    for shown in [None, Some((1, Said::No)), Some((3, Said::Yes))] {
        let mut bench = Bench::new();
        let attacked = transaction(&mut bench, Mode::Decider(shard(2)));
        bench.prepare(0, &attacked);
        let commit = bench.lie(2, 0, &attacked, Said::Commit);
        let votes = shown.map(|(from, said)| bench.lie(from, 2, &attacked, said));
        let delivery = model::Delivery {
            parcel: commit,
            votes: votes.into_iter().collect(),
        };
        bench.show_delivery(&delivery);
        assert_eq!(bench.stand(0, &attacked), Stand::Prepared, "{shown:?}");
        assert_eq!(
            bench.said(0, 2, &attacked),
            [Said::Yes],
            "and is told nothing"
        );
    }
}

#[test]
fn b6_votes_on_another_transaction_or_to_another_shard_are_not_the_votes() {
    let mut bench = Bench::new();
    let attacked = transaction(&mut bench, Mode::Decider(shard(2)));
    let other = bench.again(&attacked);
    bench.prepare(0, &attacked);
    let commit = bench.lie(2, 0, &attacked, Said::Commit);
    let mut delivery = model::Delivery {
        parcel: commit,
        votes: vec![bench.lie(1, 2, &other, Said::Yes)],
    };
    bench.show_delivery(&delivery);
    assert_eq!(bench.stand(0, &attacked), Stand::Prepared);
    delivery.votes = vec![bench.lie(1, 3, &attacked, Said::Yes)];
    assert!(bench.admit(0, &delivery).is_err());
}

#[test]
fn b8_in_the_mode_of_the_paper_one_dishonest_participant_splits_the_others() {
    // This is what the mode with a decider is for. The two votes convict their shard afterwards.
    let mut bench = Bench::new();
    let attacked = transaction(&mut bench, Mode::AllVotes);
    bench.prepare(0, &attacked);
    bench.prepare(1, &attacked);
    bench.carry();
    let votes = [(0, Said::Yes), (1, Said::No)];
    let votes = votes.map(|(to, said)| bench.lie(2, to, &attacked, said));
    votes.iter().for_each(|vote| drop(bench.show(vote)));
    assert_eq!(bench.stand(0, &attacked), Stand::Committed);
    assert_eq!(bench.stand(1, &attacked), Stand::Aborted);
    assert!(bench.is_active(&bench.thing(1)) && bench.is_active(&outputs(&attacked)[0]));
    assert_convicts(&bench, &votes[0], &votes[1]);
}

#[test]
fn b8_in_the_mode_of_the_paper_a_silent_participant_locks_objects_for_ever() {
    let mut bench = Bench::new();
    let attacked = transaction(&mut bench, Mode::AllVotes);
    bench.prepare(0, &attacked);
    bench.prepare(1, &attacked);
    for _ in 0..10 {
        bench.pass_all(VALID_MS);
        bench.block(0, &[]);
        bench.block(1, &[]);
        bench.carry_if(|parcel| parcel.leaves[0].to != shard(2));
    }
    for home in [0, 1] {
        assert_eq!(bench.stand(home, &attacked), Stand::Prepared);
        assert!(bench.is_locked(&bench.thing(home)));
    }
}

#[test]
fn b8_where_all_decide_a_contract_refuses_participants_that_it_does_not_trust() {
    // Homes and deciders of the contract are honest, so nothing of it may be split: not even if
    // somebody puts a trace of another contract beside it, with an object in a dishonest shard.
    let mut bench = Bench::new();
    let [n0, n1] = [0, 1].map(|home| bench.things(narrow(), home).remove(0));
    let bait = bench.thing(2);
    let traces = vec![trace(&[&n0, &n1], &[], &[0]), trace(&[&bait], &[], &[])];
    let attacked = bench.transaction(Mode::AllVotes, traces, &[&n0, &n1, &bait]);
    for home in [0, 1] {
        let applied = bench.prepare(home, &attacked);
        let (contract, decider) = (narrow(), shard(2));
        assert_eq!(
            reason(&applied, &attacked),
            AbortReason::Decider { contract, decider }
        );
    }
    for (to, said) in [(0, Said::Yes), (1, Said::No)] {
        let vote = bench.lie(2, to, &attacked, said);
        bench.show(&vote);
    }
    bench.carry();
    assert!(bench.is_active(&n0) && bench.is_active(&n1));
    assert!(!bench.is_locked(&n0) && !bench.is_locked(&n1));
}

#[test]
fn b10_a_shard_that_shows_two_heads_at_one_height_is_not_listened_to_any_more() {
    let mut bench = Bench::new();
    let [first, second, third] = [(); 3].map(|()| transaction(&mut bench, DECIDED_BY_0));
    for attacked in [&first, &second, &third] {
        bench.prepare(0, attacked);
    }
    let fork = [
        bench.lie_at(2, 7, 0, &first, Said::Yes),
        bench.lie_at(2, 7, 0, &second, Said::No),
    ];
    bench.show(&fork[0]);
    assert!(!bench.ledger(0).state.foreign[&shard(2)].forked);
    bench.show(&fork[0]);
    assert!(
        !bench.ledger(0).state.foreign[&shard(2)].forked,
        "one head, twice"
    );
    bench.show(&fork[1]);
    assert!(bench.ledger(0).state.foreign[&shard(2)].forked);
    assert_eq!(bench.stand(0, &second), Stand::Open);
    let vote = bench.lie(2, 0, &third, Said::No);
    bench.show(&vote);
    assert_eq!(bench.stand(0, &third), Stand::Open);
    // What it said before it was found out counts, and nobody waits for it for ever.
    bench.expire(0);
    for attacked in [&first, &second, &third] {
        assert_eq!(bench.stand(0, attacked), Stand::Aborted);
    }
}

#[test]
fn b10_a_member_that_is_shown_two_heads_of_one_height_reports_those_who_signed_both_once() {
    let mut bench = Bench::new();
    let mut replica = replica(&bench);
    for (height, count) in [(7, 3), (8, 0)] {
        let about = [(); 2].map(|()| transaction(&mut bench, DECIDED_BY_0));
        let [one, other] = about.map(|about| bench.lie_at(2, height, 0, &about, Said::Yes));
        assert_eq!(reported(&mut replica, &bench, &one), []);
        let records = reported(&mut replica, &bench, &other);
        assert_eq!(records.len(), count, "the second time they are known");
        for record in &records {
            assert!(matches!(record.lie, Lie::Statements { .. }));
            assert_eq!(record.verify(&mut Zip215), Ok(()));
            assert_eq!(record.lie.told_in().1, shard(2));
        }
        assert_eq!(reported(&mut replica, &bench, &other), [], "a copy");
    }
}

#[test]
fn b10_a_shard_that_forks_cannot_keep_others_from_hearing_the_decision() {
    // Shard 2 votes, so its vote is shown beside the decision. That it has forked must not keep shard 1,
    // which has voted too, from doing what an honest decider has decided.
    let mut bench = Bench::new();
    let attacked = transaction(&mut bench, DECIDED_BY_0);
    bench.prepare(0, &attacked);
    bench.prepare(1, &attacked);
    let vote = bench.lie(2, 0, &attacked, Said::Yes);
    bench.show(&vote);
    bench.tell(1, 0, &attacked, Said::Yes);
    assert_eq!(bench.stand(0, &attacked), Stand::Committed);
    for height in [7, 7] {
        let about = transaction(&mut bench, DECIDED_BY_0);
        let lie = bench.lie_at(2, height, 1, &about, Said::Yes);
        bench.show(&lie);
    }
    assert!(bench.ledger(1).state.foreign[&shard(2)].forked);
    bench.tell(0, 1, &attacked, Said::Commit);
    assert_eq!(bench.stand(1, &attacked), Stand::Committed);
}

#[test]
fn b10_two_heads_at_one_height_are_noticed_among_the_votes_beside_a_decision() {
    let mut bench = Bench::new();
    let attacked = transaction(&mut bench, DECIDED_BY_0);
    bench.prepare(1, &attacked);
    let about = transaction(&mut bench, DECIDED_BY_0);
    let seen = bench.lie_at(2, 7, 1, &about, Said::Yes);
    bench.show(&seen);
    let commit = bench.lie(0, 1, &attacked, Said::Commit);
    let vote = bench.lie_at(2, 7, 0, &attacked, Said::Yes);
    bench.show_delivery(&model::Delivery {
        parcel: commit,
        votes: vec![vote],
    });
    assert!(bench.ledger(1).state.foreign[&shard(2)].forked);
    assert_eq!(bench.stand(1, &attacked), Stand::Committed);
}

#[test]
fn a_made_up_deadline_brings_a_shard_to_no_promise_that_others_believe() {
    // A dishonest participant says early that the deadline is over. What it is told is made to it alone,
    // and the transaction goes on as if nothing had been said.
    let mut bench = Bench::new();
    let attacked = transaction(&mut bench, DECIDED_BY_0);
    let hasty = bench.lie_until(2, 0, &attacked, Said::Yes, CREATED);
    bench.show(&hasty);
    assert_eq!(bench.said(0, 2, &attacked), [Said::Never]);
    let never = bench.with_votes(&bench.parcel(0, 2, &attacked, Said::Never));
    assert!(bench.admit(1, &never).is_err());
    bench.prepare(0, &attacked);
    bench.prepare(1, &attacked);
    bench.show(&hasty);
    bench.carry_if(|parcel| parcel.leaves[0].to != shard(2));
    bench.assert_committed_at(0, &attacked);
    bench.assert_committed_at(1, &attacked);
}

#[test]
fn objects_that_are_not_there_are_refused_where_they_should_be() {
    let mut bench = Bench::new();
    let real = bench.thing(0);
    let forged = model::Object {
        index: 77,
        ..bench.thing(1)
    };
    for mode in [Mode::AllVotes, DECIDED_BY_0] {
        let attacked = bench.swap(mode, &[&real, &forged], &[0]);
        let applied = bench.prepare(1, &attacked);
        let AbortReason::Invalid(Invalid::NotActive { object, .. }) = reason(&applied, &attacked)
        else {
            panic!("it is not there");
        };
        assert_eq!(object, forged.id());
        bench.prepare(0, &attacked);
        bench.carry();
        assert_eq!(bench.stand(0, &attacked), Stand::Aborted);
    }
    assert_eq!(real.object_type.contract, wide());
}
