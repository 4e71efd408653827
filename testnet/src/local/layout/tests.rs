//! Tests of the places.

use std::fs;

use model::NetworkId;

use super::{Layout, Manifest};
use crate::local::manifest::ManifestNode;

#[test]
fn the_nearest_folder_above_with_a_network_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let below = folder.path().join("a/b");
    fs::create_dir_all(&below).expect("it can be made");
    assert_eq!(Layout::find(&below), None);

    let layout = Layout::of(&folder.path().join("a"));
    fs::create_dir_all(layout.root()).expect("it can be made");
    assert_eq!(
        Layout::find(&below).as_ref(),
        Some(&layout),
        "it can be reset"
    );
    assert_eq!(layout.network().expect("there is none"), None);
    let network = NetworkId::from_bytes([1; 32]);
    let nodes = vec![ManifestNode {
        name: "n0".to_owned(),
        port: 0,
    }];
    let manifest = Manifest::new("local-x".to_owned(), network, false, nodes);
    manifest.write(&layout).expect("it can be written");
    assert_eq!(Layout::find(&below).as_ref(), Some(&layout));
    assert_eq!(layout.network().expect("it can be read"), Some(network));
    assert_eq!(layout.directory(), folder.path().join("a"));
    assert_eq!(Layout::find(folder.path()), None);
}
