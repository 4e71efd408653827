//! An honest member: the production replica, and where each thing that it may hear leads it.
//!
//! A stand is a replica as far as what it will do follows from it, with what it has said so far.
//! `Replica::step` is called once for each stand and input, and what came of it is remembered.

use std::collections::BTreeSet;
use std::sync::Arc;

use consensus::bft::{Outline, Pace};
use consensus::message::Reminder;
use consensus::replica::Setup;
use consensus::{Admitted, Input, Message, Now, Output, Replica};
use model::shard::Seat;
use model::{Time, bounds};

use super::Hearing;
use super::board::{Board, NOON};
use super::folding::Map;
use super::rules;
use super::words::{Blocks, Word, Words};

/// Longer than any time-out of a replica, in milliseconds.
const LONG_MS: u64 = 60_000;

/// Something that the explorer may let happen to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Event {
    /// It hears of a block.
    Block(usize),
    /// It hears what a quorum voted. It does not matter which: see [`Hearing::Certificates`].
    Certificate(Word),
    /// It hears what this quorum voted.
    Quorum(Word, [Seat; 3]),
    /// It hears a vote of the member on this seat.
    Vote(Seat, Word),
    /// It gets something to propose.
    Work,
    /// It waits in vain for the leader of its frontier slot.
    TimeOut,
}

impl Event {
    /// In words.
    pub(super) fn title(self, board: &Board) -> String {
        match self {
            Self::Block(block) => format!("hears of block {}", board.title(block)),
            Self::Certificate(word) | Event::Quorum(word, _) => {
                format!("hears that a quorum voted to {}", rules::title(board, word))
            }
            Self::Vote(seat, word) => {
                let word = rules::title(board, word);
                format!("hears node {} vote to {word}", seat.index())
            }
            Self::Work => "gets a transaction".to_owned(),
            Self::TimeOut => "waits in vain".to_owned(),
        }
    }
}

/// A stand, something that happens there, and the stand that it leads to.
type Step = (usize, Event, usize);

/// What members can hear now.
#[derive(Clone, Debug, Default)]
pub(super) struct Scene {
    /// The blocks that may be shown.
    pub(super) shown: Blocks,
    /// What quorums voted.
    pub(super) certified: Words,
    /// What the member on each seat voted.
    pub(super) voted: Vec<Words>,
}

/// The part of a scene that can change anything for a member that stands somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct News {
    shown: Blocks,
    certified: Words,
    /// Nothing if votes are only heard under certificates.
    voted: Vec<Words>,
}

/// What a member has said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Said {
    pub(super) votes: Words,
    pub(super) proposed: Blocks,
}

/// Where a member stands.
struct Stand {
    replica: Replica,
    timer: Time,
    outline: Outline,
    said: Said,
    /// The blocks at hand.
    at_hand: Blocks,
    /// The certificates at hand, and those that would not be looked at beside them.
    settled: Words,
    edges: Map<Event, usize>,
}

/// See the module.
pub(super) struct Player {
    pub(super) seat: Seat,
    hearing: Hearing,
    stands: Vec<Stand>,
    index: Map<(Outline, Said), usize>,
    moves: Map<(usize, News), Arc<[usize]>>,
    /// The last search that came to each stand.
    marks: Vec<u64>,
    searches: u64,
    /// Calls of the production code.
    pub(super) steps: u64,
}

impl Player {
    /// The member at the beginning, which is stand 0.
    pub(super) fn new(board: &Board, seat: Seat, hearing: Hearing) -> Self {
        let setting = &board.setting;
        let setup = Setup {
            committee: setting.committee.clone(),
            seat,
            signer: Box::new(board.pen(seat)),
            check: Box::new(setting.notary.clone()),
            checkers: Arc::clone(&setting.checkers),
            pace: Pace::default(),
        };
        let mut replica = Replica::new(setup, setting.ledger());
        let timer = Time::ZERO;
        begin(board, &mut replica, seat, Now { timer, clock: NOON });
        let mut player = Self {
            seat,
            hearing,
            stands: Vec::new(),
            index: Map::default(),
            moves: Map::default(),
            marks: Vec::new(),
            searches: 0,
            steps: 0,
        };
        player.stand(board, replica, timer, Said::default());
        player
    }

    /// How many stands there are.
    pub(super) const fn stands(&self) -> usize {
        self.stands.len()
    }

    /// What the member has said when it stands there.
    pub(super) fn said(&self, stand: usize) -> Said {
        self.stands[stand].said
    }

    /// Where the member may stand next: wherever it has just said something more, after it has heard
    /// any of what it may hear, in any order, and nothing that it may as well hear later.
    ///
    /// # Errors
    ///
    /// How it broke a rule.
    pub(super) fn moves(
        &mut self,
        board: &mut Board,
        from: usize,
        scene: &Scene,
    ) -> Result<Arc<[usize]>, String> {
        let key = (from, self.news(board, from, scene));
        if let Some(known) = self.moves.get(&key) {
            return Ok(Arc::clone(known));
        }
        let found = self.search(board, from, scene)?;
        let ends = found.iter().map(|(_, _, end)| *end);
        let ends = ends.filter(|end| self.said(*end) != self.said(from));
        let ends = self.least(board, ends.collect(), scene);
        let ends: Arc<[usize]> = ends.into_iter().collect();
        self.moves.insert(key, Arc::clone(&ends));
        Ok(ends)
    }

    /// Leaves out the stands to which others of them lead without a word: whoever is at those can go
    /// on as from these, for what can be heard now can be heard later.
    fn least(&mut self, board: &mut Board, all: BTreeSet<usize>, scene: &Scene) -> BTreeSet<usize> {
        let mut least = all.clone();
        for end in all {
            if !least.contains(&end) {
                continue;
            }
            // A rule that is broken from there on is found, with its story, when the search is there.
            for (_, _, later) in self.search(board, end, scene).unwrap_or_default() {
                if self.said(later) == self.said(end) {
                    least.remove(&later);
                }
            }
        }
        least
    }

    /// A shortest way from one stand to one that [`Player::moves`] named.
    ///
    /// # Errors
    ///
    /// How the member broke a rule on the way.
    pub(super) fn way(
        &mut self,
        board: &mut Board,
        from: usize,
        to: usize,
        scene: &Scene,
    ) -> Result<Vec<Event>, String> {
        let found = self.search(board, from, scene)?;
        Ok(way_to(&found, to))
    }

    /// All steps from a stand, breadth first, each way ending where something is said.
    fn search(
        &mut self,
        board: &mut Board,
        from: usize,
        scene: &Scene,
    ) -> Result<Vec<Step>, String> {
        self.searches += 1;
        self.marks[from] = self.searches;
        let mut found: Vec<Step> = Vec::new();
        let mut queue = vec![from];
        let mut next = 0;
        while let Some(at) = queue.get(next).copied() {
            next += 1;
            for event in self.events(board, at, scene) {
                let to = self
                    .edge(board, at, event, scene)
                    .map_err(|how| self.after(board, &found, at, event, &how))?;
                if self.marks[to] == self.searches {
                    continue;
                }
                self.marks[to] = self.searches;
                found.push((at, event, to));
                if self.said(to) == self.said(from) {
                    queue.push(to);
                }
            }
        }
        Ok(found)
    }

    /// How the member broke a rule, with what it heard since it said something.
    fn after(&self, board: &Board, found: &[Step], at: usize, last: Event, how: &str) -> String {
        let mut way = way_to(found, at);
        way.push(last);
        let way: Vec<String> = way.iter().map(|event| event.title(board)).collect();
        let seat = self.seat.index();
        format!("node {seat} {}: it {how}", way.join(", "))
    }

    fn news(&self, board: &Board, at: usize, scene: &Scene) -> News {
        let stand = &self.stands[at];
        let tip = stand.outline.tip.slot.number();
        let news = scene.shown.without(stand.at_hand).numbers();
        let voted = match self.hearing {
            Hearing::Certificates => Vec::new(),
            Hearing::Votes => scene.voted.clone(),
        };
        News {
            shown: news
                .filter(|block| board.slot(*block) > tip)
                .fold(Blocks::default(), Blocks::with),
            certified: scene.certified.without(stand.settled),
            voted,
        }
    }

    /// What may happen to the member when it stands there.
    fn events(&self, board: &Board, at: usize, scene: &Scene) -> Vec<Event> {
        let outline = &self.stands[at].outline;
        let News {
            shown,
            certified,
            voted,
        } = self.news(board, at, scene);
        let mut events: Vec<Event> = shown.numbers().map(Event::Block).collect();
        match self.hearing {
            Hearing::Certificates => events.extend(certified.iter().map(Event::Certificate)),
            Hearing::Votes => {
                for word in certified.iter() {
                    let quorums = rules::quorums(&rules::voters(scene, word));
                    events.extend(quorums.map(|quorum| Event::Quorum(word, quorum)));
                }
                for (seat, words) in self.others(voted) {
                    events.extend(words.iter().map(|word| Event::Vote(seat, word)));
                }
            }
        }
        if outline.frontier.number() <= board.slots {
            events.extend([Event::Work, Event::TimeOut]);
        }
        events
    }

    /// What the others voted.
    fn others(&self, voted: Vec<Words>) -> impl Iterator<Item = (Seat, Words)> {
        let own = self.seat;
        let voted = voted.into_iter().enumerate();
        voted
            .filter_map(|(index, words)| Some((Seat::new(index)?, words)))
            .filter(move |(seat, _)| *seat != own)
    }

    /// Where an event leads.
    fn edge(
        &mut self,
        board: &mut Board,
        at: usize,
        event: Event,
        scene: &Scene,
    ) -> Result<usize, String> {
        if let Some(to) = self.stands[at].edges.get(&event) {
            return Ok(*to);
        }
        let to = self.step(board, at, event, scene)?;
        self.stands[at].edges.insert(event, to);
        Ok(to)
    }

    /// Lets the production code take the step.
    fn step(
        &mut self,
        board: &mut Board,
        at: usize,
        event: Event,
        scene: &Scene,
    ) -> Result<usize, String> {
        self.steps += 1;
        let Stand {
            replica,
            timer,
            said,
            ..
        } = &self.stands[at];
        let (mut timer, mut said) = (*timer, *said);
        let check = Box::new(board.setting.notary.clone());
        let mut replica = replica.twin(Box::new(board.pen(self.seat)), check);
        let outputs = self.happen(board, &mut replica, &mut timer, event, scene);
        let signed = board.signed(self.seat);
        let proposes = outputs.iter().any(is_proposal);
        // Work makes a difference when it is proposed. A leader that can propose does not wait.
        let matters = match event {
            Event::Work => proposes,
            Event::TimeOut => !proposes,
            Event::Block(_) | Event::Certificate(_) | Event::Quorum(..) | Event::Vote(..) => true,
        };
        if !matters {
            return Ok(at);
        }
        note(board, &outputs, &mut said)
            .and_then(|()| self.believes(board, scene, &outputs, said))
            .and_then(|()| rules::nothing_else_signed(board, &outputs, &signed))
            .and_then(|()| rules::no_conflict(board, self.seat, said))?;
        Ok(self.stand(board, replica, timer, said))
    }

    fn happen(
        &self,
        board: &Board,
        replica: &mut Replica,
        timer: &mut Time,
        event: Event,
        scene: &Scene,
    ) -> Vec<Output> {
        let now = Now {
            timer: *timer,
            clock: NOON,
        };
        let hear = |from, message| Input::Message { from, message };
        let input = match event {
            Event::Block(block) => hear(board.leader(board.slot(block)), board.proposal(block)),
            Event::Certificate(word) => self.quorum(board, word, &rules::voters(scene, word)),
            Event::Quorum(word, voters) => self.quorum(board, word, &voters),
            Event::Vote(from, word) => hear(from, board.vote(from, word)),
            // Good for as long as the exploration lasts.
            Event::Work => Input::Submitted(vec![board.transaction(self.seat, 30_000)]),
            Event::TimeOut => {
                // The reason to wait is a transaction that is over when the time is.
                let reason = Input::Submitted(vec![board.transaction(self.seat, 1)]);
                let mut outputs = replica.step(now, reason);
                *timer = timer.plus_ms(LONG_MS);
                let now = Now {
                    timer: *timer,
                    clock: NOON.plus_ms(bounds::CLOCK_TOLERANCE_MS + 10),
                };
                outputs.extend(replica.step(now, Input::Tick));
                return outputs;
            }
        };
        replica.step(now, input)
    }

    /// A certificate as it arrives from another member.
    fn quorum(&self, board: &Board, word: Word, voters: &[Seat]) -> Input {
        let mut others = voters.iter().filter(|seat| **seat != self.seat);
        Input::Message {
            from: *others.next().expect("a quorum is more than one member"),
            message: Admitted::Certificate(board.certificate(word, voters)),
        }
    }

    /// Looks at what the member takes for final, and at whom it accuses.
    fn believes(
        &self,
        board: &Board,
        scene: &Scene,
        outputs: &[Output],
        said: Said,
    ) -> Result<(), String> {
        let mut voted = scene.voted.clone();
        voted[self.seat.index()] = said.votes;
        let certified = Words::of_quorums(&voted);
        for output in outputs {
            match output {
                Output::Applied(applied) => {
                    rules::is_final(board, certified, &applied.block.hash())?;
                }
                Output::Malpractice(record) if self.knows_voters(board) => {
                    rules::names_a_liar(board, record)?;
                }
                Output::Halt(contradiction) => return Err(format!("stopped: {contradiction}")),
                Output::Malpractice(_)
                | Output::Persist(_)
                | Output::Send { .. }
                | Output::Broadcast(_)
                | Output::FetchBlocks { .. }
                | Output::WakeAt(_)
                | Output::HeadCertified(_) => {}
            }
        }
        Ok(())
    }

    /// Whether the votes at hand are those of the state that is looked at. Stands that differ in them
    /// alone are one stand if votes are heard under certificates only; then the votes may be those of
    /// another state, and too many liars can bring it about that the two do not go together.
    fn knows_voters(&self, board: &Board) -> bool {
        self.hearing == Hearing::Votes || board.is_tolerable()
    }

    /// The number of a stand, which is new or not.
    fn stand(&mut self, board: &Board, replica: Replica, timer: Time, said: Said) -> usize {
        let mut outline = replica.outline();
        if self.hearing == Hearing::Certificates {
            for slot in &mut outline.slots {
                slot.ballots.clear();
            }
        }
        let key = (outline, said);
        if let Some(known) = self.index.get(&key) {
            return *known;
        }
        let number = self.stands.len();
        let outline = key.0.clone();
        self.stands.push(Stand {
            replica,
            timer,
            said,
            at_hand: at_hand(board, &outline),
            settled: settled(board, &outline),
            outline,
            edges: Map::default(),
        });
        self.marks.push(0);
        self.index.insert(key, number);
        number
    }
}

/// The steps on the way to a stand from where the search began.
fn way_to(found: &[Step], to: usize) -> Vec<Event> {
    let mut way = Vec::new();
    let mut at = to;
    while let Some((before, event, _)) = found.iter().find(|(_, _, end)| *end == at) {
        way.push(*event);
        at = *before;
    }
    way.reverse();
    way
}

/// A replica starts, and all others answer that it has signed nothing before.
fn begin(board: &Board, replica: &mut Replica, seat: Seat, now: Now) {
    for output in replica.start(now) {
        let Output::Broadcast(message) = output else {
            continue;
        };
        let Message::Recall(asked) = *message else {
            continue;
        };
        for from in board.setting.others(seat) {
            let message = Admitted::Reminder(Reminder {
                asked,
                finalization: None,
                signed: Vec::new(),
            });
            replica.step(now, Input::Message { from, message });
        }
    }
}

/// Notes what a member says.
fn note(board: &mut Board, outputs: &[Output], said: &mut Said) -> Result<(), String> {
    for output in outputs {
        let Output::Broadcast(message) = output else {
            continue;
        };
        match &**message {
            Message::Vote(vote) => {
                let word = board.word(vote.slot, vote.vote);
                said.votes
                    .insert(word.ok_or("voted for a block that nobody made")?);
            }
            Message::Proposal(proposal) => {
                said.proposed = said.proposed.with(board.learn(proposal)?);
            }
            _ => {} // it repeats what quorums signed, asks, or signs a head
        }
    }
    Ok(())
}

fn is_proposal(output: &Output) -> bool {
    matches!(output, Output::Broadcast(message) if matches!(**message, Message::Proposal(_)))
}

fn at_hand(board: &Board, outline: &Outline) -> Blocks {
    let hashes = outline.slots.iter().flat_map(|slot| &slot.candidates);
    let numbers = hashes.filter_map(|hash| board.number(hash));
    numbers.fold(Blocks::default(), Blocks::with)
}

/// Of each kind and slot the first certificate counts, and none in a slot that is final.
fn settled(board: &Board, outline: &Outline) -> Words {
    let mut settled = board.up_to(outline.tip.slot.number());
    for slot in &outline.slots {
        for vote in &slot.certified {
            settled = settled.union(board.of_kind(slot.slot, *vote));
        }
    }
    settled
}
