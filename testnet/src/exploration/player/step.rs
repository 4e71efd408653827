//! The steps of a player: the only place of the exploration that calls the production code.

use consensus::bft::Outline;
use consensus::message::Reminder;
use consensus::{Admitted, Input, Message, Now, Output, Replica};
use model::shard::Seat;
use model::{Time, bounds};

use super::{Event, Player, Said, Scene, Stand};
use crate::exploration::Hearing;
use crate::exploration::board::{Board, NOON};
use crate::exploration::folding::Map;
use crate::exploration::rules;
use crate::exploration::words::{Blocks, Word, Words};

/// Longer than any time-out of a replica, in milliseconds.
const LONG_MS: u64 = 60_000;

impl Player {
    /// Where an event leads.
    pub(super) fn edge(
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
        let epoch = board.setting.scope().epoch;
        let hear = |from, message| Input::Message {
            from,
            epoch,
            message,
        };
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
            epoch: board.setting.scope().epoch,
            message: Admitted::Certificate(board.certificate(word, voters)),
        }
    }

    /// Looks at what the member takes for final, and at whom it accuses.
    pub(super) fn believes(
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
                | Output::Tell { .. }
                | Output::FetchBlocks { .. }
                | Output::WakeAt(_)
                | Output::Entered(_)
                | Output::HeadCertified(_) => {}
            }
        }
        Ok(())
    }

    /// Whether the votes at hand are those of the state that is looked at. Stands that differ in them
    /// alone are one stand if votes are heard under certificates only; then the votes may be those of
    /// another state, and too many liars can bring it about that the two do not go together.
    pub(super) fn knows_voters(&self, board: &Board) -> bool {
        self.hearing == Hearing::Votes || board.is_tolerable()
    }

    /// The number of a stand, which is new or not.
    pub(super) fn stand(
        &mut self,
        board: &Board,
        replica: Replica,
        timer: Time,
        said: Said,
    ) -> usize {
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

/// A replica starts, and all others answer that it has signed nothing before.
pub(super) fn begin(board: &Board, replica: &mut Replica, seat: Seat, now: Now) {
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
            let epoch = board.setting.scope().epoch;
            let input = Input::Message {
                from,
                epoch,
                message,
            };
            replica.step(now, input);
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
