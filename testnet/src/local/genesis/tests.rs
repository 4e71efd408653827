//! Tests of making and finding networks.

use std::fs;
use std::path::Path;
use std::time::Duration;

use node::Config;
use system_contracts::genesis::{manages_its_shards, supply};

use super::{BALANCE, Local, open};
use crate::local::{Layout, LocalError, Options};

fn options(directory: &Path) -> Options {
    Options {
        directory: directory.to_owned(),
        program: "chainspace".into(),
        shards: Some(1),
        nodes: None,
        profile: None,
        port: None,
        http: None,
        ephemeral: false,
        beat: Duration::from_secs(1),
        accounts: Vec::new(),
        simulated: Vec::new(),
        guarded: None,
        block_entries_max: None,
        faults: true,
    }
}

fn make(directory: &Path, options: &Options) -> Local {
    open(&Layout::of(directory), options).expect("the network can be made")
}

#[test]
fn a_network_is_made_once_and_then_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = make(folder.path(), &options(folder.path()));
    assert!(!made.resumed);
    assert_eq!(made.genesis.check(), Ok(()));
    assert_eq!(supply(&made.genesis), Some(10 * BALANCE));
    assert!(manages_its_shards(&made.genesis));
    assert!(
        made.genesis.name.starts_with("local-"),
        "{}",
        made.genesis.name
    );
    let found = make(folder.path(), &options(folder.path()));
    assert!(found.resumed);
    assert_eq!(found.genesis, made.genesis);
    assert_eq!(found.manifest, made.manifest);
    assert!(!folder.path().join(".chainspace/draft").exists());
}

#[test]
fn a_node_understands_the_configuration_that_is_written_for_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = Layout::of(folder.path());
    let mut local = make(folder.path(), &options(folder.path()));
    for (port, node) in (4100..).zip(&mut local.manifest.nodes) {
        node.port = port;
    }
    let options = Options {
        block_entries_max: Some(7),
        http: Some(4_200),
        ..options(folder.path())
    };
    local
        .configure(&layout, &options)
        .expect("the files can be written");
    let config = Config::load(&layout.config("n1")).expect("a node understands it");
    assert_eq!(config.name, "n1");
    assert_eq!(config.block_entries_max, 7);
    assert_eq!(config.http, Some(([127, 0, 0, 1], 4_201).into()));
    assert_eq!(config.weather, Some(layout.weather("n1")));
    assert_eq!(config.listen, ["/ip4/127.0.0.1/tcp/4101"]);
    let others = [4100, 4102, 4103].map(|port| format!("/ip4/127.0.0.1/tcp/{port}"));
    assert_eq!(config.bootnodes, others);
    let same = |one: &Path, two: &Path| {
        let whole = |path| fs::canonicalize(path).expect("the file is there");
        assert_eq!(whole(one), whole(two));
    };
    same(&config.genesis, &layout.genesis());
    same(&config.member_key, &layout.node("n1").join("member.key"));
}

#[test]
fn what_was_asked_for_must_be_what_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = Layout::of(folder.path());
    let asked = options(folder.path());
    make(folder.path(), &asked);
    for other in [
        Options {
            nodes: Some(7),
            ..asked.clone()
        },
        Options {
            ephemeral: true,
            ..asked.clone()
        },
    ] {
        let error = open(&layout, &other).expect_err("it is another network");
        assert!(matches!(error, LocalError::Different { .. }), "{error}");
    }
    let same = Options {
        nodes: Some(4),
        ..asked
    };
    assert!(make(folder.path(), &same).resumed);
}

#[test]
fn an_ephemeral_network_that_stayed_behind_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let ephemeral = Options {
        ephemeral: true,
        ..options(folder.path())
    };
    let first = make(folder.path(), &ephemeral);
    let second = make(folder.path(), &options(folder.path()));
    assert!(!second.resumed);
    assert_ne!(first.manifest.network, second.manifest.network);
}

#[test]
fn sizes_that_are_no_shard_make_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = Layout::of(folder.path());
    let asked = options(folder.path());
    for nodes in [0, 3, 101] {
        let nodes = Some(nodes);
        let error = open(
            &layout,
            &Options {
                nodes,
                ..asked.clone()
            },
        )
        .expect_err("no shard");
        assert!(matches!(error, LocalError::Nodes(_)), "{error}");
    }
    for shards in [0, 17] {
        let error = open(
            &layout,
            &Options {
                shards: Some(shards),
                ..asked.clone()
            },
        )
        .expect_err("none, or too many nodes");
        assert!(matches!(error, LocalError::Shards { .. }), "{error}");
    }
    assert!(!layout.root().exists());
}

#[test]
fn a_folder_without_a_manifest_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = Layout::of(folder.path());
    fs::create_dir_all(layout.root()).expect("it can be made");
    fs::write(layout.root().join("precious"), "mine").expect("it can be written");
    let error = open(&layout, &options(folder.path())).expect_err("it is not ours");
    assert!(matches!(error, LocalError::Damaged { .. }), "{error}");
    assert!(layout.root().join("precious").exists());
}
