//! The exploration of S-BAC: every state that a few shards can get to together, whatever is shown to
//! whom and when, and whatever a dishonest one among them says, over the production
//! [`consensus::Ledger`].
//!
//! ```text
//!   setting   a network, a contract, and what is signed there
//!   cast      the transactions, and everything that shards can say about them, by number
//!   machine   one honest shard: where each thing that it may hear leads it, by `Ledger::apply`
//!   search    all of them together, breadth first, no state twice, and back again
//!   rules     what must hold in every state, in arithmetic of its own
//!   catalogue the models that have names, and what each must come to
//! ```
//!
//! A shard is one machine here: that its members agree on the order of what it hears is explored in the
//! module above. Whatever a shard has promised can be shown to whom it is for at any time, any number
//! of times or never; so promises only grow, and that is all an attacker with recordings can do.
//! The deadline passes in each shard by itself. A dishonest shard has made every promise from the start.
//! Helpers are transactions of users who want the same objects, decided by a further dishonest shard.
//!
//! # Why this is exact
//!
//! A stand of a machine is the whole state of its ledger, after these replacements; nothing else is
//! left out, so what is not thought of here makes stands differ and hides nothing.
//!
//! - *Blocks, heights and hashes* are those before the first block. The ledger writes heights down and
//!   compares none.
//! - *Times* are two: before and after the deadline, which all transactions share. The ledger compares
//!   block time with deadlines, which this keeps, and with the alarms that make it repeat itself and
//!   answer again, which are due in every block here. What is repeated was said before, so saying it
//!   early changes nothing; an answer that is due later can be asked for later.
//! - *Heads heard* are dropped. Each promise has a head of its own here, so no shard is seen to fork.
//!   That a fork makes a shard unheard only keeps promises from being shown.
//! - *Reasons to abort* in what is to be announced are made one. The ledger only passes them on.
//!
//! What is checked, by the numbers of the design: all shards that voted for a transaction do what one of
//! them did (S1), nobody votes or decides in two ways (S2, S3), nothing is created or consumed twice
//! (S4, S5), locks are those of prepared transactions (S6), and nothing is committed that refers to what
//! was consumed before (S7). Then, going back from where nothing is
//! under way: from which states is that not reached by honest shards alone (L1, L2)? And what a shard
//! thinks makes no sense to sequence changes nothing.
//!
//! Not explored: more transactions and shards than the bound, several deadlines, several
//! promises in one block, and the members within a shard.

mod cast;
pub mod catalogue;
mod machine;
mod rules;
mod search;
mod setting;

use model::Mode;

use super::{Broken, Progress};

/// A transaction that others submit meanwhile. The input of a shard is, where the explored
/// transactions only refer to an object, that object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Helper {
    /// It locks the input of the shard, and its dishonest decider has it committed or aborted at will.
    Locks,
    /// It consumes the input of the shard, which it concerns alone.
    Spends,
    /// It refers to the input of the shard, and is committed or aborted as [`Helper::Locks`] is.
    Reads,
    /// It consumes what the transaction creates in the shard, which it concerns alone.
    Respends,
}

/// What is explored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The shards that have an input each.
    pub inputs: Vec<u32>,
    /// The shards that have an object each which the transactions refer to: others than those above.
    pub references: Vec<u32>,
    /// The shards that have an output each.
    pub outputs: Vec<u32>,
    /// The transactions: all with the same inputs and outputs, each decided in its way.
    pub modes: Vec<Mode>,
    /// The participant that lies, if there is one.
    pub liar: Option<u32>,
    /// What happens besides, in which shard.
    pub helpers: Vec<(u32, Helper)>,
    /// States after which the exploration is given up.
    pub states_max: usize,
}

/// What an exploration came to, in which every rule held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// States that were looked at.
    pub states: usize,
    /// Ways from one state to another.
    pub moves: u64,
    /// Where honest shards can stand.
    pub stands: usize,
    /// Calls of the production code.
    pub steps: u64,
    /// Whether these are all states of the bound.
    pub exhausted: bool,
    /// States in which a transaction was committed somewhere.
    pub committed: u64,
    /// States in which one honest shard has committed a transaction and another one never will: with a
    /// dishonest decider, and with any dishonest participant in the mode of the paper. That no shard
    /// commits what another honest one has not voted for is a rule even then.
    pub splits: u64,
    /// How the first of these came about, one line for each thing that happened.
    pub first_split: Vec<String>,
    /// States from which honest shards alone cannot get to one in which nothing is under way. It says
    /// nothing if the exploration was given up.
    pub stuck: u64,
    /// How the first of these came about, one line for each thing that happened.
    pub first_stuck: Vec<String>,
}

/// Explores all that can happen within a bound. `on_progress` is called now and then.
///
/// # Errors
///
/// [`Broken`] if a rule was broken, with a shortest way there.
///
/// # Panics
///
/// If the model has more promises than a set has room for: with four shards and two transactions.
pub fn explore(model: &Model, on_progress: impl FnMut(&Progress)) -> Result<Report, Broken> {
    search::Search::new(model).run(model.states_max, on_progress)
}
