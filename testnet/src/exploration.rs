//! The exploration: every state that a shard of four can get to within a bound, whatever the liars
//! among it say and however messages and time-outs are ordered, over the production
//! [`consensus::Replica`].
//!
//! ```text
//!   board    what can be said in the bound: blocks, votes, certificates, by number
//!   player   one honest member: where each thing that it may hear leads it, by `Replica::step`
//!   search   all of them together, breadth first, no state twice
//!   rules    what must hold in every state, in arithmetic of its own
//! ```
//!
//! The simulator draws some of the things that can happen; here all of them happen. Whatever has been
//! said once can be heard by anybody, at any time, in any order, any number of times or never. A
//! liar has cast every vote, and has proposed two blocks on every possible parent in each slot that
//! it leads. A member may wait in vain for any leader. An honest leader may get something to propose
//! early or late. So what has been said only grows, and states are told apart by where the honest
//! members stand and what they have said.
//!
//! Three things make this small, and none of them hides anything.
//!
//! - *Members hear in private.* What one hears changes nothing for others until it says something. So
//!   a step of the search is all that a member hears before it says one thing more, and of two stands
//!   at which it has said the same, one is left out if the other leads to it in silence: what can be
//!   heard now can be heard later.
//! - *A member is a table.* `Replica::step` is called once for each stand and thing heard; the same
//!   stand is met in many states.
//! - *Votes come under certificates* ([`Hearing::Certificates`]). Single votes change what a member
//!   says in two ways. They complete a certificate; then whoever can send the last of them can send
//!   the certificate. Or they make a member skip a slot, or ask for something, early; then it can wait
//!   in vain, or hear of it, at that moment. That nothing is left out is tested in one slot, where
//!   both can be explored: [`Report::said`] is the same.
//!
//! What is checked: no honest member signs two statements that conflict, signs anything that it does
//! not say, takes for final what no quorum finalized, accuses an honest member, or stops. At most one
//! block of a slot is notarized, a slot with a final block is not skipped, and all final blocks are in
//! one chain. When more lie than a shard tolerates, forks are reached; then each must name `f + 1`
//! members at least, by pairs of their own votes, and none that is honest, whichever quorums signed.
//! Whom members accuse is then looked at with [`Hearing::Votes`] only.
//!
//! What is not explored: crashes and restarts (the simulator's part), more slots than the bound,
//! malformed messages, blocks whose height or time is wrong, fetching of final blocks in ranges, heads
//! and the ledger beyond one transaction for each leader, empty blocks of honest leaders, clocks that
//! differ, and whether anything happens at all. A bound says nothing of what lies beyond it.
//!
//! Design: bft.md, section 3, item 2, and section 6, item 6.

mod board;
mod folding;
mod player;
mod rules;
pub mod sbac;
mod search;
mod words;

use std::fmt;

/// How members hear of votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// Under certificates. Votes that a replica holds are then not told apart: it holds those of
    /// whole quorums, whose certificates it has, and its own.
    Certificates,
    /// One by one and under the certificates of any quorum: many times as many stands.
    Votes,
}

/// What is explored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The seats of the liars, of four. The member on seat 1 leads slot 1, and so on.
    pub liars: Vec<usize>,
    /// Slots in which something may happen: three is a bound that takes minutes.
    pub slots: u64,
    /// How members hear of votes.
    pub hearing: Hearing,
    /// States after which the exploration is given up.
    pub states_max: usize,
}

/// How far an exploration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// States that were looked at.
    pub visited: usize,
    /// States that are known. When all of them were looked at, the exploration is over.
    pub found: usize,
}

/// What an exploration came to, in which every rule held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// States that were looked at.
    pub states: usize,
    /// How many different things the members have said together in them.
    pub said: usize,
    /// Ways from one state to another.
    pub moves: u64,
    /// Where honest members can stand.
    pub stands: usize,
    /// Calls of the production code.
    pub steps: u64,
    /// Whether these are all states of the bound.
    pub exhausted: bool,
    /// States in which a quorum has finalized a block.
    pub decided: u64,
    /// States in which two final blocks do not build on each other; nothing is looked at beyond them.
    pub forks: u64,
    /// Pairs of certificates of forks that were turned into records of malpractice and verified.
    pub proofs: u64,
    /// How the first fork came about, one line for each thing that happened; there is none that takes
    /// fewer moves. Empty without forks.
    pub first_fork: Vec<String>,
}

/// A rule was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// How.
    pub how: String,
    /// What happened before, one line each; there is no way that takes fewer moves.
    pub story: Vec<String>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.story {
            writeln!(f, "{line}")?;
        }
        f.write_str(&self.how)
    }
}

/// Explores all that can happen within a bound. `on_progress` is called now and then.
///
/// # Errors
///
/// [`Broken`] if a rule was broken, with a shortest way there.
///
/// # Panics
///
/// If the bound has more blocks than a set has room for: with four slots or more, where a liar leads.
pub fn explore(bound: &Bound, on_progress: impl FnMut(&Progress)) -> Result<Report, Broken> {
    search::Search::new(bound).run(bound.states_max, on_progress)
}
