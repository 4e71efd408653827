//! One replica among three liars: more than the agreement is made for.
//!
//! It may halt, for it may be shown two final blocks. It must never panic, and never contradict
//! itself, whatever it hears and however often its process dies.

use model::Time;
use model::statement::Height;

use consensus::Input;
use consensus::message::{Blocks, BlocksRequest};
use model::encoding;

use super::liar::Liar;
use super::member::{Crash, Member, Wish};
use super::world::{CREATED, MEMBERS, World, seat};
use crate::choices::Choices;

/// The member and those around it.
struct Scene {
    now: u64,
    member: Member,
    liar: Liar,
    /// The liars, and the member itself: nothing stops a liar from saying it is the member.
    seats: Vec<usize>,
    /// The last words of a liar, to be said again with changes.
    words: Vec<u8>,
    asked: Option<BlocksRequest>,
}

/// [`run`], as a target.
pub fn target(bytes: &[u8]) {
    let _ = run(bytes);
}

/// Lets happen what the bytes say. Returns the height that the member reaches.
pub fn run(bytes: &[u8]) -> Height {
    let mut choices = Choices::new(bytes);
    let own = choices.below(MEMBERS);
    let others: Vec<usize> = (0..MEMBERS).filter(|index| *index != own).collect();
    let mut scene = Scene {
        now: 0,
        member: Member::new(own, 0),
        liar: Liar::new(others),
        seats: (0..MEMBERS).collect(),
        words: Vec::new(),
        asked: None,
    };
    while !choices.is_over() && scene.member.halted().is_none() {
        scene.happen(&mut choices);
        scene.grant();
    }
    scene.member.ledger().tip.height
}

impl Scene {
    fn happen(&mut self, choices: &mut Choices<'_>) {
        match choices.below(16) {
            0..=5 => self.lie(choices),
            6 | 7 => {
                for (from, message) in self.liar.rally(choices) {
                    self.member.hear(self.now, seat(from), &message.encode());
                }
            }
            8 => self.mumble(choices),
            9 | 10 => self.wait(choices),
            11 => {
                let number = choices.below(World::get().transactions.len());
                self.member.submit(self.now, number);
            }
            12 => self.answer(choices),
            13 => {
                let other = seat(choices.below(MEMBERS));
                self.member.step(self.now, Input::LinkUp(other));
            }
            14 => self.member.flush(),
            _ => match choices.byte() {
                255 => self.member.restart(self.now, Crash::Process),
                outputs => self
                    .member
                    .light_fuse(usize::from(outputs % 16), Crash::Process),
            },
        }
    }

    /// A liar says something that could be meant.
    fn lie(&mut self, choices: &mut Choices<'_>) {
        let clock = CREATED.plus_ms(self.now);
        let (from, message) = self.liar.message(choices, clock);
        self.words = message.encode();
        self.member.hear(self.now, seat(from), &self.words);
    }

    /// Somebody says bytes that nobody means: any, or the last words of a liar with one changed.
    fn mumble(&mut self, choices: &mut Choices<'_>) {
        let from = choices.pick(&self.seats).copied().unwrap_or(0);
        if choices.once_in(2) {
            let bytes = choices.some_bytes();
            self.member.hear(self.now, seat(from), bytes);
            return;
        }
        let at = usize::from(choices.byte()) << choices.below(4);
        if let Some(byte) = self.words.get_mut(at) {
            *byte = choices.byte();
        }
        self.member.hear(self.now, seat(from), &self.words);
    }

    /// Time passes, and mostly the member is woken when it wants to be.
    fn wait(&mut self, choices: &mut Choices<'_>) {
        let wake = self.member.wake().map_or(self.now, Time::as_ms);
        self.now = match choices.byte() {
            byte @ 0..=127 => wake.max(self.now) + u64::from(byte / 64),
            byte => self.now + (u64::from(byte - 128) << choices.below(8)),
        };
        self.member.step(self.now, Input::Tick);
    }

    /// A liar answers a request for blocks, or one that was never made, or does not answer.
    fn answer(&mut self, choices: &mut Choices<'_>) {
        let from = seat(choices.below(MEMBERS));
        if choices.once_in(8) {
            self.member.step(self.now, Input::FetchFailed { from });
            return;
        }
        let next = self.member.ledger().tip.height.next();
        let request = self.asked.unwrap_or(BlocksRequest { first: next });
        let blocks: Blocks = self
            .liar
            .blocks(choices, request.first.max(Height::ZERO.next()));
        let bytes = encoding::encode(&blocks);
        let arrived = encoding::decode(&bytes, consensus::message::BLOCKS_BYTES_MAX);
        let blocks = arrived.expect("what was encoded is decoded");
        self.member.step(self.now, Input::Blocks { from, blocks });
    }

    /// The liars see all that the member does.
    fn grant(&mut self) {
        for wish in self.member.take_wishes() {
            match wish {
                Wish::Say(_, message) => self.liar.hear(self.member.seat(), &message),
                Wish::Fetch(_, request) => self.asked = Some(request),
                Wish::Show(head) => self.liar.see_head(&head),
                Wish::Accuse(record) => {
                    let own = World::get().committee.member(self.member.seat());
                    assert_ne!(Some(record.node), own, "the member accuses itself");
                }
            }
        }
    }
}
