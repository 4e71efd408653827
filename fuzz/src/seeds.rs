//! What fuzzing begins with: the golden vectors of `model`, each where it belongs, by itself and inside
//! what carries it. Nothing of it is kept a second time.

mod shards;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use client::address::{self, NetworkKind};
use consensus::message::{
    Approval, Blocks, BlocksRequest, HeadSignature, Proposal, Reminder, SignedVote, Status,
    SyncRequest,
};
use consensus::{Message, Record};
use model::block::encode_entries;
use model::encoding::{self, decode};
use model::shard::Seat;
use model::statement::{Height, Slot, Statement};
use model::{
    Block, Certificate, Ending, Entry, Epoch, EpochChange, Finalized, Hash, Head, HeadCertificate,
    Malpractice, NodeId, Plan, SecretKey, Signature, Time, Transaction, Vote,
};
use net::Sign;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::choices::noise;
use crate::epochs;
use crate::shard::world::World;
use crate::texts::KINDS;

/// No vector is longer.
const BYTES_MAX: usize = 1 << 16;

/// The configuration of a node that says everything.
const CONFIG: &str = r#"name = "alice"
directory = "data"
genesis = "genesis.bin"
member_key = "member.key"
network_key = "network.key"
listen = ["/ip4/0.0.0.0/tcp/4700"]
bootnodes = ["/ip4/192.0.2.1/tcp/4700"]

[pace]
skip_ms = 400
skip_max_ms = 8000
empty_ms = 150
standstill_ms = 1000
heartbeat_ms = 5000
"#;

/// How much noise each target begins with that makes choices of it, and how long it is, in bytes.
const NOISE: u64 = 32;
const NOISE_BYTES: usize = 768;

/// The seeds by target, each with a name.
pub type Seeds = BTreeMap<&'static str, BTreeMap<String, Vec<u8>>>;

/// All seeds.
///
/// # Panics
///
/// If a golden vector is not there or not what it is called.
#[must_use]
pub fn seeds() -> Seeds {
    let mut gathering = Gathering {
        vectors: Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/vectors"),
        seeds: Seeds::new(),
    };
    gathering.vector("transaction", "transaction");
    gathering.vector("genesis", "genesis");
    gathering.vector("receipt", "receipt");
    gathering.promises();
    gathering.questions_and_answers();
    gathering.messages();
    gathering.changes();
    gathering.records();
    gathering.blocks();
    gathering.payments();
    gathering.doors();
    gathering.noise();
    gathering.texts();
    gathering.seeds
}

/// Seeds on their way.
struct Gathering {
    /// The folder of the golden vectors.
    vectors: PathBuf,
    seeds: Seeds,
}

impl Gathering {
    /// The bytes of a vector: the digits after its first title.
    fn bytes(&self, name: &str) -> Vec<u8> {
        let path = self.vectors.join(name).with_extension("hex");
        let text = fs::read_to_string(path).expect("a vector with this name");
        let lines = text
            .lines()
            .skip(1)
            .take_while(|line| !line.starts_with('#'));
        let digits: String = lines.collect();
        let pairs = digits.as_bytes().chunks(2);
        let pairs = pairs.map(|pair| std::str::from_utf8(pair).unwrap_or(""));
        let bytes = pairs.map(|pair| u8::from_str_radix(pair, 16));
        bytes
            .collect::<Result<_, _>>()
            .expect("a vector is written in pairs of digits")
    }

    /// The value of a vector.
    fn value<T: Serialize + DeserializeOwned>(&self, name: &str) -> T {
        decode(&self.bytes(name), BYTES_MAX).expect("a vector is what it is called")
    }

    fn add(&mut self, target: &'static str, name: impl Into<String>, bytes: &[u8]) {
        let seeds = self.seeds.entry(target).or_default();
        let before = seeds.insert(name.into(), bytes.to_vec());
        assert!(before.is_none(), "two seeds of {target} with one name");
    }

    fn add_all<T: Serialize>(&mut self, target: &'static str, values: &[T]) {
        for (index, value) in values.iter().enumerate() {
            self.add(target, index.to_string(), &encoding::encode(value));
        }
    }

    /// A vector as it is.
    fn vector(&mut self, target: &'static str, name: &str) {
        let bytes = self.bytes(name);
        self.add(target, name, &bytes);
    }

    /// The vectors of what clients ask and nodes answer.
    fn questions_and_answers(&mut self) {
        let folder = fs::read_dir(&self.vectors).expect("the folder of the vectors");
        let paths = folder.map(|entry| entry.expect("a readable folder").path());
        let names: Vec<String> = paths
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .filter(|name| name.starts_with("api-"))
            .collect();
        for name in names {
            let is_question = name.ends_with("-request") || name.starts_with("api-submit");
            self.vector(if is_question { "request" } else { "response" }, &name);
        }
    }

    /// What shards promise each other, by itself and in what carries it.
    fn promises(&mut self) {
        for name in [
            "leaf-prepared-commit",
            "leaf-accept-abort",
            "leaf-no-decision",
            "leaf-acknowledged",
            "parcel",
            "delivery",
        ] {
            self.vector("promises", name);
        }
        let block: Block = self.value("block-delivery");
        self.add("entries", "delivery", &block.payload);
    }

    /// One message of each kind.
    fn messages(&mut self) {
        let certificate: Certificate = self.value("certificate");
        let block: Block = self.value("block");
        let name = block.name();
        let signature = Signature::from_bytes([1; 64]);
        let (slot, height) = (Slot::new(300), Height::new(7));
        self.add_all(
            "message",
            &[
                Message::Proposal(Proposal { block, signature }),
                Message::Vote(SignedVote {
                    slot,
                    vote: Vote::Notarize(name.hash),
                    signature,
                }),
                Message::Certificate(certificate.clone()),
                Message::Recall(Time::from_ms(5)),
                Message::Reminder(Reminder {
                    asked: Time::from_ms(5),
                    finalization: Some(certificate.clone()),
                    signed: vec![(certificate.statement, signature)],
                }),
                Message::Status(Status {
                    finalization: Some(certificate),
                    frontier: slot,
                    certified: height,
                }),
                Message::ProposalRequest(name),
                Message::CertificatesRequest {
                    first: slot,
                    last: slot,
                },
                Message::HeadSignature(HeadSignature {
                    height,
                    head: Hash::ZERO,
                    signature,
                }),
                Message::HeadCertificate(self.value("head-certificate")),
                Message::Transactions(vec![self.value("transaction")]),
                Message::Transactions(World::get().transactions.clone()),
            ],
        );
    }

    /// What is said of who is in which shard, by itself and in what carries it.
    fn changes(&mut self) {
        for name in [
            "epoch-plan",
            "epoch-ending",
            "epoch-change",
            "hand-over",
            "fact-changed",
            "fact-founded",
        ] {
            self.vector("changes", name);
        }
        let genuine = epochs::genuine();
        self.add("changes", "genuine", &encoding::encode(&genuine));
        let (plan, change): (Plan, EpochChange) =
            (self.value("epoch-plan"), self.value("epoch-change"));
        let ending: Ending = self.value("epoch-ending");
        self.add(
            "entries",
            "changes",
            &encode_entries(&[Entry::Change(change.clone()), Entry::End(ending)]),
        );
        let signature = Signature::from_bytes([1; 64]);
        let approval = Approval { plan, signature };
        let messages = [
            Message::Approval(approval),
            Message::Changes(vec![change.clone(), genuine]),
            Message::Recall(Time::from_ms(5)),
        ];
        for (index, message) in messages.iter().enumerate() {
            let epoch = Epoch::new(1 << (7 * index));
            self.add("said", index.to_string(), &message.encode_in(epoch));
        }
        self.add(
            "record",
            "change",
            &encoding::encode(&Record::Change(change)),
        );
    }

    /// One record of each kind.
    fn records(&mut self) {
        let certificate: Certificate = self.value("certificate");
        let block: Block = self.value("block");
        let signature = Signature::from_bytes([1; 64]);
        let slot = Slot::new(300);
        self.add_all(
            "record",
            &[
                Record::Reserved(slot),
                Record::Proposal(Proposal {
                    block: block.clone(),
                    signature,
                }),
                Record::Block(block),
                Record::Vote {
                    slot,
                    vote: Vote::Skip,
                },
                Record::Certificate(certificate),
                Record::Head(self.value::<Head>("head")),
                Record::HeadCertificate(self.value::<HeadCertificate>("head-certificate")),
                Record::Malpractice(self.value::<Malpractice>("malpractice")),
                Record::Malpractice(self.value::<Malpractice>("malpractice-vote")),
                Record::Abstain(slot),
            ],
        );
    }

    /// Blocks with and without what makes them final, and what asks for them.
    fn blocks(&mut self) {
        let finalized: Finalized = self.value("finalized");
        let bare = Finalized {
            certificate: None,
            head: None,
            ..finalized.clone()
        };
        let few = Certificate {
            statement: Statement::Vote {
                slot: Slot::new(300),
                vote: Vote::Skip,
            },
            signatures: Seat::new(3)
                .map(|seat| (seat, Signature::from_bytes([1; 64])))
                .into_iter()
                .collect(),
        };
        let doubtful = Finalized {
            certificate: Some(few),
            ..bare.clone()
        };
        let first = Height::new(7);
        let piece = SyncRequest::Piece {
            height: first,
            number: 3,
        };
        let blocks = SyncRequest::Blocks(BlocksRequest { first });
        self.add_all("sync_request", &[blocks, SyncRequest::Inventory, piece]);
        let answer = |blocks: Vec<Finalized>| Blocks { blocks };
        self.add_all(
            "blocks",
            &[
                answer(Vec::new()),
                answer(vec![bare, finalized.clone()]),
                answer(vec![finalized, doubtful]),
            ],
        );
    }

    /// Payments, and changes of shards, which reach further into the ledger than the vectors do.
    fn payments(&mut self) {
        let vector: Transaction = self.value("transaction");
        let payments = &World::get().transactions;
        self.add_all("transaction", payments);
        let network = World::get().scope().network;
        for (name, transaction) in ["found", "exclude"]
            .iter()
            .zip(shards::transactions(network))
        {
            self.add("transaction", *name, &encoding::encode(&transaction));
        }
        let entries = |transactions: &[Transaction]| -> Vec<Entry> {
            transactions.iter().cloned().map(Entry::Prepare).collect()
        };
        self.add_all(
            "entries",
            &[entries(&[]), entries(&[vector]), entries(payments)],
        );
        self.add("genesis", "payments", &World::get().genesis.to_bytes());
    }

    /// What comes before anybody is known, and the journal of a wallet.
    fn doors(&mut self) {
        let world = World::get();
        let key = SecretKey::from_seed([9; 32]);
        let node = NodeId::new(key.public());
        let sign: Sign = Arc::new(move |message| key.sign(message));
        let network = world.scope().network;
        let greeting = net::fuzzing::greeting(network, node, [8; 32], &sign);
        self.add("hello", "node", &greeting);
        let record = net::fuzzing::record_of(network, node, [8; 32], &sign);
        self.add("node_record", "node", &record);
        let length = u32::try_from(greeting.len()).expect("a greeting is short");
        let frame = [&length.to_be_bytes()[..], &greeting].concat();
        self.add("frames", "greeting", &frame);
        self.add(
            "frames",
            "two",
            &[&frame[..], &[0, 0, 0, 0], &frame].concat(),
        );
        let three = net::fuzzing::batch_of(&greeting, &[b"", b"frame"]);
        self.add("batch", "three", &three);
        self.add("journal", "attempts", &journal());
    }

    /// Noise, for targets that take any bytes as choices.
    fn noise(&mut self) {
        for target in [
            "replica_step",
            "replica_shard",
            "log_strange",
            "log_damaged",
            "typing_error",
        ] {
            for seed in 0..NOISE {
                self.add(target, seed.to_string(), &noise(seed, NOISE_BYTES));
            }
        }
    }

    /// What people write, as the documents show it.
    fn texts(&mut self) {
        let amounts = [
            "5",
            "5CSC",
            "0.5 csc",
            "1 000 CSC",
            "500_000_000ncsc",
            "-1",
            "1e9",
        ];
        for (index, amount) in amounts.iter().enumerate() {
            self.add("amount", index.to_string(), amount.as_bytes());
        }
        self.add("config", "all", CONFIG.as_bytes());
        self.add("dial_address", "ip4", b"/ip4/192.0.2.1/tcp/4700");
        self.add("dial_address", "ip6", b"/ip6/2001:db8::1/tcp/4700");
        let hash = World::get().scope().network;
        self.add("address", "hash", hash.to_string().as_bytes());
        for (index, kind) in KINDS.into_iter().enumerate() {
            let address = address::format(kind, NetworkKind::Local, hash.as_bytes());
            self.add("address", index.to_string(), address.as_bytes());
        }
        let peer = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
        self.add("peer_name", "peer", peer.as_bytes());
    }
}

/// A journal with two attempts.
fn journal() -> Vec<u8> {
    let world = World::get();
    let folder = tempfile::tempdir().expect("a folder to write to");
    for number in [1, 2] {
        let transaction = world.authorized(number);
        let owner = transaction.transaction().authorizations[0].key;
        let network = world.scope().network;
        let noted = client::fuzzing::note(folder.path(), network, owner, transaction);
        noted.expect("a new journal takes what is noted");
    }
    fs::read(folder.path().join("journal.jsonl")).expect("it was just written")
}
