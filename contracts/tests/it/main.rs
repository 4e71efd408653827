//! Tests of the promises of the contract environment, through its public surface.

mod builder;
mod composition;
mod content;
mod counter;
mod registry;
mod vault;
mod world;
