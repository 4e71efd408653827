//! Tests of the promises of the system contracts, through their public surface.

mod checker;
mod composition;
mod genesis;
mod manage_shards;
mod moving;
mod procedures;
mod supply;
mod ticket;
mod world;
