//! Composition: what a checker may ask of `dep`, the calls that its own call made.
//!
//! A dependency stands inside exactly one trace, so what it did was done for that one caller: two
//! callers cannot both count one payment as theirs. For the same reason only direct dependencies
//! are found here. What a dependency called was done for the dependency.
//!
//! Paper: Section III, Smart contract composition: "The checker can ensure that the parameters and
//! return values are as expected, and those dependencies are checked for validity by Chainspace."

use model::{Call, ContractId, Refusal};

/// The call did not make a call that it must make.
pub const MISSING: Refusal = Refusal("a call that this one depends on is missing");

/// The call made a call more often than once, so it is not clear which one counts.
pub const REPEATED: Refusal = Refusal("a call that this one depends on is there more than once");

/// The call made calls, which its procedure does not.
pub const UNEXPECTED: Refusal = Refusal("the procedure calls no other, but there are dependencies");

/// The calls of `procedure` of `contract` that `call` made itself, in order.
pub fn dependencies<'c, 'a>(
    call: &'c Call<'a>,
    contract: ContractId,
    procedure: &'c str,
) -> impl Iterator<Item = &'c Call<'a>> {
    call.dependencies
        .iter()
        .filter(move |dependency| dependency.contract == contract)
        .filter(move |dependency| dependency.procedure == procedure)
}

/// The one call of `procedure` of `contract` that `call` made itself.
///
/// # Errors
///
/// [`MISSING`] or [`REPEATED`].
pub fn the_dependency<'c, 'a>(
    call: &'c Call<'a>,
    contract: ContractId,
    procedure: &'c str,
) -> Result<&'c Call<'a>, Refusal> {
    let mut found = dependencies(call, contract, procedure);
    let first = found.next().ok_or(MISSING)?;
    found.next().map_or(Ok(first), |_| Err(REPEATED))
}

/// Checks that `call` made no calls.
///
/// # Errors
///
/// [`UNEXPECTED`].
pub fn no_dependencies(call: &Call<'_>) -> Result<(), Refusal> {
    if call.dependencies.is_empty() {
        Ok(())
    } else {
        Err(UNEXPECTED)
    }
}
