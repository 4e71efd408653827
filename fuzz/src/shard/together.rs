//! Three honest members and one liar, who also rules the links: it delivers, delays, doubles and loses
//! what it likes, and lets processes die and power fail.
//!
//! That is what the agreement is made for, so nobody may halt, all heads at one height are the same,
//! only the liar is ever accused, and no honest member contradicts itself.

use std::collections::{BTreeMap, VecDeque};

use consensus::message::{BLOCKS_BYTES_MAX, Blocks, BlocksRequest};
use consensus::{Input, Message};
use model::statement::Height;
use model::{Hash, Time, encoding};

use super::liar::Liar;
use super::member::{Crash, Member, To, Wish};
use super::world::{CREATED, MEMBERS, World, seat};
use crate::choices::Choices;

/// Things under way at a time; the oldest get lost.
const UNDER_WAY: usize = 256;

/// Something under way from one member to another.
#[derive(Clone, Debug)]
struct Flight {
    from: usize,
    to: usize,
    cargo: Cargo,
}

#[derive(Clone, Debug)]
enum Cargo {
    Message(Vec<u8>),
    Request(BlocksRequest),
    Answer(Vec<u8>),
    Failure,
}

/// The shard.
struct Scene {
    now: u64,
    /// By index; `None` is the liar.
    members: Vec<Option<Member>>,
    honest: Vec<usize>,
    liar: Liar,
    liar_index: usize,
    flights: VecDeque<Flight>,
    heads: BTreeMap<Height, Hash>,
}

/// [`run`], as a target.
pub fn target(bytes: &[u8]) {
    let _ = run(bytes);
}

/// Lets happen what the bytes say. Returns the height that the members reach.
pub fn run(bytes: &[u8]) -> Height {
    let mut choices = Choices::new(bytes);
    let liar_index = choices.below(MEMBERS);
    let member = |index| (index != liar_index).then(|| Member::new(index, 0));
    let mut scene = Scene {
        now: 0,
        members: (0..MEMBERS).map(member).collect(),
        honest: (0..MEMBERS).filter(|index| *index != liar_index).collect(),
        liar: Liar::new(vec![liar_index]),
        liar_index,
        flights: VecDeque::new(),
        heads: BTreeMap::new(),
    };
    scene.collect();
    while !choices.is_over() {
        scene.happen(&mut choices);
        scene.collect();
    }
    scene
        .heads
        .last_key_value()
        .map_or(Height::ZERO, |(height, _)| *height)
}

impl Scene {
    fn happen(&mut self, choices: &mut Choices<'_>) {
        match choices.below(16) {
            0..=5 => {
                let count = 1 + choices.below(16);
                for _ in 0..count {
                    self.deliver(0, true);
                    self.collect();
                }
            }
            6 => {
                let at = choices.below(UNDER_WAY);
                let stays = choices.once_in(4);
                self.deliver(at, !stays);
            }
            7 => self.lose(choices),
            8 | 9 => self.lie(choices),
            10 | 11 => self.wait(choices),
            12 => {
                let number = choices.below(World::get().transactions.len());
                let now = self.now;
                self.one(choices, |member| member.submit(now, number));
            }
            13 => {
                let (now, other) = (self.now, seat(choices.below(MEMBERS)));
                self.one(choices, |member| member.step(now, Input::LinkUp(other)));
            }
            14 => self.one(choices, Member::flush),
            _ => self.crash(choices),
        }
    }

    /// Something happens to one of the honest members.
    fn one(&mut self, choices: &mut Choices<'_>, action: impl FnOnce(&mut Member)) {
        let index = choices.pick(&self.honest).copied().unwrap_or(0);
        if let Some(member) = &mut self.members[index] {
            action(member);
        }
    }

    /// What is under way at a position arrives, and perhaps it stays under way too.
    fn deliver(&mut self, at: usize, remove: bool) {
        let at = at.min(self.flights.len().saturating_sub(1));
        let flight = if remove {
            self.flights.remove(at)
        } else {
            self.flights.get(at).cloned()
        };
        let Some(Flight { from, to, cargo }) = flight else {
            return;
        };
        let now = self.now;
        let Some(member) = &mut self.members[to] else {
            return;
        };
        let from_seat = seat(from);
        match cargo {
            Cargo::Message(bytes) => member.hear(now, from_seat, &bytes),
            Cargo::Answer(bytes) => match encoding::decode(&bytes, BLOCKS_BYTES_MAX) {
                Ok(blocks) => member.step(
                    now,
                    Input::Blocks {
                        from: from_seat,
                        blocks,
                    },
                ),
                Err(_) => member.step(now, Input::FetchFailed { from: from_seat }),
            },
            Cargo::Failure => member.step(now, Input::FetchFailed { from: from_seat }),
            Cargo::Request(request) => {
                let answer = Cargo::Answer(encoding::encode(&member.answer(request)));
                self.fly(to, from, answer);
            }
        }
    }

    fn lose(&mut self, choices: &mut Choices<'_>) {
        let at = choices.below(UNDER_WAY);
        let count = 1 + choices.below(64);
        let from = at.min(self.flights.len());
        let to = from.saturating_add(count).min(self.flights.len());
        self.flights.drain(from..to);
    }

    /// The liar says something to one member, or to all.
    fn lie(&mut self, choices: &mut Choices<'_>) {
        let clock = CREATED.plus_ms(self.now);
        let (from, message) = self.liar.message(choices, clock);
        let mut bytes = message.encode();
        if choices.once_in(16) {
            let at = choices.below(256).min(bytes.len() - 1);
            bytes[at] = choices.byte();
        }
        let to = choices.below(MEMBERS);
        let all = to == self.liar_index;
        for index in self.honest.clone() {
            if let Some(member) = &mut self.members[index]
                && (all || index == to)
            {
                member.hear(self.now, seat(from), &bytes);
            }
        }
    }

    /// Time passes for all, and those that want to be woken are.
    fn wait(&mut self, choices: &mut Choices<'_>) {
        let wakes = self.members.iter().flatten().filter_map(Member::wake);
        let first = wakes.map(Time::as_ms).min().unwrap_or(self.now);
        self.now = match choices.byte() {
            0..=127 => first.max(self.now),
            byte => self.now + (u64::from(byte - 128) << choices.below(8)),
        };
        for member in self.members.iter_mut().flatten() {
            if member.wake().is_some_and(|wake| wake.as_ms() <= self.now) {
                member.step(self.now, Input::Tick);
            }
        }
    }

    fn crash(&mut self, choices: &mut Choices<'_>) {
        let lucky = choices.below(4);
        let crash = if choices.once_in(2) {
            Crash::Power { lucky }
        } else {
            Crash::Process
        };
        let now = self.now;
        match choices.byte() {
            outputs @ 0..=127 => {
                let outputs = usize::from(outputs % 16);
                self.one(choices, |member| member.light_fuse(outputs, crash));
            }
            _ => self.one(choices, |member| member.restart(now, crash)),
        }
    }

    /// Takes what the members wish, and judges what they show.
    fn collect(&mut self) {
        for index in self.honest.clone() {
            let Some(member) = &mut self.members[index] else {
                continue;
            };
            assert_eq!(member.halted(), None, "member {index} goes no further");
            for wish in member.take_wishes() {
                self.grant(index, wish);
            }
        }
    }

    fn grant(&mut self, index: usize, wish: Wish) {
        match wish {
            Wish::Say(to, message) => self.carry(index, to, &message),
            Wish::Fetch(from, request) => self.fly(index, from.index(), Cargo::Request(request)),
            Wish::Show(head) => {
                let hash = head.hash();
                let known = *self.heads.entry(head.height).or_insert(hash);
                assert_eq!(known, hash, "two heads at {}", head.height);
                self.liar.see_head(&head);
            }
            Wish::Accuse(record) => {
                let liar = World::get().committee.member(seat(self.liar_index));
                assert_eq!(
                    Some(record.node),
                    liar,
                    "member {index} accuses an honest one"
                );
            }
        }
    }

    /// The liar hears everything, also what it keeps from others.
    fn carry(&mut self, from: usize, to: To, message: &Message) {
        self.liar.hear(seat(from), message);
        let reaches = |index: usize| match to {
            To::One(seat) => seat.index() == index,
            To::All => index != from,
        };
        let bytes = message.encode();
        for index in self
            .honest
            .clone()
            .into_iter()
            .filter(|index| reaches(*index))
        {
            self.fly(from, index, Cargo::Message(bytes.clone()));
        }
    }

    /// Sends something on its way. Requests to the liar are answered by it, or not at all.
    fn fly(&mut self, from: usize, to: usize, cargo: Cargo) {
        let flight = match cargo {
            Cargo::Request(request) if to == self.liar_index => self.lying_answer(from, request),
            cargo => Flight { from, to, cargo },
        };
        if self.flights.len() >= UNDER_WAY {
            self.flights.pop_front();
        }
        self.flights.push_back(flight);
    }

    /// What the liar answers to a member that asks for blocks. What it has heard decides, for there
    /// may be no choices left.
    fn lying_answer(&self, to: usize, request: BlocksRequest) -> Flight {
        let moment = self.now.to_le_bytes();
        let Blocks { blocks } = self.liar.blocks(&mut Choices::new(&moment), request.first);
        let cargo = if blocks.is_empty() {
            Cargo::Failure
        } else {
            Cargo::Answer(encoding::encode(&Blocks { blocks }))
        };
        let from = self.liar_index;
        Flight { from, to, cargo }
    }
}
