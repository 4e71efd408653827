//! Prints which liar brings which known mistake to light, and in the how manieth world.
//!
//! ```text
//! cargo run --release -p testnet --features injected-bugs --example gate
//! ```

use std::io::{self, Write as _};

use consensus::injected::Mistake;
use testnet::gate::{Setting, first_failure, silence};

/// Worlds of one cell of the table.
const WORLDS: u64 = 15;

fn main() -> io::Result<()> {
    silence(file!());
    let settings = Setting::all();
    let names: Vec<&str> = settings.iter().map(|one| one.name.as_str()).collect();
    let mut out = io::stdout();
    writeln!(out, "| mistake | {} |", names.join(" | "))?;
    writeln!(out, "|{}", "---|".repeat(names.len() + 1))?;
    for mistake in Mistake::ALL {
        write!(out, "| {mistake:?} |")?;
        for setting in &settings {
            let failure = first_failure(Some(mistake), &setting.options, WORLDS);
            let world = failure.map_or("-".to_owned(), |failure| (failure.seed + 1).to_string());
            write!(out, " {world} |")?;
            out.flush()?;
        }
        writeln!(out)?;
    }
    Ok(())
}
