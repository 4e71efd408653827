//! A shard changes its members while users pay: one is replaced, and one that lies is thrown out.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{PATIENCE, Story, Told, millis};
use crate::demo::host::{Newcomer, text};
use crate::demo::load::Account;
use crate::exit::{Exit, Failure};

/// The shard whose members change.
const CHANGING: &str = "1";

/// Its members, the one that leaves, and the one that lies.
const STAY: [&str; 3] = ["n4", "n5", "n6"];
const LEAVES: &str = "n7";
const LIAR: &str = "n6";

/// Within which time a liar has to be gone after it began to lie.
const LIAR_PATIENCE: Duration = Duration::from_secs(60);

/// The load has stopped if no payment is committed for so long. A program that is not optimized takes
/// longer.
const GAP_MAX: Duration = Duration::from_secs(if cfg!(debug_assertions) { 30 } else { 10 });

impl Story<'_> {
    /// Waits until so many payments more have been made.
    pub(super) fn wait_for_payments(&self, count: usize) -> Told {
        let began = Instant::now();
        let account = self
            .host
            .eventually("payments are committed", PATIENCE, || {
                let account = self.account(began)?;
                Ok((account.committed >= count).then_some(account))
            })?;
        let said = format!("{:.1} payments per second by 4 users", account.per_second);
        Ok((said, figures(&account), ()))
    }

    pub(super) fn replace(&mut self, replacement: &Newcomer) -> Told {
        let began = Instant::now();
        let paper = text(&replacement.descriptor);
        let update = [
            &["shard", "update", CHANGING],
            &STAY[..],
            &[&paper, "--from", "bob"],
        ]
        .concat();
        let host = &self.host;
        let updated = host.insist(&update, PATIENCE)?;
        self.listed(replacement.name.as_str(), LEAVES)?;
        self.wait_for_payments(10)?;
        let account = self.still_paying(began)?;
        let said = format!(
            "{} in for {LEAVES}, epoch {} after {} ms; {}",
            replacement.name,
            updated["epoch"],
            updated["changed_after_ms"],
            described(&account),
        );
        Ok((
            said,
            json!({ "update": updated, "payments": figures(&account) }),
            (),
        ))
    }

    /// Checks that a node is listed in the shard that changes, and another one is not.
    fn listed(&self, present: &str, absent: &str) -> Result<(), Failure> {
        let shown = self.host.ask(&["shard", "show", CHANGING])?;
        let seats = shown["seats"].as_array().cloned().unwrap_or_default();
        let has = |name: &str| seats.iter().any(|seat| seat["name"] == name);
        if has(present) && !has(absent) {
            return Ok(());
        }
        let message = format!("shard {CHANGING} does not list what it should: {seats:?}");
        Err(Failure::new(Exit::Failed, message))
    }

    pub(super) fn exclude(&mut self) -> Told {
        let began = Instant::now();
        let host = &self.host;
        host.run(&["testnet", "byzantine", LIAR, "--equivocate"])?;
        host.say("$ chainspace evidence list");
        let number = host.eventually("somebody has proof of the lie", PATIENCE, || {
            let held = host.ask(&["evidence", "list"])?;
            let mut proofs = held["evidence"].as_array().into_iter().flatten();
            Ok(proofs
                .find(|proof| proof["name"] == LIAR)
                .map(|proof| proof["number"].to_string()))
        })?;
        let caught = began.elapsed();
        host.say(format_args!(
            "the others can prove it after {} ms",
            millis(caught)
        ));
        let file = text(&host.directory().join("lie.cse"));
        let saved = host.run(&["evidence", "save", &number, "--out", &file])?;
        host.run(&[
            "shard",
            "object",
            CHANGING,
            "--evidence",
            &file,
            "--from",
            "bob",
        ])?;
        let left = LIAR_PATIENCE.saturating_sub(began.elapsed());
        host.eventually("the shard goes on without the liar", left, || {
            let shown = host.ask(&["shard", "show", CHANGING])?;
            let mut seats = shown["seats"].as_array().into_iter().flatten();
            let vacated = seats.any(|seat| seat["name"] == LIAR && seat["vacated"] == true);
            Ok((vacated && shown["epoch"].as_u64() >= Some(2)).then_some(()))
        })?;
        let gone = began.elapsed();
        self.wait_for_payments(10)?;
        let account = self.still_paying(began)?;
        let said = format!(
            "{LIAR} ({}) is gone {} ms after its first lie; {}",
            saved["lie"].as_str().unwrap_or_default(),
            millis(gone),
            described(&account),
        );
        let figures = json!({
            "lie": saved["lie"], "caught_ms": millis(caught), "gone_ms": millis(gone),
            "payments": figures(&account),
        });
        Ok((said, figures, ()))
    }

    fn account(&self, from: Instant) -> Result<Account, Failure> {
        let load = self.load.as_ref();
        let missing = || Failure::new(Exit::Failed, "nobody pays");
        Ok(load.ok_or_else(missing)?.since(from))
    }

    /// What came of the payments since a moment, if they never stopped.
    fn still_paying(&self, from: Instant) -> Result<Account, Failure> {
        let account = self.account(from)?;
        if account.longest_gap <= GAP_MAX {
            return Ok(account);
        }
        let trouble = account.last_trouble.as_deref().unwrap_or("no error");
        let gap = millis(account.longest_gap);
        let message = format!("no payment was committed for {gap} ms: {trouble}");
        Err(Failure::new(Exit::Failed, message))
    }
}

fn described(account: &Account) -> String {
    format!(
        "{} payments meanwhile, never more than {} ms without one",
        account.committed,
        millis(account.longest_gap)
    )
}

fn figures(account: &Account) -> Value {
    json!({
        "committed": account.committed,
        "across": account.across,
        "tried_again": account.again,
        "per_second": account.per_second,
        "longest_gap_ms": millis(account.longest_gap),
        "last_trouble": account.last_trouble,
    })
}
