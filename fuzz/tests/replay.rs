//! Every target over its seeds and changes of them: what a machine without a fuzzer can see.
//!
//! The changes come from a seeded generator, so a failure names the input that shows it again.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use fuzz::TARGETS;
use fuzz::mutation::mutated;
use fuzz::seeds::{Seeds, seeds};

/// Changed inputs of each target. Those of the replicas run whole shards.
const CHANGED: u64 = 400;
const CHANGED_RUNS: u64 = 60;

/// Replays the targets with these names.
fn replay(chosen: impl Fn(&str) -> bool) {
    let seeds = seeds();
    for (name, target) in TARGETS.iter().filter(|(name, _)| chosen(name)) {
        let inputs: Vec<&Vec<u8>> = seeds[name].values().collect();
        for input in &inputs {
            run(name, *target, input);
        }
        let count = if is_run(name) { CHANGED_RUNS } else { CHANGED };
        for (number, seed) in (0..count).enumerate() {
            let input = inputs[number % inputs.len()];
            let other = inputs[number / inputs.len() % inputs.len()];
            run(name, *target, &mutated(input, other, seed));
        }
    }
}

fn is_run(name: &str) -> bool {
    name.starts_with("replica_")
}

/// Says which input it was, after the panic has said what it is about.
fn run(name: &str, target: fuzz::Target, input: &[u8]) {
    if catch_unwind(|| target(input)).is_err() {
        let digits: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
        panic!("the target {name} does not stand the input {digits}");
    }
}

#[test]
fn no_decoder_and_no_text_breaks() {
    replay(|name| !is_run(name));
}

#[test]
fn no_replica_breaks() {
    replay(is_run);
}

#[test]
fn every_target_has_a_binary_and_seeds() {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
    let files: BTreeSet<String> = fs::read_dir(files)
        .expect("the folder of the targets")
        .map(|entry| entry.expect("a readable folder").path())
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    let manifest = include_str!("../Cargo.toml");
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(files, targets, "left: fuzz_targets/, right: TARGETS");
    let seeds: Seeds = seeds();
    for target in &targets {
        assert!(
            manifest.contains(&format!("name = \"{target}\"")),
            "{target} is not in Cargo.toml"
        );
        assert!(seeds.contains_key(target.as_str()), "{target} has no seeds");
    }
    assert_eq!(
        seeds.len(),
        targets.len(),
        "seeds of a target that is not there"
    );
}
