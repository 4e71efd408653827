//! Nodes on several hosts: network namespaces with a cable each to one bridge, which can be pulled.
//!
//! The test runs itself again inside a user and a network namespace of its own, where it may do as it
//! likes, and builds the hosts there. Where the system does not permit that it says so and proves nothing.

mod bridge;

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Network, PROGRAM, Ran, eventually, folder, number, run};
use bridge::{Host, inside};

const CSC: u64 = 1_000_000_000;

/// Three hosts, and on which of them each of the four nodes of a shard runs.
const THREE: [usize; 4] = [0, 0, 1, 2];

/// Two hosts for the members; the bootnode is on the one that is left.
const TWO: [usize; 4] = [1, 1, 2, 2];

/// Where the bootnode listens that is no member.
const BOOTNODE: &str = "/ip4/10.77.0.1/tcp/4700";

/// Nodes that run on hosts, and a folder from which they can be paid.
struct Spread {
    folder: TempDir,
    hosts: Vec<Host>,
    places: [usize; 4],
    nodes: Vec<Option<Child>>,
    bootnode: Option<Child>,
}

impl Spread {
    /// A network of one shard that was made on one host, taken apart and put on several. Each member is
    /// told where all others are.
    fn start() -> Self {
        let mut spread = Self::take_apart(THREE);
        spread.start_nodes();
        spread
    }

    /// The same with members who are told where a bootnode is that is in no shard, and nothing else: what
    /// the network file says of them was true before they were taken apart.
    fn with_bootnode() -> Self {
        let mut spread = Self::take_apart(TWO);
        let root = spread.folder.path().join(".chainspace/local");
        for node in 0..spread.places.len() {
            let folder = root.join(format!("nodes/n{node}"));
            let config = folder.join("config.toml");
            let text = fs::read_to_string(&config).expect("the node is configured");
            let lines = text.lines().map(|line| match line.split_once(" = ") {
                Some(("bootnodes", _)) => format!("bootnodes = [\"{BOOTNODE}\"]"),
                _ => line.to_owned(),
            });
            let lines: Vec<String> = lines.collect();
            assert_eq!(lines.join("\n").matches(BOOTNODE).count(), 1, "{lines:?}");
            fs::write(&config, lines.join("\n")).expect("the folder is ours");
            // Whom it met before, when all of them were on one host.
            let _ = fs::remove_file(folder.join("store/peers"));
        }
        spread.start_bootnode(&root);
        spread.start_nodes();
        spread
    }

    fn start_bootnode(&mut self, root: &Path) {
        let (genesis, hub) = (root.join("genesis"), root.join("hub"));
        let made = run(
            self.folder.path(),
            &[
                "join",
                genesis.to_str().expect("it is text"),
                hub.to_str().expect("it is text"),
                "--listen",
                BOOTNODE,
            ],
        );
        assert_eq!(made.code, 0, "{made:?}");
        let (config, log) = (hub.join("node.toml"), root.join("logs/hub.log"));
        self.bootnode = Some(self.run_node(0, &config, &log));
    }

    /// A network that was made on one host and stopped, with places for its nodes on others.
    fn take_apart(places: [usize; 4]) -> Self {
        let folder = folder();
        let endpoint = made_in(folder.path());
        let hosts: Vec<Host> = (0..3).map(Host::plug_in).collect();
        let root = folder.path().join(".chainspace/local");
        let nodes = endpoint["nodes"].as_array().expect("nodes");
        let moved: Vec<(String, String)> = nodes
            .iter()
            .zip(places)
            .map(|(node, host)| {
                let here = node["api"].as_str().expect("an address").to_owned();
                let there = here.replace("127.0.0.1", hosts[host].address());
                (here, there)
            })
            .collect();
        let rewrite = |text: String| {
            moved
                .iter()
                .fold(text, |text, (here, there)| text.replace(here, there))
        };
        for node in 0..places.len() {
            let config = root.join(format!("nodes/n{node}/config.toml"));
            let text = fs::read_to_string(&config).expect("the node is configured");
            fs::write(&config, rewrite(text)).expect("the folder is ours");
        }
        let found = rewrite(endpoint.to_string());
        fs::write(root.join("endpoint.json"), found).expect("the folder is ours");
        Self {
            folder,
            hosts,
            places,
            nodes: places.map(|_| None).into(),
            bootnode: None,
        }
    }

    fn start_nodes(&mut self) {
        for node in 0..self.places.len() {
            self.start_node(node);
        }
    }

    fn start_node(&mut self, node: usize) {
        let root = self.folder.path().join(".chainspace/local");
        let config = root.join(format!("nodes/n{node}/config.toml"));
        let log = root.join(format!("logs/n{node}.log"));
        self.nodes[node] = Some(self.run_node(self.places[node], &config, &log));
    }

    fn run_node(&self, host: usize, config: &Path, log: &Path) -> Child {
        let log = fs::File::create(log).expect("the folder is ours");
        let mut command = self.hosts[host].command(PROGRAM);
        command
            .args(["node", "run", "--exit-with-parent", "--config"])
            .arg(config)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log);
        command.spawn().expect("the node starts")
    }

    fn kill_node(&mut self, node: usize) {
        let mut child = self.nodes[node].take().expect("it runs");
        child.kill().expect("it is our child");
        child.wait().expect("it is our child");
    }

    /// Pays one CSC, once, however often it has to be asked for.
    fn pays(&self) -> Value {
        eventually("a payment commits", || {
            let ran = self.send("5");
            (ran.code == 0).then(|| ran.envelope()["data"].clone())
        })
    }

    /// Pays one CSC while this host is missing: nobody knows what becomes of it until the host is back, and
    /// it is paid once.
    fn pays_once_there_is(&self, host: usize) {
        self.hosts[host].unplug();
        let unknown = self.send("10");
        assert_eq!(unknown.code, 11, "{unknown:?}");
        let sent = unknown.envelope()["data"]["transaction"].clone();
        self.hosts[host].plug();
        assert_eq!(self.pays()["transaction"], sent, "it is paid once");
    }

    fn send(&self, seconds: &str) -> Ran {
        let send = ["send", "1", "bob", "--from", "alice", "--json"];
        run(
            self.folder.path(),
            &[&send[..], &["--timeout", seconds]].concat(),
        )
    }

    fn balance(&self) -> u64 {
        let show = ["account", "show", "bob", "--json"];
        let data = run(self.folder.path(), &show).data(0);
        number(&data["balance"])
    }
}

impl Drop for Spread {
    fn drop(&mut self) {
        let all = self.nodes.iter_mut().chain([&mut self.bootnode]);
        for child in all.flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Makes a network in a folder, stops it, and returns where it was to be found.
fn made_in(folder: &Path) -> Value {
    let mut network = Network::start_in(folder, &[]);
    let endpoint = fs::read_to_string(network.root().join("endpoint.json"));
    network.run(&["testnet", "stop"]);
    assert!(network.wait().success());
    serde_json::from_str(&endpoint.expect("it is there")).expect("it is JSON")
}

#[test]
fn hosts_that_are_cut_off_and_healed_lose_nothing() {
    if !inside("hosts::hosts_that_are_cut_off_and_healed_lose_nothing") {
        return;
    }
    let mut spread = Spread::start();
    spread.pays();
    // Three of four are enough.
    spread.hosts[1].unplug();
    spread.pays();
    // Two are not.
    spread.pays_once_there_is(2);
    // Now it takes the node that was cut off first, and all that it has missed.
    spread.hosts[1].plug();
    spread.kill_node(1);
    spread.pays();
    // And a host that was switched off.
    spread.start_node(1);
    spread.kill_node(0);
    spread.pays();
    assert_eq!(spread.balance(), 1_005 * CSC);
}

#[test]
fn hosts_that_know_a_bootnode_find_each_other_and_lose_nothing_when_they_are_cut_off() {
    if !inside(
        "hosts::hosts_that_know_a_bootnode_find_each_other_and_lose_nothing_when_they_are_cut_off",
    ) {
        return;
    }
    let spread = Spread::with_bootnode();
    // Two members are on each host, and it takes three.
    spread.pays();
    spread.pays_once_there_is(2);
    // They need nobody any more to find each other again.
    spread.hosts[0].unplug();
    spread.hosts[1].unplug();
    spread.hosts[1].plug();
    spread.pays();
    assert_eq!(spread.balance(), 1_003 * CSC);
}
