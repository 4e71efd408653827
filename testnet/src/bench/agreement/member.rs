//! One member: the agreement, its inbox, and its log.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use consensus::ledger::Tip;
use consensus::sequencer::Step;
use consensus::{Message, Now, Output, Record, Sequencer};
use model::key::Zip215;
use model::shard::Seat;
use model::{Committee, SecretKey, Time};
use node::store::log::{Log, Owner, Position};
use node::store::medium::Files;

use super::actions::Actions;
use crate::bench::costs::cpu;
use crate::bench::error::BenchError;
use crate::bench::now;

/// Who said something, and its encoding.
pub(super) type Frame = (Seat, Arc<[u8]>);

/// Frames that share one write and one sync of the log.
const FRAMES_AT_ONCE: usize = 256;

/// How long a member waits at most before it looks whether it is to stop.
const LOOK_UP: Duration = Duration::from_millis(20);

/// A member that has not started.
pub(super) struct Member {
    pub(super) index: usize,
    pub(super) key: SecretKey,
    pub(super) committee: Committee,
    pub(super) tip: Tip,
    pub(super) inbox: Receiver<Frame>,
    /// The inboxes of all members.
    pub(super) outboxes: Vec<Sender<Frame>>,
    pub(super) action_bytes: usize,
    /// Its own actions under way at a time.
    pub(super) in_flight: usize,
    /// Where its log is. `None`: nothing is kept.
    pub(super) log: Option<PathBuf>,
}

/// What a member has seen.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) actions: u64,
    pub(super) blocks: u64,
    pub(super) cpu: Duration,
    pub(super) latencies: Vec<Duration>,
}

/// A member that runs.
struct Running {
    seat: Seat,
    sequencer: Sequencer,
    actions: Actions,
    action_bytes: usize,
    outboxes: Vec<Sender<Frame>>,
    log: Option<Log>,
    began: Instant,
    wake: Option<Time>,
    report: Report,
}

impl Member {
    /// Takes part from the moment that all are `ready` until it is to `stop`.
    pub(super) fn run(self, ready: &Barrier, stop: &AtomicBool) -> Result<Report, BenchError> {
        let opened = self.open();
        // The others wait, whatever has happened here.
        ready.wait();
        let (mut running, inbox) = opened?;
        let began = cpu()?;
        let started = running.sequencer.start(running.now(), &mut running.actions);
        running.take(vec![started.map_err(contradiction)?])?;
        while !stop.load(Ordering::Relaxed) {
            running.turn(&inbox)?;
        }
        running.report.cpu = cpu()? - began;
        Ok(running.report)
    }

    fn open(self) -> Result<(Running, Receiver<Frame>), BenchError> {
        let seat = Seat::new(self.index).expect("it is a seat of the committee");
        let owner = Owner {
            network: self.committee.scope().network,
            node: self
                .committee
                .member(seat)
                .expect("it is a seat of the committee"),
        };
        let log = self.log.map(|path| open_log(path, owner)).transpose()?;
        let signer = Box::new(self.key);
        let sequencer = Sequencer::new(self.committee, seat, signer, Box::new(Zip215), self.tip);
        let running = Running {
            seat,
            sequencer,
            actions: Actions::new(self.index as u64, self.action_bytes, self.in_flight),
            action_bytes: self.action_bytes,
            outboxes: self.outboxes,
            log,
            began: Instant::now(),
            wake: None,
            report: Report::default(),
        };
        Ok((running, self.inbox))
    }
}

fn open_log(path: PathBuf, owner: Owner) -> Result<Log, BenchError> {
    let files = Files::open(path).map_err(BenchError::system("make a log"))?;
    let opened = Log::open(Arc::new(files), owner, Position::FIRST);
    let (log, _) = opened.map_err(|error| BenchError::Wrong(error.to_string()))?;
    Ok(log)
}

impl Running {
    /// Waits for frames, takes in all that are there, and carries out what follows from them.
    fn turn(&mut self, inbox: &Receiver<Frame>) -> Result<(), BenchError> {
        let first = match inbox.recv_timeout(self.patience()) {
            Ok(frame) => Some(frame),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        let mut steps = Vec::new();
        let arrived = first.into_iter().chain(inbox.try_iter());
        for (from, frame) in arrived.take(FRAMES_AT_ONCE) {
            let message = Message::decode(&frame);
            let message = message.map_err(|error| BenchError::Wrong(error.to_string()))?;
            steps.push(self.step(Some((from, message)))?);
        }
        if self.wake.is_some_and(|wake| wake <= self.now().timer) || steps.is_empty() {
            self.wake = None;
            steps.push(self.step(None)?);
        }
        self.take(steps)
    }

    fn step(&mut self, said: Option<(Seat, Message)>) -> Result<Step, BenchError> {
        let now = self.now();
        let step = self.sequencer.step(now, said, &mut self.actions);
        let step = step.map_err(contradiction)?;
        for block in &step.ordered {
            self.report.blocks += 1;
            self.report.actions += (block.payload.len() / self.action_bytes) as u64;
            self.actions.ordered(block, &mut self.report.latencies);
        }
        Ok(step)
    }

    /// Keeps what is to be kept, and then says what is to be said.
    fn take(&mut self, steps: Vec<Step>) -> Result<(), BenchError> {
        let outputs: Vec<Output> = steps.into_iter().flat_map(|step| step.outputs).collect();
        self.keep(&outputs)?;
        for output in outputs {
            match output {
                Output::Send { to, message } => {
                    let frame: Arc<[u8]> = message.encode().into();
                    self.say(to.index(), &frame);
                }
                Output::Broadcast(message) => {
                    let frame: Arc<[u8]> = message.encode().into();
                    for other in (0..self.outboxes.len()).filter(|to| *to != self.seat.index()) {
                        self.say(other, &frame);
                    }
                }
                Output::WakeAt(time) => self.wake = Some(time),
                Output::Persist(_) => {} // kept before
                Output::Tell { .. }
                | Output::FetchBlocks { .. }
                | Output::Applied(_)
                | Output::HeadCertified(_)
                | Output::Entered(_)
                | Output::Malpractice(_)
                | Output::Halt(_) => {} // nobody is behind, lies, or has a ledger
            }
        }
        Ok(())
    }

    fn keep(&mut self, outputs: &[Output]) -> Result<(), BenchError> {
        let Some(log) = &mut self.log else {
            return Ok(());
        };
        let records = outputs.iter().filter_map(|output| match output {
            Output::Persist(record) => Some(record),
            _ => None,
        });
        let mut kept = log.append(records.clone()).map(drop);
        if records.clone().any(Record::is_promise) {
            kept = kept.and_then(|()| log.sync());
        }
        kept.map_err(|error| BenchError::Wrong(error.to_string()))
    }

    fn say(&self, to: usize, frame: &Arc<[u8]>) {
        // The other one may have stopped already.
        let _ = self.outboxes[to].send((self.seat, Arc::clone(frame)));
    }

    fn now(&self) -> Now {
        let timer = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now {
            timer: Time::from_ms(timer),
            clock: now(),
        }
    }

    /// How long to wait for a frame.
    fn patience(&self) -> Duration {
        let wake = self.wake.map_or(LOOK_UP, |wake| {
            Duration::from_millis(wake.since_ms(self.now().timer))
        });
        wake.min(LOOK_UP)
    }
}

fn contradiction(contradiction: consensus::replica::Contradiction) -> BenchError {
    BenchError::Wrong(contradiction.to_string())
}
