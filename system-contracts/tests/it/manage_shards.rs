//! ManageShards: who forms which shard, how that changes, and who is excluded.

mod create;
mod evidence;
mod history;
mod object;
mod procedures;
mod size;
mod update;
mod world;
