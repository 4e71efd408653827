//! The client over real connections on loopback.

mod network;
mod support;
