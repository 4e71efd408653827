//! Final blocks for members that catch up, states for those who begin, and getting them from others when
//! it is our turn.

use std::time::Duration;

use consensus::message::{BLOCKS_BYTES_MAX, Blocks, BlocksRequest, SyncRequest};
use model::bounds::{PIECE_BYTES_MAX, PIECES_MAX};
use model::state::{Inventory, Piece};
use model::{Height, NodeId, encoding};
use net::{Protocol, Target};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::reads::Reads;

/// How long an answer may take. The agreement asks another member after as long.
const PATIENCE: Duration = Duration::from_secs(3);

/// The longest request: a height and what goes around it.
const REQUEST_BYTES_MAX: usize = 64;

/// The longest list of pieces, and a header with its head and the signatures of a hundred members.
const INVENTORY_BYTES_MAX: usize = PIECES_MAX * 40 + 64 * 1024;

/// Answers a request; `None` if it is none or cannot be answered, which ends the exchange.
pub(crate) fn answer(reads: &Reads, request: &[u8]) -> Option<Vec<u8>> {
    let request = encoding::decode(request, REQUEST_BYTES_MAX).ok()?;
    let answer = match request {
        SyncRequest::Blocks(BlocksRequest { first }) => reads
            .blocks(first)
            .map(|blocks| Some(encoding::encode(&blocks))),
        SyncRequest::Inventory => {
            let inventory = reads.inventory();
            inventory.map(|inventory| inventory.as_ref().map(encoding::encode))
        }
        SyncRequest::Piece { height, number } => Ok(reads.piece(height, number)),
    };
    answer.unwrap_or_else(|error| {
        tracing::error!(?request, %error, "cannot read what another node lacks");
        None
    })
}

/// Asks `node` for blocks. `None` if it has no answer, or one that is not well-formed.
pub(crate) async fn fetch(
    network: &net::Handle,
    node: NodeId,
    request: BlocksRequest,
) -> Option<Blocks> {
    ask(
        network,
        node,
        SyncRequest::Blocks(request),
        BLOCKS_BYTES_MAX,
    )
    .await
}

/// Asks `node` for the newest state that it can hand out. `None` as above.
pub(crate) async fn fetch_inventory(network: &net::Handle, node: NodeId) -> Option<Inventory> {
    ask(network, node, SyncRequest::Inventory, INVENTORY_BYTES_MAX).await
}

/// Asks `node` for a piece of a state. `None` as above.
pub(crate) async fn fetch_piece(
    network: &net::Handle,
    node: NodeId,
    (height, number): (Height, u32),
) -> Option<Piece> {
    let request = SyncRequest::Piece { height, number };
    ask(network, node, request, PIECE_BYTES_MAX).await
}

async fn ask<T: DeserializeOwned + Serialize + Send + 'static>(
    network: &net::Handle,
    node: NodeId,
    request: SyncRequest,
    bytes_max: usize,
) -> Option<T> {
    let body = encoding::encode(&request);
    let answer = network
        .request(Target::Node(node), Protocol::Sync, body, PATIENCE)
        .await;
    let bytes = answer
        .inspect_err(|error| tracing::debug!(%node, ?request, %error, "no answer"))
        .ok()?;
    // A megabyte takes a while, and other exchanges share this thread.
    let decoded = tokio::task::spawn_blocking(move || encoding::decode(&bytes, bytes_max));
    decoded.await.ok()?.ok()
}
