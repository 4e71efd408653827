//! The two halves of a contract, and the way from one to the other.
//!
//! ```text
//!   a user:  procedure --run--> trace --> transaction --sign--> submit
//!                 ^ secrets stop here
//!   a node:  transaction --> trace --> call --check--> true, or why not
//! ```
//!
//! [`procedure`] and [`builder`] are the user's side, [`composition`] and [`registry`] the node's;
//! [`contract`] and [`content`] are what both must agree on.

pub mod builder;
pub mod composition;
pub mod content;
pub mod contract;
pub mod procedure;
pub mod registry;
