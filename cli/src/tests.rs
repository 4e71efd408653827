//! Tests of the tree of commands.

use clap::{Command, CommandFactory, Parser};

use crate::exit::Exit;
use crate::{Cli, Command as Ours};

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

/// The commands in the shell blocks of a document, without what a shell does around them.
fn typed(document: &str) -> Vec<String> {
    let blocks = document.split("```sh\n").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split("```").next());
    let lines = blocks.map(|block| block.replace("\\\n", " "));
    let lines = lines.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>());
    lines
        .filter_map(|line| {
            let at = line.find("chainspace ")?;
            let command = line.get(at..)?;
            let ends = [" # ", " > ", " 2> ", ";", " &"];
            let ends = ends.iter().filter_map(|end| command.find(end));
            command
                .get(..ends.min().unwrap_or(command.len()))
                .map(str::to_owned)
        })
        .collect()
}

#[test]
fn every_command_of_the_readme_is_a_command_of_the_tree() {
    let commands = typed(include_str!("../../README.md"));
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let parsed = Cli::command().try_get_matches_from(command.split_whitespace());
        assert!(parsed.is_ok(), "{command}: {parsed:?}");
    }
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

/// The values of a key in the unit for systemd.
fn unit(key: &str) -> Vec<&'static str> {
    let lines = include_str!("../../contrib/chainspace.service").lines();
    let values = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    values.collect()
}

#[test]
fn the_unit_starts_a_command_of_the_tree() {
    let [start] = unit("ExecStart")[..] else {
        panic!("one command is started");
    };
    let parsed = Cli::try_parse_from(start.split_whitespace());
    let command = parsed.unwrap_or_else(|error| panic!("{start}: {error}"));
    let is_node = matches!(
        command.command,
        Ours::Node(crate::node::Command::Run { .. })
    );
    assert!(is_node, "{start}");
    // The node tells the service manager itself.
    assert_eq!(unit("Type"), ["notify"]);
}

#[test]
fn the_unit_sets_keys_that_there_are_and_all_that_only_it_can_know() {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let file = folder.path().join("node.toml");
    // All that the unit leaves to the operator.
    let text = "name = \"a\"\ngenesis = \"g\"\nlisten = [\"/ip4/0.0.0.0/tcp/4700\"]\n";
    std::fs::write(&file, text).expect("it can be written");
    let variables = unit("Environment").into_iter().map(|set| {
        let (name, value) = set.split_once('=').expect("a variable is set to something");
        (name.to_owned(), value.to_owned())
    });
    let sources = node::config::Sources {
        file,
        variables: variables.collect(),
        flags: Vec::new(),
    };
    let config = sources
        .load()
        .unwrap_or_else(|error| panic!("{error}"))
        .config;
    let [credential] = unit("LoadCredential")[..] else {
        panic!("one key is lent");
    };
    let name = credential.split(':').next().expect("it has a name");
    assert_eq!(config.member_key.to_str(), Some(&*format!("%d/{name}")));
}
