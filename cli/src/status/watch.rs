//! Shard by shard, for as long as somebody wants to see it; and how a single node of this machine is,
//! which may have no shard yet.

#[cfg(test)]
mod tests;

use std::time::Duration;

use client::Client;
use futures::future::join_all;
use model::api::{NotReady, Status};
use model::{NodeId, Place, ShardRecord};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

use super::PATIENCE;
use crate::exit::{Exit, Failure};
use crate::output::{Done, Output};
use crate::own::Own;

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Nodes that are asked each time.
const ASKED_MAX: usize = 100;

/// What is seen at one moment.
#[derive(Clone, Debug)]
struct View {
    shards: Vec<Shard>,
    mine: Option<Mine>,
}

/// A shard, with what its members say.
#[derive(Clone, Debug)]
struct Shard {
    record: ShardRecord,
    /// Those that were asked. `None`: it does not answer.
    answers: Vec<(NodeId, Option<Status>)>,
}

/// The node of this machine.
#[derive(Clone, Debug)]
struct Mine {
    name: String,
    node: NodeId,
    /// `None`: it does not answer.
    status: Option<Status>,
}

/// Shows what is seen, until Ctrl-C. `own` is a node of this machine that is told about as well.
pub(super) fn run(
    runtime: &Runtime,
    client: &Client,
    own: Option<(&str, NodeId)>,
    output: &Output,
) -> Result<(), Failure> {
    runtime.block_on(async {
        let mut told: Vec<String> = Vec::new();
        let stop = tokio::signal::ctrl_c();
        tokio::pin!(stop);
        loop {
            let view = tokio::select! {
                _ = &mut stop => return Ok(()),
                view = look(client, own) => view,
            };
            told = view.show(output, told);
            tokio::select! {
                // Without signals to wait for there is nothing that would end it, so it ends.
                _ = &mut stop => return Ok(()),
                () = sleep(LOOK_EVERY) => {}
            }
        }
    })
}

/// How a node of this machine is now.
pub(super) fn once(own: &Own) -> Result<Done, Failure> {
    let look = look(&own.client, Some((&own.name, own.node)));
    let view = own.runtime.block_on(look);
    match &view.mine {
        Some(Mine { status: None, .. }) => {
            let why = format!("node {} does not answer", own.name);
            Err(Failure::new(Exit::Unreachable, why)
                .hint("start it; `chainspace doctor` says what keeps a node from running well"))
        }
        _ => Ok(Done {
            text: view.lines().join("\n"),
            data: view.data(),
        }),
    }
}

async fn look(client: &Client, own: Option<(&str, NodeId)>) -> View {
    client.catch_up().await;
    let records = client.records();
    let status = async |node: NodeId| {
        let answer = timeout(PATIENCE, client.status(&node)).await;
        (node, answer.ok().and_then(Result::ok))
    };
    let given: Vec<NodeId> = client.nodes().iter().map(|at| at.node).collect();
    let members = records.iter().flat_map(present);
    let reachable = members.filter(|node| given.contains(&node.node) || !node.addresses.is_empty());
    let asked = reachable.take(ASKED_MAX).map(|member| status(member.node));
    let (answers, mine) = futures::join!(join_all(asked), async {
        let (name, node) = own?;
        let (_, status) = status(node).await;
        let name = name.to_owned();
        Some(Mine { name, node, status })
    });
    let shards = records.into_iter().map(|record| Shard {
        answers: answers
            .iter()
            .filter(|(node, _)| present(&record).any(|member| member.node == *node))
            .cloned()
            .collect(),
        record,
    });
    View {
        shards: shards.collect(),
        mine,
    }
}

/// The members of a record that have a seat.
fn present(record: &ShardRecord) -> impl Iterator<Item = &model::NodeDescriptor> {
    record.seats.iter().filter_map(|place| match place {
        Place::Taken(node) => Some(node),
        Place::Vacated(_) => None,
    })
}

impl View {
    /// Shows what has changed since `told`. What has been told then.
    fn show(&self, output: &Output, told: Vec<String>) -> Vec<String> {
        let lines = self.lines();
        if lines == told {
            return told;
        }
        if output.is_json() {
            let mut event = json!({ "event": "status" });
            if let (Some(event), Value::Object(data)) = (event.as_object_mut(), self.data()) {
                event.extend(data);
            }
            output.event(&event);
        } else if output.is_screen() {
            output.redraw(told.len(), &lines.join("\n"));
        } else {
            let news = lines.iter().filter(|line| !told.contains(line));
            news.for_each(|line| output.line(line));
        }
        lines
    }

    /// A line for each shard, and one for the node of this machine.
    fn lines(&self) -> Vec<String> {
        let shards = self.shards.iter().map(Shard::line);
        let mine = self.mine.iter().map(|mine| mine.line(&self.shards));
        shards.chain(mine).collect()
    }

    fn data(&self) -> Value {
        let shards: Vec<Value> = self.shards.iter().map(Shard::data).collect();
        json!({
            "shards": shards,
            "node": self.mine.as_ref().map(|mine| mine.data(&self.shards)),
        })
    }
}

impl Shard {
    /// What those say that take part in the shard.
    fn said(&self) -> impl Iterator<Item = &Status> {
        let answers = self
            .answers
            .iter()
            .filter_map(|(_, status)| status.as_ref());
        answers.filter(|status| status.shard == self.record.shard)
    }

    fn height(&self) -> Option<u64> {
        self.said().map(|status| status.tip.height.number()).max()
    }

    fn ready(&self) -> usize {
        self.said()
            .filter(|status| status.not_ready.is_empty())
            .count()
    }

    /// The links of the member that has the fewest.
    fn links(&self) -> Option<u32> {
        self.said().map(|status| status.linked).min()
    }

    fn line(&self) -> String {
        let (shard, epoch) = (self.record.shard, self.record.epoch);
        let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let seats = self.record.seats.len();
        let members: Vec<String> = self
            .record
            .seats
            .iter()
            .map(|seat| self.member(seat))
            .collect();
        format!(
            "shard {shard}  epoch {epoch}  height {}  ready {} of {seats}  links {}  {}",
            number(self.height()),
            self.ready(),
            number(self.links().map(u64::from)),
            members.join(" ")
        )
    }

    /// A member, with what is the matter with it.
    fn member(&self, place: &Place) -> String {
        let node = place.descriptor();
        let name = &node.name;
        if matches!(place, Place::Vacated(_)) {
            return format!("{name}(excluded)");
        }
        let mut answers = self.answers.iter();
        match answers.find(|(asked, _)| *asked == node.node) {
            None => format!("{name}(no address)"),
            Some((_, None)) => format!("{name}(silent)"),
            Some((_, Some(status))) => match status.not_ready.first() {
                None => name.clone(),
                Some(missing) => format!("{name}({})", word(missing)),
            },
        }
    }

    fn data(&self) -> Value {
        let seats = self.record.seats.iter().map(|place| {
            let node = place.descriptor().node;
            let mut answers = self.answers.iter();
            let asked = answers.find(|(asked, _)| *asked == node);
            let status = asked.and_then(|(_, status)| status.as_ref());
            json!({
                "name": place.descriptor().name,
                "vacated": matches!(place, Place::Vacated(_)),
                "asked": asked.is_some(),
                "height": status.map(|status| status.tip.height.number()),
                "linked": status.map(|status| status.linked),
                "not_ready": status.map(reasons),
            })
        });
        json!({
            "shard": self.record.shard.number(),
            "epoch": self.record.epoch.number(),
            "height": self.height(),
            "ready": self.ready(),
            "links": self.links(),
            "seats": seats.collect::<Vec<_>>(),
        })
    }
}

impl Mine {
    /// What the node does, or waits for.
    fn line(&self, shards: &[Shard]) -> String {
        format!("{}  {}", self.name, self.doing(shards))
    }

    fn doing(&self, shards: &[Shard]) -> String {
        let Some(status) = &self.status else {
            return "does not answer".to_owned();
        };
        let (shard, height) = (status.shard, status.tip.height);
        let is_without_seat = status.not_ready.contains(&NotReady::NoSeat);
        // A node in no shard at all says that it is of no seats.
        let follows = (status.committee > 0).then_some(shard);
        let lists = |shard: &&Shard| present(&shard.record).any(|node| node.node == self.node);
        let listed = shards.iter().find(lists).map(|shard| shard.record.shard);
        match (is_without_seat, listed, follows) {
            (false, _, _) if status.not_ready.is_empty() => {
                format!("takes part in shard {shard}, height {height}")
            }
            (false, _, _) => {
                let missing = reasons(status).join("; ");
                format!("has a seat in shard {shard}, height {height}: {missing}")
            }
            (true, None, None) => "waits for a shard whose record lists it".to_owned(),
            (true, None, Some(shard)) => {
                format!("has no seat in shard {shard} any more, and follows it: height {height}")
            }
            (true, Some(listed), None) => format!("is listed in shard {listed}, and begins there"),
            (true, Some(listed), Some(old)) if listed != old => format!(
                "is listed in shard {listed}, and what it has kept is of shard {old}: stop it, move its \
                 `directory` away, and start it again"
            ),
            (true, Some(listed), Some(_)) => {
                format!("is listed in shard {listed}, and fetches what it lacks: height {height}")
            }
        }
    }

    fn data(&self, shards: &[Shard]) -> Value {
        let status = self.status.as_ref();
        json!({
            "name": self.name,
            "answers": status.is_some(),
            "doing": self.doing(shards),
            "shard": status.filter(|status| status.committee > 0).map(|status| status.shard.number()),
            "height": status.map(|status| status.tip.height.number()),
            "linked": status.map(|status| status.linked),
            "not_ready": status.map(reasons),
        })
    }
}

fn reasons(status: &Status) -> Vec<String> {
    status.not_ready.iter().map(ToString::to_string).collect()
}

/// A word for what is missing.
const fn word(missing: &NotReady) -> &'static str {
    match missing {
        NotReady::TooFewLinks { .. } => "too few links",
        NotReady::CatchingUp => "catching up",
        NotReady::Stopping => "stopping",
        NotReady::NoSeat => "not there yet",
    }
}
