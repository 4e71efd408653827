//! Members change while payments go on: nodes with nothing but the genesis document and the address of
//! one other node become members.

use consensus::Signer as _;
use contracts::Content as _;
use model::api::{NotReady, Refused, Request, Response, Status, shard_label, shards_label};
use model::{
    Epoch, Hash, Height, Lie, Malpractice, Outcome, Plan, ShardId, ShardRecord, Signature,
    Statement, TransactionId,
};
use net::PeerName;
use node::Fatal;
use node::store::RecoveryError;
use system_contracts::manage_shards::{self, Create, Exclude, Shard};

use crate::network::{MEMBERS, Network, SHARD, Wallet, wait_for};

fn status(wallet: &Wallet, peer: PeerName) -> Status {
    match wallet.ask(peer, &Request::Status) {
        Response::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

fn consent(wallet: &Wallet, peer: PeerName, record: &ShardRecord) -> Signature {
    match wallet.ask(peer, &Request::Consent(record.clone())) {
        Response::Consent(consent) => consent.signature,
        other => panic!("{other:?}"),
    }
}

/// The record of a shard on the ledger.
fn on_ledger(wallet: &Wallet, peer: PeerName, shard: ShardId) -> ShardRecord {
    let objects = wallet.labelled(peer, shard_label(shard));
    let record = objects.first().expect("the shard is on the ledger");
    let Shard(record) = Shard::read(manage_shards::id(), record).expect("it is a record");
    record
}

#[test]
fn a_member_is_replaced_by_a_node_with_an_empty_directory_while_payments_go_on() {
    let mut network = Network::with_guests(1).all_started();
    let wallet = Wallet::new(&network);
    let peers: Vec<PeerName> = (0..=MEMBERS)
        .map(|number| wallet.connect(network.address(number)))
        .collect();
    let guest = peers[MEMBERS];
    assert_eq!(status(&wallet, guest).not_ready, [NotReady::NoSeat]);
    let mut paid = wallet.pay(peers[0], 1, Height::ZERO);

    // The guest follows node 3.
    let before = network.genesis.record(SHARD).expect("there is one shard");
    let stay = before.descriptors().take(3).cloned();
    let members = stay.chain([network.descriptor(MEMBERS)]);
    let next = before.followed_by(members.collect(), 0).expect("a number");
    let mut plan = Plan {
        consents: Vec::new(),
        next,
    };
    let without = wallet.ask(peers[0], &Request::Approve(plan.clone()));
    assert!(matches!(without, Response::Refused(_)), "{without:?}");
    plan.consents.push(consent(&wallet, guest, &plan.next));
    for peer in &peers[..MEMBERS] {
        let approved = wallet.ask(*peer, &Request::Approve(plan.clone()));
        assert_eq!(approved, Response::Accepted);
    }
    let mut nonce = 1;
    wait_for("the guest is a member", || {
        nonce += 1;
        paid = wallet.pay(peers[0], nonce, paid.head.head.height);
        assert_eq!(paid.result.outcome, Outcome::Committed);
        status(&wallet, guest).not_ready.is_empty().then_some(())
    });
    let epoch = wallet
        .directory(peers[0])
        .current(SHARD)
        .map(|c| c.scope().epoch);
    assert_eq!(epoch, Some(Epoch::new(1)));

    // Without node 2 a quorum needs it; and the one that left says so.
    network.stop(2);
    let paid = wallet.pay(guest, 100, paid.head.head.height);
    assert_eq!(paid.result.outcome, Outcome::Committed);
    wait_for("node 3 has no seat any more", || {
        let reasons = status(&wallet, peers[3]).not_ready;
        reasons.contains(&NotReady::NoSeat).then_some(())
    });
    // The root shard is told by the members themselves.
    wait_for("the record on the ledger follows", || {
        (on_ledger(&wallet, peers[0], SHARD) == plan.next).then_some(())
    });

    // All are stopped and come back, the newcomer too.
    for number in [0, 1, 3, 4] {
        network.stop(number);
    }
    let mut network = network.all_started();
    let again = wallet.connect(network.address(MEMBERS));
    let last = wallet.pay(again, 101, paid.head.head.height);
    assert_eq!(last.result.outcome, Outcome::Committed);
    for number in 0..=MEMBERS {
        network.stop(number);
    }
}

#[test]
fn founders_form_a_shard_by_a_transaction_and_nobody_is_restarted() {
    let network = Network::with_guests(MEMBERS).all_started();
    let wallet = Wallet::new(&network);
    let founders: Vec<usize> = (MEMBERS..2 * MEMBERS).collect();
    let record = found(&network, &wallet, &founders);
    let root = wallet.connect(network.address(0));
    assert_eq!(on_ledger(&wallet, root, record.shard), record);
}

#[test]
fn a_shard_goes_on_without_a_member_that_the_root_shard_has_excluded() {
    let network = Network::new().all_started();
    let wallet = Wallet::new(&network);
    let peer = wallet.connect(network.address(0));
    let scope = *network
        .genesis
        .committee(SHARD)
        .expect("there is one shard")
        .expect("its members form one")
        .scope();
    let liar = network.key(3);
    let head = |byte| {
        let statement = Statement::Head {
            height: Height::new(1_000),
            head: Hash::from_bytes([byte; 32]),
        };
        (statement, liar.sign(&statement.signing_bytes(&scope)))
    };
    let malpractice = Malpractice {
        node: liar.node(),
        lie: Lie::Statements {
            scope,
            first: head(1),
            second: head(2),
        },
    };
    let objects = wallet.labelled(peer, shard_label(SHARD));
    wallet.run(peer, &Exclude, objects, malpractice);
    let left = on_ledger(&wallet, peer, SHARD);
    assert_eq!(left.vacated().count(), 1);
    let renewed = wait_for("the shard goes on without the liar", || {
        let directory = wallet.directory(peer);
        let record = directory.last_record(SHARD)?.clone();
        (record.epoch == Epoch::new(1)).then_some(record)
    });
    assert_eq!(Some(renewed), left.renewed());
    let paid = wallet.pay(peer, 1, Height::ZERO);
    assert_eq!(paid.result.outcome, Outcome::Committed);
    wait_for("the record on the ledger follows", || {
        (on_ledger(&wallet, peer, SHARD).epoch == Epoch::new(1)).then_some(())
    });
}

/// Guests of [`Network::with_guests`] form shard 1.
fn found(network: &Network, wallet: &Wallet, founders: &[usize]) -> ShardRecord {
    let root = wallet.connect(network.address(0));
    let members: Vec<_> = founders
        .iter()
        .map(|number| network.descriptor(*number))
        .collect();
    let record = ShardRecord::founded(ShardId::new(1), members.clone(), 3);
    let consents = founders.iter().map(|number| {
        let founder = wallet.connect(network.address(*number));
        consent(wallet, founder, &record)
    });
    let consents: Vec<Signature> = consents.collect();
    let token = wallet
        .labelled(root, shards_label())
        .into_iter()
        .find(|object| object.object_type.name == "Token")
        .expect("there is a token");
    wallet.run(root, &Create { members, price: 3 }, vec![token], consents);
    for number in founders {
        let founder = wallet.connect(network.address(*number));
        wait_for("the founder is a member of a shard that works", || {
            let status = status(wallet, founder);
            (status.shard == record.shard && status.not_ready.is_empty()).then_some(())
        });
    }
    record
}

#[test]
fn a_newcomer_begins_with_the_state_of_its_shard_and_knows_what_it_does_not_know() {
    let mut network = Network::with_guests(MEMBERS + 1);
    // Of a shard with any history at all it takes the state.
    network.replayed = 0;
    let mut network = network.all_started();
    let wallet = Wallet::new(&network);
    let founders: Vec<usize> = (MEMBERS..2 * MEMBERS).collect();
    let record = found(&network, &wallet, &founders);
    let peers: Vec<PeerName> = (MEMBERS..=2 * MEMBERS)
        .map(|number| wallet.connect(network.address(number)))
        .collect();
    let newcomer = peers[MEMBERS];

    let stay = record.descriptors().take(3).cloned();
    let members = stay.chain([network.descriptor(2 * MEMBERS)]);
    let next = record.followed_by(members.collect(), 3).expect("a number");
    let consents = vec![consent(&wallet, newcomer, &next)];
    let plan = Plan { next, consents };
    for peer in &peers[..MEMBERS] {
        let approved = wallet.ask(*peer, &Request::Approve(plan.clone()));
        assert_eq!(approved, Response::Accepted);
    }
    let in_office = |peer| {
        let status = status(&wallet, peer);
        let here = status.shard == record.shard && status.not_ready.is_empty();
        here.then_some(status.tip.height)
    };
    let height = wait_for("the newcomer is a member", || in_office(newcomer));
    // Without another one a quorum needs it, to end this epoch as well.
    network.stop(MEMBERS);
    let members = plan.next.descriptors().cloned().collect();
    let plan = Plan {
        next: plan.next.followed_by(members, 4).expect("a number"),
        consents: Vec::new(),
    };
    for peer in &peers[1..] {
        let request = Request::Approve(plan.clone());
        wait_for("it knows the epoch", || {
            (wallet.ask(*peer, &request) == Response::Accepted).then_some(())
        });
    }
    wait_for("the shard goes on", || {
        (in_office(newcomer)? > height).then_some(())
    });

    // What is unknown to it may have been decided before it came.
    let nothing = TransactionId::from_bytes([7; 32]);
    let unknown = |peer| wallet.ask(peer, &Request::Transaction(nothing));
    let since = match unknown(newcomer) {
        Response::Refused(Refused::UnknownSince { since, progress }) => {
            assert!(since <= progress.time);
            since
        }
        other => panic!("{other:?}"),
    };
    let whole = unknown(peers[1]);
    assert!(
        matches!(whole, Response::Refused(Refused::Unknown(_))),
        "{whole:?}"
    );

    // It still says so when it comes back, and is a member.
    network.stop(2 * MEMBERS);
    network.start(2 * MEMBERS).expect("the node starts");
    let again = wallet.connect(network.address(2 * MEMBERS));
    wait_for("the newcomer is back", || in_office(again));
    match unknown(again) {
        Response::Refused(Refused::UnknownSince { since: then, .. }) => assert_eq!(then, since),
        other => panic!("{other:?}"),
    }

    // Its log does not begin with the first block, so without its tables it says what to do, and does nothing.
    network.stop(2 * MEMBERS);
    std::fs::remove_file(network.data(2 * MEMBERS).join("state.redb")).expect("it is there");
    // Not the next time either: what it has signed since must not be forgotten.
    for _ in 0..2 {
        let started = network.start(2 * MEMBERS);
        let fatal = started.err().unwrap_or_else(|| network.end(2 * MEMBERS));
        assert!(
            matches!(fatal, Fatal::Recovery(RecoveryError::WithoutState)),
            "{fatal}"
        );
    }
}
