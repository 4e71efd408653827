//! What has happened in a world: a fingerprint of all of it, and the last part in words.

use std::collections::VecDeque;
use std::fmt::Write as _;

use consensus::Message;
use consensus::sbac::letter::Letter;
use model::block::{Entry, decode_entries};
use model::statement::{Slot, Statement, Vote};
use model::{Delivery, EpochChange, Hash, Leaf, Plan, Promise, Time, Verdict};

use super::around::{Happening, Purpose};
use super::network::Frame;
use super::plan::Trouble;
use super::random::scramble;
use super::setting::{Place, number};

/// Events that are remembered. More would bury what matters.
const REMEMBERED: usize = 400;

/// Something that happened in a world.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// Something happens to a member.
    Happens {
        /// The member.
        place: Place,
        /// What.
        happening: Happening,
    },
    /// Something goes wrong.
    Trouble(Trouble),
    /// A node has crashed.
    Crashed(Place),
    /// Users do something.
    Users,
    /// From now on, everything goes well.
    Calm,
    /// Users say again what is not decided.
    Insist,
    /// Operators look what has become of their shards.
    Operators,
}

/// What has happened.
#[derive(Debug, Default)]
pub(super) struct Chronicle {
    fingerprint: u64,
    events: u64,
    last: VecDeque<(Time, Event)>,
}

impl Chronicle {
    /// Something happens.
    pub(super) fn note(&mut self, at: Time, event: &Event) {
        self.events += 1;
        self.mix(at.as_ms());
        match event {
            Event::Happens { place, happening } => {
                self.mix_place(*place);
                match happening {
                    Happening::Arrived { from, frame } => {
                        self.mix(from.index() as u64);
                        self.mix_bytes(frame.bytes());
                    }
                    Happening::Letter { from, bytes } => {
                        self.mix_place(*from);
                        self.mix_bytes(bytes);
                    }
                    Happening::Submitted(bytes) => self.mix_bytes(bytes),
                    Happening::Approve(plan) => self.mix_bytes(plan.next.hash().as_bytes()),
                    Happening::Begin
                    | Happening::LinkUp(_)
                    | Happening::Invited
                    | Happening::Learn(_)
                    | Happening::Leaked(_)
                    | Happening::Alarm(_) => {}
                }
            }
            Event::Crashed(place) => self.mix_place(*place),
            Event::Trouble(_) | Event::Users | Event::Calm | Event::Insist | Event::Operators => {}
        }
        if self.last.len() == REMEMBERED {
            self.last.pop_front();
        }
        self.last.push_back((at, event.clone()));
    }

    fn mix(&mut self, number: u64) {
        self.fingerprint = scramble(self.fingerprint ^ number);
    }

    fn mix_place(&mut self, place: Place) {
        self.mix((number(place.shard) << 16 | place.seat.index()) as u64);
    }

    fn mix_bytes(&mut self, bytes: &[u8]) {
        self.mix(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut number = [0; 8];
            number[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(number));
        }
    }

    /// A number that two runs share only if the same happened in both.
    pub(super) const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// How much has happened.
    pub(super) const fn events(&self) -> u64 {
        self.events
    }

    /// The last events, one line each.
    pub(super) fn lines(&self) -> Vec<String> {
        self.last
            .iter()
            .map(|(at, event)| format!("{:>7} ms  {}", at.as_ms(), describe(event)))
            .collect()
    }
}

fn describe(event: &Event) -> String {
    match event {
        Event::Happens { place, happening } => {
            let seat = name(place);
            match happening {
                Happening::Begin => format!("      {seat}  begins"),
                Happening::Arrived { from, frame } => {
                    format!("{:>2} -> {seat}  {}", from.index(), describe_frame(frame))
                }
                Happening::Letter { from, bytes } => {
                    format!("{} -> {seat}  {}", name(from), describe_letter(bytes))
                }
                Happening::Alarm(alarm) => format!("      {seat}  {}", purpose(alarm.purpose)),
                Happening::LinkUp(other) => {
                    format!("      {seat}  link to {} is up", other.index())
                }
                Happening::Invited => format!("      {seat}  is invited"),
                Happening::Approve(plan) => {
                    format!("      {seat}  approves: {}", describe_plan(plan))
                }
                Happening::Learn(changes) => {
                    let known = changes.iter().map(|change| (**change).clone());
                    let known: Vec<EpochChange> = known.collect();
                    format!("      {seat}  learns {}", describe_changes(&known))
                }
                Happening::Leaked(leak) => {
                    let (keys, epoch) = (leak.keys.len(), leak.scope.epoch);
                    format!("      {seat}  finds {keys} keys of epoch {epoch}")
                }
                Happening::Submitted(bytes) => {
                    format!("user  {seat}  submits {} bytes", bytes.len())
                }
            }
        }
        Event::Trouble(trouble) => format!("trouble  {}", describe_trouble(trouble)),
        Event::Crashed(place) => format!("      {}  crashes", name(place)),
        Event::Users => "users act".to_owned(),
        Event::Calm => "calm begins".to_owned(),
        Event::Insist => "users insist".to_owned(),
        Event::Operators => "operators look".to_owned(),
    }
}

fn purpose(purpose: Purpose) -> String {
    match purpose {
        Purpose::Tick => "tick".to_owned(),
        Purpose::Synced => "disk is done".to_owned(),
        Purpose::Unanswered { number } => format!("question {number} has been open for long"),
        Purpose::Scheme => "schemes".to_owned(),
    }
}

fn describe_trouble(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Weather(weather) => format!("{weather:?}"),
        Trouble::Cut(cut) => {
            let mut text = "cut:".to_owned();
            for (from, row) in cut.iter().enumerate() {
                for (to, _) in row.iter().enumerate().filter(|(_, cut)| **cut) {
                    // Writing to a string does not fail.
                    let _ = write!(text, " {from}->{to}");
                }
            }
            text
        }
        Trouble::Mend => "all links are mended".to_owned(),
        Trouble::Fuse {
            place,
            after,
            outage,
        } => format!(
            "node {} crashes after {after} more: {outage:?}",
            name(place)
        ),
        Trouble::Blackout {
            shard: None,
            outage,
        } => format!("all nodes crash: {outage:?}"),
        Trouble::Blackout {
            shard: Some(shard),
            outage,
        } => format!("all nodes of shard {shard} crash: {outage:?}"),
        Trouble::DiskFull { place, room } => {
            format!("{room} bytes are left on the disk of node {}", name(place))
        }
        Trouble::SyncFails(place) => format!("the next sync of node {} fails", name(place)),
        Trouble::Rot(place) => format!("node {} goes down and its disk rots", name(place)),
        Trouble::Repair(place) => format!("the disk of node {} is repaired", name(place)),
        Trouble::Forget { shard, all: true } => {
            format!("a node of shard {shard} loses all but its keys")
        }
        Trouble::Forget { shard, all: false } => {
            format!("a node of shard {shard} gets an old backup of its disk")
        }
        Trouble::Change { shard, change } => format!("shard {shard} is to change: {change:?}"),
        Trouble::Skew { place, skew_ms } => {
            format!("the clock of node {} is {skew_ms} ms off", name(place))
        }
    }
}

/// What a place is called in a trace: the number of the seat alone in the first shard.
fn name(place: &Place) -> String {
    match number(place.shard) {
        0 => place.seat.index().to_string(),
        shard => format!("{shard}/{}", place.seat.index()),
    }
}

fn describe_letter(bytes: &[u8]) -> String {
    match Letter::decode(bytes) {
        Ok(Letter::Deliver(deliveries)) => {
            let deliveries: Vec<String> = deliveries.iter().map(describe_delivery).collect();
            format!("delivers {}", deliveries.join("; "))
        }
        Ok(Letter::Ask(transactions)) => {
            let transactions: Vec<String> =
                transactions.iter().map(|id| tag(id.as_bytes())).collect();
            format!("asks for transactions {}", transactions.join(", "))
        }
        Ok(Letter::Transactions(transactions)) => {
            let transactions = transactions.iter();
            let transactions: Vec<String> = transactions
                .map(|transaction| tag(transaction.body.id().as_bytes()))
                .collect();
            format!("sends transactions {}", transactions.join(", "))
        }
        Ok(Letter::Changes(changes)) => describe_changes(&changes),
        Ok(Letter::AskChanges { shard, known }) => {
            format!("asks for epochs of shard {shard} after {known}")
        }
        Err(reason) => format!("{} bytes that are no letter: {reason}", bytes.len()),
    }
}

fn describe_payload(payload: &[u8]) -> String {
    let Ok(entries) = decode_entries(payload) else {
        return "what is no payload".to_owned();
    };
    let entries = entries.iter().map(|entry| match entry {
        Entry::Prepare(transaction) => tag(transaction.body.id().as_bytes()),
        Entry::Deliver(delivery) => format!(
            "shard {} {}",
            delivery.parcel.from(),
            describe_delivery(delivery)
        ),
        Entry::Change(change) => describe_changes(std::slice::from_ref(change)),
        Entry::Found(record) => format!("shard {} is there", record.shard),
        Entry::End(ending) => format!("ends the epoch, {}", describe_plan(&ending.plan)),
    });
    entries.collect::<Vec<String>>().join("; ")
}

fn describe_changes(changes: &[EpochChange]) -> String {
    let described = changes.iter().map(|change| {
        format!(
            "shard {} in epoch {} after height {}",
            change.next.shard, change.next.epoch, change.hand_over.head.head.height
        )
    });
    described.collect::<Vec<_>>().join(", ")
}

fn describe_plan(plan: &Plan) -> String {
    format!(
        "record {} of epoch {} follows",
        short(&plan.next.hash()),
        plan.next.epoch
    )
}

fn describe_delivery(delivery: &Delivery) -> String {
    let leaves: Vec<String> = delivery.parcel.leaves.iter().map(describe_leaf).collect();
    format!(
        "of height {}: {}{}",
        delivery.parcel.head.head.height,
        leaves.join(", "),
        if delivery.votes.is_empty() {
            ""
        } else {
            ", with votes"
        }
    )
}

fn describe_leaf(leaf: &Leaf) -> String {
    let promise = match &leaf.promise {
        Promise::Prepared(Verdict::Commit) => "prepared to commit".to_owned(),
        Promise::Prepared(Verdict::Abort(reason)) => format!("prepared to abort ({reason})"),
        Promise::Accept(Verdict::Commit) => "accept, commit".to_owned(),
        Promise::Accept(Verdict::Abort(reason)) => format!("accept, abort ({reason})"),
        Promise::NoDecision => "no decision".to_owned(),
        Promise::Acknowledged => "acknowledged".to_owned(),
    };
    format!("{} {promise}", tag(leaf.transaction.as_bytes()))
}

fn describe_frame(frame: &Frame) -> String {
    match frame {
        Frame::Message(bytes) => match Message::decode_in(bytes) {
            Ok((epoch, message)) => match epoch.number() {
                0 => describe_message(&message),
                _ => format!("in epoch {epoch}: {}", describe_message(&message)),
            },
            Err(reason) => format!("{} bytes that are no message: {reason}", bytes.len()),
        },
        Frame::Ask { number, .. } => format!("asks for blocks (question {number})"),
        Frame::Answer { number, bytes } => {
            format!("answers question {number} with {} bytes", bytes.len())
        }
    }
}

fn describe_message(message: &Message) -> String {
    match message {
        Message::Proposal(proposal) => {
            let header = &proposal.block.header;
            format!(
                "proposes {} in slot {}, height {}, on {} of slot {}, time {}: {}",
                short(&proposal.block.hash()),
                header.slot,
                header.height,
                short(&header.parent.hash),
                header.parent.slot,
                header.time.as_ms() % 1_000_000,
                describe_payload(&proposal.block.payload)
            )
        }
        Message::Vote(vote) => format!("votes {}", describe_vote(vote.slot, vote.vote)),
        Message::Certificate(certificate) => {
            format!("shows {}", describe_statement(certificate.statement))
        }
        Message::Status(status) => format!(
            "is at {}, frontier {}, certified {}",
            status.finalization.as_ref().map_or_else(
                || "genesis".to_owned(),
                |certificate| describe_statement(certificate.statement)
            ),
            status.frontier,
            status.certified
        ),
        Message::ProposalRequest(block) => {
            format!(
                "lacks proposal {} of slot {}",
                short(&block.hash),
                block.slot
            )
        }
        Message::CertificatesRequest { first, last } => {
            format!("lacks certificates of slots {first} to {last}")
        }
        Message::HeadSignature(signature) => {
            format!(
                "signs head {} of height {}",
                short(&signature.head),
                signature.height
            )
        }
        Message::HeadCertificate(certificate) => {
            format!("shows the head of height {}", certificate.head.height)
        }
        Message::Transactions(transactions) => {
            format!("passes on {} transactions", transactions.len())
        }
        Message::Recall(name) => format!("has started at {name:?} and asks what it has signed"),
        Message::Reminder(reminder) => {
            let signed = reminder.signed.iter();
            let signed: Vec<String> = signed
                .map(|(statement, _)| describe_statement(*statement))
                .collect();
            format!("reminds: {}", signed.join(", "))
        }
        Message::Approval(approval) => format!("is for: {}", describe_plan(&approval.plan)),
        Message::Changes(changes) => format!("teaches {}", describe_changes(changes)),
    }
}

fn describe_statement(statement: Statement) -> String {
    match statement {
        Statement::Proposal { slot, block } => format!("proposal {} of slot {slot}", short(&block)),
        Statement::Vote { slot, vote } => describe_vote(slot, vote),
        Statement::Head { height, head } => format!("head {} of height {height}", short(&head)),
        Statement::Succession { next } => format!("that record {} follows", short(&next)),
    }
}

fn describe_vote(slot: Slot, vote: Vote) -> String {
    match vote {
        Vote::Notarize(hash) => format!("notarize {} in slot {slot}", short(&hash)),
        Vote::Skip => format!("skip slot {slot}"),
        Vote::Finalize(hash) => format!("finalize {} in slot {slot}", short(&hash)),
    }
}

/// Enough of a hash to tell it from others in a trace.
fn short(hash: &Hash) -> String {
    tag(hash.as_bytes())
}

fn tag(bytes: &[u8; 32]) -> String {
    let first = bytes[..3].iter();
    first.map(|byte| format!("{byte:02x}")).collect()
}
