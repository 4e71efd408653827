//! The paper's own workload: transactions that consume objects of one byte and create nothing.
//!
//! The objects are in the genesis document, in random shards, where the prototype made them by a
//! transaction before its clock started; neither counts that. They are consumed in the order in which
//! they were made, so many at a time, as the prototype's script did. *Signed* transactions consume
//! objects that have an owner, who signs: that is what a payment costs beside its outputs.
//!
//! Paper: Section VII; [`contracts::simulator`].

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::num::NonZero;
use std::thread;

use contracts::simulator::{self, CannotRun, Consume, Owned, Plain};
use contracts::{Arguments, Calls, Content as _, Secret, Terms};
use model::genesis::GenesisObject;
use model::{Genesis, Mode, NetworkId, Object, SecretKey, Time};

use super::error::BenchError;
use super::load::{Load, Ready};
use super::payments::scattered;

/// What a measurement consumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meal {
    /// How many shards there are; their numbers begin with zero.
    pub(crate) shards: u32,
    /// How many objects a transaction consumes.
    pub(crate) inputs: usize,
    /// Whether the objects have an owner, who signs.
    pub(crate) signed: bool,
    /// Whether all shards decide by all votes.
    pub(crate) all_votes: bool,
}

/// The objects of one sort that are left.
pub(crate) struct Stock {
    network: NetworkId,
    objects: VecDeque<Object>,
    /// Transactions that were made so far: each has another nonce.
    made: u64,
}

/// Neighbouring lanes of one shard: more than a shard has nodes, so that each node gets its part.
const LANES_TOGETHER: usize = 20;

/// Transactions that were built, any of which may be sent at any time. A lane has those whose first input
/// lives in one shard, as if each shard had clients of its own: otherwise all lanes would end up waiting
/// for the shard that is slowest at the moment, and the others would have nothing to do.
pub(crate) struct Table {
    /// By the shard of the first input.
    waiting: Vec<VecDeque<Ready>>,
    lanes: usize,
    /// Shards that the transactions concern, counted together.
    concerned: usize,
    made: usize,
}

/// So many objects for a genesis document, in random shards.
pub(crate) fn objects(count: usize, shards: u32, signed: bool) -> Vec<GenesisObject> {
    let owner = owner().public();
    (0..count as u64)
        .map(|index| {
            let home = scattered(&[index, u64::from(signed)], shards);
            if signed {
                simulator::first_object(&Owned { owner }, home)
            } else {
                simulator::first_object(&Plain, home)
            }
        })
        .collect()
}

impl Stock {
    /// All objects of a sort that are in this document.
    pub(crate) fn open(genesis: &Genesis, signed: bool) -> Self {
        let name = if signed { Owned::TYPE } else { Plain::TYPE };
        let shards = genesis.shards.iter();
        let objects = shards.flat_map(|shard| genesis.objects_of(shard.shard));
        let mut objects: Vec<Object> = objects
            .filter(|(_, object)| object.object_type.contract == simulator::id())
            .filter(|(_, object)| object.object_type.name == name)
            .map(|(_, object)| (*object).clone())
            .collect();
        objects.sort_unstable_by_key(|object| object.index);
        Self {
            network: genesis.network(),
            objects: objects.into(),
            made: 0,
        }
    }

    /// Builds and signs transactions on all processors, as many as there are objects for and `count` at
    /// most. So many `lanes` of them can be under way at a time.
    ///
    /// # Errors
    ///
    /// [`BenchError::Payments`].
    pub(crate) fn serve(
        &mut self,
        meal: Meal,
        count: usize,
        lanes: usize,
        valid_until: Time,
    ) -> Result<Table, BenchError> {
        let count = count.min(self.objects.len() / meal.inputs);
        let objects: Vec<Object> = self.objects.drain(..count * meal.inputs).collect();
        let first = self.made;
        self.made += count as u64;
        let groups: Vec<&[Object]> = objects.chunks_exact(meal.inputs).collect();
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let part = groups.len().div_ceil(threads).max(1);
        let network = self.network;
        let made: Result<Vec<Vec<Ready>>, BenchError> = thread::scope(|scope| {
            let cooks: Vec<_> = (first..)
                .step_by(part)
                .zip(groups.chunks(part))
                .map(|(first, groups)| {
                    scope.spawn(move || {
                        let numbered = (first..).zip(groups);
                        numbered
                            .map(|(nonce, inputs)| {
                                consume(network, meal, inputs, nonce, valid_until)
                            })
                            .collect()
                    })
                })
                .collect();
            let made = cooks.into_iter().map(|cook| {
                let made = cook.join();
                made.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            made.collect()
        });
        let mut table = Table {
            waiting: (0..meal.shards).map(|_| VecDeque::new()).collect(),
            lanes,
            concerned: 0,
            made: count,
        };
        for (ready, inputs) in made?.into_iter().flatten().zip(groups) {
            table.concerned += ready.transaction.body.participants.len();
            table.waiting[inputs[0].home.number() as usize].push_back(ready);
        }
        Ok(table)
    }
}

impl Table {
    /// How many shards a transaction concerns, on average.
    pub(crate) fn concerned(&self) -> f64 {
        self.concerned.max(1) as f64 / self.made.max(1) as f64
    }
}

impl Load for Table {
    fn lanes(&self) -> usize {
        self.lanes
    }

    fn next(&mut self, lane: usize) -> Option<Ready> {
        let shards = self.waiting.len();
        let own = lane / LANES_TOGETHER % shards;
        // What is left at the end is for whoever comes.
        let mut shards = (own..shards).chain(0..own);
        shards.find_map(|shard| self.waiting[shard].pop_front())
    }
}

fn consume(
    network: NetworkId,
    meal: Meal,
    inputs: &[Object],
    number: u64,
    valid_until: Time,
) -> Result<Ready, BenchError> {
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&number.to_le_bytes());
    let arguments = Arguments {
        inputs: inputs.to_vec(),
        references: Vec::new(),
        local_parameters: (),
        secret_parameters: Secret::NONE,
    };
    let mut calls = Calls::new(network);
    let called = calls.call(&Consume, arguments);
    called.map_err(|error: CannotRun| BenchError::Payments(format!("{error:?}")))?;
    let mode = if meal.all_votes {
        Mode::AllVotes
    } else {
        Mode::Decider(inputs[0].home)
    };
    let mut draft = calls.draft(Terms {
        nonce,
        valid_until,
        mode,
    });
    if meal.signed {
        draft = draft.sign(&owner());
    }
    let formed = draft.finish();
    let formed = formed.map_err(|error| BenchError::Payments(error.to_string()))?;
    Ok(Ready {
        id: formed.id(),
        transaction: formed.transaction().clone(),
    })
}

/// The key of the owner of all objects. It is public, and worthless anywhere else.
fn owner() -> SecretKey {
    SecretKey::from_seed(*b"chainspace-bench-owner-of-things")
}
