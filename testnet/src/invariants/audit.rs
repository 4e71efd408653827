//! S18: the history of an honest node, laid before the auditor, is in order, and gives the node's
//! state; and the histories of any two shards fit together.
//!
//! The auditor is a crate that does not link what it judges: a second opinion beside the judges here.

use audit::{Finding, Problem, Replay};
use consensus::Ledger;
use model::Finalized;

use crate::simulation::{Setting, Trust};

/// The name of the rule.
pub const RULE: &str = "audit";

/// Audits the final blocks of a node from genesis on. The audit, to compare it with others.
///
/// # Errors
///
/// What the auditor finds, or that the node stands elsewhere.
pub fn in_order<'a>(
    setting: &Setting,
    history: impl Iterator<Item = &'a Finalized>,
    ledger: &Ledger,
) -> Result<Replay, String> {
    let replay = Replay::new(&setting.genesis, setting.shard(), setting.checkers.clone());
    let mut replay = replay.ok_or("the network does not start with the shard")?;
    let check = &mut setting.notary.clone();
    for block in history {
        replay
            .block(block, check)
            .map_err(|finding| finding.to_string())?;
    }
    if *replay.active() != ledger.state.objects {
        return Err("the auditor finds other objects active".to_owned());
    }
    let (height, head) = replay.finish().map_err(|finding| finding.to_string())?;
    if (height, head) != (ledger.tip.height, ledger.tip.head) {
        return Err(format!(
            "the auditor comes to height {height} and another head"
        ));
    }
    Ok(replay)
}

/// Lays the histories of all honest shards side by side, two at a time. The auditor may find that dishonest
/// shards contradict themselves, and then proves it; and that they split others who let them.
///
/// # Errors
///
/// What the auditor finds.
///
/// Paper: Section V-B, Security Theorem 3.
pub fn compatible(audits: &[Replay], trust: &Trust) -> Result<(), String> {
    for (at, first) in audits.iter().enumerate() {
        for second in &audits[at + 1..] {
            if let Err(finding) = audit::compatible(first, second)
                && !is_of_the_dishonest(&finding, trust)
            {
                return Err(finding.to_string());
            }
        }
    }
    Ok(())
}

/// Whether dishonest shards are to blame, and no honest member is.
fn is_of_the_dishonest(finding: &Finding, trust: &Trust) -> bool {
    match &finding.problem {
        Problem::TwoHeads(shard) | Problem::TwoPromises { shard, .. } => trust.is_dishonest(*shard),
        Problem::Split(_) => !trust.is_isolated(),
        _ => false,
    }
}
