//! What comes to a node from others: decoded, checked, and given to its replica.

use std::sync::Arc;

use consensus::message::{BLOCKS_BYTES_MAX, Blocks, BlocksRequest};
use consensus::sbac::letter::Letter;
use consensus::{Input, Message};
use model::shard::Seat;
use model::{EpochChange, Fact, Plan, Transaction, bounds, encoding};

use super::Node;
use crate::invariants::What;
use crate::simulation::around::Around;
use crate::simulation::network::Frame;
use crate::simulation::setting::Place;

impl Node {
    /// Something has come over a link to another member.
    pub(super) fn arrived(&mut self, around: &mut Around<'_>, from: Seat, frame: Frame) {
        match frame {
            Frame::Message(bytes) => self.message(around, from, &bytes),
            Frame::Ask { number, bytes } => self.asked(around, from, number, &bytes),
            Frame::Answer { number, bytes } => self.answered(around, from, number, &bytes),
        }
    }

    /// The seat of another node of the shard in the epoch that this node is in.
    pub(super) fn seat_of(&self, around: &Around<'_>, node: Seat) -> Option<Seat> {
        let shards = self.life.as_ref()?.replica.shards();
        let shard = around.setting.shard();
        let node = around.setting.node(Place { shard, seat: node });
        shards.ours().seat(&node)
    }

    /// The operator is for a list of nodes.
    pub(super) fn approve(&mut self, around: &mut Around<'_>, plan: &Plan) {
        let Some(life) = &self.life else {
            return;
        };
        let shards = life.replica.shards();
        let network = shards.scope().network;
        let check = &mut around.setting.notary.clone();
        if plan.check(network, shards.record(), check).is_ok() {
            self.step(around, Input::Approve(plan.clone()));
        }
    }

    /// The node hears of epochs that have begun.
    pub(super) fn learn(&mut self, around: &mut Around<'_>, changes: &[Arc<EpochChange>]) {
        for change in changes {
            let Some(life) = &self.life else {
                return;
            };
            let mut directory = life.replica.shards().directory().clone();
            let check = &mut around.setting.notary.clone();
            if directory.learn(change, check) == Ok(true) {
                let fact = Fact::Changed((**change).clone());
                self.step(around, Input::Learned(fact));
            }
        }
        self.hear_of(around, changes);
    }

    /// A node of the shard says something.
    fn message(&mut self, around: &mut Around<'_>, from: Seat, bytes: &[u8]) {
        let Some(life) = &self.life else {
            return;
        };
        let Ok((epoch, message)) = Message::decode_in(bytes) else {
            return;
        };
        let tip = life.replica.ledger().tip.block.slot;
        let setting = around.setting;
        let shards = life.replica.shards().clone();
        let current = shards.scope().epoch;
        let place = Place {
            shard: setting.shard(),
            seat: from,
        };
        // A seat is another one's in another epoch.
        let then = setting.seat_in(shards.directory(), place, epoch);
        let Some(seat) = then.or_else(|| self.seat_of(around, from)) else {
            return;
        };
        if let Ok(message) = message.admit(&shards, &mut setting.notary.clone()) {
            if epoch == current {
                around.observe(
                    self.seat,
                    &What::Heard {
                        from,
                        message: &message,
                        tip,
                    },
                );
            }
            let input = Input::Message {
                from: seat,
                epoch,
                message,
            };
            self.step(around, input);
        }
    }

    /// A node of another shard tells this one something.
    pub(super) fn letter(&mut self, around: &mut Around<'_>, from: Place, bytes: &[u8]) {
        let Some(life) = &self.life else {
            return;
        };
        let Ok(letter) = Letter::decode(bytes) else {
            return;
        };
        let setting = around.setting;
        let shards = life.replica.shards();
        let shard = from.shard;
        let speaker = shards.other(shard);
        let Some(seat) = speaker.and_then(|members| members.seat(&setting.node(from))) else {
            return;
        };
        if let Ok(letter) = letter.admit(shards, &mut setting.notary.clone()) {
            around.observe(self.seat, &What::HeardFromAfar(&letter));
            let input = Input::Letter {
                shard,
                seat,
                letter,
            };
            self.step(around, input);
        }
    }

    /// Somebody asks for final blocks.
    fn asked(&self, around: &mut Around<'_>, from: Seat, number: u64, bytes: &[u8]) {
        let Some(life) = &self.life else {
            return;
        };
        if let Ok(request) = encoding::decode::<BlocksRequest>(bytes, bytes.len()) {
            let answer = life.chain.answer(request, self.habits.answer_blocks);
            let bytes = encoding::encode(&answer).into();
            around.send(from, Frame::Answer { number, bytes });
        }
    }

    /// Somebody answers with final blocks.
    fn answered(&mut self, around: &mut Around<'_>, from: Seat, number: u64, bytes: &[u8]) {
        let Some(life) = &mut self.life else {
            return;
        };
        if life.replica.is_retired() {
            if let Ok(blocks) = encoding::decode::<Blocks>(bytes, BLOCKS_BYTES_MAX) {
                self.followed(around, from, number, blocks);
            }
            return;
        }
        if life.questions.get(&number) != Some(&from) {
            return;
        }
        life.questions.remove(&number);
        let Some(from) = self.seat_of(around, from) else {
            return;
        };
        let input = match encoding::decode::<Blocks>(bytes, BLOCKS_BYTES_MAX) {
            Ok(blocks) => Input::Blocks { from, blocks },
            Err(_) => Input::FetchFailed { from },
        };
        self.step(around, input);
    }

    /// A user submits something.
    pub(super) fn submitted(&mut self, around: &mut Around<'_>, bytes: &[u8]) {
        let setting = around.setting;
        let network = &setting.scope().network;
        let authorized = encoding::decode::<Transaction>(bytes, bounds::TRANSACTION_BYTES_MAX)
            .ok()
            .and_then(|transaction| transaction.check_form(network).ok())
            .and_then(|formed| formed.verify(&mut setting.notary.clone()).ok());
        if let Some(transaction) = authorized {
            self.step(around, Input::Submitted(vec![transaction]));
        }
    }
}
