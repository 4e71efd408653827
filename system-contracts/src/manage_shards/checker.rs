//! What a node checks of ManageShards.
//!
//! Each number belongs to one shard, because founding takes the token and counts it up, and each shard
//! has one record, because every other procedure consumes one and makes one of the same number. What
//! the record says is what the shard itself has agreed on, less those who were shown to have lied.

use std::sync::Arc;

use contracts::{Content, Contract, composition, content};
use model::certificate::CertificateError;
use model::descriptor::BadDescriptor;
use model::hand_over::BadHandOver;
use model::head::HeadError;
use model::key::Zip215;
use model::malpractice::NoMalpractice;
use model::membership::{BadConsent, BadRecord, NoSeat};
use model::shard::NotACommittee;
use model::{
    Call, ContractId, Epoch, Malpractice, Object, Refusal, ShardId, ShardRecord, Signature,
};

use super::types::{Shard, Succession, Token};

/// The contract.
#[derive(Clone, Copy, Debug, Default)]
pub struct ManageShards;

/// What the checker says when it returns false, besides what [`content`] and [`composition`] say.
pub mod refusal {
    use model::Refusal;

    /// The procedure is none of the three.
    pub const PROCEDURE: Refusal = Refusal("ManageShards has no such procedure");
    /// There are references. Nothing in ManageShards is only read.
    pub const REFERENCES: Refusal =
        Refusal("ManageShards reads no objects that it does not consume");
    /// There are more or fewer inputs or outputs than the procedure has.
    pub const OBJECTS: Refusal = Refusal("the procedure consumes and creates other objects");
    /// An output does not live where the input lives.
    pub const HOME: Refusal = Refusal("the objects of ManageShards stay where they are");
    /// The new token is not the old one, counted up.
    pub const TOKEN: Refusal = Refusal("the next token counts one shard more");
    /// All numbers are given.
    pub const EXHAUSTED: Refusal = Refusal("there is no number left");
    /// The new shard has another number than the token says, or is not in its first epoch.
    pub const FOUNDED: Refusal = Refusal("a shard begins with the number of the token, in epoch 0");
    /// The local returns are not the number of the shard.
    pub const NUMBER: Refusal = Refusal("the return is the number of the new shard");
    /// The record is of another shard than the one before, or not of the next epoch.
    pub const FOLLOWS: Refusal =
        Refusal("the list that follows is of the same shard, one epoch later");

    /// Fewer nodes than a shard has, or more, or not `3f + 1`.
    pub const SIZE: Refusal = Refusal("a shard has 3f + 1 nodes, four or more");
    /// A node is listed twice.
    pub const REPEATED: Refusal = Refusal("a node is listed twice");
    /// A member key must not be registered.
    pub const WEAK_KEY: Refusal = Refusal("a node must not have a weak key");
    /// A seat is vacant from the start.
    pub const VACANT: Refusal = Refusal("a new list has a node on every seat");
    /// A name cannot be shown, or two nodes have the same one.
    pub const NAME: Refusal = Refusal("the name of a node is not printable, or not its own");
    /// A node has too many addresses, or one that is none.
    pub const ADDRESS: Refusal = Refusal("an address of a node is not an address, or one too many");
    /// The price is above the limit.
    pub const PRICE: Refusal = Refusal("a shard asks for more than a shard may");
    /// The record is longer than the limit.
    pub const TOO_LONG: Refusal = Refusal("the record of a shard is too long to be changed again");
    /// There are more or fewer consents than newcomers.
    pub const CONSENTS: Refusal =
        Refusal("each node that is new, and no other, agrees to its seat");
    /// A newcomer did not agree to this record.
    pub const NOT_AGREED: Refusal = Refusal("a node has not agreed to be a member of this shard");

    /// The head of the hand-over does not name the record that follows.
    pub const OTHER_LIST: Refusal = Refusal("the shard has handed over to another list of nodes");
    /// The hand-over is of another network, shard or epoch, or its certificate of another head.
    pub const OTHER_HEAD: Refusal =
        Refusal("the hand-over is not of this shard and its last epoch");
    /// The hand-over has fewer signatures than `2f + 1`.
    pub const TOO_FEW: Refusal = Refusal("the hand-over has too few signatures");
    /// The signers are out of order, or one has no seat.
    pub const SIGNERS: Refusal = Refusal("a signer of the hand-over has no seat, or signs twice");
    /// A signature of the hand-over is not the member's.
    pub const HAND_OVER: Refusal = Refusal("a signature of the hand-over does not verify");

    /// The accused is not a member.
    pub const NOT_A_MEMBER: Refusal = Refusal("the accused is not a member of the shard");
    /// The accused has been excluded before.
    pub const VACATED: Refusal = Refusal("the accused has been excluded already");
    /// The lie was told in the name of another shard, or on another network.
    pub const OTHER_SHARD: Refusal = Refusal("the accused did not speak for this shard");
    /// An honest node may say both things.
    pub const NO_CONFLICT: Refusal = Refusal("what the accused said does not conflict");
    /// A promise, or the record that follows, is not under the head that is shown with it.
    pub const PATH: Refusal =
        Refusal("what is said of a head is not under the one that the accused signed");
    /// The accused did not say it.
    pub const NOT_SAID: Refusal = Refusal("the accused did not sign what it is accused of");
    /// The new record is not the old one without the accused.
    pub const LEFT: Refusal = Refusal("an objection vacates one seat and changes nothing else");
}

impl Contract for ManageShards {
    fn id(&self) -> ContractId {
        super::id()
    }

    fn name(&self) -> &str {
        super::NAME
    }

    fn types(&self) -> Vec<&str> {
        vec![Token::TYPE, Shard::TYPE]
    }

    fn check(&self, call: &Call<'_>) -> Result<(), Refusal> {
        match call.procedure {
            super::CREATE => check_create(call),
            super::UPDATE => check_update(call),
            super::OBJECT => check_object(call),
            _ => Err(refusal::PROCEDURE),
        }
    }
}

/// Paper: Section VI-A, `MS.create`.
fn check_create(call: &Call<'_>) -> Result<(), Refusal> {
    let (token, [counted, shard]) = objects(call)?;
    let token = Token::read(call.contract, token)?;
    let expected = token.counted().ok_or(refusal::EXHAUSTED)?;
    ensure(
        Token::read(call.contract, counted)? == expected,
        refusal::TOKEN,
    )?;
    let Shard(record) = Shard::read(call.contract, shard)?;
    let first = record.shard == token.next && record.epoch == Epoch::ZERO;
    ensure(first, refusal::FOUNDED)?;
    let number = content::local_returns::<ShardId>(call)?;
    ensure(number == record.shard, refusal::NUMBER)?;
    let consents: Vec<Signature> = content::local_parameters(call)?;
    check_list(call, &record, None, &consents)
}

/// Paper: Section VI-A, `MS.update`.
fn check_update(call: &Call<'_>) -> Result<(), Refusal> {
    let (before, after) = records(call)?;
    ensure(after.follows(&before), refusal::FOLLOWS)?;
    let Succession {
        hand_over,
        consents,
    } = content::local_parameters(call)?;
    let committee = before.committee(call.network).map_err(not_a_committee)?;
    hand_over
        .verify(&after, &committee, &mut Zip215)
        .map_err(bad_hand_over)?;
    check_list(call, &after, Some(&before), &consents)
}

/// Paper: Section VI-A, `MS.object`.
fn check_object(call: &Call<'_>) -> Result<(), Refusal> {
    let (before, after) = records(call)?;
    let record: Malpractice = content::local_parameters(call)?;
    let left = before.without(&record.node).map_err(no_seat)?;
    ensure(after == left, refusal::LEFT)?;
    // The epoch is not asked for: a key that signed a lie is not to be trusted in any.
    let ours = record.lie.told_in() == (call.network, before.shard);
    ensure(ours, refusal::OTHER_SHARD)?;
    record.verify(&mut Zip215).map_err(no_malpractice)
}

/// The one input and the outputs of a call that makes so many, all in one shard.
fn objects<'c, const OUTPUTS: usize>(
    call: &'c Call<'_>,
) -> Result<(&'c Object, &'c [Arc<Object>; OUTPUTS]), Refusal> {
    composition::no_dependencies(call)?;
    ensure(call.references.is_empty(), refusal::REFERENCES)?;
    let outputs = <&[Arc<Object>; OUTPUTS]>::try_from(&*call.outputs);
    let ([input], Ok(outputs)) = (&*call.inputs, outputs) else {
        return Err(refusal::OBJECTS);
    };
    let stays = outputs.iter().all(|output| output.home == input.home);
    ensure(stays, refusal::HOME)?;
    Ok((input, outputs))
}

/// The record before and after a call that changes one, and returns nothing.
fn records(call: &Call<'_>) -> Result<(ShardRecord, ShardRecord), Refusal> {
    let (before, [after]) = objects(call)?;
    let Shard(before) = Shard::read(call.contract, before)?;
    let Shard(after) = Shard::read(call.contract, after)?;
    let () = content::local_returns(call)?;
    Ok((before, after))
}

/// A new list of nodes: that they can form a shard, and that those agree who have not before.
fn check_list(
    call: &Call<'_>,
    record: &ShardRecord,
    before: Option<&ShardRecord>,
    consents: &[Signature],
) -> Result<(), Refusal> {
    record.check(call.network, before).map_err(bad_record)?;
    record
        .check_consents(call.network, before, consents, &mut Zip215)
        .map_err(bad_consent)
}

fn bad_record(reason: BadRecord) -> Refusal {
    match reason {
        BadRecord::Committee(reason) => not_a_committee(reason),
        BadRecord::Form(_) => refusal::SIZE,
        BadRecord::Vacant => refusal::VACANT,
        BadRecord::Descriptor { node: _, reason } => match reason {
            BadDescriptor::Name => refusal::NAME,
            BadDescriptor::Addresses { .. } | BadDescriptor::Address(_) => refusal::ADDRESS,
        },
        BadRecord::TwoNames(_) => refusal::NAME,
        BadRecord::Price { .. } => refusal::PRICE,
        BadRecord::TooLong { .. } => refusal::TOO_LONG,
    }
}

fn not_a_committee(reason: NotACommittee) -> Refusal {
    match reason {
        NotACommittee::Size { .. } => refusal::SIZE,
        NotACommittee::Repeated(_) => refusal::REPEATED,
        NotACommittee::WeakKey(_) => refusal::WEAK_KEY,
    }
}

const fn bad_consent(reason: BadConsent) -> Refusal {
    match reason {
        BadConsent::Count { .. } => refusal::CONSENTS,
        BadConsent::Signature(_) => refusal::NOT_AGREED,
    }
}

const fn bad_hand_over(reason: BadHandOver) -> Refusal {
    match reason {
        BadHandOver::Path => refusal::OTHER_LIST,
        BadHandOver::Head(HeadError::OtherScope | HeadError::OtherStatement) => refusal::OTHER_HEAD,
        BadHandOver::Head(HeadError::Certificate(reason)) => match reason {
            CertificateError::TooFew { .. } => refusal::TOO_FEW,
            CertificateError::Order | CertificateError::UnknownSeat => refusal::SIGNERS,
            CertificateError::BadSignature => refusal::HAND_OVER,
        },
    }
}

const fn no_seat(reason: NoSeat) -> Refusal {
    match reason {
        NoSeat::NotAMember(_) => refusal::NOT_A_MEMBER,
        NoSeat::AlreadyVacated(_) => refusal::VACATED,
    }
}

const fn no_malpractice(reason: NoMalpractice) -> Refusal {
    match reason {
        NoMalpractice::NoConflict => refusal::NO_CONFLICT,
        NoMalpractice::Path => refusal::PATH,
        NoMalpractice::BadSignature => refusal::NOT_SAID,
    }
}

fn ensure(holds: bool, otherwise: Refusal) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(otherwise) }
}
