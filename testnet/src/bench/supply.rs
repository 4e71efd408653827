//! What must be true after any measurement: all nodes agree, and no money was made or lost.

use std::ops::Range;
use std::time::Duration;

use client::keys::{LOCAL_NAMES, local_secret};
use contracts::Content as _;
use futures::StreamExt;
use futures::stream;
use model::api::{Page, Request, Response, Status, owner_label};
use model::{Genesis, Height, PublicKey};
use system_contracts::cscoin::{self, Account};
use system_contracts::genesis::supply;
use tokio::time::{Instant, sleep};

use super::error::BenchError;
use super::link::{Link, problem};
use super::payments::Book;

/// How long nodes may take to be where the first one is.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait before nodes that do not agree are asked again.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// Owners whose accounts are asked for at a time.
const AT_ONCE: usize = 32;

impl Link {
    /// What a node says of itself.
    ///
    /// # Errors
    ///
    /// [`BenchError::Node`] if it says nothing.
    pub(crate) async fn status(&self, node: usize) -> Result<Status, BenchError> {
        let request = Request::Status;
        match self.ask(node, &request, Duration::ZERO).await? {
            Response::Status(status) => Ok(status),
            other => Err(problem(
                node,
                format_args!("says instead of a status: {other:?}"),
            )),
        }
    }
}

/// Checks that all nodes of a shard have the same head, and that the accounts of all owners hold what
/// there was at first. Each shard has so many `nodes`.
///
/// # Errors
///
/// [`BenchError::Wrong`] if not.
pub(crate) async fn check(
    link: &Link,
    nodes: usize,
    genesis: &Genesis,
    book: &Book,
) -> Result<(), BenchError> {
    let mut asked = Vec::new();
    for first in (0..link.nodes()).step_by(nodes) {
        let height = agree(link, first..first + nodes).await?;
        let named = LOCAL_NAMES.iter().map(|name| local_secret(name).public());
        let owners = named.chain(book.keys());
        asked.extend(owners.map(|owner| (first, owner, height)));
    }
    let balances = stream::iter(asked)
        .map(|(node, owner, height)| balance(link, node, owner, height))
        .buffer_unordered(AT_ONCE);
    let balances: Vec<_> = balances.collect().await;
    let found = balances
        .into_iter()
        .try_fold(0_u64, |sum, balance| Ok::<_, BenchError>(sum + balance?))?;
    let expected = supply(genesis);
    if expected == Some(found) {
        return Ok(());
    }
    Err(BenchError::Wrong(format!(
        "all accounts hold {found} ncsc, and {expected:?} were there at first"
    )))
}

/// Waits until the nodes of each shard, of which each has so many `nodes`, have the same head.
///
/// # Errors
///
/// [`BenchError::Wrong`] if they do not.
pub(crate) async fn all_agree(link: &Link, nodes: usize) -> Result<(), BenchError> {
    for first in (0..link.nodes()).step_by(nodes) {
        agree(link, first..first + nodes).await?;
    }
    Ok(())
}

/// Waits until the nodes of a shard have the same head. Returns its height.
async fn agree(link: &Link, nodes: Range<usize>) -> Result<Height, BenchError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut statuses = Vec::new();
        for node in nodes.clone() {
            statuses.push(link.status(node).await?);
        }
        let first = &statuses[0];
        let same = |status: &Status| status.tip == first.tip && status.head == first.head;
        if statuses.iter().all(same) {
            return Ok(first.tip.height);
        }
        if Instant::now() > deadline {
            let heads = statuses.iter().map(|status| (status.tip, status.head));
            return Err(BenchError::Wrong(format!(
                "the nodes do not agree: {:?}",
                heads.collect::<Vec<_>>()
            )));
        }
        sleep(ASK_AGAIN).await;
    }
}

/// What all accounts of an owner in the shard of a node hold, in ncsc.
async fn balance(
    link: &Link,
    node: usize,
    owner: PublicKey,
    at_least: Height,
) -> Result<u64, BenchError> {
    let mut sum = 0;
    let mut after = None;
    loop {
        let request = Request::Labelled {
            label: owner_label(&owner),
            after,
            at_least,
            wait_ms: 10_000,
        };
        let page = match link.ask(node, &request, PATIENCE).await? {
            Response::Labelled(page) => page,
            other => return Err(problem(node, format_args!("lists no accounts: {other:?}"))),
        };
        let Page { objects, more, .. } = page;
        for object in &objects {
            let account = Account::read(cscoin::id(), object);
            sum += account
                .map_err(|_| problem(node, "lists what is no account"))?
                .balance;
        }
        after = objects.last().map(model::Object::id);
        if !more {
            return Ok(sum);
        }
    }
}
