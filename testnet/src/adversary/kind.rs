//! The kinds of liars: what each tries to bring about, which rule stops it, and what people call it.

use std::fmt;
use std::str::FromStr;

use model::shard::Seat;

use super::Adversary;
use super::babbler::Babbler;
use super::bundle_forger::BundleForger;
use super::certificate_withholder::CertificateWithholder;
use super::dishonest_shard::Scheme;
use super::double_proposer::DoubleProposer;
use super::equivocating_voter::EquivocatingVoter;
use super::equivocator::Equivocator;
use super::garbage_sender::GarbageSender;
use super::half_voter::HalfVoter;
use super::key_finder::KeyFinder;
use super::letter_forger::LetterForger;
use super::letter_replayer::LetterReplayer;
use super::non_member_voter::NonMemberVoter;
use super::old_backup::OldBackup;
use super::oversized_sender::OversizedSender;
use super::plot::Plot;
use super::replayer::Replayer;
use super::shard_denier::ShardDenier;
use super::shard_equivocator::ShardEquivocator;
use super::shard_false_voter::ShardFalseVoter;
use super::shard_forker::ShardForker;
use super::shard_impostor::ShardImpostor;
use super::shard_mute::ShardMute;
use super::silent_courier::SilentCourier;
use super::silent_leader::SilentLeader;
use super::stale_parent_proposer::StaleParentProposer;
use super::trickster::{Trick, Trickster, Voice};
use super::twins::Twins;
use super::unproven_proposer::UnprovenProposer;
use crate::simulation::{Random, Setting};

/// A kind of liar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Two nodes with one key, each in good faith: see [`super::twins`]. They bring about every pair of
    /// statements that a member can sign; rules 4 and 5 stop them.
    Twins,
    /// It votes for everything and against it: see [`super::equivocating_voter`]. Quorums stop it.
    EquivocatingVoter,
    /// It proposes two blocks at once: see [`super::double_proposer`]. Rules 4 and 5 stop it.
    DoubleProposer,
    /// It does not propose: see [`super::silent_leader`]. Rule 6 stops it.
    SilentLeader,
    /// It builds on old blocks: see [`super::stale_parent_proposer`]. Rules 4 to 6 stop it.
    StaleParentProposer,
    /// It proposes without proof that slots are skipped: see [`super::unproven_proposer`]. Rules 4, 7 and 8
    /// stop it.
    UnprovenProposer,
    /// It keeps certificates to itself: see [`super::certificate_withholder`]. Rules 7 and 8 stop it.
    CertificateWithholder,
    /// It votes to one half of the shard: see [`super::half_voter`]. Rules 7 and 8 stop it.
    HalfVoter,
    /// It repeats what others said: see [`super::replayer`]. What signatures are over stops it.
    Replayer,
    /// It sends bytes that mean nothing: see [`super::garbage_sender`]. Canonical decoding stops it.
    GarbageSender,
    /// It sends too much: see [`super::oversized_sender`]. The bounds of the protocol stop it.
    OversizedSender,
    /// It shows signatures of keys that have no seat: see [`super::non_member_voter`]. Scopes and checked
    /// keys stop it.
    NonMemberVoter,
    /// It forgets what it signed: see [`super::old_backup`]. It is one of the `f`.
    OldBackup,
    /// Rubbish, repetitions and mutations, and nothing else: see [`super::babbler`]. All of what stops those
    /// who send them one by one stops it.
    Babbler,
    /// It signs everything, with no honest replica behind it: see [`super::equivocator`]. All of what stops
    /// the proposers and voters above stops it.
    Equivocator,
    /// It keeps promises from other shards: see [`super::silent_courier`]. Other initiators stop it.
    SilentCourier,
    /// It tells other shards what was not promised: see [`super::letter_forger`]. Signatures over heads
    /// stop it.
    LetterForger,
    /// It repeats old letters to other shards: see [`super::letter_replayer`]. One-shot transactions
    /// stop it.
    LetterReplayer,
    /// A whole shard that contradicts itself: see [`super::shard_equivocator`]. One decider stops it.
    ShardEquivocator,
    /// A whole shard with two chains: see [`super::shard_forker`]. Whoever sees both stops listening.
    ShardForker,
    /// A whole shard that is for everything: see [`super::shard_false_voter`]. The checkers of other shards
    /// stop it, and mappings.
    ShardFalseVoter,
    /// A whole shard that keeps silent: see [`super::shard_mute`]. Deadlines stop it.
    ShardMute,
    /// A whole shard that decides without the votes: see [`super::bundle_forger`]. The votes beside a
    /// decision stop it.
    BundleForger,
    /// A whole shard that denies what it has promised: see [`super::shard_denier`]. Nothing stops it where
    /// it decides.
    ShardDenier,
    /// A whole shard that announces decisions of others: see [`super::shard_impostor`]. That a transaction
    /// names who decides it stops it.
    ShardImpostor,
    /// It has the keys of those who have left: see [`super::key_finder`]. That others have heard of the end
    /// of an epoch stops it.
    KeyFinder,
}

/// No kind of liar has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no kind of adversary is called {0:?}")]
pub struct UnknownKind(String);

impl Kind {
    /// All kinds that have something to lie about in a network of one shard.
    pub const ALL: [Self; 15] = [
        Self::Twins,
        Self::EquivocatingVoter,
        Self::DoubleProposer,
        Self::SilentLeader,
        Self::StaleParentProposer,
        Self::UnprovenProposer,
        Self::CertificateWithholder,
        Self::HalfVoter,
        Self::Replayer,
        Self::GarbageSender,
        Self::OversizedSender,
        Self::NonMemberVoter,
        Self::OldBackup,
        Self::Babbler,
        Self::Equivocator,
    ];

    /// All kinds that lie to other shards.
    pub const ACROSS: [Self; 3] = [
        Self::SilentCourier,
        Self::LetterForger,
        Self::LetterReplayer,
    ];

    /// All kinds that lie to other shards where shards change their members.
    pub const OF_EPOCHS: [Self; 1] = [Self::KeyFinder];

    /// All kinds of those who lie as soon as they become members.
    pub const NEWCOMERS: [Self; 7] = [
        Self::EquivocatingVoter,
        Self::DoubleProposer,
        Self::CertificateWithholder,
        Self::HalfVoter,
        Self::Replayer,
        Self::GarbageSender,
        Self::OversizedSender,
    ];

    /// All kinds of shards of which every member lies.
    pub const SHARDS: [Self; 7] = [
        Self::ShardEquivocator,
        Self::ShardForker,
        Self::ShardFalseVoter,
        Self::ShardMute,
        Self::BundleForger,
        Self::ShardDenier,
        Self::ShardImpostor,
    ];

    /// All kinds of members that have something to lie about in a network of so many shards.
    #[must_use]
    pub fn of_shards(shards: usize) -> Vec<Self> {
        let across = Self::ACROSS.into_iter().filter(|_| shards > 1);
        Self::ALL.into_iter().chain(across).collect()
    }

    /// As [`Kind::of_shards`], and the kinds of shards if others are left to cheat each other.
    #[must_use]
    pub fn with_shards(shards: usize) -> Vec<Self> {
        let whole = Self::SHARDS.into_iter().filter(|_| shards > 2);
        Self::of_shards(shards).into_iter().chain(whole).collect()
    }

    /// Whether it is a whole shard that lies.
    #[must_use]
    pub fn is_shard(self) -> bool {
        Self::SHARDS.contains(&self)
    }

    /// What people call it: lower case, with hyphens. It does not change.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Twins => "twins",
            Self::EquivocatingVoter => "equivocating-voter",
            Self::DoubleProposer => "double-proposer",
            Self::SilentLeader => "silent-leader",
            Self::StaleParentProposer => "stale-parent-proposer",
            Self::UnprovenProposer => "unproven-proposer",
            Self::CertificateWithholder => "certificate-withholder",
            Self::HalfVoter => "half-voter",
            Self::Replayer => "replayer",
            Self::GarbageSender => "garbage-sender",
            Self::OversizedSender => "oversized-sender",
            Self::NonMemberVoter => "non-member-voter",
            Self::OldBackup => "old-backup",
            Self::Babbler => "babbler",
            Self::Equivocator => "equivocator",
            Self::SilentCourier => "silent-courier",
            Self::LetterForger => "letter-forger",
            Self::LetterReplayer => "letter-replayer",
            Self::ShardEquivocator => "shard-equivocator",
            Self::ShardForker => "shard-forker",
            Self::ShardFalseVoter => "shard-false-voter",
            Self::ShardMute => "shard-mute",
            Self::BundleForger => "bundle-forger",
            Self::ShardDenier => "shard-denier",
            Self::ShardImpostor => "shard-impostor",
            Self::KeyFinder => "key-finder",
        }
    }

    /// What a shard of this kind is after; nothing if it is a kind of members.
    pub(super) fn scheme(self, setting: &Setting, random: &mut Random) -> Option<Box<dyn Scheme>> {
        let shards = setting.genesis.shards.iter().map(|shard| shard.shard);
        let others: Vec<_> = shards.filter(|shard| *shard != setting.shard()).collect();
        Some(match self {
            Self::ShardEquivocator => Box::new(ShardEquivocator),
            Self::ShardForker => Box::new(ShardForker),
            Self::ShardFalseVoter => Box::<ShardFalseVoter>::default(),
            Self::ShardMute => Box::new(ShardMute::new(&others, random)),
            Self::BundleForger => Box::<BundleForger>::default(),
            Self::ShardDenier => Box::<ShardDenier>::default(),
            Self::ShardImpostor => Box::<ShardImpostor>::default(),
            _ => return None,
        })
    }

    /// A member of this kind, with its part in the `plot` of all liars of its world.
    ///
    /// A kind of shards has no members: those of a shard like that are made together.
    pub(super) fn make(
        self,
        seat: Seat,
        setting: &Setting,
        random: &mut Random,
        plot: &Plot,
    ) -> Option<Box<dyn Adversary>> {
        let scope = setting.scope();
        let voice = |random: &mut Random| Voice::new(seat, setting, random, plot);
        Some(match self {
            Self::Twins => Box::new(Twins::new(seat, setting, random, plot.random())),
            Self::Babbler => Box::new(Babbler::new(seat, setting, random)),
            Self::Equivocator => Box::new(Equivocator::new(seat, setting, random)),
            Self::OldBackup => Box::new(OldBackup::new(seat, random)),
            Self::EquivocatingVoter => self.trickster(voice(random), EquivocatingVoter::default()),
            Self::DoubleProposer => self.trickster(voice(random), DoubleProposer::default()),
            Self::SilentLeader => self.trickster(voice(random), SilentLeader::new(random)),
            Self::StaleParentProposer => {
                self.trickster(voice(random), StaleParentProposer::new(scope))
            }
            Self::UnprovenProposer => self.trickster(
                voice(random),
                UnprovenProposer::new(scope, random.chance(500)),
            ),
            Self::CertificateWithholder => self.trickster(voice(random), CertificateWithholder),
            Self::HalfVoter => self.trickster(voice(random), HalfVoter::new(random)),
            Self::Replayer => self.trickster(voice(random), Replayer::default()),
            Self::GarbageSender => self.trickster(voice(random), GarbageSender::default()),
            Self::OversizedSender => self.trickster(voice(random), OversizedSender::default()),
            Self::SilentCourier => self.trickster(voice(random), SilentCourier),
            Self::LetterForger => self.trickster(voice(random), LetterForger),
            Self::KeyFinder => self.trickster(voice(random), KeyFinder::default()),
            Self::LetterReplayer => self.trickster(voice(random), LetterReplayer::default()),
            Self::NonMemberVoter => {
                self.trickster(voice(random), NonMemberVoter::new(setting, random))
            }
            Self::ShardEquivocator
            | Self::ShardForker
            | Self::ShardFalseVoter
            | Self::ShardMute
            | Self::BundleForger
            | Self::ShardDenier
            | Self::ShardImpostor => return None,
        })
    }

    fn trickster<T: Trick + 'static>(self, voice: Voice, trick: T) -> Box<dyn Adversary> {
        Box::new(Trickster::new(self, voice, trick))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let members = Self::ALL.into_iter().chain(Self::ACROSS);
        let mut kinds = members.chain(Self::OF_EPOCHS).chain(Self::SHARDS);
        let kind = kinds.find(|kind| kind.name() == name);
        kind.ok_or_else(|| UnknownKind(name.to_owned()))
    }
}
