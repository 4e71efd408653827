//! Tests of what nodes are told to lie about.

use super::*;
use crate::local::manifest::ManifestNode;

#[test]
fn a_node_has_a_file_as_long_as_it_lies_and_nobody_else_has_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = Layout::of(folder.path());
    let nodes = ["n0", "n1"].map(|name| ManifestNode {
        name: name.to_owned(),
        port: 0,
    });
    for node in &nodes {
        std::fs::create_dir_all(layout.node(&node.name)).expect("the folder is ours");
    }
    std::fs::write(layout.lies("n1"), "of another run").expect("the folder is ours");
    let network = model::NetworkId::from_bytes([1; 32]);
    let manifest = Manifest::new("local".to_owned(), network, false, nodes.to_vec());
    let mut liars = Liars::none(&layout, &manifest).expect("the folder is ours");
    let exist = || ["n0", "n1"].map(|node| layout.lies(node).exists());
    assert_eq!(exist(), [false, false]);
    let lies = Lies {
        two_heads: true,
        ..Lies::default()
    };
    liars.tempt(0, lies).expect("the folder is ours");
    assert_eq!((liars.of(0), liars.of(1)), (lies, Lies::default()));
    assert_eq!(exist(), [true, false]);
    let text = std::fs::read_to_string(layout.lies("n0")).expect("it is there");
    assert_eq!(toml::from_str(&text), Ok(lies));
    liars.tempt(0, Lies::default()).expect("the folder is ours");
    assert_eq!(exist(), [false, false]);
}
