//! What one check came to.

use std::fmt;

use serde_json::{Value, json};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// The node runs, but not as well as it could.
    Warning,
    /// The node does not run, or not for long.
    Problem,
}

/// What one check came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// What was looked at: a name that never changes.
    pub(super) check: &'static str,
    /// What was found.
    pub(super) found: String,
    /// A command or a sentence that says what to do.
    pub(super) fix: Option<String>,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

impl Finding {
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            level: Level::Ok,
            check,
            found: found.into(),
            fix: None,
        }
    }

    pub(super) fn warning(
        check: &'static str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            level: Level::Warning,
            fix: Some(fix.into()),
            ..Self::ok(check, found)
        }
    }

    pub(super) fn problem(
        check: &'static str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            level: Level::Problem,
            ..Self::warning(check, found, fix)
        }
    }

    pub(super) fn describe(&self) -> Value {
        json!({
            "check": self.check,
            "level": self.level.word(),
            "found": self.found,
            "fix": self.fix,
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (level, check, found) = (self.level.word(), self.check, &self.found);
        write!(f, "  {level:<8} {check:<14} {found}")?;
        match &self.fix {
            Some(fix) => write!(f, "\n{:26}fix: {fix}", ""),
            None => Ok(()),
        }
    }
}
