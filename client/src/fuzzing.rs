//! Doors for the fuzz targets: the journal of a wallet, whatever its file says.
//!
//! They are behind a feature that no program is built with. What is asserted about them is said in
//! the crate `fuzz`.

use std::path::Path;

use model::transaction::Authorized;
use model::{NetworkId, PublicKey, Time, TransactionId};

use crate::wallet::JournalError;
use crate::wallet::journal::{Intent, Journal};

/// Opens the journal in a directory and says which transactions it knows, oldest first.
///
/// # Errors
///
/// Every [`JournalError`].
pub fn journal(directory: &Path, network: NetworkId) -> Result<Vec<TransactionId>, JournalError> {
    let journal = Journal::open(directory, network)?;
    journal.read(|state| state.attempts.iter().map(|attempt| attempt.id).collect())
}

/// Notes in the journal of a directory that a transaction is about to be sent.
///
/// # Errors
///
/// Every [`JournalError`].
pub fn note(
    directory: &Path,
    network: NetworkId,
    owner: PublicKey,
    transaction: Authorized,
) -> Result<(), JournalError> {
    let journal = Journal::open(directory, network)?;
    let made = Ok::<_, JournalError>(Ok::<_, ()>(transaction));
    let begun = journal.begin(Intent::Merge(owner), None, Time::from_ms(1), |_| made)?;
    drop(begun);
    Ok(())
}
