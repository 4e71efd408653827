//! Tests of who is told what about whom.

use std::collections::BTreeSet;
use std::path::Path;

use super::{DELAY_MS_MAX, Station, Way, Weather};
use crate::local::LocalError;
use net::PeerName;

/// The weather of four nodes.
fn weather(folder: &Path) -> Weather {
    let station = |node: u8| Station {
        peer: PeerName::of_transport_seed(&[node; 32].into()),
        file: folder.join(format!("n{node}")),
    };
    Weather {
        nodes: (0..4).map(station).collect(),
        apart: BTreeSet::new(),
        delays: [].into(),
    }
}

/// The peers that a node is told about, by number.
fn told(weather: &Weather, node: usize) -> Vec<(usize, Way)> {
    let written = weather.written(node).peers;
    let nodes = weather.nodes.iter().enumerate();
    nodes
        .filter_map(|(at, station)| Some((at, *written.get(&station.peer.to_string())?)))
        .collect()
}

#[test]
fn both_ends_of_every_cut_are_told_and_those_of_one_side_hear_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut weather = weather(folder.path());
    weather.part([1, 3].into()).expect("there are others");
    let cut = Way {
        cut: true,
        delay_ms: 0,
    };
    for (node, others) in [(0, [1, 3]), (1, [0, 2]), (2, [1, 3]), (3, [0, 2])] {
        assert_eq!(told(&weather, node), others.map(|other| (other, cut)));
    }
    let text = std::fs::read_to_string(folder.path().join("n0")).expect("it was written");
    assert!(text.contains("cut = true"), "{text}");
    weather.heal().expect("it can be written");
    assert!((0..4).all(|node| told(&weather, node).is_empty()));
}

#[test]
fn a_node_that_is_late_hears_all_others_late_and_nobody_else_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut weather = weather(folder.path());
    weather.delay(2, 200).expect("it is short enough");
    let late = Way {
        cut: false,
        delay_ms: 200,
    };
    assert_eq!(told(&weather, 2), [(0, late), (1, late), (3, late)]);
    assert!(
        [0, 1, 3]
            .iter()
            .all(|node| told(&weather, *node).is_empty())
    );
    weather.delay(2, 0).expect("it ends");
    assert!(told(&weather, 2).is_empty());
}

#[test]
fn a_partition_without_another_side_and_a_delay_that_is_too_long_change_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut weather = weather(folder.path());
    for apart in [BTreeSet::new(), (0..4).collect()] {
        assert!(matches!(weather.part(apart), Err(LocalError::NoOtherSide)));
    }
    let long = weather.delay(1, DELAY_MS_MAX + 1);
    assert!(matches!(long, Err(LocalError::Delay(_))));
    assert!((0..4).all(|node| told(&weather, node).is_empty()));
}
