//! A leader whose blocks are built on the right parent, without proof that the slots between are
//! skipped: it proposes before they are, or it knows that they are and shows nobody.
//!
//! It tries to have a block notarized that passes by one that may yet be final, or to have a block that
//! only some can vote for. What stops it: no honest member votes without the proof (rule 4); the
//! certificates of skipped slots are everybody's, not the leader's, and others pass them on (rules 7
//! and 8).

use consensus::Message;
use model::shard::Seat;
use model::statement::{Scope, Slot, Statement, Vote};

use super::hearsay::Hearsay;
use super::rivals::Rivals;
use super::trickster::{Stage, Trick};

/// How often it looks for a slot to propose in too early, in milliseconds.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 50..=800;

/// See the module.
#[derive(Debug)]
pub(super) struct UnprovenProposer {
    /// Whether it proposes too early as well.
    hasty: bool,
    hearsay: Hearsay,
    rivals: Rivals,
}

impl UnprovenProposer {
    /// A leader of this shard with a random temper.
    pub(super) fn new(scope: &Scope, hasty: bool) -> Self {
        Self {
            hasty,
            hearsay: Hearsay::new(scope),
            rivals: Rivals::default(),
        }
    }

    /// Proposes in the next slot that it leads, whatever becomes of the slots before.
    fn hurry(&mut self, stage: &mut Stage<'_, '_>) {
        let Some(base) = self.hearsay.bases(Slot::new(u64::MAX)).first().copied() else {
            return;
        };
        let mut slot = base.name.slot.next();
        while !stage.leads(slot) {
            slot = slot.next();
        }
        if self.rivals.has(slot) || self.hearsay.leads_to(&base, slot) {
            return;
        }
        let scope = &stage.scope();
        let payload = self.hearsay.payload();
        let block = base.extend(scope, slot, stage.clock(), payload);
        let vote = stage.vote(slot, Vote::Notarize(block.hash()));
        let proposal = stage.proposal(block.clone());
        self.rivals.insert(block, None);
        stage.say_to_all(&proposal);
        stage.say_to_all(&vote);
        stage.lied();
    }
}

impl Trick for UnprovenProposer {
    fn hear(&mut self, stage: &mut Stage<'_, '_>, from: Seat, message: &Message) -> bool {
        self.hearsay.learn(message);
        self.rivals.show(stage, from, message);
        let asked = matches!(message, Message::CertificatesRequest { .. });
        if asked {
            stage.lied();
        }
        !asked
    }

    fn say(&mut self, stage: &mut Stage<'_, '_>, to: &[Seat], message: &Message) {
        self.hearsay.learn(message);
        if let Some(block) = stage.own_proposal(message)
            && !self.rivals.has(block.header.slot)
        {
            self.rivals.insert(block.clone(), Some(block.hash()));
        }
        if proves_a_skip(message) {
            stage.lied();
        } else {
            self.rivals.say_instead(stage, to, message);
        }
    }

    fn scheme(&mut self, stage: &mut Stage<'_, '_>) -> Option<u64> {
        if !self.hasty {
            return None;
        }
        self.hurry(stage);
        Some(stage.voice.random.within(&PAUSE_MS))
    }
}

/// Whether a message is the certificate of a skipped slot.
fn proves_a_skip(message: &Message) -> bool {
    let skips = |statement: &Statement| {
        matches!(
            statement,
            Statement::Vote {
                vote: Vote::Skip,
                ..
            }
        )
    };
    matches!(message, Message::Certificate(certificate) if skips(&certificate.statement))
}
