//! Receipts: proven offline, changed in any byte they are not, and never overwritten.

use model::{NetworkId, Object};
use tempfile::TempDir;

use super::*;
use crate::testing::{World, directory, key};

/// Receipts of a committed and of an aborted payment of one account.
async fn receipts() -> (World, [Receipt; 2]) {
    let world = World::new(&[1_000]);
    let using = world
        .inner()
        .ledger
        .accounts_of(&key("alice"))
        .first()
        .map(Object::id);
    let (committed, aborted) = futures::join!(world.payment(5, using), world.payment(6, using));
    (world, [committed, aborted])
}

fn saved(receipt: &Receipt) -> (TempDir, PathBuf) {
    let directory = directory();
    let path = directory.path().join("payment.csr");
    save(receipt, &path).expect("there is room");
    (directory, path)
}

#[tokio::test(start_paused = true)]
async fn a_receipt_proves_a_payment_offline() {
    let (world, [committed, _]) = receipts().await;
    let (_directory, path) = saved(&committed);
    for known in [None, Some(world.genesis.network())] {
        let summary = verify(&path, known).expect("it proves the payment");
        assert_eq!(summary.outcome, Outcome::Committed);
        assert_eq!(summary.network, world.genesis.network());
        assert_eq!(summary.transaction, committed.transaction.body.id());
        assert_eq!(summary.signatures, 3);
        let id = summary.addresses.transaction(&summary.transaction);
        let expected = format!(
            "committed\ntransaction {id}\nnetwork local-test, {}\ndecided by shard 0 in block 1\n\
             3 signatures and 1 path checked",
            summary.network
        );
        assert_eq!(summary.to_string(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_proves_an_abort_and_says_why() {
    let (_, [_, aborted]) = receipts().await;
    let summary = check(&aborted, None).expect("it proves the abort");
    assert!(matches!(summary.outcome, Outcome::Aborted(_)));
    let text = summary.to_string();
    assert!(
        text.starts_with("aborted by shard 0: input lcsobj1q"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_of_any_bit_is_found() {
    let (_, receipts) = receipts().await;
    for receipt in receipts {
        let bytes = receipt.to_bytes();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                let proven = Receipt::from_bytes(&changed)
                    .map_err(ReceiptError::from)
                    .and_then(|receipt| check(&receipt, None));
                assert!(proven.is_err(), "bit {bit} of byte {at}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_is_cut_or_longer_is_refused() {
    let (_, [committed, _]) = receipts().await;
    let bytes = committed.to_bytes();
    for end in 0..bytes.len() {
        assert!(Receipt::from_bytes(&bytes[..end]).is_err(), "cut at {end}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(Receipt::from_bytes(&longer).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_receipt_of_another_network_is_refused_where_the_network_is_known() {
    let (_, [committed, _]) = receipts().await;
    let known = NetworkId::from_bytes([1; 32]);
    let error = check(&committed, Some(known)).expect_err("another network");
    assert!(matches!(error, ReceiptError::OtherNetwork { .. }));
    assert_eq!(error.class(), Class::Verification);
}

#[tokio::test(start_paused = true)]
async fn the_decision_on_one_transaction_proves_nothing_about_another() {
    let (_, [committed, aborted]) = receipts().await;
    let mixed = Receipt {
        transaction: aborted.transaction,
        ..committed
    };
    let error = check(&mixed, None).expect_err("mixed");
    assert!(matches!(
        error,
        ReceiptError::Bad(BadReceipt::OtherTransaction(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_there_is_never_overwritten() {
    let (_, [committed, aborted]) = receipts().await;
    let (_directory, path) = saved(&committed);
    save(&committed, &path).expect("it is the same receipt");
    let error = save(&aborted, &path).expect_err("it is another one");
    assert!(matches!(error, ReceiptError::Exists(_)));
    assert_eq!(error.class(), Class::Usage);
    assert_eq!(fs::read(&path).expect("it is there"), committed.to_bytes());
}

#[tokio::test(start_paused = true)]
async fn saving_leaves_nothing_else_behind() {
    let (_, [committed, aborted]) = receipts().await;
    let (directory, path) = saved(&committed);
    save(&aborted, &path).expect_err("it is another one");
    assert_eq!(
        fs::read_dir(directory.path()).expect("it is there").count(),
        1
    );
    let nowhere = directory.path().join("nowhere").join("payment.csr");
    let error = save(&committed, &nowhere).expect_err("there is no such directory");
    assert_eq!(error.class(), Class::Usage);
}

#[test]
fn what_is_no_receipt_is_refused() {
    let directory = directory();
    let path = directory.path().join("payment.csr");
    for bytes in [&b""[..], b"no receipt", &[0x83; 100]] {
        fs::write(&path, bytes).expect("it can be written");
        let error = verify(&path, None).expect_err("no receipt");
        assert_eq!(error.class(), Class::Verification);
    }
    fs::remove_file(&path).expect("it is there");
    let error = verify(&path, None).expect_err("no file");
    assert_eq!(error.class(), Class::Usage);
    assert!(error.to_string().contains("payment.csr"), "{error}");
}

#[test]
fn a_file_that_is_too_long_is_not_even_read() {
    let directory = directory();
    let path = directory.path().join("payment.csr");
    let file = fs::File::create(&path).expect("it can be made");
    file.set_len(1 << 40).expect("it can be sparse");
    let error = verify(&path, None).expect_err("too long");
    assert_eq!(error.class(), Class::Verification);
    assert!(
        error
            .to_string()
            .contains("is no receipt: it has more than")
    );
}
