//! Where in the table an entry is.

use libp2p::kad::RecordKey;
use model::{NetworkId, NodeId, ShardId};
use sha2::{Digest, Sha256};

/// The place of an entry: a hash, so that nobody can choose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key([u8; 32]);

impl Key {
    /// Where the record of a node is.
    pub(crate) fn of_node(network: &NetworkId, node: &NodeId) -> Self {
        Self::of(b"cs-node", network, node.key().as_bytes())
    }

    /// Where those are who serve a shard.
    pub(crate) fn of_shard(network: &NetworkId, shard: ShardId) -> Self {
        Self::of(b"cs-shard", network, &shard.number().to_be_bytes())
    }

    fn of(kind: &[u8], network: &NetworkId, what: &[u8]) -> Self {
        let hash = Sha256::new()
            .chain_update(kind)
            .chain_update(network.as_bytes())
            .chain_update(what);
        Self(hash.finalize().into())
    }

    /// The place that a peer names, if it is one at all.
    pub(super) fn read(key: &RecordKey) -> Option<Self> {
        key.as_ref().try_into().ok().map(Self)
    }
}

impl From<Key> for RecordKey {
    fn from(key: Key) -> Self {
        Self::new(&key.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::PublicKey;

    /// Nodes of two versions must look in the same place.
    #[test]
    fn the_places_are_these() {
        let network = NetworkId::from_bytes([7; 32]);
        let node = NodeId::new(PublicKey::from_bytes([1; 32]));
        let hex = |key: Key| -> String { key.0.iter().map(|b| format!("{b:02x}")).collect() };
        assert_eq!(hex(Key::of_node(&network, &node)), NODE);
        assert_eq!(hex(Key::of_shard(&network, ShardId::new(2))), SHARD);
    }

    // sha256sum of "cs-node", 32 bytes of 7 and 32 bytes of 1.
    const NODE: &str = "be721660e86f6c2de27639700a4900ede3382dc7485ebe95dc893f4fe850b344";
    // sha256sum of "cs-shard", 32 bytes of 7 and 00000002.
    const SHARD: &str = "8c436164180519ccd5eaf9052733cba65fc6fd272f8738b7ca5911de1973842f";
}
