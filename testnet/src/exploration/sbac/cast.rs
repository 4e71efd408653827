//! The transactions of a model, and everything that can be said about them, by number.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::statement::{Epoch, Scope};
use model::transaction::Authorized;
use model::{
    AbortReason, Delivery, Genesis, Leaf, Mode, Object, ObjectId, Parcel, Promise, ShardId,
    TransactionId, Verdict,
};

use super::setting::{DEADLINE, genesis, outputs, parcel, transaction};
use super::{Helper, Model};

/// The reason of all who abort something.
pub(super) const ABORT: Verdict = Verdict::Abort(AbortReason::Deadline);

/// Everything that can be promised about a transaction.
const PROMISES: [Promise; 6] = [
    Promise::Prepared(Verdict::Commit),
    Promise::Prepared(ABORT),
    Promise::Accept(Verdict::Commit),
    Promise::Accept(ABORT),
    Promise::NoDecision,
    Promise::Acknowledged,
];

/// A set of promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Said(u128);

impl Said {
    /// These and others.
    pub(super) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the promise with this number is among them.
    pub(super) const fn has(self, promise: usize) -> bool {
        self.0 >> promise & 1 == 1
    }

    /// The promise with this number alone.
    pub(super) fn one(promise: usize) -> Self {
        assert!(promise < 128, "the model has too many promises");
        Self(1 << promise)
    }
}

/// A promise that can be made.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) from: u32,
    pub(super) to: u32,
    /// The number of the transaction.
    pub(super) about: usize,
    pub(super) promise: Promise,
    parcel: Arc<Parcel>,
}

/// Everything that a model names.
pub(super) struct Cast {
    pub(super) genesis: Genesis,
    /// The transactions that are explored come first, then the helpers.
    pub(super) transactions: Vec<Authorized>,
    /// How many of them are explored.
    pub(super) explored: usize,
    pub(super) titles: Vec<String>,
    /// The participants, the liar among them.
    pub(super) shards: Vec<u32>,
    pub(super) liar: Option<u32>,
    /// All that may be said.
    pub(super) lines: Vec<Line>,
    /// The objects whose fate matters.
    pub(super) objects: Vec<ObjectId>,
    /// Those that the explored transactions refer to.
    pub(super) references: Vec<ObjectId>,
    numbers: BTreeMap<(u32, u32, TransactionId, Promise), usize>,
    lies: Said,
}

impl Cast {
    pub(super) fn new(model: &Model) -> Self {
        let homes = [model.inputs.as_slice(), &model.references].concat();
        let mut shards = [homes.as_slice(), &model.outputs].concat();
        shards.extend(model.modes.iter().filter_map(|mode| match mode {
            Mode::Decider(decider) => Some(decider.number()),
            Mode::AllVotes => None,
        }));
        shards.sort_unstable();
        shards.dedup();
        let stranger = shards.last().map_or(0, |last| last + 1);
        let genesis = genesis(&homes, stranger);
        let input = |home: u32| {
            let objects = genesis.objects_of(ShardId::new(home)).into_values();
            objects
                .map(Arc::unwrap_or_clone)
                .next()
                .expect("an object each")
        };
        let first = |homes: &[u32]| homes.iter().map(|home| input(*home)).collect();
        let [inputs, references]: [Vec<Object>; 2] =
            [first(&model.inputs), first(&model.references)];
        let mut nonce = 0;
        let mut write = |mode: Mode, uses: [&[Object]; 2], outputs: &[u32]| {
            nonce += 1;
            transaction(&genesis, nonce, mode, uses, outputs)
        };
        let mut titles = Vec::new();
        let mut transactions = Vec::new();
        for mode in &model.modes {
            titles.push(format!("T{}", transactions.len() + 1));
            transactions.push(write(*mode, [&inputs, &references], &model.outputs));
        }
        let made = outputs(&transactions[0]);
        for (home, helper) in &model.helpers {
            let alone = Mode::Decider(ShardId::new(*home));
            let elsewhere = Mode::Decider(ShardId::new(stranger));
            let (title, helper) = match helper {
                Helper::Locks => ("a lock", write(elsewhere, [&[input(*home)], &[]], &[])),
                Helper::Reads => ("a reader", write(elsewhere, [&[], &[input(*home)]], &[])),
                Helper::Spends => ("a rival", write(alone, [&[input(*home)], &[]], &[])),
                Helper::Respends => {
                    let here = |object: &&Object| object.home.number() == *home;
                    let made = made.iter().find(here).expect("an output of the shard");
                    let made = std::slice::from_ref(made);
                    ("a successor", write(alone, [made, &[]], &[]))
                }
            };
            titles.push(format!("{title} of shard {home}"));
            transactions.push(helper);
        }
        let objects = [&inputs, &references, &made].into_iter().flatten();
        let objects = objects.map(Object::id).collect();
        let mut cast = Self {
            explored: model.modes.len(),
            genesis,
            transactions,
            titles,
            shards,
            liar: model.liar,
            lines: Vec::new(),
            objects,
            references: references.iter().map(Object::id).collect(),
            numbers: BTreeMap::new(),
            lies: Said::default(),
        };
        cast.write_lines(stranger);
        cast
    }

    /// Numbers all promises that anybody could make to an honest participant or to the liar.
    fn write_lines(&mut self, stranger: u32) {
        for about in 0..self.transactions.len() {
            let participants = &self.transactions[about].body().participants;
            let participants: Vec<u32> = participants.iter().map(|shard| shard.number()).collect();
            for from in &participants {
                for to in participants
                    .iter()
                    .filter(|to| *to != from && **to != stranger)
                {
                    for promise in PROMISES {
                        self.write_line(*from, *to, about, promise, stranger);
                    }
                }
            }
        }
    }

    fn write_line(&mut self, from: u32, to: u32, about: usize, promise: Promise, stranger: u32) {
        let number = self.lines.len();
        let id = self.transactions[about].id();
        let leaf = Leaf {
            to: ShardId::new(to),
            transaction: id,
            valid_until: DEADLINE,
            promise,
        };
        if Some(from) == self.liar || from == stranger {
            self.lies = self.lies.union(Said::one(number));
        }
        self.numbers.insert((from, to, id, promise), number);
        let scope = self.scope(from);
        self.lines.push(Line {
            from,
            to,
            about,
            promise,
            parcel: Arc::new(parcel(scope, number, leaf)),
        });
    }

    /// What every signature of a shard would be bound to.
    pub(super) fn scope(&self, shard: u32) -> Scope {
        Scope {
            network: self.genesis.network(),
            shard: ShardId::new(shard),
            epoch: Epoch::ZERO,
        }
    }

    /// What those have said who lie.
    pub(super) const fn lies(&self) -> Said {
        self.lies
    }

    /// The number of a promise, all reasons to abort being one. `None` if it is made to nobody who is
    /// explored.
    pub(super) fn number(&self, from: u32, leaf: &Leaf) -> Option<usize> {
        let promise = match leaf.promise {
            Promise::Prepared(Verdict::Abort(_)) => Promise::Prepared(ABORT),
            Promise::Accept(Verdict::Abort(_)) => Promise::Accept(ABORT),
            promise => promise,
        };
        let key = (from, leaf.to.number(), leaf.transaction, promise);
        self.numbers.get(&key).copied()
    }

    /// Whether a promise was made, of the explored transaction with this number.
    pub(super) fn was_said(
        &self,
        said: Said,
        [from, to]: [u32; 2],
        about: usize,
        promise: Promise,
    ) -> bool {
        let key = (from, to, self.transactions[about].id(), promise);
        let number = self.numbers.get(&key);
        number.is_some_and(|number| said.has(*number))
    }

    /// The votes to commit that can be shown beside a decision to commit.
    pub(super) fn votes_beside(&self, number: usize, said: Said) -> Said {
        let line = &self.lines[number];
        if line.promise != Promise::Accept(Verdict::Commit) {
            return Said::default();
        }
        let votes = self.lines.iter().enumerate().filter(|(vote, cast)| {
            let counts = cast.to == line.from && cast.from != line.to && cast.about == line.about;
            counts && cast.promise == Promise::Prepared(Verdict::Commit) && said.has(*vote)
        });
        votes.fold(Said::default(), |all, (vote, _)| all.union(Said::one(vote)))
    }

    /// A promise, and votes beside it.
    pub(super) fn delivery(&self, number: usize, votes: Said) -> Delivery {
        let parcel = |number: usize| (*self.lines[number].parcel).clone();
        let votes = (0..self.lines.len()).filter(|vote| votes.has(*vote));
        Delivery {
            parcel: parcel(number),
            votes: votes.map(parcel).collect(),
        }
    }

    /// The explored transactions that concern a shard, the helpers of it included.
    pub(super) fn of_shard(&self, shard: u32) -> impl Iterator<Item = usize> {
        let concerned = self
            .transactions
            .iter()
            .enumerate()
            .filter(move |(_, one)| one.body().participants.contains(&ShardId::new(shard)));
        concerned.map(|(number, _)| number)
    }

    /// Whether a transaction consumes an object.
    pub(super) fn consumes(&self, transaction: &TransactionId, object: &ObjectId) -> bool {
        let mut transactions = self.transactions.iter();
        let found = transactions.find(|one| one.id() == *transaction);
        let mut traces = found.into_iter().flat_map(|one| &one.body().traces);
        traces.any(|trace| trace.inputs.contains(object))
    }

    /// The participants that do not lie.
    pub(super) fn honest(&self) -> impl Iterator<Item = u32> {
        let honest = self.shards.iter().copied();
        honest.filter(|shard| Some(*shard) != self.liar)
    }
}
