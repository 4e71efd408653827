//! The mind of a dishonest shard: it hears what is said to any member, and has a ledger that does what
//! an honest shard would do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use consensus::action::ParcelKey;
use consensus::sbac::letter::{AdmittedLetter, Letter};
use consensus::{Action, Applied, Ledger};
use model::block::Header;
use model::transaction::Authorized;
use model::{
    Block, Delivery, Hash, Leaf, Promise, Slot, Time, Transaction, Verdict, bounds, encoding,
};

use super::voice::Voice;
use super::{Known, Scheme, Word};
use crate::simulation::{Alarm, Around, DAWN, Place, Purpose, Random, Setting};

/// How long it waits for company before it makes a block, in milliseconds, at most.
const GATHERS_MS: u64 = 200;

/// See the module.
pub(super) struct Mind {
    ledger: Ledger,
    known: Known,
    scheme: Box<dyn Scheme>,
    voice: Voice,
    random: Random,
    /// What the next block does.
    next: Vec<Action>,
    heard: BTreeSet<ParcelKey>,
    /// When it makes the next block, if it does.
    due: Option<Time>,
    lies: u64,
}

impl Mind {
    pub(super) fn new(setting: &Setting, scheme: Box<dyn Scheme>, mut random: Random) -> Self {
        Self {
            ledger: setting.ledger(),
            known: Known {
                ours: setting.shard(),
                transactions: BTreeMap::new(),
                votes: BTreeMap::new(),
            },
            scheme,
            voice: Voice::new(setting, random.fork()),
            random,
            next: Vec::new(),
            heard: BTreeSet::new(),
            due: None,
            lies: 0,
        }
    }

    /// How many promises it made that an honest shard would not have made, or did not make.
    pub(super) const fn lies(&self) -> u64 {
        self.lies
    }

    /// A member of another shard tells one of ours something.
    pub(super) fn letter(&mut self, around: &mut Around<'_>, from: Place, bytes: &[u8]) {
        let (shards, notary) = (&around.setting.shards, &around.setting.notary);
        let letter = Letter::decode(bytes).ok();
        let admitted = letter.and_then(|letter| letter.admit(shards, &mut notary.clone()).ok());
        match admitted {
            Some(AdmittedLetter::Deliver(deliveries)) => {
                for delivery in deliveries {
                    self.deliver(around, from, delivery);
                }
            }
            Some(AdmittedLetter::Ask(ids)) => {
                let known = ids.iter().filter_map(|id| self.known.transactions.get(id));
                let bodies = known.map(|known| known.transaction().clone()).collect();
                send(around, from, &Letter::Transactions(bodies));
            }
            Some(AdmittedLetter::Transactions(transactions)) => {
                transactions.into_iter().for_each(|one| self.learn(one));
            }
            Some(
                AdmittedLetter::Changes(_)
                | AdmittedLetter::AskChanges { .. }
                | AdmittedLetter::Ahead { .. }
                | AdmittedLetter::Unproven { .. },
            )
            | None => {}
        }
        self.plan(around);
    }

    /// A user submits something to one of ours.
    pub(super) fn submitted(&mut self, around: &mut Around<'_>, bytes: &[u8]) {
        let network = around.setting.scope().network;
        let transaction = encoding::decode::<Transaction>(bytes, bounds::TRANSACTION_BYTES_MAX);
        let formed = transaction
            .ok()
            .and_then(|one| one.check_form(&network).ok());
        let check = &mut around.setting.notary.clone();
        if let Some(authorized) = formed.and_then(|formed| formed.verify(check).ok()) {
            self.learn(authorized);
        }
        self.plan(around);
    }

    fn learn(&mut self, transaction: Authorized) {
        let id = transaction.id();
        if self.known.transactions.contains_key(&id) {
            return;
        }
        self.next.push(Action::Prepare(transaction.clone()));
        self.known.transactions.insert(id, transaction);
        let votes = self
            .known
            .votes
            .iter()
            .filter(|((about, _), _)| *about == id);
        let deliveries = votes.map(|(_, parcel)| Delivery {
            parcel: parcel.clone(),
            votes: Vec::new(),
        });
        let actions = deliveries.map(|delivery| Action::Deliver(Arc::new(delivery)));
        self.next.extend(actions);
    }

    fn deliver(&mut self, around: &mut Around<'_>, from: Place, delivery: Arc<Delivery>) {
        if !self.heard.insert(ParcelKey::of(&delivery)) {
            return;
        }
        let parcel = &delivery.parcel;
        let proofs = parcel.proofs().unwrap_or_default();
        let mut unknown = BTreeSet::new();
        for (at, leaf) in parcel.leaves.iter().enumerate() {
            if leaf.promise == Promise::Prepared(Verdict::Commit)
                && let Some(vote) = parcel.only(at, &proofs)
            {
                let about = (leaf.transaction, parcel.from());
                self.known.votes.insert(about, vote);
            }
            let asks = matches!(leaf.promise, Promise::Prepared(_) | Promise::Accept(_));
            if asks && !self.known.transactions.contains_key(&leaf.transaction) {
                unknown.insert(leaf.transaction);
            }
        }
        if !unknown.is_empty() {
            send(around, from, &Letter::Ask(unknown.into_iter().collect()));
        }
        self.next.push(Action::Deliver(delivery));
    }

    /// A time has come that it asked for.
    pub(super) fn alarm(&mut self, around: &mut Around<'_>) {
        if self.due.is_none_or(|due| due > around.now) {
            return;
        }
        self.due = None;
        let applied = self.block(around);
        let honest: BTreeSet<Leaf> = applied.outbox.iter().copied().collect();
        let Self {
            scheme,
            known,
            random,
            voice,
            ..
        } = self;
        let words = scheme.speak(applied.outbox, known, random);
        let said: BTreeSet<Leaf> = words
            .iter()
            .flat_map(|word| &word.leaves)
            .copied()
            .collect();
        self.lies += said.symmetric_difference(&honest).count() as u64;
        for Word {
            leaves,
            beside,
            forks,
        } in words
        {
            if let Some((shard, letter)) =
                voice.letter(&applied.head, &leaves, beside, forks, known)
            {
                around.tell(shard, None, Arc::from(letter.encode()));
            }
        }
        voice.ends_block();
        self.plan(around);
    }

    /// What an honest shard would do now.
    fn block(&mut self, around: &Around<'_>) -> Applied {
        let tip = &self.ledger.tip;
        let height = tip.height.next();
        let header = Header {
            scope: self.ledger.scope,
            slot: Slot::new(height.number()),
            parent: tip.block,
            height,
            time: DAWN.plus_ms(around.now.as_ms()).max(tip.time.plus_ms(1)),
            payload: Hash::ZERO,
        };
        let payload = [].into();
        let block = Block { header, payload };
        let actions = std::mem::take(&mut self.next);
        self.ledger
            .apply(&block, &actions, &*around.setting.checkers)
    }

    /// Asks to be woken if there is something to do.
    fn plan(&mut self, around: &mut Around<'_>) {
        let soon = around.now.plus_ms(1 + self.random.below(GATHERS_MS));
        let alarm = self.ledger.next_alarm().map(|alarm| {
            let at = Time::from_ms(alarm.since_ms(DAWN) + 1);
            at.max(soon)
        });
        let now = (!self.next.is_empty()).then_some(soon);
        let Some(at) = now.into_iter().chain(alarm).min() else {
            return;
        };
        if self.due.is_none_or(|due| at < due) {
            self.due = Some(at);
            let alarm = Alarm {
                holder: 0,
                life: 0,
                purpose: Purpose::Scheme,
            };
            around.wake(at, alarm);
        }
    }
}

fn send(around: &mut Around<'_>, to: Place, letter: &Letter) {
    around.tell(to.shard, Some(to.seat), Arc::from(letter.encode()));
}
