//! Starting a node: from a configuration to threads that run.
//!
//! ```text
//!   person ---> recovery ---> member: its threads
//!     |                         ^
//!     '-------> waiting --------' once a shard lists the node
//! ```

mod member;
mod network;
mod person;
mod recovery;
mod shared;
mod thread;
mod waiting;

use std::sync::Arc;

pub use network::is_on_one_machine;
use person::Person;
use recovery::recover;
use shared::Shared;
use waiting::wait;

use crate::config::Config;
use crate::contracts::Contracts;
use crate::error::Fatal;
use crate::http::{self, Door};
use crate::lies::Temptation;
use crate::running::{Parts, Running, Work};
use crate::service::Incoming;
use crate::store::Directory;
use crate::weather::Forecast;

/// A node that can be started.
pub struct Node;

impl Node {
    /// Starts a node. When it returns, the node has got back what it had kept and listens. One that is
    /// in no shard waits until one lists it.
    ///
    /// # Errors
    ///
    /// [`Fatal`] says what is wrong and what to do; nothing runs then.
    pub fn start(config: Config, contracts: Contracts) -> Result<Running, Fatal> {
        let http = config.http.map(http::bind).transpose()?;
        let directory = Directory::open(&config.directory)?;
        let person = Person::load(config, contracts, &directory)?;
        let shard = person.registry.known().shard_for(&person.node());
        let kept = shard.map(|shard| recover(&directory, &person, shard, None));
        let kept = kept.transpose()?;
        let forecast = person.config.weather.clone().map(Forecast::open);
        let temptation = person.config.lies.clone().map(Temptation::open);
        let network = network::config(&person)?;
        let (network, events) = match &forecast {
            None => net::spawn(network)?,
            Some(forecast) => net::spawn_under(forecast.weather(), network)?,
        };
        let (incoming, heard) = Incoming::of(events);
        let service = thread::service()?;
        let lies = temptation.as_ref().map(Temptation::lies);
        let shared = Shared::new(network, service.handle().clone(), lies);
        shared.gauges.set_seatless(kept.is_none());
        let http_address = http.as_ref().map(Door::address);
        if let Some(door) = http {
            service.spawn(door.serve(shared.site(&person)));
        }
        shared.look_around(&person, heard);
        if let Some(temptation) = temptation {
            service.spawn(temptation.follow());
        }
        if let Some(forecast) = forecast {
            service.spawn(forecast.follow());
        }
        let known = Arc::clone(&person.registry);
        let work = match kept {
            Some(kept) => Work::Member(member::run(&person, &shared, directory, kept, incoming)?),
            None => Work::Waiting(wait(person, shared.clone(), directory, incoming)?),
        };
        Ok(Running::new(Parts {
            guard: shared.stopper.guard(),
            stopper: shared.stopper,
            network: shared.network,
            service,
            http: http_address,
            gauges: shared.gauges,
            registry: known,
            reads: shared.reads,
            counters: shared.counters,
            work,
        }))
    }
}
