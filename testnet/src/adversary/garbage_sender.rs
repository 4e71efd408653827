//! A member that sends bytes that mean nothing: noise, the encodings of other things, and honest
//! messages spoilt in one place. In all else it follows the protocol.
//!
//! It tries to confuse a parser: to have bytes read past their end, a value accepted in two encodings,
//! or a member that panics. What stops it: one door where bytes become values, and a value is refused
//! unless it encodes back to the same bytes.

use std::sync::Arc;

use consensus::message::Blocks;
use model::shard::Seat;
use model::{Genesis, encoding};

use super::trickster::{Stage, Trick};
use crate::simulation::{Frame, Random};

/// How often it speaks, in milliseconds.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 10..=300;

/// How many of a thousand answers are garbage.
const ANSWERS: u64 = 500;

/// Frames of others that it remembers, to spoil them.
const REMEMBERED: usize = 32;

/// What begins an item of canonical CBOR, or must not: integers that are too long, lengths without
/// end, maps, tags, floats, breaks, and the reserved values.
const HEADS: [u8; 16] = [
    0x18, 0x1b, 0x3b, 0x5b, 0x5f, 0x7f, 0x9b, 0x9f, 0xa1, 0xbf, 0xc2, 0xf6, 0xf9, 0xfb, 0xff, 0x1c,
];

/// See the module.
#[derive(Debug, Default)]
pub(super) struct GarbageSender {
    heard: Vec<Arc<[u8]>>,
}

impl GarbageSender {
    fn garbage(&self, stage: &mut Stage<'_, '_>) -> Vec<u8> {
        let genesis: &Genesis = &stage.around.setting.genesis;
        let random = &mut stage.voice.random;
        match random.below(8) {
            0 => Vec::new(),
            1 => noise(random),
            2 => encoding::encode(genesis),
            // Arrays in arrays: a parser that calls itself runs out of stack.
            3 => vec![0x81; 1 << random.below(16)],
            _ if self.heard.is_empty() => noise(random),
            _ => spoil(random.pick(&self.heard).to_vec(), random),
        }
    }
}

fn noise(random: &mut Random) -> Vec<u8> {
    let length = random.index(256);
    let noise: [u8; 256] = random.bytes();
    noise[..length].to_vec()
}

/// Spoils a message in one way.
fn spoil(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let at = random.index(bytes.len().max(1));
    let Some(byte) = bytes.get_mut(at) else {
        return bytes;
    };
    match random.below(5) {
        0 => *byte ^= 1 << random.below(8),
        1 => *byte = *random.pick(&HEADS),
        2 => bytes.truncate(at),
        3 => bytes.push(*random.pick(&HEADS)),
        _ => bytes.insert(at, *random.pick(&HEADS)),
    }
    bytes
}

impl Trick for GarbageSender {
    fn receive(&mut self, stage: &mut Stage<'_, '_>, _from: Seat, frame: &Frame) {
        let bytes = Arc::clone(frame.bytes());
        if self.heard.len() < REMEMBERED {
            self.heard.push(bytes);
        } else {
            let at = stage.voice.random.index(REMEMBERED);
            self.heard[at] = bytes;
        }
    }

    fn answer(&mut self, stage: &mut Stage<'_, '_>, _to: Seat, honest: &Blocks) -> Vec<u8> {
        let honest = encoding::encode(honest);
        if !stage.voice.random.chance(ANSWERS) {
            return honest;
        }
        stage.lied();
        match stage.voice.random.below(2) {
            0 => self.garbage(stage),
            _ => spoil(honest, &mut stage.voice.random),
        }
    }

    fn scheme(&mut self, stage: &mut Stage<'_, '_>) -> Option<u64> {
        let bytes: Arc<[u8]> = self.garbage(stage).into();
        let random = &mut stage.voice.random;
        let to = *random.pick(&stage.voice.others);
        let number = random.below(8);
        let frame = match random.below(4) {
            0 => Frame::Ask { number, bytes },
            1 => Frame::Answer { number, bytes },
            _ => Frame::Message(bytes),
        };
        stage.around.send(to, frame);
        stage.lied();
        Some(stage.voice.random.within(&PAUSE_MS))
    }
}
