//! A link: the one long-lived stream between two members of a committee.
//!
//! One stream carries frames both ways. Whoever dialed the connection opens it, the other side
//! accepts it with an empty frame, and from then on both may send. What is sent waits in a
//! [`Queue`] that is bounded in frames and in bytes; a full queue drops, because agreement repeats
//! what matters and must never wait for a slow member. What is received waits in the member's own
//! byte budget, so that a member that sends faster than this node works fills its own budget and
//! slows down nobody else.
//!
//! No timer and no other task is on the path of a frame: a sender puts it into the queue, the pump
//! writes it, and the pump at the other end reads it into the channel.

mod choice;
mod intake;
mod pump;
mod queue;

pub(crate) use choice::{Claim, Links};
pub(crate) use intake::{Intake, NobodyTakes};
pub(crate) use pump::{Down, Pump, accept, opened};
pub(crate) use queue::{Outgoing, Queue, Unqueued, queue};
