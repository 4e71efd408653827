//! What the tests of the judges share: blocks that nobody agreed on, and nodes that claim anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use consensus::Ledger;
use consensus::Signer;
use consensus::ledger::{Applied, State, Tip};
use consensus::replica::AppliedBlock;
use consensus::sbac::session::{Held, Session, Stage};
use contracts::Content;
use model::block::{Header, payload_hash};
use model::head::Head;
use model::outbox::outbox_tree;
use model::shard::Seat;
use model::statement::{Epoch, Height, Statement};
use model::transaction::Authorized;
use model::{
    Authorization, Block, Bytes, Certificate, Hash, HeadCertificate, Leaf, Mode, Object, ObjectId,
    Outcome, Parcel, Profile, Promise, SecretKey, ShardId, Signature, Time, Trace, Transaction,
    TransactionBody, TransactionResult, Verdict,
};
use node::store::log::Position;
use system_contracts::cscoin::{self, Account};

use super::roll::Roll;
use super::{Judge, Sighting, What};
use crate::simulation::{DAWN, Journal, SHARD, Setting};

pub(super) fn seat(index: usize) -> Seat {
    Seat::new(index).unwrap()
}

/// What the judge says when the node with this number does this.
pub(super) fn see(judge: &mut impl Judge, node: usize, what: &What<'_>) -> Result<(), String> {
    judge.see(&Sighting {
        at: Time::ZERO,
        shard: SHARD,
        seat: seat(node),
        epoch: Epoch::ZERO,
        roll: &Roll::new(&Setting::new(4)),
        what,
    })
}

/// The words with which the judge refuses what the node does.
#[track_caller]
pub(super) fn refusal(judge: &mut impl Judge, node: usize, what: &What<'_>) -> String {
    see(judge, node, what).expect_err("the judge accepts it")
}

/// A place in the first segment of a log.
pub(super) const fn place(offset: u64) -> Position {
    Position { segment: 1, offset }
}

/// What the liar or the honest node on a seat signs.
pub(super) fn sign(setting: &Setting, node: usize, statement: &Statement) -> Signature {
    let scribe = setting.scribe(seat(node), Journal::default());
    consensus::Signer::sign(&scribe, &statement.signing_bytes(setting.scope()))
}

/// The block that follows `parent`, another one for each `mark`, with what it is said to have done.
pub(super) fn follow(
    setting: &Setting,
    parent: &Tip,
    mark: u8,
    decided: Vec<(Authorized, Outcome)>,
) -> AppliedBlock {
    let payload = Bytes::from([mark]);
    let header = Header {
        scope: *setting.scope(),
        slot: parent.block.slot.next(),
        parent: parent.block,
        height: parent.height.next(),
        time: parent.time.plus_ms(1),
        payload: payload_hash(&payload),
    };
    let block = Block { header, payload };
    let height = block.header.height;
    let results = decided
        .iter()
        .map(|(transaction, outcome)| TransactionResult {
            transaction: transaction.id(),
            outcome: *outcome,
        })
        .collect();
    let head = Head {
        scope: *setting.scope(),
        height: block.header.height,
        previous: parent.head,
        block: block.hash(),
        time: block.header.time,
        results: Hash::ZERO,
        outbox: Hash::ZERO,
        state: None,
    };
    AppliedBlock {
        block: Arc::new(block),
        certificate: None,
        applied: Arc::new(Applied {
            head,
            results,
            concluded: decided
                .into_iter()
                .map(|(transaction, _)| (transaction, height))
                .collect(),
            outbox: Vec::new(),
            next: None,
            state: None,
            consumed: BTreeMap::new(),
            created: BTreeMap::new(),
            decided: BTreeMap::new(),
            sessions: BTreeMap::new(),
        }),
    }
}

/// Where a node stands that applied the block.
pub(super) fn tip(applied: &AppliedBlock) -> Tip {
    Tip {
        block: applied.block.name(),
        epoch: applied.applied.head.scope.epoch,
        height: applied.block.header.height,
        time: applied.block.header.time,
        head: applied.applied.head.hash(),
    }
}

/// Where everybody stands at the beginning.
pub(super) fn genesis(setting: &Setting) -> Tip {
    setting.ledger().tip
}

/// A state at a tip.
pub(super) fn state(
    setting: &Setting,
    tip: Tip,
    objects: BTreeMap<ObjectId, Arc<Object>>,
) -> Ledger {
    let policy = Arc::new(setting.genesis.policy());
    let state = State {
        objects,
        ..State::default()
    };
    Ledger::restore(*setting.scope(), tip, policy, state)
}

/// A certificate of a head, with nobody's signatures.
pub(super) fn certificate(head: &Head) -> HeadCertificate {
    HeadCertificate {
        head: head.clone(),
        certificate: Certificate {
            statement: head.statement(),
            signatures: Vec::new(),
        },
    }
}

/// The time at which a transaction made at the beginning ends.
pub(super) const fn in_time() -> Time {
    DAWN.plus_ms(30_000)
}

pub(super) const HEIGHT_1: Height = Height::new(1);

/// A shard whose blocks do what a test says.
pub(super) struct Scripted {
    pub(super) setting: Setting,
    tip: Tip,
}

impl Scripted {
    /// Two shards, before their first blocks.
    pub(super) fn two() -> [Self; 2] {
        let settings = Setting::of_shards(2, 4, Profile::Open).into_iter();
        let shards = settings.map(|setting| Self {
            tip: genesis(&setting),
            setting,
        });
        shards.collect::<Vec<_>>().try_into().ok().unwrap()
    }

    /// What the judge says to the next block, in which these transactions end and into which a test may
    /// put more.
    pub(super) fn block(
        &mut self,
        judge: &mut impl Judge,
        decided: Vec<(Authorized, Outcome)>,
        more: impl FnOnce(&mut Applied),
    ) -> Result<(), String> {
        let mut block = follow(&self.setting, &self.tip, 1, decided);
        more(Arc::get_mut(&mut block.applied).unwrap());
        self.tip = tip(&block);
        judge.see(&Sighting {
            at: Time::ZERO,
            shard: self.setting.shard(),
            seat: seat(0),
            epoch: Epoch::ZERO,
            roll: &Roll::new(&self.setting),
            what: &What::Applied(&block),
        })
    }

    /// The shard votes to commit.
    pub(super) fn prepares(
        &mut self,
        judge: &mut impl Judge,
        transaction: &Authorized,
    ) -> Result<(), String> {
        let session = Arc::new(prepared(transaction, Held::default()));
        self.block(judge, Vec::new(), |applied| {
            applied.sessions.insert(transaction.id(), Some(session));
        })
    }

    /// A transaction ends in the shard.
    pub(super) fn ends(
        &mut self,
        judge: &mut impl Judge,
        transaction: &Authorized,
        outcome: Outcome,
    ) -> Result<(), String> {
        self.block(judge, vec![(transaction.clone(), outcome)], |_| {})
    }
}

/// The session of a transaction that a shard has voted to commit and of which it holds this.
pub(super) fn prepared(transaction: &Authorized, held: Held) -> Session {
    Session {
        transaction: transaction.clone(),
        prepared: HEIGHT_1,
        stage: Stage::Prepared(held),
        repeats: 0,
        alarm: in_time(),
    }
}

/// That a transaction was to be aborted.
pub(super) const fn aborted() -> Outcome {
    Outcome::Aborted(model::AbortReason::Deadline)
}

/// A transaction that turns the first account of the first shard into one with `more` money in `home`,
/// signed by its owner, whatever checkers say.
pub(super) fn turn(setting: &Setting, nonce: u8, home: ShardId, more: u64) -> Authorized {
    let objects = setting.genesis.objects_of(SHARD);
    let (input, object) = objects.first_key_value().unwrap();
    let mut account = Account::read(cscoin::id(), object).unwrap();
    let mut users = (0..=u8::MAX).map(|seed| SecretKey::from_seed([seed; 32]));
    let owner = users.find(|key| key.public() == account.owner).unwrap();
    account.balance += more;
    let network = setting.scope().network;
    let body = TransactionBody {
        network,
        nonce: [nonce; 16],
        valid_until: in_time(),
        mode: Mode::AllVotes,
        participants: if home == SHARD {
            vec![SHARD]
        } else {
            vec![SHARD, home]
        },
        traces: vec![Trace {
            contract: cscoin::id(),
            procedure: cscoin::TRANSFER.to_owned(),
            inputs: vec![*input],
            references: Vec::new(),
            outputs: vec![account.output(home)],
            local_parameters: Bytes::from([nonce]),
            local_returns: Bytes::default(),
            dependencies: Vec::new(),
        }],
    };
    let authorizations = vec![Authorization::new(&owner, &body.id())];
    let transaction = Transaction {
        body,
        openings: vec![(**object).clone()],
        authorizations,
    };
    transaction.check_form(&network).unwrap().trust()
}

/// A vote of the third shard on one transaction, which its first three members sign.
pub(super) fn vote(settings: &[Setting], height: u64, verdict: Verdict) -> Parcel {
    let setting = &settings[2];
    let leaf = Leaf {
        to: ShardId::new(0),
        transaction: turn(&settings[0], 1, ShardId::new(1), 0).id(),
        valid_until: in_time(),
        promise: Promise::Prepared(verdict),
    };
    let tree = outbox_tree(&[leaf], None);
    let empty = Hash::ZERO;
    let head = Head {
        scope: *setting.scope(),
        height: Height::new(height),
        previous: empty,
        block: empty,
        time: in_time(),
        results: empty,
        outbox: tree.root(),
        state: None,
    };
    let statement = head.statement();
    let bytes = statement.signing_bytes(&head.scope);
    let sign = |seat| (seat, setting.scribe(seat, Journal::default()).sign(&bytes));
    let signatures = setting.seats().take(3).map(sign).collect();
    Parcel {
        head: HeadCertificate {
            certificate: Certificate {
                statement,
                signatures,
            },
            head,
        },
        leaves: vec![leaf],
        proof: tree.prove_range(0, 1).unwrap(),
    }
}
