//! What a node that was just started has come to, told to whoever started it: one line for each change.

use std::thread;
use std::time::Duration;

use model::api::NotReady;
use model::{Epoch, ShardId};
use node::{Outlook, Standing};
use serde_json::json;

use crate::output::{DONE, Output};

/// How often it is looked how far the node is.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How many looks are enough to say that what is missing is still missing.
const PATIENT_LOOKS: u32 = 25;

/// Blocks between two lines about a node that follows.
const BLOCKS_A_LINE: u64 = 1_000;

/// What has been told of a node so far.
pub(super) struct Progress<'a> {
    outlook: Outlook,
    output: &'a Output,
    told: Told,
}

/// The last that was said, so that nothing is said twice.
#[derive(Default)]
struct Told {
    peers: bool,
    shards: Vec<(ShardId, Epoch)>,
    listed: Option<ShardId>,
    height: u64,
    stage: Option<Stage>,
    unreached: bool,
}

/// Where a node is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It has reached nobody.
    Alone,
    /// No shard that it knows of lists it.
    Unlisted,
    /// A shard lists it, and it fetches the blocks of that.
    Following,
    /// It has a seat, and cannot do its part yet.
    Seated,
    /// It does its part.
    Member,
    /// It is told to stop.
    Stopping,
}

impl Stage {
    /// Where a node with this standing is.
    pub(super) fn of(standing: &Standing) -> Self {
        let is_missing = |what: fn(&NotReady) -> bool| standing.missing.iter().any(what);
        if is_missing(|missing| matches!(missing, NotReady::Stopping)) {
            Self::Stopping
        } else if standing.missing.is_empty() {
            Self::Member
        } else if standing.peers == 0 {
            Self::Alone
        } else if standing.shard.is_none() {
            Self::Unlisted
        } else if is_missing(|missing| matches!(missing, NotReady::NoSeat)) {
            Self::Following
        } else {
            Self::Seated
        }
    }

    /// A name for programs.
    const fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Unlisted => "unlisted",
            Self::Following => "following",
            Self::Seated => "seated",
            Self::Member => "member",
            Self::Stopping => "stopping",
        }
    }
}

impl<'a> Progress<'a> {
    pub(super) fn new(outlook: Outlook, output: &'a Output) -> Self {
        output.note("Running   Ctrl-C stops the node and loses nothing");
        Self {
            outlook,
            output,
            told: Told::default(),
        }
    }

    /// Tells every change until the node is told to stop.
    pub(super) fn tell(mut self) {
        let mut looks = 0;
        while !self.outlook.is_stopping() {
            let standing = self.outlook.standing();
            self.tell_of(&standing, looks);
            looks = looks.saturating_add(1);
            thread::sleep(LOOK_EVERY);
        }
    }

    fn tell_of(&mut self, standing: &Standing, looks: u32) {
        if standing.peers > 0 && !self.told.peers {
            self.told.peers = true;
            self.note("Found", &plural(standing.peers, "peer"));
        }
        if standing.peers == 0 && looks >= PATIENT_LOOKS && !self.told.unreached {
            self.told.unreached = true;
            for (address, reason) in &standing.unreached {
                self.output
                    .warn(format_args!("no bootnode at {address}: {reason}"));
            }
        }
        if standing.peers > 0 && standing.shards != self.told.shards {
            self.told.shards.clone_from(&standing.shards);
            self.note("Knows", &shards(&standing.shards));
        }
        if standing.shard != self.told.listed {
            self.told.listed = standing.shard;
            if let Some(shard) = standing.shard {
                self.note(
                    "Listed",
                    &format!("a record of shard {shard} lists this node"),
                );
            }
        }
        self.tell_height(standing);
        let stage = Stage::of(standing);
        if self.told.stage != Some(stage) {
            self.told.stage = Some(stage);
            self.tell_stage(stage, standing);
        }
    }

    fn tell_height(&mut self, standing: &Standing) {
        let height = standing.tip.map_or(0, |tip| tip.height.number());
        if height >= self.told.height + BLOCKS_A_LINE && Stage::of(standing) == Stage::Following {
            self.told.height = height;
            self.note("Follows", &format!("height {height}"));
        }
    }

    fn tell_stage(&self, stage: Stage, standing: &Standing) {
        let shard = standing
            .shard
            .map_or_else(String::new, |shard| format!("shard {shard}"));
        let height = standing.tip.map_or(0, |tip| tip.height.number());
        match stage {
            Stage::Alone => self.note("Looks", "for a node of the network"),
            Stage::Unlisted => self.note("Waits", "for a shard whose record lists this node"),
            Stage::Following => self.note("Follows", &format!("{shard}, height {height}")),
            Stage::Seated => {
                let missing: Vec<String> =
                    standing.missing.iter().map(ToString::to_string).collect();
                self.note(
                    "Seated",
                    &format!("in {shard}, height {height}: {}", missing.join("; ")),
                );
            }
            Stage::Member => self.output.note(format_args!(
                "{} takes part in {shard}, height {height}",
                self.output.green(DONE)
            )),
            Stage::Stopping => {}
        }
        self.output.event(&json!({
            "event": "stage",
            "stage": stage.name(),
            "peers": standing.peers,
            "shard": standing.shard.map(ShardId::number),
            "height": height,
        }));
    }

    fn note(&self, what: &str, text: &str) {
        self.output.note(format_args!("{what:<9} {text}"));
    }
}

fn plural(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// Shards, each with its epoch unless that is the first.
fn shards(shards: &[(ShardId, Epoch)]) -> String {
    let named = shards.iter().map(|(shard, epoch)| match *epoch {
        Epoch::ZERO => shard.to_string(),
        epoch => format!("{shard} (epoch {epoch})"),
    });
    let named: Vec<String> = named.collect();
    format!("{}: {}", plural(shards.len(), "shard"), named.join(", "))
}
