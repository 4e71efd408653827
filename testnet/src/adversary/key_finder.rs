//! A member that has got hold of the keys of all who have left its shard, and of some of those who have
//! stayed: enough to speak for an epoch that is over. In all else it follows the protocol.
//!
//! Beside what its shard promises it tells others the opposite, under heads that are as good as any of
//! that epoch, except that they come after its last one. What stops it: whoever has heard that an epoch
//! is over takes nothing of it that was not said before (row F2). Those who have not heard yet would
//! believe it; so the keys are not found before all other shards have.

use std::sync::Arc;

use consensus::Signer;
use consensus::sbac::letter::Letter;
use model::{Certificate, Delivery, Head, HeadCertificate, Height};

use super::letter_forger::opposite;
use super::puppet::Telling;
use super::trickster::{Stage, Trick};
use crate::simulation::{Journal, Leak};

/// See the module.
#[derive(Default)]
pub(super) struct KeyFinder {
    leaks: Vec<Arc<Leak>>,
    /// How many heads it has made up.
    heads: u64,
}

impl Trick for KeyFinder {
    fn leaked(&mut self, leak: &Arc<Leak>) {
        self.leaks.push(Arc::clone(leak));
    }

    fn tell(&mut self, stage: &mut Stage<'_, '_>, telling: Telling) {
        if let Letter::Deliver(deliveries) = &*telling.letter
            && let Some(leak) = self.leaks.last().map(Arc::clone)
        {
            let forge = |delivery| self.forge(stage, &leak, delivery);
            let forged = deliveries.iter().filter_map(forge).collect();
            stage.tell(&Telling {
                letter: Arc::new(Letter::Deliver(forged)),
                ..telling.clone()
            });
            stage.lied();
        }
        stage.tell(&telling);
    }
}

impl KeyFinder {
    /// The opposite of what the shard promises, as the members of an epoch that is over would have
    /// promised it.
    fn forge(&mut self, stage: &Stage<'_, '_>, leak: &Leak, honest: &Delivery) -> Option<Delivery> {
        self.heads += 1;
        let height = Height::new(leak.end.number() + self.heads);
        let parcel = opposite(&honest.parcel, |head| {
            let scope = leak.scope;
            sign(
                stage,
                leak,
                Head {
                    scope,
                    height,
                    ..head
                },
            )
        })?;
        Some(Delivery {
            parcel,
            votes: honest.votes.clone(),
        })
    }
}

/// Signs with all keys that were found.
fn sign(stage: &Stage<'_, '_>, leak: &Leak, head: Head) -> HeadCertificate {
    let statement = head.statement();
    let bytes = statement.signing_bytes(&leak.scope);
    let keys = leak.keys.iter().map(|(seat, node)| {
        let scribe = stage.around.setting.scribe(*node, Journal::default());
        (*seat, scribe.sign(&bytes))
    });
    HeadCertificate {
        certificate: Certificate {
            statement,
            signatures: keys.collect(),
        },
        head,
    }
}
