//! An example of a contract that sells something for CSCoin: a booth with tickets.
//!
//! Its checker trusts no procedure. It finds the payment among the dependencies of the sale, which
//! Chainspace has checked, and relies on what CSCoin returned.

use contracts::{
    Arguments, Calls, Content, Contract, Procedure, Returned, Secret, composition, content,
};
use model::{Call, ContractId, Object, PublicKey, Refusal};
use serde::{Deserialize, Serialize};
use system_contracts::cscoin::{self, CannotRun, Flows, Payment, Transfer};

/// Where tickets are sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Booth {
    /// Who is paid.
    pub(crate) seller: PublicKey,
    /// What a ticket costs, in ncsc.
    pub(crate) price: u64,
    /// How many tickets are left.
    pub(crate) left: u32,
}

impl Booth {
    pub(crate) const fn example(seller: PublicKey) -> Self {
        Self {
            seller,
            price: 10,
            left: 3,
        }
    }
}

impl Content for Booth {
    const TYPE: &'static str = "Booth";
}

/// What is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ticket {
    pub(crate) holder: PublicKey,
}

impl Content for Ticket {
    const TYPE: &'static str = "Ticket";
}

pub(crate) fn id() -> ContractId {
    ContractId::system("Tickets")
}

/// Buys a ticket at the booth that is the input, for the holder in the local parameter.
pub(crate) struct Buy {
    /// What the buyer pays with.
    pub(crate) accounts: Vec<Object>,
    /// What the buyer pays: honestly the price, to the seller.
    pub(crate) payment: Payment,
}

impl Procedure for Buy {
    const NAME: &'static str = "buy";
    type LocalParameters = PublicKey;
    type SecretParameters = ();
    type LocalReturns = ();
    type SecretReturns = ();
    type Error = CannotRun;

    fn contract(&self) -> ContractId {
        id()
    }

    fn run(
        &self,
        arguments: &Arguments<Self>,
        calls: &mut Calls,
    ) -> Result<Returned<Self>, CannotRun> {
        calls.call(
            &Transfer::NEAR,
            Arguments {
                inputs: self.accounts.clone(),
                references: Vec::new(),
                local_parameters: vec![self.payment],
                secret_parameters: Secret::NONE,
            },
        )?;
        let input = &arguments.inputs[0];
        let booth = Booth::read(id(), input).expect("the test hands in a booth");
        let left = booth.left - 1;
        let holder = arguments.local_parameters;
        Ok(Returned {
            outputs: vec![
                Booth { left, ..booth }.output(input.home),
                Ticket { holder }.output(input.home),
            ],
            local_returns: (),
            secret_returns: Secret::NONE,
        })
    }
}

pub(crate) struct Tickets;

impl Contract for Tickets {
    fn id(&self) -> ContractId {
        id()
    }

    fn name(&self) -> &str {
        "Tickets"
    }

    fn types(&self) -> Vec<&str> {
        vec![Booth::TYPE, Ticket::TYPE]
    }

    fn check(&self, call: &Call<'_>) -> Result<(), Refusal> {
        let [input] = &*call.inputs else {
            return Err(Refusal("a sale is at one booth"));
        };
        let [booth_after, ticket] = &*call.outputs else {
            return Err(Refusal("a sale is of one ticket"));
        };
        let before = Booth::read(id(), input)?;
        let after = Booth::read(id(), booth_after)?;
        let ticket = Ticket::read(id(), ticket)?;
        let holder: PublicKey = content::local_parameters(call)?;
        let () = content::local_returns(call)?;

        let payment = composition::the_dependency(call, cscoin::id(), Transfer::NAME)?;
        let flows: Flows = content::local_returns(payment)?;
        if flows.credit(&before.seller) < before.price {
            return Err(Refusal("the seller is not paid the price"));
        }
        let sold = before
            .left
            .checked_sub(1)
            .map(|left| Booth { left, ..before });
        let possible =
            call.procedure == Buy::NAME && sold == Some(after) && ticket == Ticket { holder };
        possible
            .then_some(())
            .ok_or(Refusal("this is not how a ticket is sold"))
    }
}
