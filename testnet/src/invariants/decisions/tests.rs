//! That the judge of decisions sees a second one, and one out of time.

use model::transaction::Authorized;
use model::{
    AbortReason, Bytes, Invalid, Mode, Outcome, Time, Trace, TraceId, Transaction, TransactionBody,
};
use system_contracts::cscoin;

use super::Decisions;
use crate::invariants::What;
use crate::invariants::testing::{follow, genesis, in_time, refusal, see, tip};
use crate::simulation::{DAWN, Setting};

/// A transaction that does nothing, until then.
fn idle(setting: &Setting, valid_until: Time) -> Authorized {
    let network = setting.scope().network;
    let trace = Trace {
        contract: cscoin::id(),
        procedure: String::new(),
        inputs: Vec::new(),
        references: Vec::new(),
        outputs: Vec::new(),
        local_parameters: Bytes::default(),
        local_returns: Bytes::default(),
        dependencies: Vec::new(),
    };
    let body = TransactionBody {
        network,
        nonce: [0; 16],
        valid_until,
        mode: Mode::AllVotes,
        participants: Vec::new(),
        traces: vec![trace],
    };
    let transaction = Transaction {
        body,
        openings: Vec::new(),
        authorizations: Vec::new(),
    };
    transaction.check_form(&network).unwrap().trust()
}

#[test]
fn one_decision_is_the_same_for_all() {
    let setting = Setting::new(4);
    let decided = vec![(idle(&setting, in_time()), Outcome::Committed)];
    let block = follow(&setting, &genesis(&setting), 1, decided);
    let mut judge = Decisions::default();
    see(&mut judge, 0, &What::Applied(&block)).unwrap();
    see(&mut judge, 1, &What::Applied(&block)).unwrap();
}

#[test]
fn a_second_decision_is_seen_whatever_it_is() {
    let setting = Setting::new(4);
    let abort = Outcome::Aborted(AbortReason::Invalid(Invalid::OutputsWithoutInputs {
        trace: TraceId::from_bytes([0; 32]),
    }));
    for second in [Outcome::Committed, abort] {
        let transaction = idle(&setting, in_time());
        let decided = vec![(transaction.clone(), Outcome::Committed)];
        let first = follow(&setting, &genesis(&setting), 1, decided);
        let again = follow(&setting, &tip(&first), 1, vec![(transaction, second)]);
        let mut judge = Decisions::default();
        see(&mut judge, 0, &What::Applied(&first)).unwrap();
        refusal(&mut judge, 0, &What::Applied(&again));
    }
}

#[test]
fn a_decision_out_of_time_is_seen() {
    let setting = Setting::new(4);
    // The block has the time DAWN + 1 ms.
    for (valid_until, holds) in [(0, false), (1, true), (60_001, true), (60_002, false)] {
        let transaction = idle(&setting, DAWN.plus_ms(valid_until));
        let decided = vec![(transaction, Outcome::Committed)];
        let block = follow(&setting, &genesis(&setting), 1, decided);
        let said = see(&mut Decisions::default(), 0, &What::Applied(&block));
        assert_eq!(said.is_ok(), holds, "valid until {valid_until}");
    }
}
