//! Tests of the promises of the agreement, the ledger and the replica, through their public surface.

mod network;
mod shell;
mod world;

mod admission;
mod catching_up;
mod chaos;
mod epochs;
mod evidence;
mod heads;
mod hostile;
mod idle;
mod ledger;
mod mempool;
mod pitfalls;
mod recall;
mod records;
mod restart;
mod rules;
mod sbac;
mod voting;
