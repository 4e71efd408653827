//! The consents of nodes to their seats: asking for them, and putting them in order.
//!
//! A node is asked where its descriptor says that it is. It need not be a member of anything yet.

use std::time::Duration;

use futures::future::join_all;
use model::api::{Request, Response};
use model::key::Zip215;
use model::{Consent, NodeDescriptor, ShardRecord, Signature};

use crate::api::{Api, AskError};
use crate::connection::{Client, NodeEndpoint, unexpected};
use crate::error::{Error, Trouble};

/// How long a node may take to agree: it may have to be reached first, far away.
const PATIENCE: Duration = Duration::from_secs(10);

impl<A: Api> Client<A> {
    /// Asks all nodes that have to agree to `record`, which follows on `before`, for their consents, and
    /// checks them. They come in the order in which the contract wants them.
    ///
    /// # Errors
    ///
    /// [`Error::NotAgreed`], which says of each node why it has not.
    pub async fn gather_consents(
        &self,
        record: &ShardRecord,
        before: Option<&ShardRecord>,
    ) -> Result<Vec<Signature>, Error> {
        let asking = record
            .newcomers(before)
            .map(|node| async move { (node, self.ask_consent(record, node).await) });
        let (mut consents, mut troubles) = (Vec::new(), Vec::new());
        for (node, answer) in join_all(asking).await {
            match answer {
                Ok(consent) => consents.push(consent.signature),
                Err(AskError::WrongNetwork { ours, theirs }) => {
                    return Err(Error::WrongNetwork { ours, theirs });
                }
                Err(error) => troubles.push(Trouble {
                    node: node.name.clone(),
                    reason: error.to_string(),
                }),
            }
        }
        if troubles.is_empty() {
            Ok(consents)
        } else {
            let shard = record.shard;
            Err(Error::NotAgreed { shard, troubles })
        }
    }

    async fn ask_consent(
        &self,
        record: &ShardRecord,
        node: &NodeDescriptor,
    ) -> Result<Consent, AskError> {
        for address in &node.addresses {
            self.api.introduce(NodeEndpoint {
                name: node.name.clone(),
                node: node.node,
                address: address.clone(),
            });
        }
        let request = Request::Consent(record.clone());
        match self.api.ask_in_turn(&node.node, request, PATIENCE).await? {
            Response::Consent(consent) if consent.node == node.node => {
                let checked = consent.verify(self.network(), record, &mut Zip215);
                checked.map_err(|bad| AskError::Lying(bad.to_string()))?;
                Ok(consent)
            }
            Response::Refused(refused) => Err(AskError::Silent(refused.to_string())),
            other => Err(unexpected(&other)),
        }
    }

    /// The consents of all nodes that have to agree to `record`, which follows on `before`: those among
    /// `given`, or else those that the nodes give when they are asked.
    ///
    /// # Errors
    ///
    /// [`Error::NotAgreed`].
    pub async fn consents(
        &self,
        record: &ShardRecord,
        before: Option<&ShardRecord>,
        given: Option<&[Consent]>,
    ) -> Result<Vec<Signature>, Error> {
        match given {
            Some(given) => self.sort_consents(record, before, given),
            None => self.gather_consents(record, before).await,
        }
    }

    /// The signatures among `given` of all nodes that have to agree to `record`, which follows on
    /// `before`, in the order in which the contract wants them.
    ///
    /// # Errors
    ///
    /// [`Error::NotAgreed`] if one is missing, or is not to this record.
    pub fn sort_consents(
        &self,
        record: &ShardRecord,
        before: Option<&ShardRecord>,
        given: &[Consent],
    ) -> Result<Vec<Signature>, Error> {
        let (mut consents, mut troubles) = (Vec::new(), Vec::new());
        for node in record.newcomers(before) {
            let mut of_node = given.iter().filter(|consent| consent.node == node.node);
            let agreed = of_node.clone().find(|consent| {
                let checked = consent.verify(self.network(), record, &mut Zip215);
                checked.is_ok()
            });
            match agreed {
                Some(consent) => consents.push(consent.signature),
                None => troubles.push(Trouble {
                    node: node.name.clone(),
                    reason: of_node.next().map_or_else(
                        || "has not agreed".to_owned(),
                        |_| {
                            format!(
                                "has agreed to something else than this shard {}",
                                record.shard
                            )
                        },
                    ),
                }),
            }
        }
        if troubles.is_empty() {
            Ok(consents)
        } else {
            let shard = record.shard;
            Err(Error::NotAgreed { shard, troubles })
        }
    }
}
