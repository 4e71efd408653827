//! What it costs to decide payments across two shards: the votes, the decision and the acknowledgement.
//!
//! Two ledgers are taken through payments between them, and their promises go the way that letters go:
//! encoded, decoded, and checked with the signatures of a quorum and the path to the head. What is
//! counted is what one member of each shard does. A payment that concerns more shards costs in each of
//! them about what it costs here, although a decision then brings the votes of others along.

#[cfg(test)]
mod tests;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use consensus::sbac::letter::{AdmittedLetter, Letter};
use consensus::{Action, Ledger, Shards};
use model::block::Header;
use model::bounds::PARCEL_LEAVES_MAX;
use model::genesis::GenesisShard;
use model::key::Zip215;
use model::outbox::outbox_tree;
use model::shard::Seat;
use model::transaction::Authorized;
use model::{
    Block, Certificate, Delivery, Genesis, Hash, Head, HeadCertificate, Leaf, NodeDescriptor,
    NodeId, Outcome, Parcel, SecretKey, ShardId, Slot, Time,
};

use super::{cpu, per};
use crate::bench::error::BenchError;
use crate::bench::payments::{Book, Kind};

/// The two shards.
const SHARDS: u32 = 2;

/// Payments that are decided, at least.
const PAYMENTS: usize = 1_000;

/// The block time at which the ledgers begin, and how long payments are valid. The time of the machine
/// is of no concern.
const DAWN: Time = Time::from_ms(1_000_000);
const VALID_MS: u64 = 50_000;

/// Two shards as ledgers, and what their members would do.
struct Pair {
    genesis: Genesis,
    nodes: usize,
    wings: Vec<Wing>,
    spent: Duration,
    /// Decisions to commit, in both shards together.
    committed: usize,
}

/// One shard.
struct Wing {
    ledger: Ledger,
    shards: Shards,
    checkers: contracts::Registry,
}

/// What crossing adds for one member of each concerned shard to `apply`, the cost of applying a payment
/// within one shard, with so many `entries` in a block of shards of so many `nodes`.
///
/// # Errors
///
/// [`BenchError::Wrong`] if a payment does not commit in both shards.
pub(super) fn measure(
    kind: Kind,
    nodes: usize,
    entries: usize,
    apply: Duration,
) -> Result<Duration, BenchError> {
    let kind = Kind {
        inputs: 1,
        cross: 100,
        shards: SHARDS,
        ..kind
    };
    let batch = entries.clamp(1, PAYMENTS);
    let mut pair = Pair::new(nodes, batch, kind)?;
    let mut book = Book::open(&pair.genesis, kind);
    let rounds = PAYMENTS.div_ceil(batch);
    let stop = AtomicBool::new(false);
    book.sign(rounds, DAWN.plus_ms(VALID_MS), &stop)?;
    for _ in 0..rounds {
        let next = book.chains.iter_mut().filter_map(|chain| chain.pop());
        let payments: Result<Vec<Authorized>, BenchError> = next
            .map(|payment| {
                let formed = payment
                    .ready
                    .transaction
                    .check_form(&pair.genesis.network());
                Ok(formed.map_err(|error| wrong(&error))?.trust())
            })
            .collect();
        pair.decide(&payments?)?;
    }
    let expected = rounds * batch * SHARDS as usize;
    if pair.committed != expected {
        return Err(wrong(&format!(
            "{} of {expected} decisions across shards are to commit",
            pair.committed
        )));
    }
    Ok(per(pair.spent, expected).saturating_sub(apply))
}

impl Pair {
    fn new(nodes: usize, accounts: usize, kind: Kind) -> Result<Self, BenchError> {
        let member = |shard: u32, seat: usize| NodeDescriptor {
            name: format!("n{seat}"),
            node: NodeId::new(secret(shard, seat).public()),
            addresses: Vec::new(),
        };
        let shards = (0..SHARDS).map(|shard| GenesisShard {
            shard: ShardId::new(shard),
            members: (0..nodes).map(|seat| member(shard, seat)).collect(),
        });
        let named = client::keys::LOCAL_NAMES.map(client::keys::local_secret);
        let named = named.map(|key| (key.public(), ShardId::new(0), 1));
        let owners = named.into_iter().chain(Book::owners(accounts, kind));
        let owners: Vec<_> = owners.collect();
        let genesis = system_contracts::genesis::genesis("pair", DAWN, shards.collect(), &owners);
        let wing = |shard| {
            let view =
                Shards::of_genesis(&genesis, shard).ok_or_else(|| wrong(&"no such shard"))?;
            Ok(Wing {
                ledger: Ledger::genesis(&genesis, shard),
                shards: view.map_err(|error| wrong(&error))?,
                checkers: system_contracts::checkers(),
            })
        };
        let wings = (0..SHARDS).map(ShardId::new).map(wing);
        Ok(Self {
            wings: wings.collect::<Result<_, BenchError>>()?,
            genesis,
            nodes,
            spent: Duration::ZERO,
            committed: 0,
        })
    }

    /// Has both shards sequence the payments, and then whatever they promise each other.
    fn decide(&mut self, payments: &[Authorized]) -> Result<(), BenchError> {
        let prepare = || payments.iter().cloned().map(Action::Prepare).collect();
        let mut waiting: Vec<Vec<Action>> = self.wings.iter().map(|_| prepare()).collect();
        while waiting.iter().any(|actions| !actions.is_empty()) {
            let mut next: Vec<Vec<Action>> = self.wings.iter().map(|_| Vec::new()).collect();
            for (from, actions) in waiting.into_iter().enumerate() {
                if actions.is_empty() {
                    continue;
                }
                let to = 1 - from;
                let said = self.block(from, &actions)?;
                next[to].extend(self.admit(to, said)?);
            }
            waiting = next;
        }
        Ok(())
    }

    /// The next block of a shard. Returns what it says to the other one, in letters.
    fn block(&mut self, number: usize, actions: &[Action]) -> Result<Vec<Vec<u8>>, BenchError> {
        let Wing {
            ledger, checkers, ..
        } = &mut self.wings[number];
        let header = Header {
            scope: ledger.scope,
            slot: Slot::new(ledger.tip.height.number() + 1),
            parent: ledger.tip.block,
            height: ledger.tip.height.next(),
            time: ledger.tip.time.plus_ms(1),
            payload: Hash::ZERO,
        };
        let block = Block {
            header,
            payload: [].into(),
        };
        let began = cpu()?;
        let applied = ledger.apply(&block, actions, checkers);
        self.spent += cpu()? - began;
        let results = applied.results.iter();
        self.committed += results
            .filter(|result| result.outcome == Outcome::Committed)
            .count();

        let head = self.certify(number, &applied.head);
        let began = cpu()?;
        let letters = letters(&head, &applied.outbox);
        self.spent += cpu()? - began;
        Ok(letters)
    }

    /// A head with the signatures of a quorum. Making them is counted as part of the block.
    fn certify(&self, number: usize, head: &Head) -> HeadCertificate {
        let statement = head.statement();
        let bytes = statement.signing_bytes(&head.scope);
        let shard = head.scope.shard.number();
        let quorum = self.wings[number].shards.ours().quorum();
        let sign = |seat: usize| {
            let seated = Seat::new(seat).expect("a quorum has fewer members than there are seats");
            (seated, secret(shard, seat).sign(&bytes))
        };
        debug_assert!(quorum <= self.nodes, "a quorum is of the members");
        HeadCertificate {
            head: head.clone(),
            certificate: Certificate {
                statement,
                signatures: (0..quorum).map(sign).collect(),
            },
        }
    }

    /// What a shard sequences of these letters.
    fn admit(&mut self, to: usize, letters: Vec<Vec<u8>>) -> Result<Vec<Action>, BenchError> {
        let shards = &self.wings[to].shards;
        let began = cpu()?;
        let mut actions = Vec::new();
        for bytes in letters {
            let letter = Letter::decode(&bytes).map_err(|error| wrong(&error))?;
            let admitted = letter.admit(shards, &mut Zip215);
            match admitted.map_err(|error| wrong(&format!("{error:?}")))? {
                AdmittedLetter::Deliver(deliveries) => {
                    actions.extend(deliveries.into_iter().map(Action::Deliver));
                }
                other => return Err(wrong(&format!("{other:?} is no delivery"))),
            }
        }
        self.spent += cpu()? - began;
        Ok(actions)
    }
}

/// What a block says, in parcels that are as large as they may be, a letter for each.
fn letters(head: &HeadCertificate, leaves: &[Leaf]) -> Vec<Vec<u8>> {
    let tree = outbox_tree(leaves, None);
    let firsts = (0..leaves.len()).step_by(PARCEL_LEAVES_MAX);
    let parcels = firsts.zip(leaves.chunks(PARCEL_LEAVES_MAX));
    parcels
        .filter_map(|(first, leaves)| {
            let parcel = Parcel {
                head: head.clone(),
                leaves: leaves.to_vec(),
                proof: tree.prove_range(first, leaves.len())?,
            };
            let votes = Vec::new();
            Some(Letter::Deliver(vec![Delivery { parcel, votes }]).encode())
        })
        .collect()
}

/// The key of a member that exists for as long as the measurement.
fn secret(shard: u32, seat: usize) -> SecretKey {
    let mut seed = *b"chainspace-bench-crossing-......";
    seed[26..30].copy_from_slice(&shard.to_le_bytes());
    seed[30] = u8::try_from(seat).expect("a shard has at most 100 members");
    SecretKey::from_seed(seed)
}

fn wrong(error: &dyn std::fmt::Display) -> BenchError {
    BenchError::Wrong(error.to_string())
}
