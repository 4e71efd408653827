//! The client: a network that it knows by its genesis document, and nodes to ask.

use std::collections::BTreeMap;
use std::time::Duration;

use model::api::{PeerList, Request, Response, Status};
use model::{Committee, Genesis, Height, NetworkId, NodeId, ShardId, ShardRecord};
use tokio::time::Instant;

use crate::address::{Addresses, NetworkKind};
use crate::api::{Api, AskError};
use crate::error::Error;
use crate::members::Members;
use crate::network::Network;

/// How long an operation may take altogether, unless told otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// How long a node may take to answer what it can answer at once.
pub(crate) const ANSWER: Duration = Duration::from_secs(3);

/// Where a network can be reached.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// The genesis document, from a source that the user trusts: it says whose signatures count.
    pub genesis: Genesis,
    /// Nodes to ask. They are believed nothing, and enough of them must be honest to find a
    /// majority of honest answers: more than `f` of each shard.
    pub nodes: Vec<NodeEndpoint>,
}

/// Where a node can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEndpoint {
    /// A name for people, unique among the endpoints.
    pub name: String,
    /// The node's member key.
    pub node: NodeId,
    /// Its multiaddress.
    pub address: String,
}

/// How a client goes about its work.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long an operation may take altogether.
    pub timeout: Duration,
    /// The only node that transactions are submitted to. `None`: `f + 1` nodes of each shard.
    pub via: Option<NodeId>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: TIMEOUT,
            via: None,
        }
    }
}

/// A client of one network, which asks through `A`.
pub struct Client<A = Network> {
    genesis: Genesis,
    network: NetworkId,
    pub(crate) members: Members,
    nodes: Vec<NodeEndpoint>,
    options: Options,
    /// Which node comes first, so that different clients begin with different nodes.
    turn: u8,
    pub(crate) api: A,
}

impl Client {
    /// A client that asks over libp2p. Nodes are dialed when they are first asked.
    ///
    /// # Errors
    ///
    /// [`Error::Genesis`] if the genesis document is not in order, and [`Error::Internal`] if the network of this process cannot be started.
    pub fn connect(endpoints: Endpoints, options: Options) -> Result<Self, Error> {
        let mut turn = [0];
        getrandom::fill(&mut turn).map_err(Error::internal)?;
        let api = Network::start(endpoints.genesis.network(), &endpoints.nodes)?;
        let client = Self::over(endpoints, options, api)?;
        Ok(Self {
            turn: turn[0],
            ..client
        })
    }

    /// Closes the connections and waits until that is done.
    pub async fn shutdown(self) {
        self.api.stop().await;
    }
}

impl<A: Api> Client<A> {
    /// A client that asks through `api`.
    ///
    /// # Errors
    ///
    /// [`Error::Genesis`] if the genesis document is not in order.
    pub fn over(endpoints: Endpoints, options: Options, api: A) -> Result<Self, Error> {
        let Endpoints { genesis, nodes } = endpoints;
        genesis.check()?;
        let client = Self {
            network: genesis.network(),
            members: Members::of_genesis(&genesis)?,
            genesis,
            nodes,
            options,
            turn: 0,
            api,
        };
        client.meet();
        Ok(client)
    }

    /// The genesis document.
    #[must_use]
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The network's name.
    #[must_use]
    pub const fn network(&self) -> NetworkId {
        self.network
    }

    /// Writes and reads addresses of this network.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        Addresses(NetworkKind::of(&self.genesis))
    }

    /// The nodes that can be asked.
    #[must_use]
    pub fn nodes(&self) -> &[NodeEndpoint] {
        &self.nodes
    }

    /// What a node says about itself. It is the node's word and nothing more, except that it is
    /// really this node and that it is of this network.
    ///
    /// # Errors
    ///
    /// [`AskError`].
    pub async fn status(&self, node: &NodeId) -> Result<Status, AskError> {
        match self.api.ask_in_turn(node, Request::Status, ANSWER).await? {
            Response::Status(status) if status.network != self.network => {
                Err(AskError::WrongNetwork {
                    ours: self.network,
                    theirs: status.network,
                })
            }
            Response::Status(status) if status.node == *node => Ok(status),
            Response::Refused(refused) => Err(AskError::Silent(refused.to_string())),
            other => Err(unexpected(&other)),
        }
    }

    /// Whom a node is connected with, as it says to its own machine.
    ///
    /// # Errors
    ///
    /// [`AskError`].
    pub async fn peers(&self, node: &NodeId) -> Result<PeerList, AskError> {
        match self.api.ask_in_turn(node, Request::Peers, ANSWER).await? {
            Response::Peers(list) => Ok(list),
            Response::Refused(refused) => Err(AskError::Silent(refused.to_string())),
            other => Err(unexpected(&other)),
        }
    }

    /// The last record of each shard that is known, ascending. [`Client::catch_up`] looks for what is new.
    #[must_use]
    pub fn records(&self) -> Vec<ShardRecord> {
        let known = self.members.known();
        let shards = known.directory().all();
        let records = shards.filter_map(|committee| {
            let shard = committee.scope().shard;
            known.directory().last_record(shard).cloned()
        });
        records.collect()
    }

    /// When an operation that begins now has to be over.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.options.timeout
    }

    pub(crate) const fn options(&self) -> &Options {
        &self.options
    }

    /// The shards that are known, ascending.
    pub(crate) fn shards(&self) -> Vec<ShardId> {
        let known = self.members.known();
        let shards = known.directory().all();
        shards.map(|committee| committee.scope().shard).collect()
    }

    /// Whether a shard is not one of those that the network began with.
    pub(crate) fn is_stranger(&self, shard: ShardId) -> bool {
        self.genesis.shard(shard).is_none()
    }

    /// The members of a shard in the last epoch that is known.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchShard`] if nothing is known of it.
    pub(crate) fn committee(&self, shard: ShardId) -> Result<Committee, Error> {
        let known = self.members.known();
        let committee = known.directory().current(shard);
        committee.cloned().ok_or(Error::NoSuchShard(shard))
    }

    /// The nodes of a shard that can be asked, always in the same order: connections are used again. They
    /// are those whose address the user has given, and those that have one in the record of the shard.
    pub(crate) fn nodes_of(&self, committee: &Committee) -> Vec<NodeId> {
        let known = self.members.known();
        let record = known.directory().last_record(committee.scope().shard);
        let seats = record.into_iter().flat_map(|record| &record.seats);
        let listed = seats.map(|place| place.descriptor());
        let listed = listed.filter(|node| !node.addresses.is_empty());
        let given = self.nodes.iter().map(|endpoint| endpoint.node);
        let mut nodes: Vec<NodeId> = Vec::new();
        for node in given.chain(listed.map(|descriptor| descriptor.node)) {
            if committee.seat(&node).is_some() && !nodes.contains(&node) {
                nodes.push(node);
            }
        }
        let first = usize::from(self.turn).checked_rem(nodes.len()).unwrap_or(0);
        nodes.rotate_left(first);
        nodes
    }

    /// The name of a node for people.
    pub(crate) fn name_of(&self, node: &NodeId) -> String {
        let endpoint = self.nodes.iter().find(|endpoint| endpoint.node == *node);
        endpoint.map_or_else(|| self.addresses().node(node), |found| found.name.clone())
    }
}

impl Endpoints {
    /// The node with this name, address (`csnode1...`) or 64 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchNode`], which lists the names.
    pub fn find(&self, text: &str) -> Result<NodeId, Error> {
        let node = Addresses(NetworkKind::of(&self.genesis)).parse_node(text);
        let mut nodes = self.nodes.iter();
        nodes
            .find(|at| at.name == text || node.as_ref().is_ok_and(|node| at.node == *node))
            .map(|found| found.node)
            .ok_or_else(|| Error::NoSuchNode {
                text: text.to_owned(),
                known: self.nodes.iter().map(|node| node.name.clone()).collect(),
            })
    }
}

/// A node answered something else than it was asked.
pub(crate) fn unexpected(response: &Response) -> AskError {
    let what = match response {
        Response::Status(_) => "a status",
        Response::Head(_) => "a head",
        Response::Accepted | Response::Decided(_) | Response::Taken(_) => "about a submission",
        Response::Outcome(_) => "an outcome",
        Response::Transaction(_) => "a transaction",
        Response::Object { .. } => "an object",
        Response::Labelled(_) => "a list of objects",
        Response::Results(_) => "the decisions of a block",
        Response::Consent(_) => "a consent",
        Response::Evidence(_) => "proofs of lies",
        Response::Changes(_) => "changes of shards",
        Response::Acts(_) => "acts of the root shard",
        Response::Cosigned(_) => "a signature over a head",
        Response::Peers(_) => "a list of peers",
        Response::Refused(_) => "a refusal that does not fit",
    };
    AskError::Lying(format!("it answered with {what}, which nobody asked for"))
}

/// The height of each shard that a reader has seen, and wants to see nothing from before.
pub type Heights = BTreeMap<ShardId, Height>;
