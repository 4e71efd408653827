//! What users and machines get wrong: each is named, none loses anything.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::support::{Network, Ran, folder, free_ports, run};

/// A network that has stopped, whose files can be broken.
fn stopped() -> tempfile::TempDir {
    let folder = folder();
    let mut network = Network::start_in(folder.path(), &[]);
    network.json(0, &["testnet", "stop"]);
    assert!(network.wait().success());
    folder
}

fn local(directory: &Path) -> std::path::PathBuf {
    directory.join(".chainspace/local")
}

#[track_caller]
fn check(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, code, "{ran:?}");
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "{word}: {ran:?}");
    }
}

#[test]
fn a_node_refuses_a_configuration_that_makes_no_sense() {
    let folder = stopped();
    let config = local(folder.path()).join("nodes/n0/config.toml");
    let whole = fs::read_to_string(&config).expect("the configuration is there");
    let node_run = |text: &str| {
        fs::write(&config, text).expect("it can be written");
        let path = config.to_str().expect("the path is text");
        run(folder.path(), &["node", "run", "--config", path])
    };
    check(&node_run(&whole[..whole.len() / 2]), 2, &["config.toml"]);
    check(&node_run(""), 2, &["config.toml", "name"]);
    check(
        &node_run(&format!("colour = \"red\"\n{whole}")),
        2,
        &["config.toml", "colour"],
    );
    check(&node_run("\u{0}\u{1}"), 2, &["config.toml"]);
    check(
        &node_run(&whole.replace("/ip4/127.0.0.1/tcp/", "/udp/")),
        1,
        &["/udp/"],
    );
    check(
        &node_run(&whole.replace("../../genesis", "../../no-such-file")),
        1,
        &["no-such-file"],
    );
    let missing = run(
        folder.path(),
        &["node", "run", "--config", "no-such-file.toml"],
    );
    check(&missing, 2, &["no-such-file.toml"]);
}

#[test]
fn a_node_refuses_the_store_of_another_network() {
    let (one, two) = (stopped(), stopped());
    let (from, to) = (local(one.path()), local(two.path()));
    fs::remove_dir_all(to.join("nodes/n0/store")).expect("the store is there");
    fs::rename(from.join("nodes/n0/store"), to.join("nodes/n0/store")).expect("it can be moved");
    let config = to.join("nodes/n0/config.toml");
    let ran = run(
        two.path(),
        &["node", "run", "--config", config.to_str().expect("text")],
    );
    let network = |root: &Path| {
        let manifest = fs::read(root.join("network.json")).expect("the manifest is there");
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("it is JSON");
        manifest["network"].as_str().expect("a hash").to_owned()
    };
    check(&ran, 14, &[&network(&from), &network(&to)]);
    let up = run(two.path(), &["testnet", "up"]);
    check(&up, 1, &["node n0", &network(&from), "log"]);
}

#[test]
fn a_network_refuses_a_foreign_or_a_damaged_genesis_document() {
    let (one, two) = (stopped(), stopped());
    let genesis = local(two.path()).join("genesis");
    let whole = fs::read(&genesis).expect("the document is there");
    fs::copy(local(one.path()).join("genesis"), &genesis).expect("it can be copied");
    check(
        &run(two.path(), &["testnet", "up"]),
        14,
        &["genesis", "reset"],
    );
    fs::write(&genesis, &whole[..whole.len() - 1]).expect("it can be written");
    check(
        &run(two.path(), &["testnet", "up"]),
        1,
        &["genesis", "reset"],
    );
    fs::remove_file(&genesis).expect("it is there");
    check(
        &run(two.path(), &["testnet", "up"]),
        1,
        &["genesis", "reset"],
    );
    fs::write(&genesis, &whole).expect("it can be written");
    let network = Network::start_in(two.path(), &[]);
    network.json(0, &["send", "1", "bob", "--from", "alice"]);
}

#[test]
fn a_network_refuses_a_manifest_that_it_cannot_read_and_touches_nothing() {
    let folder = stopped();
    let manifest = local(folder.path()).join("network.json");
    let whole = fs::read_to_string(&manifest).expect("the manifest is there");
    for broken in [
        String::new(),
        whole[..whole.len() / 2].to_owned(),
        whole.replace("\"format\": 4", "\"format\": 1"),
        "x".repeat(2_000_000),
    ] {
        assert_ne!(broken, whole, "a network that comes up never ends");
        fs::write(&manifest, &broken).expect("it can be written");
        check(
            &run(folder.path(), &["testnet", "up"]),
            1,
            &["network.json", "reset"],
        );
    }
    fs::remove_file(&manifest).expect("it is there");
    check(
        &run(folder.path(), &["testnet", "up"]),
        1,
        &["network.json", "reset"],
    );
    fs::write(&manifest, &whole).expect("it can be written");
    drop(Network::start_in(folder.path(), &[]));
    fs::remove_file(&manifest).expect("it is there");
    check(&run(folder.path(), &["testnet", "reset", "-y"]), 0, &[]);
    drop(Network::start_in(folder.path(), &[]));
}

#[test]
fn a_network_that_is_kept_is_not_replaced_by_another_one() {
    let folder = stopped();
    check(
        &run(folder.path(), &["testnet", "up", "--nodes", "7"]),
        1,
        &["4 nodes", "reset"],
    );
    check(
        &run(folder.path(), &["testnet", "up", "--ephemeral"]),
        1,
        &["kept", "--dir"],
    );
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = folder();
    let first = free_ports(3);
    let port = first + 2;
    let _taken = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    let first = first.to_string();
    let ran = run(folder.path(), &["testnet", "up", "--port", &first]);
    check(&ran, 1, &[&format!("port {port} for n2"), "--port"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").expect("it can be written");
    let path = file.to_str().expect("the path is text");
    check(
        &run(folder.path(), &["testnet", "up", "--dir", path]),
        1,
        &[path, "--dir"],
    );
    // Whoever may write everywhere (root) finds nothing to write into here, either.
    let ran = run(folder.path(), &["testnet", "up", "--dir", "/proc/self"]);
    check(&ran, 1, &["/proc/self", ".chainspace"]);
}

#[test]
fn a_folder_whose_name_is_no_text_is_refused() {
    let folder = folder();
    let odd = folder.path().join(OsStr::from_bytes(b"odd\xff"));
    if fs::create_dir(&odd).is_err() {
        return; // this file system knows only text
    }
    check(
        &run(&odd, &["testnet", "up"]),
        1,
        &["endpoint.json", "UTF-8"],
    );
    check(&run(&odd, &["testnet", "reset", "-y"]), 0, &[]);
}

#[test]
fn a_node_survives_garbage_on_its_port() {
    let network = Network::start();
    for node in network.nodes() {
        let api = node["api"].as_str().expect("an address");
        let port = api.rsplit('/').next().expect("a port");
        for garbage in [
            &[0xff_u8; 100_000][..],
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x13/multistream/1.0.0\n",
        ] {
            let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).expect("it listens");
            // The node may hang up before it has read everything.
            let _ = stream.write_all(garbage);
        }
    }
    network.json(0, &["send", "1", "bob", "--from", "alice"]);
    network.agreed_head();
}
