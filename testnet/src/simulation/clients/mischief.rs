//! What users do that they should not: they spend money twice, or what is spent or somebody else's, repeat
//! themselves, and send rubbish.

use model::Time;
use system_contracts::cscoin::{CSC, Payment, Transfer};

use super::making::{draft, letter, terms};
use super::{Clients, Letter, Submission, VALID_MS, owner};
use crate::invariants::liveness::Expected;

impl Clients {
    /// Spends one account twice, at different nodes.
    pub(super) fn spend_twice(&mut self, now: Time) -> Vec<Submission> {
        let Some(inputs) = self.idle(1) else {
            return Vec::new();
        };
        self.groups += 1;
        let expected = self.unless_contested(&inputs, Expected::OneOf(self.groups), now);
        let mut submissions = Vec::new();
        for _ in 0..2 {
            let letter = self.transfer(inputs.clone(), now, VALID_MS, expected);
            submissions.extend(letter.map_or_else(Vec::new, |letter| self.to(&letter, 1)));
        }
        submissions
    }

    /// Spends what is spent already: that is decided, and aborts.
    pub(super) fn spend_the_spent(&mut self, now: Time) -> Vec<Submission> {
        if self.spent.is_empty() {
            return Vec::new();
        }
        let inputs = vec![self.random.pick(&self.spent).clone()];
        let letter = self.transfer(inputs, now, VALID_MS, Expected::Decided);
        letter.map_or_else(Vec::new, |letter| self.to(&letter, 1))
    }

    /// Spends three accounts in three transactions, each of which spends two. They may abort each
    /// other.
    pub(super) fn cross(&mut self, now: Time) -> Vec<Submission> {
        let Some(inputs) = self.idle(3) else {
            return Vec::new();
        };
        let pairs = [[0, 1], [1, 2], [0, 2]];
        let mut submissions = Vec::new();
        for pair in pairs {
            let pair = pair.map(|at: usize| inputs[at].clone()).to_vec();
            let letter = self.transfer(pair, now, VALID_MS, Expected::Decided);
            submissions.extend(letter.map_or_else(Vec::new, |letter| self.to(&letter, 1)));
        }
        submissions
    }

    /// Submits again what was submitted before, decided or not.
    pub(super) fn repeat(&mut self) -> Vec<Submission> {
        if self.all.is_empty() {
            return Vec::new();
        }
        let letter = self.random.pick(&self.all).clone();
        self.to(&letter, 2)
    }

    /// Spends somebody else's money: signed by the wrong user, or with the wrong signature.
    pub(super) fn forge(&mut self, now: Time) -> Vec<Submission> {
        let Some(inputs) = self.idle(1) else {
            return Vec::new();
        };
        let mode = self.mode(&inputs, None);
        let thief = self.random.index(self.keys.len());
        let thief = &self.keys[thief];
        if owner(&inputs[0]) == thief.public() {
            return Vec::new();
        }
        let payment = Payment {
            payee: thief.public(),
            amount: CSC,
        };
        let draft = {
            let nonce = self.random.bytes();
            let terms = terms(nonce, now, VALID_MS, mode);
            draft(
                self.network,
                &Transfer::NEAR,
                inputs,
                vec![payment],
                None,
                terms,
            )
            .map(|draft| draft.sign(thief))
        };
        let Some(formed) = draft.and_then(|draft| draft.finish().ok()) else {
            return Vec::new();
        };
        let mut transaction = formed.transaction().clone();
        if self.random.chance(500) {
            for authorization in &mut transaction.authorizations {
                authorization.key = owner(&transaction.openings[0]);
            }
        }
        self.to(&letter(&transaction), 1)
    }

    /// Submits what is no transaction, or one with a byte changed.
    pub(super) fn send_rubbish(&mut self) -> Vec<Submission> {
        let (mut bytes, shards) = match self.all.last() {
            Some(Letter { bytes, shards }) if self.random.chance(700) => {
                (bytes.to_vec(), shards.clone())
            }
            Some(_) | None => (self.random.bytes::<64>().to_vec(), vec![self.shards[0]]),
        };
        let at = self.random.index(bytes.len());
        bytes[at] ^= 1 << self.random.below(8);
        let bytes = bytes.into();
        self.to(&Letter { bytes, shards }, 1)
    }
}
