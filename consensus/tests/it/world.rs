//! What the tests share: a shard with its keys, a contract, people with objects, and the statements,
//! blocks and certificates that members of the shard could make.

use std::sync::Arc;

use consensus::message::{HeadSignature, Proposal, SignedVote};
use consensus::replica::Setup;
use consensus::{Ledger, Message, Replica, Shards, bft::Pace};
use model::block::{BlockRef, Entry, Header, encode_entries, payload_hash};
use model::genesis::{GenesisObject, GenesisShard};
use model::key::Zip215;
use model::shard::Seat;
use model::statement::Scope;
use model::transaction::Authorized;
use model::{
    Authorization, Block, Bytes, Call, Certificate, Checker, Checkers, Committee, ContractId,
    Genesis, Hash, Head, HeadCertificate, Height, Mode, NodeDescriptor, NodeId, Object, ObjectType,
    Output, Profile, PublicKey, Refusal, SecretKey, ShardId, Signature, Slot, Statement, Time,
    Trace, Transaction, TransactionBody, Vote, placement,
};

/// The shard that all tests are about.
pub(crate) const SHARD: ShardId = ShardId::new(0);

/// When the network was made; the clocks of all members begin here.
pub(crate) const CREATED: Time = Time::from_ms(1_000_000);

/// The only type that the contract defines.
const THING: &str = "thing";

/// The contract: a thing belongs to the key that it holds, and whoever owns it may `give` it.
struct Things;

impl Checker for Things {
    fn defines(&self, name: &str) -> bool {
        name == THING
    }

    fn check(&self, call: &Call<'_>) -> Result<(), Refusal> {
        let consents = |thing: &Arc<Object>| {
            call.signers
                .iter()
                .any(|signer| signer.as_bytes()[..] == thing.content[..32])
        };
        if call.procedure == "give" && call.inputs.iter().all(consents) {
            Ok(())
        } else {
            Err(Refusal("not given by its owner"))
        }
    }
}

struct Contracts;

impl Checkers for Contracts {
    fn checker(&self, contract: &ContractId) -> Option<&dyn Checker> {
        (*contract == things()).then_some(&Things as &dyn Checker)
    }
}

fn things() -> ContractId {
    ContractId::system("things")
}

/// A member key, by seat.
pub(crate) fn member(seat: usize) -> SecretKey {
    SecretKey::from_seed([u8::try_from(100 + seat).expect("a small shard"); 32])
}

/// A user's key.
pub(crate) fn person(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

pub(crate) fn seat(index: usize) -> Seat {
    Seat::new(index).expect("a small shard")
}

/// A network with one shard.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) genesis: Genesis,
    pub(crate) committee: Committee,
    pub(crate) shards: Shards,
    pub(crate) pace: Pace,
}

impl World {
    /// A shard of so many members and so many things, which belong to person 1.
    pub(crate) fn new(members: usize, things_count: u8) -> Self {
        let descriptor = |index: usize| NodeDescriptor {
            name: format!("node-{index}"),
            node: NodeId::new(member(index).public()),
            addresses: Vec::new(),
        };
        let genesis = Genesis {
            name: "things".to_owned(),
            created: CREATED,
            profile: Profile::Open,
            shards: vec![GenesisShard {
                shard: SHARD,
                members: (0..members).map(descriptor).collect(),
            }],
            mappings: Vec::new(),
            objects: (0..things_count)
                .map(|number| GenesisObject {
                    object_type: ObjectType {
                        contract: things(),
                        name: THING.to_owned(),
                    },
                    home: SHARD,
                    content: content(&person(1).public(), number),
                })
                .collect(),
        };
        let committee = genesis.committee(SHARD).expect("the shard is there");
        let shards = Shards::of_genesis(&genesis, SHARD).expect("the shard is there");
        Self {
            committee: committee.expect("a committee"),
            shards: shards.expect("committees"),
            genesis,
            pace: Pace::default(),
        }
    }

    pub(crate) fn scope(&self) -> Scope {
        *self.committee.scope()
    }

    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::genesis(&self.genesis, SHARD)
    }

    /// The replica of a member above a ledger, as it is before anything is restored.
    pub(crate) fn replica_above(&self, index: usize, ledger: Ledger) -> Replica {
        let setup = Setup {
            shards: self.shards.clone(),
            seat: seat(index),
            signer: Box::new(member(index)),
            check: Box::new(Zip215),
            checkers: Arc::new(Contracts),
            pace: self.pace,
        };
        Replica::new(setup, ledger)
    }

    pub(crate) fn checkers(&self) -> impl Checkers + use<> {
        Contracts
    }

    /// The first things, in the order of their numbers.
    pub(crate) fn things(&self) -> Vec<Object> {
        let mut things: Vec<Object> = self
            .genesis
            .objects_of(SHARD)
            .into_values()
            .map(Arc::unwrap_or_clone)
            .collect();
        things.sort_by_key(|thing| thing.index);
        things
    }

    /// Person 1 gives a thing to person 2, with a deadline so long after the beginning.
    pub(crate) fn gift(&self, thing: &Object, nonce: u8, valid_ms: u64) -> Transaction {
        let trace = Trace {
            contract: things(),
            procedure: "give".to_owned(),
            inputs: vec![thing.id()],
            references: Vec::new(),
            outputs: vec![Output {
                type_name: THING.to_owned(),
                home: SHARD,
                content: content(&person(2).public(), 0),
            }],
            local_parameters: [].into(),
            local_returns: [].into(),
            dependencies: Vec::new(),
        };
        let valid_until = CREATED.plus_ms(valid_ms);
        self.transaction(vec![trace], std::slice::from_ref(thing), nonce, valid_until)
    }

    /// The gift of the thing with this number, good for half a minute after the beginning.
    pub(crate) fn gift_of(&self, number: usize) -> Transaction {
        self.gift(&self.things()[number], 0, 30_000)
    }

    /// A transaction that person 1 signs.
    pub(crate) fn transaction(
        &self,
        traces: Vec<Trace>,
        openings: &[Object],
        nonce: u8,
        valid_until: Time,
    ) -> Transaction {
        let mut body = TransactionBody {
            network: self.genesis.network(),
            nonce: [nonce; 16],
            valid_until,
            mode: Mode::AllVotes,
            participants: Vec::new(),
            traces,
        };
        let homes = openings.iter().map(|object| object.home);
        body.participants = placement::participants(&body, homes).into_iter().collect();
        let id = body.id();
        Transaction {
            body,
            openings: openings.to_vec(),
            authorizations: vec![Authorization::new(&person(1), &id)],
        }
    }

    pub(crate) fn authorized(&self, transaction: &Transaction) -> Authorized {
        let checked = transaction.clone().check_form(&self.genesis.network());
        checked.expect("well-formed").trust()
    }

    /// What a member signs, signed.
    pub(crate) fn sign(&self, index: usize, statement: &Statement) -> Signature {
        member(index).sign(&statement.signing_bytes(&self.scope()))
    }

    /// A certificate of these seats, ascending.
    pub(crate) fn certificate(&self, statement: Statement, seats: &[usize]) -> Certificate {
        Certificate {
            statement,
            signatures: seats
                .iter()
                .map(|index| (seat(*index), self.sign(*index, &statement)))
                .collect(),
        }
    }

    /// A certificate about a vote, by a quorum of the first seats.
    pub(crate) fn certified(&self, slot: u64, vote: Vote) -> Message {
        let seats: Vec<usize> = (0..self.committee.quorum()).collect();
        Message::Certificate(self.certificate(statement(slot, vote), &seats))
    }

    /// A member's vote.
    pub(crate) fn vote(&self, index: usize, slot: u64, vote: Vote) -> Message {
        Message::Vote(SignedVote {
            slot: Slot::new(slot),
            vote,
            signature: self.sign(index, &statement(slot, vote)),
        })
    }

    /// A member's signature over a head.
    pub(crate) fn head_signature(&self, index: usize, height: Height, head: Hash) -> Message {
        let statement = Statement::Head { height, head };
        Message::HeadSignature(HeadSignature {
            height,
            head,
            signature: self.sign(index, &statement),
        })
    }

    /// The certificate of a head, by these seats.
    pub(crate) fn head_certificate(&self, head: &Head, seats: &[usize]) -> HeadCertificate {
        HeadCertificate {
            head: head.clone(),
            certificate: self.certificate(head.statement(), seats),
        }
    }

    /// The block before the first.
    pub(crate) fn root(&self) -> Place {
        Place {
            name: BlockRef::genesis(&self.genesis.network()),
            height: Height::ZERO,
            time: CREATED,
        }
    }

    /// A block of these transactions on a parent, one millisecond later.
    pub(crate) fn block(&self, slot: u64, parent: Place, transactions: &[Transaction]) -> Block {
        self.block_at(slot, parent, parent.time.plus_ms(1), transactions)
    }

    pub(crate) fn block_at(
        &self,
        slot: u64,
        parent: Place,
        time: Time,
        transactions: &[Transaction],
    ) -> Block {
        let entries: Vec<Entry> = transactions.iter().cloned().map(Entry::Prepare).collect();
        let payload = encode_entries(&entries);
        let header = Header {
            scope: self.scope(),
            slot: Slot::new(slot),
            parent: parent.name,
            height: parent.height.next(),
            time,
            payload: payload_hash(&payload),
        };
        Block { header, payload }
    }

    /// The proposal of a block by the leader of its slot.
    pub(crate) fn proposed(&self, block: &Block) -> Proposal {
        let slot = block.header.slot.number();
        let leader = usize::try_from(slot).expect("a low slot") % self.committee.size();
        let statement = Statement::Proposal {
            slot: block.header.slot,
            block: block.hash(),
        };
        Proposal {
            block: block.clone(),
            signature: self.sign(leader, &statement),
        }
    }

    /// [`World::proposed`] as a message.
    pub(crate) fn proposal(&self, block: &Block) -> Message {
        Message::Proposal(self.proposed(block))
    }
}

/// Where a block is, for those that extend it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) name: BlockRef,
    pub(crate) height: Height,
    pub(crate) time: Time,
}

impl Place {
    pub(crate) fn of(block: &Block) -> Self {
        Self {
            name: block.name(),
            height: block.header.height,
            time: block.header.time,
        }
    }
}

pub(crate) fn statement(slot: u64, vote: Vote) -> Statement {
    let slot = Slot::new(slot);
    Statement::Vote { slot, vote }
}

fn content(owner: &PublicKey, number: u8) -> Bytes {
    let mut bytes = owner.as_bytes().to_vec();
    bytes.push(number);
    Bytes::from(bytes)
}
