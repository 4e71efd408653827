use model::block::{Entry, Header, encode_entries, payload_hash};
use model::checker::{Call, Checker, Refusal};
use model::encoding::Bytes;
use model::genesis::{GenesisObject, GenesisShard};
use model::key::Zip215;
use model::object::ObjectType;
use model::result::{AbortReason, Outcome};
use model::shard::{NodeDescriptor, Seat};
use model::transaction::{Mode, Transaction, TransactionBody};
use model::{Authorization, Block, ContractId, Output, Profile, SecretKey, Slot, Trace};

use super::*;

const SHARD: ShardId = ShardId::new(0);

/// A contract whose checker says yes to everything.
struct Permissive;

impl Checker for Permissive {
    fn defines(&self, name: &str) -> bool {
        name == "Thing"
    }

    fn check(&self, _call: &Call<'_>) -> Result<(), Refusal> {
        Ok(())
    }
}

impl Checkers for Permissive {
    fn checker(&self, contract: &ContractId) -> Option<&dyn Checker> {
        (*contract == things()).then_some(self)
    }
}

fn things() -> ContractId {
    ContractId::system("things")
}

fn keys() -> Vec<SecretKey> {
    (1..=4)
        .map(|seed| SecretKey::from_seed([seed; 32]))
        .collect()
}

fn genesis() -> Genesis {
    let members = keys()
        .iter()
        .enumerate()
        .map(|(index, key)| NodeDescriptor {
            name: format!("n{index}"),
            node: NodeId::new(key.public()),
            addresses: Vec::new(),
        })
        .collect();
    Genesis {
        name: "audited".into(),
        created: Time::from_ms(1_000),
        profile: Profile::Open,
        shards: vec![GenesisShard {
            shard: SHARD,
            members,
        }],
        mappings: Vec::new(),
        objects: vec![GenesisObject {
            object_type: ObjectType {
                contract: things(),
                name: "Thing".into(),
            },
            home: SHARD,
            content: Bytes::from(vec![1]),
        }],
    }
}

/// A transaction that replaces the genesis object by another one.
fn transaction(nonce: u8) -> Transaction {
    let genesis = genesis();
    let (input, object) = genesis
        .objects_of(SHARD)
        .pop_first()
        .expect("genesis has an object");
    let body = TransactionBody {
        network: genesis.network(),
        nonce: [nonce; 16],
        valid_until: Time::from_ms(20_000),
        mode: Mode::AllVotes,
        participants: vec![SHARD],
        traces: vec![Trace {
            contract: things(),
            procedure: "replace".into(),
            inputs: vec![input],
            references: Vec::new(),
            outputs: vec![Output {
                type_name: "Thing".into(),
                home: SHARD,
                content: Bytes::from(vec![nonce]),
            }],
            local_parameters: Bytes::default(),
            local_returns: Bytes::default(),
            dependencies: Vec::new(),
        }],
    };
    let id = body.id();
    Transaction {
        body,
        openings: vec![(*object).clone()],
        authorizations: vec![Authorization::new(&SecretKey::from_seed([9; 32]), &id)],
    }
}

/// A chain as an honest shard makes it, with the decisions that are claimed in its heads.
fn chain(blocks: &[(Vec<Transaction>, Vec<Outcome>)]) -> Vec<Finalized> {
    let genesis = genesis();
    let committee = genesis
        .committee(SHARD)
        .expect("the shard is there")
        .expect("it has four members");
    let scope = *committee.scope();
    let mut parent = BlockRef::genesis(&scope.network);
    let mut previous = Head::before_first(&scope.network);
    let mut chain = Vec::new();
    for (number, (transactions, outcomes)) in (1_u64..).zip(blocks) {
        let entries: Vec<Entry> = transactions.iter().cloned().map(Entry::Prepare).collect();
        let payload = encode_entries(&entries);
        let time = Time::from_ms(1_000 + number);
        let header = Header {
            scope,
            slot: Slot::new(number),
            parent,
            height: Height::new(number),
            time,
            payload: payload_hash(&payload),
        };
        let block = Block { header, payload };
        parent = block.name();
        let results: Vec<TransactionResult> = transactions
            .iter()
            .zip(outcomes)
            .map(|(transaction, outcome)| TransactionResult {
                transaction: transaction.body.id(),
                outcome: *outcome,
            })
            .collect();
        let head = Head {
            scope,
            height: Height::new(number),
            previous,
            block: parent.hash,
            time,
            results: results_tree(&results).root(),
            outbox: merkle::root(&[]),
            state: None,
        };
        previous = head.hash();
        let finalize = Statement::Vote {
            slot: parent.slot,
            vote: Vote::Finalize(parent.hash),
        };
        chain.push(Finalized {
            block,
            certificate: Some(certificate(finalize)),
            head: Some(HeadCertificate {
                certificate: certificate(head.statement()),
                head,
            }),
        });
    }
    chain
}

/// The signatures of members 0, 1 and 2.
fn certificate(statement: Statement) -> Certificate {
    let network = genesis().network();
    let scope = model::statement::Scope {
        network,
        shard: SHARD,
        epoch: model::Epoch::ZERO,
    };
    let signatures = keys()
        .iter()
        .take(3)
        .enumerate()
        .map(|(index, key)| {
            let seat = Seat::new(index).expect("a small seat");
            (seat, key.sign(&statement.signing_bytes(&scope)))
        })
        .collect();
    Certificate {
        statement,
        signatures,
    }
}

fn audit(chain: &[Finalized]) -> Result<(Height, Hash), Finding> {
    let mut replay =
        Replay::new(&genesis(), SHARD, Arc::new(Permissive)).expect("the shard is there");
    for block in chain {
        replay.block(block, &mut Zip215)?;
    }
    replay.finish()
}

#[track_caller]
fn refused(chain: &[Finalized], expected: &Problem, blamed: usize) {
    let finding = audit(chain).expect_err("the audit should find something");
    assert_eq!(finding.problem, *expected);
    assert_eq!(finding.signers.len(), blamed, "{finding:?}");
}

fn double_spend() -> Vec<(Vec<Transaction>, Vec<Outcome>)> {
    let second = transaction(2);
    let input = second.body.traces[0].inputs[0];
    let trace = second.body.traces[0].id(&second.body.network);
    let inactive = model::Invalid::NotActive {
        trace,
        object: input,
    };
    vec![
        (vec![transaction(1)], vec![Outcome::Committed]),
        (
            vec![second],
            vec![Outcome::Aborted(AbortReason::Invalid(inactive))],
        ),
    ]
}

#[test]
fn an_honest_chain_is_in_order() {
    let blocks = chain(&double_spend());
    let (height, head) = audit(&blocks).expect("the chain is honest");
    assert_eq!(height, Height::new(2));
    let last = blocks[1].head.as_ref().expect("the block has a head");
    assert_eq!(head, last.head.hash());
}

#[test]
fn a_quorum_that_signs_a_double_spend_is_named() {
    let mut lie = double_spend();
    lie[1].1 = vec![Outcome::Committed];
    refused(&chain(&lie), &Problem::OtherResults, 3);
}

#[test]
fn a_chain_with_a_gap_or_another_order_is_refused() {
    let blocks = chain(&double_spend());
    refused(&blocks[1..], &Problem::Gap, 0);
    refused(&[blocks[0].clone(), blocks[0].clone()], &Problem::Gap, 0);
}

#[test]
fn a_block_with_another_payload_is_refused() {
    let mut blocks = chain(&double_spend());
    blocks[0].block.payload = encode_entries(&[]);
    refused(&blocks, &Problem::Payload, 0);
}

#[test]
fn a_forged_user_signature_is_found() {
    let mut forged = transaction(1);
    forged.authorizations[0].signature = SecretKey::from_seed([8; 32]).sign(b"something else");
    let id = forged.body.id();
    let blocks = chain(&[(vec![forged], vec![Outcome::Committed])]);
    refused(&blocks, &Problem::Forged(id), 3);
}

#[test]
fn a_chain_without_a_last_certificate_is_not_final() {
    let mut blocks = chain(&double_spend());
    blocks[1].certificate = None;
    refused(&blocks, &Problem::NotFinal, 0);
    // A certificate of a descendant is enough for the blocks before it.
    let mut blocks = chain(&double_spend());
    blocks[0].certificate = None;
    audit(&blocks).expect("the second block makes the first one final");
}

#[test]
fn a_certificate_of_something_else_proves_nothing() {
    let mut blocks = chain(&double_spend());
    blocks[0].certificate = blocks[1].certificate.clone();
    refused(&blocks, &Problem::Certificate, 0);
    let mut blocks = chain(&double_spend());
    blocks[0].head = blocks[1].head.clone();
    refused(&blocks, &Problem::Certificate, 0);
}

#[test]
fn a_transaction_is_decided_once() {
    let first = transaction(1);
    let again = vec![
        (vec![first.clone()], vec![Outcome::Committed]),
        (vec![first], Vec::new()),
    ];
    audit(&chain(&again)).expect("the second entry is ignored");
}
