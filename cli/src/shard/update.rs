//! `chainspace shard update`: a shard goes on with another list of nodes.
//!
//! Everything that this does can be done again: what is done already is found to be done.

mod wanted;

use std::time::{Duration, Instant};

use client::error::Error;
use client::{Client, Options, Stance, Updating, Wallet, Watch};
use model::{Epoch, NodeDescriptor, Place, Plan, PublicKey, ShardId, ShardRecord};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::propose::price;
use crate::Common;
use crate::exit::{Exit, Failure};
use crate::output::{DONE, Done, Output};
use crate::session::{Session, patience};

use wanted::Wanted;
pub(super) use wanted::{named, refuse_excluded};

const EXAMPLES: &str = "Examples:
  chainspace shard update 1 n4 n5 n6 ada.csd --from alice
  chainspace shard update 2 a.csd b.csd c.csd d.csd --price 0.001CSC --from alice
  chainspace shard update 1 next.csp ada.csc --from alice
  chainspace shard update 1 n4 n5 n6 n7 --again n7 --from alice";

const ABOUT_APPROVAL: &str = "Approval:
  Two thirds of the members decide. A member approves if its operator has allowed it: in its
  configuration, approves = [\"TERMS\"], where TERMS is what a member says that refuses, or
  approves = [\"any\"]. A node that is new has to agree as for `shard create`: consents = [\"TERMS\"], or
  by mail: `chainspace shard propose --shard K` writes a proposal, `chainspace node consent` what the new
  nodes sign, and this command takes both. The same command again goes on where it was left.";

/// How long the members may take to tell the root shard themselves.
const RECORD_PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Let a shard go on with another list of nodes
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, after_help = ABOUT_APPROVAL)]
pub(crate) struct Update {
    /// The number of the shard
    #[arg(value_name = "K")]
    shard: u32,
    /// All nodes that it is to have, in the order of their seats: descriptors, or names or addresses of
    /// nodes that it has; or a proposal and the consents to it
    #[arg(required = true, value_name = "NODE")]
    nodes: Vec<String>,
    /// A node of the list that the shard has excluded, and that is to have a seat again all the same: its name
    /// or its address
    #[arg(long, value_name = "NODE")]
    again: Vec<String>,
    /// What the shard asks for its part in a transaction [default: as before]
    #[arg(long, value_name = "AMOUNT")]
    price: Option<String>,
    /// Who pays for the transaction if the nodes do not tell the root shard themselves: a name or an
    /// address whose key is here
    #[arg(long, value_name = "NAME")]
    from: String,
    /// How long to wait until the shard has changed, in seconds [default: 30]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: Option<u64>,
}

pub(crate) fn run(common: &Common, update: &Update, output: &Output) -> Result<Done, Failure> {
    let price = match &update.price {
        Some(text) => Some(price(Some(text))?),
        None => None,
    };
    let session = Session::find(common)?;
    let wallet = session.wallet(Options {
        timeout: patience(update.timeout),
        via: None,
    })?;
    let errand = Errand {
        payer: wallet.party(&update.from)?,
        shard: ShardId::new(update.shard),
        patience: patience(update.timeout),
        session: &session,
        wallet: &wallet,
        output,
    };
    session.runtime.block_on(errand.run(update, price))
}

/// What is to be done for one user.
struct Errand<'a> {
    payer: PublicKey,
    shard: ShardId,
    patience: Duration,
    session: &'a Session,
    wallet: &'a Wallet,
    output: &'a Output,
}

impl Errand<'_> {
    async fn run(&self, update: &Update, price: Option<u64>) -> Result<Done, Failure> {
        let began = Instant::now();
        let before = self.client().last_record(self.shard).await?;
        let wanted = Wanted::of(self.session, &update.nodes, price, &before)?;
        let addresses = self.session.addresses();
        refuse_excluded(addresses, &wanted.members, &update.again, &before)?;
        let (epoch, stances) = if before.terms() == wanted.terms(&before) {
            let epoch = before.epoch;
            self.note(format_args!(
                "Nothing   to change: shard {} has these nodes in epoch {epoch}",
                self.shard
            ));
            (epoch, None)
        } else {
            let (epoch, stances) = self.change(&before, &wanted).await?;
            (epoch, Some(stances))
        };
        let changed = began.elapsed();
        let recorded_by = self.record(epoch, &wanted).await?;
        let shard = self.shard;
        Ok(Done {
            text: format!("shard {shard} epoch {epoch}"),
            data: json!({
                "shard": shard.number(),
                "epoch": epoch.number(),
                "changed": stances.is_some(),
                "members": self.stances(&stances.unwrap_or_default()),
                "changed_after_ms": millis(changed),
                "recorded_after_ms": millis(began.elapsed()),
                "recorded_by": recorded_by,
            }),
        })
    }

    fn client(&self) -> &Client {
        self.wallet.client()
    }

    fn note(&self, line: impl std::fmt::Display) {
        self.output.note(line);
    }

    /// Ends the epoch of `before`, and waits until the next one has begun.
    async fn change(
        &self,
        before: &ShardRecord,
        wanted: &Wanted,
    ) -> Result<(Epoch, Vec<Stance>), Failure> {
        self.announce(before, &wanted.members);
        let plan = wanted.plan(self.client(), before).await?;
        let needed = self.client().needed(before)?;
        let stances = self.client().put_forward(&plan, before).await;
        for Stance { member, answer } in &stances {
            match answer {
                Ok(()) => self.note(format_args!("  {:<8} is for it", member.name)),
                Err(why) => self.note(format_args!("  {:<8} {why}", member.name)),
            }
        }
        let approving = stances
            .iter()
            .filter(|stance| stance.answer.is_ok())
            .count();
        let (shard, next) = (self.shard, plan.next.epoch);
        if approving < needed {
            return Err(self.too_few(approving, needed, &plan, &stances));
        }
        self.note(format_args!(
            "Waiting   until shard {shard} has begun epoch {next}: {approving} of {} are for it, {needed} are needed",
            before.seats.len()
        ));
        let began = Instant::now();
        let now = self.client().begun(shard, next, self.patience).await;
        match now {
            Some(now) if now.hash() == plan.next.hash() || now.epoch > next => {
                self.note(format_args!(
                    "{} shard {shard} has begun epoch {next} after {} ms   proof checked",
                    self.output.green(DONE),
                    millis(began.elapsed())
                ));
                Ok((now.epoch, stances))
            }
            Some(_) => Err(Failure::new(
                Exit::Aborted,
                format!("shard {shard} has begun epoch {next} with another list of nodes"),
            )
            .hint("`chainspace shard show` says which; the same command again proposes this one for the epoch after it")),
            None => Err(Failure::new(
                Exit::OutcomeUnknown,
                format!("shard {shard} has not begun epoch {next} in {} s", self.patience.as_secs()),
            )
            .hint("it may still do so; it is safe to run the same command again")),
        }
    }

    /// Says what the change is.
    fn announce(&self, before: &ShardRecord, members: &[NodeDescriptor]) {
        let names = |nodes: Vec<&NodeDescriptor>| -> String {
            let names: Vec<&str> = nodes.iter().map(|node| &*node.name).collect();
            match names.is_empty() {
                true => "nobody".to_owned(),
                false => names.join(", "),
            }
        };
        let present = || {
            before.seats.iter().filter_map(|place| match place {
                Place::Taken(member) => Some(member),
                Place::Vacated(_) => None,
            })
        };
        let was_in = |node: &NodeDescriptor| present().any(|known| known.node == node.node);
        let stays = |node: &NodeDescriptor| members.iter().any(|member| member.node == node.node);
        let joins = members.iter().filter(|node| !was_in(node));
        let leaves = present().filter(|node| !stays(node));
        self.note(format_args!(
            "Update    shard {}, which is in epoch {}\n  joins    {}\n  leaves   {}",
            self.shard,
            before.epoch,
            names(joins.collect()),
            names(leaves.collect()),
        ));
    }

    fn too_few(&self, found: usize, needed: usize, plan: &Plan, stances: &[Stance]) -> Failure {
        let why = format!("{needed} members have to be for it, {found} are");
        let hint = format!(
            "the operators of the others have to allow it: approves = [\"{}\"]; then run the same command again",
            plan.next.terms()
        );
        Failure {
            data: Box::new(json!({
                "shard": self.shard.number(),
                "terms": plan.next.terms(),
                "members": self.stances(stances),
            })),
            ..Failure::new(Exit::Aborted, why).hint(hint)
        }
    }

    fn stances(&self, stances: &[Stance]) -> Value {
        let stances = stances.iter().map(|stance| {
            json!({
                "name": stance.member.name,
                "node": self.session.addresses().node(&stance.member.node),
                "approves": stance.answer.is_ok(),
                "reason": stance.answer.as_ref().err().map(ToString::to_string),
            })
        });
        stances.collect()
    }

    /// Waits until the ledger knows of this epoch, and tells it if nobody else does. Who did.
    async fn record(&self, epoch: Epoch, wanted: &Wanted) -> Result<&'static str, Failure> {
        let until = Instant::now() + RECORD_PATIENCE;
        let mut told = "nodes";
        loop {
            let shard_list = self.wallet.shard_list().await?;
            let recorded = &shard_list.shard(self.shard)?.record;
            if recorded.epoch >= epoch {
                let root = shard_list.root;
                self.note(format_args!(
                    "{} shard {root} has recorded epoch {epoch}, told by the {told}",
                    self.output.green(DONE)
                ));
                return Ok(told);
            }
            if Instant::now() < until {
                sleep(LOOK_EVERY).await;
            } else if self.tell(recorded, wanted).await? {
                told = "wallet";
            }
        }
    }

    /// Tells the root shard of the epoch after the one that it has recorded. Whether it was this wallet
    /// who told it, and not a member meanwhile.
    async fn tell(&self, recorded: &ShardRecord, wanted: &Wanted) -> Result<bool, Failure> {
        let shard = self.shard;
        let Some(change) = self.client().change_after(shard, recorded.epoch) else {
            let why = format!("the nodes of shard {shard} do not show how it has changed");
            return Err(Failure::new(Exit::OutcomeUnknown, why)
                .hint("the shard goes on with it all the same; run the same command again later"));
        };
        // Who has agreed once agrees again.
        let given = wanted.consents.as_deref();
        let consents = self.client().consents(&change.next, Some(recorded), given);
        let updating = Updating {
            payer: self.payer,
            consents: consents.await?,
            change,
        };
        match self.wallet.update(updating, &Watch::nobody()).await {
            Ok(settled) => Ok(settled.is_committed()),
            // A member was faster.
            Err(Error::CannotManage(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
