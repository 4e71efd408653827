//! How fast a block is final when nothing is in its way, and how quiet a shard is with nothing to do.

use consensus::Message;

use crate::network::Network;
use crate::shell::Shell;
use crate::world::World;

/// The message delays from a submission at a member until all others have a final block, and until
/// they have a quorum's signatures over the head.
fn delays(member: usize) -> (u64, u64) {
    let mut network = Network::of_four(4);
    network.run_for(1_000);
    let begin = network.now;
    network.submit(member, &network.world.gift_of(0));
    network.run_until("all apply the block", 1_000, |network| {
        network.up().all(|shell| shell.applied.len() == 1)
    });
    let last = network.now;
    network.run_until_decided(1, 1_000);
    let delay = network.delay;
    ((last - begin) / delay, (network.now - begin) / delay)
}

#[test]
fn a_block_is_final_three_message_delays_after_its_proposal() {
    // Member 1 leads the first slot. Others pass the transaction on, which is a delay more.
    assert_eq!(delays(1), (3, 4));
    assert_eq!(delays(2), (4, 5));
}

#[test]
fn the_next_block_is_proposed_two_message_delays_later() {
    let mut network = Network::of_four(4);
    network.submit(1, &network.world.gift_of(0));
    network.run_for(1);
    network.submit(1, &network.world.gift_of(1));
    network.run_until_decided(2, 1_000);
    let proposed = network
        .flights
        .iter()
        .filter(|f| matches!(f.message, Message::Proposal(_)));
    let mut times: Vec<u64> = proposed.map(|flight| flight.sent).collect();
    times.dedup();
    assert_eq!(times, [0, 2 * network.delay]);
}

/// What is said in a minute after the shard has decided something, and how many blocks there are.
fn aftermath(delay: u64) -> (Vec<Message>, usize) {
    let mut network = Network::of_four(4);
    network.delay = delay;
    network.submit(1, &network.world.gift_of(0));
    network.run_until_decided(1, 20_000);
    network.run_for(20 * delay);
    let before = network.flights.len();
    let blocks = network.shell(0).applied.len();
    network.run_for(60_000);
    assert_eq!(
        network.shell(0).applied.len(),
        blocks,
        "no block is made of nothing"
    );
    let said = network.flights[before..].iter();
    (said.map(|flight| flight.message.clone()).collect(), blocks)
}

#[test]
fn an_idle_shard_makes_no_blocks_and_sends_heartbeats_only() {
    let (said, blocks) = aftermath(10);
    assert_eq!(blocks, 1);
    assert!(
        said.iter()
            .all(|message| matches!(message, Message::Status(_))),
        "{said:?}"
    );
    // Each of four says it every five seconds to one other.
    assert_eq!(said.len(), 4 * 12);
}

#[test]
fn an_idle_shard_makes_no_blocks_where_links_are_slow() {
    // Half a second each way is more than a leader waits before it proposes an empty block.
    let (said, blocks) = aftermath(500);
    assert!(blocks <= 5, "{blocks} blocks for one transaction");
    assert!(
        said.iter()
            .all(|message| matches!(message, Message::Status(_))),
        "{said:?}"
    );
}

#[test]
fn a_member_that_is_woken_too_early_asks_again() {
    let world = World::new(4, 1);
    let mut shell = Shell::new(&world, 0);
    let wake = shell.wake.take().expect("it has a heartbeat");
    shell.tick_at(wake.as_ms() - 1);
    assert_eq!(shell.wake, Some(wake));
}

#[test]
fn one_silent_leader_costs_one_time_out() {
    let mut network = Network::of_four(4);
    network.crash(1);
    network.submit(0, &network.world.gift_of(0));
    let skip = network.world.pace.skip_ms;
    network.run_until_decided(1, skip + 10 * network.delay);
}

#[test]
fn one_block_costs_a_bounded_number_of_messages() {
    let mut network = Network::of_four(4);
    network.run_for(1_000);
    let before = network.flights.len();
    network.submit(1, &network.world.gift_of(0));
    network.run_until_decided(1, 1_000);
    network.run_for(1_000);
    let said = network.flights.len() - before;
    // To three others: the transaction and the proposal once; two votes, two certificates and a head
    // by each of four. A certificate that comes before one's own is not said again.
    assert!(said <= 3 * (2 + 4 * 5), "{said} messages");
}

#[test]
fn a_transaction_that_opens_later_is_decided_later() {
    let world = World::new(4, 4);
    let mut network = Network::new(world.clone());
    let far = model::bounds::VALIDITY_MS_MAX + 2_000;
    network.submit(1, &world.gift(&world.things()[0], 0, far));
    network.run_for(1_000);
    assert_eq!(
        network.shell(1).applied.len(),
        0,
        "its deadline is too far ahead"
    );
    network.run_until_decided(1, 10_000);
}
