//! Tests of the tree of commands.

use clap::{Command, CommandFactory};

use crate::Cli;
use crate::exit::Exit;

/// Calls `visit` with every command of the tree and its full name.
fn each_command(command: &Command, path: &str, visit: &mut impl FnMut(&Command, &str)) {
    let path = format!("{path} {}", command.get_name());
    visit(command, path.trim());
    for child in command.get_subcommands() {
        each_command(child, &path, visit);
    }
}

#[test]
fn the_tree_of_commands_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_help_begins_with_examples() {
    each_command(&Cli::command(), "", &mut |command, path| {
        for help in [
            command.clone().render_help().to_string(),
            command.clone().render_long_help().to_string(),
        ] {
            assert!(help.starts_with("Examples:\n  "), "{path}:\n{help}");
        }
    });
}

#[test]
fn every_example_is_a_command_of_the_tree() {
    each_command(&Cli::command(), "", &mut |command, path| {
        let help = command
            .get_before_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        let examples = help
            .lines()
            .filter_map(|line| line.trim().strip_prefix("chainspace"));
        for example in examples {
            let words = example
                .split("  ")
                .next()
                .unwrap_or(example)
                .split_whitespace();
            let line = std::iter::once("chainspace").chain(words);
            let parsed = Cli::command().try_get_matches_from(line);
            assert!(parsed.is_ok(), "{path}: {example}: {parsed:?}");
        }
    });
}

#[test]
fn the_exit_codes_in_the_help_are_those_of_the_table() {
    let documented: Vec<u8> = crate::EXIT_CODES
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next()?.parse().ok())
        .collect();
    let table = [
        Exit::Done,
        Exit::Failed,
        Exit::Usage,
        Exit::Aborted,
        Exit::OutcomeUnknown,
        Exit::InsufficientFunds,
        Exit::Unreachable,
        Exit::WrongNetwork,
        Exit::Locked,
        Exit::VerificationFailed,
    ];
    assert_eq!(documented, table.map(Exit::code));
}
