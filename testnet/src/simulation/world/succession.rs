//! Shards change their members: what operators want, and what becomes known of it.
//!
//! Operators are stubborn: they say again what they want until an epoch begins. Users say again what is
//! not decided when one has. What has become of shards comes to every node in the end, as nodes of a
//! network tell each other.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::shard::Seat;
use model::{EpochChange, NodeDescriptor, Plan, ShardId, ShardRecord};

use super::{Member, World};
use crate::invariants::roll::Roll;
use crate::simulation::around::Happening;
use crate::simulation::chronicle::Event;
use crate::simulation::plan::Change;
use crate::simulation::setting::{Place, number};

/// How often operators look, in milliseconds.
const LOOK_MS: u64 = 1_500;

/// How often users say again what is not decided after an epoch began. A newcomer asks one node after the other
/// for blocks until it finds one that has them, and users have to wait for longer than that.
const INSISTS: u64 = 16;

/// How many of a thousand nodes hear of what there is to know when somebody looks and things go wrong.
const HEARS: u64 = 500;

/// How many of a thousand times liars among those who may become members come first.
const LIARS_FIRST: u64 = 500;

/// What the operators of a shard want.
pub(super) struct Wish {
    before: ShardRecord,
    /// One list of nodes, or two that race.
    plans: Vec<Arc<Plan>>,
}

impl World {
    /// The operators of a shard want other members, unless they want that already.
    pub(super) fn wish(&mut self, shard: ShardId, change: Change) {
        self.drop_granted();
        if self.wishes.contains_key(&shard) || self.trust.is_dishonest(shard) {
            return;
        }
        let Some(before) = self.record(shard) else {
            return;
        };
        let records: Vec<ShardRecord> = match change {
            Change::Replace(count) => self.replaced(&before, count).into_iter().collect(),
            Change::Exclude => self.excluded(&before).into_iter().collect(),
            Change::Race => {
                let plans = [self.replaced(&before, 1), self.replaced(&before, 1)];
                plans.into_iter().flatten().collect()
            }
        };
        if records.is_empty() {
            return;
        }
        let setting = &self.quarters[number(shard)].setting;
        let plan = |next| Arc::new(setting.plan(&before, next));
        let plans: Vec<Arc<Plan>> = records.into_iter().map(plan).collect();
        let members = setting.members(&before);
        let listed = plans.iter().flat_map(|plan| setting.members(&plan.next));
        let newcomers: BTreeSet<Seat> = listed.filter(|node| !members.contains(node)).collect();
        for seat in newcomers {
            let at = self.now.plus_ms(self.random.within(&(0..=500)));
            self.happens(at, Place { shard, seat }, Happening::Invited);
        }
        let due = before.epoch.next();
        self.judges.liveness.expect_epoch(shard, due);
        self.wishes.insert(shard, Wish { before, plans });
        self.insist_on(shard);
    }

    /// Operators look what has become of their wishes, and tell their nodes what they know.
    pub(super) fn look(&mut self) {
        self.drop_granted();
        let shards: Vec<ShardId> = self.wishes.keys().copied().collect();
        for shard in shards {
            self.insist_on(shard);
        }
        let rolls = self.quarters.iter().filter_map(|quarter| {
            let roll = self.judges.roll(quarter.setting.shard());
            roll.map(Roll::changes)
        });
        let known: Vec<Arc<EpochChange>> = rolls.flatten().cloned().map(Arc::new).collect();
        if !known.is_empty() {
            for place in self.places() {
                if self.calm || self.random.chance(HEARS) {
                    let known = known.clone();
                    self.happens(self.now, place, Happening::Learn(known));
                }
            }
        }
        self.leak();
        self.agenda
            .enter(self.now.plus_ms(LOOK_MS), Event::Operators);
        if self.calm {
            self.say_again();
        }
    }

    /// What waited at those who left waits nowhere, and who has a seat may not take it at once: so users say
    /// again for some time what is not decided.
    fn say_again(&mut self) {
        let epochs = self.epochs();
        let (before, left) = &mut self.insistence;
        if epochs > *before {
            (*before, *left) = (epochs, INSISTS);
        }
        if *left > 0 {
            *left -= 1;
            self.judges.liveness.expect_no_more();
            self.agenda.enter(self.now.plus_ms(500), Event::Insist);
        }
    }

    /// The operators of all members say what they want. Where two lists race, all are for the first one
    /// when the network is calm.
    fn insist_on(&mut self, shard: ShardId) {
        let Some(Wish { plans, .. }) = self.wishes.get(&shard) else {
            return;
        };
        let plans = plans.clone();
        for seat in self.members_of(shard) {
            let plan = if self.calm {
                &plans[0]
            } else {
                self.random.pick(&plans)
            };
            let plan = Arc::clone(plan);
            let at = self.now.plus_ms(self.random.within(&(0..=300)));
            let approve = Happening::Approve(plan);
            self.happens(at, Place { shard, seat }, approve);
        }
    }

    /// The members of a shard in its last epoch.
    pub(super) fn members_of(&self, shard: ShardId) -> Vec<Seat> {
        let roll = self.judges.roll(shard);
        roll.map_or_else(Vec::new, |roll| roll.members().collect())
    }

    fn drop_granted(&mut self) {
        let judges = &self.judges;
        self.wishes.retain(|shard, wish| {
            let current = judges.roll(*shard).map(Roll::current);
            current.is_some_and(|current| current.scope().epoch == wish.before.epoch)
        });
    }

    /// The record of a shard in its last epoch.
    fn record(&self, shard: ShardId) -> Option<ShardRecord> {
        let last = self.judges.roll(shard)?.last_change();
        match last {
            Some(change) => Some(change.next.clone()),
            None => self.quarters[number(shard)].setting.genesis.record(shard),
        }
    }

    pub(super) fn is_liar(&self, shard: ShardId, seat: Seat) -> bool {
        let members = &self.quarters[number(shard)].members;
        matches!(members[seat.index()], Member::Liar(_))
    }

    /// The record with so many other members, and vacant seats taken.
    fn replaced(&mut self, before: &ShardRecord, count: usize) -> Option<ShardRecord> {
        let shard = before.shard;
        let setting = &self.quarters[number(shard)].setting;
        let committee = before.committee(setting.scope().network).ok()?;
        let holder = |seat| setting.holder(&committee, seat);
        let seats = (0..committee.size()).filter_map(Seat::new);
        let mut members: Vec<Option<Seat>> = seats.map(holder).collect();
        let mut free: Vec<Seat> = setting.nodes().collect();
        free.retain(|seat| {
            let place = Place { shard, seat: *seat };
            !members.contains(&Some(*seat)) && !self.exposed.contains(&place)
        });
        let mut leaving: Vec<usize> = (0..members.len()).collect();
        leaving.retain(|index| members[*index].is_none_or(|node| !self.seeks_keys(shard, node)));
        self.random.shuffle(&mut free);
        self.random.shuffle(&mut leaving);
        for index in leaving.into_iter().take(count) {
            members[index] = None;
        }
        self.fill(shard, &mut members, free)?;
        if self.random.chance(300) {
            self.random.shuffle(&mut members);
        }
        let setting = &self.quarters[number(shard)].setting;
        let members = members.into_iter().flatten();
        let members: Vec<NodeDescriptor> = members.map(|node| setting.descriptor(node)).collect();
        before.followed_by(members, before.price)
    }

    /// Puts somebody on each free seat, so that at most `f` members lie or may forget; `None` if there are
    /// too few.
    fn fill(
        &mut self,
        shard: ShardId,
        members: &mut [Option<Seat>],
        mut free: Vec<Seat>,
    ) -> Option<()> {
        let lies = |node: &Seat| self.is_liar(shard, *node);
        let quarter = &self.quarters[number(shard)];
        let staying = members.iter().flatten().filter(|node| lies(node)).count();
        let bad = staying + quarter.forgetful.len();
        let faults = quarter.setting.committee.faults().count();
        let mut room = faults.saturating_sub(bad);
        if free.iter().any(lies) && self.random.chance(LIARS_FIRST) {
            free.sort_by_key(|node| self.is_liar(shard, *node)); // whoever is last comes first
        }
        for member in members.iter_mut().filter(|member| member.is_none()) {
            let may = |node: &Seat| room > 0 || !self.is_liar(shard, *node);
            let next = free.remove(free.iter().rposition(may)?);
            room -= usize::from(self.is_liar(shard, next));
            *member = Some(next);
        }
        Some(())
    }

    /// The record without one member, a liar if there is one. At most `f` seats are vacant, or those of
    /// liars.
    fn excluded(&mut self, before: &ShardRecord) -> Option<ShardRecord> {
        let shard = before.shard;
        let setting = &self.quarters[number(shard)].setting;
        let committee = before.committee(setting.scope().network).ok()?;
        let (liars, honest): (Vec<Seat>, Vec<Seat>) = committee.seats().partition(|seat| {
            let node = setting.holder(&committee, *seat);
            node.is_none_or(|node| self.is_liar(shard, node))
        });
        let forgetful = self.quarters[number(shard)].forgetful.len();
        let bad = committee.vacant() + liars.len() + forgetful;
        let seat = match liars.first() {
            Some(seat) => *seat,
            None if bad < committee.faults().count() => *self.random.pick(&honest),
            None => return None,
        };
        let node = committee.member(seat)?;
        before.without(&node).ok()?.renewed()
    }
}
