//! How users make transactions, sign them and submit them.

use std::collections::BTreeSet;
use std::sync::Arc;

use contracts::{Arguments, Calls, Draft, Procedure, Secret, Terms};
use model::transaction::authorization_bytes;
use model::{Mode, NetworkId, Object, ShardId, Time, Transaction, encoding};
use system_contracts::cscoin::Transfer;

use super::{Clients, Letter, Made, Submission, owner};
use crate::invariants::liveness::Expected;
use crate::simulation::lure::Move;
use crate::simulation::options::Modes;
use crate::simulation::setting::{DAWN, Place};

/// How many of a thousand transactions of several shards are submitted to one of them alone, whose
/// votes must make the others ask for them.
const ONLY_ONE: u64 = 300;

/// How many of a thousand transactions have a lure with them, where there are lures.
const LURED: u64 = 400;

impl Clients {
    pub(super) fn terms(&mut self, now: Time, valid_ms: u64, mode: Mode) -> Terms {
        terms(self.random.bytes(), now, valid_ms, mode)
    }

    /// How a transaction is decided that spends these and pays into `home`. A network of one shard has
    /// nothing to choose.
    pub(super) fn mode(&mut self, inputs: &[Object], home: Option<ShardId>) -> Mode {
        let by_one = match self.modes {
            _ if self.shards.len() == 1 => false,
            Modes::AllVotes => false,
            Modes::Decider => true,
            Modes::Any => self.random.chance(500),
        };
        if !by_one {
            return Mode::AllVotes;
        }
        Mode::Decider(match self.random.below(10) {
            0..=4 => inputs[0].home,
            5..=6 => inputs[inputs.len() - 1].home,
            7..=8 => home.unwrap_or(inputs[0].home),
            _ => *self.random.pick(&self.shards),
        })
    }

    /// A transfer of some of what these accounts hold to somebody, into a new account near them or in
    /// any shard.
    pub(super) fn transfer(
        &mut self,
        inputs: Vec<Object>,
        now: Time,
        valid_ms: u64,
        expected: Expected,
    ) -> Option<Letter> {
        let payments = vec![self.payment()];
        let home = if self.shards.len() > 1 && self.random.chance(600) {
            Some(*self.random.pick(&self.shards))
        } else {
            None
        };
        let mode = self.mode(&inputs, home);
        let terms = self.terms(now, valid_ms, mode);
        self.make(&Transfer { home }, inputs, payments, terms, expected)
    }

    /// Makes a transaction of one call, signed by all owners of its inputs. `None` if the procedure
    /// refuses, such as for too little money.
    pub(super) fn make<P: Procedure<SecretParameters = ()>>(
        &mut self,
        procedure: &P,
        inputs: Vec<Object>,
        parameters: P::LocalParameters,
        terms: Terms,
        expected: Expected,
    ) -> Option<Letter> {
        let owners: BTreeSet<_> = inputs.iter().map(owner).collect();
        let lure = self.lure();
        let with_lure = lure.is_some();
        let lured = lure.iter().map(|(lure, _)| lure);
        let ids = inputs.iter().chain(lured).map(Object::id).collect();
        let mut draft = draft(self.network, procedure, inputs, parameters, lure, terms)?;
        for key in self
            .keys
            .iter()
            .filter(|key| owners.contains(&key.public()))
        {
            draft = draft.sign(key);
        }
        let formed = draft.finish().ok()?;
        let transaction = formed.transaction();
        let signed = authorization_bytes(&formed.id());
        for authorization in &transaction.authorizations {
            self.notary
                .vouch(authorization.key, &signed, authorization.signature);
        }
        let traces = &transaction.body.traces;
        let outputs = traces
            .iter()
            .flat_map(|trace| trace.objects(trace.id(&self.network)))
            .collect();
        let mut letter = letter(transaction);
        let alone = letter.shards.len() == 1;
        if !alone && self.random.chance(ONLY_ONE) {
            letter.shards = vec![*self.random.pick(&letter.shards)];
        }
        self.all.push(letter.clone());
        let exposed = self.trust.is_exposed(&transaction.body);
        if matches!(expected, Expected::OneOf(_)) && (exposed || with_lure) {
            self.unsure.insert(expected);
        }
        let expected = match expected {
            _ if exposed => Expected::Anything,
            _ if with_lure => Expected::Decided, // others may move the same lure
            expected => expected,
        };
        let made = Made {
            letter: letter.clone(),
            alone,
            inputs: ids,
            outputs,
            expected,
            bribed: self.trust.is_bribed(&transaction.body),
            until: Time::from_ms(terms.valid_until.since_ms(DAWN)),
        };
        self.open.insert(formed.id(), made);
        if matches!(expected, Expected::OneOf(_)) {
            self.contending.push((formed.id(), expected));
        }
        Some(letter)
    }

    /// Something that a dishonest shard has, to go with the money, and where to. There is nothing like
    /// that where all shards are honest.
    fn lure(&mut self) -> Option<(Object, ShardId)> {
        if self.lures.is_empty() || !self.random.chance(LURED) {
            return None;
        }
        let lure = self.random.pick(&self.lures).clone();
        Some((lure, *self.random.pick(&self.shards)))
    }

    /// Submits a letter to so many nodes of each of its shards, or all.
    pub(super) fn to(&mut self, letter: &Letter, copies: usize) -> Vec<Submission> {
        let mut submissions = Vec::new();
        for shard in &letter.shards {
            let of_shard = self.places.iter().filter(|place| place.shard == *shard);
            let mut members: Vec<Place> = of_shard.copied().collect();
            self.random.shuffle(&mut members);
            let members = members.into_iter().take(copies);
            submissions.extend(members.map(|place| (place, Arc::clone(&letter.bytes))));
        }
        submissions
    }
}

pub(super) const fn terms(nonce: [u8; 16], now: Time, valid_ms: u64, mode: Mode) -> Terms {
    Terms {
        nonce,
        valid_until: DAWN.plus_ms(now.as_ms()).plus_ms(valid_ms),
        mode,
    }
}

pub(super) fn draft<P: Procedure<SecretParameters = ()>>(
    network: NetworkId,
    procedure: &P,
    inputs: Vec<Object>,
    local_parameters: P::LocalParameters,
    lure: Option<(Object, ShardId)>,
    terms: Terms,
) -> Option<Draft> {
    let arguments = Arguments {
        inputs,
        references: Vec::new(),
        local_parameters,
        secret_parameters: Secret::NONE,
    };
    let mut calls = Calls::new(network);
    calls.call(procedure, arguments).ok()?;
    if let Some((lure, home)) = lure {
        let arguments = Arguments {
            inputs: vec![lure],
            references: Vec::new(),
            local_parameters: (),
            secret_parameters: Secret::NONE,
        };
        calls.call(&Move { home }, arguments).ok()?;
    }
    Some(calls.draft(terms))
}

/// A transaction for the members of all shards that it concerns.
pub(super) fn letter(transaction: &Transaction) -> Letter {
    Letter {
        bytes: encoding::encode(transaction).into(),
        shards: transaction.body.participants.clone(),
    }
}
