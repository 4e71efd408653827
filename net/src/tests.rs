//! A node among liars: peers that speak libp2p well and everything after it badly.
//!
//! The node under attack is the real one, on a real socket. The attacker is a swarm with the stream
//! behaviour alone, so that it can say anything on any stream at any time.

mod attacker;
mod dials;
mod greetings;
mod offences;
mod outsiders;
mod streams;
mod told;
