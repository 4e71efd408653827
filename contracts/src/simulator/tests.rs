//! Tests of the contract: what it makes and consumes, and what it refuses.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::genesis::GenesisShard;
use model::{
    Call, Genesis, Hash, NetworkId, Object, Profile, Refusal, SecretKey, ShardId, Time, TraceId,
    encoding,
};

use super::{
    CONSUME, CREATE, CannotRun, Consume, Create, Owned, Plain, contract, first_object, id, install,
    is_installed, refusal,
};
use crate::environment::builder::Calls;
use crate::environment::composition::UNEXPECTED;
use crate::environment::content::{Content, OTHER_TYPE, UNREADABLE};
use crate::environment::contract::Contract as _;
use crate::environment::procedure::{Arguments, Procedure, Secret};

const SHARD: ShardId = ShardId::new(0);
const NETWORK: NetworkId = NetworkId::from_bytes([1; 32]);

fn key(mark: u8) -> model::PublicKey {
    SecretKey::from_seed([mark; 32]).public()
}

fn object<C: Content>(index: u32, content: &C) -> Arc<Object> {
    let first = first_object(content, SHARD);
    Arc::new(Object {
        trace: TraceId::from_hash(Hash::ZERO),
        index,
        object_type: first.object_type,
        home: first.home,
        content: first.content,
    })
}

fn plain(index: u32) -> Arc<Object> {
    object(index, &Plain)
}

/// A call as the checker gets it.
struct Asked<'a> {
    procedure: &'a str,
    inputs: Vec<Arc<Object>>,
    outputs: Vec<Arc<Object>>,
    local_parameters: Vec<u8>,
    signers: BTreeSet<model::PublicKey>,
}

fn consume(inputs: Vec<Arc<Object>>) -> Asked<'static> {
    Asked {
        procedure: CONSUME,
        inputs,
        outputs: Vec::new(),
        local_parameters: encoding::encode(&()),
        signers: BTreeSet::new(),
    }
}

fn create(inputs: Vec<Arc<Object>>, outputs: Vec<Arc<Object>>, count: u32) -> Asked<'static> {
    Asked {
        procedure: CREATE,
        outputs,
        local_parameters: encoding::encode(&count),
        ..consume(inputs)
    }
}

#[track_caller]
fn check(asked: &Asked<'_>, expected: Result<(), Refusal>) {
    let returns = encoding::encode(&());
    let call = call(asked, &returns);
    assert_eq!(contract().check(&call), expected);
}

fn call<'a>(asked: &'a Asked<'a>, returns: &'a [u8]) -> Call<'a> {
    Call {
        network: NETWORK,
        contract: id(),
        procedure: asked.procedure,
        inputs: asked.inputs.clone(),
        references: Vec::new(),
        local_parameters: &asked.local_parameters,
        outputs: asked.outputs.clone(),
        local_returns: returns,
        dependencies: Vec::new(),
        signers: &asked.signers,
    }
}

#[test]
fn a_plain_object_holds_one_byte() {
    assert_eq!(plain(0).content.len(), 1);
}

#[test]
fn objects_come_of_one_plain_object_and_of_nothing_else() {
    check(&create(vec![plain(0)], vec![plain(1), plain(2)], 2), Ok(()));
    let out_of_nothing = create(Vec::new(), vec![plain(1)], 1);
    check(&out_of_nothing, Err(refusal::NOT_OF_ONE));
    let of_two = create(vec![plain(0), plain(1)], vec![plain(2)], 1);
    check(&of_two, Err(refusal::NOT_OF_ONE));
    let owned = object(0, &Owned { owner: key(1) });
    let of_owned = create(vec![Arc::clone(&owned)], vec![plain(1)], 1);
    check(&of_owned, Err(refusal::NOT_OF_ONE));
    for count in [0, 1, 3] {
        let other = create(vec![plain(0)], vec![plain(1), plain(2)], count);
        check(&other, Err(refusal::COUNT));
    }
    check(&create(vec![plain(0)], vec![], 0), Err(refusal::COUNT));
    check(&create(vec![plain(0)], vec![owned], 1), Err(OTHER_TYPE));
}

#[test]
fn consuming_creates_nothing_and_takes_the_signature_of_owners() {
    check(&consume(vec![plain(0), plain(1)]), Ok(()));
    check(&consume(Vec::new()), Err(refusal::NOTHING));
    let with_outputs = Asked {
        outputs: vec![plain(1)],
        ..consume(vec![plain(0)])
    };
    check(&with_outputs, Err(refusal::OUTPUTS));
    let owned = object(0, &Owned { owner: key(1) });
    let unsigned = consume(vec![plain(1), Arc::clone(&owned)]);
    check(&unsigned, Err(refusal::NOT_SIGNED));
    let by = |mark| Asked {
        signers: BTreeSet::from([key(mark)]),
        ..consume(vec![Arc::clone(&owned)])
    };
    check(&by(2), Err(refusal::NOT_SIGNED));
    check(&by(1), Ok(()));
}

#[test]
fn what_belongs_to_no_procedure_is_refused() {
    let other = Asked {
        procedure: "init",
        ..consume(vec![plain(0)])
    };
    check(&other, Err(refusal::PROCEDURE));
    let unreadable = Asked {
        local_parameters: vec![1, 2],
        ..consume(vec![plain(0)])
    };
    check(&unreadable, Err(UNREADABLE));

    let good = consume(vec![plain(0)]);
    let returns = encoding::encode(&());
    let reading = Call {
        references: vec![plain(1)],
        ..call(&good, &returns)
    };
    assert_eq!(contract().check(&reading), Err(refusal::REFERENCES));
    let calling = Call {
        dependencies: vec![call(&good, &returns)],
        ..call(&good, &returns)
    };
    assert_eq!(contract().check(&calling), Err(UNEXPECTED));
    assert_eq!(contract().check(&call(&good, &[])), Err(UNREADABLE));
}

fn run<P: Procedure<SecretParameters = ()>>(
    procedure: &P,
    inputs: &[Arc<Object>],
    local_parameters: P::LocalParameters,
) -> Result<Vec<Arc<Object>>, P::Error> {
    let arguments = Arguments {
        inputs: inputs.iter().map(|object| Object::clone(object)).collect(),
        references: Vec::new(),
        local_parameters,
        secret_parameters: Secret::NONE,
    };
    let called = Calls::new(NETWORK).call(procedure, arguments)?;
    Ok(called.outputs.into_iter().map(Arc::new).collect())
}

#[test]
fn the_checker_accepts_what_the_procedures_make_and_they_refuse_what_it_refuses() {
    let two = Create {
        homes: vec![SHARD, ShardId::new(1)],
    };
    let made = run(&two, &[plain(0)], 2).expect("one of which two are made");
    assert_eq!(made[1].home, ShardId::new(1));
    check(&create(vec![plain(0)], made, 2), Ok(()));
    assert_eq!(run(&two, &[], 2), Err(CannotRun::NotOnePlainObject));
    assert_eq!(run(&two, &[plain(0)], 3), Err(CannotRun::Nothing));
    assert_eq!(run(&Consume, &[plain(0)], ()), Ok(Vec::new()));
    assert_eq!(run(&Consume, &[], ()), Err(CannotRun::Nothing));
}

#[test]
fn a_network_knows_the_contract_if_its_genesis_document_maps_it() {
    let member = |index: u8| model::NodeDescriptor {
        name: format!("n{index}"),
        node: model::NodeId::new(key(index)),
        addresses: Vec::new(),
    };
    let mut genesis = Genesis {
        name: "measured".to_owned(),
        created: Time::from_ms(1),
        profile: Profile::Open,
        shards: vec![GenesisShard {
            shard: SHARD,
            members: (0..4).map(member).collect(),
        }],
        mappings: Vec::new(),
        objects: Vec::new(),
    };
    assert!(!is_installed(&genesis));
    install(&mut genesis, [first_object(&Plain, SHARD)]);
    install(&mut genesis, [first_object(&Plain, SHARD)]);
    assert!(is_installed(&genesis));
    assert_eq!(genesis.check(), Ok(()));
    assert_eq!((genesis.mappings.len(), genesis.objects.len()), (1, 2));
}
