//! The bytes of a segment: a header, then one frame for each record.
//!
//! ```text
//! header  magic 8 | version 4 | network 32 | node 32 | number 8 | salt 8 | crc 4
//! frame   mark 4  | length 4  | durable 4  | crc 4   | payload
//! ```
//!
//! All integers are little-endian and all checksums CRC-32. A payload is the canonical encoding of
//! one record, and much of it was chosen by strangers. So the checksum of a frame begins with the
//! salt of its segment, and the mark is the first half of the salt: nobody who does not read this
//! disk can make a transaction whose bytes look like a frame.
//!
//! `durable` says how much of the segment was known to be on disk when the frame was written. It is
//! what tells a write that a crash has torn, which is cut off, from a disk that has lost what it
//! had confirmed, which is never passed over.

use consensus::injected::{self, Mistake};
use model::{NetworkId, NodeId, PublicKey};

/// The size of a header, in bytes.
pub(super) const HEADER_BYTES: usize = 96;

/// The size of a frame without its payload, in bytes.
pub(super) const FRAME_BYTES: usize = 16;

/// The longest payload. The longest record is a block with its signature.
pub(super) const PAYLOAD_BYTES_MAX: usize = consensus::message::MESSAGE_BYTES_MAX + 1_024;

const MAGIC: &[u8; 8] = b"CSPACLOG";

/// The version of this layout.
pub(super) const VERSION: u32 = 1;

/// Whose log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The network.
    pub network: NetworkId,
    /// The node.
    pub node: NodeId,
}

/// What is random about a segment.
pub(super) type Salt = [u8; 8];

/// The beginning of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) owner: Owner,
    pub(super) number: u64,
    pub(super) salt: Salt,
}

/// Why the first bytes of a segment are not a header of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    /// Not the bytes that anybody wrote as a header.
    Damaged,
    /// A header of another version of the software.
    Version(u32),
}

impl Header {
    pub(super) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(self.owner.network.as_bytes());
        bytes.extend_from_slice(self.owner.node.key().as_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.salt);
        let crc = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes.try_into().expect("the fields above are 96 bytes")
    }

    pub(super) fn from_bytes(bytes: &[u8; HEADER_BYTES]) -> Result<Self, BadHeader> {
        let crc = u32::from_le_bytes(part(bytes, 92));
        if bytes[..8] != *MAGIC || crc32fast::hash(&bytes[..92]) != crc {
            return Err(BadHeader::Damaged);
        }
        let version = u32::from_le_bytes(part(bytes, 8));
        if version != VERSION {
            return Err(BadHeader::Version(version));
        }
        let owner = Owner {
            network: NetworkId::from_bytes(part(bytes, 12)),
            node: NodeId::new(PublicKey::from_bytes(part(bytes, 44))),
        };
        Ok(Self {
            owner,
            number: u64::from_le_bytes(part(bytes, 76)),
            salt: part(bytes, 84),
        })
    }
}

/// The `N` bytes at `offset`, which the caller knows to be there.
fn part<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    bytes[offset..offset + N]
        .try_into()
        .expect("the range has N bytes")
}

/// Appends a frame to `out`; `write` appends its payload.
pub(super) fn write(
    out: &mut Vec<u8>,
    salt: &Salt,
    durable: u32,
    write: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&salt[..4]);
    out.extend_from_slice(&[0; 12]);
    write(out);
    let length = out.len() - start - FRAME_BYTES;
    assert!(
        length <= PAYLOAD_BYTES_MAX,
        "no record is longer than a block with its signature"
    );
    let length = u32::try_from(length).expect("payloads are shorter than 4 GiB");
    out[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
    out[start + 8..start + 12].copy_from_slice(&durable.to_le_bytes());
    let crc = checksum(
        salt,
        &out[start + 4..start + 12],
        &out[start + FRAME_BYTES..],
    );
    out[start + 12..start + 16].copy_from_slice(&crc.to_le_bytes());
}

fn checksum(salt: &Salt, fields: &[u8], payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(salt);
    crc.update(fields);
    crc.update(payload);
    crc.finalize()
}

/// A frame whose checksum holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) durable: u32,
    pub(super) payload: &'a [u8],
}

impl Frame<'_> {
    /// How many bytes it takes.
    pub(super) const fn size(&self) -> usize {
        FRAME_BYTES + self.payload.len()
    }
}

/// The length of the payload that the first [`FRAME_BYTES`] of a frame announce.
pub(super) fn payload_length(head: &[u8; FRAME_BYTES], salt: &Salt) -> Option<usize> {
    let length = u32::from_le_bytes(part(head, 4)) as usize;
    (head[..4] == salt[..4] && length <= PAYLOAD_BYTES_MAX).then_some(length)
}

/// The frame at the beginning of `bytes`, if there is a whole one.
pub(super) fn read<'a>(bytes: &'a [u8], salt: &Salt) -> Option<Frame<'a>> {
    let head: &[u8; FRAME_BYTES] = bytes.first_chunk()?;
    let length = payload_length(head, salt)?;
    let payload = bytes.get(FRAME_BYTES..FRAME_BYTES + length)?;
    let crc = u32::from_le_bytes(part(head, 12));
    let sound = checksum(salt, &head[4..12], payload) == crc;
    (sound || injected::makes(Mistake::ChecksumUnchecked)).then(|| Frame {
        durable: u32::from_le_bytes(part(head, 8)),
        payload,
    })
}

/// Whether a whole frame in `bytes` says that more than `length` bytes of its segment were durable.
pub(super) fn witnesses_beyond(bytes: &[u8], salt: &Salt, length: u64) -> bool {
    let mark = &salt[..4];
    let candidates = bytes
        .windows(4)
        .enumerate()
        .filter(|(_, window)| *window == mark);
    candidates
        .filter_map(|(at, _)| read(&bytes[at..], salt))
        .any(|frame| u64::from(frame.durable) > length)
}
