//! Final blocks for members that catch up, and getting them from others when it is our turn.

use std::time::Duration;

use consensus::message::{BLOCKS_BYTES_MAX, Blocks, BlocksRequest};
use model::{NodeId, encoding};
use net::{Protocol, Target};

use crate::reads::Reads;

/// How long an answer may take. The agreement asks another member after as long.
const PATIENCE: Duration = Duration::from_secs(3);

/// The longest request: a height and what goes around it.
const REQUEST_BYTES_MAX: usize = 64;

/// Answers a request; `None` if it is none or cannot be answered, which ends the exchange.
pub(crate) fn answer(reads: &Reads, request: &[u8]) -> Option<Vec<u8>> {
    let BlocksRequest { first } = encoding::decode(request, REQUEST_BYTES_MAX).ok()?;
    match reads.blocks(first) {
        Ok(blocks) => Some(encoding::encode(&blocks)),
        Err(error) => {
            tracing::error!(%first, %error, "cannot read blocks for another member");
            None
        }
    }
}

/// Asks `node` for blocks. `None` if it has no answer, or one that is not well-formed.
pub(crate) async fn fetch(
    network: &net::Handle,
    node: NodeId,
    request: BlocksRequest,
) -> Option<Blocks> {
    let body = encoding::encode(&request);
    let answer = network
        .request(Target::Node(node), Protocol::Sync, body, PATIENCE)
        .await;
    let bytes = answer
        .inspect_err(|error| tracing::debug!(%node, %error, "no blocks from another member"))
        .ok()?;
    // A megabyte takes a while, and other exchanges share this thread.
    let decoded = tokio::task::spawn_blocking(move || encoding::decode(&bytes, BLOCKS_BYTES_MAX));
    decoded.await.ok()?.ok()
}
