//! Tests of the manifest.

use model::NetworkId;

use super::{Manifest, ManifestNode};
use crate::local::{Layout, LocalError, file};

fn manifest() -> Manifest {
    let nodes = vec![ManifestNode {
        name: "n0".to_owned(),
        port: 4100,
    }];
    Manifest::new(
        "local-x".to_owned(),
        NetworkId::from_bytes([1; 32]),
        true,
        nodes,
    )
}

#[test]
fn what_is_kept_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = Layout::of(folder.path());
    file::create_folder(&layout.root()).expect("it can be made");
    assert_eq!(
        Manifest::read(&layout).expect("no manifest is no error"),
        None
    );
    manifest().write(&layout).expect("it can be written");
    assert_eq!(
        Manifest::read(&layout).expect("it can be read"),
        Some(manifest())
    );
}

#[test]
fn another_version_an_unknown_field_and_no_nodes_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = Layout::of(folder.path());
    file::create_folder(&layout.root()).expect("it can be made");
    let text = serde_json::to_string(&manifest()).expect("it is JSON");
    for broken in [
        text.replace("\"format\":4", "\"format\":1"),
        text.replace("{\"format\"", "{\"colour\":1,\"format\""),
        text.replace("{\"name\":\"n0\",\"port\":4100}", ""),
    ] {
        assert_ne!(broken, text);
        file::replace(&layout.manifest(), broken.as_bytes()).expect("it can be written");
        let read = Manifest::read(&layout);
        assert!(
            matches!(read, Err(LocalError::Damaged { .. })),
            "{broken}: {read:?}"
        );
    }
}
