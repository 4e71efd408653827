//! Whole shards in trouble, from a seed: lost, late and reordered messages, members that die and come
//! back, and one that signs whatever it likes. Whatever happens, the others agree; when it is over,
//! they decide what was submitted, and fall silent.

use consensus::Message;
use model::statement::Vote;
use model::{Block, Hash, NodeId, TransactionId};

use crate::network::{Flight, Network};
use crate::shell::Shell;
use crate::world::{Place, World, member};

/// A generator of numbers that look random (splitmix64).
#[derive(Clone, Copy)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("64 bits");
        usize::try_from(self.next() % end).expect("below `end`")
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// A member that signs whatever it likes.
struct Liar {
    index: usize,
    /// The blocks it has heard of, as parents and to vote for.
    blocks: Vec<Block>,
    heard: usize,
}

impl Liar {
    /// Reacts to what it has heard since the last time.
    fn act(&mut self, network: &mut Network, random: &mut Random) {
        let heard: Vec<Flight> = network.flights[self.heard..]
            .iter()
            .filter(|flight| flight.to == self.index)
            .cloned()
            .collect();
        self.heard = network.flights.len();
        for Flight { message, .. } in heard {
            match message {
                Message::Proposal(proposal) => self.blocks.push(proposal.block),
                Message::Vote(vote) if random.chance(40) => {
                    self.vote(network, random, vote.slot.number(), vote.vote);
                }
                Message::Certificate(certificate) if random.chance(20) => {
                    let to = random.below(network.shells.len());
                    network.inject(self.index, to, Message::Certificate(certificate));
                    self.propose(network, random);
                }
                Message::HeadSignature(theirs) if random.chance(30) => {
                    let head = if random.chance(50) {
                        theirs.head
                    } else {
                        Hash::ZERO
                    };
                    let message = network
                        .world
                        .head_signature(self.index, theirs.height, head);
                    self.say(network, random, &message);
                }
                _ => {}
            }
        }
    }

    /// Votes as somebody did, or as nobody should, and not to all alike.
    fn vote(&self, network: &mut Network, random: &mut Random, slot: u64, like: Vote) {
        let other = self
            .blocks
            .iter()
            .rev()
            .find(|block| block.header.slot.number() == slot);
        let other = other.map_or(Hash::ZERO, Block::hash);
        let votes = [
            like,
            Vote::Skip,
            Vote::Notarize(other),
            Vote::Finalize(other),
        ];
        for _ in 0..2 {
            let vote = votes[random.below(votes.len())];
            let message = network.world.vote(self.index, slot, vote);
            self.say(network, random, &message);
        }
    }

    /// Proposes two blocks on parents of its choice in a slot of its own.
    fn propose(&mut self, network: &mut Network, random: &mut Random) {
        let Some(last) = self
            .blocks
            .iter()
            .map(|block| block.header.slot.number())
            .max()
        else {
            return;
        };
        let members = network.shells.len() as u64;
        let slot = (last + 1..).find(|slot| slot % members == self.index as u64);
        let slot = slot.expect("every member leads");
        for _ in 0..2 {
            let recent = self.blocks.len().min(6);
            let parent = &self.blocks[self.blocks.len() - 1 - random.below(recent)];
            let number = random.below(network.world.genesis.objects.len());
            let gift = network
                .world
                .gift(&network.world.things()[number], 77, 59_000);
            let place = Place::of(parent);
            let time = crate::network::clock(network.now).max(place.time.plus_ms(1));
            let block = network.world.block_at(slot, place, time, &[gift]);
            let message = network.world.proposal(&block);
            self.say(network, random, &message);
            self.blocks.push(block);
        }
    }

    /// Says something to each other member, or not.
    fn say(&self, network: &mut Network, random: &mut Random, message: &Message) {
        for to in 0..network.shells.len() {
            if to != self.index && random.chance(60) {
                network.inject(self.index, to, message.clone());
            }
        }
    }
}

/// A shard in trouble for a while.
fn trouble(seed: u64, members: usize, with_liar: bool) -> (Network, Vec<TransactionId>) {
    let mut random = Random(mix(seed));
    let world = World::new(members, 24);
    let mut network = Network::new(world.clone());
    let loss = random.below(35);
    let jitter = 1 + random.next() % 60;
    network.jitter = Box::new(move |number| mix(number ^ mix(seed)) % jitter);
    network.filter(move |flight| {
        let link = mix(flight.from as u64 * 31 + flight.to as u64 + seed);
        let epoch = flight.sent / 400;
        let cut = mix(link ^ epoch) % 100 < 8;
        let lost = mix(link ^ mix(flight.sent) ^ flight.message.encode().len() as u64) % 100;
        !cut && lost >= loss as u64
    });
    let mut liar = with_liar.then(|| Liar {
        index: random.below(members),
        blocks: Vec::new(),
        heard: 0,
    });
    if let Some(liar) = &liar {
        network.crash(liar.index);
    }
    let mut down = None;
    let mut submitted = Vec::new();
    for step in 0..200_u64 {
        let index = random.below(members);
        if random.chance(12) && network.shells[index].is_some() {
            let thing = random.below(world.genesis.objects.len());
            let nonce = u8::try_from(random.below(2)).expect("small");
            let gift = world.gift(&world.things()[thing], nonce, 59_000);
            submitted.push(gift.body.id());
            network.submit(index, &gift);
        }
        match down.take() {
            Some((index, log)) if random.chance(15) => network.restart(index, log),
            None if !with_liar && random.chance(8) && network.shells[index].is_some() => {
                let shell = network.shells[index].take().expect("it is up");
                let log = if random.chance(50) {
                    shell.on_disk()
                } else {
                    shell.written()
                };
                down = Some((index, log));
            }
            other => down = other,
        }
        let end = (step + 1) * 20;
        network.run_for(end - network.now);
        if let Some(liar) = &mut liar {
            liar.act(&mut network, &mut random);
        }
        network.assert_agreement();
    }
    if let Some((index, log)) = down {
        network.restart(index, log);
    }
    (network, submitted)
}

fn check(seed: u64, members: usize, with_liar: bool) {
    let (mut network, submitted) = trouble(seed, members, with_liar);
    network.jitter = Box::new(|_| 0);
    network.heal();
    let last = network.world.gift(&network.world.things()[0], 200, 59_000);
    let first_up = (0..members).find(|index| network.shells[*index].is_some());
    network.submit(first_up.expect("most are up"), &last);
    let decides = |shell: &Shell| {
        shell
            .replica
            .ledger()
            .state
            .decided
            .contains_key(&last.body.id())
    };
    network.run_until("a transaction after the trouble", 40_000, |network| {
        network.up().all(decides)
    });
    let waits = |shell: &Shell| submitted.iter().any(|id| shell.replica.is_waiting(id));
    network.run_until("nothing waits", 40_000, |network| !network.up().any(waits));
    network.run_until("all are at one height", 40_000, |network| {
        let mut tips = network.up().map(|shell| {
            let tip = shell.replica.ledger().tip;
            (tip, shell.certified.contains_key(&tip.height))
        });
        let first = tips.next();
        first.is_some_and(|(_, certified)| certified) && tips.all(|tip| Some(tip) == first)
    });
    network.run_for(10_000);
    network.assert_agreement();
    let before = network.flights.len();
    network.run_for(10_000);
    let quiet = |flight: &Flight| matches!(flight.message, Message::Status(_));
    let noise = network.flights[before..]
        .iter()
        .find(|flight| !quiet(flight));
    assert!(noise.is_none(), "seed {seed}: {noise:?}");
    let honest: Vec<NodeId> = network
        .up()
        .map(|shell| NodeId::new(member(shell.index).public()))
        .collect();
    for record in network.up().flat_map(|shell| &shell.malpractice) {
        assert!(!honest.contains(&record.node), "seed {seed}: {record:?}");
    }
}

/// Checks many seeds, and says which one fails.
fn check_all(seeds: std::ops::Range<u64>, members: usize, with_liar: bool) {
    for seed in seeds {
        let run = std::panic::AssertUnwindSafe(|| check(seed, members, with_liar));
        let outcome = std::panic::catch_unwind(run);
        assert!(
            outcome.is_ok(),
            "seed {seed}, {members} members, with a liar: {with_liar}"
        );
    }
}

#[test]
fn four_members_agree_and_go_on_after_losses_and_crashes() {
    check_all(0..12, 4, false);
}

#[test]
fn four_members_agree_and_go_on_with_a_liar_among_them() {
    check_all(0..12, 4, true);
}

#[test]
fn seven_members_agree_and_go_on_with_a_liar_among_them() {
    check_all(0..4, 7, true);
}
