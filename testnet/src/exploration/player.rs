//! An honest member: the production replica, and where each thing that it may hear leads it.
//!
//! A stand is a replica as far as what it will do follows from it, with what it has said so far.
//! `Replica::step` is called once for each stand and input, and what came of it is remembered.

mod step;

use std::collections::BTreeSet;
use std::sync::Arc;

use consensus::bft::{Outline, Pace};
use consensus::replica::Setup;
use consensus::{Now, Replica};
use model::Time;
use model::shard::Seat;

use super::Hearing;
use super::board::{Board, NOON};
use super::folding::Map;
use super::rules;
use super::words::{Blocks, Word, Words};

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
            shards: setting.shards.clone(),
            seat,
            signer: Box::new(board.pen(seat)),
            check: Box::new(setting.notary.clone()),
            checkers: Arc::clone(&setting.checkers),
            pace: Pace::default(),
        };
        let mut replica = Replica::new(setup, setting.ledger());
        let timer = Time::ZERO;
        step::begin(board, &mut replica, seat, Now { timer, clock: NOON });
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
