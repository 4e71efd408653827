//! Every number of this crate, each with its reason.
//!
//! Constants are part of what two nodes must agree on: a peer that goes beyond them is at fault.
//! [`Limits`] are a node's own business: how much of itself it gives to others, and how patient
//! it is.

use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

use model::bounds::ADDRESSES_MAX;

/// The longest frame on a link between members, in bytes. It holds the longest block (512 KiB of
/// payload, see `model::bounds`) with as much again for what travels beside it.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// The longest greeting, in bytes: a node record with its addresses has less than half of this.
pub const HELLO_BYTES_MAX: usize = 8 * 1024;

/// The longest node record that is kept for others, in bytes: the longest IP addresses and the keys
/// take half of it.
pub const RECORD_BYTES_MAX: usize = 1024;

/// The longest `sync` request, in bytes: it names ranges and ids, it carries no data.
pub const SYNC_REQUEST_BYTES_MAX: usize = 8 * 1024;

/// The longest `sync` response, in bytes: a genesis document, or a range of blocks.
pub const SYNC_RESPONSE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The longest `api` request, in bytes: four of the longest transactions with their signatures.
pub const API_REQUEST_BYTES_MAX: usize = 256 * 1024;

/// The longest `api` response, in bytes: lists are paged, and one page is far below this.
pub const API_RESPONSE_BYTES_MAX: usize = 1024 * 1024;

/// The longest `sbac` request, in bytes: what is gathered, or one long frame alone.
pub const SBAC_REQUEST_BYTES_MAX: usize = 256 * 1024;

/// The longest `sbac` response, in bytes. It is empty today: "taken". The room is for a reason.
pub const SBAC_RESPONSE_BYTES_MAX: usize = 16 * 1024;

/// The longest frame for a neighbour, in bytes: a transaction with the proofs of several shards.
/// One of them fits into a request.
pub const SBAC_FRAME_BYTES_MAX: usize = 192 * 1024;

/// Frames in one `sbac` request. What a frame costs beside its bytes is thereby bounded too.
pub const SBAC_FRAMES_MAX: usize = 1024;

/// How much is gathered into one `sbac` request, in bytes. At this length nearly all of the cost is
/// in the bytes, so that a longer request would save nothing and only arrive later.
pub(crate) const SBAC_BATCH_BYTES: usize = 128 * 1024;

/// `sbac` requests in flight to one neighbour. What comes meanwhile is gathered, so a second one
/// would only make both smaller.
pub(crate) const SBAC_IN_FLIGHT: usize = 1;

/// The longest software version, in bytes. It is logged and shown, so it stays a line.
pub const AGENT_BYTES_MAX: usize = 128;

/// Members of other shards that a node can work with. Each costs a connection and a queue; beyond
/// this, shards would have to speak through fewer than all of their members.
pub const NEIGHBOURS_MAX: usize = 4096;

/// Nodes that have left the view and of which it is still remembered who speaks for them.
pub(crate) const DEPARTED_MAX: usize = 256;

/// Peers whose requests are counted, for each protocol; beyond it those are forgotten who have asked for
/// nothing lately.
pub(crate) const BUCKETS_MAX: usize = 4096;

/// Peers whose conduct is remembered: more than can be connected at a time, many times over.
pub(crate) const CONDUCT_MAX: usize = 2048;

/// Offences that wait to be judged. Beyond it they are not noticed.
pub(crate) const OFFENCE_QUEUE: usize = 256;

/// How often the memory of the process is looked at, in ticks.
pub(crate) const MEMORY_TICKS: u32 = 10;

/// Requests that a connection may have open before its greeting is over. Nobody reads them until then, so
/// each may hold a whole window of Yamux, 256 KiB; those who have greeted in order have none or few.
pub(crate) const EARLY_STREAMS_MAX: usize = 4;

/// Peers of one address that are thrown out until the address is banned. A peer costs nothing but a key, an
/// address does.
pub(crate) const HOST_OUTCASTS_MAX: u32 = 5;

/// Connections that are taken from the system in one [turn](ACCEPT_TURN): 800 a second. A whole shard and all
/// of its neighbours come in within a second, and refusing so many takes a small part of a processor.
pub(crate) const ACCEPTS_AT_ONCE: u32 = 16;

/// See [`ACCEPTS_AT_ONCE`].
pub(crate) const ACCEPT_TURN: Duration = Duration::from_millis(20);

/// How much of a body is read at a time, in bytes, so that memory follows the bytes that came and
/// not the length that was announced.
pub(crate) const READ_STEP: usize = 8 * 1024;

/// What a writer gathers before it hands bytes to the multiplexer: four of its 16 KiB frames.
pub(crate) const WRITE_BUFFER: usize = 64 * 1024;

/// What a queued frame costs beside its bytes. It keeps a byte budget honest about empty frames.
pub(crate) const FRAME_OVERHEAD: usize = 256;

/// Connections to one peer. Two, because two nodes may dial each other at the same moment and a
/// limit of one can then end with none.
pub(crate) const CONNECTIONS_PER_PEER: usize = 2;

/// How long a peer may take to hear that a connection is closed. Then the socket is, and its place is free.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How many addresses of one peer are dialed at the same time: all that its record may have. A dial gives each
/// address its time from the beginning, so one that waits for another would have none left.
pub(crate) const ADDRESSES_AT_ONCE: NonZeroU8 = NonZeroU8::new(ADDRESSES_MAX as u8).expect("some");

/// How long a listener may take to say at which address it listens. One that has none yet may have one later.
pub(crate) const LISTEN_PATIENCE: Duration = Duration::from_secs(5);

/// How long two connections can be two halves of one simultaneous dial. A peer that asks for a
/// link later than this has lost the one we believe in.
pub(crate) const RACE_WINDOW: Duration = Duration::from_secs(5);

/// Handshakes of a link: the time between asking for a stream and being accepted.
pub(crate) const LINK_TIMEOUT: Duration = Duration::from_secs(5);

/// How long strangers should believe a node record: a day, so that a node that is off for a night is
/// still found by those who restart before it does.
pub(crate) const RECORD_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// How often a node says again where it is and what it serves. Far more often than strangers forget
/// it, because those who keep its record come and go.
pub(crate) const PUBLISH_INTERVAL: Duration = Duration::from_secs(3600);

/// How soon it says it again if nobody took it.
pub(crate) const PUBLISH_RETRY: Duration = Duration::from_secs(10);

/// How often the table of peers is filled up with those near to us.
pub(crate) const BOOTSTRAP_INTERVAL: Duration = Duration::from_secs(300);

/// Node records that are kept for others: 4 MiB in all.
pub(crate) const RECORDS_MAX: usize = 4096;

/// Peers that are remembered as serving one shard.
pub(crate) const PROVIDERS_MAX: usize = 64;

/// Keys under which providers are remembered while no shard of the network is known.
pub(crate) const UNKNOWN_KEYS_MAX: usize = 256;

/// Look-ups of nodes at one time. Each asks some twenty peers.
pub(crate) const LOOKUPS_MAX: usize = 8;

/// Searches for the providers of a shard at one time.
pub(crate) const SURVEYS_MAX: usize = 16;

/// Providers that are dialed in one search, at most.
pub(crate) const SURVEY_DIALS_MAX: usize = 16;

/// Kademlia messages that a peer may send at once, and how many more each second. A newcomer who knows
/// one node asks it for all members, of whom there may be hundreds, and a few more times for those that
/// are down.
pub(crate) const KAD_BURST: u32 = 1_000;
/// See [`KAD_BURST`].
pub(crate) const KAD_PER_SECOND: u32 = 20;

/// Messages of gossip that a peer may pass on at once, and how many more each second. There are three
/// topics, and heads, the most frequent of them, come once a block and shard at most.
pub(crate) const GOSSIP_BURST: u32 = 100;
/// See [`GOSSIP_BURST`].
pub(crate) const GOSSIP_PER_SECOND: u32 = 20;

/// Messages of gossip that wait to be judged.
pub(crate) const GOSSIP_QUEUE: usize = 256;

/// How often deadlines, dials and unreported link changes are looked at. It bounds how late a
/// redial is, and nothing on the path of a frame waits for it.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// How fast something may happen: so often at once, and then so often a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// A second.
    pub per_second: NonZeroU32,
    /// At once, after a time without.
    pub burst: NonZeroU32,
}

impl Rate {
    /// A rate. What is 0 is taken for 1: what may never happen is not offered in the first place.
    #[must_use]
    pub const fn new(per_second: u32, burst: u32) -> Self {
        const fn positive(number: u32) -> NonZeroU32 {
            match NonZeroU32::new(number) {
                Some(number) => number,
                None => NonZeroU32::MIN,
            }
        }
        Self {
            per_second: positive(per_second),
            burst: positive(burst),
        }
    }
}

/// What a node gives to its peers, and how long it waits for them.
///
/// The defaults suit a node on an open network and one of a test network on a laptop alike.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections that are being set up, in each direction. A handshake costs under a
    /// millisecond, so these are gone quickly unless somebody stalls on purpose.
    pub pending: u32,
    /// Inbound connections that have not said hello. Each lives for [`Limits::hello_timeout`] at
    /// most, so they are a pool of their own and cannot crowd out members.
    pub unproven: usize,
    /// Inbound connections of guests. Members and neighbours are counted nowhere: the ledger says
    /// who they are, and their places are reserved.
    pub guests: usize,
    /// Established inbound connections from one address (IPv4) or one /64 (IPv6).
    pub per_ip: usize,
    /// Inbound handshakes in progress from one address.
    pub per_ip_pending: usize,
    /// New inbound connections from one address within a minute.
    pub per_ip_per_minute: u32,
    /// Whether what comes from this machine is exempt from the limits by address and from rates. For
    /// test networks on one machine, where everybody has the same address, and for no others: who
    /// is on this machine is not thereby a friend.
    pub exempt_loopback: bool,
    /// What the process may use of the memory, in bytes. `None`: what its control groups allow it, or
    /// what the machine has. Guests are refused at 75 % of it and let go at 85 %.
    pub memory_bytes: Option<u64>,
    /// `api` requests of one peer: a wallet in a hurry, and not a machine that never sleeps.
    pub api_rate: Rate,
    /// `sync` requests of one peer. A range of blocks is one.
    pub sync_rate: Rate,
    /// Requests of all guests together: likewise by `api` of those that pay and of others, and by `sync`.
    pub guests_rate: Rate,
    /// Requests of a guest that are answered even if all guests together ask for more than they may: what
    /// everybody can have when there are as many guests as there may be.
    pub fair_rate: Rate,
    /// Kibibytes that a guest may cost, in requests and in responses.
    pub guest_kib_rate: Rate,
    /// Kibibytes that all guests together may cost: those that pay by `api`, the others by `api`, and all
    /// by `sync`.
    pub guests_kib_rate: Rate,
    /// Kibibytes that a guest may cost even if all guests together cost more than they may. It begins with
    /// nothing, because keys cost nothing. As many guests as there may be cost no more than all may.
    pub fair_kib_rate: Rate,
    /// How often a guest that asks too often is told to wait. After that it is not answered, and each
    /// further request is an offence.
    pub refusals_rate: Rate,
    /// Frames of one neighbour.
    pub tell_rate: Rate,
    /// Kibibytes of one neighbour's frames.
    pub tell_kib_rate: Rate,
    /// The time in which half of what a peer has done is forgiven.
    pub forgiveness: Duration,
    /// How long the first ban of a peer is. Each further one is twice as long.
    pub ban: Duration,
    /// How long a ban is at most.
    pub ban_max: Duration,
    /// How long a peer of another network, or of none, is not dialed again.
    pub foreign_pause: Duration,
    /// Time for TCP, Noise and Yamux together.
    pub connection_timeout: Duration,
    /// Time for the greeting after that.
    pub hello_timeout: Duration,
    /// How long a connection without any open stream is kept. Links are streams, so connections
    /// between members are kept for ever; of those with a neighbour, one is.
    pub idle_timeout: Duration,
    /// Time between two pings. The second one that fails in a row closes the connection.
    pub ping_interval: Duration,
    /// Time for the answer to a ping. Longer than a busy machine stalls a process.
    pub ping_timeout: Duration,
    /// Frames that wait for one member.
    pub link_frames: usize,
    /// Bytes that wait for one member: more than a whole round of proposals and votes, less than
    /// a committee of 100 could make us hold (800 MiB in all).
    pub link_bytes: usize,
    /// Bytes of one member's frames that we have read and nobody has taken. A member that floods
    /// us fills its own budget and then waits, and nobody else does.
    pub inbound_link_bytes: usize,
    /// Frames that wait for one neighbour.
    pub tell_frames: usize,
    /// Bytes that wait for one neighbour: a dozen full requests, because what waits longer is
    /// repeated by those who sent it.
    pub tell_bytes: usize,
    /// Bytes of one neighbour's frames that we have read and nobody has taken. Less than for a
    /// member: there are more neighbours, and they do not wait for each other's next step.
    pub inbound_tell_bytes: usize,
    /// Time for a neighbour to take what it is told, and for us to find room for what we are told.
    pub tell_timeout: Duration,
    /// The first pause before a dial is repeated. It doubles with each failure.
    pub redial_min: Duration,
    /// The longest pause before a dial is repeated: how late we may be to notice that a peer that
    /// cannot dial us is back.
    pub redial_max: Duration,
    /// How long the node with the larger id leaves the dialing to the other one.
    pub dialer_grace: Duration,
    /// How long a node that we want to be connected with is left to call us, or to be reached at an
    /// address we know, before others are asked where it is. This pause doubles with each time.
    pub lookup_min: Duration,
    /// The longest pause before others are asked again.
    pub lookup_max: Duration,
    /// How soon a bootnode that is neither member nor neighbour is dialed again after it was lost. It may close
    /// idle connections to save its own resources, so this is not a matter of milliseconds.
    pub bootnode_redial: Duration,
    /// `api` requests in flight on one connection, each way. Long polls make them many; three times
    /// as many must stay below the 4,096 streams that Yamux can hold.
    pub api_in_flight: usize,
    /// `sync` requests in flight on one connection, each way. Few, because answers are large.
    pub sync_in_flight: usize,
    /// Streams that we may be opening on one connection at a time. Stays below the 128 that a
    /// peer negotiates at once.
    pub opening: usize,
    /// `api` requests that are being answered: over all members, as many over all neighbours, and
    /// as many over all guests.
    pub api_serving: usize,
    /// `sync` requests that are being answered: over all members, as many over all neighbours, and
    /// as many over all guests.
    pub sync_serving: usize,
    /// Bytes of requests that have been announced to us and that this node has not dropped: over
    /// all members, as many over all neighbours, and as many over all guests.
    pub request_bytes: usize,
    /// Bytes of responses that peers have not finished reading: over all members, as many over all
    /// neighbours, and as many over all guests.
    pub response_bytes: usize,
    /// Link changes that wait to be taken from [`Events`](crate::Events). Beyond this a change
    /// that was undone again is not reported.
    pub link_queue: usize,
    /// Calls that wait for the network task.
    pub command_queue: usize,
    /// Time for a peer to send the request for which it opened a stream.
    pub request_timeout: Duration,
    /// Time for this node to answer a request. Longer than the longest poll.
    pub serve_timeout: Duration,
    /// Time for a peer to take a response: 16 MiB at 2 Mbit/s.
    pub response_timeout: Duration,
    /// Time at shutdown for what is queued to leave.
    pub flush_timeout: Duration,
}

impl Limits {
    /// The defaults for a test network on one machine: it is [exempt](Limits::exempt_loopback).
    #[must_use]
    pub fn on_one_machine() -> Self {
        Self {
            exempt_loopback: true,
            ..Self::default()
        }
    }

    /// These limits for a process that may use so much memory, in bytes. What requests and responses
    /// may take of it follows.
    #[must_use]
    pub fn within(self, memory_bytes: u64) -> Self {
        let part = |of: u64, most: usize| {
            let part = usize::try_from(memory_bytes / of).unwrap_or(usize::MAX);
            // One of the longest has to find room.
            part.clamp(SYNC_RESPONSE_BYTES_MAX, most.max(SYNC_RESPONSE_BYTES_MAX))
        };
        Self {
            memory_bytes: Some(memory_bytes),
            request_bytes: part(16, self.request_bytes),
            response_bytes: part(8, self.response_bytes),
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pending: 64,
            unproven: 64,
            guests: 128,
            per_ip: 8,
            per_ip_pending: 4,
            per_ip_per_minute: 30,
            exempt_loopback: false,
            memory_bytes: None,
            api_rate: Rate::new(200, 2_000),
            sync_rate: Rate::new(25, 256),
            guests_rate: Rate::new(2_000, 8_000),
            fair_rate: Rate::new(16, 64),
            guest_kib_rate: Rate::new(2 * 1024, 4 * 1024),
            guests_kib_rate: Rate::new(4 * 1024, 8 * 1024),
            fair_kib_rate: Rate::new(32, 128),
            refusals_rate: Rate::new(20, 200),
            tell_rate: Rate::new(4_000, 8_192),
            tell_kib_rate: Rate::new(16 * 1024, 32 * 1024),
            forgiveness: Duration::from_secs(600),
            ban: Duration::from_secs(3_600),
            ban_max: Duration::from_secs(24 * 3_600),
            foreign_pause: Duration::from_secs(3_600),
            connection_timeout: Duration::from_secs(10),
            hello_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(60),
            ping_interval: Duration::from_secs(5),
            ping_timeout: Duration::from_secs(10),
            link_frames: 4096,
            link_bytes: 8 * 1024 * 1024,
            inbound_link_bytes: 4 * 1024 * 1024,
            tell_frames: 4096,
            tell_bytes: 2 * 1024 * 1024,
            inbound_tell_bytes: 1024 * 1024,
            tell_timeout: Duration::from_secs(30),
            redial_min: Duration::from_millis(100),
            redial_max: Duration::from_secs(5),
            dialer_grace: Duration::from_secs(5),
            lookup_min: Duration::from_millis(500),
            lookup_max: Duration::from_secs(60),
            bootnode_redial: Duration::from_secs(60),
            api_in_flight: 1024,
            sync_in_flight: 4,
            opening: 64,
            api_serving: 4096,
            sync_serving: 64,
            request_bytes: 64 * 1024 * 1024,
            response_bytes: 256 * 1024 * 1024,
            link_queue: 1024,
            command_queue: 64,
            request_timeout: Duration::from_secs(10),
            serve_timeout: Duration::from_secs(90),
            response_timeout: Duration::from_secs(70),
            flush_timeout: Duration::from_secs(1),
        }
    }
}
