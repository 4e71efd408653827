//! One value of each type that is hashed, signed, stored or sent, for the tests of their bytes.

mod membership;
mod peers;
mod promises;
mod state;

use std::fmt::Debug;
use std::slice::from_ref;

use model::api::{
    Act, EvidencePage, Exhibit, Found, NotReady, Page, Progress, Refused, Request, Response,
    Status, Taken, owner_label,
};
use model::block::{BlockRef, Header, encode_entries, payload_hash};
use model::merkle::{self, AbsenceProof, Lookup, PresenceProof};
use model::receipt::{CertifiedResult, CertifiedResults};
use model::result::results_tree;
use model::shard::Seat;
use model::state::{Inventory, Piece};
use model::statement::Scope;
use model::{
    AbortReason, Block, Certificate, Committee, Entry, Epoch, Finalized, Genesis, Hash, Head,
    HeadCertificate, Height, Invalid, Lie, Malpractice, Mode, News, Object, Outcome, Receipt,
    ShardId, Signature, Slot, Statement, Time, Trace, TraceId, Transaction, TransactionId,
    TransactionResult, Vote, encoding,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::world::{
    OPEN, OTHER, created, key, node, output, secret, shard, sign, thing, trace, transaction,
};

/// A value as its bytes, and the way to read such bytes.
pub(crate) struct Sample {
    /// A name for the file of the vector.
    pub(crate) name: &'static str,
    /// The canonical encoding.
    pub(crate) bytes: Vec<u8>,
    /// What is derived of the value: identifiers, hashes, signing bytes.
    pub(crate) derived: Vec<(&'static str, Vec<u8>)>,
    /// The encoding of what was read, if anything was.
    pub(crate) recode: fn(&[u8]) -> Option<Vec<u8>>,
}

/// Large enough for every sample.
const LIMIT: usize = 1 << 16;

fn sample<T>(name: &'static str, value: &T, derived: &[(&'static str, &[u8])]) -> Sample
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let bytes = encoding::encode(value);
    let read: T = encoding::decode(&bytes, LIMIT).expect("what was written is read");
    assert_eq!(&read, value, "{name}");
    Sample {
        name,
        bytes,
        derived: derived
            .iter()
            .map(|(what, bytes)| (*what, bytes.to_vec()))
            .collect(),
        recode: |bytes| {
            let value: T = encoding::decode(bytes, LIMIT).ok()?;
            Some(encoding::encode(&value))
        },
    }
}

pub(crate) use promises::{a_leaf, malpractice as broken_promises};

pub(crate) fn genesis() -> Genesis {
    crate::genesis::genesis()
}

/// A call with a dependency, by two people, in a network that starts with [`genesis`].
pub(crate) fn signed_transaction() -> Transaction {
    let (a, b) = (thing(OPEN, 0, 1), thing(OTHER, 1, 4));
    let below = Trace {
        contract: OTHER,
        local_parameters: [1, 2, 3].into(),
        local_returns: [4].into(),
        ..trace(&[&b], 0)
    };
    let above = Trace {
        procedure: "call".to_owned(),
        outputs: vec![output(1, 5), output(4, 6)],
        dependencies: vec![below],
        ..trace(&[&a], 0)
    };
    let mut body = transaction(&[above], &[a.clone(), b.clone()], &[]).body;
    body.network = genesis().network();
    body.mode = Mode::Decider(shard(1));
    let mut openings = vec![a, b];
    openings.sort_by_key(Object::id);
    sign(body, openings, &[1, 2])
}

pub(crate) fn committee(number: u32) -> Committee {
    let committee = genesis().committee(shard(number)).expect("in the document");
    committee.expect("nodes that may form a shard")
}

/// A statement with the signatures of all members but the last one.
fn certificate(committee: &Committee, statement: Statement) -> Certificate {
    let bytes = statement.signing_bytes(committee.scope());
    let signature = |index: usize| -> (Seat, Signature) {
        let member = committee.members()[index];
        let person = (1..=20).find(|person| node(*person) == member);
        let secret = secret(person.expect("one of the people"));
        (Seat::new(index).expect("few seats"), secret.sign(&bytes))
    };
    Certificate {
        statement,
        signatures: (0..committee.size() - 1).map(signature).collect(),
    }
}

/// The decisions of a block: on `transaction`, and on another one.
pub(crate) fn decisions(transaction: TransactionId) -> [TransactionResult; 2] {
    [transaction, TransactionId::from_bytes([9; 32])].map(|transaction| TransactionResult {
        transaction,
        outcome: Outcome::Committed,
    })
}

/// A decision on `transaction` by a shard that decided on another one in the same block.
pub(crate) fn certified_result(number: u32, transaction: TransactionId) -> CertifiedResult {
    certified_by(&committee(number), 7, transaction)
}

/// As [`certified_result`], by a committee, at a height.
pub(crate) fn certified_by(
    committee: &Committee,
    height: u64,
    transaction: TransactionId,
) -> CertifiedResult {
    let results = decisions(transaction);
    let tree = results_tree(&results);
    let Lookup::Present(proof) = tree.prove(&results[0].key()) else {
        panic!("the decision is in the tree");
    };
    let head = Head {
        results: tree.root(),
        height: Height::new(height),
        ..head(committee)
    };
    CertifiedResult {
        result: results[0],
        proof,
        head: HeadCertificate {
            certificate: certificate(committee, head.statement()),
            head,
        },
    }
}

/// A head of a committee at a height that says this to other shards.
pub(crate) fn signed_head(committee: &Committee, height: u64, outbox: Hash) -> HeadCertificate {
    let head = Head {
        height: Height::new(height),
        outbox,
        ..head(committee)
    };
    HeadCertificate {
        certificate: certificate(committee, head.statement()),
        head,
    }
}

/// All decisions of that block.
pub(crate) fn certified_results(number: u32, transaction: TransactionId) -> CertifiedResults {
    CertifiedResults {
        head: certified_result(number, transaction).head,
        results: decisions(transaction).to_vec(),
    }
}

/// A receipt that proves a commitment by both shards.
pub(crate) fn receipt() -> Receipt {
    let transaction = signed_transaction();
    let id = transaction.body.id();
    Receipt {
        genesis: genesis(),
        steps: Vec::new(),
        transaction,
        results: vec![certified_result(1, id), certified_result(4, id)],
    }
}

fn head(committee: &Committee) -> Head {
    Head {
        scope: *committee.scope(),
        height: Height::new(7),
        previous: Head::before_first(&committee.scope().network),
        block: Hash::from_bytes([1; 32]),
        time: Time::from_ms(1_700_000_000_001),
        results: Hash::from_bytes([2; 32]),
        outbox: Hash::from_bytes([3; 32]),
        state: None,
    }
}

fn block(entries: &[Entry]) -> Block {
    let scope = *committee(1).scope();
    let payload = encode_entries(entries);
    Block {
        header: Header {
            scope,
            slot: Slot::new(300),
            parent: BlockRef::genesis(&scope.network),
            height: Height::new(7),
            time: Time::from_ms(1_700_000_000_001),
            payload: payload_hash(&payload),
        },
        payload,
    }
}

fn statements() -> [(&'static str, Statement); 6] {
    let hash = Hash::from_bytes([0xab; 32]);
    let slot = Slot::new(300);
    let vote = |vote| Statement::Vote { slot, vote };
    let height = Height::new(7);
    [
        (
            "statement-proposal",
            Statement::Proposal { slot, block: hash },
        ),
        ("statement-notarize", vote(Vote::Notarize(hash))),
        ("statement-skip", vote(Vote::Skip)),
        ("statement-finalize", vote(Vote::Finalize(hash))),
        ("statement-head", Statement::Head { height, head: hash }),
        ("statement-succession", Statement::Succession { next: hash }),
    ]
}

fn invalid() -> [(&'static str, Invalid); 6] {
    let trace = TraceId::from_bytes([1; 32]);
    let object = thing(OPEN, 0, 0).id();
    let contract = OPEN;
    [
        ("result-not-active", Invalid::NotActive { trace, object }),
        ("result-repeated", Invalid::Repeated { trace, object }),
        (
            "result-outputs-without-inputs",
            Invalid::OutputsWithoutInputs { trace },
        ),
        (
            "result-foreign-type",
            Invalid::ForeignType {
                trace,
                contract,
                object,
            },
        ),
        (
            "result-unknown-contract",
            Invalid::UnknownContract { trace, contract },
        ),
        (
            "result-checker-refused",
            Invalid::CheckerRefused { trace, contract },
        ),
    ]
}

/// The reasons to abort that have to do with other transactions and other shards.
fn hindered() -> [(&'static str, AbortReason); 5] {
    let object = thing(OPEN, 0, 0).id();
    let holder = TransactionId::from_bytes([6; 32]);
    let until = Time::from_ms(1_700_000_000_000);
    let (contract, home, decider) = (OPEN, shard(4), shard(4));
    let locked = AbortReason::Locked {
        object,
        holder,
        until,
    };
    [
        ("result-locked", locked),
        ("result-home", AbortReason::Home { contract, home }),
        ("result-decider", AbortReason::Decider { contract, decider }),
        ("result-deadline", AbortReason::Deadline),
        ("result-refused", AbortReason::Refused { shard: shard(4) }),
    ]
}

fn results() -> Vec<Sample> {
    let transaction = TransactionId::from_bytes([5; 32]);
    let committed = ("result-committed", Outcome::Committed);
    let aborted = |(name, reason)| (name, Outcome::Aborted(reason));
    let invalid = invalid().map(|(name, reason)| (name, AbortReason::Invalid(reason)));
    std::iter::once(committed)
        .chain(invalid.into_iter().chain(hindered()).map(aborted))
        .map(|(name, outcome)| {
            let result = TransactionResult {
                transaction,
                outcome,
            };
            sample(name, &result, &[("value", result.value().as_ref())])
        })
        .collect()
}

fn malpractice(scope: &Scope) -> Malpractice {
    let [(_, proposal), ..] = statements();
    let Statement::Proposal { slot, .. } = proposal else {
        panic!("the first statement is a proposal");
    };
    let block = Hash::from_bytes([0xcd; 32]);
    let signed = |statement: Statement| {
        let signature = secret(1).sign(&statement.signing_bytes(scope));
        (statement, signature)
    };
    Malpractice {
        node: node(1),
        lie: Lie::Statements {
            scope: *scope,
            first: signed(proposal),
            second: signed(Statement::Proposal { slot, block }),
        },
    }
}

fn merkle_proofs() -> Vec<Sample> {
    let leaves: Vec<Hash> = (0..5_u8).map(|leaf| merkle::leaf_hash(&[leaf])).collect();
    let inclusion = merkle::prove(&leaves, 3).expect("the fourth of five leaves");
    let tree = merkle::SortedTree::new(
        (0..5_u8)
            .map(|key| (Hash::from_bytes([10 * key; 32]), leaves[usize::from(key)]))
            .collect(),
    );
    let prove = |key| tree.prove(&Hash::from_bytes([key; 32]));
    let (Lookup::Present(present), Lookup::Absent(absent)) = (prove(20), prove(25)) else {
        panic!("one key is in the tree and the other is not");
    };
    vec![
        sample(
            "inclusion-proof",
            &inclusion,
            &[("root", merkle::root(&leaves).as_ref())],
        ),
        sample::<PresenceProof>(
            "presence-proof",
            &present,
            &[("root", tree.root().as_ref())],
        ),
        sample::<AbsenceProof>("absence-proof", &absent, &[("root", tree.root().as_ref())]),
    ]
}

fn shards() -> Vec<Sample> {
    let committee = committee(1);
    let prepare = Entry::Prepare(signed_transaction());
    let deliver = Entry::Deliver(promises::delivery());
    let block = block(from_ref(&prepare));
    let delivering = self::block(&[deliver, prepare]);
    let head = head(&committee);
    let certified = HeadCertificate {
        certificate: certificate(&committee, head.statement()),
        head: head.clone(),
    };
    let slot = block.header.slot;
    let vote = Vote::Finalize(block.hash());
    let finalization = certificate(&committee, Statement::Vote { slot, vote });
    let finalized = Finalized {
        block: block.clone(),
        certificate: Some(finalization.clone()),
        head: Some(certified.clone()),
    };
    let scope = *committee.scope();
    let mut samples = vec![
        sample(
            "scope",
            &scope,
            &[("committee", committee.digest().as_ref())],
        ),
        sample(
            "block",
            &block,
            &[
                ("hash", block.hash().as_ref()),
                ("payload", payload_hash(&block.payload).as_ref()),
                ("first parent", block.header.parent.hash.as_ref()),
            ],
        ),
        sample(
            "block-delivery",
            &delivering,
            &[("payload", payload_hash(&delivering.payload).as_ref())],
        ),
        sample("certificate", &finalization, &[]),
        sample("finalized", &finalized, &[]),
        sample(
            "inventory",
            &Inventory {
                head: certified.clone(),
                header: block.header.clone(),
                pieces: vec![state::decided().hash(), Piece::Next(None).hash()],
            },
            &[("last piece", Piece::Next(None).hash().as_ref())],
        ),
        sample(
            "head",
            &head,
            &[
                ("hash", head.hash().as_ref()),
                ("before the first", head.previous.as_ref()),
            ],
        ),
        sample("head-certificate", &certified, &[]),
        sample("malpractice", &malpractice(&scope), &[]),
    ];
    for (name, statement) in statements() {
        let signing = statement.signing_bytes(&scope);
        samples.push(sample(name, &statement, &[("signing bytes", &signing)]));
    }
    samples
}

fn data() -> Vec<Sample> {
    let transaction = signed_transaction();
    let network = transaction.body.network;
    let id = transaction.body.id();
    let trace = &transaction.body.traces[0];
    let object = created(trace).remove(1);
    let signing = model::transaction::authorization_bytes(&id);
    let all_votes = model::TransactionBody {
        mode: Mode::AllVotes,
        ..transaction.body.clone()
    };
    vec![
        sample("object", &object, &[("id", object.id().as_ref())]),
        sample("trace", trace, &[("id", trace.id(&network).as_ref())]),
        sample("body-decider", &transaction.body, &[("id", id.as_ref())]),
        sample(
            "body-all-votes",
            &all_votes,
            &[("id", all_votes.id().as_ref())],
        ),
        sample(
            "authorization",
            &transaction.authorizations[0],
            &[("signing bytes", &signing)],
        ),
        sample("transaction", &transaction, &[("id", id.as_ref())]),
        sample("public-key", &key(1), &[]),
        sample("genesis", &genesis(), &[("network", network.as_ref())]),
        sample("receipt", &receipt(), &[]),
        sample("receipt-later", &crate::lineage::receipt(), &[]),
        sample("system-contract", &model::ContractId::system("CSCoin"), &[]),
        sample("epoch", &Epoch::new(1 << 40), &[]),
    ]
}

/// One of each kind of question to a node.
fn questions() -> Vec<Sample> {
    let (plan, _, _) = crate::epoch::samples();
    let transaction = signed_transaction();
    let id = transaction.body.id();
    let object = created(&transaction.body.traces[0]).remove(1).id();
    vec![
        sample("api-status-request", &Request::Status, &[]),
        sample("api-head-request", &Request::Head, &[]),
        sample("api-submit", &Request::Submit(transaction.clone()), &[]),
        sample(
            "api-outcome-request",
            &Request::Outcome {
                transaction: id,
                wait_ms: 5_000,
            },
            &[],
        ),
        sample("api-transaction-request", &Request::Transaction(id), &[]),
        sample("api-object-request", &Request::Object(object), &[]),
        sample(
            "api-labelled-request",
            &Request::Labelled {
                label: owner_label(&key(1)),
                after: Some(object),
                at_least: Height::new(7),
                wait_ms: 0,
            },
            &[],
        ),
        sample(
            "api-submit-all",
            &Request::SubmitAll(vec![transaction]),
            &[],
        ),
        sample(
            "api-results-request",
            &Request::Results {
                height: Height::new(7),
                wait_ms: 5_000,
            },
            &[],
        ),
        sample(
            "api-consent-request",
            &Request::Consent(membership::invited()),
            &[],
        ),
        sample(
            "api-evidence-request",
            &Request::Evidence { after: 32 },
            &[],
        ),
        sample(
            "api-changes-request",
            &Request::Changes(vec![(ShardId::new(0), Epoch::new(2))]),
            &[],
        ),
        sample("api-acts-request", &Request::Acts { after: 3 }, &[]),
        sample("api-approve-request", &Request::Approve(plan), &[]),
        sample("api-cosign-request", &Request::Cosign(Epoch::new(2)), &[]),
        sample("api-peers-request", &Request::Peers, &[]),
    ]
}

/// One of each kind of answer of a node.
fn answers() -> Vec<Sample> {
    let (_, _, change) = crate::epoch::samples();
    let transaction = signed_transaction();
    let result = certified_result(1, transaction.body.id());
    let cosigned = result.head.certificate.signatures[0].1;
    let act = Act {
        transaction: transaction.clone(),
        result: result.clone(),
    };
    let object = created(&transaction.body.traces[0]).remove(1);
    let height = Height::new(7);
    let tip = Progress {
        height,
        time: Time::from_ms(1_700_000_000_000),
    };
    let status = Status {
        name: "n0".to_owned(),
        node: node(1),
        network: transaction.body.network,
        shard: ShardId::new(1),
        version: "0.1.0".to_owned(),
        tip,
        head: result.head.head.hash(),
        certified: height,
        linked: 1,
        committee: 4,
        waiting: 2,
        not_ready: vec![NotReady::TooFewLinks {
            linked: 1,
            needed: 2,
        }],
    };
    let taken = vec![
        Taken::Waits,
        Taken::Decided(height),
        Taken::Refused(Refused::Busy { retry_ms: 50 }),
    ];
    let results = certified_results(1, transaction.body.id());
    let page = Page {
        objects: vec![object.clone()],
        height,
        more: false,
    };
    let scope = result.head.head.scope;
    let evidence = EvidencePage {
        exhibits: vec![Exhibit {
            seen: tip,
            record: malpractice(&scope),
        }],
        more: true,
    };
    let found = Found {
        transaction,
        height,
        result: Some(result.clone()),
    };
    vec![
        sample("api-status", &Response::Status(status), &[]),
        sample("api-head", &Response::Head(result.head.clone()), &[]),
        sample("api-accepted", &Response::Accepted, &[]),
        sample("api-decided", &Response::Decided(height), &[]),
        sample("api-outcome", &Response::Outcome(result), &[]),
        sample("api-transaction", &Response::Transaction(found), &[]),
        sample("api-object", &Response::Object { object, height }, &[]),
        sample("api-labelled", &Response::Labelled(page), &[]),
        sample(
            "api-busy",
            &Response::Refused(Refused::Busy { retry_ms: 50 }),
            &[],
        ),
        sample("api-not-yet", &Response::Refused(Refused::NotYet(tip)), &[]),
        sample("api-taken", &Response::Taken(taken), &[]),
        sample("api-results", &Response::Results(results), &[]),
        sample(
            "api-consent",
            &Response::Consent(membership::consent()),
            &[],
        ),
        sample(
            "api-not-allowed",
            &Response::Refused(Refused::NotAllowed(membership::invited().terms())),
            &[],
        ),
        sample("api-evidence", &Response::Evidence(evidence), &[]),
        sample("news-changed", &News::Changed(change.clone()), &[]),
        sample("news-acted", &News::Acted(act.clone()), &[]),
        sample("api-changes", &Response::Changes(vec![change]), &[]),
        sample("api-acts", &Response::Acts(vec![act]), &[]),
        sample("api-cosigned", &Response::Cosigned(cosigned), &[]),
        sample(
            "api-not-approved",
            &Response::Refused(Refused::NotApproved(membership::invited().terms())),
            &[],
        ),
    ]
}

/// All samples.
pub(crate) fn all() -> Vec<Sample> {
    let mut samples = data();
    samples.extend(shards());
    samples.extend(promises::all());
    samples.extend(membership::all());
    samples.extend(state::all());
    samples.extend(results());
    samples.extend(merkle_proofs());
    samples.extend(questions());
    samples.extend(answers());
    samples.extend(peers::all());
    samples
}
