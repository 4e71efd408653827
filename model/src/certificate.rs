//! Certificates: one statement with the signatures of a quorum.

use serde::{Deserialize, Serialize};

use crate::key::{Signature, SignatureCheck};
use crate::shard::{Committee, Seat};
use crate::statement::Statement;

/// A statement and who signed it, ascending by seat.
///
/// It proves nothing before [`Certificate::verify`] has looked at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// What was signed.
    pub statement: Statement,
    /// The signers' seats and signatures, strictly ascending.
    pub signatures: Vec<(Seat, Signature)>,
}

/// Why a certificate proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Fewer signers than the threshold.
    #[error("the certificate has {found} signatures, {needed} are needed")]
    TooFew {
        /// The threshold.
        needed: usize,
        /// The signatures it has.
        found: usize,
    },
    /// The seats are not strictly ascending.
    #[error("the signers of the certificate are repeated or out of order")]
    Order,
    /// A seat that the committee does not have.
    #[error("the certificate names a seat that the shard does not have")]
    UnknownSeat,
    /// A signature that is not the member's.
    #[error("a signature of the certificate does not verify")]
    BadSignature,
}

impl Certificate {
    /// Checks that a quorum (`2f + 1`) of `committee` signed the statement.
    ///
    /// # Errors
    ///
    /// The first rule that is broken, in the order of [`CertificateError`].
    pub fn verify(
        &self,
        committee: &Committee,
        check: &mut impl SignatureCheck,
    ) -> Result<(), CertificateError> {
        self.verify_threshold(committee, committee.quorum(), check)
    }

    /// [`Certificate::verify`] with another threshold, such as `f + 1` (decision D12).
    ///
    /// # Errors
    ///
    /// The first rule that is broken, in the order of [`CertificateError`].
    pub fn verify_threshold(
        &self,
        committee: &Committee,
        needed: usize,
        check: &mut impl SignatureCheck,
    ) -> Result<(), CertificateError> {
        let found = self.signatures.len();
        if found < needed {
            return Err(CertificateError::TooFew { needed, found });
        }
        if !self.signatures.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(CertificateError::Order);
        }
        let bytes = self.statement.signing_bytes(committee.scope());
        for (seat, signature) in &self.signatures {
            let member = committee
                .member(*seat)
                .ok_or(CertificateError::UnknownSeat)?;
            if !check.check(member.key(), &bytes, signature) {
                return Err(CertificateError::BadSignature);
            }
        }
        Ok(())
    }
}
