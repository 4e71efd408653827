mod under_way;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use consensus::replica::Input;
use model::api::{
    NotReady, PAGE_OBJECTS_MAX, Progress, Refused, Request, Response, SUBMIT_MAX, Taken,
    WAIT_MS_MAX, owner_label,
};
use model::key::Zip215;
use model::{Height, Object, ObjectId, Time, Transaction, TransactionId, encoding};
use proptest::prelude::*;
use tokio::sync::mpsc;

use super::{Api, Identity, VERSION};
use crate::applicant::tests::{applicant, record as founded_with};
use crate::effects::Effects;
use crate::event::Submission;
use crate::flusher::Flusher;
use crate::gauges::Gauges;
use crate::labels::SystemLabels;
use crate::reads::Reads;
use crate::stop::Stopper;
use crate::store::testing::Disk;
use crate::store::{Setup, Store};
use crate::testing::{
    BALANCE, MEMBERS, NoLinks, SHARD, Shard, account_of, committee, genesis, node, payment, person,
    registry,
};
use crate::waiters::Waiters;

/// Long enough for anything that happens at all.
const PATIENT: u32 = WAIT_MS_MAX;

/// A shard, and the node on seat 0 with its api.
struct Fixture {
    shard: Shard,
    effects: Effects<NoLinks>,
    api: Arc<Api>,
    submissions: mpsc::Receiver<Submission>,
    nonce: u64,
}

impl Fixture {
    fn new() -> Self {
        let setup = Setup {
            genesis: &genesis(),
            shard: SHARD,
            node: node(0),
            labels: Arc::new(SystemLabels),
        };
        let tables = redb::backends::InMemoryBackend::new();
        let (store, _) = Store::open(Arc::new(Disk::default()), tables, setup).unwrap();
        let (gauges, stopper) = (Arc::new(Gauges::default()), Stopper::new());
        let reads = Arc::new(Reads::new(store.state(), store.reader()));
        let waiters = Arc::new(Waiters::new(Height::ZERO, Height::ZERO));
        let (sender, submissions) = mpsc::channel(1);
        let flusher = Flusher::new(Arc::clone(&gauges), stopper.clone());
        let effects = Effects::new(
            store,
            NoLinks,
            Arc::clone(&waiters),
            flusher,
            Arc::default(),
        );
        let identity = Identity {
            name: "alice".to_owned(),
            node: node(0),
            network: genesis().network(),
        };
        let api = Api {
            identity,
            shard: SHARD,
            reads,
            waiters,
            gauges,
            stopper,
            submissions: sender,
            applicant: applicant(&[]),
            registry: registry(),
            events: mpsc::channel(1).0,
        };
        Self {
            shard: Shard::new(),
            effects,
            api: Arc::new(api),
            submissions,
            nonce: 0,
        }
    }

    fn payment(&mut self, from: u8, to: u8) -> Transaction {
        self.nonce += 1;
        let until = self.shard.now.plus_ms(30_000);
        let account = account_of(self.shard.ledger(), from);
        payment(&account, from, to, 10, self.nonce, until)
    }

    fn submit(&mut self, transactions: &[&Transaction]) {
        let network = genesis().network();
        let authorized = |transaction: &&Transaction| {
            let transaction = Transaction::clone(transaction);
            transaction.check_form(&network).unwrap().trust()
        };
        let submitted = transactions.iter().map(authorized).collect();
        self.shard.input(1, Input::Submitted(submitted));
    }

    fn advance(&mut self) {
        self.shard.advance();
        let outputs = std::mem::take(&mut self.shard.outputs[0]);
        self.effects.perform(outputs).unwrap();
    }

    /// Lets the shard decide everything that was submitted, and sign it.
    fn settle(&mut self, blocks: u64) {
        let height = Height::new(blocks);
        for _ in 0..100_000 {
            if self.api.reads.state().certified() == height {
                return;
            }
            self.advance();
        }
        panic!("height {height} is not reached");
    }

    async fn ask(&self, request: Request) -> Response {
        let answer = Arc::clone(&self.api)
            .answer(None, &request.to_bytes())
            .await;
        Response::from_bytes(&answer).unwrap()
    }

    async fn outcome(&self, transaction: TransactionId, wait_ms: u32) -> Response {
        self.ask(Request::Outcome {
            transaction,
            wait_ms,
        })
        .await
    }
}

fn ids(objects: &[Object]) -> Vec<ObjectId> {
    objects.iter().map(Object::id).collect()
}

#[tokio::test]
async fn status_says_who_and_how_the_node_is() {
    let mut fixture = Fixture::new();
    let Response::Status(status) = fixture.ask(Request::Status).await else {
        panic!("not a status");
    };
    assert_eq!(
        (status.name.as_str(), status.version.as_str()),
        ("alice", VERSION)
    );
    assert_eq!((status.node, status.shard), (node(0), SHARD));
    assert_eq!(status.tip.height, Height::ZERO);
    assert_eq!(
        status.not_ready,
        [NotReady::TooFewLinks {
            linked: 0,
            needed: 2
        }]
    );

    let payment = fixture.payment(0, 1);
    fixture.submit(&[&payment]);
    fixture.settle(1);
    fixture.api.gauges.set_linked(2);
    fixture.api.gauges.set_behind(true);
    let Response::Status(status) = fixture.ask(Request::Status).await else {
        panic!("not a status");
    };
    assert_eq!(
        (status.tip.height, status.certified),
        (Height::new(1), Height::new(1))
    );
    assert_eq!(status.head, fixture.shard.ledger().tip.head);
    assert_eq!(status.not_ready, [NotReady::CatchingUp]);
    fixture.api.gauges.set_behind(false);
    fixture.api.stopper.stop();
    let Response::Status(status) = fixture.ask(Request::Status).await else {
        panic!("not a status");
    };
    assert_eq!(status.not_ready, [NotReady::Stopping]);
}

#[tokio::test]
async fn strangers_are_not_told_whom_the_node_is_connected_with() {
    let answer = Fixture::new().ask(Request::Peers).await;
    assert_eq!(answer, Response::Refused(Refused::NotLocal));
}

#[tokio::test]
async fn an_outcome_is_waited_for_and_proves_itself() {
    let mut fixture = Fixture::new();
    let payment = fixture.payment(0, 1);
    let id = payment.body.id();
    assert!(matches!(
        fixture.outcome(id, 0).await,
        Response::Refused(Refused::NotYet(Progress {
            height: Height::ZERO,
            ..
        }))
    ));
    let api = Arc::clone(&fixture.api);
    let request = Request::Outcome {
        transaction: id,
        wait_ms: PATIENT,
    };
    let waiting = tokio::spawn(async move { api.answer(None, &request.to_bytes()).await });
    tokio::task::yield_now().await;
    fixture.submit(&[&payment]);
    fixture.settle(1);
    let answer = waiting.await.unwrap();
    let Ok(Response::Outcome(result)) = Response::from_bytes(&answer) else {
        panic!("not an outcome");
    };
    assert_eq!(result.result.transaction, id);
    assert_eq!(result.result.outcome, model::Outcome::Committed);
    result.verify(&committee(), &mut Zip215).unwrap();
    assert_eq!(fixture.outcome(id, 0).await, Response::Outcome(result));
}

#[tokio::test]
async fn an_abort_is_an_outcome_too_and_a_transaction_is_found_again() {
    let mut fixture = Fixture::new();
    // Both spend the same account, so the second one in the block is aborted.
    let (first, second) = (fixture.payment(0, 1), fixture.payment(0, 2));
    fixture.submit(&[&first, &second]);
    fixture.settle(1);
    let mut outcomes = Vec::new();
    for payment in [&first, &second] {
        let Response::Outcome(result) = fixture.outcome(payment.body.id(), 0).await else {
            panic!("not an outcome");
        };
        result.verify(&committee(), &mut Zip215).unwrap();
        outcomes.push(result.result.outcome == model::Outcome::Committed);
        let found = fixture.ask(Request::Transaction(payment.body.id())).await;
        let Response::Transaction(found) = found else {
            panic!("not a transaction");
        };
        assert_eq!(&found.transaction, payment);
        assert_eq!((found.height, found.result), (Height::new(1), Some(result)));
    }
    outcomes.sort_unstable();
    assert_eq!(outcomes, [false, true]);
    let unknown = Request::Transaction(TransactionId::from_bytes([7; 32]));
    assert!(matches!(
        fixture.ask(unknown).await,
        Response::Refused(Refused::Unknown(_))
    ));
}

#[tokio::test]
async fn objects_are_found_by_owner_as_of_a_height() {
    let mut fixture = Fixture::new();
    let label = owner_label(&person(1).public());
    let ask = |at_least, wait_ms| Request::Labelled {
        label,
        after: None,
        at_least: Height::new(at_least),
        wait_ms,
    };
    let Response::Labelled(before) = fixture.ask(ask(0, 0)).await else {
        panic!("not a page");
    };
    assert_eq!(
        (before.objects.len(), before.height, before.more),
        (1, Height::ZERO, false)
    );
    assert!(matches!(
        fixture.ask(ask(1, 0)).await,
        Response::Refused(Refused::NotYet(_))
    ));

    let payment = fixture.payment(0, 1);
    let api = Arc::clone(&fixture.api);
    let request = ask(1, PATIENT).to_bytes();
    let waiting = tokio::spawn(async move { api.answer(None, &request).await });
    tokio::task::yield_now().await;
    fixture.submit(&[&payment]);
    fixture.settle(1);
    let Ok(Response::Labelled(after)) = Response::from_bytes(&waiting.await.unwrap()) else {
        panic!("not a page");
    };
    assert_eq!((after.objects.len(), after.height), (2, Height::new(1)));
    for id in ids(&after.objects) {
        let Response::Object { object, height } = fixture.ask(Request::Object(id)).await else {
            panic!("not an object");
        };
        assert_eq!((object.id(), height), (id, Height::new(1)));
    }
    let gone = payment.body.traces[0].inputs[0];
    assert!(matches!(
        fixture.ask(Request::Object(gone)).await,
        Response::Refused(Refused::Unknown(_))
    ));
    let rest = Request::Labelled {
        label,
        after: ids(&after.objects).first().copied(),
        at_least: Height::ZERO,
        wait_ms: 0,
    };
    let Response::Labelled(rest) = fixture.ask(rest).await else {
        panic!("not a page");
    };
    assert_eq!(ids(&rest.objects), ids(&after.objects)[1..]);
    let total: usize = [before, after].iter().map(|page| page.objects.len()).sum();
    assert!(total <= PAGE_OBJECTS_MAX && BALANCE > 0);
}

#[tokio::test]
async fn a_submission_is_answered_by_whoever_takes_it() {
    let mut fixture = Fixture::new();
    let payment = fixture.payment(0, 1);
    let answers = [
        (Taken::Waits, Response::Accepted),
        (
            Taken::Decided(Height::new(9)),
            Response::Decided(Height::new(9)),
        ),
        (
            Taken::Refused(Refused::malformed("no")),
            Response::Refused(Refused::Malformed("no".to_owned())),
        ),
    ];
    for (answer, expected) in answers {
        let api = Arc::clone(&fixture.api);
        let request = Request::Submit(payment.clone()).to_bytes();
        let asked = tokio::spawn(async move { api.answer(None, &request).await });
        let submission = fixture.submissions.recv().await.unwrap();
        assert_eq!(submission.transaction, payment);
        submission.answer.send(answer).unwrap();
        assert_eq!(
            Response::from_bytes(&asked.await.unwrap()).unwrap(),
            expected
        );
    }
}

#[tokio::test]
async fn a_submission_that_cannot_be_taken_is_refused_at_once() {
    let mut fixture = Fixture::new();
    let payment = fixture.payment(0, 1);
    let mut foreign = payment.clone();
    foreign.body.participants = vec![model::ShardId::new(3)];
    assert_eq!(
        fixture.ask(Request::Submit(foreign)).await,
        Response::Refused(Refused::NotServed { shard: SHARD })
    );
    // One submission waits, and there is room for no other.
    let api = Arc::clone(&fixture.api);
    let request = Request::Submit(payment.clone()).to_bytes();
    let waiting = tokio::spawn(async move { api.answer(None, &request).await });
    while fixture.submissions.is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(matches!(
        fixture.ask(Request::Submit(payment.clone())).await,
        Response::Refused(Refused::Busy { retry_ms: 1.. })
    ));
    // The node stops: nobody takes submissions any more.
    fixture.submissions.close();
    drop(fixture.submissions.recv().await);
    let unavailable = Response::Refused(Refused::Unavailable);
    assert_eq!(
        Response::from_bytes(&waiting.await.unwrap()).unwrap(),
        unavailable
    );
    assert_eq!(fixture.ask(Request::Submit(payment)).await, unavailable);
}

#[tokio::test]
async fn a_decision_is_found_after_the_replica_has_forgotten_it() {
    let mut fixture = Fixture::new();
    let (decided, late) = (fixture.payment(0, 1), fixture.payment(0, 2));
    fixture.submit(&[&decided]);
    fixture.settle(1);
    let out_of_time = Refused::OutOfTime(fixture.api.reads.progress());
    for (payment, expected) in [
        (decided, Response::Decided(Height::new(1))),
        (late, Response::Refused(out_of_time.clone())),
    ] {
        let api = Arc::clone(&fixture.api);
        let request = Request::Submit(payment).to_bytes();
        let asked = tokio::spawn(async move { api.answer(None, &request).await });
        let submission = fixture.submissions.recv().await.unwrap();
        let answer = Taken::Refused(out_of_time.clone());
        submission.answer.send(answer).unwrap();
        let answer = asked.await.unwrap();
        assert_eq!(Response::from_bytes(&answer).unwrap(), expected);
    }
}

#[tokio::test]
async fn of_many_submissions_each_has_an_answer_of_its_own() {
    let mut fixture = Fixture::new();
    let mut foreign = fixture.payment(0, 1);
    foreign.body.participants = vec![model::ShardId::new(3)];
    let (first, busy) = (fixture.payment(0, 1), fixture.payment(1, 2));
    let api = Arc::clone(&fixture.api);
    let request = Request::SubmitAll(vec![foreign, first.clone(), busy]).to_bytes();
    let asked = tokio::spawn(async move { api.answer(None, &request).await });
    // There is room for one.
    let submission = fixture.submissions.recv().await.unwrap();
    assert_eq!(submission.transaction, first);
    submission.answer.send(Taken::Waits).unwrap();
    let Response::Taken(taken) = Response::from_bytes(&asked.await.unwrap()).unwrap() else {
        panic!("not what became of them");
    };
    let refused = Taken::Refused(Refused::NotServed { shard: SHARD });
    assert_eq!(taken[..2], [refused, Taken::Waits]);
    assert!(matches!(taken[2], Taken::Refused(Refused::Busy { .. })));
    assert_eq!(taken.len(), 3);
}

#[tokio::test]
async fn submissions_in_one_request_are_bounded() {
    let fixture = Fixture::new();
    let mut small = Fixture::new().payment(0, 1);
    small.body.traces.clear();
    small.openings.clear();
    small.authorizations.clear();
    let request = Request::SubmitAll(vec![small; SUBMIT_MAX + 1]);
    assert!(matches!(
        fixture.ask(request).await,
        Response::Refused(Refused::Malformed(_))
    ));
    assert!(fixture.submissions.is_empty());
}

#[tokio::test]
async fn the_decisions_of_a_block_are_told_when_a_quorum_has_signed_them() {
    let mut fixture = Fixture::new();
    let request = |wait_ms| Request::Results {
        height: Height::new(1),
        wait_ms,
    };
    assert!(matches!(
        fixture.ask(request(0)).await,
        Response::Refused(Refused::NotYet(_))
    ));
    let api = Arc::clone(&fixture.api);
    let asked = tokio::spawn(async move { api.answer(None, &request(60_000).to_bytes()).await });
    let payments = [fixture.payment(0, 1), fixture.payment(1, 2)];
    fixture.submit(&payments.each_ref());
    fixture.settle(1);
    let answer = asked.await.unwrap();
    let Response::Results(results) = Response::from_bytes(&answer).unwrap() else {
        panic!("not the decisions");
    };
    results.verify(&committee(), &mut Zip215).unwrap();
    let decided: BTreeSet<_> = results.results.iter().map(|one| one.transaction).collect();
    assert_eq!(decided, payments.iter().map(|one| one.body.id()).collect());
}

#[tokio::test]
async fn the_head_is_the_highest_that_a_quorum_signed() {
    let mut fixture = Fixture::new();
    assert!(matches!(
        fixture.ask(Request::Head).await,
        Response::Refused(Refused::Unknown(_))
    ));
    for blocks in 1..=2 {
        let payment = fixture.payment(0, 1);
        fixture.submit(&[&payment]);
        fixture.settle(blocks);
        let Response::Head(head) = fixture.ask(Request::Head).await else {
            panic!("not a head");
        };
        assert_eq!(head.head.height, Height::new(blocks));
        head.verify(&committee(), &mut Zip215).unwrap();
    }
}

#[tokio::test]
async fn blocks_are_answered_up_to_the_last_certificate() {
    let mut fixture = Fixture::new();
    for blocks in 1..=3 {
        let payment = fixture.payment(0, 1);
        fixture.submit(&[&payment]);
        fixture.settle(blocks);
    }
    let reads = &fixture.api.reads;
    let all = reads.blocks(Height::new(1)).unwrap().blocks;
    assert!(all.last().unwrap().certificate.is_some());
    let heights: Vec<u64> = all.iter().map(|b| b.block.header.height.number()).collect();
    assert_eq!(heights, [1, 2, 3]);
    assert!(all.iter().all(|block| block.head.is_some()));
    assert_eq!(reads.blocks(Height::new(3)).unwrap().blocks, all[2..]);
    assert_eq!(reads.blocks(Height::new(4)).unwrap().blocks, []);
    let request = encoding::encode(&consensus::message::SyncRequest::Blocks(
        consensus::message::BlocksRequest {
            first: Height::new(2),
        },
    ));
    let answer = crate::sync_server::answer(reads, &request).unwrap();
    let answer: consensus::message::Blocks = encoding::decode(&answer, answer.len()).unwrap();
    assert_eq!(answer.blocks, all[1..]);
    assert_eq!(crate::sync_server::answer(reads, b"garbage"), None);
    assert_eq!(MEMBERS, 4);
}

fn requests() -> Vec<Request> {
    let shard = Shard::new();
    let account = account_of(shard.ledger(), 0);
    let until = Time::from_ms(5);
    vec![
        Request::Status,
        Request::Head,
        Request::Submit(payment(&account, 0, 1, 1, 1, until)),
        Request::Outcome {
            transaction: TransactionId::from_bytes([1; 32]),
            wait_ms: 0,
        },
        Request::Transaction(TransactionId::from_bytes([1; 32])),
        Request::Object(account.id()),
        Request::Labelled {
            label: owner_label(&person(0).public()),
            after: Some(account.id()),
            at_least: Height::ZERO,
            wait_ms: 0,
        },
        Request::SubmitAll(vec![payment(&account, 0, 1, 1, 1, until)]),
        Request::Results {
            height: Height::new(1),
            wait_ms: 0,
        },
        Request::Evidence { after: 1 },
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_comes_in_something_comes_out(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let mut bytes = which.get(&requests()).to_bytes();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        // A valid request may wait for what never happens; this is about what is not one.
        if let Err(error) = Request::from_bytes(&bytes) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let fixture = FIXTURE.with(|fixture| Arc::clone(&fixture.api));
            let answer = runtime.block_on(fixture.answer(None, &bytes));
            let expected = Response::Refused(Refused::malformed(error));
            prop_assert_eq!(Response::from_bytes(&answer), Ok(expected));
        } else {
            let request = Request::from_bytes(&bytes).unwrap();
            prop_assert_eq!(request.to_bytes(), bytes);
        }
    }

    #[test]
    fn responses_are_read_whatever_the_bytes(
        bytes in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        if let Ok(response) = Response::from_bytes(&bytes) {
            prop_assert_eq!(response.to_bytes(), bytes);
        }
    }
}

thread_local! {
    static FIXTURE: Fixture = Fixture::new();
}

#[test]
fn a_wish_to_wait_longer_than_allowed_is_shortened() {
    let longest = Duration::from_millis(WAIT_MS_MAX.into());
    assert_eq!(super::patience(u32::MAX), longest);
    assert_eq!(super::patience(5), Duration::from_millis(5));
}

#[tokio::test]
async fn a_node_agrees_to_a_seat_if_its_operator_has_allowed_it() {
    let mut fixture = Fixture::new();
    let record = founded_with(&fixture.api.applicant);
    let asked = fixture.ask(Request::Consent(record.clone())).await;
    let expected = Refused::NotAllowed(record.terms());
    assert_eq!(asked, Response::Refused(expected));

    let api = Arc::get_mut(&mut fixture.api).expect("nobody else has it");
    api.applicant = applicant(&["any"]);
    let record = founded_with(&api.applicant);
    let Response::Consent(consent) = fixture.ask(Request::Consent(record.clone())).await else {
        panic!("it is allowed");
    };
    let network = genesis().network();
    assert_eq!(consent.verify(network, &record, &mut Zip215), Ok(()));
}
