//! The doors that are open before anybody is known: frames and greetings of the network, what a
//! neighbour tells, and the journal of a wallet, which anybody who can write to its folder can change.

use std::fs;
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::canonical;
use crate::shard::world::World;

/// The longest frame, in bytes.
const FRAME_BYTES_MAX: usize = 300;

/// A stream of bytes as frames: what is cut out of it is what was sent.
pub fn frames(bytes: &[u8]) {
    let (frames, is_whole) = net::fuzzing::frames(bytes, FRAME_BYTES_MAX);
    let mut rest = bytes;
    for frame in frames {
        assert!(
            frame.len() <= FRAME_BYTES_MAX,
            "a frame of {} bytes",
            frame.len()
        );
        let (length, body) = rest.split_first_chunk().expect("a frame has a length");
        assert_eq!(
            u32::from_be_bytes(*length) as usize,
            frame.len(),
            "another length"
        );
        let (this, after) = body.split_at(frame.len());
        assert_eq!(this, frame, "another frame");
        rest = after;
    }
    assert_eq!(is_whole, rest.is_empty(), "{} bytes are left", rest.len());
}

/// What a neighbour tells: if it is a batch of frames, it is the only one of these frames.
pub fn batch(bytes: &[u8]) {
    let Some(frames) = net::fuzzing::batch(bytes) else {
        return;
    };
    let frames: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    let (first, others) = frames.split_first().expect("a batch has a frame");
    assert_eq!(
        net::fuzzing::batch_of(first, others),
        bytes,
        "another batch"
    );
}

/// A greeting, with the record of a node.
pub fn hello(bytes: &[u8]) {
    let Some(greeted) = net::fuzzing::hello(bytes) else {
        return;
    };
    assert_eq!(greeted.written, bytes, "other bytes come back");
    assert!(
        canonical::is_canonical(bytes),
        "what was decoded is canonical"
    );
    if let Some((_, peer)) = greeted.proven {
        assert_eq!(
            peer.to_string().parse(),
            Ok(peer),
            "a peer that cannot be named"
        );
    }
}

/// A record of a node, as nodes keep it for others, whose age does not matter.
pub fn node_record(bytes: &[u8]) {
    let Some(known) = net::fuzzing::node_record(bytes) else {
        return;
    };
    assert_eq!(known.written, bytes, "other bytes come back");
    assert!(
        canonical::is_canonical(bytes),
        "what was decoded is canonical"
    );
    if let Some((_, peer)) = known.proven {
        assert_eq!(
            peer.to_string().parse(),
            Ok(peer),
            "a peer that cannot be named"
        );
    }
}

/// Where journals are written, one folder for each process.
static FOLDER: LazyLock<TempDir> =
    LazyLock::new(|| tempfile::tempdir().expect("a folder to write to"));

/// The journal of a wallet: if it is not refused, what is noted in it is there the next time, after
/// all that was there.
pub fn journal(bytes: &[u8]) {
    let world = World::get();
    let network = world.scope().network;
    let directory = FOLDER.path();
    fs::write(directory.join("journal.jsonl"), bytes).expect("a folder to write to");
    let mut known = match client::fuzzing::journal(directory, network) {
        Ok(known) => known,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let new = world.authorized(0);
    if known.contains(&new.id()) {
        return;
    }
    let owner = new.transaction().authorizations[0].key;
    known.push(new.id());
    client::fuzzing::note(directory, network, owner, new).expect("a journal that was opened");
    let again = client::fuzzing::journal(directory, network).expect("as before");
    // Old attempts may be forgotten, the others keep their order.
    let mut all = known.iter();
    let in_order = again.iter().all(|id| all.any(|known| known == id));
    assert!(in_order, "{again:?} is not left of {known:?}");
    assert_eq!(
        again.last(),
        known.last(),
        "what was noted last is not there"
    );
}
