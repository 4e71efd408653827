//! What a founder, a shard or an accuser runs of ManageShards.
//!
//! The procedures refuse what the checker would refuse, and say it better. A list of nodes stands in
//! the procedure itself and not among the parameters, because it stands in the output.

use contracts::{Arguments, Calls, Content, Procedure, Returned, Secret};
use model::hand_over::BadHandOver;
use model::key::Zip215;
use model::malpractice::NoMalpractice;
use model::membership::{BadConsent, BadRecord, NoSeat};
use model::shard::NotACommittee;
use model::{
    ContractId, Malpractice, NetworkId, NodeDescriptor, Object, ShardId, ShardRecord, Signature,
};

use super::types::{Shard, Succession, Token};

/// Why a shard cannot be founded or changed like that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotRun {
    /// The inputs are not the one object that the procedure consumes.
    #[error("this takes one object, {0}, and nothing else")]
    Inputs(&'static str),
    /// There is no number left for the next shard or the next epoch.
    #[error("there is no number left")]
    Exhausted,
    /// The record is of another shard, or not of the next epoch.
    #[error("the record is of another shard, or not one epoch later than the one on the ledger")]
    Follows,
    /// The list of nodes cannot be a shard's.
    #[error(transparent)]
    Record(#[from] BadRecord),
    /// The nodes of the record before could not form a shard.
    #[error(transparent)]
    Committee(#[from] NotACommittee),
    /// A node has not agreed to its seat.
    #[error(transparent)]
    Consent(#[from] BadConsent),
    /// The shard has not handed over to this list.
    #[error(transparent)]
    HandOver(#[from] BadHandOver),
    /// The accused has no seat.
    #[error(transparent)]
    NoSeat(#[from] NoSeat),
    /// The accused spoke for another shard.
    #[error("what the node said was said on network {network} for shard {shard}, not for this one")]
    OtherShard {
        /// The network.
        network: NetworkId,
        /// The shard.
        shard: ShardId,
    },
    /// The record proves nothing.
    #[error(transparent)]
    NoMalpractice(#[from] NoMalpractice),
}

/// Founds a shard.
///
/// The input is the token. The parameters are the consents of the nodes, in their order, to the number
/// that the token says and to epoch 0. The return is that number.
///
/// Paper: Section VI-A, `MS.create`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Create {
    /// The nodes, in the order of their seats.
    pub members: Vec<NodeDescriptor>,
    /// What the shard asks for its part in one transaction, in ncsc.
    pub price: u64,
}

impl Procedure for Create {
    const NAME: &'static str = super::CREATE;

    type LocalParameters = Vec<Signature>;
    type SecretParameters = ();
    type LocalReturns = ShardId;
    type SecretReturns = ();
    type Error = CannotRun;

    fn contract(&self) -> ContractId {
        super::id()
    }

    fn run(
        &self,
        arguments: &Arguments<Self>,
        calls: &mut Calls,
    ) -> Result<Returned<Self>, CannotRun> {
        let network = calls.network();
        let (object, token): (_, Token) = the_input(arguments)?;
        let counted = token.counted().ok_or(CannotRun::Exhausted)?;
        let record = ShardRecord::founded(token.next, self.members.clone(), self.price);
        record.check(network, None)?;
        record.check_consents(network, None, &arguments.local_parameters, &mut Zip215)?;
        Ok(Returned {
            outputs: vec![
                counted.output(object.home),
                Shard(record).output(object.home),
            ],
            local_returns: token.next,
            secret_returns: Secret::NONE,
        })
    }
}

/// Records that a shard has replaced its list of nodes.
///
/// The input is the record of the shard. Anybody may run it who has the hand-over.
///
/// Paper: Section VI-A, `MS.update`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The record of the epoch that begins, as the hand-over names it.
    pub next: ShardRecord,
}

impl Procedure for Update {
    const NAME: &'static str = super::UPDATE;

    type LocalParameters = Succession;
    type SecretParameters = ();
    type LocalReturns = ();
    type SecretReturns = ();
    type Error = CannotRun;

    fn contract(&self) -> ContractId {
        super::id()
    }

    fn run(
        &self,
        arguments: &Arguments<Self>,
        calls: &mut Calls,
    ) -> Result<Returned<Self>, CannotRun> {
        let network = calls.network();
        let (object, Shard(before)) = the_input(arguments)?;
        let after = self.next.clone();
        if !after.follows(&before) {
            return Err(CannotRun::Follows);
        }
        let Succession {
            hand_over,
            consents,
        } = &arguments.local_parameters;
        after.check(network, Some(&before))?;
        hand_over.verify(&after, &before.committee(network)?, &mut Zip215)?;
        after.check_consents(network, Some(&before), consents, &mut Zip215)?;
        Ok(changed(object, after))
    }
}

/// Excludes a node that lied. Anybody may.
///
/// The input is the record of the shard, the parameter is what the node said. In which epoch it was
/// said is all the same, as long as the node has a seat now.
///
/// Paper: Section VI-A, `MS.object`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exclude;

impl Procedure for Exclude {
    const NAME: &'static str = super::OBJECT;

    type LocalParameters = Malpractice;
    type SecretParameters = ();
    type LocalReturns = ();
    type SecretReturns = ();
    type Error = CannotRun;

    fn contract(&self) -> ContractId {
        super::id()
    }

    fn run(
        &self,
        arguments: &Arguments<Self>,
        calls: &mut Calls,
    ) -> Result<Returned<Self>, CannotRun> {
        let (object, Shard(before)) = the_input(arguments)?;
        let record = &arguments.local_parameters;
        let left = before.without(&record.node)?;
        let (network, shard) = record.lie.told_in();
        if (network, shard) != (calls.network(), before.shard) {
            return Err(CannotRun::OtherShard { network, shard });
        }
        record.verify(&mut Zip215)?;
        Ok(changed(object, left))
    }
}

/// The one input, and what it holds.
fn the_input<T: Content, P: Procedure>(
    arguments: &Arguments<P>,
) -> Result<(&Object, T), CannotRun> {
    match &*arguments.inputs {
        [object] if arguments.references.is_empty() => T::read(super::id(), object)
            .map(|held| (object, held))
            .map_err(|_| CannotRun::Inputs(T::TYPE)),
        _ => Err(CannotRun::Inputs(T::TYPE)),
    }
}

/// What a procedure comes to that makes another record of one.
fn changed<P>(object: &Object, record: ShardRecord) -> Returned<P>
where
    P: Procedure<LocalReturns = (), SecretReturns = ()>,
{
    Returned {
        outputs: vec![Shard(record).output(object.home)],
        local_returns: (),
        secret_returns: Secret::NONE,
    }
}
