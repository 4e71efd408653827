//! Heads of other shards, to notice when one of them shows two at one height.
//!
//! The ledger stops listening to such a shard, and remembers no more than hashes. To convict those who
//! signed both heads takes their signatures, and they are kept here, as long as the ledger remembers.

use std::collections::BTreeMap;

use model::bounds::FOREIGN_HEADS_MAX;
use model::shard::Seat;
use model::statement::{Scope, Statement};
use model::{Height, Lie, Parcel, ShardId, Signature};

/// A head as its shard showed it first.
#[derive(Clone, Debug)]
struct Shown {
    scope: Scope,
    statement: Statement,
    signatures: Vec<(Seat, Signature)>,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Forks {
    shards: BTreeMap<ShardId, BTreeMap<Height, Shown>>,
}

impl Forks {
    /// Takes in the head of a parcel whose signatures have been checked. What those said who signed
    /// another one at its height, too.
    pub(super) fn hear(&mut self, parcel: &Parcel) -> Vec<(Seat, Lie)> {
        let head = &parcel.head.head;
        let statement = head.statement();
        let heads = self.shards.entry(parcel.from()).or_default();
        match heads.get(&head.height) {
            Some(first) if first.statement == statement => Vec::new(),
            Some(first) => {
                let second = parcel.head.certificate.signatures.iter();
                second
                    .filter_map(|(seat, signature)| {
                        let lie = first.against(*seat, &head.scope, (statement, *signature))?;
                        Some((*seat, lie))
                    })
                    .collect()
            }
            None => {
                let shown = Shown {
                    scope: head.scope,
                    statement,
                    signatures: parcel.head.certificate.signatures.clone(),
                };
                heads.insert(head.height, shown);
                if heads.len() > FOREIGN_HEADS_MAX {
                    heads.pop_first();
                }
                Vec::new()
            }
        }
    }

    /// How many heads of a shard are kept.
    #[cfg(test)]
    pub(super) fn kept(&self, shard: ShardId) -> usize {
        self.shards.get(&shard).map_or(0, BTreeMap::len)
    }
}

impl Shown {
    /// This head and a second one, if the member on `seat` signed both of them in one scope.
    fn against(&self, seat: Seat, scope: &Scope, second: (Statement, Signature)) -> Option<Lie> {
        let mut signatures = self.signatures.iter();
        let (_, signature) = signatures.find(|(signer, _)| *signer == seat)?;
        (self.scope == *scope).then_some(Lie::Statements {
            scope: self.scope,
            first: (self.statement, *signature),
            second,
        })
    }
}
