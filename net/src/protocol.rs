//! The protocols that peers speak, and their names.
//!
//! A name carries the first 16 hexadecimal digits of the network's id, so that nodes of two networks
//! have no word in common: `/chainspace/<digits>/hello/1`. The full id is in the greeting.

use std::sync::Arc;

use libp2p::StreamProtocol;
use model::NetworkId;

use crate::bounds;

/// How many digits of the network's id a name carries.
const DIGITS: usize = 16;

/// A protocol of questions and answers: one request, one response, a stream of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// What nodes ask each other: blocks, heads, certificates, the genesis document.
    Sync,
    /// What wallets and other clients ask a node.
    Api,
    /// What nodes of different shards tell each other. [`Handle::tell`](crate::Handle::tell) asks,
    /// and what is asked arrives in [`Events::foreign`](crate::Events::foreign).
    Sbac,
}

impl Protocol {
    /// The longest request, in bytes.
    #[must_use]
    pub const fn request_bytes_max(self) -> usize {
        match self {
            Self::Sync => bounds::SYNC_REQUEST_BYTES_MAX,
            Self::Api => bounds::API_REQUEST_BYTES_MAX,
            Self::Sbac => bounds::SBAC_REQUEST_BYTES_MAX,
        }
    }

    /// The longest response, in bytes.
    #[must_use]
    pub const fn response_bytes_max(self) -> usize {
        match self {
            Self::Sync => bounds::SYNC_RESPONSE_BYTES_MAX,
            Self::Api => bounds::API_RESPONSE_BYTES_MAX,
            Self::Sbac => bounds::SBAC_RESPONSE_BYTES_MAX,
        }
    }
}

/// What a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The greeting, which comes before everything else.
    Hello,
    /// The link between two members of a shard.
    Bft,
    /// One request and its response.
    Exchange(Protocol),
}

/// The name of a protocol in one network.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) purpose: Purpose,
    protocol: StreamProtocol,
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self.protocol.as_ref()
    }
}

impl Name {
    /// The name of a protocol that libp2p speaks. It is only good for opening streams, where nobody asks
    /// what they are for.
    pub(crate) const fn of_libp2p(protocol: StreamProtocol) -> Self {
        let purpose = Purpose::Hello;
        Self { purpose, protocol }
    }
}

/// What tells the names of one network from those of another.
pub(crate) fn digits(network: &NetworkId) -> String {
    network.to_string().chars().take(DIGITS).collect()
}

/// The name of the protocol by which the directory is kept.
pub(crate) fn kademlia(network: &NetworkId) -> StreamProtocol {
    StreamProtocol::try_from_owned(format!("/chainspace/{}/kad/1", digits(network)))
        .expect("a protocol name begins with a slash, and this one does")
}

/// The names of all protocols in one network.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    hello: Name,
    bft: Name,
    sync: Name,
    api: Name,
    sbac: Name,
}

impl Names {
    /// The names in the network `network`.
    pub(crate) fn new(network: &NetworkId) -> Self {
        let digits = digits(network);
        let name = |purpose, word: &str| Name {
            purpose,
            protocol: StreamProtocol::try_from_owned(format!("/chainspace/{digits}/{word}/1"))
                .expect("a protocol name begins with a slash, and this one does"),
        };
        Self {
            hello: name(Purpose::Hello, "hello"),
            bft: name(Purpose::Bft, "bft"),
            sync: name(Purpose::Exchange(Protocol::Sync), "sync"),
            api: name(Purpose::Exchange(Protocol::Api), "api"),
            sbac: name(Purpose::Exchange(Protocol::Sbac), "sbac"),
        }
    }

    /// The name of the protocol that serves `purpose`.
    pub(crate) fn of(&self, purpose: Purpose) -> &Name {
        match purpose {
            Purpose::Hello => &self.hello,
            Purpose::Bft => &self.bft,
            Purpose::Exchange(Protocol::Sync) => &self.sync,
            Purpose::Exchange(Protocol::Api) => &self.api,
            Purpose::Exchange(Protocol::Sbac) => &self.sbac,
        }
    }

    /// What a process offers to its peers. One that is no node has no use for links and takes no part
    /// in what shards tell each other; a node may come to have a seat, and refuses until then.
    pub(crate) fn offered(&self, is_node: bool) -> Arc<[Name]> {
        let mut names = vec![self.hello.clone(), self.sync.clone(), self.api.clone()];
        if is_node {
            names.extend([self.bft.clone(), self.sbac.clone()]);
        }
        names.into()
    }
}
