//! Bytes that are hashed, signed, stored or sent are frozen: `tests/vectors` has them.
//!
//! A vector that changes is a decision about the protocol. After it was made,
//! `UPDATE_VECTORS=1 cargo test -p model golden` writes the vectors anew.

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use crate::samples::{self, Sample};

/// Bytes in one line of a vector.
const LINE: usize = 40;

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

/// A vector as text: each byte string under its name.
fn vector(sample: &Sample) -> String {
    let mut text = String::new();
    let bytes = ("bytes", sample.bytes.clone());
    for (name, bytes) in std::iter::once(&bytes).chain(&sample.derived) {
        writeln!(text, "# {name}").expect("a string takes all");
        for line in bytes.chunks(LINE) {
            for byte in line {
                write!(text, "{byte:02x}").expect("a string takes all");
            }
            text.push('\n');
        }
    }
    text
}

#[test]
fn golden_vectors_are_what_they_were() {
    let directory = directory();
    let update = env::var_os("UPDATE_VECTORS").is_some();
    if update {
        fs::create_dir_all(&directory).expect("the folder can be made");
    }
    let mut changed = Vec::new();
    for sample in samples::all() {
        let path = directory.join(sample.name).with_extension("hex");
        let now = vector(&sample);
        if update {
            fs::write(&path, &now).expect("the vector can be written");
        }
        if fs::read_to_string(&path).ok() != Some(now) {
            changed.push(sample.name);
        }
    }
    assert!(
        changed.is_empty(),
        "other bytes than in the vectors: {changed:?}"
    );
}

#[test]
fn golden_vectors_and_samples_are_one_to_one() {
    let names: Vec<String> = samples::all()
        .iter()
        .map(|sample| format!("{}.hex", sample.name))
        .collect();
    let files: BTreeSet<String> = fs::read_dir(directory())
        .expect("the folder is there")
        .map(|entry| {
            let name = entry.expect("the folder can be read").file_name();
            name.into_string().expect("names are ASCII")
        })
        .collect();
    assert_eq!(names.iter().cloned().collect::<BTreeSet<_>>(), files);
    assert_eq!(names.len(), files.len(), "each name once");
}
