//! The end of a world: everything that should have happened has, then nothing happens any more, and what
//! is left is judged.

use model::Time;

use super::{Member, World};
use crate::invariants::{Broken, accountability, audit};

/// How long nodes may finish what they were at after that, and echoes arrive, in milliseconds.
const AFTERMATH_MS: u64 = 22_000;

/// How long they are then watched to be silent, in milliseconds.
const SILENCE_MS: u64 = 20_000;

/// How long a block may take then that answers a liar, in milliseconds.
const ANSWERED_MS: u64 = 5_000;

impl World {
    /// Looks at what is left once everything that is expected has happened.
    pub(super) fn end(&mut self) -> Result<(), Broken> {
        self.judges.liveness.just().map_err(unsettled)?;
        self.pass(self.now.plus_ms(AFTERMATH_MS))?;
        self.listen()?;
        self.settle(self.now.plus_ms(self.patience()))?;
        self.judges.accountability.answered().map_err(unanswered)?;
        self.audit()
    }

    /// Lives on until everything that is expected has happened.
    pub(super) fn settle(&mut self, latest: Time) -> Result<(), Broken> {
        while let Err(how) = self.judges.liveness.settled() {
            match self.agenda.next_time() {
                Some(next) if next <= latest => self.pass(next)?,
                Some(_) | None => return Err(unsettled(how)),
            }
        }
        Ok(())
    }

    /// How long nodes that were settled may be at something again, in milliseconds. Liars may keep honest
    /// nodes answering, in a block that is under way; and to a shard that does not acknowledge it a
    /// decision is announced for ever.
    fn patience(&self) -> u64 {
        if !self.trust.dishonest().is_empty() {
            AFTERMATH_MS
        } else if self.liars() > 0 {
            ANSWERED_MS
        } else {
            0
        }
    }

    /// Watches nodes that have nothing to do.
    fn listen(&mut self) -> Result<(), Broken> {
        let (frames, height) = (self.frames, self.judges.liveness.blocks());
        self.pass(self.now.plus_ms(SILENCE_MS))?;
        let frames = self.frames - frames;
        let silent = self.judges.liveness.silent(frames, SILENCE_MS, height);
        // Liars may keep honest nodes answering.
        if self.liars() > 0 {
            Ok(())
        } else {
            silent.map_err(unsettled)
        }
    }

    /// Lays the history of one honest member of each shard before the auditor.
    fn audit(&self) -> Result<(), Broken> {
        if self.options.dismissed == Some(audit::RULE) {
            return Ok(());
        }
        let mut audits = Vec::new();
        for quarter in &self.quarters {
            let members = self.members_of(quarter.setting.shard());
            let honest = members
                .iter()
                .find_map(|seat| match &quarter.members[seat.index()] {
                    Member::Honest(node) => node.history(),
                    Member::Liar(_) => None,
                });
            if let Some((history, ledger)) = honest {
                let audited = audit::in_order(&quarter.setting, history, ledger);
                audits.push(audited.map_err(misaudited)?);
            }
        }
        audit::compatible(&audits, &self.trust).map_err(misaudited)
    }
}

fn unanswered(how: String) -> Broken {
    Broken {
        rule: accountability::RULE,
        how,
    }
}

const fn misaudited(how: String) -> Broken {
    Broken {
        rule: audit::RULE,
        how,
    }
}

fn unsettled(how: String) -> Broken {
    Broken {
        rule: "liveness",
        how,
    }
}
