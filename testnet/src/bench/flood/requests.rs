//! Requests that are in order and lead to nothing: transactions that spend what does not exist, and
//! questions with long answers, as fast as they are answered.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use consensus::message::{BlocksRequest, SyncRequest};
use model::api::{Refused, Request, Response, SUBMIT_MAX};
use model::{Height, Transaction, encoding};
use net::{Door, Protocol, Stranger};
use tokio::task::{LocalSet, yield_now};

use super::flooder::{Flood, crowd};
use crate::bench::error::BenchError;
use crate::bench::payments::{Book, Kind, Payments};
use crate::bench::{VALID_MS, now};

/// Strangers at a time.
const STRANGERS: usize = 64;

/// Owners of what does not exist, and what each of them pays.
const OWNERS: usize = 1_024;
const PAYMENTS: usize = 16;

pub(super) fn spawn(
    strangers: &LocalSet,
    flood: &Rc<Flood>,
    stop: &Arc<AtomicBool>,
) -> Result<(), BenchError> {
    let requests: Rc<[Asked]> = requests(flood, stop)?.into();
    crowd(strangers, flood, STRANGERS, move |flood| {
        visit(flood, Rc::clone(&requests))
    });
    Ok(())
}

/// A request, and where it is asked.
struct Asked {
    door: Door,
    body: Vec<u8>,
}

async fn visit(flood: Rc<Flood>, requests: Rc<[Asked]>) {
    let Some(stranger) = flood.guest().await else {
        return;
    };
    while !stranger.is_closed() {
        let asked = &requests[flood.number() as usize % requests.len()];
        flood.note(|tally| tally.frames += 1);
        if ask(&stranger, asked).await.is_ok_and(|is_answer| is_answer) {
            flood.note(|tally| tally.answered += 1);
        }
        // What fails at once must not keep the connection from coming to its end.
        yield_now().await;
    }
}

/// Asks, and says whether the answer is more than "busy".
async fn ask(stranger: &Stranger, asked: &Asked) -> io::Result<bool> {
    let mut speech = stranger.open(asked.door).await?;
    speech.frame(&asked.body).await?;
    let limit = match asked.door {
        Door::Sync => Protocol::Sync.response_bytes_max(),
        _ => Protocol::Api.response_bytes_max(),
    };
    let answer = speech.answer(limit).await?;
    let busy = |response: Response| matches!(response, Response::Refused(Refused::Busy { .. }));
    Ok(asked.door == Door::Sync || !Response::from_bytes(&answer).is_ok_and(busy))
}

/// What is asked, in turn.
fn requests(flood: &Flood, stop: &AtomicBool) -> Result<Vec<Asked>, BenchError> {
    let api = |request: &Request| Asked {
        door: Door::Api,
        body: request.to_bytes(),
    };
    let blocks = SyncRequest::Blocks(BlocksRequest {
        first: Height::new(1),
    });
    let sync = || Asked {
        door: Door::Sync,
        body: encoding::encode(&blocks),
    };
    let unfunded = unfunded(flood, stop)?;
    let mut requests = Vec::new();
    for (number, transactions) in unfunded.chunks(SUBMIT_MAX).enumerate() {
        let results = Request::Results {
            height: Height::new(1 + number as u64),
            wait_ms: 0,
        };
        requests.extend([
            api(&Request::SubmitAll(transactions.to_vec())),
            sync(),
            api(&results),
            api(&Request::Status),
            sync(),
        ]);
    }
    Ok(requests)
}

/// Payments that are signed and in time, out of accounts that no network has. In the order of the first
/// of each owner, then the second of each, so that none waits for the one before it.
fn unfunded(flood: &Flood, stop: &AtomicBool) -> Result<Vec<Transaction>, BenchError> {
    let kind = Kind {
        payments: Payments::WithChange,
        shards: flood.genesis.shards.len() as u32,
        inputs: 1,
        cross: if flood.genesis.shards.len() > 1 {
            50
        } else {
            0
        },
        all_votes: false,
    };
    let mut book = Book::of_nothing(&flood.genesis, OWNERS, kind);
    book.sign(PAYMENTS, now().plus_ms(VALID_MS), stop)?;
    let all = std::iter::from_fn(|| {
        let round = book.chains.iter_mut().filter_map(|chain| chain.pop());
        let round: Vec<_> = round.collect();
        (!round.is_empty()).then_some(round)
    });
    Ok(all
        .flatten()
        .map(|payment| payment.ready.transaction)
        .collect())
}
