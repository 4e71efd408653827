//! Doors for the fuzz targets: what bytes of strangers come to before a peer is known.
//!
//! They are behind a feature that no program is built with. What is asserted about them is said in
//! the crate `fuzz`; here they only give out what they made of the bytes.

use futures::executor::block_on;
use futures::io::Cursor;
use libp2p::PeerId;
use libp2p::identity::Keypair;
use model::{NetworkId, NodeId, encoding};

use crate::codec::{FrameError, read_frame};
use crate::config::parse_dial;
use crate::identity::{Hello, PeerName, Sign, is_agent};
use crate::neighbour::{Batch, split};
use crate::reach::Reach;
use crate::record::{NodeRecord, Rules, SignedRecord};

/// Reads frames of at most `limit` bytes as long as there are any, and says whether the stream ended
/// between two of them.
#[must_use]
pub fn frames(bytes: &[u8], limit: usize) -> (Vec<Vec<u8>>, bool) {
    let mut stream = Cursor::new(bytes);
    let mut frames = Vec::new();
    loop {
        match block_on(read_frame(&mut stream, limit)) {
            Ok(frame) => frames.push(frame),
            Err(error) => return (frames, matches!(error, FrameError::Ended)),
        }
    }
}

/// The frames in what a neighbour tells, if it is a batch.
#[must_use]
pub fn batch(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let frames = split(bytes).ok()?;
    Some(frames.into_iter().map(<[u8]>::to_vec).collect())
}

/// Several frames as a neighbour tells them: where fuzzing begins.
#[must_use]
pub fn batch_of(first: &[u8], others: &[&[u8]]) -> Vec<u8> {
    let mut batch = Batch::of(first);
    for frame in others {
        batch.push(frame);
    }
    batch.into_body()
}

/// What was made of a greeting.
#[derive(Clone, Debug)]
pub struct Greeted {
    /// The greeting as this node would write it.
    pub written: Vec<u8>,
    /// Whether the software version can be shown.
    pub agent_shown: bool,
    /// The node and the peer that the record ties together, if there is one that does.
    pub proven: Option<(NodeId, PeerName)>,
}

/// Reads a greeting, as if the peer that its record names had said it in the network it names.
#[must_use]
pub fn hello(bytes: &[u8]) -> Option<Greeted> {
    let hello = Hello::decode(bytes).ok()?;
    let written = encoding::encode(&hello);
    let agent_shown = is_agent(&hello.agent);
    let proven = hello.record.and_then(|signed| {
        let peer = PeerId::from_bytes(signed.peer()).ok()?;
        let record = signed.verify(&hello.network, &peer).ok()?;
        Some((record.node, PeerName(peer)))
    });
    Some(Greeted {
        written,
        agent_shown,
        proven,
    })
}

/// What was made of the record of a node.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The record as this node would write it.
    pub written: Vec<u8>,
    /// The node and the peer that it ties together, if it may be kept for others.
    pub proven: Option<(NodeId, PeerName)>,
}

/// Reads the record of a node, as if this were the network it names.
#[must_use]
pub fn node_record(bytes: &[u8]) -> Option<Recorded> {
    let signed = SignedRecord::decode(bytes).ok()?;
    let rules = Rules {
        network: signed.record.network,
        reach: Reach::Local,
    };
    let proven = signed.prove(&rules, 0).ok();
    Some(Recorded {
        written: signed.encode(),
        proven: proven.map(|proven| (proven.node, PeerName(proven.peer))),
    })
}

/// The record of a node whose transport key has this seed: where fuzzing begins.
#[must_use]
pub fn record_of(network: NetworkId, node: NodeId, seed: [u8; 32], sign: &Sign) -> Vec<u8> {
    signed(network, node, seed, sign).encode()
}

/// A greeting as a node would say it whose transport key has this seed: where fuzzing begins.
#[must_use]
pub fn greeting(network: NetworkId, node: NodeId, seed: [u8; 32], sign: &Sign) -> Vec<u8> {
    encoding::encode(&Hello {
        network,
        agent: "chainspace/0.1.0".to_owned(),
        record: Some(signed(network, node, seed, sign)),
    })
}

fn signed(network: NetworkId, node: NodeId, seed: [u8; 32], sign: &Sign) -> SignedRecord {
    let keys = Keypair::ed25519_from_bytes(seed).expect("32 bytes are a seed");
    let record = NodeRecord {
        network,
        node,
        peer: keys.public().to_peer_id().to_bytes().into(),
        addresses: vec!["/ip4/127.0.0.1/tcp/9000".to_owned()],
        sequence: 1,
        expires: 1,
    };
    record.sign(sign)
}

/// The address that a text means, as this node would write it, if it is one to dial.
#[must_use]
pub fn address(text: &str) -> Option<String> {
    parse_dial(text).ok().map(|address| address.to_string())
}
