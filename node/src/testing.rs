//! A shard of four members with money in it, for the tests of this crate.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use consensus::bft::Pace;
use consensus::message::BlocksRequest;
use consensus::replica::{Input, Open, Output, Setup};
use consensus::{Ledger, Message, Now, Replica, Shards};
use contracts::{Arguments, Calls, Content as _, Terms};
use model::genesis::GenesisShard;
use model::key::Zip215;
use model::shard::{Committee, Seat};
use model::{
    Directory, Epoch, EpochChange, Genesis, Mode, NodeDescriptor, NodeId, Object, SecretKey,
    ShardId, Time, Transaction,
};
use system_contracts::cscoin::{Account, Payment, Transfer};

use crate::effects::Links;
use crate::registry::{Place, Registry};

/// The only shard.
pub(crate) const SHARD: ShardId = ShardId::new(0);

/// Members of the shard.
pub(crate) const MEMBERS: usize = 4;

/// People with an account each.
pub(crate) const PEOPLE: u8 = 8;

/// What each of them has at first, in ncsc.
pub(crate) const BALANCE: u64 = 1_000;

/// When the network was made.
pub(crate) const CREATED: Time = Time::from_ms(1_000_000);

/// The member key on a seat.
pub(crate) fn member_key(seat: usize) -> SecretKey {
    SecretKey::from_seed([100 + seat as u8; 32])
}

/// The node on a seat.
pub(crate) fn node(seat: usize) -> NodeId {
    NodeId::new(member_key(seat).public())
}

/// The key of one of the [`PEOPLE`].
pub(crate) fn person(number: u8) -> SecretKey {
    SecretKey::from_seed([number + 1; 32])
}

/// The genesis document.
pub(crate) fn genesis() -> Genesis {
    let members = (0..MEMBERS).map(|seat| NodeDescriptor {
        name: format!("node-{seat}"),
        node: node(seat),
        addresses: Vec::new(),
    });
    let shards = vec![GenesisShard {
        shard: SHARD,
        members: members.collect(),
    }];
    let accounts: Vec<_> = (0..PEOPLE)
        .map(|number| (person(number).public(), SHARD, BALANCE))
        .collect();
    let genesis = system_contracts::genesis::genesis("test", CREATED, shards, &accounts);
    genesis.check().expect("it is a genesis document");
    genesis
}

/// The committee.
pub(crate) fn committee() -> Committee {
    let committee = genesis().committee(SHARD);
    committee
        .expect("the shard exists")
        .expect("its members form one")
}

/// The seat with this number.
pub(crate) fn seat(number: usize) -> Seat {
    Seat::new(number).expect("a seat of the shard")
}

/// An account that `from` owns in `ledger`, the one with the most money.
pub(crate) fn account_of(ledger: &Ledger, from: u8) -> Arc<Object> {
    let owner = person(from).public();
    let balance = |object: &Object| {
        let account = Account::decode(
            system_contracts::cscoin::id(),
            &object.object_type,
            &object.content,
        );
        let account = account.expect("all objects are accounts");
        (account.owner == owner).then_some(account.balance)
    };
    let richest = ledger
        .state
        .objects
        .values()
        .max_by_key(|object| balance(object));
    Arc::clone(richest.expect("there are accounts"))
}

/// Pays `amount` from an account of `from` to `to`.
pub(crate) fn payment(
    account: &Object,
    from: u8,
    to: u8,
    amount: u64,
    nonce: u64,
    valid_until: Time,
) -> Transaction {
    let mut calls = Calls::new(genesis().network());
    let arguments = Arguments {
        inputs: vec![account.clone()],
        references: Vec::new(),
        local_parameters: vec![Payment {
            payee: person(to).public(),
            amount,
        }],
        secret_parameters: contracts::Secret::new(()),
    };
    calls
        .call(&Transfer::NEAR, arguments)
        .expect("the payer has money");
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&nonce.to_le_bytes());
    let draft = calls.draft(Terms {
        nonce: bytes,
        valid_until,
        mode: Mode::Decider(SHARD),
    });
    let transaction = draft
        .sign(&person(from))
        .finish()
        .expect("it is well-formed");
    transaction.transaction().clone()
}

/// How the replica on a seat is made.
pub(crate) fn setup(number: usize) -> Setup {
    Setup {
        shards: Shards::alone(&committee()),
        seat: seat(number),
        signer: Box::new(member_key(number)),
        check: Box::new(Zip215),
        checkers: Arc::new(system_contracts::checkers()),
        pace: Pace::default(),
    }
}

/// Links that lead nowhere.
pub(crate) struct NoLinks;

impl Links for NoLinks {
    fn send(&self, _: Seat, _: Bytes) {}

    fn broadcast(&self, _: Bytes) {}

    fn tell(&self, _: ShardId, _: Option<Seat>, _: Bytes) {}

    fn entered(&mut self, _: &Arc<EpochChange>) {}

    fn fetch(&self, _: Seat, _: BlocksRequest) {}
}

/// What the node on seat 0 knows of shards at first.
pub(crate) fn registry() -> Arc<Registry> {
    let registry = Registry::new(node(0), &genesis());
    registry.set_place(Place {
        shard: SHARD,
        epoch: Epoch::ZERO,
    });
    Arc::new(registry)
}

/// What a replica of the shard holds that has not begun.
pub(crate) fn nothing_open() -> Open {
    Open::nothing(Directory::of_genesis(&genesis()).expect("its members form a shard"))
}

/// Replicas in one thread and virtual time, with links that lose nothing.
pub(crate) struct Shard {
    /// The replicas by seat. `None` for one that is down.
    pub(crate) replicas: Vec<Option<Replica>>,
    /// What each replica wanted that the shard does not do itself, in order.
    pub(crate) outputs: Vec<Vec<Output>>,
    pub(crate) now: Time,
    under_way: VecDeque<(usize, usize, Arc<Message>)>,
    wakes: Vec<Option<Time>>,
}

impl Shard {
    /// The shard before its first block.
    pub(crate) fn new() -> Self {
        let replica = |number| Replica::new(setup(number), Ledger::genesis(&genesis(), SHARD));
        let mut shard = Self {
            replicas: (0..MEMBERS).map(|number| Some(replica(number))).collect(),
            outputs: vec![Vec::new(); MEMBERS],
            now: CREATED.plus_ms(1_000),
            under_way: VecDeque::new(),
            wakes: vec![None; MEMBERS],
        };
        for number in 0..MEMBERS {
            shard.start(number);
        }
        shard
    }

    /// Starts a replica that was put in its place.
    pub(crate) fn start(&mut self, number: usize) {
        let now = Now::both(self.now);
        let replica = self.replicas[number].as_mut().expect("it is up");
        let outputs = replica.start(now);
        self.take(number, outputs);
    }

    /// Hands an input to a replica, if it is up.
    pub(crate) fn input(&mut self, number: usize, input: Input) {
        let now = Now::both(self.now);
        if let Some(replica) = &mut self.replicas[number] {
            let outputs = replica.step(now, input);
            self.take(number, outputs);
        }
    }

    fn take(&mut self, from: usize, outputs: Vec<Output>) {
        for output in outputs {
            match &output {
                Output::Send { to, message } => {
                    self.under_way
                        .push_back((from, to.index(), Arc::clone(message)));
                }
                Output::Broadcast(message) => {
                    for to in (0..MEMBERS).filter(|to| *to != from) {
                        self.under_way.push_back((from, to, Arc::clone(message)));
                    }
                }
                Output::WakeAt(time) => self.wakes[from] = Some(*time),
                _ => {}
            }
            self.outputs[from].push(output);
        }
    }

    /// Delivers one message, or lets time pass until somebody wakes.
    pub(crate) fn advance(&mut self) {
        if let Some((from, to, message)) = self.under_way.pop_front() {
            self.now = self.now.plus_ms(1);
            let shards = Shards::alone(&committee());
            let message = (*message).clone().admit(&shards, &mut Zip215);
            let message = message.expect("members say what is admitted");
            let from = seat(from);
            let epoch = Epoch::ZERO;
            self.input(
                to,
                Input::Message {
                    from,
                    epoch,
                    message,
                },
            );
            return;
        }
        let next = (0..MEMBERS)
            .filter_map(|number| Some((self.wakes[number]?, number)))
            .min();
        if let Some((time, number)) = next {
            self.now = self.now.max(time);
            self.wakes[number] = None;
            self.input(number, Input::Tick);
        }
    }

    /// The ledger of the replica on seat 0.
    pub(crate) fn ledger(&self) -> &Ledger {
        self.replicas[0].as_ref().expect("it is up").ledger()
    }
}
