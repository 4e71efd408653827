//! Transactions of several shards, from the vote of this one to the decision and beyond.

use consensus::replica::AppliedBlock;
use consensus::{Action, Ledger, Record};
use contracts::{Arguments, Calls, Secret, Terms};
use model::block::{Block, BlockRef, Header, encode_borrowed, payload_hash};
use model::genesis::GenesisShard;
use model::merkle::RangeProof;
use model::outbox::outbox_tree;
use model::transaction::Authorized;
use model::{AbortReason, Certificate, Delivery, Genesis, Hash, Head, HeadCertificate, Leaf, Mode};
use model::{NodeDescriptor, NodeId, Parcel, Promise, SecretKey, ShardId, Slot, Verdict};
use system_contracts::cscoin::{Payment, Transfer};

use super::*;

/// The shard that decides.
const OTHER: ShardId = ShardId::new(1);

/// The network of the other tests, with a second shard.
fn two_shards() -> Genesis {
    let mut genesis = genesis();
    let member = |number: u8| NodeDescriptor {
        name: format!("other-{number}"),
        node: NodeId::new(SecretKey::from_seed([200 + number; 32]).public()),
        addresses: Vec::new(),
    };
    genesis.shards.push(GenesisShard {
        shard: OTHER,
        members: (0..4).map(member).collect(),
    });
    genesis.check().unwrap();
    genesis
}

/// A node of the first shard, driven block by block.
struct Scene {
    genesis: Genesis,
    ledger: Ledger,
    store: Store,
    api: Arc<Api>,
}

impl Scene {
    fn new() -> Self {
        let genesis = two_shards();
        let setup = Setup {
            genesis: &genesis,
            shard: SHARD,
            node: node(0),
            labels: Arc::new(SystemLabels),
        };
        let tables = redb::backends::InMemoryBackend::new();
        let (store, start) = Store::open(Arc::new(Disk::default()), tables, setup).unwrap();
        let api = Api {
            reads: Arc::new(Reads::new(store.state(), store.reader())),
            identity: Identity {
                name: "alice".to_owned(),
                node: node(0),
                network: genesis.network(),
            },
            shard: SHARD,
            waiters: Arc::new(Waiters::new(Height::ZERO, Height::ZERO)),
            gauges: Arc::new(Gauges::default()),
            stopper: Stopper::new(),
            submissions: mpsc::channel(1).0,
            applicant: applicant(&[]),
            registry: crate::testing::registry(),
            events: mpsc::channel(1).0,
        };
        Self {
            genesis,
            ledger: start.ledger,
            store,
            api: Arc::new(api),
        }
    }

    /// A payment out of this shard into the other one, which decides.
    fn payment(&self, valid_until: Time) -> Authorized {
        let account = account_of(&self.ledger, 0);
        let mut calls = Calls::new(self.genesis.network());
        let arguments = Arguments {
            inputs: vec![Arc::unwrap_or_clone(account)],
            references: Vec::new(),
            local_parameters: vec![Payment {
                payee: person(1).public(),
                amount: 10,
            }],
            secret_parameters: Secret::NONE,
        };
        calls
            .call(&Transfer { home: Some(OTHER) }, arguments)
            .unwrap();
        let draft = calls.draft(Terms {
            nonce: [1; 16],
            valid_until,
            mode: Mode::Decider(OTHER),
        });
        let formed = draft.sign(&person(0)).finish().unwrap();
        formed.verify(&mut Zip215).unwrap()
    }

    /// Applies a block with these actions at this time.
    fn apply(&mut self, actions: &[Action], time: Time) {
        let entries: Vec<_> = actions.iter().map(Action::as_entry).collect();
        let payload = encode_borrowed(&entries);
        let tip = self.ledger.tip;
        let block = Block {
            header: Header {
                scope: self.ledger.scope,
                slot: Slot::new(tip.height.number() + 1),
                parent: tip.block,
                height: tip.height.next(),
                time,
                payload: payload_hash(&payload),
            },
            payload,
        };
        let record = Record::Block(block.clone());
        self.store.append([&record].into_iter()).unwrap();
        let checkers = system_contracts::checkers();
        let applied = self.ledger.apply(&block, actions, &checkers);
        self.store.applied(&AppliedBlock {
            block: Arc::new(block),
            certificate: None,
            applied: Arc::new(applied),
        });
    }

    fn flush(&mut self) {
        self.store
            .flush(crate::testing::nothing_open())
            .unwrap()
            .commit()
            .unwrap();
    }

    /// What the node refuses with when it is asked for the outcome, and for the transaction.
    async fn refusals(&self, transaction: TransactionId) -> [Refused; 2] {
        let outcome = self.ask_outcome(transaction).await;
        let shown = self.ask(Request::Transaction(transaction)).await;
        [outcome, shown].map(|response| match response {
            Response::Refused(refused) => refused,
            other => panic!("nothing can be shown: {other:?}"),
        })
    }

    async fn ask_outcome(&self, transaction: TransactionId) -> Response {
        let request = Request::Outcome {
            transaction,
            wait_ms: 0,
        };
        self.ask(request).await
    }

    async fn ask(&self, request: Request) -> Response {
        let answer = Arc::clone(&self.api)
            .answer(None, &request.to_bytes())
            .await;
        Response::from_bytes(&answer).unwrap()
    }

    fn progress(&self) -> Progress {
        Progress {
            height: self.ledger.tip.height,
            time: self.ledger.tip.time,
        }
    }
}

/// The abort of a transaction by the shard that decides.
fn abort(scene: &Scene, transaction: &Authorized) -> Action {
    let leaves = vec![Leaf {
        to: SHARD,
        transaction: transaction.id(),
        valid_until: transaction.body().valid_until,
        promise: Promise::Accept(Verdict::Abort(AbortReason::Deadline)),
    }];
    let head = Head {
        scope: *scene.genesis.committee(OTHER).unwrap().unwrap().scope(),
        height: Height::new(1),
        previous: Head::before_first(&scene.genesis.network()),
        block: BlockRef::genesis(&scene.genesis.network()).hash,
        time: scene.ledger.tip.time,
        results: Hash::ZERO,
        outbox: outbox_tree(&leaves, None).root(),
        state: None,
    };
    let parcel = Parcel {
        head: HeadCertificate {
            certificate: Certificate {
                statement: head.statement(),
                signatures: Vec::new(),
            },
            head,
        },
        leaves,
        proof: RangeProof {
            first: 0,
            size: 1,
            path: Vec::new(),
        },
    };
    Action::Deliver(Arc::new(Delivery {
        parcel,
        votes: Vec::new(),
    }))
}

#[tokio::test]
async fn a_transaction_that_the_shard_has_voted_on_is_under_way_beyond_its_deadline() {
    let mut scene = Scene::new();
    let created = scene.ledger.tip.time;
    let deadline = created.plus_ms(30_000);
    let payment = scene.payment(deadline);
    let id = payment.id();
    let [outcome, transaction] = scene.refusals(id).await;
    assert_eq!(outcome, Refused::NotYet(scene.progress()));
    assert_eq!(transaction, Refused::Unknown(scene.progress()));

    let steps = [
        (vec![Action::Prepare(payment.clone())], created.plus_ms(1)),
        (Vec::new(), deadline.plus_ms(1)),
    ];
    for (actions, time) in steps {
        scene.apply(&actions, time);
        let under_way = Refused::UnderWay(scene.progress());
        // From what has changed lately, and from the tables.
        assert_eq!(
            scene.refusals(id).await,
            [(); 2].map(|()| under_way.clone())
        );
        scene.flush();
        assert_eq!(
            scene.refusals(id).await,
            [(); 2].map(|()| under_way.clone())
        );
    }

    let abort = abort(&scene, &payment);
    scene.apply(&[abort], deadline.plus_ms(2));
    // It is decided, and nobody is to believe it before a quorum has signed it.
    for _ in 0..2 {
        let not_yet = Response::Refused(Refused::NotYet(scene.progress()));
        assert_eq!(scene.ask_outcome(id).await, not_yet);
        let shown = scene.ask(Request::Transaction(id)).await;
        assert!(matches!(shown, Response::Transaction(found) if found.result.is_none()));
        scene.flush();
    }
    let decided = scene.api.reads.decided(&id).unwrap();
    assert_eq!(decided, Some(Height::new(3)));
}

#[tokio::test]
async fn a_transaction_that_the_shard_has_never_begun_is_unknown_past_its_deadline() {
    let mut scene = Scene::new();
    let created = scene.ledger.tip.time;
    let payment = scene.payment(created.plus_ms(10));
    scene.apply(&[Action::Prepare(payment.clone())], created.plus_ms(11));
    let [outcome, transaction] = scene.refusals(payment.id()).await;
    assert_eq!(outcome, Refused::NotYet(scene.progress()));
    assert_eq!(transaction, Refused::Unknown(scene.progress()));
    assert!(scene.progress().time > payment.body().valid_until);
}
