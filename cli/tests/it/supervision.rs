//! Starting, stopping, resuming, forgetting.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use nix::sys::signal::Signal;

use crate::support::{Network, eventually, folder, is_alive, pid, run, signal};

#[test]
fn ready_is_the_last_event_and_tells_what_a_program_needs() {
    let network = Network::start();
    let names: Vec<&str> = network
        .events
        .iter()
        .filter_map(|event| event["event"].as_str())
        .collect();
    assert_eq!(
        names,
        ["network", "answering", "linked", "self_test", "ready"]
    );
    let ready = network.events.last().expect("there are events");
    assert_eq!(ready["api"].as_array().map(Vec::len), Some(4));
    assert_eq!(ready["nodes"].as_array().map(Vec::len), Some(4));
    assert_eq!(ready["accounts"].as_array().map(Vec::len), Some(10));
    assert_eq!(ready["accounts"][0]["name"], "alice");
    assert_eq!(ready["accounts"][0]["balance"], "1000000000000");
    assert!(
        ready["network"].as_str().is_some_and(|id| id.len() == 64),
        "{ready}"
    );
}

#[test]
fn an_interrupted_network_stops_in_order_and_resumes_with_its_ports_and_its_state() {
    let folder = folder();
    let mut network = Network::start_in(folder.path(), &[]);
    network.json(0, &["send", "6", "bob", "--from", "alice"]);
    let before = network.nodes();
    signal(network.supervisor(), Signal::SIGINT);
    assert!(network.wait().success(), "{}", network.stderr());
    assert!(before.iter().filter_map(pid).all(|pid| !is_alive(pid)));
    assert!(!network.root().join("endpoint.json").exists());
    assert_eq!(run(folder.path(), &["account", "list"]).code, 13);

    let network = Network::start_in(folder.path(), &[]);
    assert_eq!(network.events[0]["resumed"], true);
    assert_eq!(network.balance("bob"), 1_006_000_000_000);
    for (before, after) in before.iter().zip(network.nodes()) {
        assert_eq!(before["api"], after["api"]);
    }
}

#[test]
fn a_node_can_be_restarted_whatever_it_is_doing() {
    let network = Network::start();
    for command in [None, Some("pause"), Some("kill")] {
        let before = network.pid(1);
        if let Some(command) = command {
            network.json(0, &["testnet", command, "n1"]);
        }
        network.json(0, &["testnet", "restart", "n1"]);
        assert_ne!(network.pid(1), before, "{command:?}");
        network.agreed_head();
    }
}

#[test]
fn a_second_signal_ends_even_nodes_that_do_not_stop() {
    let mut network = Network::start();
    let pids: Vec<u32> = network.nodes().iter().filter_map(pid).collect();
    signal(network.supervisor(), Signal::SIGINT);
    signal(network.supervisor(), Signal::SIGTERM);
    assert!(network.wait().success(), "{}", network.stderr());
    assert!(pids.into_iter().all(|pid| !is_alive(pid)));
}

#[test]
fn stop_returns_when_nothing_runs_any_more() {
    let mut network = Network::start();
    let pids: Vec<u32> = network.nodes().iter().filter_map(pid).collect();
    network.json(0, &["testnet", "stop"]);
    assert!(pids.into_iter().all(|pid| !is_alive(pid)));
    assert!(network.wait().success());
    assert_eq!(network.run(&["testnet", "stop"]).code, 13);
}

#[test]
fn an_ephemeral_network_leaves_nothing() {
    let folder = folder();
    let mut network = Network::start_in(folder.path(), &["--ephemeral"]);
    network.json(0, &["send", "1", "bob", "--from", "alice"]);
    network.json(0, &["testnet", "stop"]);
    assert!(network.wait().success());
    assert!(!network.root().exists());
}

#[test]
fn reset_asks_and_then_forgets() {
    let folder = folder();
    let mut network = Network::start_in(folder.path(), &[]);
    let first = network.events[0]["network"].clone();
    assert_eq!(network.run(&["testnet", "reset"]).code, 2);
    network.json(0, &["testnet", "reset", "-y"]);
    assert!(network.wait().success());
    assert!(!network.root().exists());
    let network = Network::start_in(folder.path(), &[]);
    assert_ne!(network.events[0]["network"], first);
}

#[test]
fn a_second_up_names_the_process_that_is_in_the_way() {
    let network = Network::start();
    let ran = network.run(&["testnet", "up"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stderr.contains(&network.supervisor().to_string()),
        "{ran:?}"
    );
    assert_eq!(ran.stdout, "");
    network.json(0, &["send", "1", "bob", "--from", "alice"]);
}

#[test]
fn a_port_that_was_taken_meanwhile_is_replaced() {
    let folder = folder();
    let mut network = Network::start_in(folder.path(), &[]);
    let api = network.nodes()[1]["api"]
        .as_str()
        .expect("an address")
        .to_owned();
    network.json(0, &["testnet", "stop"]);
    network.wait();
    let port: u16 = api
        .rsplit('/')
        .next()
        .and_then(|port| port.parse().ok())
        .expect("a port");
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    let network = Network::start_in(folder.path(), &[]);
    assert_ne!(network.nodes()[1]["api"], *api);
    let said = format!("port {port} is taken");
    eventually("the supervisor says so", || {
        network.stderr().contains(&said).then_some(())
    });
    network.json(0, &["send", "1", "bob", "--from", "alice"]);
}

#[test]
fn a_node_that_ends_by_itself_is_reported_with_the_end_of_its_log() {
    let network = Network::start();
    signal(network.pid(2), Signal::SIGTERM);
    eventually("the supervisor says so", || {
        let said = network.stderr();
        let reported = said.contains("node n2 ended with exit code 0")
            && said.contains("stopped")
            && said.contains("chainspace testnet restart n2");
        reported.then_some(())
    });
}

#[test]
fn the_control_socket_is_the_users_and_survives_garbage() {
    let network = Network::start();
    let socket = network.root().join("control.sock");
    let mode = fs::metadata(&socket)
        .expect("the socket is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    for garbage in [
        &b"\n"[..],
        b"{",
        b"{\"command\":\"kill\"}\n",
        &[0xff; 200_000],
        b"",
    ] {
        let mut stream = UnixStream::connect(&socket).expect("the supervisor listens");
        // The supervisor may hang up before it has read everything.
        let _ = stream.write_all(garbage);
    }
    let ran = network.run(&["testnet", "kill", "n9"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("n0, n1, n2, n3"), "{ran:?}");
    network.json(0, &["testnet", "kill", "n0"]);
}

#[test]
fn a_folder_whose_path_is_too_long_for_a_socket_will_do() {
    let folder = folder();
    let deep = folder.path().join("d".repeat(100));
    fs::create_dir(&deep).expect("the folder can be written");
    let network = Network::start_in(&deep, &["--nodes", "7"]);
    assert_eq!(network.nodes().len(), 7);
    network.json(0, &["testnet", "kill", "n5"]);
    network.json(0, &["testnet", "kill", "n6"]);
    network.json(0, &["send", "1", "bob", "--from", "alice"]);
}
