//! What is the same for everybody in a simulated world: the network, its keys and its contracts.
//!
//! There is a [`Setting`] for each shard; they share all but what is the shard's own.
//!
//! A node keeps its [`Place`] for ever: the shard that it is, or may become, a member of, and its seat in
//! the first epoch, or a number after those of all seats. Which seat of which epoch it has is said by
//! directories.

use std::collections::BTreeMap;

use std::sync::Arc;

use consensus::{Ledger, Shards, Signer};
use model::genesis::{GenesisMapping, GenesisShard};
use model::policy::Mapping;
use model::shard::Seat;
use model::statement::Scope;
use model::{
    Checkers, Committee, Directory, Epoch, Genesis, NodeDescriptor, NodeId, Plan, Profile,
    SecretKey, ShardId, ShardRecord, Signature, Time,
};
use system_contracts::cscoin::{self, CSC};

use super::lure::{Lures, lures};
use super::notary::{Journal, Notary, Scribe};
use super::trust::Trust;

/// The time of day at which every world begins.
pub const DAWN: Time = Time::from_ms(1_800_000_000_000);

/// The first shard of a world, and often the only one.
pub const SHARD: ShardId = ShardId::new(0);

/// More seats than a shard of a world has.
const SEATS: usize = 32;

/// Nodes of each shard that may become members later, at most.
pub(super) const CANDIDATES: usize = 8;

/// Users with money.
pub(super) const USERS: u8 = 6;

/// Accounts that each user has in each shard at the beginning, of [`BALANCE`] each.
const ACCOUNTS: usize = 3;

/// What an account holds at the beginning, in ncsc.
const BALANCE: u64 = 1_000 * CSC;

/// One node of one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The shard.
    pub shard: ShardId,
    /// Its seat in the first epoch, or the number that it has as a candidate.
    pub seat: Seat,
}

/// What is the same for all members of a shard.
pub struct Setting {
    /// The network.
    pub genesis: Arc<Genesis>,
    /// The members of the shard.
    pub committee: Committee,
    /// The shards of the network, as a member of this one knows them.
    pub shards: Shards,
    /// The contracts.
    pub checkers: Arc<dyn Checkers>,
    /// The memory of signatures.
    pub notary: Notary,
    /// The state at the beginning.
    ledger: Ledger,
    /// Where each node of the world is.
    places: Arc<BTreeMap<NodeId, Place>>,
    /// Which node is where.
    holders: Arc<BTreeMap<Place, NodeId>>,
    /// How many nodes may become members later.
    candidates: usize,
}

impl Setting {
    /// A network of one shard with so many members, four at least.
    #[must_use]
    pub fn new(members: usize) -> Self {
        let mut settings = Self::of_shards(1, members, Profile::Open);
        settings.pop().expect("the network has one shard")
    }

    /// A network of so many shards with so many members each, four at least: what it is for the
    /// members of each.
    #[must_use]
    pub fn of_shards(shards: usize, members: usize, profile: Profile) -> Vec<Self> {
        Self::trusting(shards, members, profile, &Trust::default())
    }

    /// As [`Setting::of_shards`]. Where CSCoin does not trust the dishonest shards, it has no accounts
    /// there; they have lures instead.
    #[must_use]
    pub fn trusting(shards: usize, members: usize, profile: Profile, trust: &Trust) -> Vec<Self> {
        let shards: Vec<GenesisShard> = (0..shards)
            .map(|shard| GenesisShard {
                shard: ShardId::new(u32::try_from(shard).expect("there are few shards")),
                members: (0..members)
                    .map(|seat| describe(shard * SEATS + seat))
                    .collect(),
            })
            .collect();
        let ids: Vec<ShardId> = shards.iter().map(|shard| shard.shard).collect();
        let account = |shard: &ShardId, user| (user_key(user).public(), *shard, BALANCE);
        let lured = |shard: &ShardId| trust.is_isolated() && trust.is_dishonest(*shard);
        let accounts: Vec<_> = ids
            .iter()
            .filter(|shard| !lured(shard))
            .flat_map(|shard| (0..USERS).flat_map(move |user| [account(shard, user); ACCOUNTS]))
            .collect();
        let mut genesis = system_contracts::genesis::genesis("simulated", DAWN, shards, &accounts);
        genesis.profile = profile;
        for shard in ids.iter().filter(|shard| lured(shard)) {
            genesis.objects.extend(lures(*shard));
        }
        let trusted: Vec<ShardId> = ids.iter().copied().filter(|id| !lured(id)).collect();
        if trusted.len() < ids.len() {
            genesis.mappings.push(GenesisMapping {
                contract: cscoin::id(),
                mapping: Mapping {
                    homes: trusted.clone(),
                    deciders: trusted,
                    frozen: Vec::new(),
                },
            });
        }
        let genesis = Arc::new(genesis);
        let checkers: Arc<dyn Checkers> = Arc::new(system_contracts::checkers().with(Lures));
        let notary = Notary::default();
        let places = Arc::new(places(&ids, members + CANDIDATES));
        let setting = |shard| Self::of_shard(shard, &genesis, &checkers, &notary, &places);
        ids.into_iter().map(setting).collect()
    }

    fn of_shard(
        shard: ShardId,
        genesis: &Arc<Genesis>,
        checkers: &Arc<dyn Checkers>,
        notary: &Notary,
        places: &Arc<BTreeMap<NodeId, Place>>,
    ) -> Self {
        let committee = genesis
            .committee(shard)
            .expect("the shard is in the document")
            .expect("a world has as many members as a shard may have");
        Self {
            ledger: Ledger::genesis(genesis, shard),
            shards: Shards::of_genesis(genesis, shard)
                .expect("the shard is in the document")
                .expect("its members form a shard"),
            genesis: Arc::clone(genesis),
            committee,
            checkers: Arc::clone(checkers),
            notary: notary.clone(),
            holders: Arc::new(places.iter().map(|(node, place)| (*place, *node)).collect()),
            places: Arc::clone(places),
            candidates: 0,
        }
    }

    /// The same, with so many nodes that may become members.
    #[must_use]
    pub fn with_candidates(self, candidates: usize) -> Self {
        Self { candidates, ..self }
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

    /// The shard.
    #[must_use]
    pub const fn shard(&self) -> ShardId {
        self.scope().shard
    }

    /// All seats.
    pub fn seats(&self) -> impl Iterator<Item = Seat> + use<> {
        (0..self.committee.size()).filter_map(Seat::new)
    }

    /// All nodes: the members of the first epoch, then the candidates.
    pub fn nodes(&self) -> impl Iterator<Item = Seat> + use<> {
        (0..self.committee.size() + self.candidates).filter_map(Seat::new)
    }

    /// The nodes that may become members later.
    pub fn newcomers(&self) -> impl Iterator<Item = Seat> + use<> {
        self.nodes().skip(self.committee.size())
    }

    /// Where a node is.
    #[must_use]
    pub fn place(&self, node: &NodeId) -> Option<Place> {
        self.places.get(node).copied()
    }

    /// Where the node is that has a seat of a committee.
    #[must_use]
    pub fn holder(&self, committee: &Committee, seat: Seat) -> Option<Seat> {
        Some(self.place(&committee.member(seat)?)?.seat)
    }

    /// Where the nodes are that have the seats of a record.
    #[must_use]
    pub fn members(&self, record: &ShardRecord) -> Vec<Seat> {
        let committee = record.committee(self.scope().network);
        committee.map_or_else(
            |_| Vec::new(),
            |committee| {
                let seats = committee.seats();
                seats
                    .filter_map(|seat| self.holder(&committee, seat))
                    .collect()
            },
        )
    }

    /// The node on a place.
    #[must_use]
    pub fn node(&self, place: Place) -> NodeId {
        let known = self.holders.get(&place).copied();
        known.unwrap_or_else(|| NodeId::new(member_key(index(place)).public()))
    }

    /// The seat of a node of a shard in an epoch, if a directory knows that epoch.
    #[must_use]
    pub fn seat_in(&self, directory: &Directory, place: Place, epoch: Epoch) -> Option<Seat> {
        let committee = directory.committee(place.shard, epoch)?;
        committee.seat(&self.node(place))
    }

    /// How a node describes itself.
    #[must_use]
    pub fn descriptor(&self, node: Seat) -> NodeDescriptor {
        let shard = self.shard();
        describe(index(Place { shard, seat: node }))
    }

    /// A plan, with the consents of all newcomers.
    #[must_use]
    pub fn plan(&self, before: &ShardRecord, next: ShardRecord) -> Plan {
        let bytes = next.consent_bytes(self.scope().network);
        let consent = |node: &NodeDescriptor| -> Option<Signature> {
            let place = self.place(&node.node)?;
            let scribe = self.scribe(place.seat, Journal::default());
            Some(scribe.sign(&bytes))
        };
        let consents = next.newcomers(Some(before)).filter_map(consent).collect();
        Plan { next, consents }
    }

    /// All seats but one.
    pub fn others(&self, than: Seat) -> impl Iterator<Item = Seat> + use<> {
        self.seats().filter(move |seat| *seat != than)
    }

    /// Signs for the member on `seat`, and writes down what.
    #[must_use]
    pub fn scribe(&self, seat: Seat, journal: Journal) -> Scribe {
        let shard = self.shard();
        let key = member_key(index(Place { shard, seat }));
        Scribe::new(key, self.notary.clone(), journal)
    }
}

/// The position of a shard among those of its world.
pub(super) fn number(shard: ShardId) -> usize {
    usize::try_from(shard.number()).expect("there are few shards")
}

/// The number of a node among all that there might be.
fn index(place: Place) -> usize {
    number(place.shard) * SEATS + place.seat.index()
}

/// Where each node of these shards is.
fn places(shards: &[ShardId], nodes: usize) -> BTreeMap<NodeId, Place> {
    let of_shard = |shard: &ShardId| {
        let shard = *shard;
        let seats = (0..nodes).filter_map(Seat::new);
        seats.map(move |seat| Place { shard, seat })
    };
    let places = shards.iter().flat_map(of_shard);
    let node = |place| NodeId::new(member_key(index(place)).public());
    places.map(|place| (node(place), place)).collect()
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
    let index = u8::try_from(index).expect("a world has fewer members than a byte can count");
    SecretKey::from_seed([index + 1; 32])
}

/// The key of a user.
#[must_use]
pub(super) fn user_key(user: u8) -> SecretKey {
    SecretKey::from_seed([user + 200; 32])
}
