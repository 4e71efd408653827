//! The data model of Chainspace: everything that is hashed, signed or kept, and the pure rules over it.
//!
//! *If an outsider may ever have to check it, it lives here.* Users, nodes and auditors link this
//! crate and nothing else to agree on what an object, a trace, a transaction, a block, a head and a
//! certificate are, and on whether a transaction is valid (Figure 2 of the paper).
//!
//! The crate has no clock, no randomness, no thread, no socket, no file and no log line, and it keeps
//! nothing in a collection of arbitrary order.
//!
//! Paper: Sections II-A, III and IV-A.

pub mod active_set;
pub mod address;
pub mod api;
pub mod block;
pub mod bounds;
pub mod certificate;
pub mod checker;
pub mod descriptor;
pub mod directory;
pub mod encoding;
pub mod epoch;
pub mod founding;
pub mod genesis;
pub mod gossip;
pub mod hand_over;
pub mod hash;
pub mod head;
pub mod id;
pub mod key;
pub mod lineage;
pub mod malpractice;
pub mod membership;
pub mod merkle;
pub mod object;
pub mod outbox;
pub mod placement;
pub mod policy;
pub mod receipt;
pub mod result;
pub mod shard;
pub mod state;
pub mod statement;
pub mod time;
pub mod trace;
pub mod transaction;
pub mod validity;

pub use active_set::{ActiveSet, Overlay};
pub use block::{Block, Entry, Finalized};
pub use certificate::{Certificate, CertificateError};
pub use checker::{Call, Checker, Checkers, Refusal};
pub use descriptor::NodeDescriptor;
pub use directory::{Directory, Fact, NotAFact};
pub use encoding::Bytes;
pub use epoch::{Ending, EpochChange, Plan};
pub use founding::{Consent, Invitation, SignedDescriptor};
pub use genesis::Genesis;
pub use gossip::News;
pub use hand_over::HandOver;
pub use hash::{Hash, Tag};
pub use head::{Head, HeadCertificate};
pub use id::{ContractId, NetworkId, NodeId, ObjectId, ShardId, TraceId, TransactionId};
pub use key::{PublicKey, SecretKey, Signature, SignatureCheck};
pub use lineage::{Lineage, Step};
pub use malpractice::{Lie, LieKind, Malpractice, SignedEnd, SignedHead, SignedLeaf};
pub use membership::{Place, ShardRecord};
pub use object::{Object, ObjectType};
pub use outbox::{Delivery, Leaf, Parcel, Promise, Verdict};
pub use policy::{Mapping, Policy, Profile};
pub use receipt::Receipt;
pub use result::{AbortReason, Outcome, TransactionResult};
pub use shard::{Committee, Faults};
pub use statement::{Epoch, Height, Slot, Statement, Vote};
pub use time::Time;
pub use trace::{Output, Trace};
pub use transaction::{Authorization, Mode, Nonce, Transaction, TransactionBody};
pub use validity::Invalid;
