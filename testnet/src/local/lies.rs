//! Nodes that lie on purpose: which ones, and about what.
//!
//! Every node has a file that says what it lies about, and reads it when it starts and when it changes, see
//! the `lies` of the crate `node`. Without the file it is honest, and so are all when a network starts.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::LocalError;
use super::file;
use super::layout::Layout;
use super::manifest::Manifest;

/// What a node lies about, as it reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lies {
    /// It votes for two blocks of one slot, and proposes two where it leads.
    pub equivocate: bool,
    /// It signs two heads at each height.
    pub two_heads: bool,
    /// It shows other shards the opposite of what its shard promises them.
    pub false_votes: bool,
}

impl Lies {
    /// None at all.
    #[must_use]
    pub fn is_honest(&self) -> bool {
        *self == Self::default()
    }
}

/// What the nodes of a network lie about.
#[derive(Debug)]
pub(crate) struct Liars(Vec<(PathBuf, Lies)>);

impl Liars {
    /// All nodes of a network are honest.
    pub(crate) fn none(layout: &Layout, manifest: &Manifest) -> Result<Self, LocalError> {
        let files = manifest.nodes.iter().map(|node| layout.lies(&node.name));
        let liars = Self(files.map(|file| (file, Lies::default())).collect());
        liars
            .0
            .iter()
            .try_for_each(|(file, _)| file::remove(file))?;
        Ok(liars)
    }

    /// Lets a node lie about this, or makes it honest.
    pub(crate) fn tempt(&mut self, node: usize, lies: Lies) -> Result<(), LocalError> {
        let (file, now) = &mut self.0[node];
        *now = lies;
        if lies.is_honest() {
            file::remove(file)
        } else {
            let text = toml::to_string(&lies).expect("three flags are TOML");
            file::replace(file, text.as_bytes())
        }
    }

    /// What a node lies about.
    pub(crate) fn of(&self, node: usize) -> Lies {
        self.0[node].1
    }
}
