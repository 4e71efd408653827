//! Payments that concern more than one shard.

use model::TransactionId;
use model::receipt::Receipt;

use super::*;
use crate::keys::local_secret;
use crate::receipt;
use crate::submit::Fate;

const ZERO: ShardId = ShardId::new(0);
const ONE: ShardId = ShardId::new(1);

/// Five CSC from alice to bob, into the second shard.
fn across() -> Order {
    Order {
        home: Some(ONE),
        ..pay(5)
    }
}

fn receipt_of(desk: &Desk, settled: &Settled) -> Receipt {
    receipt::receipt(&desk.world.client(Options::default()), settled)
}

fn shards_of(settled: &Settled) -> Vec<ShardId> {
    settled.decisions.iter().map(Verified::shard).collect()
}

fn spent_in(settled: &Settled) -> Vec<ShardId> {
    let openings = settled.transaction.openings.iter();
    let mut homes: Vec<ShardId> = openings.map(|object| object.home).collect();
    homes.sort_unstable();
    homes
}

/// A payment of alice's only account, of which a shard has heard nothing but the vote of another one:
/// made by another wallet, so that this one knows nothing about it.
async fn hold(desk: &Desk, order: Order) -> TransactionId {
    let elsewhere = Desk {
        world: desk.world.clone(),
        ..Desk::new(&[])
    };
    desk.world.set_hearing_in(0, false);
    desk.world.set_deciding_in(1, false);
    unknown(elsewhere.send(order).await)
}

#[tokio::test(start_paused = true)]
async fn a_payment_into_another_shard_commits_with_a_receipt_of_both() {
    let desk = Desk::of_shards(&[&[1_000], &[]]);
    let settled = committed(desk.send(across()).await);
    assert_eq!(shards_of(&settled), [ZERO, ONE]);
    assert_eq!(settled.transaction.body.mode, Mode::Decider(ZERO));
    let summary = receipt::check(&receipt_of(&desk, &settled), None).expect("it proves itself");
    assert_eq!(summary.outcome, Outcome::Committed);
    assert_eq!((summary.shards.len(), summary.signatures), (2, 6));
    let homes: Vec<ShardId> = desk
        .wallet(Options::default())
        .holdings(&key("bob"))
        .await
        .expect("the nodes answer")
        .accounts
        .iter()
        .map(|account| account.object.home)
        .collect();
    assert_eq!(homes, [ZERO, ONE]);
    assert_eq!(desk.world.balance("bob"), 1_005);
    assert_eq!(desk.open_attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_mode_is_that_of_the_profile() {
    let mut desk = Desk::of_shards(&[&[1_000], &[]]);
    desk.world.genesis.profile = model::Profile::Paper;
    let wallet = desk.wallet(Options::default());
    let error = wallet.send(&across(), &Watch::nobody()).await;
    // The nodes are of a network with the other profile, so nobody takes it.
    assert!(error.is_err());
    let modes = wallet.journal.read(|state| {
        let attempts = state.attempts.iter();
        attempts
            .map(|attempt| attempt.transaction.body.mode)
            .collect::<Vec<_>>()
    });
    assert_eq!(modes.expect("in order"), [Mode::AllVotes]);
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_the_network_does_not_have_is_refused_before_anything_is_sent() {
    let desk = Desk::of_shards(&[&[1_000], &[]]);
    let home = Some(ShardId::new(2));
    let error = desk.send(Order { home, ..pay(5) }).await;
    let error = error.expect_err("there are two shards");
    assert!(matches!(error, Error::NoSuchShard(_)), "{error}");
    assert_eq!(error.class(), Class::Usage);
    let about_shards =
        |request: &Request| matches!(request, Request::Changes(_) | Request::Acts { .. });
    assert_eq!(desk.world.count(|request| !about_shards(request)), 0);
}

#[tokio::test(start_paused = true)]
async fn accounts_of_one_shard_are_preferred() {
    let check = async |alice: &[&[u64]], csc, home, expected: &[ShardId]| {
        let desk = Desk::of_shards(alice);
        let settled = committed(desk.send(Order { home, ..pay(csc) }).await);
        assert_eq!(spent_in(&settled), expected, "{csc} of {alice:?}");
        assert_eq!(desk.world.balance("bob"), 1_000 + csc, "{csc} of {alice:?}");
    };
    let two = ShardId::new(2);
    check(&[&[30, 20], &[40]], 45, None, &[ZERO, ZERO]).await;
    check(&[&[30, 20], &[40]], 35, None, &[ONE]).await;
    check(&[&[30], &[40]], 25, None, &[ZERO]).await;
    check(&[&[30], &[40]], 25, Some(ONE), &[ONE]).await;
    check(&[&[30], &[40]], 60, None, &[ZERO, ONE]).await;
    check(&[&[10], &[20, 20], &[30, 5]], 60, None, &[ONE, ONE, two]).await;
}

#[tokio::test(start_paused = true)]
async fn too_many_accounts_are_merged_shard_by_shard() {
    let desk = Desk::of_shards(&[&[1; 150], &[1; 150]]);
    let settled = committed(desk.send(pay(299)).await);
    assert_eq!(shards_of(&settled), [ZERO, ONE]);
    assert_eq!(desk.world.balance("bob"), 1_299);
    let merged: Vec<Event> = desk.told().clone();
    let recorded = merged.iter().filter_map(|event| match event {
        Event::Recorded { shards, .. } => Some(shards.len()),
        _ => None,
    });
    assert_eq!(recorded.collect::<Vec<_>>(), [1, 1, 2]);
    assert_eq!(desk.open_attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_shard_that_refuses_says_why() {
    let desk = Desk::of_shards(&[&[100], &[100]]);
    let objects = desk.world.inner().ledger.accounts_of(&key("alice"));
    let (near, far) = (objects[0].clone(), objects[1].clone());
    // Somebody spends the second one, and this wallet does not know.
    let using = Some(far.id());
    committed(desk.send(Order { using, ..pay(1) }).await);
    let elsewhere = directory();
    let client = desk.world.client(Options::default());
    let keys = Box::new(LocalKeys::of(&desk.world.genesis));
    let wallet = Wallet::open_with_clock(client, keys, elsewhere.path(), desk.world.clock());
    let wallet = wallet.expect("the directory is there");
    let transaction = stale(&desk, vec![near, far.clone()]);
    let (until, nobody) = (wallet.client.deadline(), Watch::nobody());
    let id = transaction.body.id();
    let fate = wallet.client.settle(&transaction, id, until, &nobody);
    let Ok(Fate::Decided(settled)) = fate.await else {
        panic!("it is decided");
    };
    let (shard, reason) = settled.cause().expect("it is aborted");
    assert_eq!(shard, ONE);
    assert!(
        matches!(reason, AbortReason::Invalid(Invalid::NotActive { object, .. }) if object == far.id())
    );
    let first = settled.decisions[0].outcome();
    assert_eq!(first, Outcome::Aborted(AbortReason::Refused { shard: ONE }));
    let summary = receipt::check(&receipt_of(&desk, &settled), None).expect("it proves itself");
    let why = summary.abort.expect("it is aborted");
    assert!(why.starts_with("aborted by shard 1: input "), "{why}");
    assert_eq!(desk.world.balance("bob"), 1_001);
}

/// A payment of these accounts, as a wallet makes it that has not heard that they are spent.
fn stale(desk: &Desk, inputs: Vec<Object>) -> model::Transaction {
    let terms = deed::Terms {
        network: desk.world.genesis.network(),
        profile: desk.world.genesis.profile,
        nonce: [3; 16],
        created: desk.world.now(),
    };
    let made = deed::make(
        &deed::Deed::Pay(pay(150)),
        inputs,
        terms,
        &local_secret("alice"),
    );
    made.expect("nothing is wrong with it")
        .transaction()
        .clone()
}

#[tokio::test(start_paused = true)]
async fn a_silent_shard_leaves_the_outcome_unknown_and_the_same_command_settles_it() {
    let desk = Desk::of_shards(&[&[1_000], &[]]);
    for number in 4..8 {
        desk.world.set(number, Manner::Gone);
    }
    let sent = desk.send(across()).await;
    let error = sent.as_ref().expect_err("a shard is silent");
    assert_eq!(error.class(), Class::Unknown);
    assert_eq!(
        error.to_string(),
        "no decision from shard 1 after 30 s (0 of 4 members answering, 3 needed)"
    );
    let first = unknown(sent);
    assert!(desk.has_told(|event| matches!(event, Event::UnderWay { shard: ZERO, .. })));
    for number in 4..8 {
        desk.world.set(number, Manner::Honest);
    }
    let settled = committed(desk.send(across()).await);
    assert_eq!((settled.id, settled.resumed), (first, true));
    assert_eq!(desk.world.balance("bob"), 1_005);
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_is_not_there_holds_up_only_those_who_need_it() {
    let desk = Desk::of_shards(&[&[1_000], &[500]]);
    for number in 4..8 {
        desk.world.set(number, Manner::Gone);
    }
    committed(desk.send(pay(5)).await);
    let using = Some(desk.world.inner().ledger.accounts_of(&key("alice"))[0].id());
    committed(desk.send(Order { using, ..pay(6) }).await);
    let error = desk.send(pay(1_100)).await.expect_err("it needs both");
    assert_eq!(error.class(), Class::Unreachable);
    assert_eq!(desk.open_attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_shard_has_begun_is_waited_for_beyond_its_deadline() {
    let desk = Desk::of_shards(&[&[1_000], &[]]);
    desk.world.set_hearing_in(0, false);
    let patient = Options {
        timeout: Duration::from_secs(300),
        ..Options::default()
    };
    let (sent, ()) = tokio::join!(desk.send_with(across(), patient), async {
        for _ in 0..20 {
            sleep(Duration::from_secs(10)).await;
            let now = desk.world.now();
            desk.world.inner().ledger.pass_time(now);
        }
        desk.world.set_hearing_in(0, true);
    });
    let settled = committed(sent);
    assert_eq!(shards_of(&settled), [ZERO, ONE]);
    let recorded = |event: &&Event| matches!(event, Event::Recorded { .. });
    assert_eq!(desk.told().iter().filter(recorded).count(), 1);
    assert_eq!(desk.world.balance("bob"), 1_005);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_a_shard_has_begun_is_not_given_up_after_its_deadline() {
    let desk = Desk::of_shards(&[&[1_000, 900], &[]]);
    desk.world.set_hearing_in(0, false);
    let first = unknown(desk.send(across()).await);
    sleep(Duration::from_secs(100)).await;
    let now = desk.world.now();
    desk.world.inner().ledger.pass_time(now);
    let again = unknown(desk.send(across()).await);
    desk.world.set_hearing_in(0, true);
    let settled = committed(desk.send(across()).await);
    assert!(settled.resumed && [first, again].contains(&settled.id));
    assert_eq!(desk.world.balance("bob"), 1_005);
    assert_eq!(desk.open_attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_shard_that_never_began_it_is_enough_to_pay_anew() {
    let desk = Desk::of_shards(&[&[1_000, 900], &[]]);
    desk.world.set_deciding_in(1, false);
    desk.world.set_hearing_in(0, false);
    let first = unknown(desk.send(across()).await);
    sleep(Duration::from_secs(60)).await;
    desk.world.inner().ledger.lose_waiting();
    let now = desk.world.now();
    desk.world.inner().ledger.pass_time(now);
    desk.world.set_deciding_in(1, true);
    // The first shard still holds an account for an attempt that can never be committed. It hears so
    // only later, and the money in the other account is not held up by that.
    let ((), sent) = tokio::join!(
        async {
            sleep(Duration::from_secs(8)).await;
            desk.world.set_hearing_in(0, true);
        },
        desk.send(across()),
    );
    let settled = committed(sent);
    assert_ne!(settled.id, first);
    assert_eq!(desk.world.balance("bob"), 1_005);
    assert_eq!(desk.open_attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn locked_accounts_are_left_alone_if_there_are_others() {
    let desk = Desk::of_shards(&[&[1_000], &[]]);
    hold(&desk, across()).await;
    // More money comes in meanwhile.
    let from = Order {
        from: key("bob"),
        to: key("alice"),
        ..pay(20)
    };
    committed(desk.send(from).await);
    let settled = committed(desk.send(pay(7)).await);
    assert!(desk.has_told(|event| matches!(event, Event::Retrying { .. })));
    assert_eq!(settled.transaction.openings.len(), 1);
    assert!(!desk.has_told(|event| matches!(event, Event::Waiting { .. })));
    assert_eq!(desk.open_attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_locked_account_is_waited_for_and_spent_then() {
    let desk = Desk::of_shards(&[&[1_000], &[]]);
    let holder = hold(&desk, across()).await;
    let (sent, ()) = tokio::join!(desk.send(pay(7)), async {
        sleep(Duration::from_secs(3)).await;
        desk.world.set_hearing_in(0, true);
        desk.world.set_deciding_in(1, true);
    });
    committed(sent);
    let waited =
        |event: &Event| matches!(event, Event::Waiting { transaction } if *transaction == holder);
    assert!(desk.has_told(waited));
    assert_eq!(desk.world.balance("bob"), 1_012);
    assert_eq!(desk.open_attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_stays_locked_is_reported_as_an_abort_after_the_time() {
    let desk = Desk::of_shards(&[&[1_000], &[]]);
    let holder = hold(&desk, across()).await;
    let began = tokio::time::Instant::now();
    let using = Some(desk.world.inner().ledger.accounts_of(&key("alice"))[0].id());
    for order in [pay(7), Order { using, ..pay(8) }] {
        let settled = desk.send(order).await.expect("it is decided");
        let Some((ZERO, AbortReason::Locked { holder: by, .. })) = settled.cause() else {
            panic!("the account is locked: {:?}", settled.cause());
        };
        assert_eq!(by, holder);
    }
    assert!(began.elapsed() <= Duration::from_secs(60));
    assert_eq!(desk.open_attempts(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_is_too_slow_is_given_another_chance() {
    let desk = Desk::of_shards(&[&[1_000], &[]]);
    desk.world.set_deciding_in(1, false);
    let patient = Options {
        timeout: Duration::from_secs(120),
        ..Options::default()
    };
    let (sent, ()) = tokio::join!(desk.send_with(across(), patient), async {
        sleep(Duration::from_secs(60)).await;
        desk.world.set_deciding_in(1, true);
    });
    committed(sent);
    let recorded = |event: &&Event| matches!(event, Event::Recorded { .. });
    assert_eq!(desk.told().iter().filter(recorded).count(), 2);
    assert_eq!(desk.world.balance("bob"), 1_005);
    assert_eq!(desk.open_attempts(), 0);
}
