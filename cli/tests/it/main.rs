//! The program as a user runs it: real processes, real sockets, each network in a folder of its own.

mod bad_input;
mod bench;
mod byzantine;
mod exit_codes;
mod exploration;
mod faults;
mod hosts;
mod joining;
mod open_network;
mod operations;
mod output;
mod payments;
mod quickstart;
mod shards;
mod succession;
mod supervision;
mod support;
mod survival;
mod watching;
mod weather;
