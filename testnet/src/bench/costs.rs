//! What the work that cannot be left out costs on this machine, measured on the spot.
//!
//! Each part is done once more for some payments, with the code of this program, alone on one thread
//! and beside a network that is idle. What is counted is processor time, which does not depend on
//! what else the machine is doing.

mod crossing;
mod keeping;

use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use model::key::{Batch, verify};
use model::transaction::authorization_bytes;
use model::{Genesis, SecretKey, ShardId, Tag, Transaction, bounds, encoding, hash};
use nix::time::{ClockId, clock_gettime};

use super::error::BenchError;
use super::payments::{Book, Kind};
use crate::bench::now;
use keeping::{keep_blocks, syncs};

/// Payments that are measured, at least.
const PAYMENTS: usize = 4_000;

/// How often what takes microseconds is done.
const TIMES: u32 = 2_000;

/// The costs. Times are processor time on one core.
#[derive(Clone, Copy, Debug, Default)]
pub struct Costs {
    /// Making a signature.
    pub sign: Duration,
    /// Checking one signature by itself.
    pub verify: Duration,
    /// Checking one of 100 signatures by different keys in a batch.
    pub verify_of_100: Duration,
    /// Checking one of 1,000.
    pub verify_of_1000: Duration,
    /// Checking one of as many as a block has payments.
    pub verify_of_block: Duration,
    /// Checking the signatures of the other members of a quorum, as one batch.
    pub verify_quorum: Duration,
    /// SHA-256 of 64 bytes, with its tag.
    pub sha256_64: Duration,
    /// SHA-256 of as many bytes as a payment has, with its tag.
    pub sha256_payment: Duration,
    /// Writing a payment in the canonical encoding.
    pub encode: Duration,
    /// Reading a payment, strictly.
    pub decode: Duration,
    /// Checking the form of a payment and computing its identifiers.
    pub form: Duration,
    /// Applying a payment to the ledger, checkers, results and head included.
    pub apply: Duration,
    /// What crossing costs a member of each concerned shard beyond applying a payment: the share of one
    /// of them in reading and checking what the other shards promise, in doing it, and in making
    /// promises. Zero if no payment crosses.
    pub crossing: Duration,
    /// Noting for readers what an applied payment has changed.
    pub note: Duration,
    /// Writing what a payment has changed to the tables, durably.
    pub flush: Duration,
    /// Appending a block to the log and making it durable: the processor's part.
    pub log: Duration,
    /// Blocks that can be made durable in each second by all nodes together, each with a file of its
    /// own.
    pub syncs_per_second: f64,
    /// Bytes of a payment in the canonical encoding.
    pub payment_bytes: usize,
}

/// Measures the costs with blocks of `entries` such payments for a shard of `nodes` members. Files are
/// made in `folder`, which should be on the disk of the nodes.
///
/// # Errors
///
/// [`BenchError::System`] if the disk fails.
pub(crate) fn measure(
    genesis: &Genesis,
    kind: Kind,
    entries: usize,
    nodes: usize,
    folder: &Path,
) -> Result<Costs, BenchError> {
    let payments = sample(genesis, kind, entries)?;
    let mut costs = Costs::default();
    signatures(&mut costs, &payments, entries, nodes)?;
    encodings(&mut costs, &payments, genesis)?;
    let bytes = keep_blocks(&mut costs, &payments, entries, genesis, folder)?;
    if kind.cross > 0 {
        costs.crossing = crossing::measure(kind, nodes, entries, costs.apply)?;
    }
    costs.syncs_per_second = syncs(&bytes, nodes, folder)?;
    Ok(costs)
}

/// How long the disk of `folder` takes to make a block of so many bytes durable, when nobody else asks.
///
/// # Errors
///
/// [`BenchError::System`] if the disk fails.
pub(crate) fn sync(bytes: usize, folder: &Path) -> Result<Duration, BenchError> {
    let per_second = syncs(&vec![0x5a; bytes], 1, folder)?;
    Ok(Duration::from_secs(1).div_f64(per_second.max(1.0)))
}

/// Enough payments for some blocks, each of which spends what a block before has made.
fn sample(genesis: &Genesis, kind: Kind, entries: usize) -> Result<Vec<Transaction>, BenchError> {
    // What a payment within one shard costs, in the first one.
    let alone = Kind {
        inputs: 1,
        cross: 0,
        ..kind
    };
    let mut book = Book::open(genesis, alone);
    book.chains.retain(|chain| chain.home() == ShardId::new(0));
    let wanted = PAYMENTS.max(entries).next_multiple_of(entries);
    let length = wanted.div_ceil(book.chains.len());
    let valid_until = now().plus_ms(bounds::VALIDITY_MS_MAX / 2);
    book.sign(length, valid_until, &AtomicBool::new(false))?;
    let mut sample = Vec::with_capacity(wanted);
    for _ in 0..length {
        let next = book.chains.iter_mut().filter_map(|chain| chain.pop());
        sample.extend(next.map(|payment| payment.ready.transaction));
    }
    sample.truncate(wanted);
    Ok(sample)
}

fn signatures(
    costs: &mut Costs,
    payments: &[Transaction],
    entries: usize,
    nodes: usize,
) -> Result<(), BenchError> {
    let key = SecretKey::from_seed([7; 32]);
    let (public, message) = (key.public(), [7; 100]);
    let signature = key.sign(&message);
    costs.sign = each(TIMES, || {
        black_box(key.sign(black_box(&message)));
    })?;
    costs.verify = each(TIMES, || {
        black_box(verify(black_box(&public), &message, &signature));
    })?;
    costs.verify_of_100 = batch(payments, 100)?;
    costs.verify_of_1000 = batch(payments, 1_000)?;
    costs.verify_of_block = batch(payments, entries)?;
    let others = nodes - (nodes - 1) / 3 - 1;
    let one = batch(payments, others)?;
    costs.verify_quorum = one * u32::try_from(others).unwrap_or(u32::MAX);
    Ok(())
}

/// What one signature costs in a batch of this size.
fn batch(payments: &[Transaction], size: usize) -> Result<Duration, BenchError> {
    let signed = payments.iter().flat_map(|payment| {
        let message = authorization_bytes(&payment.body.id());
        let authorizations = payment.authorizations.iter();
        authorizations.map(move |authorization| (authorization, message.clone()))
    });
    let signed: Vec<_> = signed.collect();
    let mut good = true;
    let mut checked = 0;
    let began = cpu()?;
    for part in signed.chunks_exact(size.min(signed.len())) {
        let mut batch = Batch::new();
        for (authorization, message) in part {
            batch.queue(&authorization.key, message, &authorization.signature);
        }
        checked += batch.len();
        good &= black_box(batch.verify_all());
    }
    let spent = per(cpu()? - began, checked);
    if good {
        Ok(spent)
    } else {
        Err(BenchError::Wrong("a good signature is refused".to_owned()))
    }
}

fn encodings(
    costs: &mut Costs,
    payments: &[Transaction],
    genesis: &Genesis,
) -> Result<(), BenchError> {
    let network = genesis.network();
    let began = cpu()?;
    let encoded: Vec<Vec<u8>> = payments.iter().map(encoding::encode).collect();
    costs.encode = per(cpu()? - began, payments.len());
    costs.payment_bytes = encoded.first().map_or(0, Vec::len);

    let began = cpu()?;
    for bytes in &encoded {
        let decoded: Result<Transaction, _> =
            encoding::decode(bytes, bounds::TRANSACTION_BYTES_MAX);
        drop(black_box(decoded));
    }
    costs.decode = per(cpu()? - began, payments.len());

    let copies = payments.to_vec();
    let began = cpu()?;
    for payment in copies {
        drop(black_box(payment.check_form(&network)));
    }
    costs.form = per(cpu()? - began, payments.len());

    let payment = encoded.first().map_or(&[][..], |bytes| bytes);
    costs.sha256_64 = each(TIMES, || {
        black_box(hash::hash(Tag::Payload, black_box(&[7; 64])));
    })?;
    costs.sha256_payment = each(TIMES, || {
        black_box(hash::hash(Tag::Payload, black_box(payment)));
    })?;
    Ok(())
}

/// What one call costs.
fn each(times: u32, mut work: impl FnMut()) -> Result<Duration, BenchError> {
    let began = cpu()?;
    for _ in 0..times {
        work();
    }
    Ok((cpu()? - began) / times)
}

fn per(spent: Duration, count: usize) -> Duration {
    spent / u32::try_from(count.max(1)).unwrap_or(u32::MAX)
}

/// The processor time that this thread has used.
pub(super) fn cpu() -> Result<Duration, BenchError> {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID);
    let time = time.map_err(std::io::Error::from);
    Ok(time
        .map_err(BenchError::system("read the processor time of a thread"))?
        .into())
}
