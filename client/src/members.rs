//! Who is in which shard, as far as this client has come to know.
//!
//! It begins with the genesis document and takes one step after the other, each with its proof
//! ([`Lineage`]): nodes are asked for steps and believed nothing. What a node can do is to hold back what
//! is new; then a decision by members who are not known makes the client ask again, and other nodes.
//!
//! What was learned is kept in a file, so that nobody has to be asked for it twice. The file is checked
//! when it is read as if a node had sent it.
//!
//! Paper: Section VI-A. Deviation: D-10.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures::StreamExt;
use model::api::{Act, Request, Response, SHARDS_ASKED_MAX};
use model::key::Zip215;
use model::lineage::{BadStep, NoSigners};
use model::{
    Committee, Epoch, Genesis, Head, Lineage, NetworkId, NodeId, Place, ShardId, Step, bounds,
    encoding,
};
use tempfile::NamedTempFile;
use tokio::time::{Instant, timeout_at};
use tracing::{debug, warn};

use crate::api::{Api, AskError};
use crate::connection::{ANSWER, Client, NodeEndpoint, unexpected};
use crate::error::Error;
use crate::spread::{Reserve, spread};

/// How long the client may look for what is new before it does what it was asked to do.
const CATCH_UP: Duration = Duration::from_secs(2);

/// How long the others are left in peace while the first nodes are asked.
const PATIENCE: Duration = Duration::from_millis(250);

/// Answers of one node in a row. An honest one has said all long before.
const ANSWERS_MAX: usize = 1_024;

/// What is known.
pub(crate) struct Members {
    network: NetworkId,
    lineage: RwLock<Arc<Lineage>>,
    /// Where it is kept.
    file: Option<PathBuf>,
}

impl Members {
    /// What the genesis document says.
    ///
    /// # Errors
    ///
    /// [`Error::Genesis`].
    pub(crate) fn of_genesis(genesis: &Genesis) -> Result<Self, Error> {
        Ok(Self {
            network: genesis.network(),
            lineage: RwLock::new(Arc::new(Lineage::of_genesis(genesis)?)),
            file: None,
        })
    }

    /// All that is known now.
    pub(crate) fn known(&self) -> Arc<Lineage> {
        // Whoever panicked with the lock left what was there before.
        let known = self.lineage.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&known)
    }

    /// Checks steps and takes them. Whether any is news.
    ///
    /// # Errors
    ///
    /// [`BadStep`] of the first that proves nothing. Those before it are taken.
    fn take(&self, steps: &[Step]) -> Result<bool, BadStep> {
        let mut bad = Ok(());
        let news = self.take_unless(steps, |reason| {
            bad = Err(reason);
            ControlFlow::Break(())
        });
        bad.map(|()| news)
    }

    /// Checks steps and takes them. Whether any is news. `refuse` is told of each that proves nothing, and
    /// says whether to go on.
    fn take_unless(
        &self,
        steps: &[Step],
        mut refuse: impl FnMut(BadStep) -> ControlFlow<()>,
    ) -> bool {
        let mut lineage = (*self.known()).clone();
        let mut news = false;
        for step in steps {
            match lineage.take(step, &mut Zip215) {
                Ok(new) => news |= new,
                Err(reason) => {
                    if refuse(reason).is_break() {
                        break;
                    }
                }
            }
        }
        if news {
            self.learn(lineage);
        }
        news
    }

    /// Replaces what is known, unless somebody else has learned more meanwhile: then the difference is
    /// learned when it is needed.
    fn learn(&self, lineage: Lineage) {
        let mut known = self.lineage.write().unwrap_or_else(PoisonError::into_inner);
        if known.count() < lineage.count() {
            *known = Arc::new(lineage);
        }
    }

    /// Reads what was kept, as far as it proves itself, and keeps there what is learned from now on.
    fn remember_in(&mut self, file: PathBuf) {
        if let Err(reason) = self.read(&file) {
            let file = file.display();
            warn!(%file, %reason, "what was known of shards is not taken from its file");
        }
        self.file = Some(file);
    }

    fn read(&self, file: &Path) -> Result<(), String> {
        let length = match fs::metadata(file) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        if length > bounds::STEPS_BYTES_MAX as u64 {
            return Err(format!("it is {length} bytes long"));
        }
        let bytes = fs::read(file).map_err(|error| error.to_string())?;
        let (network, steps): (NetworkId, Vec<Step>) =
            encoding::decode(&bytes, bounds::STEPS_BYTES_MAX).map_err(|bad| bad.to_string())?;
        if network != self.network {
            return Err(format!("it is of network {network}"));
        }
        self.take(&steps).map_err(|bad| bad.to_string())?;
        Ok(())
    }

    /// Keeps what is known, all of it or nothing.
    fn keep(&self) {
        let Some(file) = &self.file else {
            return;
        };
        let bytes = encoding::encode(&(self.network, self.known().steps()));
        if bytes.len() > bounds::STEPS_BYTES_MAX {
            return;
        }
        if let Err(reason) = write(file, &bytes) {
            let file = file.display();
            warn!(%file, %reason, "what was learned of shards is not kept");
        }
    }
}

/// What a node is asked about shards: how far they are known. Where there are too many for one question,
/// each turn is about others.
struct Question {
    /// This shard is in all of them, and the root shard is, by which all else is proven.
    wanted: Option<ShardId>,
    turn: usize,
    /// Shards in one question.
    shards_max: usize,
}

impl Question {
    fn first(&self, known: &Lineage) -> BTreeSet<ShardId> {
        self.wanted.into_iter().chain(known.root()).collect()
    }

    fn shards(&self, known: &Lineage) -> Vec<(ShardId, Epoch)> {
        let first = self.first(known);
        known
            .directory()
            .in_turn(&first, self.turn, self.shards_max)
    }

    /// How many turns it takes until all shards have had theirs.
    fn turns(&self, known: &Lineage) -> usize {
        let room = self.shards_max.saturating_sub(self.first(known).len());
        known.directory().all().count().div_ceil(room.max(1))
    }
}

/// Replaces a file.
fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let directory = file.parent().filter(|found| !found.as_os_str().is_empty());
    let mut beside = NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?;
    beside.write_all(bytes)?;
    beside.persist(file)?;
    Ok(())
}

impl<A: Api> Client<A> {
    /// The same client, which knows what is kept in a file, and keeps there what it learns of shards. A
    /// file that is not there is made when there is something to keep; one that is damaged or of another
    /// network is not believed, and replaced then.
    #[must_use]
    pub fn remembering(mut self, file: PathBuf) -> Self {
        self.members.remember_in(file);
        self.meet();
        self
    }

    /// Asks what has become of shards since the client last looked: of one node that answers, as all of
    /// it proves itself. Takes two seconds at most, and does nothing if nobody answers.
    pub async fn catch_up(&self) {
        self.look_for(None, |_| true).await;
    }

    /// The members of a shard as it is now, looked for if the shard is not known.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchShard`] if no node shows that there is such a shard.
    pub(crate) async fn committee_of(&self, shard: ShardId) -> Result<Committee, Error> {
        let known = self.committee(shard);
        if known.is_ok() || self.members.known().root().is_none() {
            return known;
        }
        let is_known = |lineage: &Lineage| lineage.directory().current(shard).is_some();
        self.look_for(Some(shard), is_known).await;
        self.committee(shard)
    }

    /// Asks nodes what is new, of a shard that is wanted above all, one after the other, until this is so or
    /// `f + 1` of them have answered.
    async fn look_for(&self, wanted: Option<ShardId>, is_found: impl Fn(&Lineage) -> bool) {
        let lineage = self.members.known();
        let root = lineage.root();
        let root = root.and_then(|root| lineage.directory().current(root));
        let mut nodes = root.map_or_else(Vec::new, |root| self.nodes_of(root));
        let others = self.nodes().iter().map(|endpoint| endpoint.node);
        let others: Vec<NodeId> = others.filter(|node| !nodes.contains(node)).collect();
        nodes.extend(others);
        let enough = root.map_or(1, Committee::honest_threshold);
        let reserve = Reserve::new(PATIENCE);
        let mut asking = spread(&nodes, enough, &reserve, |node| async move {
            self.ask_all(&node, wanted).await
        });
        let until = self.deadline().min(Instant::now() + CATCH_UP);
        let mut answered = 0;
        while let Ok(Some((node, answer))) = timeout_at(until, asking.next()).await {
            match answer {
                Ok(()) => answered += 1,
                Err(reason) => {
                    debug!(%node, %reason, "says nothing of shards");
                    reserve.call();
                }
            }
            let found = answered > 0 && is_found(&self.members.known());
            if found || answered >= enough {
                return;
            }
        }
    }

    /// Asks a node for all that it knows of shards and is not known here.
    async fn ask_all(&self, node: &NodeId, wanted: Option<ShardId>) -> Result<(), AskError> {
        self.ask_changes(node, wanted).await?;
        if self.members.known().root().is_some() && self.ask_foundings(node).await? {
            self.ask_changes(node, wanted).await?;
        }
        Ok(())
    }

    /// Who can have signed a head that a node shows. If that is not known, the node is asked.
    pub(crate) async fn signers(&self, node: &NodeId, head: &Head) -> Result<Committee, AskError> {
        let known = self.members.known();
        match known.signers(head) {
            Ok(committee) => return Ok(committee.clone()),
            Err(NoSigners::Ahead { .. }) => {}
            Err(reason) => return Err(AskError::Lying(reason.to_string())),
        }
        self.ask_changes(node, Some(head.scope.shard)).await?;
        let known = self.members.known();
        let committee = known.signers(head);
        let committee = committee.map_err(|reason| AskError::Lying(reason.to_string()))?;
        Ok(committee.clone())
    }

    /// Asks a node for the epochs that have begun, until it has nothing new of any shard.
    async fn ask_changes(&self, node: &NodeId, wanted: Option<ShardId>) -> Result<(), AskError> {
        let mut in_vain = 0;
        for turn in 0..ANSWERS_MAX {
            let known = self.members.known();
            let question = Question {
                wanted,
                turn,
                shards_max: SHARDS_ASKED_MAX,
            };
            let request = Request::Changes(question.shards(&known));
            let changes = match self.api.ask_in_turn(node, request, ANSWER).await? {
                Response::Changes(changes) => changes,
                Response::Refused(refused) => return Err(AskError::Silent(refused.to_string())),
                other => return Err(unexpected(&other)),
            };
            let changes = changes.into_iter();
            let steps: Vec<Step> = changes
                .map(|change| Step::Changed(Box::new(change)))
                .collect();
            let news = self.take(&steps)?;
            // Another node may have told the same meanwhile.
            let more = news || self.members.known().count() > known.count();
            if !steps.is_empty() && more {
                in_vain = 0;
                continue;
            }
            in_vain += 1;
            if in_vain >= question.turns(&known) {
                break;
            }
        }
        Ok(())
    }

    /// Asks a node for the shards that were founded. Whether there are any that were not known.
    async fn ask_foundings(&self, node: &NodeId) -> Result<bool, AskError> {
        let mut after = 0;
        let mut news = false;
        for _ in 0..ANSWERS_MAX {
            let request = Request::Acts { after };
            let acts = match self.api.ask_in_turn(node, request, ANSWER).await? {
                Response::Acts(acts) => acts,
                Response::Refused(refused) => return Err(AskError::Silent(refused.to_string())),
                other => return Err(unexpected(&other)),
            };
            if acts.is_empty() {
                break;
            }
            after = after.saturating_add(u32::try_from(acts.len()).unwrap_or(u32::MAX));
            let known = self.members.known();
            let foundings = acts.into_iter().filter(|act| known.lacks(act));
            news |= self.take_foundings(node, foundings);
        }
        Ok(news)
    }

    /// Takes those acts that a node shows that are foundings. Whether any is news. What else there is among
    /// them hides none of them: the node may have been told it by others.
    fn take_foundings(&self, node: &NodeId, acts: impl Iterator<Item = Act>) -> bool {
        let steps: Vec<Step> = acts.map(|act| Step::Founded(Box::new(act))).collect();
        let news = self.members.take_unless(&steps, |reason| {
            debug!(%node, %reason, "shows a founding that is none");
            ControlFlow::Continue(())
        });
        if news {
            self.meet();
            self.members.keep();
        }
        news
    }

    /// Takes steps that a node shows. Whether any is news.
    fn take(&self, steps: &[Step]) -> Result<bool, AskError> {
        let taken = self.members.take(steps);
        if taken != Ok(false) {
            self.meet();
            self.members.keep();
        }
        taken.map_err(|bad| AskError::Lying(bad.to_string()))
    }

    /// Says where the members of all shards are, as they describe themselves.
    pub(crate) fn meet(&self) {
        let known = self.members.known();
        let directory = known.directory();
        let shards = directory.all().map(|committee| committee.scope().shard);
        let records = shards.filter_map(|shard| directory.last_record(shard));
        for place in records.flat_map(|record| &record.seats) {
            let Place::Taken(descriptor) = place else {
                continue;
            };
            for address in &descriptor.addresses {
                self.api.introduce(NodeEndpoint {
                    name: descriptor.name.clone(),
                    node: descriptor.node,
                    address: address.clone(),
                });
            }
        }
    }
}
