//! Tests of the choice of ports.

use model::NetworkId;

use super::{LocalError, TcpListener, assign};
use crate::local::manifest::{Manifest, ManifestNode};

fn manifest(ports: &[u16]) -> Manifest {
    let nodes = ports.iter().enumerate().map(|(index, port)| ManifestNode {
        name: format!("n{index}"),
        port: *port,
    });
    let network = NetworkId::from_bytes([7; 32]);
    Manifest::new("local-test".to_owned(), network, false, nodes.collect())
}

fn ports(manifest: &Manifest) -> Vec<u16> {
    manifest.nodes.iter().map(|node| node.port).collect()
}

#[test]
fn every_node_gets_a_port_of_its_own_and_keeps_it() {
    let mut manifest = manifest(&[0; 4]);
    let (held, notes) = assign(&mut manifest, None).expect("there are free ports");
    assert!(notes.is_empty(), "{notes:?}");
    let first = ports(&manifest);
    let mut distinct = first.clone();
    distinct.dedup();
    assert_eq!(distinct.len(), 4, "{first:?}");
    drop(held);
    assign(&mut manifest, None).expect("the same ports are free again");
    assert_eq!(ports(&manifest), first);
}

#[test]
fn a_port_that_is_taken_is_replaced_and_said() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = taken.local_addr().expect("it is bound").port();
    let mut manifest = manifest(&[port]);
    let (_held, notes) = assign(&mut manifest, None).expect("there are free ports");
    assert_ne!(ports(&manifest), [port]);
    assert!(notes[0].contains(&port.to_string()), "{notes:?}");
}

#[test]
fn a_port_that_was_asked_for_is_had_or_refused_with_its_holder() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let taken_port = taken.local_addr().expect("it is bound").port();
    let error = assign(&mut manifest(&[0]), Some(taken_port)).expect_err("the port is taken");
    let LocalError::PortTaken { port, node, reason } = error else {
        panic!("another error: {error}");
    };
    assert_eq!((port, &*node), (taken_port, "n0"));
    if cfg!(target_os = "linux") {
        assert!(reason.contains(&std::process::id().to_string()), "{reason}");
    }
}

#[test]
fn ports_in_a_row_are_none_that_a_node_gets() {
    let first = super::free(8).expect("there are eight");
    assert!((30_000..32_000).contains(&first), "{first}");
    assert!(matches!(super::free(40_000), Err(LocalError::NoPort)));
}

#[test]
fn networks_look_for_ports_at_places_of_their_own() {
    let first = |byte| super::candidates(&NetworkId::from_bytes([byte; 32])).next();
    assert_ne!(first(1), first(2));
    let all: Vec<u16> = super::candidates(&NetworkId::from_bytes([255; 32])).collect();
    assert_eq!(all.len(), usize::from(super::COUNT));
    assert!(all.iter().all(|port| (10_000..30_000).contains(port)));
}
