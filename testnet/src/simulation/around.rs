//! What is around a member when something happens to it, and what it can do about it.

use std::sync::Arc;

use model::shard::Seat;
use model::statement::{Height, Scope};
use model::{EpochChange, Plan, ShardId, Time};

use super::network::Frame;
use super::random::Random;
use super::setting::{Place, Setting};
use crate::invariants::{Judges, What};

/// Something that happens to the member on a seat.
#[derive(Clone, Debug)]
pub enum Happening {
    /// It begins, for the first time or again.
    Begin,
    /// Another member sent it something. The network proves who it was.
    Arrived {
        /// The other member.
        from: Seat,
        /// What it sent.
        frame: Frame,
    },
    /// A member of another shard sent it the encoding of a [`consensus::Letter`], or whatever a liar
    /// sends instead. The network proves who it was.
    Letter {
        /// The member.
        from: Place,
        /// What it sent.
        bytes: Arc<[u8]>,
    },
    /// A time has come that it asked for.
    Alarm(Alarm),
    /// It can hear and be heard by this member again.
    LinkUp(Seat),
    /// Somebody wants it to become a member: it is to follow its shard.
    Invited,
    /// Its operator is for a list of nodes to follow.
    Approve(Arc<Plan>),
    /// It hears of epochs that have begun.
    Learn(Vec<Arc<EpochChange>>),
    /// Keys have got known. Honest members do not look for any.
    Leaked(Arc<Leak>),
    /// A user submits the encoding of a transaction, or something else.
    Submitted(Arc<[u8]>),
}

/// The keys of a quorum of an epoch that is over.
#[derive(Clone, Debug)]
pub struct Leak {
    /// The shard and the epoch.
    pub scope: Scope,
    /// The height of the last block of the epoch.
    pub end: Height,
    /// The seats in that epoch, ascending, and who had them.
    pub keys: Vec<(Seat, Seat)>,
}

/// A wish to be woken, as it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Which of the members on one seat: zero, unless a liar is many.
    pub holder: u8,
    /// Which of its lives. A crash ends all that a life wished for.
    pub life: u32,
    /// What it is for.
    pub purpose: Purpose,
}

/// What an alarm is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The replica asked to be woken.
    Tick,
    /// The disk has done what it was asked to do.
    Synced,
    /// An answer has not come.
    Unanswered {
        /// The question.
        number: u64,
    },
    /// It is the liar's own business.
    Scheme,
}

/// Something that a member does to the world.
#[derive(Clone, Debug)]
pub enum Effect {
    /// It sends something.
    Send {
        /// To whom.
        to: Seat,
        /// What.
        frame: Frame,
    },
    /// It sends a letter to members of another shard.
    Tell {
        /// The shard.
        shard: ShardId,
        /// To whom; to all members without it.
        to: Option<Seat>,
        /// What.
        bytes: Arc<[u8]>,
    },
    /// It wants to be woken.
    Wake {
        /// When.
        at: Time,
        /// What is to come back then.
        alarm: Alarm,
    },
    /// It cuts links within its shard, for each seat those to the seats that are `true`, and mends all
    /// others. Liars have this power over the network until it is calm.
    Cut(Vec<Vec<bool>>),
    /// It has crashed.
    Crashed,
}

/// What is around a member.
pub struct Around<'a> {
    /// Virtual time, since the world began.
    pub now: Time,
    /// Chance.
    pub random: &'a mut Random,
    /// What is the same for all members of its shard.
    pub setting: &'a Setting,
    /// Who watches the member; nobody watches liars.
    pub judges: Option<&'a mut Judges>,
    /// What the member has done so far.
    pub effects: Vec<Effect>,
}

impl Around<'_> {
    /// Sends something.
    pub fn send(&mut self, to: Seat, frame: Frame) {
        self.effects.push(Effect::Send { to, frame });
    }

    /// Sends a letter to a member of another shard, or to all of them.
    pub fn tell(&mut self, shard: ShardId, to: Option<Seat>, bytes: Arc<[u8]>) {
        self.effects.push(Effect::Tell { shard, to, bytes });
    }

    /// Asks to be woken.
    pub fn wake(&mut self, at: Time, alarm: Alarm) {
        self.effects.push(Effect::Wake { at, alarm });
    }

    /// Tells whoever watches what the member on `seat` does.
    pub fn observe(&mut self, seat: Seat, what: &What<'_>) {
        if let Some(judges) = &mut self.judges {
            let shard = self.setting.shard();
            judges.see(self.now, Place { shard, seat }, what);
        }
    }
}
