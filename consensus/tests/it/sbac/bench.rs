//! The bench: four shards as ledgers, blocks made by hand, and every promise that was ever made.
//!
//! A promise is kept as a parcel of its own, under the head of its block, certified by the keys of its
//! shard. It goes the way that letters go: encoded, decoded and admitted by the shard that it is shown
//! to, as often as a test likes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use consensus::ledger::Applied;
use consensus::message::Refused;
use consensus::sbac::letter::{AdmittedLetter, Letter};
use consensus::sbac::session::Stage;
use consensus::{Action, Ledger, Shards};
use model::block::Header;
use model::key::Zip215;
use model::outbox::{BadParcel, outbox_tree};
use model::shard::Seat;
use model::transaction::Authorized;
use model::{
    AbortReason, Block, Certificate, ContractId, Delivery, Genesis, Hash, Head, HeadCertificate,
    Height, Leaf, Mode, Object, Parcel, Profile, Promise, ShardId, Slot, Time, Trace, Transaction,
    TransactionBody, TransactionId, Verdict, placement,
};

use super::setting::{
    CREATED, Contracts, SHARDS, STONE, THING, VALID_MS, genesis, member, outputs, participants,
    shard, trace, wide,
};

/// What a shard has promised, without its reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Said {
    /// `prepared(T, commit)`.
    Yes,
    /// `prepared(T, abort)`.
    No,
    /// `accept(T, commit)`.
    Commit,
    /// `accept(T, abort)`.
    Abort,
    /// It has not decided, and never will.
    Never,
    /// It has done what was decided.
    Done,
}

impl Said {
    pub(crate) const fn of(promise: &Promise) -> Self {
        match promise {
            Promise::Prepared(Verdict::Commit) => Self::Yes,
            Promise::Prepared(Verdict::Abort(_)) => Self::No,
            Promise::Accept(Verdict::Commit) => Self::Commit,
            Promise::Accept(Verdict::Abort(_)) => Self::Abort,
            Promise::NoDecision => Self::Never,
            Promise::Acknowledged => Self::Done,
        }
    }

    /// The promise, for those who lie.
    pub(crate) const fn promise(self) -> Promise {
        const ABORT: Verdict = Verdict::Abort(AbortReason::Deadline);
        match self {
            Self::Yes => Promise::Prepared(Verdict::Commit),
            Self::No => Promise::Prepared(ABORT),
            Self::Commit => Promise::Accept(Verdict::Commit),
            Self::Abort => Promise::Accept(ABORT),
            Self::Never => Promise::NoDecision,
            Self::Done => Promise::Acknowledged,
        }
    }
}

/// How far a transaction is in a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// Nothing is known of it.
    Unknown,
    /// The shard has voted to commit.
    Prepared,
    /// The shard gathers votes.
    Open,
    /// It was committed.
    Committed,
    /// It was aborted.
    Aborted,
}

/// The four shards and what was said.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) genesis: Genesis,
    views: Vec<Shards>,
    ledgers: Vec<Ledger>,
    clocks: Vec<Time>,
    nonces: u8,
    /// Heads that dishonest shards have made up.
    lies: u64,
    /// All that was ever said, in that order.
    pub(crate) parcels: Vec<Parcel>,
    /// How many of them have been delivered by [`Bench::carry`].
    carried: usize,
    /// Whether it lets ledgers get away with locks that nobody holds, because they make mistakes.
    pub(crate) careless: bool,
}

impl Bench {
    /// As on an open network.
    pub(crate) fn new() -> Self {
        Self::with(Profile::Open, "bench")
    }

    pub(crate) fn with(profile: Profile, name: &str) -> Self {
        Self::of(genesis(profile, name))
    }

    /// The shards of a document.
    pub(crate) fn of(genesis: Genesis) -> Self {
        let all: Vec<ShardId> = (0..SHARDS).map(shard).collect();
        let view = |ours: &ShardId| Shards::of_genesis(&genesis, *ours).expect("a shard of it");
        Self {
            views: all.iter().map(|ours| view(ours).expect("shards")).collect(),
            ledgers: all
                .iter()
                .map(|ours| Ledger::genesis(&genesis, *ours))
                .collect(),
            clocks: vec![CREATED; all.len()],
            nonces: 0,
            lies: 1_000_000,
            parcels: Vec::new(),
            carried: 0,
            careless: false,
            genesis,
        }
    }

    pub(crate) fn ledger(&self, number: u32) -> &Ledger {
        &self.ledgers[number as usize]
    }

    /// The things of a contract in a shard, in the order of the document.
    pub(crate) fn things(&self, contract: ContractId, home: u32) -> Vec<Object> {
        self.firsts(contract, home, THING)
    }

    /// The first thing of [`wide`] in a shard.
    pub(crate) fn thing(&self, home: u32) -> Object {
        self.things(wide(), home).remove(0)
    }

    /// The stone of a shard.
    pub(crate) fn stone(&self, home: u32) -> Object {
        self.firsts(wide(), home, STONE).remove(0)
    }

    fn firsts(&self, contract: ContractId, home: u32, name: &str) -> Vec<Object> {
        let objects = self.genesis.objects_of(shard(home)).into_values();
        let mut objects: Vec<Object> = objects
            .map(Arc::unwrap_or_clone)
            .filter(|object| object.object_type.contract == contract)
            .filter(|object| object.object_type.name == name)
            .collect();
        objects.sort_by_key(|object| object.index);
        objects
    }

    /// A transaction that consumes `inputs` and creates a thing in each of `outputs`.
    pub(crate) fn swap(&mut self, mode: Mode, inputs: &[&Object], outputs: &[u32]) -> Authorized {
        self.transaction(mode, vec![trace(inputs, &[], outputs)], inputs)
    }

    /// A transaction with its nonce.
    pub(crate) fn transaction(
        &mut self,
        mode: Mode,
        traces: Vec<Trace>,
        openings: &[&Object],
    ) -> Authorized {
        self.transaction_until(mode, traces, openings, VALID_MS)
    }

    pub(crate) fn transaction_until(
        &mut self,
        mode: Mode,
        traces: Vec<Trace>,
        openings: &[&Object],
        valid_ms: u64,
    ) -> Authorized {
        self.nonces += 1;
        let mut openings: Vec<Object> = openings.iter().map(|object| (*object).clone()).collect();
        openings.sort_by_key(Object::id);
        let mut body = TransactionBody {
            network: self.genesis.network(),
            nonce: [self.nonces; 16],
            valid_until: CREATED.plus_ms(valid_ms),
            mode,
            participants: Vec::new(),
            traces,
        };
        let homes = openings.iter().map(|object| object.home);
        body.participants = placement::participants(&body, homes).into_iter().collect();
        self.authorized(Transaction {
            body,
            openings,
            authorizations: Vec::new(),
        })
    }

    /// The transaction, if its form is right.
    pub(crate) fn authorized(&self, transaction: Transaction) -> Authorized {
        let checked = transaction.check_form(&self.genesis.network());
        checked.expect("well-formed").trust()
    }

    /// The same traces with another nonce.
    pub(crate) fn again(&mut self, transaction: &Authorized) -> Authorized {
        self.nonces += 1;
        let mut again = transaction.transaction().clone();
        again.body.nonce = [self.nonces; 16];
        self.authorized(again)
    }

    /// Lets time go by in a shard. Its next block is so much later.
    pub(crate) fn pass(&mut self, number: u32, ms: u64) {
        let clock = self.clocks[number as usize].max(self.ledger(number).tip.time);
        self.clocks[number as usize] = clock.plus_ms(ms);
    }

    /// Lets time go by everywhere.
    pub(crate) fn pass_all(&mut self, ms: u64) {
        (0..SHARDS).for_each(|number| self.pass(number, ms));
    }

    /// Lets the deadline of all transactions go by in a shard, and has it make a block.
    pub(crate) fn expire(&mut self, number: u32) -> Applied {
        let after = CREATED.plus_ms(VALID_MS + 1);
        let now = self.ledger(number).tip.time;
        self.pass(number, after.since_ms(now));
        self.block(number, &[])
    }

    /// The next block of a shard. What it says is kept.
    pub(crate) fn block(&mut self, number: u32, actions: &[Action]) -> Applied {
        let clock = self.clocks[number as usize];
        let ledger = &mut self.ledgers[number as usize];
        let header = Header {
            scope: ledger.scope,
            slot: Slot::new(ledger.tip.height.number() + 1),
            parent: ledger.tip.block,
            height: ledger.tip.height.next(),
            time: clock.max(ledger.tip.time.plus_ms(1)),
            payload: Hash::ZERO,
        };
        let payload = [].into();
        let block = Block { header, payload };
        let applied = ledger.apply(&block, actions, &Contracts);
        if !self.careless {
            let Ledger {
                scope, tip, state, ..
            } = ledger.clone();
            let policy = Arc::new(self.genesis.policy());
            let restored = Ledger::restore(scope, tip, policy, state);
            assert_eq!(
                restored, *ledger,
                "locks and alarms are those of the sessions"
            );
        }
        let parcels = self.certify(number, &applied.head, &applied.outbox);
        self.parcels.extend(parcels);
        applied
    }

    /// The leaves under a head, each by itself, with the signatures of a quorum.
    pub(crate) fn certify(&self, number: u32, head: &Head, leaves: &[Leaf]) -> Vec<Parcel> {
        self.certify_by(0..3, number, head, leaves)
    }

    /// [`Bench::certify`], with the signatures of the members on these seats.
    pub(crate) fn certify_by(
        &self,
        seats: Range<usize>,
        number: u32,
        head: &Head,
        leaves: &[Leaf],
    ) -> Vec<Parcel> {
        if leaves.is_empty() {
            return Vec::new();
        }
        let statement = head.statement();
        let bytes = statement.signing_bytes(&head.scope);
        let sign = |seat: usize| {
            let signature = member(number, seat).sign(&bytes);
            (Seat::new(seat).expect("four seats"), signature)
        };
        let head = HeadCertificate {
            head: head.clone(),
            certificate: Certificate {
                statement,
                signatures: seats.map(sign).collect(),
            },
        };
        let tree = outbox_tree(leaves, None);
        let parcel = |(index, leaf): (usize, &Leaf)| Parcel {
            head: head.clone(),
            leaves: vec![*leaf],
            proof: tree.prove_range(index, 1).expect("a leaf of the tree"),
        };
        leaves.iter().enumerate().map(parcel).collect()
    }

    /// A promise that a dishonest shard makes up, under a head that it makes up too. It is kept.
    pub(crate) fn lie(&mut self, from: u32, to: u32, about: &Authorized, said: Said) -> Parcel {
        self.lies += 1;
        self.lie_at(from, self.lies, to, about, said)
    }

    /// [`Bench::lie`] at a height of its choice.
    pub(crate) fn lie_at(
        &mut self,
        from: u32,
        height: u64,
        to: u32,
        about: &Authorized,
        said: Said,
    ) -> Parcel {
        let leaf = Leaf {
            to: shard(to),
            transaction: about.id(),
            valid_until: about.body().valid_until,
            promise: said.promise(),
        };
        self.lie_leaf(from, height, leaf)
    }

    /// [`Bench::lie`] about the deadline as well.
    pub(crate) fn lie_until(
        &mut self,
        from: u32,
        to: u32,
        about: &Authorized,
        said: Said,
        valid_until: Time,
    ) -> Parcel {
        self.lies += 1;
        let leaf = Leaf {
            to: shard(to),
            transaction: about.id(),
            valid_until,
            promise: said.promise(),
        };
        self.lie_leaf(from, self.lies, leaf)
    }

    fn lie_leaf(&mut self, from: u32, height: u64, leaf: Leaf) -> Parcel {
        let head = Head {
            scope: self.ledger(from).scope,
            height: Height::new(height),
            previous: Hash::ZERO,
            block: Hash::ZERO,
            time: CREATED,
            results: Hash::ZERO,
            outbox: outbox_tree(&[leaf], None).root(),
            state: None,
        };
        let parcel = self.certify(from, &head, &[leaf]).remove(0);
        self.parcels.push(parcel.clone());
        parcel
    }

    /// A shard sequences a transaction.
    pub(crate) fn prepare(&mut self, number: u32, transaction: &Authorized) -> Applied {
        self.block(number, &[Action::Prepare(transaction.clone())])
    }

    /// All participants sequence a transaction, in this order.
    pub(crate) fn prepare_all(&mut self, transaction: &Authorized) {
        for number in participants(transaction) {
            self.prepare(number, transaction);
        }
    }

    /// The promises of one shard to another about a transaction, first to last.
    pub(crate) fn said(&self, from: u32, to: u32, about: &Authorized) -> Vec<Said> {
        let parcels = self.parcels.iter();
        parcels
            .filter(|parcel| speaks(parcel, from, to, &about.id()))
            .map(|parcel| Said::of(&parcel.leaves[0].promise))
            .collect()
    }

    /// The last promise of that kind.
    #[track_caller]
    pub(crate) fn parcel(&self, from: u32, to: u32, about: &Authorized, said: Said) -> Parcel {
        let mut parcels = self.parcels.iter().rev();
        let found = parcels.find(|parcel| {
            speaks(parcel, from, to, &about.id()) && Said::of(&parcel.leaves[0].promise) == said
        });
        found
            .unwrap_or_else(|| panic!("shard {from} never said {said:?} to shard {to}"))
            .clone()
    }

    /// A promise with the votes that go with it: all that were ever cast.
    pub(crate) fn with_votes(&self, parcel: &Parcel) -> Delivery {
        let leaf = &parcel.leaves[0];
        let mut votes: BTreeMap<ShardId, Parcel> = BTreeMap::new();
        if leaf.promise == Promise::Accept(Verdict::Commit) {
            for vote in &self.parcels {
                let cast = &vote.leaves[0];
                let yes = cast.promise == Promise::Prepared(Verdict::Commit);
                let about = cast.transaction == leaf.transaction && cast.to == parcel.from();
                if yes && about && vote.from() != leaf.to {
                    votes.insert(vote.from(), vote.clone());
                }
            }
        }
        Delivery {
            parcel: parcel.clone(),
            votes: votes.into_values().collect(),
        }
    }

    /// The delivery as it reaches a member of the shard.
    pub(crate) fn open(&self, to: u32, delivery: &Delivery) -> Result<AdmittedLetter, Refused> {
        let letter = Letter::Deliver(vec![delivery.clone()]);
        let letter = Letter::decode(&letter.encode()).expect("canonical");
        letter.admit(&self.views[to as usize], &mut Zip215)
    }

    /// The delivery as the shard would sequence it.
    pub(crate) fn admit(&self, to: u32, delivery: &Delivery) -> Result<Action, Refused> {
        match self.open(to, delivery)? {
            AdmittedLetter::Deliver(mut admitted) => Ok(Action::Deliver(admitted.remove(0))),
            AdmittedLetter::Ahead { shard, known } => {
                Err(Refused::Parcel(BadParcel::Ahead { shard, known }))
            }
            AdmittedLetter::Unproven { reason, signed: _ } => Err(Refused::Parcel(reason)),
            other => panic!("{other:?} is no delivery"),
        }
    }

    /// Shows a promise to the shard that it was made to, with all votes.
    pub(crate) fn show(&mut self, parcel: &Parcel) -> Applied {
        let delivery = self.with_votes(parcel);
        self.show_delivery(&delivery)
    }

    /// Shows exactly this.
    pub(crate) fn show_delivery(&mut self, delivery: &Delivery) -> Applied {
        let to = delivery.parcel.leaves[0].to.number();
        let action = self.admit(to, delivery).expect("a promise of a shard");
        self.block(to, &[action])
    }

    /// One shard tells another what it has said last of that kind.
    #[track_caller]
    pub(crate) fn tell(&mut self, from: u32, to: u32, about: &Authorized, said: Said) -> Applied {
        let parcel = self.parcel(from, to, about, said);
        self.show(&parcel)
    }

    /// Carries all that was not carried yet to those whom it is for, and what they answer, until there
    /// is nothing more.
    pub(crate) fn carry(&mut self) {
        self.carry_if(|_| true);
    }

    /// [`Bench::carry`], where some of it gets lost.
    pub(crate) fn carry_if(&mut self, arrives: impl Fn(&Parcel) -> bool) {
        while let Some(parcel) = self.parcels.get(self.carried).cloned() {
            self.carried += 1;
            if arrives(&parcel) {
                self.show(&parcel);
            }
        }
    }

    /// Shows all that was ever said to those whom it is for.
    pub(crate) fn replay(&mut self) {
        for parcel in self.parcels.clone() {
            self.show(&parcel);
        }
    }

    /// Lets time go by, so that what got lost is said again, until all is over everywhere.
    #[track_caller]
    pub(crate) fn settle(&mut self) {
        for _ in 0..12 {
            self.carry();
            if self
                .ledgers
                .iter()
                .all(|ledger| ledger.state.sessions.is_empty())
            {
                return;
            }
            self.pass_all(5_000);
            (0..SHARDS).for_each(|number| drop(self.block(number, &[])));
        }
        for ledger in &self.ledgers {
            let left = &ledger.state.sessions;
            assert!(left.is_empty(), "{:?}: {left:?}", ledger.shard());
        }
    }

    /// How far a transaction is in a shard.
    pub(crate) fn stand(&self, number: u32, transaction: &Authorized) -> Stand {
        let state = &self.ledger(number).state;
        let ended = |committed| {
            if committed {
                Stand::Committed
            } else {
                Stand::Aborted
            }
        };
        if let Some(session) = state.sessions.get(&transaction.id()) {
            return match &session.stage {
                Stage::Prepared(_) => Stand::Prepared,
                Stage::Open(_) => Stand::Open,
                Stage::Decided { verdict, .. } => ended(verdict.is_commit()),
            };
        }
        let record = state.decided.get(&transaction.id());
        record.map_or(Stand::Unknown, |record| ended(record.committed))
    }

    /// How far it is in each of its shards.
    pub(crate) fn stands(&self, transaction: &Authorized) -> Vec<Stand> {
        let shards = participants(transaction).into_iter();
        shards
            .map(|number| self.stand(number, transaction))
            .collect()
    }

    pub(crate) fn is_active(&self, object: &Object) -> bool {
        let home = self.ledger(object.home.number());
        home.state.objects.contains_key(&object.id())
    }

    /// Whether somebody holds an object.
    pub(crate) fn is_locked(&self, object: &Object) -> bool {
        let home = self.ledger(object.home.number());
        home.locked().any(|(held, _, _)| held == object.id())
    }

    /// The objects that are active anywhere.
    pub(crate) fn objects(&self) -> Vec<Arc<Object>> {
        let ledgers = self.ledgers.iter();
        ledgers
            .flat_map(|ledger| ledger.state.objects.values().cloned())
            .collect()
    }

    /// Whether all of a transaction's inputs are gone and all of its outputs are there.
    #[track_caller]
    pub(crate) fn assert_committed(&self, transaction: &Authorized) {
        self.assert_done(transaction, true);
    }

    /// Whether a shard has done its part of a transaction.
    #[track_caller]
    pub(crate) fn assert_committed_at(&self, number: u32, transaction: &Authorized) {
        let here = |object: &&Object| object.home == shard(number);
        for input in transaction.transaction().openings.iter().filter(here) {
            assert!(!self.is_active(input), "{input:?} was not consumed");
        }
        for output in outputs(transaction).iter().filter(here) {
            assert!(self.is_active(output), "{output:?} was not created");
        }
    }

    /// Whether nothing of a transaction was done.
    #[track_caller]
    pub(crate) fn assert_nothing_done(&self, transaction: &Authorized) {
        self.assert_done(transaction, false);
    }

    #[track_caller]
    fn assert_done(&self, transaction: &Authorized, done: bool) {
        for input in &transaction.transaction().openings {
            assert!(
                !(done && self.is_active(input)),
                "{input:?} was not consumed"
            );
        }
        for output in outputs(transaction) {
            assert_eq!(self.is_active(&output), done, "{output:?}");
        }
    }
}

fn speaks(parcel: &Parcel, from: u32, to: u32, about: &TransactionId) -> bool {
    let leaf = &parcel.leaves[0];
    parcel.from() == shard(from) && leaf.to == shard(to) && leaf.transaction == *about
}
