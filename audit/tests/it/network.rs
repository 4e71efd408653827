//! A few shards driven by hand: blocks of given entries, which everybody signs.
//!
//! Each shard has ten people at hand, of whom four are its members: in its first epoch the first four, in
//! each one after it the next ones in the circle. So from epoch to epoch one leaves, one comes, and those
//! who stay move to other seats.

use std::collections::BTreeMap;
use std::sync::Arc;

use audit::{Finding, Replay};
use consensus::ledger::Applied;
use consensus::message::entries_of_final;
use consensus::{Ledger, Shards};
use model::block::{BlockRef, Header, encode_entries, payload_hash};
use model::bounds::PARCEL_LEAVES_MAX;
use model::checker::{Call, Checker, Refusal};
use model::genesis::{GenesisMapping, GenesisObject, GenesisShard};
use model::key::Zip215;
use model::outbox::outbox_tree;
use model::result::results_tree;
use model::shard::Seat;
use model::statement::Scope;
use model::{
    Authorization, Block, Bytes, Certificate, Checkers, ContractId, Delivery, Directory, Ending,
    Entry, Epoch, EpochChange, Finalized, Genesis, HandOver, Hash, Head, HeadCertificate, Height,
    Leaf, Mapping, Mode, NodeDescriptor, NodeId, Object, ObjectType, Output, Parcel, Plan, Profile,
    Promise, SecretKey, ShardId, ShardRecord, Statement, Time, Trace, Transaction, TransactionBody,
    TransactionResult, Verdict, Vote, placement,
};

pub(crate) const A: ShardId = ShardId::new(0);
pub(crate) const B: ShardId = ShardId::new(1);
pub(crate) const C: ShardId = ShardId::new(2);

/// When the network was made.
pub(crate) const CREATED: Time = Time::from_ms(1_000_000);

/// Things of each shard at the beginning.
const THINGS: u32 = 6;

/// A contract whose checker says yes to everything but the procedure "forbidden".
struct Anything;

impl Checker for Anything {
    fn defines(&self, name: &str) -> bool {
        ["thing", "law"].contains(&name)
    }

    fn check(&self, call: &Call<'_>) -> Result<(), Refusal> {
        if call.procedure == "forbidden" {
            Err(Refusal("forbidden"))
        } else {
            Ok(())
        }
    }
}

impl Checkers for Anything {
    fn checker(&self, contract: &ContractId) -> Option<&dyn Checker> {
        [things(), local()].contains(contract).then_some(self)
    }
}

/// A contract that trusts all shards. Nobody consumes its laws.
pub(crate) fn things() -> ContractId {
    ContractId::system("things")
}

/// A contract that trusts the first shard alone.
pub(crate) fn local() -> ContractId {
    ContractId::system("local")
}

/// Who is on a seat of a shard in an epoch, of ten people.
fn person(epoch: Epoch, seat: usize) -> usize {
    (usize::try_from(epoch.number()).expect("few epochs") + seat) % 10
}

pub(crate) fn key(shard: ShardId, person: usize) -> SecretKey {
    let seed = 100 + 10 * shard.number() + u32::try_from(person).expect("few people");
    SecretKey::from_seed([u8::try_from(seed).expect("few shards"); 32])
}

/// The members of a shard in an epoch.
fn members(shard: ShardId, epoch: Epoch) -> Vec<NodeDescriptor> {
    let descriptor = |seat| {
        let person = person(epoch, seat);
        NodeDescriptor {
            name: format!("node-{person}"),
            node: NodeId::new(key(shard, person).public()),
            addresses: Vec::new(),
        }
    };
    (0..4).map(descriptor).collect()
}

/// What a block claims to have done.
pub(crate) struct Claims {
    pub(crate) results: Vec<TransactionResult>,
    pub(crate) outbox: Vec<Leaf>,
    /// Who follows, if the epoch ends with the block.
    pub(crate) next: Option<ShardRecord>,
}

/// A shard and all that it has said.
struct Shard {
    ledger: Ledger,
    chain: Vec<Finalized>,
    /// The hash of the last head that was signed.
    head: Hash,
    parcels: Vec<Parcel>,
}

/// The shards of a network.
pub(crate) struct Network {
    pub(crate) genesis: Genesis,
    /// All epochs there have been.
    pub(crate) directory: Directory,
    shards: BTreeMap<ShardId, Shard>,
    nonce: u32,
}

impl Network {
    pub(crate) fn new(shards: u32, profile: Profile) -> Self {
        let genesis = genesis(shards, profile);
        genesis.check().expect("a sound document");
        let before = Head::before_first(&genesis.network());
        let shard = |found: &GenesisShard| Shard {
            ledger: Ledger::genesis(&genesis, found.shard),
            chain: Vec::new(),
            head: before,
            parcels: Vec::new(),
        };
        Self {
            shards: genesis
                .shards
                .iter()
                .map(|found| (found.shard, shard(found)))
                .collect(),
            directory: Directory::of_genesis(&genesis).expect("a sound document"),
            genesis,
            nonce: 0,
        }
    }

    pub(crate) fn ledger(&self, shard: ShardId) -> &Ledger {
        &self.shards[&shard].ledger
    }

    pub(crate) fn ids(&self) -> Vec<ShardId> {
        self.shards.keys().copied().collect()
    }

    /// A block so many milliseconds after the beginning.
    pub(crate) fn block(&mut self, shard: ShardId, ms: u64, entries: Vec<Entry>) -> Applied {
        self.lie(shard, ms, entries, |_| ())
    }

    /// A block whose head claims something else than what it does.
    pub(crate) fn lie(
        &mut self,
        shard: ShardId,
        ms: u64,
        entries: Vec<Entry>,
        lie: impl FnOnce(&mut Claims),
    ) -> Applied {
        let scope = self.scope(shard);
        let ours = self.shards.get_mut(&shard).expect("a shard");
        let tip = ours.ledger.tip;
        let payload = encode_entries(&entries);
        let header = Header {
            scope,
            slot: tip.block.slot.next(),
            parent: tip.block,
            height: tip.height.next(),
            time: CREATED.plus_ms(ms),
            payload: payload_hash(&payload),
        };
        let block = Block { header, payload };
        let policy = Arc::new(self.genesis.policy());
        let known = Shards::within(self.directory.clone(), policy, shard, scope.epoch);
        let known = known.expect("an epoch of a shard");
        // What is not well-formed does nothing.
        let actions = entries_of_final(&block, &known).unwrap_or_default();
        let applied = ours.ledger.apply(&block, &actions, &Anything);
        let mut claims = Claims {
            results: applied.results.clone(),
            outbox: applied.outbox.clone(),
            next: applied.next.as_deref().cloned(),
        };
        lie(&mut claims);
        claims.outbox.sort_unstable();
        let head = Head {
            previous: ours.head,
            results: results_tree(&claims.results).root(),
            outbox: outbox_tree(&claims.outbox, claims.next.as_ref()).root(),
            ..applied.head.clone()
        };
        ours.head = head.hash();
        let head = certified(head);
        ours.parcels
            .extend(parcels_with(&head, &claims.outbox, claims.next.as_ref()));
        ours.chain.push(Finalized {
            certificate: Some(finalization(scope, block.name())),
            head: Some(head.clone()),
            block,
        });
        if let Some(next) = &claims.next {
            self.hand_over(next, head, &claims.outbox);
        }
        applied
    }

    fn hand_over(&mut self, next: &ShardRecord, head: HeadCertificate, outbox: &[Leaf]) {
        let proof = outbox_tree(outbox, Some(next)).prove(outbox.len());
        let hand_over = HandOver {
            head,
            proof: proof.expect("the last leaf"),
        };
        let next = next.clone();
        let (shard, epoch) = (next.shard, next.epoch);
        let change = Arc::new(EpochChange { next, hand_over });
        // A head may name what cannot follow.
        if self.directory.learn(&change, &mut Zip215).is_ok() {
            let ours = self.shards.get_mut(&shard).expect("a shard");
            ours.ledger.scope.epoch = epoch;
        }
    }

    fn scope(&self, shard: ShardId) -> Scope {
        self.shards[&shard].ledger.scope
    }

    /// What ends the epoch of a shard: the next people in the circle follow.
    pub(crate) fn ending(&self, shard: ShardId) -> Ending {
        let scope = self.scope(shard);
        let before = self.directory.record(shard, scope.epoch);
        let members = members(shard, scope.epoch.next());
        let next = before.and_then(|before| before.followed_by(members, 7));
        self.approved(next.expect("an epoch with a number"), 3)
    }

    /// A record that so many members are for, and the one who is new.
    pub(crate) fn approved(&self, next: ShardRecord, supporters: usize) -> Ending {
        let scope = self.scope(next.shard);
        let newcomer = key(next.shard, person(scope.epoch.next(), 3));
        let plan = Plan {
            consents: vec![newcomer.sign(&next.consent_bytes(scope.network))],
            next,
        };
        Ending {
            approvals: signed(scope, plan.statement(), supporters),
            plan,
        }
    }

    /// A block that ends the epoch.
    pub(crate) fn end(&mut self, shard: ShardId, ms: u64) -> Applied {
        let ending = self.ending(shard);
        self.block(shard, ms, vec![Entry::End(ending)])
    }

    /// The members of a shard go on in the epoch that they have ended.
    pub(crate) fn stay(&mut self, shard: ShardId) {
        let ours = self.shards.get_mut(&shard).expect("a shard");
        ours.ledger.scope.epoch = Epoch::ZERO;
    }

    /// The epochs of other shards that a shard has not heard of.
    pub(crate) fn changes(&self, to: ShardId) -> Vec<Entry> {
        let others = self.shards.keys().filter(|other| **other != to);
        let changes = others.flat_map(|other| {
            let heard = self.ledger(to).epoch_of(*other);
            self.directory.changes(*other, heard)
        });
        changes
            .map(|change| Entry::Change((**change).clone()))
            .collect()
    }

    /// Another head for the last block of a shard, with nothing but this promise under it.
    pub(crate) fn forged(&self, from: ShardId, promise: Leaf) -> Parcel {
        self.forged_by(3, from, promise)
    }

    /// [`Network::forged`] by so many members.
    pub(crate) fn forged_by(&self, members: usize, from: ShardId, promise: Leaf) -> Parcel {
        let last = self.chain(from).last().expect("it has a block");
        let head = Head {
            outbox: outbox_tree(&[promise], None).root(),
            ..last
                .head
                .as_ref()
                .expect("each block has a head")
                .head
                .clone()
        };
        parcels(&certified_by(members, head), &[promise]).swap_remove(0)
    }

    /// A promise under a head of the first epoch of a shard, one block above its last one.
    pub(crate) fn after_the_end(&self, from: ShardId, promise: Leaf) -> Parcel {
        let end = self.directory.end(from, Epoch::ZERO);
        self.out_of_place(
            from,
            Epoch::ZERO,
            end.expect("it has ended").next(),
            promise,
        )
    }

    /// A promise under a head of the second epoch of a shard, at the height at which the first one ended.
    pub(crate) fn before_the_beginning(&self, from: ShardId, promise: Leaf) -> Parcel {
        let end = self.directory.end(from, Epoch::ZERO);
        self.out_of_place(from, Epoch::new(1), end.expect("it has ended"), promise)
    }

    fn out_of_place(&self, from: ShardId, epoch: Epoch, height: Height, promise: Leaf) -> Parcel {
        let scope = Scope {
            epoch,
            ..self.scope(from)
        };
        let head = Head {
            scope,
            height,
            previous: Hash::ZERO,
            block: Hash::ZERO,
            time: CREATED,
            results: Hash::ZERO,
            outbox: outbox_tree(&[promise], None).root(),
            state: None,
        };
        parcels(&certified(head), &[promise]).swap_remove(0)
    }

    /// All that a shard has ever said to another one, the last first.
    pub(crate) fn parcels(&self, from: ShardId, to: ShardId) -> Vec<Parcel> {
        let parcels = self.shards[&from].parcels.iter().rev();
        let to_them = parcels.filter(|parcel| parcel.leaves[0].to == to);
        to_them.cloned().collect()
    }

    /// The last that a shard has said to another one.
    pub(crate) fn last(&self, from: ShardId, to: ShardId) -> Entry {
        let parcel = self.parcels(from, to).into_iter().next();
        self.delivery(parcel.expect("it has said something"))
    }

    /// A parcel as it is delivered: decisions to commit with the votes of the others.
    pub(crate) fn delivery(&self, parcel: Parcel) -> Entry {
        let (decider, to) = (parcel.from(), parcel.leaves[0].to);
        let commits = parcel
            .leaves
            .iter()
            .filter(|leaf| leaf.promise == Promise::Accept(Verdict::Commit));
        let mut votes: Vec<Parcel> = Vec::new();
        for leaf in commits {
            for voter in self.ids() {
                let vote = Promise::Prepared(Verdict::Commit);
                let said = self.shards[&voter].parcels.iter().find(|said| {
                    let mut leaves = said.leaves.iter();
                    leaves.any(|said| {
                        said.to == decider
                            && said.transaction == leaf.transaction
                            && said.promise == vote
                    })
                });
                votes.extend(said.filter(|_| voter != to && voter != decider).cloned());
            }
        }
        votes.dedup();
        Entry::Deliver(Delivery { parcel, votes })
    }

    /// A thing that was there from the start.
    pub(crate) fn thing(&self, shard: ShardId, number: usize) -> Object {
        let objects = self.genesis.objects_of(shard).into_values();
        let mut things: Vec<Object> = objects.map(Arc::unwrap_or_clone).collect();
        things.sort_by_key(|thing| thing.index);
        things.swap_remove(number)
    }

    /// A transaction of one trace that consumes some objects, reads others, and makes one thing in each
    /// of some shards, good for half a minute after the beginning.
    pub(crate) fn swap(
        &mut self,
        mode: Mode,
        inputs: &[Object],
        references: &[Object],
        homes: &[ShardId],
    ) -> Transaction {
        let trace = trace(things(), "swap", inputs, references, homes);
        let openings = inputs.iter().chain(references).cloned().collect();
        self.transaction(mode, 30_000, vec![trace], openings)
    }

    /// A transaction that somebody signs.
    pub(crate) fn transaction(
        &mut self,
        mode: Mode,
        until_ms: u64,
        traces: Vec<Trace>,
        mut openings: Vec<Object>,
    ) -> Transaction {
        self.nonce += 1;
        let mut nonce = [0; 16];
        nonce[..4].copy_from_slice(&self.nonce.to_le_bytes());
        openings.sort_by_key(Object::id);
        openings.dedup();
        let mut body = TransactionBody {
            network: self.genesis.network(),
            nonce,
            valid_until: CREATED.plus_ms(until_ms),
            mode,
            participants: Vec::new(),
            traces,
        };
        let free = placement::free_objects(&body);
        openings.retain(|object| free.contains(&object.id()));
        let homes = openings.iter().map(|object| object.home);
        body.participants = placement::participants(&body, homes).into_iter().collect();
        let id = body.id();
        Transaction {
            body,
            openings,
            authorizations: vec![Authorization::new(&SecretKey::from_seed([9; 32]), &id)],
        }
    }

    /// The chain of a shard.
    pub(crate) fn chain(&self, shard: ShardId) -> &[Finalized] {
        &self.shards[&shard].chain
    }

    /// The audit of a shard, as far as it goes, by somebody who knows nothing but the genesis document.
    pub(crate) fn audit(&self, shard: ShardId) -> Result<Replay, Finding> {
        let replay = Replay::new(&self.genesis, shard, Arc::new(Anything));
        audited(replay, self.chain(shard))
    }

    /// The audit of a chain of a shard, by somebody who knows of some epochs.
    pub(crate) fn audit_within(
        &self,
        directory: &Directory,
        shard: ShardId,
        chain: &[Finalized],
    ) -> Result<Replay, Finding> {
        let checkers = Arc::new(Anything);
        let replay = Replay::within(directory.clone(), &self.genesis, shard, checkers);
        audited(replay, chain)
    }
}

fn audited(replay: Option<Replay>, chain: &[Finalized]) -> Result<Replay, Finding> {
    let mut replay = replay.expect("the shard is known");
    for block in chain {
        replay.block(block, &mut Zip215)?;
    }
    replay.finish().map(|_| replay)
}

fn genesis(shards: u32, profile: Profile) -> Genesis {
    let ids: Vec<ShardId> = (0..shards).map(ShardId::new).collect();
    let object = |contract, name: &str, home, number: u32| GenesisObject {
        object_type: ObjectType {
            contract,
            name: name.to_owned(),
        },
        home,
        content: Bytes::from(number.to_le_bytes().to_vec()),
    };
    let of_shard = |home: &ShardId| {
        let home = *home;
        let things_here = (0..THINGS).map(move |number| object(things(), "thing", home, number));
        things_here.chain([object(things(), "law", home, THINGS)])
    };
    let mapping = |contract, trusted: &[ShardId], frozen: &[&str]| GenesisMapping {
        contract,
        mapping: Mapping {
            homes: trusted.to_vec(),
            deciders: trusted.to_vec(),
            frozen: frozen.iter().map(|name| (*name).to_owned()).collect(),
        },
    };
    let mut mappings = vec![
        mapping(things(), &ids, &["law"]),
        mapping(local(), &[A], &[]),
    ];
    mappings.sort_by_key(|mapping| mapping.contract);
    Genesis {
        name: "audited".to_owned(),
        created: CREATED,
        profile,
        shards: ids
            .iter()
            .map(|shard| GenesisShard {
                shard: *shard,
                members: members(*shard, Epoch::ZERO),
            })
            .collect(),
        mappings,
        objects: ids
            .iter()
            .flat_map(of_shard)
            .chain((0..3).map(|number| object(local(), "thing", A, number)))
            .collect(),
    }
}

pub(crate) fn trace(
    contract: ContractId,
    procedure: &str,
    inputs: &[Object],
    references: &[Object],
    homes: &[ShardId],
) -> Trace {
    let output = |home: &ShardId| Output {
        type_name: "thing".to_owned(),
        home: *home,
        content: Bytes::default(),
    };
    Trace {
        contract,
        procedure: procedure.to_owned(),
        inputs: inputs.iter().map(Object::id).collect(),
        references: references.iter().map(Object::id).collect(),
        outputs: homes.iter().map(output).collect(),
        local_parameters: Bytes::default(),
        local_returns: Bytes::default(),
        dependencies: Vec::new(),
    }
}

/// The signatures of the first members of a shard.
pub(crate) fn signed(scope: Scope, statement: Statement, members: usize) -> Certificate {
    let bytes = statement.signing_bytes(&scope);
    let sign = |seat| {
        let signature = key(scope.shard, person(scope.epoch, seat)).sign(&bytes);
        (Seat::new(seat).expect("a small seat"), signature)
    };
    Certificate {
        statement,
        signatures: (0..members).map(sign).collect(),
    }
}

fn finalization(scope: Scope, block: BlockRef) -> Certificate {
    let statement = Statement::Vote {
        slot: block.slot,
        vote: Vote::Finalize(block.hash),
    };
    signed(scope, statement, 3)
}

/// A head that a quorum signs.
pub(crate) fn certified(head: Head) -> HeadCertificate {
    certified_by(3, head)
}

/// A head that so many members sign.
fn certified_by(members: usize, head: Head) -> HeadCertificate {
    HeadCertificate {
        certificate: signed(head.scope, head.statement(), members),
        head,
    }
}

/// What a block says, as it is carried: runs of promises to one shard.
pub(crate) fn parcels(head: &HeadCertificate, leaves: &[Leaf]) -> Vec<Parcel> {
    parcels_with(head, leaves, None)
}

fn parcels_with(
    head: &HeadCertificate,
    leaves: &[Leaf],
    next: Option<&ShardRecord>,
) -> Vec<Parcel> {
    let tree = outbox_tree(leaves, next);
    let mut first = 0;
    let runs = leaves.chunk_by(|a, b| a.to == b.to);
    let runs = runs
        .flat_map(|run| run.chunks(PARCEL_LEAVES_MAX))
        .map(|run| {
            let proof = tree.prove_range(first, run.len());
            first += run.len();
            Parcel {
                head: head.clone(),
                leaves: run.to_vec(),
                proof: proof.expect("the run is in the tree"),
            }
        });
    runs.collect()
}

/// A promise about a transaction.
pub(crate) fn leaf(to: ShardId, transaction: &Transaction, promise: Promise) -> Leaf {
    Leaf {
        to,
        transaction: transaction.body.id(),
        valid_until: transaction.body.valid_until,
        promise,
    }
}

/// A result as a head commits to it.
pub(crate) fn committed(transaction: &Transaction) -> TransactionResult {
    TransactionResult {
        transaction: transaction.body.id(),
        outcome: model::Outcome::Committed,
    }
}

pub(crate) fn prepare(transaction: &Transaction) -> Entry {
    Entry::Prepare(transaction.clone())
}
