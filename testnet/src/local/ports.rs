//! Ports on loopback for the nodes.
//!
//! They are below the range from which systems take ports for outgoing connections, so that a node
//! that is restarted finds its port as it left it. The search starts at a place that depends on the
//! name of the network: networks that start at the same moment do not reach for the same ports.

#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, TcpListener};

use model::NetworkId;

use super::error::LocalError;
use super::holder;
use super::manifest::Manifest;

const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

/// Ports that no node is given.
const SPARE: u16 = FIRST + COUNT;
const SPARE_COUNT: u16 = 2_000;

/// Ports that are bound, and therefore free until they are let go of.
#[derive(Debug, Default)]
pub(crate) struct Held(Vec<TcpListener>);

/// Gives every node of the manifest a free port: the one it had, or the next free one.
///
/// With `base`, node `i` gets port `base + i` and no other. Returns the ports, bound, and a sentence
/// for each node that had to move.
///
/// # Errors
///
/// [`LocalError::PortTaken`] if a port of `base` is not free, [`LocalError::NoPort`] if none is.
pub(crate) fn assign(
    manifest: &mut Manifest,
    base: Option<u16>,
) -> Result<(Held, Vec<String>), LocalError> {
    let mut held = Held::default();
    let mut notes = Vec::new();
    let mut candidates = candidates(&manifest.network);
    for (index, node) in (0_u16..).zip(&mut manifest.nodes) {
        if let Some(base) = base {
            node.port = base.saturating_add(index);
            held.0.push(bind_fixed(node.port, &node.name)?);
        } else if let Some(listener) = (node.port != 0).then(|| bind(node.port)).flatten() {
            held.0.push(listener);
        } else {
            let listener = candidates.find_map(bind).ok_or(LocalError::NoPort)?;
            let port = listener.local_addr().map_or(0, |address| address.port());
            if node.port != 0 {
                notes.push(format!(
                    "port {} is taken by another program, {} uses {port} from now on",
                    node.port, node.name
                ));
            }
            node.port = port;
            held.0.push(listener);
        }
    }
    Ok((held, notes))
}

/// The first of so many ports in a row that are free now, and that no node gets by itself: for what a
/// measurement serves.
///
/// # Errors
///
/// [`LocalError::NoPort`] if there are none.
pub fn free(count: usize) -> Result<u16, LocalError> {
    // Measurements that begin at the same moment do not look in the same order.
    let start = (std::process::id() % u32::from(SPARE_COUNT)) as u16;
    let bases = (0..SPARE_COUNT).map(|step| SPARE + (start + step) % SPARE_COUNT);
    let mut bases = bases.filter(|base| {
        let count = u16::try_from(count).ok();
        let end = count.and_then(|count| base.checked_add(count));
        end.is_some_and(|end| (*base..end).all(|port| bind(port).is_some()))
    });
    bases.next().ok_or(LocalError::NoPort)
}

fn candidates(network: &NetworkId) -> impl Iterator<Item = u16> + use<> {
    let [a, b, ..] = *network.as_bytes();
    let start = u16::from_be_bytes([a, b]) % COUNT;
    (0..COUNT).map(move |step| FIRST + (start + step) % COUNT)
}

fn bind(port: u16) -> Option<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
}

fn bind_fixed(port: u16, node: &str) -> Result<TcpListener, LocalError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| LocalError::PortTaken {
        port,
        node: node.to_owned(),
        reason: match holder::of(port) {
            Some(holder) => format!("{holder} listens there"),
            None => error.to_string(),
        },
    })
}
