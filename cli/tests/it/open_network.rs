//! The whole of an open network, as `chainspace demo open-network` shows it.

use std::fs;

use crate::support::{Network, folder, run};

#[test]
fn strangers_found_a_shard_a_member_is_replaced_and_a_liar_is_thrown_out_under_load() {
    let elsewhere = folder();
    let data = run(elsewhere.path(), &["demo", "open-network", "--json"]).data(0);
    let steps = data["steps"].as_array().expect("steps");
    assert_eq!(steps.len(), 8, "{steps:?}");
    assert!(steps.iter().all(|step| step["held"] == true), "{steps:?}");
}

#[test]
fn who_joins_gets_a_node_and_what_is_no_network_file_is_refused() {
    let network = Network::start();
    let elsewhere = folder();
    let here = elsewhere.path();
    let file = network.root().join("genesis");
    let file = file.to_str().expect("the path is text");
    let bootnode = ["--bootnode", "/ip4/127.0.0.1/tcp/4700"];
    let join = |arguments: &[&str]| run(here, &[&["join"], arguments, &bootnode].concat());

    let joined = join(&[file, "me", "--name", "ada"]);
    assert_eq!((joined.code, joined.stdout.trim()), (0, "me/node.toml"));
    assert!(
        joined
            .stderr
            .contains("chainspace node run --config me/node.toml"),
        "{joined:?}"
    );
    let config = fs::read_to_string(here.join("me/node.toml")).expect("it was made");
    assert!(config.contains(bootnode[1]), "{config}");

    let again = join(&[file, "me"]);
    assert_eq!(again.code, 2, "{again:?}");
    fs::write(here.join("torn"), "no network").expect("it can be written");
    assert_ne!(join(&["torn", "other"]).code, 0);
    let consent = join(&[file, "other", "--consent", "whatever"]);
    assert_eq!(consent.code, 2, "{consent:?}");
    assert!(!here.join("other").exists(), "nothing is made");
}
