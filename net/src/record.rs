//! Where a node is to be found, in its own words.
//!
//! A [`NodeRecord`] is signed by the member key, so it may come from anybody: the node itself shows
//! it in its greeting, and strangers keep it for each other. It ties the member key to a transport
//! key and to addresses. Of two records of a node the one with the larger sequence number counts.

#[cfg(test)]
mod tests;

use libp2p::{Multiaddr, PeerId};
use model::bounds::{ADDRESS_BYTES_MAX, ADDRESSES_MAX};
use model::encoding::{self, Bytes, DecodeError};
use model::key::verify;
use model::{NetworkId, NodeId, Signature};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bounds::RECORD_BYTES_MAX;
use crate::identity::Sign;
use crate::reach::Reach;

/// What separates the signature under a record from every other signature of a member key.
const RECORD_DOMAIN: &[u8] = b"chainspace/v1/node-record";

/// Where a node is to be found, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeRecord {
    /// The network it is a node of.
    pub(crate) network: NetworkId,
    /// Its member key.
    pub(crate) node: NodeId,
    /// Its peer id, as bytes.
    pub(crate) peer: Bytes,
    /// The addresses it listens at, at most four, without the peer.
    pub(crate) addresses: Vec<String>,
    /// Larger in each record of a node. Of two peers that claim to be one node, the one with the
    /// newer record is.
    pub(crate) sequence: u64,
    /// When strangers should stop believing it, in milliseconds since 1970.
    pub(crate) expires: u64,
}

/// A record and a signature that nobody has checked yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignedRecord {
    pub(crate) record: NodeRecord,
    pub(crate) signature: Signature,
}

/// What a record must say to be kept for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// The network.
    pub(crate) network: NetworkId,
    /// From where its addresses must lead to the node.
    pub(crate) reach: Reach,
}

/// A record that its node has signed and that is of use to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proven {
    pub(crate) node: NodeId,
    pub(crate) peer: PeerId,
    pub(crate) addresses: Vec<Multiaddr>,
    pub(crate) sequence: u64,
    pub(crate) expires: u64,
}

/// Why a record proves nothing, or is of no use.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum RecordError {
    /// The bytes are not the canonical encoding of one, or are too many.
    #[error("not a node record: {0}")]
    NotARecord(#[from] DecodeError),
    /// It is of another network.
    #[error("the node record is of network {0}")]
    OtherNetwork(NetworkId),
    /// It is somebody else's: it names another peer than the one that showed it, or none.
    #[error("the node record names another peer")]
    OtherPeer,
    /// It has too many addresses, or too long ones.
    #[error("the addresses of the node record are too many or too long")]
    Addresses,
    /// It says nowhere where the node is.
    #[error("the node record has no address")]
    NoAddress,
    /// An address is none, names a peer, or does not lead to the node from everywhere.
    #[error("{0:?} in the node record is no address to tell others")]
    Address(String),
    /// It is too old.
    #[error("the node record has expired")]
    Expired,
    /// The member key did not sign it.
    #[error("the signature of the node record does not verify")]
    Signature,
}

impl NodeRecord {
    /// The bytes that the member key signs.
    fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = RECORD_DOMAIN.to_vec();
        encoding::encode_into(self, &mut bytes);
        bytes
    }

    /// Adds the signature of the member key.
    pub(crate) fn sign(self, sign: &Sign) -> SignedRecord {
        let signature = sign(&self.signed_bytes());
        SignedRecord {
            record: self,
            signature,
        }
    }

    /// The addresses as they are dialed, if each of them is one to tell others.
    fn told(&self, reach: Reach) -> Result<Vec<Multiaddr>, RecordError> {
        let told = |text: &String| {
            address_to_tell(text, reach).ok_or_else(|| RecordError::Address(text.clone()))
        };
        self.addresses.iter().map(told).collect()
    }

    /// Those of the addresses that can be dialed from here.
    pub(crate) fn dialable(&self, reach: Reach) -> Vec<Multiaddr> {
        let addresses = self.addresses.iter();
        addresses
            .filter_map(|text| address_to_tell(text, reach))
            .collect()
    }
}

impl SignedRecord {
    /// The record in `bytes`, which nobody has checked.
    ///
    /// # Errors
    ///
    /// If the bytes are not the canonical encoding of one, or more than [`RECORD_BYTES_MAX`].
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        encoding::decode(bytes, RECORD_BYTES_MAX)
    }

    /// The bytes of the record.
    pub(crate) fn encode(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// The peer id that it names, as bytes that nobody has checked.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn peer(&self) -> &[u8] {
        &self.record.peer
    }

    /// The record, if it proves that `peer` speaks for a node of `network`.
    ///
    /// The peer shows it itself, on a connection that proves who it is, so its age does not matter,
    /// and neither does whether others could reach it.
    ///
    /// # Errors
    ///
    /// [`RecordError`] says what is wrong with it.
    pub(crate) fn verify(
        self,
        network: &NetworkId,
        peer: &PeerId,
    ) -> Result<NodeRecord, RecordError> {
        self.check_network(network)?;
        if self.record.peer[..] != peer.to_bytes() {
            return Err(RecordError::OtherPeer);
        }
        self.check_sizes()?;
        self.check_signature()?;
        Ok(self.record)
    }

    /// What the record proves, if it may be kept for others. `now` is in milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`RecordError`] says what is wrong with it. The signature is checked last: it costs most.
    pub(crate) fn prove(&self, rules: &Rules, now: u64) -> Result<Proven, RecordError> {
        self.check_network(&rules.network)?;
        let record = &self.record;
        let peer = PeerId::from_bytes(&record.peer).map_err(|_| RecordError::OtherPeer)?;
        self.check_sizes()?;
        if record.addresses.is_empty() {
            return Err(RecordError::NoAddress);
        }
        let addresses = record.told(rules.reach)?;
        if record.expires <= now {
            return Err(RecordError::Expired);
        }
        self.check_signature()?;
        Ok(Proven {
            node: record.node,
            peer,
            addresses,
            sequence: record.sequence,
            expires: record.expires,
        })
    }

    fn check_network(&self, network: &NetworkId) -> Result<(), RecordError> {
        match self.record.network == *network {
            true => Ok(()),
            false => Err(RecordError::OtherNetwork(self.record.network)),
        }
    }

    fn check_sizes(&self) -> Result<(), RecordError> {
        let addresses = &self.record.addresses;
        let fits = |address: &String| address.len() <= ADDRESS_BYTES_MAX;
        match addresses.len() <= ADDRESSES_MAX && addresses.iter().all(fits) {
            true => Ok(()),
            false => Err(RecordError::Addresses),
        }
    }

    fn check_signature(&self) -> Result<(), RecordError> {
        let record = &self.record;
        match verify(record.node.key(), &record.signed_bytes(), &self.signature) {
            true => Ok(()),
            false => Err(RecordError::Signature),
        }
    }
}

/// The address that a text is, if it is in the ledger's spelling, names no peer and leads somewhere.
fn address_to_tell(text: &str, reach: Reach) -> Option<Multiaddr> {
    model::address::check(text).ok()?;
    let address: Multiaddr = text.parse().ok()?;
    let names_peer = address
        .iter()
        .any(|part| matches!(part, libp2p::multiaddr::Protocol::P2p(_)));
    (!names_peer && reach.admits(&address)).then_some(address)
}
