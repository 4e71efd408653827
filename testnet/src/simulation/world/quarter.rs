//! One shard of a world, as the seed draws it.

use std::collections::BTreeSet;

use model::shard::Seat;

use super::{Member, trouble};
use crate::adversary;
use crate::simulation::habits::Habits;
use crate::simulation::node::Node;
use crate::simulation::options::Options;
use crate::simulation::random::Random;
use crate::simulation::setting::{Place, Setting};

/// A shard of a world.
pub(super) struct Quarter {
    pub(super) setting: Setting,
    pub(super) members: Vec<Member>,
    /// Who may forget what it signed.
    pub(super) forgetful: Vec<Seat>,
}

impl Quarter {
    /// A shard of which the seed says who is a liar and what habits the others have.
    pub(super) fn draw(
        setting: Setting,
        options: &Options,
        all_liars: &mut BTreeSet<Place>,
        random: &mut Random,
    ) -> Self {
        let mut liars = adversary::cast(options.casting, &setting, random);
        let seats: BTreeSet<Seat> = liars.keys().copied().collect();
        let forgetful = if seats.len() < setting.committee.size() {
            trouble::forgetful(options.forgetting, &setting, &seats, random)
        } else {
            Vec::new()
        };
        liars.extend(adversary::cast_newcomers(options.casting, &setting, random));
        let shard = setting.shard();
        all_liars.extend(liars.keys().map(|seat| Place { shard, seat: *seat }));
        let members = setting
            .nodes()
            .map(|seat| match liars.remove(&seat) {
                Some(liar) => Member::Liar(liar),
                None => {
                    let habits = Habits::any(random, options.flaw);
                    let node = Node::new(seat, 0, habits, &setting, random);
                    Member::Honest(Box::new(node))
                }
            })
            .collect();
        Self {
            setting,
            members,
            forgetful,
        }
    }
}
