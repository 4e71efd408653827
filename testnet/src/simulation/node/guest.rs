//! A node without a seat: it asks others for final blocks and gives them to its replica, until that has a
//! seat.

use std::sync::Arc;

use consensus::Input;
use consensus::message::{Blocks, BlocksRequest};
use model::shard::Seat;
use model::{EpochChange, encoding};

use super::Node;
use crate::simulation::around::{Around, Purpose};
use crate::simulation::network::Frame;

/// How long a node waits at first if nobody has news, in milliseconds.
const PAUSE_MS: u64 = 250;

/// How often that is doubled, at most.
const PAUSES: u32 = 7;

/// How a node follows.
#[derive(Default)]
pub(super) struct Trail {
    /// The question that is not answered.
    question: u64,
    /// How often nobody had news.
    vain: u32,
    /// Who had news last.
    source: Option<Seat>,
}

impl Node {
    /// Somebody wants the node to become a member.
    pub(super) fn invited(&mut self, around: &mut Around<'_>) {
        self.invited = true;
        if self.life.is_none() {
            self.begin(around);
        } else {
            self.follow(around);
        }
    }

    /// Asks for the next blocks whoever had some before, or else anybody, if the node has no seat and is to
    /// have one.
    pub(super) fn follow(&mut self, around: &mut Around<'_>) {
        let others: Vec<Seat> = around.setting.nodes().collect();
        let Some(life) = &mut self.life else {
            return;
        };
        if !self.invited || !life.replica.is_retired() {
            return;
        }
        life.trail.question += 1;
        let number = life.trail.question;
        let pause = PAUSE_MS << life.trail.vain.min(PAUSES);
        let first = life.replica.ledger().tip.height.next();
        let known = life.trail.source.take();
        let to = known.unwrap_or_else(|| *around.random.pick(&others));
        if to != self.seat {
            let bytes = encoding::encode(&BlocksRequest { first }).into();
            around.send(to, Frame::Ask { number, bytes });
        }
        let alarm = self.alarm_for(Purpose::Unanswered { number });
        let patience = self.habits.patience_ms.max(pause);
        around.wake(around.now.plus_ms(patience), alarm);
    }

    /// The node has heard of epochs: if one is ahead, somebody has blocks for it.
    pub(super) fn hear_of(&mut self, around: &mut Around<'_>, changes: &[Arc<EpochChange>]) {
        let Some(life) = &mut self.life else {
            return;
        };
        let scope = life.replica.ledger().scope;
        let ahead = |change: &Arc<EpochChange>| {
            change.next.shard == scope.shard && change.next.epoch > scope.epoch
        };
        if changes.iter().any(ahead) {
            life.trail.vain = 0;
            self.follow(around);
        }
    }

    /// Nobody has answered in time.
    pub(super) fn unanswered(&mut self, around: &mut Around<'_>, number: u64) {
        if let Some(life) = &mut self.life
            && life.trail.question == number
        {
            life.trail.vain += 1;
            self.follow(around);
        }
    }

    /// Somebody has answered.
    pub(super) fn followed(
        &mut self,
        around: &mut Around<'_>,
        from: Seat,
        number: u64,
        blocks: Blocks,
    ) {
        let height = |node: &Self| Some(node.ledger()?.tip.height);
        let before = height(self);
        self.step(around, Input::Final(blocks));
        let news = height(self) > before;
        if let Some(life) = &mut self.life
            && life.trail.question == number
            && news
        {
            life.trail.vain = 0;
            life.trail.source = Some(from);
            self.follow(around);
        }
    }
}
