//! One honest shard as a table: where each thing that may happen leads it from each of its stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use consensus::ledger::{Applied, State, Tip};
use consensus::sbac::session::{Session, Stage};
use consensus::{Action, Ledger};
use model::block::{BlockRef, Header};
use model::{
    Block, Epoch, Hash, Height, ObjectId, Policy, Slot, Time, TransactionId, Verdict, encoding,
};

use super::cast::{ABORT, Cast, Said};
use super::rules;
use super::setting::{DEADLINE, Permissive};
use crate::exploration::folding::Map;

/// Something that happens to a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Event {
    /// It sequences a transaction.
    Prepare(usize),
    /// It sequences a promise of another shard, and votes beside it.
    Hear(usize, Said),
    /// The deadline passes.
    Expire,
    /// It has nothing to sequence.
    Wait,
}

/// What a shard has done, for those who judge it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// How often each object was created here, two at most.
    pub(super) created: BTreeMap<ObjectId, u8>,
    /// How often each object was consumed here, two at most.
    pub(super) consumed: BTreeMap<ObjectId, u8>,
    /// The explored transactions that were committed here, by number as bits.
    pub(super) committed: u8,
    /// Those that were aborted here.
    pub(super) aborted: u8,
}

/// Where a shard stands.
pub(super) struct Stand {
    pub(super) ledger: Ledger,
    /// Whether the deadline is over.
    late: bool,
    pub(super) memory: Memory,
    /// The explored transactions that it has voted to commit and not heard the decision of, as bits.
    pub(super) prepared: u8,
    /// Those that it is to decide.
    pub(super) open: u8,
}

/// See the module.
pub(super) struct Machine {
    pub(super) shard: u32,
    policy: Arc<Policy>,
    stands: Vec<Stand>,
    numbers: BTreeMap<Vec<u8>, u32>,
    table: Map<(u32, Event), (u32, Said)>,
    /// Calls of the production code.
    pub(super) steps: u64,
}

impl Machine {
    /// A shard before anything has happened.
    pub(super) fn new(cast: &Cast, shard: u32) -> Self {
        let policy = Arc::new(cast.genesis.policy());
        let mut machine = Self {
            shard,
            stands: Vec::new(),
            numbers: BTreeMap::new(),
            table: Map::default(),
            steps: 0,
            policy,
        };
        let state = State {
            objects: cast.genesis.objects_of(model::ShardId::new(shard)),
            ..State::default()
        };
        machine.stand_at(cast, state, false, Memory::default());
        machine
    }

    pub(super) fn stand(&self, number: u32) -> &Stand {
        &self.stands[number as usize]
    }

    /// How many stands it can be at.
    pub(super) fn stands(&self) -> usize {
        self.stands.len()
    }

    /// What can happen at a stand, if this was said.
    pub(super) fn events(&self, cast: &Cast, number: u32, said: Said) -> Vec<Event> {
        let mut events: Vec<Event> = cast.of_shard(self.shard).map(Event::Prepare).collect();
        let lines = cast.lines.iter().enumerate();
        let heard = lines.filter(|(line, content)| content.to == self.shard && said.has(*line));
        events.extend(heard.map(|(line, _)| Event::Hear(line, cast.votes_beside(line, said))));
        if !self.stand(number).late {
            events.push(Event::Expire);
        }
        events
    }

    /// Where something leads, and what is said then.
    pub(super) fn step(
        &mut self,
        cast: &Cast,
        from: u32,
        event: Event,
    ) -> Result<(u32, Said), String> {
        if let Some(known) = self.table.get(&(from, event)) {
            return Ok(*known);
        }
        self.steps += 1;
        let stand = self.stand(from);
        let late = stand.late || event == Event::Expire;
        let action = match event {
            Event::Prepare(number) => Some(Action::Prepare(cast.transactions[number].clone())),
            Event::Hear(line, votes) => Some(Action::Deliver(Arc::new(cast.delivery(line, votes)))),
            Event::Expire | Event::Wait => None,
        };
        let mut ledger = stand.ledger.clone();
        let header = Header {
            scope: ledger.scope,
            slot: Slot::new(1),
            parent: ledger.tip.block,
            height: ledger.tip.height.next(),
            time: time(late).plus_ms(1),
            payload: Hash::ZERO,
        };
        let payload = [].into();
        let block = Block { header, payload };
        let applied = ledger.apply(&block, action.as_slice(), &Permissive);
        let memory = remember(cast, &stand.memory, &applied);
        rules::judge_locks(cast, &ledger)?;
        rules::judge_memory(&memory)?;
        rules::judge_reads(cast, &stand.memory, &memory)?;
        let mut said = Said::default();
        for leaf in &applied.outbox {
            if let Some(line) = cast.number(self.shard, leaf) {
                said = said.union(Said::one(line));
            }
        }
        let to = self.stand_at(cast, ledger.state, late, memory);
        self.table.insert((from, event), (to, said));
        if let Event::Hear(line, votes) = event {
            let changes = to != self.step(cast, from, Event::Wait)?.0;
            let delivery = cast.delivery(line, votes);
            let ledger = &self.stand(from).ledger;
            let leaf = &delivery.parcel.leaves[0];
            let hearing = ledger.hearing(&delivery, leaf, ledger.tip.time.plus_ms(1));
            rules::judge_hearing(hearing, changes)?;
        }
        Ok((to, said))
    }

    /// The number of a stand.
    fn stand_at(&mut self, cast: &Cast, state: State, late: bool, memory: Memory) -> u32 {
        let state = canonical(state);
        let key = key(&state, late, &memory);
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = u32::try_from(self.stands.len()).expect("there are fewer stands than states");
        let tip = Tip {
            block: BlockRef::genesis(&cast.genesis.network()),
            epoch: Epoch::ZERO,
            height: Height::ZERO,
            time: time(late),
            head: Hash::ZERO,
        };
        let [mut prepared, mut open] = [0; 2];
        for (about, transaction) in cast.transactions[..cast.explored].iter().enumerate() {
            match state
                .sessions
                .get(&transaction.id())
                .map(|session| &session.stage)
            {
                Some(Stage::Prepared(_)) => prepared |= 1 << about,
                Some(Stage::Open(_)) => open |= 1 << about,
                Some(Stage::Decided { .. }) | None => {}
            }
        }
        let policy = Arc::clone(&self.policy);
        self.stands.push(Stand {
            ledger: Ledger::restore(cast.scope(self.shard), tip, policy, state),
            late,
            memory,
            prepared,
            open,
        });
        self.numbers.insert(key, number);
        number
    }
}

/// The time of the last block.
const fn time(late: bool) -> Time {
    if late {
        DEADLINE.plus_ms(1)
    } else {
        Time::from_ms(5_000)
    }
}

/// The replacements that the exploration describes.
fn canonical(mut state: State) -> State {
    for record in state.decided.values_mut() {
        record.height = Height::ZERO;
        record.answered = Time::ZERO;
    }
    for session in state.sessions.values_mut() {
        *session = Arc::new(canonical_session(session));
    }
    for foreign in state.foreign.values_mut() {
        foreign.heads.clear();
    }
    state
        .foreign
        .retain(|_, foreign| foreign.forked || !foreign.aborted.is_empty());
    state
}

fn canonical_session(session: &Session) -> Session {
    let mut canonical = session.clone();
    canonical.prepared = Height::ZERO;
    canonical.repeats = 0;
    match &mut canonical.stage {
        // Its alarm is the deadline.
        Stage::Open(_) => {}
        Stage::Prepared(_) => canonical.alarm = Time::ZERO,
        Stage::Decided { verdict, .. } => {
            canonical.alarm = Time::ZERO;
            if matches!(verdict, Verdict::Abort(_)) {
                *verdict = ABORT;
            }
        }
    }
    canonical
}

/// All of a stand, as bytes.
fn key(state: &State, late: bool, memory: &Memory) -> Vec<u8> {
    let State {
        objects,
        decided,
        sessions,
        foreign,
    } = state;
    let objects: Vec<&ObjectId> = objects.keys().collect();
    let decided: Vec<_> = decided.iter().collect();
    let sessions: Vec<_> = sessions.values().map(|session| session.record()).collect();
    let foreign: Vec<_> = foreign
        .iter()
        .map(|(shard, foreign)| {
            let aborted: Vec<(&TransactionId, &Time)> = foreign.aborted.iter().collect();
            (shard, foreign.forked, aborted)
        })
        .collect();
    let created: Vec<_> = memory.created.iter().collect();
    let consumed: Vec<_> = memory.consumed.iter().collect();
    let ends = (memory.committed, memory.aborted);
    encoding::encode(&(
        late, objects, decided, sessions, foreign, created, consumed, ends,
    ))
}

/// What was remembered, and what a block did.
fn remember(cast: &Cast, before: &Memory, applied: &Applied) -> Memory {
    let mut memory = before.clone();
    let count = |counts: &mut BTreeMap<ObjectId, u8>, object: &ObjectId| {
        if cast.objects.contains(object) {
            let count = counts.entry(*object).or_default();
            *count = (*count + 1).min(2);
        }
    };
    applied
        .created
        .keys()
        .for_each(|object| count(&mut memory.created, object));
    applied
        .consumed
        .keys()
        .for_each(|object| count(&mut memory.consumed, object));
    for result in &applied.results {
        let explored = cast.transactions[..cast.explored].iter();
        let mut numbered = explored.enumerate();
        if let Some((about, _)) = numbered.find(|(_, one)| one.id() == result.transaction) {
            match result.outcome {
                model::Outcome::Committed => memory.committed |= 1 << about,
                model::Outcome::Aborted(_) => memory.aborted |= 1 << about,
            }
        }
    }
    memory
}
