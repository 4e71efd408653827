//! Every limit of the protocol, each with its reason.
//!
//! A limit is part of the protocol when two honest nodes with different values could disagree.
//! Limits of a single node (queues, caches, connections) live in the crate that they protect.

/// The longest canonical encoding of a transaction, in bytes. A payment has about 900; the rest is
/// room for proofs. It keeps a block of a few transactions well below [`PAYLOAD_BYTES_MAX`].
pub const TRANSACTION_BYTES_MAX: usize = 64 * 1024;

/// Traces in a transaction, dependencies included. Bounds the work of the two validity rules.
pub const TRACES_MAX: usize = 128;

/// Nesting of dependencies. The check rule is recursive; this bounds its stack.
pub const DEPENDENCY_DEPTH_MAX: usize = 16;

/// Objects that a transaction consumes, references and creates, together.
pub const OBJECTS_MAX: usize = 256;

/// Shards concerned by one transaction. Each adds a vote that all others wait for.
pub const PARTICIPANTS_MAX: usize = 16;

/// Signatures beside a transaction. Each costs every concerned node about 20 microseconds.
pub const AUTHORIZATIONS_MAX: usize = 32;

/// Bytes in the name of a type or a procedure.
pub const NAME_BYTES_MAX: usize = 64;

/// How far ahead of block time a deadline may lie, in milliseconds. Records of decided transactions
/// are kept this long, so memory is bounded by rate times this window (decision D14).
pub const VALIDITY_MS_MAX: u64 = 60_000;

/// The longest payload of a block, in bytes. One block must cross a link between two members in a
/// few milliseconds, and a frame of 1 MiB must hold it with its header and signature.
pub const PAYLOAD_BYTES_MAX: usize = 512 * 1024;

/// Entries in a block. At 1,000 the fixed cost of a block is below a microsecond an entry; more
/// would only make a slow block slower.
pub const ENTRIES_MAX: usize = 1_000;

/// The longest encoding of a block: the payload and a header of fixed-size fields.
pub const BLOCK_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 1_024;

/// How far the time of a proposed block may be from a voter's clock, in milliseconds. Wide enough
/// for clocks kept by NTP and a slow disk; narrow enough that one leader cannot move deadlines far.
pub const CLOCK_TOLERANCE_MS: u64 = 5_000;

/// Nodes in a shard. Certificates are lists of signatures, so their size is linear in it; beyond
/// this, aggregated signatures would be needed (sharded BFT literature puts the break-even at 50 to
/// 100 members).
pub const MEMBERS_MAX: usize = 100;

/// The fewest nodes of a shard: `3f + 1` with `f = 1`. Fewer tolerate no fault.
pub const MEMBERS_MIN: usize = 4;

/// Addresses in a node descriptor.
pub const ADDRESSES_MAX: usize = 4;

/// Bytes of one address in a node descriptor; the longest multiaddress with a DNS name fits.
pub const ADDRESS_BYTES_MAX: usize = 320;

/// The longest record of a shard, in bytes. Whoever objects to a node shows the record before and after
/// in one transaction, and an update brings up to [`MEMBERS_MAX`] signatures and as many consents
/// besides, so a longer one could never be changed again. [`MEMBERS_MAX`] nodes with one address fit.
pub const SHARD_RECORD_BYTES_MAX: usize = 20 * 1024;

/// What a shard may ask for its part in one transaction, in ncsc: 1,000 CSC. More is a typing error,
/// and what [`PARTICIPANTS_MAX`] shards ask for can be added up.
pub const PRICE_MAX: u64 = 1_000_000_000_000;

/// Shards in a genesis document. A receipt brings its genesis, so checking one must stay cheap;
/// further shards are made by transactions.
pub const GENESIS_SHARDS_MAX: usize = 64;

/// The longest genesis document, in bytes: [`GENESIS_SHARDS_MAX`] shards of a few dozen nodes, and ten
/// thousand first objects.
pub const GENESIS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The longest list of steps that lead from a genesis document to the members of shards, in bytes: some
/// thousands of epochs of a shard of four nodes.
pub const STEPS_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The longest receipt, in bytes: a transaction, a path, a certificate of [`MEMBERS_MAX`] signatures,
/// a genesis document to check them against, and the steps that have led from it to those members.
pub const RECEIPT_BYTES_MAX: usize = GENESIS_BYTES_MAX + STEPS_BYTES_MAX + 256 * 1024;

/// Leaves in one parcel of promises. A block whose outbox has more for one shard sends several; at
/// this size the head and its signatures are a small part of the bytes.
pub const PARCEL_LEAVES_MAX: usize = 128;

/// Parcels of votes beside one delivery: each has a head with its signatures of its own.
pub const DELIVERY_VOTES_MAX: usize = 64;

/// Mappings in a genesis document, and frozen types in one mapping.
pub const MAPPINGS_MAX: usize = 64;

/// Shards in one list of a mapping. They need not exist yet, and every shard keeps the list.
pub const MAPPED_SHARDS_MAX: usize = 1_024;

/// After how long a promise is made again if nothing has come of it, in milliseconds of block time.
/// Longer than a shard under full load takes to hear, do and answer. A repeated promise is a leaf under
/// a head, so all members of a shard repeat it in the same block.
pub const REPEAT_MS: u64 = 4_000;

/// How often that time doubles at most: a shard that is gone for good costs one block a minute.
pub const REPEAT_DOUBLINGS: u32 = 4;

/// How often a promise is made again to those who ask, at most, in milliseconds of block time. Less than
/// [`REPEAT_MS`], after which an honest shard asks again.
pub const ANSWER_MS: u64 = 2_000;

/// Sessions in which one block does what is due, at most. What is left is done in the next one.
pub const ALARMS_MAX: usize = 1_000;

/// Heads of one other shard that a shard remembers. Two heads at one height are noticed if the second
/// comes before so many others.
pub const FOREIGN_HEADS_MAX: usize = 1_024;

/// Ended epochs of one other shard that a shard remembers. A vote that is older is not believed where a
/// third shard shows it; the voter says it again in its present epoch.
pub const FOREIGN_EPOCHS_MAX: usize = 64;

/// Aborts of one other shard that a shard remembers of transactions which are not known there yet.
pub const EARLY_ABORTS_MAX: usize = 1_024;

/// Blocks from one head that commits to the state to the next, where no epoch ends. To hash the whole state
/// takes a third of a second for a million objects (the benchmark `state`): one pause, which is little in so
/// many blocks; and whoever begins with a state replays no more than these.
pub const STATE_BLOCKS: u64 = 8_192;

/// Items in one piece of a state.
pub const PIECE_ITEMS_MAX: usize = 4_096;

/// The bytes that a piece of a state aims at. One item may exceed it alone.
pub const PIECE_BYTES_AIM: usize = 512 * 1024;

/// The longest encoding of a piece of a state: what it aims at, and the longest item, which is a session
/// with its transaction, its outputs and the votes of all other participants.
pub const PIECE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Pieces of a state: four hundred million objects, and their list is of a few megabytes.
pub const PIECES_MAX: usize = 100_000;
