//! The halves that liars agree upon.

use std::collections::BTreeSet;

use super::*;

fn seats(indexes: impl IntoIterator<Item = usize>) -> Vec<Seat> {
    indexes.into_iter().filter_map(Seat::new).collect()
}

fn plot(seed: u64, liars: [usize; 2]) -> Plot {
    Plot::new(Random::new(seed), seats(liars).into_iter().collect())
}

#[test]
fn each_honest_member_is_in_one_half_and_each_liar_in_both() {
    let members = seats(0..7);
    for seed in 0..50 {
        let halves = plot(seed, [1, 4]).halves(Slot::new(seed), &members);
        for seat in &members {
            let times = halves.iter().filter(|half| half.contains(seat)).count();
            let liar = [1, 4].contains(&seat.index());
            assert_eq!(times, 1 + usize::from(liar), "seed {seed}, {seat:?}");
        }
        let smaller = halves.iter().map(Vec::len).min();
        assert_eq!(smaller, Some(2 + 2), "seed {seed}");
    }
}

#[test]
fn liars_agree_though_each_leaves_out_itself() {
    for seed in 0..50 {
        let plot = plot(seed, [0, 6]);
        let honest = |of: Vec<Seat>| -> BTreeSet<Seat> {
            let is_honest = |seat: &Seat| (1..6).contains(&seat.index());
            of.into_iter().filter(is_honest).collect()
        };
        let slot = Slot::new(9);
        let one = plot.halves(slot, &seats(1..7)).map(honest);
        let other = plot.halves(slot, &seats(0..6)).map(honest);
        assert_eq!(one, other, "seed {seed}");
    }
}

#[test]
fn the_halves_differ_between_slots() {
    let plot = plot(3, [0, 1]);
    let members = seats(0..7);
    let different: BTreeSet<_> = (0..20)
        .map(|slot| plot.halves(Slot::new(slot), &members))
        .collect();
    assert!(different.len() > 5, "{} divisions", different.len());
}
