//! Carrying out what a replica asks for: in order, and what is promised only when it is durable.

use std::sync::Arc;

use consensus::message::BlocksRequest;
use consensus::replica::Output;
use consensus::sbac::letter::Letter;
use consensus::{Message, Record};
use model::shard::Seat;
use model::{Committee, ShardId, encoding};

use super::snapshot::Snapshot;
use super::{Node, derive};
use crate::invariants::What;
use crate::simulation::around::{Alarm, Around, Purpose};
use crate::simulation::habits::Flaw;
use crate::simulation::network::Frame;

impl Node {
    /// Does what is to be done, until all of it is done, the disk is at work, or the node crashes.
    pub(super) fn carry_out(&mut self, around: &mut Around<'_>) {
        self.arrange();
        while let Some(life) = &mut self.life {
            if life.syncing {
                return;
            }
            let Some(output) = life.outbox.pop_front() else {
                self.snapshot(around);
                return;
            };
            if self.must_sync_before(&output) {
                self.put_back(output);
                self.sync(around);
                continue;
            }
            self.perform(around, output);
            self.burn_fuse(around);
        }
    }

    /// Puts what is to be done into the order that the node's habits, or its flaw, ask for.
    fn arrange(&mut self) {
        let Some(life) = &mut self.life else {
            return;
        };
        let is_record = |output: &Output| matches!(output, Output::Persist(_));
        let outbox = life.outbox.make_contiguous();
        if self.habits.flaw == Some(Flaw::WritesLast) {
            outbox.sort_by_key(is_record);
        } else if self.habits.in_batches {
            outbox.sort_by_key(|output| !is_record(output));
        }
    }

    fn put_back(&mut self, output: Output) {
        if let Some(life) = &mut self.life {
            life.outbox.push_front(output);
        }
    }

    /// Whether a promise in the log must be durable before this is done.
    fn must_sync_before(&self, output: &Output) -> bool {
        let leaves = match output {
            Output::Send { .. }
            | Output::Broadcast(_)
            | Output::Tell { .. }
            | Output::FetchBlocks { .. } => true,
            Output::Persist(_)
            | Output::WakeAt(_)
            | Output::Applied(_)
            | Output::HeadCertified(_)
            | Output::Entered(_)
            | Output::Malpractice(_)
            | Output::Halt(_) => false,
        };
        let owes = self.life.as_ref().is_some_and(|life| life.owes);
        let patient = match self.habits.flaw {
            Some(Flaw::SendsFirst | Flaw::WritesLast) => false,
            Some(Flaw::LyingDisk | Flaw::EmptyDisk) | None => true,
        };
        leaves && owes && patient
    }

    fn perform(&mut self, around: &mut Around<'_>, output: Output) {
        match output {
            Output::Persist(record) => self.persist(around, &record),
            Output::Send { to, message } => {
                let node = self.holder_of(around, to);
                self.send(around, node.as_slice(), &message);
            }
            Output::Broadcast(message) => {
                let others = self.other_members(around);
                self.send(around, &others, &message);
            }
            Output::Tell { shard, to, letter } => self.tell(around, shard, to, &letter),
            Output::FetchBlocks { from, request } => self.ask(around, from, request),
            Output::WakeAt(timer) => {
                let alarm = self.alarm_for(Purpose::Tick);
                if let Some(life) = &mut self.life {
                    let at = life.born.plus_ms(timer.as_ms());
                    life.wake = Some(at);
                    around.wake(at, alarm);
                }
            }
            Output::Applied(_) | Output::HeadCertified(_) => {
                if let Output::Applied(applied) = &output {
                    around.observe(self.seat, &What::Settled(applied));
                }
                if let Some(life) = &mut self.life {
                    derive(&mut life.chain, &output);
                }
            }
            Output::Entered(change) => {
                if let Some(life) = &mut self.life {
                    life.epoch = change.next.epoch;
                }
            }
            // They were seen when the replica took its step.
            Output::Malpractice(_) | Output::Halt(_) => {}
        }
    }

    fn persist(&mut self, around: &mut Around<'_>, record: &Record) {
        let Some(life) = &mut self.life else {
            return;
        };
        if let Err(error) = life.log.append([record]) {
            self.cannot_keep(around, &error);
            return;
        }
        life.owes |= record.is_promise();
        let end = life.log.end();
        around.observe(self.seat, &What::Written { record, end });
    }

    /// The node on a seat, in the epoch in which this one speaks.
    fn holder_of(&self, around: &Around<'_>, seat: Seat) -> Option<Seat> {
        around.setting.holder(self.members(around)?, seat)
    }

    fn other_members(&self, around: &Around<'_>) -> Vec<Seat> {
        let members = self.members(around).into_iter();
        let holders = members.flat_map(|members| {
            let seats = members.seats();
            seats.filter_map(move |seat| around.setting.holder(members, seat))
        });
        holders.filter(|node| *node != self.seat).collect()
    }

    fn members<'a>(&'a self, around: &Around<'_>) -> Option<&'a Committee> {
        let life = self.life.as_ref()?;
        let directory = life.replica.shards().directory();
        directory.committee(around.setting.shard(), life.epoch)
    }

    fn send(&self, around: &mut Around<'_>, to: &[Seat], message: &Message) {
        let Some(epoch) = self.life.as_ref().map(|life| life.epoch) else {
            return;
        };
        around.observe(
            self.seat,
            &What::Sent {
                epoch,
                message,
                durable: self.disk.durable(),
            },
        );
        let frame = Frame::Message(Arc::from(message.encode_in(epoch)));
        for seat in to {
            around.send(*seat, frame.clone());
        }
    }

    fn tell(&self, around: &mut Around<'_>, shard: ShardId, to: Option<Seat>, letter: &Letter) {
        around.observe(self.seat, &What::Told(letter));
        let Some(life) = &self.life else {
            return;
        };
        let Some(members) = life.replica.shards().other(shard) else {
            return;
        };
        let bytes: Arc<[u8]> = Arc::from(letter.encode());
        let readers = members
            .seats()
            .filter(|seat| to.is_none_or(|to| to == *seat));
        for reader in readers {
            if let Some(node) = around.setting.holder(members, reader) {
                around.tell(shard, Some(node), Arc::clone(&bytes));
            }
        }
    }

    fn ask(&mut self, around: &mut Around<'_>, from: Seat, request: BlocksRequest) {
        let Some(from) = self.holder_of(around, from) else {
            return;
        };
        let Some(life) = &mut self.life else {
            return;
        };
        life.asked += 1;
        let number = life.asked;
        life.questions.insert(number, from);
        let bytes = encoding::encode(&request).into();
        around.send(from, Frame::Ask { number, bytes });
        let alarm = self.alarm_for(Purpose::Unanswered { number });
        around.wake(around.now.plus_ms(self.habits.patience_ms), alarm);
    }

    /// Has the log made durable: at once, or while the node goes on.
    fn sync(&mut self, around: &mut Around<'_>) {
        let takes = around.random.within(&self.habits.sync_ms);
        if takes == 0 {
            self.make_durable(around);
            self.burn_fuse(around);
        } else if let Some(life) = &mut self.life {
            life.syncing = true;
            let alarm = self.alarm_for(Purpose::Synced);
            around.wake(around.now.plus_ms(takes), alarm);
        }
    }

    /// The disk is done.
    pub(super) fn synced(&mut self, around: &mut Around<'_>) {
        if let Some(life) = &mut self.life {
            life.syncing = false;
        }
        self.make_durable(around);
        self.burn_fuse(around);
        self.carry_out(around);
    }

    fn make_durable(&mut self, around: &mut Around<'_>) {
        let Some(life) = &mut self.life else {
            return;
        };
        if let Err(error) = life.log.sync() {
            self.cannot_keep(around, &error);
            return;
        }
        life.owes = false;
        if let Some(fresh) = life.fresh.take() {
            self.kept = fresh;
        }
    }

    /// Keeps what the node has come to, now and then. It counts once the log up to here is durable.
    fn snapshot(&mut self, around: &mut Around<'_>) {
        let Some(life) = &mut self.life else {
            return;
        };
        if life.replica.is_closing() {
            return;
        }
        let ledger = life.replica.ledger();
        let higher = ledger.tip.height > self.kept.ledger.tip.height;
        if higher && around.random.chance(self.habits.snapshots) {
            life.fresh = Some(Snapshot {
                ledger: ledger.clone(),
                open: life.replica.open(),
                position: life.log.end(),
                chain: life.chain.clone(),
            });
        }
    }

    /// The node has done something; perhaps it was the last thing before a crash.
    fn burn_fuse(&mut self, around: &mut Around<'_>) {
        if self.life.is_none() {
            return;
        }
        self.deeds += 1;
        match &mut self.fuse {
            Some((0, outage)) => {
                let outage = *outage;
                self.crash(around, outage);
            }
            Some((left, _)) => *left -= 1,
            None => {}
        }
    }

    pub(super) const fn alarm_for(&self, purpose: Purpose) -> Alarm {
        Alarm {
            holder: self.holder,
            life: self.lives,
            purpose,
        }
    }
}
