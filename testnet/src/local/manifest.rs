//! What a network keeps about itself between two runs.

#[cfg(test)]
mod tests;

use model::NetworkId;
use serde::{Deserialize, Serialize};

use super::error::LocalError;
use super::file;
use super::layout::Layout;

/// The version of what a folder holds, and of the rules by which its chains were made. Another one is not
/// read.
const FORMAT: u32 = 4;

/// The network of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    format: u32,
    /// The name for people, such as `local-7f3a9c21`.
    pub(crate) name: String,
    /// The hash of the genesis document.
    pub(crate) network: NetworkId,
    /// Whether the network ends with the supervisor.
    pub(crate) ephemeral: bool,
    /// The nodes, in the order of their seats.
    pub(crate) nodes: Vec<ManifestNode>,
}

/// A node of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ManifestNode {
    /// `n0`, `n1` and so on.
    pub(crate) name: String,
    /// The port it listened at last, 0 before it has one.
    pub(crate) port: u16,
}

impl ManifestNode {
    /// Where the node listens and answers, as a multiaddress.
    pub(crate) fn address(&self) -> String {
        format!("/ip4/127.0.0.1/tcp/{}", self.port)
    }
}

impl Manifest {
    pub(crate) fn new(
        name: String,
        network: NetworkId,
        ephemeral: bool,
        nodes: Vec<ManifestNode>,
    ) -> Self {
        Self {
            format: FORMAT,
            name,
            network,
            ephemeral,
            nodes,
        }
    }

    /// The manifest of the network in this folder, `None` if there is no network.
    ///
    /// # Errors
    ///
    /// [`LocalError::Damaged`] if the file is not a manifest of this version.
    pub(crate) fn read(layout: &Layout) -> Result<Option<Self>, LocalError> {
        let path = layout.manifest();
        let manifest: Option<Self> = file::read_json(&path)?;
        match manifest {
            Some(Self { format, .. }) if format != FORMAT => Err(LocalError::Damaged {
                path,
                reason: format!("it has format {format}, this program reads format {FORMAT}"),
            }),
            Some(manifest) if manifest.nodes.is_empty() => Err(LocalError::Damaged {
                path,
                reason: "it lists no nodes".to_owned(),
            }),
            other => Ok(other),
        }
    }

    pub(crate) fn write(&self, layout: &Layout) -> Result<(), LocalError> {
        file::replace_json(&layout.manifest(), self)
    }
}
