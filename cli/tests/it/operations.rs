//! What an operator meets: configuration, logs, the service manager, doctor.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    Network, PROGRAM, Ran, Started, eventually, finish, folder, free_ports, program, run, signal,
};

const NODE: &str = "name = \"alice\"
directory = \"data\"
genesis = \"genesis.bin\"
member_key = \"member.key\"
network_key = \"network.key\"
listen = [\"/ip4/127.0.0.1/tcp/4700\"]

[pace]
empty_ms = 200
";

/// A folder with the configuration of a node.
fn with_node() -> TempDir {
    let folder = folder();
    fs::write(folder.path().join("node.toml"), NODE).expect("it can be written");
    folder
}

/// A network of one shard that has stopped, and the folders of its nodes.
fn stopped() -> (TempDir, PathBuf) {
    let folder = folder();
    let mut network = Network::start_in(folder.path(), &[]);
    network.json(0, &["testnet", "stop"]);
    assert!(network.wait().success());
    let nodes = network.root().join("nodes");
    (folder, nodes)
}

/// Runs a command under these variables.
fn run_under(directory: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    finish(program(directory, arguments).envs(variables.iter().copied()))
}

/// The value and the origin of a key in the answer of `config show`.
#[track_caller]
fn shown(data: &Value, key: &str) -> (String, String) {
    let values = data["values"].as_array().expect("a list");
    let entry = values.iter().find(|entry| entry["key"] == key);
    let entry = entry.unwrap_or_else(|| panic!("{key}: {data}"));
    let origin = entry["origin"].as_str().expect("a text").to_owned();
    (entry["value"].to_string(), origin)
}

#[test]
fn the_configuration_is_shown_with_what_set_each_key() {
    let folder = with_node();
    let variables = [
        ("CHAINSPACE__PACE__SKIP_MS", "700"),
        ("CHAINSPACE__HTTP", "127.0.0.1:1"),
        ("CHAINSPACE__BOOTNODES", "[\"/ip4/192.0.2.1/tcp/4700\"]"),
    ];
    let arguments = ["config", "show", "--config", "node.toml", "--origin"];
    let flags = ["--http", "127.0.0.1:2", "--set", "block_entries_max=10"];
    let json = [&arguments[..], &flags, &["--json"]].concat();
    let data = run_under(folder.path(), &variables, &json).data(0);
    let expected = [
        ("name", "\"alice\"", "node.toml"),
        ("directory", "\"data\"", "node.toml"),
        ("pace.empty_ms", "200", "node.toml"),
        ("pace.skip_ms", "700", "CHAINSPACE__PACE__SKIP_MS"),
        (
            "bootnodes",
            "[\"/ip4/192.0.2.1/tcp/4700\"]",
            "CHAINSPACE__BOOTNODES",
        ),
        ("http", "\"127.0.0.1:2\"", "--http"),
        ("block_entries_max", "10", "--set"),
        ("pace.heartbeat_ms", "5000", "default"),
    ];
    for (key, value, origin) in expected {
        assert_eq!(
            shown(&data, key),
            (value.to_owned(), origin.to_owned()),
            "{key}"
        );
    }

    let table = run_under(
        folder.path(),
        &variables,
        &[&arguments[..], &flags].concat(),
    );
    let lines: Vec<&str> = table.stdout.lines().collect();
    assert!(lines[0].starts_with("KEY"), "{table:?}");
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("http ") && line.ends_with("--http"))
    );
    // As a file, it is the same configuration.
    let file = run_under(
        folder.path(),
        &variables,
        &[&arguments[..4], &flags].concat(),
    );
    fs::write(folder.path().join("again.toml"), &file.stdout).expect("it can be written");
    let again = run(folder.path(), &["config", "show", "--config", "again.toml"]);
    assert_eq!(again.stdout, file.stdout);
}

#[test]
fn what_cannot_be_used_is_named_with_what_set_it() {
    let folder = with_node();
    let show = ["config", "show", "--config", "node.toml"];
    let flag = |flags: &[&str]| run(folder.path(), &[&show[..], flags].concat());
    let variable = |name, value| run_under(folder.path(), &[(name, value)], &show);
    let cases = [
        (
            variable("CHAINSPACE__COLOUR", "red"),
            "CHAINSPACE__COLOUR: there is no key `colour`",
        ),
        (
            variable("CHAINSPACE__PACE__SKIP_MS", "soon"),
            "CHAINSPACE__PACE__SKIP_MS: `pace.skip_ms`",
        ),
        (
            flag(&["--http", "0.0.0.0:4780"]),
            "--http: `http` is 0.0.0.0:4780",
        ),
        (flag(&["--log-format", "xml"]), "--log-format: `log.format`"),
        (
            flag(&["--set", "colour=red"]),
            "--set: there is no key `colour`",
        ),
        (flag(&["--set", "colour"]), "KEY=VALUE"),
    ];
    for (ran, expected) in cases {
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(expected), "{expected}: {ran:?}");
        assert_eq!(ran.stdout, "", "{ran:?}");
    }
    let filter = [
        "node",
        "run",
        "--config",
        "node.toml",
        "--log-filter",
        "loud=very",
    ];
    let ran = run(folder.path(), &filter);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("--log-filter: `log.filter`"), "{ran:?}");
}

#[test]
fn a_node_tells_the_service_manager_how_it_is_and_logs_for_programs() {
    let (folder, nodes) = stopped();
    let socket = folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).expect("there is room for a socket");
    let patience = Some(Duration::from_secs(60));
    manager.set_read_timeout(patience).expect("it can be set");
    let told = move || {
        let mut message = [0; 256];
        let length = manager.recv(&mut message).expect("the node says something");
        String::from_utf8_lossy(&message[..length])
            .trim()
            .to_owned()
    };
    let http = format!("127.0.0.1:{}", free_ports(1));
    let mut alone = Started::of(
        Command::new(PROGRAM)
            .args([
                "node",
                "run",
                "--log-format",
                "json",
                "--http",
                &http,
                "--config",
            ])
            .arg(nodes.join("n0/config.toml"))
            .env("NOTIFY_SOCKET", &socket)
            .env("WATCHDOG_USEC", "200000")
            .env_remove("CHAINSPACE_LOG")
            .stdin(Stdio::null())
            .stderr(Stdio::piped()),
    );
    assert_eq!(told(), "READY=1");
    assert_eq!(told(), "WATCHDOG=1");
    assert_eq!(told(), "WATCHDOG=1", "again and again");

    // Somebody is in the middle of asking when it is told to stop.
    let mut asking = TcpStream::connect(&http).expect("the node listens");
    asking
        .write_all(b"GET /livez HTTP/1.1\r\n")
        .expect("it is read");
    signal(alone.0.id(), Signal::SIGTERM);
    eventually("the node says that it stops", || {
        (told() == "STOPPING=1").then_some(())
    });
    let ended = alone.wait();
    assert!(ended.success(), "{ended}");

    let mut log = String::new();
    let stderr = alone.0.stderr.as_mut().expect("stderr is a pipe");
    stderr.read_to_string(&mut log).expect("it is text");
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let has = |message: &str| lines.iter().any(|line| line["message"] == message);
    assert!(has("listening") && has("stopped"), "{log}");
}

/// What doctor says about a check: its level, what was found and the fix.
#[track_caller]
fn check<'a>(node: &'a Value, name: &str, found: &str) -> (&'a str, String) {
    let checks = node["checks"].as_array().expect("a list");
    let check = checks.iter().find(|check| {
        check["check"] == name
            && check["found"]
                .as_str()
                .is_some_and(|text| text.contains(found))
    });
    let check = check.unwrap_or_else(|| panic!("{name}, {found}: {node:#}"));
    let fix = check["fix"].as_str().unwrap_or_default().to_owned();
    (check["level"].as_str().expect("a word"), fix)
}

#[test]
fn doctor_finds_nothing_wrong_with_a_network_that_runs() {
    let folder = folder();
    let base = free_ports(4);
    let mut network = Network::start_in(folder.path(), &["--http", &base.to_string()]);
    network.agreed_head();
    let first = &network.nodes()[0];
    assert_eq!(first["http"], format!("http://127.0.0.1:{base}"));
    eventually("all nodes are linked", || {
        network
            .nodes()
            .iter()
            .all(|node| node["peers"] == 3)
            .then_some(())
    });
    let answers = [
        "held by this node",
        "served by this node",
        "3 of 3 answer",
        "3 of 3 other members",
    ];
    let linked = eventually("all nodes answer in time", || {
        let ran = network.run(&["doctor", "--json"]);
        let by_all = |answer: &&str| ran.stdout.matches(*answer).count() == 4;
        answers.iter().all(by_all).then(|| ran.data(0))
    });
    let nodes = linked["nodes"].as_array().expect("nodes");
    assert_eq!(nodes.len(), 4);
    for node in nodes {
        for (name, found) in [
            ("member key", "node "),
            ("genesis", "a founder of shard 0"),
            ("port", "held by this node"),
            ("http", "served by this node"),
            ("bootnodes", "3 of 3 answer"),
            ("links", "3 of 3 other members of shard 0"),
            ("ready", "at height"),
        ] {
            assert_eq!(check(node, name, found).0, "ok", "{name}");
        }
        // How fast it is depends on who else uses the disk.
        check(node, "disk sync", "fdatasync takes");
    }
    eventually("people are told so, too", || {
        let text = network.run(&["doctor"]);
        let last = text.stdout.lines().last().unwrap_or_default();
        last.starts_with("no problem, ").then_some(())
    });

    // One is gone: that is nothing that keeps the others from running.
    network.json(0, &["testnet", "kill", "n3"]);
    let config = network.root().join("nodes/n0/config.toml");
    let config = config.to_str().expect("the path is text");
    eventually("the loss is noticed", || {
        (network.nodes()[0]["peers"] == 2).then_some(())
    });
    let data = eventually("the two others answer in time", || {
        let ran = network.run(&["doctor", "--json", "--config", config]);
        let answers = ["held by this node", "2 of 3 answer"];
        let all = answers.iter().all(|answer| ran.stdout.contains(*answer));
        all.then(|| ran.data(0))
    });
    let node = &data["nodes"][0];
    assert_eq!(
        check(node, "bootnode", "nobody can be reached").0,
        "warning"
    );
    assert_eq!(check(node, "links", "2 of 3").0, "warning");
    network.json(0, &["testnet", "stop"]);
    assert!(network.wait().success());
}

#[test]
fn doctor_names_every_problem_with_its_fix() {
    let (folder, nodes) = stopped();
    let config = nodes.join("n0/config.toml");
    let text = fs::read_to_string(&config).expect("the configuration is there");
    let doctor = |arguments: &[&str]| {
        let config = config.to_str().expect("the path is text");
        let all = [&["doctor", "--json", "--config", config], arguments].concat();
        run(folder.path(), &all)
    };
    // Nobody runs, so nobody answers.
    let node = doctor(&[]).data(1)["nodes"][0].clone();
    assert_eq!(check(&node, "port", "is free").0, "ok");
    assert_eq!(check(&node, "bootnodes", "0 of 3 answer").0, "problem");

    let key = nodes.join("n0/member.key");
    fs::set_permissions(&key, Permissions::from_mode(0o644)).expect("it is ours");
    let taken = TcpListener::bind("127.0.0.1:0").expect("there are free ports");
    let port = taken.local_addr().expect("it listens").port();
    let listen = format!("/ip4/127.0.0.1/tcp/{port}");
    let node =
        doctor(&["--listen", &listen, "--set", "genesis=nowhere"]).data(1)["nodes"][0].clone();
    let (level, _) = check(&node, "member key", "chmod 600");
    assert_eq!(level, "problem");
    let (level, fix) = check(&node, "port", "which is not this node");
    assert_eq!((level, fix.contains("another port")), ("problem", true));
    let (level, fix) = check(&node, "genesis", "nowhere");
    assert_eq!((level, fix.contains("hash")), ("problem", true));

    fs::write(&config, format!("colour = \"red\"\n{text}")).expect("it can be written");
    let ran = doctor(&[]);
    let node = ran.data(1)["nodes"][0].clone();
    assert_eq!(check(&node, "configuration", "`colour`").0, "problem");
    assert_eq!(ran.envelope()["success"], false);
}

#[test]
fn doctor_tells_a_bootnode_of_another_network() {
    let ours = Network::start();
    let (folder, nodes) = stopped();
    let stranger = ours.nodes()[0]["api"].as_str().expect("a text").to_owned();
    let config = nodes.join("n0/config.toml");
    let config = config.to_str().expect("the path is text");
    let arguments = [
        "doctor",
        "--json",
        "--config",
        config,
        "--bootnode",
        &stranger,
    ];
    let network = ours.events[0]["network"].as_str().expect("a text");
    let data = eventually("the stranger answers in time", || {
        let ran = run(folder.path(), &arguments);
        ran.stdout.contains(network).then(|| ran.data(1))
    });
    let (level, fix) = check(&data["nodes"][0], "bootnode", network);
    assert_eq!((level, fix.contains("genesis")), ("problem", true));
}

#[test]
fn without_a_network_doctor_asks_for_a_configuration() {
    let folder = folder();
    let ran = run(folder.path(), &["doctor"]);
    assert_eq!(ran.code, 13, "{ran:?}");
    assert!(ran.stderr.contains("--config"), "{ran:?}");
}
