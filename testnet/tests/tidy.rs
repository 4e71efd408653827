//! Reads the tree as a stranger would, and holds it against what it says of itself.
//!
//! Prose decays unless something checks it. This test knows which room may know which, which words
//! may not be said where, and that what the documents name exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which crates a crate may depend on, inside the workspace. The table is docs/architecture.md's.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("contracts", &["model"]),
    ("consensus", &["model"]),
    ("audit", &["model"]),
    ("net", &["model"]),
    ("system-contracts", &["model", "contracts"]),
    (
        "node",
        &["model", "consensus", "net", "contracts", "system-contracts"],
    ),
    (
        "client",
        &["model", "contracts", "system-contracts", "net", "audit"],
    ),
    (
        "testnet",
        &[
            "model",
            "consensus",
            "net",
            "contracts",
            "system-contracts",
            "audit",
            "node",
            "client",
        ],
    ),
    (
        "cli",
        &[
            "model",
            "consensus",
            "net",
            "contracts",
            "system-contracts",
            "audit",
            "node",
            "client",
            "testnet",
        ],
    ),
    (
        "fuzz",
        &[
            "model",
            "consensus",
            "contracts",
            "system-contracts",
            "net",
            "node",
            "client",
        ],
    ),
];

/// Libraries that define a room and may not leak out of it.
const CONFINED: &[(&str, &str)] = &[
    ("libp2p", "net"),
    ("redb", "node"),
    ("cbor4ii", "model"),
    ("ed25519-zebra", "model"),
    ("axum", "node"),
    ("hyper", "node"),
    ("figment2", "node"),
    ("prometheus-client", "node"),
    ("sd-notify", "cli"),
    ("clap", "cli"),
    ("indicatif", "cli"),
    ("comfy-table", "cli"),
];

/// Crates whose values decide, and which may therefore not touch the world.
const PURE: &[&str] = &[
    "model",
    "contracts",
    "system-contracts",
    "consensus",
    "audit",
];

/// What touching the world looks like.
const WORLDLY: &[&str] = &[
    "std::time",
    "SystemTime",
    "Instant",
    "std::thread",
    "std::net",
    "std::fs",
    "std::env",
    "std::process",
    "std::sync::Mutex",
    "tokio",
    "tracing",
    "getrandom",
    "thread_rng",
    "OsRng",
    "HashMap",
    "HashSet",
    "println!",
    "eprintln!",
    "f32",
    "f64",
];

/// Words that belong to one place. The place is a prefix of the path.
const AT_HOME: &[(&str, &[&str])] = &[
    ("libp2p::", &["net/src"]),
    ("redb::", &["node/src/store"]),
    ("cbor4ii::", &["model/src/encoding"]),
    ("ed25519_zebra::", &["model/src/key"]),
    ("ed25519_dalek::", &["model/src/key"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in the workspace")
        .to_path_buf()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All Rust sources of a crate's folder, as paths relative to the root.
fn sources(folder: &str) -> Vec<String> {
    fn walk(at: &Path, root: &Path, found: &mut Vec<String>) {
        let Ok(entries) = fs::read_dir(at) else {
            return;
        };
        for entry in entries {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(root).expect("below the root");
                found.push(relative.to_string_lossy().into_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &root(), &mut found);
    found.sort();
    found
}

fn is_test(path: &str) -> bool {
    ["/tests.rs", "/testing.rs"]
        .iter()
        .any(|end| path.ends_with(end))
        || path.contains("/tests/")
        || path.contains("/benches/")
}

/// The code of a file: its lines without comments.
fn code(path: &str) -> String {
    let text = read(&root().join(path));
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    lines.join("\n")
}

fn crates() -> impl Iterator<Item = &'static str> {
    MAY_KNOW.iter().map(|(name, _)| *name)
}

/// The names in a table of a manifest, such as `[dependencies]`.
fn entries(manifest: &str, table: &str) -> BTreeSet<String> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != table)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', '=', ' ']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

fn complain(what: &str, complaints: &[String]) {
    assert!(
        complaints.is_empty(),
        "{what}:\n  {}",
        complaints.join("\n  ")
    );
}

#[test]
fn every_folder_with_a_manifest_is_in_the_table_and_arrows_point_down() {
    let manifest = read(&root().join("Cargo.toml"));
    let mut complaints = Vec::new();
    for (name, allowed) in MAY_KNOW {
        if !manifest.contains(&format!("\"{name}\",")) {
            complaints.push(format!("{name} is not a member of the workspace"));
        }
        let own = read(&root().join(name).join("Cargo.toml"));
        for dependency in entries(&own, "[dependencies]") {
            let inside = crates().any(|found| found == dependency);
            if inside && !allowed.contains(&dependency.as_str()) {
                complaints.push(format!("{name} may not know {dependency}"));
            }
        }
    }
    complain("docs/architecture.md, section 2", &complaints);
}

#[test]
fn libraries_stay_in_their_rooms() {
    let mut complaints = Vec::new();
    for name in crates() {
        let own = read(&root().join(name).join("Cargo.toml"));
        let dependencies = entries(&own, "[dependencies]");
        for (library, home) in CONFINED {
            if dependencies.contains(*library) && name != *home {
                complaints.push(format!(
                    "{name} depends on {library}, which belongs to {home}"
                ));
            }
        }
    }
    for name in crates() {
        for path in sources(name) {
            let text = code(&path);
            for (word, homes) in AT_HOME {
                let at_home = homes.iter().any(|home| path.starts_with(home));
                if text.contains(word) && !at_home && !is_test(&path) {
                    complaints.push(format!("{path} says {word}, which belongs to {homes:?}"));
                }
            }
        }
    }
    complain("a library has leaked", &complaints);
}

#[test]
fn pure_crates_do_not_touch_the_world() {
    let mut complaints = Vec::new();
    for name in PURE {
        for path in sources(&format!("{name}/src")) {
            if is_test(&path) {
                continue;
            }
            let text = code(&path);
            for word in WORLDLY {
                if *word == "f32" || *word == "f64" {
                    // serde demands that an encoding says what it does with them: refuse.
                    if path == "model/src/encoding/ser.rs" {
                        continue;
                    }
                }
                let said = text
                    .split(|c: char| !(c.is_alphanumeric() || "_:!".contains(c)))
                    .any(|token| token == *word || token.starts_with(&format!("{word}::")));
                if said {
                    complaints.push(format!("{path} says {word}"));
                }
            }
        }
    }
    complain("a pure crate touches the world", &complaints);
}

#[test]
fn only_the_signer_holds_the_secret_key_of_a_node() {
    let mut complaints = Vec::new();
    for path in sources("node/src") {
        if !is_test(&path) && path != "node/src/signer.rs" && code(&path).contains("SecretKey") {
            complaints.push(path);
        }
    }
    complain("SecretKey belongs to node/src/signer.rs", &complaints);
}

#[test]
fn every_file_says_what_it_is_in_ascii() {
    let mut complaints = Vec::new();
    for name in crates() {
        for path in sources(name) {
            let text = read(&root().join(&path));
            if !is_test(&path) && !text.starts_with("//!") {
                complaints.push(format!("{path} does not begin with a header (//!)"));
            }
            if let Some(line) = text.lines().position(|line| !line.is_ascii()) {
                complaints.push(format!("{path}:{} is not ASCII", line + 1));
            }
        }
    }
    complain("house style, section 3", &complaints);
}

#[test]
fn no_file_is_called_utils_and_nothing_is_ignored() {
    let mut complaints = Vec::new();
    for name in crates() {
        for path in sources(name) {
            if ["utils.rs", "util.rs", "common.rs", "misc.rs", "helpers.rs"]
                .iter()
                .any(|vague| path.ends_with(&format!("/{vague}")))
            {
                complaints.push(format!("{path}: name it by the noun it holds"));
            }
            let ignored = concat!("#[", "ignore");
            if code(&path).contains(ignored) {
                complaints.push(format!("{path} ignores a test"));
            }
        }
    }
    complain("house style, sections 1 and 7", &complaints);
}

/// The words between back-ticks in a document.
fn quoted(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| !line.starts_with("    "))
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .collect()
}

fn documents() -> Vec<PathBuf> {
    let mut documents: Vec<PathBuf> = fs::read_dir(root().join("docs"))
        .expect("docs/ exists")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    documents.push(root().join("README.md"));
    documents
}

#[test]
fn every_path_that_a_document_names_exists() {
    let mut complaints = Vec::new();
    for document in documents() {
        let text = read(&document);
        for word in quoted(&text) {
            let path = word.split("::").next().unwrap_or(word);
            let is_path = path.contains('/')
                && !path.contains([' ', '<', '*', '{', '$'])
                && !path.starts_with(['/', '.'])
                && [".rs", ".md", ".toml", "/"]
                    .iter()
                    .any(|end| path.ends_with(end));
            if is_path && !root().join(path).exists() {
                complaints.push(format!("{} names {path}", document.display()));
            }
        }
    }
    complain("a document names what does not exist", &complaints);
}

#[test]
fn the_architecture_names_every_crate() {
    let text = read(&root().join("docs/architecture.md"));
    let missing: Vec<String> = crates()
        .filter(|name| !text.contains(&format!("`{name}`")))
        .map(str::to_owned)
        .collect();
    complain("docs/architecture.md does not name", &missing);
}

/// Rows of a table in a document: the cells of each line that begins with a bar.
fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .filter(|line| line.starts_with("| ") && !line.contains("| ---"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

#[test]
fn every_entry_of_the_paper_index_has_its_symbol_and_its_test() {
    let text = read(&root().join("docs/paper-index.md"));
    let mut complaints = Vec::new();
    let mut checked = 0;
    for cells in rows(&text).iter().skip(1) {
        let [what, _, symbol, test] = cells.as_slice() else {
            complaints.push(format!("a row has not four cells: {cells:?}"));
            continue;
        };
        for (kind, cell) in [("symbol", symbol), ("test", test)] {
            for place in quoted(cell) {
                let Some((path, name)) = place.split_once("::") else {
                    complaints.push(format!("{what}: {kind} {place} is not path::name"));
                    continue;
                };
                let file = root().join(path);
                if !file.exists() || !read(&file).contains(name) {
                    complaints.push(format!("{what}: {kind} {name} is not in {path}"));
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "the index has only {checked} entries");
    complain("docs/paper-index.md", &complaints);
}

#[test]
fn deviations_in_the_code_and_in_the_document_are_the_same() {
    let text = read(&root().join("docs/deviations.md"));
    let documented: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("## D-"))
        .filter_map(|rest| rest.split([' ', ':']).next())
        .map(|number| format!("D-{number}"))
        .collect();
    let mut said = BTreeSet::new();
    for name in crates() {
        for path in sources(name) {
            let text = read(&root().join(&path));
            for line in text.lines().filter(|line| line.contains("Deviation")) {
                let words = line.split(|c: char| !(c.is_alphanumeric() || c == '-'));
                said.extend(
                    words
                        .filter(|word| word.starts_with("D-"))
                        .map(str::to_owned),
                );
            }
        }
    }
    assert_eq!(
        said, documented,
        "left: in the code, right: in docs/deviations.md"
    );
}
