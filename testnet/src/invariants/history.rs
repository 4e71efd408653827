//! S7, S8, S9: what committed, one after the other in the order in which it was decided, is a history
//! of one ledger that was never divided: each input is there when it is spent, its owner signed, and
//! the supply stays what it was.
//!
//! Paper: Section V-A, S-BAC Theorem 3, and Section IV-B, Security Theorem 2.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use consensus::replica::AppliedBlock;
use model::transaction::Authorized;
use model::{NetworkId, Object, ObjectId, Outcome, PublicKey, Trace, TransactionId, encoding};
use system_contracts::cscoin;

use super::{Judge, Sighting, What};
use crate::simulation::{Notary, Setting};

/// See the module.
pub struct History {
    network: NetworkId,
    notary: Notary,
    /// All accounts of the undivided ledger.
    accounts: BTreeMap<ObjectId, (PublicKey, u64)>,
    supply: u64,
    committed: BTreeSet<TransactionId>,
}

impl History {
    /// The undivided ledger at the beginning.
    #[must_use]
    pub fn new(setting: &Setting) -> Self {
        let genesis = &setting.genesis;
        let shards = genesis.shards.iter().map(|shard| shard.shard);
        let accounts: BTreeMap<ObjectId, (PublicKey, u64)> = shards
            .flat_map(|shard| genesis.objects_of(shard))
            .filter_map(|(id, object)| Some((id, account(&object)?)))
            .collect();
        Self {
            network: genesis.network(),
            notary: setting.notary.clone(),
            supply: accounts.values().map(|(_, balance)| balance).sum(),
            accounts,
            committed: BTreeSet::new(),
        }
    }

    fn applied(&mut self, applied: &AppliedBlock) -> Result<(), String> {
        let done = &applied.applied;
        for ((transaction, _), result) in done.concluded.iter().zip(&done.results) {
            let id = result.transaction;
            if result.outcome == Outcome::Committed && self.committed.insert(id) {
                self.commit(transaction)
                    .map_err(|how| format!("committed {id}, {how}"))?;
            }
        }
        Ok(())
    }

    fn commit(&mut self, transaction: &Authorized) -> Result<(), String> {
        let (id, notary) = (transaction.body().id(), &mut self.notary);
        let signatures = transaction.transaction().authorizations.iter();
        let genuine = signatures.filter(|signature| signature.verify(&id, notary));
        let signers: BTreeSet<PublicKey> = genuine.map(|signature| signature.key).collect();
        for trace in &transaction.body().traces {
            self.walk(trace, &signers)?;
        }
        let held: u64 = self.accounts.values().map(|(_, balance)| balance).sum();
        if held == self.supply {
            Ok(())
        } else {
            Err(format!(
                "then all accounts hold {held}, not {}",
                self.supply
            ))
        }
    }

    fn walk(&mut self, trace: &Trace, signers: &BTreeSet<PublicKey>) -> Result<(), String> {
        for dependency in &trace.dependencies {
            self.walk(dependency, signers)?;
        }
        if trace.contract != cscoin::id() {
            return Ok(()); // it may be of a contract that trusts dishonest shards
        }
        for input in &trace.inputs {
            let Some((owner, _)) = self.accounts.remove(input) else {
                return Err(format!("which spends {input}, and that is not there"));
            };
            if !signers.contains(&owner) {
                return Err(format!("which spends {input}, and its owner did not sign"));
            }
        }
        for object in trace.objects(trace.id(&self.network)) {
            self.accounts
                .extend(account(&object).map(|account| (object.id(), account)));
        }
        Ok(())
    }
}

impl Judge for History {
    fn rule(&self) -> &'static str {
        "history"
    }

    fn see(&mut self, sighting: &Sighting<'_>) -> Result<(), String> {
        match sighting.what {
            What::Applied(applied) => self.applied(applied),
            _ => Ok(()),
        }
    }
}

/// What an account is: its owner's key and a number.
fn account(object: &Object) -> Option<(PublicKey, u64)> {
    let content = &object.content;
    encoding::decode(content, content.len()).ok()
}
