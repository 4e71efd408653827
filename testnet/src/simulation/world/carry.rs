//! What members do to a world, and what it does to them: frames and letters that travel, alarms, crashes.

use std::sync::Arc;

use model::shard::Seat;
use model::{ShardId, Time};

use super::quarter::Quarter;
use super::{Member, World};
use crate::simulation::around::{Around, Effect, Happening};
use crate::simulation::chronicle::Event;
use crate::simulation::clients::Submission;
use crate::simulation::setting::{Place, number};

/// How long a node that crashed stays down, in milliseconds: longer than what it said is under way
/// when the network is calm, as a link carries what was said over it or breaks.
const DOWN_MS_MIN: u64 = 50;
const DOWN_MS_MAX: u64 = 3_000;

/// How many of a thousand nodes that crash stay down until the network is calm.
const DOWN_FOR_LONG: u64 = 150;

impl World {
    pub(super) fn happens(&mut self, at: Time, place: Place, happening: Happening) {
        self.agenda
            .enter(at.max(self.now), Event::Happens { place, happening });
    }

    pub(super) fn submit(&mut self, submissions: Vec<Submission>) {
        for (place, bytes) in submissions {
            let place = self.at_hand(place);
            let at = self.now.plus_ms(self.random.within(&(0..=20)));
            self.happens(at, place, Happening::Submitted(bytes));
        }
    }

    /// Whom a user turns to who knew this node as a member.
    fn at_hand(&self, place: Place) -> Place {
        let members = self.members_of(place.shard);
        if members.is_empty() || members.contains(&place.seat) {
            return place;
        }
        let seat = members[place.seat.index() % members.len()];
        Place { seat, ..place }
    }

    pub(super) fn hand_to_member(&mut self, place: Place, happening: Happening) {
        let begins = matches!(happening, Happening::Begin);
        self.act(place, |member, around| match member {
            Member::Honest(node) => node.on(around, happening),
            Member::Liar(liar) => liar.on(around, happening),
        });
        if begins {
            let setting = &self.quarters[number(place.shard)].setting;
            for other in setting.nodes().filter(|other| *other != place.seat) {
                self.link_up(place.shard, place.seat, other);
            }
        }
    }

    /// Lets a member act, and carries out what it does.
    pub(super) fn act(&mut self, place: Place, action: impl FnOnce(&mut Member, &mut Around<'_>)) {
        let Quarter {
            setting, members, ..
        } = &mut self.quarters[number(place.shard)];
        let member = &mut members[place.seat.index()];
        let honest = matches!(member, Member::Honest(_));
        let mut around = Around {
            now: self.now,
            random: &mut self.random,
            setting,
            judges: honest.then_some(&mut self.judges),
            effects: Vec::new(),
        };
        action(member, &mut around);
        for effect in around.effects {
            self.carry(place, effect, honest);
        }
        for (transaction, outcome) in self.judges.liveness.news() {
            self.clients.learn(&transaction, outcome, self.now);
        }
    }

    fn carry(&mut self, from: Place, effect: Effect, honest: bool) {
        let Place { shard, seat } = from;
        match effect {
            Effect::Send { to, frame } => {
                let to = Place { shard, seat: to };
                for at in self.arrivals(from, to) {
                    let frame = frame.clone();
                    self.happens(at, to, Happening::Arrived { from: seat, frame });
                }
            }
            Effect::Tell { shard, to, bytes } => self.tell(from, shard, to, &bytes),
            Effect::Cut(cut) if !self.calm && !honest => {
                let first = number(shard) * self.options.all_nodes();
                self.network.cut_among(first, &cut);
            }
            Effect::Cut(_) => {}
            Effect::Wake { at, alarm } => self.happens(at, from, Happening::Alarm(alarm)),
            Effect::Crashed => {
                self.crashes += u64::from(honest);
                self.agenda.enter(self.now, Event::Crashed(from));
                let mut down = self.random.within(&(DOWN_MS_MIN..=DOWN_MS_MAX));
                if self.random.chance(DOWN_FOR_LONG) {
                    down = self.options.turmoil_ms;
                }
                let back = self.now.plus_ms(down);
                let calm = Time::from_ms(self.options.turmoil_ms);
                let latest = calm.plus_ms(self.random.within(&(0..=500)));
                self.happens(back.min(latest), from, Happening::Begin);
            }
        }
    }

    /// Carries a letter to one member of another shard, or to all of them.
    fn tell(&mut self, from: Place, shard: ShardId, to: Option<Seat>, bytes: &Arc<[u8]>) {
        let Some(quarter) = self.quarters.get(number(shard)) else {
            return;
        };
        let all = quarter.setting.nodes();
        let readers: Vec<Seat> = all.filter(|seat| to.is_none_or(|to| to == *seat)).collect();
        for seat in readers {
            let to = Place { shard, seat };
            for at in self.arrivals(from, to) {
                let bytes = Arc::clone(bytes);
                self.happens(at, to, Happening::Letter { from, bytes });
            }
        }
    }

    fn arrivals(&mut self, from: Place, to: Place) -> Vec<Time> {
        self.frames += u64::from(self.judges.liveness.are_members(from, to));
        let (from, to) = (self.number(from), self.number(to));
        self.network.arrivals(self.now, from, to)
    }

    /// All links are whole again.
    pub(super) fn mend(&mut self) {
        let places = self.places();
        for (from, to) in self.network.mend() {
            let (from, to) = (places[from], places[to]);
            // Between shards there is nothing but letters, and nobody minds when one can be sent.
            if from < to && from.shard == to.shard {
                self.link_up(from.shard, from.seat, to.seat);
            }
        }
    }

    fn link_up(&mut self, shard: ShardId, one: Seat, two: Seat) {
        if self.links_tell {
            for (seat, other) in [(one, two), (two, one)] {
                let at = self.now.plus_ms(self.random.within(&(0..=100)));
                self.happens(at, Place { shard, seat }, Happening::LinkUp(other));
            }
        }
    }
}
