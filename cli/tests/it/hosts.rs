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

/// On which host each of the four nodes of the shard runs.
const HOSTS: [usize; 4] = [0, 0, 1, 2];

/// Nodes that run on hosts, and a folder from which they can be paid.
struct Spread {
    folder: TempDir,
    hosts: Vec<Host>,
    nodes: Vec<Option<Child>>,
}

impl Spread {
    /// A network of one shard that was made on one host, taken apart and put on several.
    fn start() -> Self {
        let folder = folder();
        let endpoint = made_in(folder.path());
        let hosts: Vec<Host> = (0..3).map(Host::plug_in).collect();
        let root = folder.path().join(".chainspace/local");
        let nodes = endpoint["nodes"].as_array().expect("nodes");
        let moved: Vec<(String, String)> = nodes
            .iter()
            .zip(HOSTS)
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
        for node in 0..HOSTS.len() {
            let config = root.join(format!("nodes/n{node}/config.toml"));
            let text = fs::read_to_string(&config).expect("the node is configured");
            fs::write(&config, rewrite(text)).expect("the folder is ours");
        }
        let found = rewrite(endpoint.to_string());
        fs::write(root.join("endpoint.json"), found).expect("the folder is ours");
        let mut spread = Self {
            folder,
            hosts,
            nodes: HOSTS.map(|_| None).into(),
        };
        for node in 0..HOSTS.len() {
            spread.start_node(node);
        }
        spread
    }

    fn start_node(&mut self, node: usize) {
        let root = self.folder.path().join(".chainspace/local");
        let log = fs::File::create(root.join(format!("logs/n{node}.log")));
        let mut command = self.hosts[HOSTS[node]].command(PROGRAM);
        command
            .args(["node", "run", "--exit-with-parent", "--config"])
            .arg(root.join(format!("nodes/n{node}/config.toml")))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log.expect("the folder is ours"));
        self.nodes[node] = Some(command.spawn().expect("the node starts"));
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
        for child in self.nodes.iter_mut().flatten() {
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
    spread.hosts[2].unplug();
    let unknown = spread.send("2");
    assert_eq!(unknown.code, 11, "{unknown:?}");
    let sent = unknown.envelope()["data"]["transaction"].clone();
    spread.hosts[2].plug();
    assert_eq!(spread.pays()["transaction"], sent, "it is paid once");
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
