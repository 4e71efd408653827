//! Where the parts of a local network are. The drawing is in [`crate::local`].

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use model::NetworkId;

use super::error::LocalError;
use super::manifest::Manifest;

/// The folder of everything that this program keeps in a directory.
const HOME: &str = ".chainspace";

/// The folder of what a node keeps, in the folder of the node.
pub(crate) const STORE: &str = "store";

/// The file of the key by which peers know a node, in its folder.
pub(crate) const NETWORK_KEY: &str = "network.key";

/// The file of a node's weather, in its folder.
pub(crate) const WEATHER: &str = "weather.toml";

/// The file of what a node lies about, in its folder.
pub(crate) const LIES: &str = "lies.toml";

/// The places of one local network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    home: PathBuf,
}

impl Layout {
    /// The places in `directory`, whether there is a network or not.
    #[must_use]
    pub fn of(directory: &Path) -> Self {
        Self {
            home: directory.join(HOME),
        }
    }

    /// The network of `start`, or else of the nearest folder above it that has one.
    #[must_use]
    pub fn find(start: &Path) -> Option<Self> {
        start.ancestors().map(Self::of).find(Self::has_network)
    }

    /// Whether there is a network, or what is left of one.
    #[must_use]
    pub fn has_network(&self) -> bool {
        self.root().exists()
    }

    /// The network that is kept here, `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`LocalError::Damaged`] if it cannot be read which one it is.
    pub fn network(&self) -> Result<Option<NetworkId>, LocalError> {
        Ok(Manifest::read(self)?.map(|manifest| manifest.network))
    }

    /// The directory that the network belongs to.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.home.parent().unwrap_or(&self.home)
    }

    /// The folder of the network.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.home.join("local")
    }

    /// The genesis document.
    #[must_use]
    pub fn genesis(&self) -> PathBuf {
        self.root().join("genesis")
    }

    /// The journal of the commands that send.
    #[must_use]
    pub fn wallet(&self) -> PathBuf {
        self.root().join("wallet")
    }

    /// The receipts that the commands save.
    #[must_use]
    pub fn receipts(&self) -> PathBuf {
        self.root().join("receipts")
    }

    /// What the commands have learned of shards.
    #[must_use]
    pub fn shards(&self) -> PathBuf {
        self.root().join("shards")
    }

    /// What a node says.
    #[must_use]
    pub fn log(&self, node: &str) -> PathBuf {
        self.logs().join(format!("{node}.log"))
    }

    /// The configurations of the nodes, in the order of the nodes.
    #[must_use]
    pub fn configurations(&self) -> Vec<PathBuf> {
        let nodes = fs::read_dir(self.root().join("nodes"));
        let names = nodes.into_iter().flatten().filter_map(|node| {
            let name = node.ok()?.file_name().into_string().ok()?;
            self.config(&name).exists().then_some(name)
        });
        let mut names: Vec<String> = names.collect();
        names.sort_by_key(|name| (name.len(), name.clone()));
        names.iter().map(|name| self.config(name)).collect()
    }

    /// What the supervisor holds while it runs. It is outside the folder of the network, so that it
    /// outlives a reset.
    pub(crate) fn lock(&self) -> PathBuf {
        self.home.join("local.lock")
    }

    /// Where a network is put together before it is moved, whole, to its place.
    pub(crate) fn draft(&self) -> Self {
        Self {
            home: self.home.join("draft"),
        }
    }

    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.root().join("network.json")
    }

    pub(crate) fn endpoint(&self) -> PathBuf {
        self.root().join("endpoint.json")
    }

    pub(crate) fn control(&self) -> PathBuf {
        self.root().join("control.sock")
    }

    pub(crate) fn node(&self, node: &str) -> PathBuf {
        self.root().join("nodes").join(node)
    }

    /// What a node keeps.
    pub(crate) fn store(&self, node: &str) -> PathBuf {
        self.node(node).join(STORE)
    }

    /// The number of the process of a node, while there is one.
    pub(crate) fn pid(&self, node: &str) -> PathBuf {
        self.node(node).join("pid")
    }

    /// The key by which peers know a node.
    pub(crate) fn network_key(&self, node: &str) -> PathBuf {
        self.node(node).join(NETWORK_KEY)
    }

    /// What is wrong with the ways of a node to others.
    pub(crate) fn weather(&self, node: &str) -> PathBuf {
        self.node(node).join(WEATHER)
    }

    /// What a node lies about.
    pub(crate) fn lies(&self, node: &str) -> PathBuf {
        self.node(node).join(LIES)
    }

    pub(crate) fn config(&self, node: &str) -> PathBuf {
        self.node(node).join("config.toml")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.root().join("logs")
    }

    /// The journal of the transaction that the supervisor makes before the network is ready.
    pub(crate) fn self_test(&self) -> PathBuf {
        self.root().join("self-test")
    }
}
