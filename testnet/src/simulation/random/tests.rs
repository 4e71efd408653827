//! That numbers are the published ones, and that they stay where they should.

use super::Random;

/// The first outputs of the reference code from the state 1, 2, 3, 4.
#[test]
fn the_numbers_are_those_of_xoshiro256_starstar() {
    let mut random = Random([1, 2, 3, 4]);
    let drawn: Vec<u64> = (0..4).map(|_| random.number()).collect();
    assert_eq!(drawn, [11520, 0, 1_509_978_240, 1_215_971_899_390_074_240]);
}

#[test]
fn a_number_below_a_bound_is_below_it_and_each_is_drawn() {
    let mut random = Random::new(7);
    let mut seen = [0_u32; 10];
    for _ in 0..10_000 {
        seen[random.index(10)] += 1;
    }
    assert!(
        seen.iter().all(|times| (800..1_200).contains(times)),
        "{seen:?}"
    );
}

#[test]
fn a_range_has_both_its_ends() {
    let mut random = Random::new(7);
    let drawn: Vec<u64> = (0..200).map(|_| random.within(&(3..=5))).collect();
    assert_eq!(drawn.iter().min(), Some(&3));
    assert_eq!(drawn.iter().max(), Some(&5));
}

#[test]
fn forks_differ_and_are_repeatable() {
    let mut one = Random::new(1);
    let mut two = Random::new(1);
    let forks = [one.fork().number(), one.fork().number()];
    assert_ne!(forks[0], forks[1]);
    assert_eq!(forks, [two.fork().number(), two.fork().number()]);
}

#[test]
fn a_shuffle_keeps_what_it_shuffles() {
    let mut things: Vec<u32> = (0..50).collect();
    Random::new(3).shuffle(&mut things);
    assert_ne!(things, (0..50).collect::<Vec<_>>());
    things.sort_unstable();
    assert_eq!(things, (0..50).collect::<Vec<_>>());
}
