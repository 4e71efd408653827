//! A member that repeats what anybody said in this run, to anybody, at any time, as if it were new and
//! its own. In all else it follows the protocol.
//!
//! It tries to have old votes, proposals, answers or transactions count again. What stops it: every
//! signature is over one slot or height of one shard, network and epoch, and a member's vote counts
//! only when the link of that member brings it or its signature is in a certificate.

use std::sync::Arc;

use consensus::Message;
use consensus::message::Blocks;
use model::encoding;
use model::shard::Seat;

use super::trickster::{Stage, Trick};
use crate::simulation::Frame;

/// How often it speaks, in milliseconds.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 5..=200;

/// Messages that it remembers. Which ones it forgets is chance, so that some are very old.
const REMEMBERED: usize = 512;

/// How many of a thousand answers are old ones.
const OLD_ANSWERS: u64 = 300;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Replayer {
    said: Vec<Arc<[u8]>>,
    answers: Vec<Vec<u8>>,
}

impl Replayer {
    fn remember(&mut self, stage: &mut Stage<'_, '_>, bytes: &Arc<[u8]>) {
        if self.said.len() < REMEMBERED {
            self.said.push(Arc::clone(bytes));
        } else {
            let at = stage.voice.random.index(REMEMBERED);
            self.said[at] = Arc::clone(bytes);
        }
    }
}

impl Trick for Replayer {
    fn receive(&mut self, stage: &mut Stage<'_, '_>, _from: Seat, frame: &Frame) {
        match frame {
            Frame::Message(bytes) => self.remember(stage, bytes),
            Frame::Answer { number: _, bytes } => self.answers.push(bytes.to_vec()),
            Frame::Ask { .. } => {}
        }
    }

    fn say(&mut self, stage: &mut Stage<'_, '_>, to: &[Seat], message: &Message) {
        let bytes = stage.encode(message);
        self.remember(stage, &bytes);
        stage.send(to, &bytes);
    }

    fn answer(&mut self, stage: &mut Stage<'_, '_>, _to: Seat, honest: &Blocks) -> Vec<u8> {
        let honest = encoding::encode(honest);
        self.answers.push(honest.clone());
        if !stage.voice.random.chance(OLD_ANSWERS) {
            return honest;
        }
        stage.lied();
        stage.voice.random.pick(&self.answers).clone()
    }

    fn scheme(&mut self, stage: &mut Stage<'_, '_>) -> Option<u64> {
        if !self.said.is_empty() {
            let random = &mut stage.voice.random;
            let bytes = Arc::clone(random.pick(&self.said));
            let to = *random.pick(&stage.voice.others);
            stage.send(&[to], &bytes);
            stage.lied();
        }
        Some(stage.voice.random.within(&PAUSE_MS))
    }
}
