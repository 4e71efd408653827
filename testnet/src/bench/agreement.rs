//! The agreement by itself: ordering opaque actions, with durable votes and without.
//!
//! Each member is the production agreement on a thread of its own, and gives actions itself: as soon
//! as one is ordered it gives another one. Members speak over channels of this process, in encoded
//! frames; there are no sockets, no clients and no signatures of users, and nothing is executed. With
//! durable votes each member keeps its own log, on the disk that the directory is on, and lets nothing
//! out before it is synced, as a node does.

mod actions;
mod member;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::Duration;

use consensus::ledger::Tip;
use model::block::BlockRef;
use model::bounds::{MEMBERS_MAX, MEMBERS_MIN, PAYLOAD_BYTES_MAX};
use model::{Committee, Epoch, Head, Height, NetworkId, NodeId, SecretKey, ShardId, hash};

use super::error::BenchError;
use super::{Latency, now};
use member::{Frame, Member, Report};

/// The fewest bytes of an action: it has to be another one than all before it.
pub const ACTION_BYTES_MIN: usize = 16;

/// What to measure.
#[derive(Clone, Debug)]
pub struct AgreementOptions {
    /// How many members there are.
    pub nodes: usize,
    /// How long actions are ordered, in seconds, with durable votes and again without.
    pub seconds: u64,
    /// The length of an action, in bytes.
    pub action_bytes: usize,
    /// Actions that all members together have given and that are not ordered.
    pub in_flight: usize,
    /// The directory in which logs are made. `None`: that for temporary files.
    pub directory: Option<PathBuf>,
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Agreement {
    /// Votes are durable before they are sent.
    pub durable: Ordered,
    /// Nothing is kept.
    pub volatile: Ordered,
}

/// What was measured of one of the two.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ordered {
    /// Actions that were ordered.
    pub actions: u64,
    /// Actions per second.
    pub actions_per_second: f64,
    /// Blocks per second.
    pub blocks_per_second: f64,
    /// Processor time of all members for one action, in microseconds.
    pub cpu_us_per_action: f64,
    /// From the moment a member gave an action to the moment it saw it in its place.
    pub latency: Latency,
}

/// Orders actions with durable votes, and then without.
///
/// # Errors
///
/// [`BenchError`] if the options make no sense, or the disk fails.
pub fn agreement(
    options: &AgreementOptions,
    note: &(dyn Fn(&str) + Sync),
) -> Result<Agreement, BenchError> {
    check(options)?;
    let mut folder = tempfile::Builder::new();
    let folder = folder.prefix("chainspace-");
    let folder = match &options.directory {
        Some(directory) => folder.tempdir_in(directory),
        None => folder.tempdir(),
    };
    let folder = folder.map_err(BenchError::system("make a temporary directory"))?;
    note(&format!(
        "ordering for {} s with durable votes",
        options.seconds
    ));
    let durable = order(options, Some(folder.path()))?;
    note(&format!("ordering for {} s without", options.seconds));
    let volatile = order(options, None)?;
    Ok(Agreement { durable, volatile })
}

fn check(options: &AgreementOptions) -> Result<(), BenchError> {
    let AgreementOptions {
        nodes,
        seconds,
        action_bytes,
        in_flight,
        directory: _, // the system says what is wrong with it
    } = options;
    let refuse = |text: String| Err(BenchError::Options(text));
    if !(MEMBERS_MIN..=MEMBERS_MAX).contains(nodes) {
        return refuse(format!("a shard has {MEMBERS_MIN} to {MEMBERS_MAX} nodes"));
    }
    if !(ACTION_BYTES_MIN..=PAYLOAD_BYTES_MAX).contains(action_bytes) {
        return refuse(format!(
            "an action has {ACTION_BYTES_MIN} to {PAYLOAD_BYTES_MAX} bytes"
        ));
    }
    if *seconds == 0 || in_flight < nodes {
        return refuse("it takes a second, and an action of each member, at least".to_owned());
    }
    Ok(())
}

/// Orders actions for a while. Logs are kept in `logs`, if anywhere.
fn order(options: &AgreementOptions, logs: Option<&Path>) -> Result<Ordered, BenchError> {
    let (senders, inboxes): (Vec<_>, Vec<_>) =
        (0..options.nodes).map(|_| mpsc::channel::<Frame>()).unzip();
    let committee = committee(options.nodes);
    let tip = beginning(&committee);
    let (stop, ready) = (AtomicBool::new(false), Barrier::new(options.nodes + 1));
    let reports: Result<Vec<Report>, BenchError> = thread::scope(|scope| {
        let members: Vec<_> = inboxes
            .into_iter()
            .enumerate()
            .map(|(index, inbox)| {
                let member = Member {
                    index,
                    key: secret(index),
                    committee: committee.clone(),
                    tip,
                    inbox,
                    outboxes: senders.clone(),
                    action_bytes: options.action_bytes,
                    in_flight: options.in_flight / options.nodes,
                    log: logs.map(|logs| logs.join(format!("n{index}"))),
                };
                let (stop, ready) = (&stop, &ready);
                scope.spawn(move || member.run(ready, stop))
            })
            .collect();
        ready.wait();
        thread::sleep(Duration::from_secs(options.seconds));
        stop.store(true, Ordering::Relaxed);
        let reports = members.into_iter().map(|member| {
            let reported = member.join();
            reported.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        reports.collect()
    });
    Ok(conclude(reports?, options.seconds))
}

fn conclude(reports: Vec<Report>, seconds: u64) -> Ordered {
    // All members see the same blocks; the one that saw fewest knows what all have seen.
    let fewest = reports.iter().min_by_key(|report| report.actions);
    let (actions, blocks) = fewest.map_or((0, 0), |report| (report.actions, report.blocks));
    let cpu: Duration = reports.iter().map(|report| report.cpu).sum();
    let latencies = reports.into_iter().flat_map(|report| report.latencies);
    Ordered {
        actions,
        actions_per_second: actions as f64 / seconds as f64,
        blocks_per_second: blocks as f64 / seconds as f64,
        cpu_us_per_action: cpu.as_secs_f64() * 1e6 / actions.max(1) as f64,
        latency: Latency::of(&mut latencies.collect::<Vec<_>>()),
    }
}

fn committee(nodes: usize) -> Committee {
    let network = NetworkId::from_hash(hash::hash(model::Tag::Network, b"agreement"));
    let members = (0..nodes).map(|index| NodeId::new(secret(index).public()));
    Committee::new(network, ShardId::new(0), Epoch::ZERO, members.collect())
        .expect("so many members with different keys are a committee")
}

fn beginning(committee: &Committee) -> Tip {
    let network = committee.scope().network;
    Tip {
        block: BlockRef::genesis(&network),
        epoch: Epoch::ZERO,
        height: Height::ZERO,
        time: now(),
        head: Head::before_first(&network),
    }
}

/// The key of a member that exists for a few seconds.
fn secret(index: usize) -> SecretKey {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&(index as u64 + 1).to_le_bytes());
    SecretKey::from_seed(seed)
}
