//! A member that gathers certificates and keeps them: it tells nobody, or one other member only, or
//! all when it is late. Where it can it keeps its own vote too, so that nobody else has enough of them.
//!
//! It tries to know more than the others at the moment when that splits them: a block that is final
//! for one member and skipped for the rest. What stops it: a certificate that exists binds the honest
//! members who voted for it (rules 4 to 6), whoever has seen it; and they say their votes again (rule
//! 8).

use consensus::Message;
use consensus::message::{Blocks, Reminder, Status};
use model::encoding;
use model::shard::Seat;
use model::statement::{Slot, Statement};

use super::trickster::{Stage, Trick};

/// How late a certificate is, in milliseconds.
const LATE_MS: std::ops::RangeInclusive<u64> = 200..=5_000;

/// In how many of a thousand slots it keeps its own votes as it keeps certificates.
const VOTES_TOO: u64 = 500;

/// What becomes of the certificates of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Nobody gets them.
    Kept,
    /// This member gets them.
    Confided(Seat),
    /// All get them so many milliseconds later.
    Late(u64),
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct CertificateWithholder;

/// What the liars have agreed to do in a slot: whether their votes are kept as well.
fn fate(stage: &Stage<'_, '_>, slot: Slot) -> (Fate, bool) {
    let mut chance = stage.voice.plot.of_slot(slot);
    let members = stage.voice.others.len() + 1;
    let confidant = Seat::new(chance.index(members)).unwrap_or(stage.voice.seat);
    let late = chance.within(&LATE_MS);
    let fates = [Fate::Kept, Fate::Confided(confidant), Fate::Late(late)];
    (*chance.pick(&fates), chance.chance(VOTES_TOO))
}

fn withhold(stage: &mut Stage<'_, '_>, fate: Fate, to: &[Seat], message: &Message) {
    match fate {
        Fate::Kept => {}
        Fate::Confided(confidant) if to.contains(&confidant) => stage.say(&[confidant], message),
        Fate::Confided(_) => {}
        Fate::Late(late) => stage.say_later(late, to, message),
    }
    stage.lied();
}

impl Trick for CertificateWithholder {
    fn say(&mut self, stage: &mut Stage<'_, '_>, to: &[Seat], message: &Message) {
        match message {
            Message::Certificate(certificate) => {
                if let Statement::Vote { slot, .. } = certificate.statement {
                    let (fate, _) = fate(stage, slot);
                    withhold(stage, fate, to, message);
                }
            }
            Message::HeadCertificate(certificate) => {
                let slot = Slot::new(certificate.head.height.number());
                let (fate, _) = fate(stage, slot);
                withhold(stage, fate, to, message);
            }
            Message::Vote(vote) => match fate(stage, vote.slot) {
                (fate, true) => withhold(stage, fate, to, message),
                (_, false) => stage.say(to, message),
            },
            Message::Status(status) => {
                let poorer = Message::Status(Status {
                    finalization: None,
                    ..status.clone()
                });
                stage.say(to, &poorer);
            }
            Message::Reminder(reminder) => {
                let poorer = Message::Reminder(Reminder {
                    finalization: None,
                    ..reminder.clone()
                });
                stage.say(to, &poorer);
            }
            _ => stage.say(to, message),
        }
    }

    fn answer(&mut self, stage: &mut Stage<'_, '_>, to: Seat, honest: &Blocks) -> Vec<u8> {
        let last = honest.blocks.last();
        let slot = last.map_or(Slot::ZERO, |block| block.block.header.slot);
        match fate(stage, slot) {
            (Fate::Confided(confidant), _) if confidant == to => encoding::encode(honest),
            _ => {
                stage.lied();
                encoding::encode(&Blocks { blocks: Vec::new() })
            }
        }
    }
}
