//! What is the same for everybody in a simulated world: the network, its keys and its contracts.

use std::sync::Arc;

use consensus::Ledger;
use model::genesis::GenesisShard;
use model::shard::Seat;
use model::statement::Scope;
use model::{Checkers, Committee, Genesis, NodeDescriptor, NodeId, SecretKey, ShardId, Time};
use system_contracts::cscoin::CSC;

use super::notary::{Journal, Notary, Scribe};

/// The time of day at which every world begins.
pub const DAWN: Time = Time::from_ms(1_800_000_000_000);

/// The shard of a world.
pub const SHARD: ShardId = ShardId::new(0);

/// Users with money.
pub(super) const USERS: u8 = 6;

/// Accounts that each user has at the beginning, of [`BALANCE`] each.
const ACCOUNTS: usize = 3;

/// What an account holds at the beginning, in ncsc.
const BALANCE: u64 = 1_000 * CSC;

/// What is the same for everybody.
pub struct Setting {
    /// The network.
    pub genesis: Genesis,
    /// The members of its shard.
    pub committee: Committee,
    /// The contracts.
    pub checkers: Arc<dyn Checkers>,
    /// The memory of signatures.
    pub notary: Notary,
    /// The state at the beginning.
    ledger: Ledger,
}

impl Setting {
    /// A network of one shard with so many members, four at least.
    #[must_use]
    pub fn new(members: usize) -> Self {
        let shard = GenesisShard {
            shard: SHARD,
            members: (0..members).map(describe).collect(),
        };
        let accounts: Vec<_> = (0..USERS)
            .flat_map(|user| [(user_key(user).public(), SHARD, BALANCE); ACCOUNTS])
            .collect();
        let genesis = system_contracts::genesis::genesis("simulated", DAWN, vec![shard], &accounts);
        let committee = genesis
            .committee(SHARD)
            .expect("the shard is in the document")
            .expect("a world has as many members as a shard may have");
        Self {
            ledger: Ledger::genesis(&genesis, SHARD),
            genesis,
            committee,
            checkers: Arc::new(system_contracts::checkers()),
            notary: Notary::default(),
        }
    }

    /// The state before the first block.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }

    /// Network, shard and epoch.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        self.committee.scope()
    }

    /// All seats.
    pub fn seats(&self) -> impl Iterator<Item = Seat> + use<> {
        (0..self.committee.size()).filter_map(Seat::new)
    }

    /// All seats but one.
    pub fn others(&self, than: Seat) -> impl Iterator<Item = Seat> + use<> {
        self.seats().filter(move |seat| *seat != than)
    }

    /// Signs for the member on `seat`, and writes down what.
    #[must_use]
    pub fn scribe(&self, seat: Seat, journal: Journal) -> Scribe {
        Scribe::new(member_key(seat.index()), self.notary.clone(), journal)
    }
}

fn describe(index: usize) -> NodeDescriptor {
    NodeDescriptor {
        name: format!("n{index}"),
        node: NodeId::new(member_key(index).public()),
        addresses: Vec::new(),
    }
}

/// The key of a member.
fn member_key(index: usize) -> SecretKey {
    let index = u8::try_from(index).expect("a shard has fewer members than a byte can count");
    SecretKey::from_seed([index + 1; 32])
}

/// The key of a user.
#[must_use]
pub(super) fn user_key(user: u8) -> SecretKey {
    SecretKey::from_seed([user + 200; 32])
}
