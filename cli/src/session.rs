//! Finding the network that a command is about, and opening a wallet on it.

use std::path::PathBuf;
use std::time::Duration;

use client::keys::LocalKeys;
use client::{Addresses, Client, Endpoints, NetworkKind, Options, Wallet};
use model::{NodeId, TransactionId};
use testnet::local::{Endpoint, Layout, LocalError, read_genesis};
use tokio::runtime::Runtime;

use crate::Common;
use crate::exit::{Exit, Failure};

/// The network that a command is about.
pub(crate) struct Session {
    pub(crate) layout: Layout,
    pub(crate) endpoint: Endpoint,
    pub(crate) endpoints: Endpoints,
    pub(crate) runtime: Runtime,
}

impl Session {
    /// Finds the network and prepares to speak to it.
    pub(crate) fn find(common: &Common) -> Result<Self, Failure> {
        let layout = find(common)?;
        let endpoint = Endpoint::read(&layout)?;
        let endpoints = endpoint.endpoints(read_genesis(&layout, endpoint.network)?);
        Ok(Self {
            layout,
            endpoint,
            endpoints,
            runtime: runtime()?,
        })
    }

    /// A client of the network, which has looked what has become of its shards.
    pub(crate) fn client(&self, options: Options) -> Result<Client, Failure> {
        let _inside = self.runtime.enter();
        let client = Client::connect(self.endpoints.clone(), options)?;
        let client = client.remembering(self.layout.shards());
        self.runtime.block_on(client.catch_up());
        Ok(client)
    }

    /// Opens the wallet of the network.
    pub(crate) fn wallet(&self, options: Options) -> Result<Wallet, Failure> {
        let keys = Box::new(LocalKeys::of(&self.endpoints.genesis));
        Ok(Wallet::open(
            self.client(options)?,
            keys,
            &self.layout.wallet(),
        )?)
    }

    /// Where the receipt of a transaction is kept unless the user says otherwise.
    pub(crate) fn receipt(&self, transaction: &TransactionId) -> PathBuf {
        let id = self.addresses().transaction(transaction);
        self.layout.receipts().join(format!("{id}.csr"))
    }

    /// What people call a node; its address, if it has no name here.
    pub(crate) fn name_of(&self, node: &NodeId) -> String {
        let mut nodes = self.endpoint.nodes.iter();
        let found = nodes.find(|found| found.node == *node);
        found.map_or_else(|| self.addresses().node(node), |found| found.name.clone())
    }

    /// Writes and reads addresses of the network.
    pub(crate) fn addresses(&self) -> Addresses {
        Addresses(NetworkKind::of(&self.endpoints.genesis))
    }
}

/// The network of the directory that was named, or else of the current one or one above it.
pub(crate) fn find(common: &Common) -> Result<Layout, Failure> {
    if let Some(directory) = &common.dir {
        let layout = Layout::of(directory);
        return if layout.has_network() {
            Ok(layout)
        } else {
            Err(LocalError::NoNetwork(directory.clone()).into())
        };
    }
    let here = std::env::current_dir().map_err(|error| {
        Failure::new(
            Exit::Failed,
            format!("there is no current directory: {error}"),
        )
    })?;
    Layout::find(&here).ok_or_else(|| LocalError::NoNetwork(here).into())
}

/// What asynchronous work runs on: one thread, this one.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))
}

/// How long a command may take, as the user says it.
pub(crate) fn patience(seconds: Option<u64>) -> Duration {
    seconds.map_or(client::connection::TIMEOUT, Duration::from_secs)
}
