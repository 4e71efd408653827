//! Who a node is: its configuration, its key, and the network that it is part of.

use std::sync::Arc;

use model::{Epoch, Genesis, NodeId};

use crate::api::Identity;
use crate::applicant::Applicant;
use crate::config::Config;
use crate::contracts::Contracts;
use crate::error::Fatal;
use crate::genesis::load_genesis;
use crate::registry::{Place, Registry};
use crate::signer::MemberKey;
use crate::store::Directory;

/// Who a node is, and what it was told.
pub(super) struct Person {
    pub(super) config: Config,
    pub(super) contracts: Contracts,
    pub(super) key: MemberKey,
    pub(super) genesis: Genesis,
    pub(super) registry: Arc<Registry>,
    pub(super) applicant: Applicant,
}

impl Person {
    /// Reads the key and the genesis document, and what is known of the network in `directory`.
    ///
    /// # Errors
    ///
    /// [`Fatal`] says which of them cannot be used.
    pub(super) fn load(
        config: Config,
        contracts: Contracts,
        directory: &Directory,
    ) -> Result<Self, Fatal> {
        let key = MemberKey::load(&config.member_key)?;
        let genesis = load_genesis(&config.genesis)?;
        let (node, network) = (key.node(), genesis.network());
        let registry = Registry::new(node, &genesis);
        if let Some((shard, facts)) = directory.left(network, node)? {
            registry.trust(&facts);
            // Without a record of the shard nothing has been kept of it either.
            if registry.known().directory.current(shard).is_some() {
                let epoch = Epoch::ZERO;
                registry.set_place(Place { shard, epoch });
            }
        }
        Ok(Self {
            applicant: Applicant::new(&config, key.clone(), network),
            registry: Arc::new(registry),
            config,
            contracts,
            key,
            genesis,
        })
    }

    pub(super) fn node(&self) -> NodeId {
        self.key.node()
    }

    pub(super) fn identity(&self) -> Identity {
        Identity {
            name: self.config.name.clone(),
            node: self.node(),
            network: self.genesis.network(),
        }
    }
}
