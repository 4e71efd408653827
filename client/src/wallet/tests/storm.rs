//! Commands run again and again in all weathers: what they report is what happened, once.

use super::*;
use crate::testing::MEMBERS;

/// A small generator, so that a seed says everything.
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        let sides = u64::try_from(of.len()).expect("few");
        of[usize::try_from(self.roll(sides)).expect("few")]
    }
}

/// What a node may do that lies.
const LIES: [Manner; 9] = [
    Manner::Forger,
    Manner::Denier,
    Manner::Sink,
    Manner::Refuser,
    Manner::Fabulist,
    Manner::Forgetful,
    Manner::Swapper,
    Manner::Confused,
    Manner::Plucker,
];

/// What may happen to a node that does not.
const FAULTS: [Manner; 6] = [
    Manner::Honest,
    Manner::Honest,
    Manner::Gone,
    Manner::Silent,
    Manner::Mute,
    Manner::Busy,
];

/// A command, and how often it has reported success.
struct Command {
    order: Order,
    succeeded: u64,
}

/// Changes the weather. In each shard one node lies, and others have faults.
fn change(desk: &Desk, dice: &mut Dice) {
    for number in 0..desk.world.size() {
        let manners = if number % MEMBERS == 0 {
            &LIES[..]
        } else {
            &FAULTS[..]
        };
        desk.world.set(number, dice.pick(manners));
    }
    if dice.roll(3) == 0 {
        desk.world.inner().ledger.lose_waiting();
    }
    if dice.roll(3) == 0 {
        let now = desk.world.now();
        desk.world.inner().ledger.pass_time(now);
    }
    for shard in 0..desk.world.size() / MEMBERS {
        desk.world.set_deciding_in(shard, dice.roll(3) > 0);
        desk.world.set_hearing_in(shard, dice.roll(3) > 0);
    }
}

/// Runs a command once, perhaps killing it.
async fn run(desk: &Desk, dice: &mut Dice, command: &mut Command) {
    let patience = Duration::from_millis(1 + dice.roll(40_000));
    let sent = desk.send(command.order);
    let ended = match dice.roll(3) {
        0 => tokio::time::timeout(patience, sent).await.ok(),
        _ => Some(sent.await),
    };
    if let Some(Ok(settled)) = ended {
        command.succeeded += u64::from(settled.is_committed());
    }
}

async fn storm(seed: u64, alice: &[&[u64]]) {
    let mut dice = Dice(seed);
    let desk = Desk::of_shards(alice);
    let order = |to, csc: u64, home| Order {
        to: key(to),
        amount: Amount::from_ncsc(csc * CSC),
        home,
        ..pay(0)
    };
    let last = desk.world.genesis.shards.last().map(|shard| shard.shard);
    let mut commands = [
        Command {
            order: order("carol", 5, None),
            succeeded: 0,
        },
        Command {
            order: order("dave", 3, last),
            succeeded: 0,
        },
    ];
    for _ in 0..12 {
        change(&desk, &mut dice);
        let turn = usize::try_from(dice.roll(2)).expect("two commands");
        run(&desk, &mut dice, &mut commands[turn]).await;
        sleep(Duration::from_millis(
            dice.pick(&[0, 10, 5_000, 15_000, 80_000]),
        ))
        .await;
    }
    desk.all(Manner::Honest);
    for shard in 0..alice.len() {
        desk.world.set_hearing_in(shard, true);
    }
    desk.world.set_deciding(true);
    // Each command is run until nothing is open any more, which ends with a success.
    for command in &mut commands {
        let settled = desk.send(command.order).await;
        let settled = settled.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        command.succeeded += u64::from(settled.is_committed());
    }
    assert_eq!(desk.open_attempts(), 0, "seed {seed}");
    let [carol, dave] = commands.map(|command| command.succeeded);
    let received = (desk.world.balance("carol"), desk.world.balance("dave"));
    assert_eq!(received, (5 * carol, 3 * dave), "seed {seed}");
    let alice: u64 = alice.iter().copied().flatten().sum();
    let supply = desk.world.inner().ledger.supply();
    assert_eq!(supply, (1_000 + alice) * CSC, "seed {seed}");
}

#[tokio::test(start_paused = true)]
async fn every_success_that_is_reported_is_one_payment() {
    for seed in 0..20 {
        storm(seed, &[&[50, 40, 30]]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_success_that_is_reported_is_one_payment_across_shards() {
    for seed in 0..20 {
        storm(seed, &[&[50, 4], &[40, 3]]).await;
    }
}
