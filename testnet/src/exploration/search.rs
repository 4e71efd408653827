//! The search: every state that the members can get to together, breadth first.

use std::collections::{BTreeMap, BTreeSet};

use model::shard::Seat;

use super::board::Board;
use super::folding::Set;
use super::player::{Player, Scene};
use super::rules::{self, Fork};
use super::words::{Blocks, Word, Words};
use super::{Bound, Broken, Progress, Report};

/// Honest members that a state has room for.
const HONEST_MAX: usize = 4;

/// How many states there are between two calls of `on_progress`.
const STRIDE: usize = 1 << 14;

/// Where each honest member stands.
type State = [u32; HONEST_MAX];

/// See the module.
pub(super) struct Search {
    board: Board,
    players: Vec<Player>,
    /// In the order in which they were found, each with the one it was found from.
    states: Vec<(State, u32)>,
    seen: Set<State>,
    /// What liars can say when honest leaders have proposed these blocks.
    lies: BTreeMap<Blocks, (Blocks, Words)>,
    /// The pairs of votes, and who cast them, that were shown to prove malpractice.
    proven: BTreeSet<([Word; 2], [Vec<Seat>; 2])>,
    /// What members have said together.
    said: Set<Vec<Words>>,
    report: Report,
}

impl Search {
    /// At the beginning.
    pub(super) fn new(bound: &Bound) -> Self {
        let liars = bound.liars.iter().copied().filter_map(Seat::new).collect();
        let board = Board::new(liars, bound.slots);
        let players: Vec<Player> = board
            .honest()
            .map(|seat| Player::new(&board, seat, bound.hearing))
            .collect();
        let start = State::default();
        Self {
            board,
            players,
            states: vec![(start, 0)],
            seen: Set::from_iter([start]),
            lies: BTreeMap::new(),
            proven: BTreeSet::new(),
            said: Set::default(),
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
            self.visit(state, next)
                .map_err(|how| self.broken(next, how))?;
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
        self.report.said = self.said.len();
        self.report.stands = self.players.iter().map(Player::stands).sum();
        self.report.steps = self.players.iter().map(|player| player.steps).sum();
        Ok(self.report.clone())
    }

    fn visit(&mut self, state: State, number: usize) -> Result<(), String> {
        let scene = self.scene(&state);
        self.said.insert(scene.voted.clone());
        if !scene.certified.finalized().is_empty() {
            self.report.decided += 1;
        }
        if let Some(fork) = rules::judge(&self.board, &scene)? {
            return self.fork(&scene, &fork, number);
        }
        for index in 0..self.players.len() {
            let at = state[index] as usize;
            let ends = self.players[index].moves(&mut self.board, at, &scene)?;
            for end in ends.iter() {
                self.report.moves += 1;
                let mut after = state;
                after[index] = u32::try_from(*end).map_err(|_| "there are too many stands")?;
                if self.seen.insert(after) {
                    let from = u32::try_from(number).map_err(|_| "there are too many states")?;
                    self.states.push((after, from));
                }
            }
        }
        Ok(())
    }

    /// Nothing comes after a fork.
    fn fork(&mut self, scene: &Scene, fork: &Fork, number: usize) -> Result<(), String> {
        self.report.forks += 1;
        let voters = fork.pair.map(|word| rules::voters(scene, word));
        if self.proven.insert((fork.pair, voters)) {
            rules::prove(&self.board, scene, fork)?;
            self.report.proofs += 1;
        }
        if self.report.first_fork.is_empty() {
            let mut story = self.story(number)?;
            let [first, second] = fork.blocks.map(|block| self.board.title(block).to_owned());
            let pair = fork.pair.map(|word| rules::title(&self.board, word));
            let named: Vec<usize> = fork.named.iter().map(|seat| seat.index()).collect();
            story.push(format!("{first} and {second} are both final"));
            story.push(format!(
                "nodes {named:?} voted to {} and to {}",
                pair[0], pair[1]
            ));
            self.report.first_fork = story;
        }
        Ok(())
    }

    /// What can be heard in a state.
    fn scene(&mut self, state: &State) -> Scene {
        let mut proposed = Blocks::default();
        let mut voted = vec![Words::default(); self.board.setting.committee.size()];
        for (player, stand) in self.players.iter().zip(state) {
            let said = player.said(*stand as usize);
            proposed = proposed.union(said.proposed);
            voted[player.seat.index()] = said.votes;
        }
        let board = &self.board;
        let (shown, lies) = *self.lies.entry(proposed).or_insert_with(|| {
            let shown = board.shown(proposed);
            (shown, board.lies(shown))
        });
        for liar in &board.liars {
            voted[liar.index()] = lies;
        }
        Scene {
            shown,
            certified: Words::of_quorums(&voted),
            voted,
        }
    }

    fn broken(&mut self, number: usize, how: String) -> Broken {
        let story = self.story(number).unwrap_or_else(|end| vec![end]);
        Broken { how, story }
    }

    /// How the members got to a state, in words.
    fn story(&mut self, number: usize) -> Result<Vec<String>, String> {
        let mut numbers = vec![number];
        while let Some(last) = numbers.last().copied().filter(|last| *last != 0) {
            numbers.push(self.states[last].1 as usize);
        }
        numbers.reverse();
        let mut story = Vec::new();
        for pair in numbers.windows(2) {
            let (before, after) = (self.states[pair[0]].0, self.states[pair[1]].0);
            let scene = self.scene(&before);
            for (index, player) in self.players.iter_mut().enumerate() {
                let (from, to) = (before[index] as usize, after[index] as usize);
                if from == to {
                    continue;
                }
                let (was, is) = (player.said(from), player.said(to));
                let way = player.way(&mut self.board, from, to, &scene)?;
                let board = &self.board;
                let name = format!("node {}", player.seat.index());
                story.extend(
                    way.iter()
                        .map(|event| format!("{name} {}", event.title(board))),
                );
                let votes = is.votes.without(was.votes).iter();
                let votes =
                    votes.map(|word| format!("{name} votes to {}", rules::title(board, word)));
                let blocks = is.proposed.without(was.proposed).numbers();
                let blocks = blocks.map(|block| format!("{name} proposes {}", board.title(block)));
                story.extend(blocks.chain(votes));
            }
        }
        Ok(story)
    }
}
