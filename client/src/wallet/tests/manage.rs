//! Moving accounts, founding shards and excluding nodes: once, whatever others do meanwhile.

use model::statement::Scope;
use model::{
    Consent, Epoch, Hash, Head, Height, Lie, Malpractice, NodeDescriptor, Place, ShardRecord,
    merkle,
};
use system_contracts::cscoin::CannotRun;
use system_contracts::manage_shards::CannotRun as CannotManage;

use super::*;
use crate::shard_list::{ShardList, Source};

fn desk() -> Desk {
    let desk = Desk::of_shards(&[&[5, 6], &[7]]);
    desk.world.inner().agreeable = true;
    desk
}

/// A shard of nodes that are members of others already, which is all there are here.
fn founding(desk: &Desk, first: usize) -> Founding {
    let described = |number| NodeDescriptor {
        addresses: vec![format!("/ip4/127.0.0.1/tcp/{}", 4000 + number)],
        ..desk.world.descriptor(number)
    };
    Founding {
        payer: key("alice"),
        members: (first..first + 4).map(described).collect(),
        price: 3,
        consents: None,
    }
}

impl Desk {
    async fn found(&self, founding: Founding) -> Result<Settled, Error> {
        let watch = Watch::new(|progress: Progress| self.told().push(progress.event));
        let wallet = self.wallet(Options::default());
        wallet.found(founding, &watch).await
    }

    async fn object(&self, evidence: Malpractice) -> Result<Settled, Error> {
        let objection = Objection {
            payer: key("bob"),
            shard: ShardId::new(0),
            evidence,
        };
        let wallet = self.wallet(Options::default());
        wallet.object(objection, &Watch::nobody()).await
    }

    async fn shard_list(&self) -> ShardList {
        let client = self.world.client(Options::default());
        client
            .shard_list(&Heights::new())
            .await
            .expect("it can be read")
    }

    async fn homes(&self, name: &str) -> Vec<u32> {
        let client = self.world.client(Options::default());
        let holdings = client.holdings(&key(name), &Heights::new()).await;
        let accounts = holdings.expect("the nodes are honest").accounts;
        accounts.iter().map(|a| a.object.home.number()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn everything_moves_to_another_shard_and_back() {
    let desk = desk();
    let owner = key("alice");
    for home in [1, 0] {
        let home = ShardId::new(home);
        let moving = Moving { owner, home };
        let wallet = desk.wallet(Options::default());
        committed(wallet.move_accounts(&moving, &Watch::nobody()).await);
        assert_eq!(desk.homes("alice").await, [home.number(); 3]);
        assert_eq!(desk.world.balance("alice"), 18);
        let again = wallet.move_accounts(&moving, &Watch::nobody()).await;
        let nothing = Error::CannotRun(CannotRun::NothingToMove(home)).to_string();
        assert_eq!(again.expect_err("all is there").to_string(), nothing);
    }
    let home = ShardId::new(9);
    let wallet = desk.wallet(Options::default());
    let moving = Moving { owner, home };
    let nowhere = wallet.move_accounts(&moving, &Watch::nobody()).await;
    assert!(matches!(nowhere, Err(Error::NoSuchShard(_))));
    assert_eq!(desk.open_attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_shard_is_founded_by_nodes_that_agree() {
    let desk = desk();
    let founding = founding(&desk, 0);
    committed(desk.found(founding.clone()).await);
    let asked = |event: &Event| matches!(event, Event::Asking { nodes: 4, .. });
    assert!(desk.has_told(asked));
    let shard_list = desk.shard_list().await;
    assert_eq!(shard_list.token.next, ShardId::new(3));
    let listed = shard_list.shard(ShardId::new(2)).expect("it is founded");
    assert_eq!(listed.record, founding.record(ShardId::new(2)));
    assert_eq!(listed.source, Source::Transaction);
    assert_eq!(desk.open_attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_made_a_member_without_agreeing() {
    let desk = desk();
    desk.world.inner().agreeable = false;
    let error = desk
        .found(founding(&desk, 0))
        .await
        .expect_err("nobody agrees");
    assert_eq!(error.class(), Class::Aborted);
    let said = error.to_string();
    assert!(
        said.contains("shard 2") && said.contains("consents = "),
        "{said}"
    );
    assert!(
        ["n0", "n3"].iter().all(|node| said.contains(node)),
        "{said}"
    );
    assert_eq!(desk.open_attempts(), 0);
    assert_eq!(desk.shard_list().await.shards.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn two_who_found_at_once_both_found() {
    let desk = desk();
    let other = Desk {
        world: desk.world.clone(),
        directory: directory(),
        told: Mutex::default(),
    };
    let (one, two) = tokio::join!(
        desk.found(founding(&desk, 0)),
        other.found(founding(&desk, 4))
    );
    committed(one);
    committed(two);
    let shard_list = desk.shard_list().await;
    assert_eq!(shard_list.token.next, ShardId::new(4));
    let retried = |desk: &Desk| desk.has_told(|event| matches!(event, Event::Retrying { .. }));
    assert!(retried(&desk) != retried(&other), "one of them was second");
}

#[tokio::test(start_paused = true)]
async fn consents_that_are_handed_in_are_to_one_number() {
    let desk = desk();
    desk.world.inner().agreeable = false;
    let wanted = founding(&desk, 0);
    let consents = |number| -> Vec<Consent> {
        let record: ShardRecord = wanted.record(ShardId::new(number));
        let nodes = wanted.members.iter().rev();
        nodes
            .map(|node| desk.world.consent(&node.node, &record))
            .collect()
    };
    let with = |consents: Vec<Consent>| Founding {
        consents: Some(consents),
        ..wanted.clone()
    };
    let mut few = consents(2);
    few.pop();
    let said = desk
        .found(with(few))
        .await
        .expect_err("one is missing")
        .to_string();
    assert!(said.ends_with("n0 has not agreed"), "{said}");
    let said = desk
        .found(with(consents(3)))
        .await
        .expect_err("too early")
        .to_string();
    assert!(said.contains("n3 has agreed to something else"), "{said}");
    committed(desk.found(with(consents(2))).await);
    let said = desk
        .found(with(consents(2)))
        .await
        .expect_err("it is taken")
        .to_string();
    assert!(said.contains("something else than this shard 3"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_founding_whose_outcome_is_unknown_is_taken_up() {
    let desk = desk();
    desk.stall();
    let first = unknown(desk.found(founding(&desk, 0)).await);
    desk.world.set_deciding(true);
    let settled = committed(desk.found(founding(&desk, 0)).await);
    assert_eq!((settled.id, settled.resumed), (first, true));
    assert_eq!(desk.shard_list().await.shards.len(), 3);

    // After the deadline another attempt consumes the same token, with new consents.
    desk.stall();
    let first = unknown(desk.found(founding(&desk, 4)).await);
    sleep(Duration::from_secs(60)).await;
    desk.world.inner().ledger.lose_waiting();
    desk.world.set_deciding(true);
    let settled = committed(desk.found(founding(&desk, 4)).await);
    assert_ne!(settled.id, first);
    assert_eq!(desk.shard_list().await.shards.len(), 4);
    assert_eq!(desk.open_attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_a_shard_is_not_sent() {
    type Change = fn(&mut Founding);
    let desk = desk();
    let three = |founding: &mut Founding| drop(founding.members.pop());
    let twice = |founding: &mut Founding| founding.members[1] = founding.members[0].clone();
    let nowhere = |founding: &mut Founding| founding.members[1].addresses[0] = "here".to_owned();
    let dear = |founding: &mut Founding| founding.price = u64::MAX;
    let cases: [(Change, &str); 4] = [
        (three, "4 to 100"),
        (twice, "twice"),
        (nowhere, "/ip4"),
        (dear, "asks for"),
    ];
    for (change, words) in cases {
        let mut bad = founding(&desk, 0);
        change(&mut bad);
        let error = desk.found(bad).await.expect_err("it cannot be");
        assert_eq!(error.class(), Class::Usage, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    let asked = |request: &Request| matches!(request, Request::Submit(_) | Request::Consent(_));
    assert_eq!(desk.world.count(asked), 0);
}

/// Two heads at one height that a node of the first shard signed.
fn two_heads(desk: &Desk, number: usize) -> Malpractice {
    let scope = Scope {
        network: desk.world.genesis.network(),
        shard: ShardId::new(0),
        epoch: Epoch::ZERO,
    };
    let said = |block: u8| {
        let head = Head {
            scope,
            height: Height::new(4),
            previous: Hash::ZERO,
            block: Hash::from_bytes([block; 32]),
            time: desk.world.now(),
            results: merkle::root(&[]),
            outbox: merkle::root(&[]),
            state: None,
        };
        let statement = head.statement();
        let bytes = statement.signing_bytes(&scope);
        (statement, desk.world.sign(number, &bytes))
    };
    Malpractice {
        node: desk.world.node(number),
        lie: Lie::Statements {
            scope,
            first: said(1),
            second: said(2),
        },
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_lied_is_excluded_once() {
    let desk = desk();
    committed(desk.object(two_heads(&desk, 2)).await);
    let shard_list = desk.shard_list().await;
    let listed = shard_list.shard(ShardId::new(0)).expect("it is there");
    let vacated = |place: &Place| matches!(place, Place::Vacated(_));
    let seats: Vec<bool> = listed.record.seats.iter().map(vacated).collect();
    assert_eq!(seats, [false, false, true, false]);
    assert_eq!(listed.source, Source::Transaction);
    let again = desk.object(two_heads(&desk, 2)).await;
    assert!(
        matches!(again, Err(Error::CannotManage(CannotManage::NoSeat(_)))),
        "{again:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn evidence_that_proves_nothing_is_not_sent() {
    let desk = desk();
    let mut forged = two_heads(&desk, 2);
    forged.node = desk.world.node(1);
    let mut harmless = two_heads(&desk, 2);
    if let Lie::Statements { first, second, .. } = &mut harmless.lie {
        *second = *first;
    }
    for (evidence, words) in [(forged, "does not verify"), (harmless, "does not conflict")] {
        let error = desk.object(evidence).await.expect_err("it proves nothing");
        assert_eq!(error.class(), Class::Verification);
        assert!(error.to_string().contains(words), "{error}");
    }
    let stranger = two_heads(&desk, 5);
    let error = desk.object(stranger).await.expect_err("of another shard");
    assert_eq!(error.class(), Class::Usage);
    let sent = |request: &Request| matches!(request, Request::Submit(_));
    assert_eq!(desk.world.count(sent), 0);
}
