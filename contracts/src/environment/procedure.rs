//! Procedures: what a user runs of a contract.
//!
//! ```text
//! c.p(w, r, lpar, spar) -> x, lret, sret
//! ```
//!
//! [`Arguments`] is what stands before the arrow and [`Returned`] what stands after it. A procedure
//! need not be a pure function and may be randomized; it is then handed its randomness among the
//! secret parameters.
//!
//! A trace is made by [`super::builder::Calls::call`] alone, of the public parts of both sides. The
//! secret parts are a [`Secret`], which has no encoding, so no trace can hold one and no checker,
//! which sees nothing but traces, can meet one.
//!
//! Paper: Section II-A, Equation 1.

use model::{ContractId, Object, Output};
use serde::Serialize;

use super::builder::Calls;

/// A value that stays with the user: a part of `spar` or `sret`.
///
/// It can be neither shown nor copied nor encoded. Who needs the value itself says [`Secret::expose`].
/// Wiping it from memory is for the type within, as [`model::SecretKey`] does.
///
/// ```
/// assert_eq!(*contracts::Secret::new(7_u64).expose(), 7);
/// ```
///
/// ```compile_fail,E0277
/// model::encoding::encode(&contracts::Secret::new(7_u64));
/// ```
///
/// ```compile_fail,E0277
/// format!("{:?}", contracts::Secret::new(7_u64));
/// ```
///
/// ```compile_fail,E0599
/// let _copy = contracts::Secret::new(7_u64).clone();
/// ```
///
/// Paper: Section II-A, "Some of the local parameters or local returns may be secrets".
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Keeps `value` secret.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. From here on the caller answers for it.
    #[must_use]
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value, which is secret no more.
    #[must_use]
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl Secret<()> {
    /// What a procedure without secrets takes and returns.
    pub const NONE: Self = Self(());
}

/// `p`: a procedure of a contract.
///
/// Paper: Section II-A, Equation 1.
pub trait Procedure: Sized {
    /// The name by which the checker of the contract knows the procedure.
    const NAME: &'static str;

    /// `lpar`.
    type LocalParameters: Serialize;
    /// `spar`, randomness included.
    type SecretParameters;
    /// `lret`.
    type LocalReturns: Serialize;
    /// `sret`.
    type SecretReturns;
    /// Why the procedure cannot be run with some arguments.
    type Error;

    /// `c`: the contract.
    fn contract(&self) -> ContractId;

    /// Computes the right side of Equation 1 from the left side. What it calls itself, it calls
    /// through `calls`; those calls become its dependencies.
    ///
    /// # Errors
    ///
    /// The procedure's own.
    fn run(
        &self,
        arguments: &Arguments<Self>,
        calls: &mut Calls,
    ) -> Result<Returned<Self>, Self::Error>;
}

/// What a procedure is given: the left side of Equation 1.
pub struct Arguments<P: Procedure> {
    /// `w`: the objects to consume.
    pub inputs: Vec<Object>,
    /// `r`: the objects to read.
    pub references: Vec<Object>,
    /// `lpar`.
    pub local_parameters: P::LocalParameters,
    /// `spar`.
    pub secret_parameters: Secret<P::SecretParameters>,
}

/// What a procedure comes to: the right side of Equation 1.
pub struct Returned<P: Procedure> {
    /// `x`: the objects to create.
    pub outputs: Vec<Output>,
    /// `lret`.
    pub local_returns: P::LocalReturns,
    /// `sret`.
    pub secret_returns: Secret<P::SecretReturns>,
}
