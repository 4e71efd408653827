//! The search: every state that the shards can get to together, breadth first; then back from those in
//! which nothing is under way.

use model::{Promise, Verdict};

use super::cast::{Cast, Said};
use super::machine::{Event, Machine};
use super::{Broken, Model, Progress, Report, rules};
use crate::exploration::folding::Map;

/// Honest shards that a state has room for.
const HONEST_MAX: usize = 4;

/// How many states there are between two calls of `on_progress`.
const STRIDE: usize = 1 << 14;

/// Where each honest shard stands, and what was said.
type State = ([u32; HONEST_MAX], Said);

/// How a state was found: from which one, and what happened in which machine.
type Origin = (u32, Option<(usize, Event)>);

/// See the module.
pub(super) struct Search {
    cast: Cast,
    machines: Vec<Machine>,
    /// In the order in which they were found.
    states: Vec<(State, Origin)>,
    numbers: Map<State, u32>,
    /// The ways from one state to another that honest shards take by themselves.
    ways: Vec<[u32; 2]>,
    report: Report,
}

impl Search {
    /// At the beginning.
    pub(super) fn new(model: &Model) -> Self {
        let cast = Cast::new(model);
        let start = ([0; HONEST_MAX], cast.lies());
        let machines = cast.honest().map(|shard| Machine::new(&cast, shard));
        Self {
            machines: machines.collect(),
            cast,
            states: vec![(start, (0, None))],
            numbers: [(start, 0)].into_iter().collect(),
            ways: Vec::new(),
            report: Report::default(),
        }
    }

    /// Looks at states until there are no more, or so many.
    pub(super) fn run(
        &mut self,
        states_max: usize,
        mut on_progress: impl FnMut(&Progress),
    ) -> Result<Report, Broken> {
        let mut next = 0;
        while let Some((state, _)) = self.states.get(next).copied() {
            if next == states_max {
                break;
            }
            self.visit(state, next)?;
            next += 1;
            if next.is_multiple_of(STRIDE) {
                on_progress(&Progress {
                    visited: next,
                    found: self.states.len(),
                });
            }
        }
        self.report.states = next;
        self.report.exhausted = next == self.states.len();
        self.report.stands = self.machines.iter().map(Machine::stands).sum();
        self.report.steps = self.machines.iter().map(|machine| machine.steps).sum();
        if self.report.exhausted {
            self.go_back();
        }
        Ok(self.report.clone())
    }

    fn visit(&mut self, state: State, number: usize) -> Result<(), Broken> {
        let (stands, said) = state;
        let found: Vec<_> = self
            .machines
            .iter()
            .zip(stands)
            .map(|(machine, stand)| (machine.shard, machine.stand(stand)))
            .collect();
        if found.iter().any(|(_, stand)| stand.memory.committed != 0) {
            self.report.committed += 1;
        }
        let split = rules::judge(&self.cast, said, &found);
        if split.map_err(|how| self.broken(number, None, how))? {
            if self.report.splits == 0 {
                self.report.first_split = self.story(number);
            }
            self.report.splits += 1;
        }
        for index in 0..self.machines.len() {
            let events = self.machines[index].events(&self.cast, stands[index], said);
            for event in events {
                let step = self.machines[index].step(&self.cast, stands[index], event);
                let (to, more) =
                    step.map_err(|how| self.broken(number, Some((index, event)), how))?;
                let mut after = (stands, said.union(more));
                after.0[index] = to;
                if after != state {
                    self.take(number, after, (index, event));
                }
            }
        }
        Ok(())
    }

    /// Takes note of a way from a state to another one.
    fn take(&mut self, from: usize, after: State, by: (usize, Event)) {
        let from = u32::try_from(from).expect("states are given up before");
        let new = u32::try_from(self.states.len()).expect("states are given up before");
        let to = *self.numbers.entry(after).or_insert(new);
        if to == new {
            self.states.push((after, (from, Some(by))));
        }
        self.report.moves += 1;
        if self.is_honest(by.1) {
            self.ways.push([from, to]);
        }
    }

    /// Whether no liar has a part in it.
    fn is_honest(&self, event: Event) -> bool {
        match event {
            // A dishonest vote beside an honest decision was heard before the decision was made.
            Event::Hear(line, _) => !self.cast.lies().has(line),
            Event::Prepare(_) | Event::Expire | Event::Wait => true,
        }
    }

    /// Counts the states from which honest shards alone do not get to where nothing is under way.
    fn go_back(&mut self) {
        let mut before: Vec<Vec<u32>> = vec![Vec::new(); self.states.len()];
        for [from, to] in &self.ways {
            before[*to as usize].push(*from);
        }
        let mut good: Vec<bool> = (0..self.states.len())
            .map(|number| self.is_over(number))
            .collect();
        let mut queue: Vec<usize> = (0..good.len()).filter(|number| good[*number]).collect();
        while let Some(number) = queue.pop() {
            for from in &before[number] {
                let from = *from as usize;
                if !std::mem::replace(&mut good[from], true) {
                    queue.push(from);
                }
            }
        }
        let stuck = good.iter().filter(|good| !**good).count();
        self.report.stuck = stuck as u64;
        if let Some(first) = good.iter().position(|good| !good) {
            self.report.first_stuck = self.story(first);
        }
    }

    /// Whether no honest shard waits for anything in a state.
    fn is_over(&self, number: usize) -> bool {
        let ((stands, _), _) = self.states[number];
        let mut stands = self.machines.iter().zip(stands);
        stands.all(|(machine, stand)| {
            let stand = machine.stand(stand);
            stand.prepared == 0 && stand.open == 0
        })
    }

    fn broken(&self, number: usize, last: Option<(usize, Event)>, how: String) -> Broken {
        let mut story = self.story(number);
        story.extend(last.map(|(index, event)| self.title(index, event)));
        Broken { how, story }
    }

    /// How the shards got to a state, in words.
    fn story(&self, number: usize) -> Vec<String> {
        let mut story = Vec::new();
        let mut at = number;
        while let (_, (from, Some((index, event)))) = self.states[at] {
            story.push(self.title(index, event));
            at = from as usize;
        }
        story.reverse();
        story
    }

    fn title(&self, index: usize, event: Event) -> String {
        let shard = self.machines[index].shard;
        match event {
            Event::Prepare(number) => {
                format!("shard {shard} sequences {}", self.cast.titles[number])
            }
            Event::Expire => format!("the deadline passes in shard {shard}"),
            Event::Wait => format!("time passes in shard {shard}"),
            Event::Hear(line, _) => {
                let line = &self.cast.lines[line];
                let said = words(&line.promise, &self.cast.titles[line.about]);
                format!("shard {shard} hears {said} from shard {}", line.from)
            }
        }
    }
}

/// A promise about a transaction, as the paper writes it. Why something is aborted is not explored.
fn words(promise: &Promise, about: &str) -> String {
    let end = |verdict: &Verdict| {
        if verdict.is_commit() {
            "commit"
        } else {
            "abort"
        }
    };
    match promise {
        Promise::Prepared(verdict) => format!("prepared({about}, {})", end(verdict)),
        Promise::Accept(verdict) => format!("accept({about}, {})", end(verdict)),
        Promise::NoDecision => format!("that there is no decision on {about}"),
        Promise::Acknowledged => format!("that it has done {about}"),
    }
}
