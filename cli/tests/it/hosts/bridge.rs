//! Hosts that are network namespaces, and the bridge that their cables go to.

use std::fs;
use std::io::{self, Write as _};
use std::process::{Child, Command, Stdio};

use crate::support::eventually;

/// What makes namespaces, and enters them.
const UNSHARE: &str = "unshare";
const NSENTER: &str = "nsenter";

/// Set in the environment of a test that runs inside.
const INSIDE: &str = "CHAINSPACE_TEST_INSIDE";

/// The bridge, and its own address: that of whoever pays.
const BRIDGE: &str = "csbr";
const ADDRESS: &str = "10.77.0.254/24";

/// Whether this is the inside of namespaces in which hosts can be made. On the outside the test `name`
/// is run inside, if the system permits that, and this is `false` when it has passed.
#[track_caller]
pub(super) fn inside(name: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        ip(&["link", "set", "lo", "up"]);
        ip(&["link", "add", BRIDGE, "type", "bridge"]);
        ip(&["addr", "add", ADDRESS, "dev", BRIDGE]);
        ip(&["link", "set", BRIDGE, "up"]);
        return true;
    }
    if let Err(why) = permitted() {
        // Not by `eprintln`, of which nobody sees anything when a test passes.
        let _ = writeln!(
            io::stderr(),
            "NOT TESTED: {name}: this system does not let a test make hosts: {why}"
        );
        return false;
    }
    let this = std::env::current_exe().expect("this program");
    let ran = Command::new(UNSHARE)
        .args(["--map-root-user", "--net"])
        .arg(this)
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .status();
    assert!(ran.expect("it was permitted").success(), "{name}: inside");
    false
}

/// Whether the system permits all that is needed: a bridge in namespaces of our own, a cable, another
/// namespace, and a command in it.
fn permitted() -> Result<(), String> {
    const TRY: &str = "ip link add name csb type bridge \
                       && ip link add name csv type veth peer name csw \
                       && unshare --net true && nsenter --net=/proc/self/ns/net true";
    let tried = Command::new(UNSHARE)
        .args(["--map-root-user", "--net", "sh", "-c", TRY])
        .output()
        .map_err(|error| format!("cannot run {UNSHARE}: {error}"))?;
    let said = String::from_utf8_lossy(&tried.stderr).trim().to_owned();
    tried.status.success().then_some(()).ok_or(said)
}

/// A host: a namespace that is there as long as its process is.
pub(super) struct Host {
    holder: Child,
    /// The end of its cable at the bridge.
    port: String,
    address: String,
}

impl Host {
    /// Makes a host and plugs its cable in.
    pub(super) fn plug_in(number: usize) -> Self {
        let holder = Command::new(UNSHARE)
            .args(["--net", "cat"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("it was permitted");
        let host = Self {
            holder,
            port: format!("csport{number}"),
            address: format!("10.77.0.{}", number + 1),
        };
        let pid = host.holder.id();
        let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).ok();
        eventually("the host has a namespace of its own", || {
            let its = namespace(&pid.to_string())?;
            (Some(its) != namespace("self")).then_some(())
        });
        let (port, end) = (host.port.as_str(), format!("csend{number}"));
        ip(&["link", "add", port, "type", "veth", "peer", "name", &end]);
        ip(&["link", "set", port, "master", BRIDGE, "up"]);
        ip(&["link", "set", &end, "netns", &pid.to_string()]);
        host.ip(&["addr", "add", &format!("{}/24", host.address), "dev", &end]);
        host.ip(&["link", "set", &end, "up"]);
        host.ip(&["link", "set", "lo", "up"]);
        host
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// A command that runs on the host.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(NSENTER);
        let namespace = format!("--net=/proc/{}/ns/net", self.holder.id());
        command.arg(namespace).arg(program);
        command
    }

    /// Pulls the cable.
    pub(super) fn unplug(&self) {
        ip(&["link", "set", &self.port, "down"]);
    }

    /// Puts the cable back.
    pub(super) fn plug(&self) {
        ip(&["link", "set", &self.port, "up"]);
    }

    #[track_caller]
    fn ip(&self, arguments: &[&str]) {
        succeeds(self.command("ip").args(arguments));
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

#[track_caller]
fn ip(arguments: &[&str]) {
    succeeds(Command::new("ip").args(arguments));
}

#[track_caller]
fn succeeds(command: &mut Command) {
    let ran = command.output().expect("it was permitted");
    assert!(ran.status.success(), "{command:?}: {ran:?}");
}
