//! One node's list of the accounts of an owner, fetched page by page and believed nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use model::api::{PAGE_OBJECTS_MAX, Page, Refused, Request, Response, owner_label};
use model::{Height, NodeId, ObjectId, PublicKey, ShardId};

use super::Account;
use crate::api::{Api, AskError};
use crate::connection::{ANSWER, Client, unexpected};

/// How long a node may take to reach the height that is asked for.
const CATCH_UP_MS: u32 = 3_000;

/// Pages that are read. A node that has more is left at that: so many accounts are more than can be
/// spent in hundreds of transactions.
const PAGES_MAX: usize = 128;

/// The accounts of one owner in one shard.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) accounts: BTreeMap<ObjectId, Account>,
    pub(super) height: Height,
}

/// The most recent of `enough` lists that name the same accounts, if there are so many.
pub(super) fn agreed(lists: &[List], enough: usize) -> Option<List> {
    let same = |a: &List, b: &List| a.accounts.keys().eq(b.accounts.keys());
    lists
        .iter()
        .filter(|list| lists.iter().filter(|other| same(list, other)).count() >= enough)
        .max_by_key(|list| list.height)
        .cloned()
}

impl<A: Api> Client<A> {
    /// What one node lists.
    pub(super) async fn list_of(
        &self,
        node: &NodeId,
        shard: ShardId,
        owner: &PublicKey,
        at_least: Height,
    ) -> Result<List, AskError> {
        let mut list = List {
            accounts: BTreeMap::new(),
            height: at_least,
        };
        for _ in 0..PAGES_MAX {
            let after = list.accounts.last_key_value().map(|(id, _)| *id);
            let page = self.page(node, owner, after, list.height).await?;
            let more = page.more && !page.objects.is_empty();
            add(&mut list, page, shard, owner)?;
            if !more {
                break;
            }
        }
        Ok(list)
    }

    async fn page(
        &self,
        node: &NodeId,
        owner: &PublicKey,
        after: Option<ObjectId>,
        at_least: Height,
    ) -> Result<Page, AskError> {
        let request = Request::Labelled {
            label: owner_label(owner),
            after,
            at_least,
            wait_ms: CATCH_UP_MS,
        };
        let patience = ANSWER + Duration::from_millis(CATCH_UP_MS.into());
        match self.api.ask(node, request, patience).await? {
            Response::Labelled(page) => Ok(page),
            Response::Refused(refused @ Refused::NotYet(_)) => Err(AskError::Silent(format!(
                "{refused}, height {at_least} is needed"
            ))),
            Response::Refused(refused) => Err(AskError::Silent(refused.to_string())),
            other => Err(unexpected(&other)),
        }
    }
}

/// Adds a page to a list, if every object on it is what was asked for.
fn add(list: &mut List, page: Page, shard: ShardId, owner: &PublicKey) -> Result<(), AskError> {
    let lying = |what: &str| Err(AskError::Lying(format!("it listed {what}")));
    if page.height < list.height {
        return lying("accounts of an earlier height than was asked for");
    }
    if page.objects.len() > PAGE_OBJECTS_MAX {
        return lying("more accounts than fit on a page");
    }
    list.height = page.height;
    for object in page.objects {
        let home = object.home;
        let Some(account) = Account::of(object) else {
            return lying("an object that is not an account");
        };
        if account.owner != *owner {
            return lying("an account of somebody else");
        }
        if home != shard {
            return lying("an account of another shard");
        }
        if list
            .accounts
            .last_key_value()
            .is_some_and(|(last, _)| *last >= account.id)
        {
            return lying("accounts out of order");
        }
        list.accounts.insert(account.id, account);
    }
    Ok(())
}
