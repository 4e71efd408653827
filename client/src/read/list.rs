//! One node's list of the objects with a label, fetched page by page and believed nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use model::api::{PAGE_OBJECTS_MAX, Page, Refused, Request, Response};
use model::{Hash, Height, NodeId, Object, ObjectId, ShardId};

use crate::api::{Api, AskError};
use crate::connection::{ANSWER, Client, unexpected};

/// How long a node may take to reach the height that is asked for.
const CATCH_UP_MS: u32 = 3_000;

/// Pages that are read. A node that has more is left at that: so many accounts are more than can be
/// spent in hundreds of transactions.
const PAGES_MAX: usize = 128;

/// Which objects are wanted.
pub(crate) struct Wanted<'a, T> {
    /// Their label.
    pub(crate) label: Hash,
    /// Where they live.
    pub(crate) shard: ShardId,
    /// The list is to be not older than this.
    pub(crate) at_least: Height,
    /// What an object is, or why a node that lists it lies: it listed this.
    pub(crate) read: &'a (dyn Fn(&Object) -> Result<T, &'static str> + Sync),
}

/// Objects with one label in one shard, with what they are.
#[derive(Clone, Debug)]
pub(crate) struct List<T> {
    pub(crate) found: BTreeMap<ObjectId, (Object, T)>,
    pub(crate) height: Height,
}

/// The most recent of `enough` lists that name the same objects, and how many do, if there are so many.
pub(super) fn agreed<T>(lists: &mut Vec<List<T>>, enough: usize) -> Option<(List<T>, usize)> {
    let same = |a: &List<T>, b: &List<T>| a.found.keys().eq(b.found.keys());
    let count = |list: &List<T>| lists.iter().filter(|other| same(list, other)).count();
    let (best, _) = lists
        .iter()
        .enumerate()
        .filter(|(_, list)| count(list) >= enough)
        .max_by_key(|(_, list)| list.height)?;
    let witnesses = count(&lists[best]);
    Some((lists.swap_remove(best), witnesses))
}

impl<A: Api> Client<A> {
    /// What one node lists.
    pub(super) async fn list_of<T>(
        &self,
        node: &NodeId,
        wanted: &Wanted<'_, T>,
    ) -> Result<List<T>, AskError> {
        let mut list = List {
            found: BTreeMap::new(),
            height: wanted.at_least,
        };
        for _ in 0..PAGES_MAX {
            let after = list.found.last_key_value().map(|(id, _)| *id);
            let page = self.page(node, wanted.label, after, list.height).await?;
            let more = page.more && !page.objects.is_empty();
            add(&mut list, page, wanted)?;
            if !more {
                break;
            }
        }
        Ok(list)
    }

    async fn page(
        &self,
        node: &NodeId,
        label: Hash,
        after: Option<ObjectId>,
        at_least: Height,
    ) -> Result<Page, AskError> {
        let request = Request::Labelled {
            label,
            after,
            at_least,
            wait_ms: CATCH_UP_MS,
        };
        let patience = ANSWER + Duration::from_millis(CATCH_UP_MS.into());
        match self.api.ask_in_turn(node, request, patience).await? {
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
fn add<T>(list: &mut List<T>, page: Page, wanted: &Wanted<'_, T>) -> Result<(), AskError> {
    let lying = |what: &str| AskError::Lying(format!("it listed {what}"));
    if page.height < list.height {
        return Err(lying("objects of an earlier height than was asked for"));
    }
    if page.objects.len() > PAGE_OBJECTS_MAX {
        return Err(lying("more objects than fit on a page"));
    }
    list.height = page.height;
    for object in page.objects {
        let read = (wanted.read)(&object).map_err(lying)?;
        if object.home != wanted.shard {
            return Err(lying("an object of another shard"));
        }
        let id = object.id();
        let last = list.found.last_key_value();
        if last.is_some_and(|(last, _)| *last >= id) {
            return Err(lying("objects out of order"));
        }
        list.found.insert(id, (object, read));
    }
    Ok(())
}
