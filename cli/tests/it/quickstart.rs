//! The commands of the README do what it says.

use crate::support::{Network, eventually, folder};

const README: &str = include_str!("../../../README.md");

/// The commands of the first shell block, without `cargo run --release --` and without comments.
fn quickstart() -> Vec<Vec<String>> {
    let block = README
        .split("```sh")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let lines = block.expect("the README has a shell block").trim().lines();
    lines
        .map(|line| {
            let command = line.split('#').next().unwrap_or(line).trim();
            let arguments = command.strip_prefix("cargo run --release -- ");
            let arguments = arguments.unwrap_or_else(|| panic!("not a cargo command: {line}"));
            arguments.split_whitespace().map(str::to_owned).collect()
        })
        .collect()
}

#[test]
fn the_quick_start_of_the_readme_works() {
    let commands = quickstart();
    let [up, send] = &commands[..] else {
        panic!("the quick start is two commands: {commands:?}");
    };
    let up: Vec<&str> = up.iter().map(String::as_str).collect();
    let ["testnet", "up", flags @ ..] = &up[..] else {
        panic!("the first command starts a network: {up:?}");
    };
    let folder = folder();
    let network = Network::up(folder.path(), flags);
    eventually("READY is said", || {
        network.stderr().contains("READY in ").then_some(())
    });
    let send: Vec<&str> = send.iter().map(String::as_str).collect();
    let ran = network.run(&send);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("committed in"), "{ran:?}");
}
