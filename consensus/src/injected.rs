//! Mistakes that others made, made here on purpose: does anybody notice?
//!
//! Each stands where the code that avoids it stands, as one condition. Without the feature
//! `injected-bugs` no mistake is ever made, and the compiler leaves nothing of the conditions.

#[cfg(feature = "injected-bugs")]
use std::cell::Cell;

/// A mistake that the code can be told to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// It votes to finalize in a slot that it voted to skip, as a rebroadcast path of another engine
    /// did.
    FinalizesAfterSkip,
    /// It votes to notarize every block of a slot.
    NotarizesTwice,
    /// `2f` votes are a certificate.
    SmallQuorum,
    /// It builds on blocks that are not notarized.
    ParentUnchecked,
    /// It votes for blocks that pass over slots which nobody skipped.
    SkipProofUnchecked,
    /// It takes signatures of members for good unseen.
    SignaturesUnchecked,
    /// It votes for blocks of any time.
    TimeUnchecked,
    /// It says what it has not written yet.
    SaysBeforeWriting,
    /// It forgets its votes when it is restarted.
    ForgetsVotes,
    /// It remembers of each slot only the last vote when it is restarted.
    ForgetsSkips,
    /// It leaves its votes out of what a snapshot takes over from the log.
    SnapshotWithoutVotes,
    /// It proposes after a restart in slots in which it may have proposed before.
    ProposesAgain,
    /// It signs at once after a restart, whatever others hold of it.
    AsksNobody,
    /// It never says again what may have been lost.
    NeverRepeats,
    /// It does not send others the certificates that they lack.
    KeepsCertificates,
    /// It passes over no slot by itself: clocks alone move it.
    IgnoresSkips,
    /// It has no clock for the slot in which it waits.
    NeverSkips,
    /// It does not fetch blocks that others voted for.
    FetchesNothing,
    /// It applies a block as soon as it is notarized.
    AppliesEarly,
    /// It applies a final block without those before it.
    SkipsAncestors,
    /// It decides a transaction as often as it is sequenced.
    DecidesAgain,
    /// It decides transactions after their deadlines.
    IgnoresDeadlines,
    /// It leaves what was consumed active.
    SpendsTwice,
    /// It locks objects that another transaction holds.
    IgnoresLocks,
    /// It commits before all participants have voted.
    CommitsWithoutVotes,
    /// It believes a decision to commit without the votes.
    BundleUnchecked,
    /// It forgets a decision that others have not acknowledged.
    ForgetsUnacknowledged,
    /// It keeps no record of a transaction that has ended, as in a published repair of S-BAC.
    ForgetsEnded,
    /// In the mode of the paper, it forgets its vote when the deadline is over.
    ForgetsVoted,
    /// It does not wait for the votes of shards that only receive outputs, as in the paper.
    SkipsWitnesses,
    /// A transaction that is refused unlocks what another one holds, as a prototype did.
    UnlocksForOthers,
    /// It carries out a decision as often as it hears it, as a prototype did.
    CarriesOutAgain,
    /// It gives up what it has voted to commit when the deadline is over.
    GivesUpAlone,
    /// It believes a decision of whoever says it.
    BelievesAnybody,
    /// It keeps to itself that it has seen a member lie.
    Conceals,
    /// A torn write stays in the log.
    KeepsTornWrites,
    /// It does not see that a record of the log was changed.
    ChecksumUnchecked,
    /// Heads of an epoch of another shard count after its end.
    HearsOldEpochs,
    /// It applies what comes after the last block of an epoch.
    AppliesAfterEnd,
    /// It does not promise again in a new epoch what it promised in the one before.
    PromisesOnce,
    /// It goes on to the next epoch before anybody has signed the head that hands over.
    SwitchesEarly,
    /// When it is restarted, the votes of the epoch before count in the next one.
    KeepsOldVotes,
}

impl Mistake {
    /// The mistakes that only transactions of several shards bring to light.
    #[cfg(feature = "injected-bugs")]
    pub const ACROSS_SHARDS: [Self; 11] = [
        Self::IgnoresLocks,
        Self::CommitsWithoutVotes,
        Self::BundleUnchecked,
        Self::ForgetsUnacknowledged,
        Self::ForgetsEnded,
        Self::ForgetsVoted,
        Self::SkipsWitnesses,
        Self::UnlocksForOthers,
        Self::CarriesOutAgain,
        Self::GivesUpAlone,
        Self::BelievesAnybody,
    ];

    /// The mistakes that only shards that change their members bring to light.
    #[cfg(feature = "injected-bugs")]
    pub const OF_EPOCHS: [Self; 5] = [
        Self::HearsOldEpochs,
        Self::AppliesAfterEnd,
        Self::PromisesOnce,
        Self::SwitchesEarly,
        Self::KeepsOldVotes,
    ];

    /// All other mistakes.
    #[cfg(feature = "injected-bugs")]
    pub const ALL: [Self; 26] = [
        Self::FinalizesAfterSkip,
        Self::NotarizesTwice,
        Self::SmallQuorum,
        Self::ParentUnchecked,
        Self::SkipProofUnchecked,
        Self::SignaturesUnchecked,
        Self::TimeUnchecked,
        Self::SaysBeforeWriting,
        Self::ForgetsVotes,
        Self::ForgetsSkips,
        Self::SnapshotWithoutVotes,
        Self::ProposesAgain,
        Self::AsksNobody,
        Self::NeverRepeats,
        Self::KeepsCertificates,
        Self::IgnoresSkips,
        Self::NeverSkips,
        Self::FetchesNothing,
        Self::AppliesEarly,
        Self::SkipsAncestors,
        Self::DecidesAgain,
        Self::IgnoresDeadlines,
        Self::SpendsTwice,
        Self::Conceals,
        Self::KeepsTornWrites,
        Self::ChecksumUnchecked,
    ];
}

#[cfg(feature = "injected-bugs")]
thread_local! {
    static MADE: Cell<Option<Mistake>> = const { Cell::new(None) };
}

/// From now on all code on this thread makes this mistake, or none.
#[cfg(feature = "injected-bugs")]
pub fn inject(mistake: Option<Mistake>) {
    MADE.set(mistake);
}

/// Whether the mistake is to be made.
#[cfg(feature = "injected-bugs")]
#[must_use]
pub fn makes(mistake: Mistake) -> bool {
    MADE.get() == Some(mistake)
}

/// Whether the mistake is to be made: never.
#[cfg(not(feature = "injected-bugs"))]
#[must_use]
pub const fn makes(mistake: Mistake) -> bool {
    let _ = mistake;
    false
}
