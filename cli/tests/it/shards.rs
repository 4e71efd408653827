//! Shards as a user sees them: founding them in both ways, looking at them, moving to another one, and
//! excluding a node that lied.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use consensus::Signer as _;
use model::statement::Scope;
use model::{
    Epoch, Genesis, Hash, Head, Height, Lie, Malpractice, ShardId, Time, encoding, merkle,
};
use node::signer::MemberKey;
use serde_json::Value;

use crate::support::{Network, Ran, folder, run};

/// The network that the tests of this file share.
static NETWORK: LazyLock<Network> = LazyLock::new(Network::start_across);

#[track_caller]
fn refused(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, code, "{ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "{word}: {ran:?}");
    }
}

/// A file with the text that a command writes.
#[track_caller]
fn paper(directory: &Path, file: &str, arguments: &[&str]) -> String {
    let ran = run(directory, arguments);
    assert_eq!(ran.code, 0, "{ran:?}");
    let path = directory.join(file);
    fs::write(&path, ran.stdout).expect("it can be written");
    text(&path)
}

fn text(path: &Path) -> String {
    path.to_str().expect("the path is text").to_owned()
}

/// The configuration of a node of the network.
fn config(node: &str) -> String {
    text(&NETWORK.root().join(format!("nodes/{node}/config.toml")))
}

fn genesis() -> String {
    text(&NETWORK.root().join("genesis"))
}

/// Makes four new nodes that never run, and returns their configurations.
fn new_nodes(directory: &Path) -> Vec<String> {
    let init = |number: usize| {
        let (name, listen) = (
            format!("new{number}"),
            format!("/ip4/127.0.0.1/tcp/{}", 40_100 + number),
        );
        let network = genesis();
        let ran = run(
            directory,
            &[
                "node",
                "init",
                &name,
                "--network",
                &network,
                "--name",
                &name,
                "--listen",
                &listen,
            ],
        );
        assert_eq!(ran.code, 0, "{ran:?}");
        text(&directory.join(ran.stdout.trim()))
    };
    (0..4).map(init).collect()
}

fn descriptors(directory: &Path, configs: &[String]) -> Vec<String> {
    let describe = |(number, config): (usize, &String)| {
        let file = format!("{number}.csd");
        paper(
            directory,
            &file,
            &["node", "descriptor", "--config", config],
        )
    };
    configs.iter().enumerate().map(describe).collect()
}

/// Runs a command of the network with files before the rest of its arguments.
fn with(command: &[&str], files: &[String], rest: &[&str]) -> Ran {
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    NETWORK.run(&[command, &files, rest, &["--json"]].concat())
}

fn names(shard: &Value) -> Vec<String> {
    let seats = shard["seats"].as_array().expect("seats");
    let names = seats
        .iter()
        .map(|seat| seat["name"].as_str().expect("a name"));
    names.map(str::to_owned).collect()
}

#[test]
fn shards_are_founded_over_the_network_and_by_hand() {
    let elsewhere = folder();
    let here = elsewhere.path();

    // Over the network: nodes that run, whose operator has allowed everything.
    let configs: Vec<String> = ["n0", "n1", "n4", "n5"].map(config).to_vec();
    let running = descriptors(here, &configs);
    let price = ["--price", "0.001CSC", "--from", "alice"];
    let founded = with(&["shard", "create"], &running, &price).data(0);
    assert_eq!(founded["outcome"], "committed");
    let first = founded["founded"].as_u64().expect("a number");
    let shown = NETWORK.json(0, &["shard", "show", &first.to_string()]);
    assert_eq!(names(&shown), ["n0", "n1", "n4", "n5"]);
    assert_eq!(shown["price"], "1000000");
    assert_eq!(shown["source"], "transaction");
    let address = shown["seats"][0]["addresses"][0]
        .as_str()
        .expect("an address");
    assert!(address.starts_with("/ip4/127.0.0.1/tcp/"), "{address}");

    // By hand: nodes that have never run.
    let there = folder();
    let here = there.path();
    let configs = new_nodes(here);
    let described = descriptors(here, &configs);
    let propose = |file: &str| {
        let out = text(&here.join(file));
        let proposed = with(&["shard", "propose"], &described, &["--out", &out]);
        let proposed = proposed.data(0);
        assert_eq!(proposed["shard"], first + 1);
        out
    };
    let proposal = propose("new.csp");
    let agree = |(number, config): (usize, &String)| {
        let arguments = ["node", "consent", &proposal, "--config", config];
        paper(here, &format!("{number}.csc"), &arguments)
    };
    let consents: Vec<String> = configs.iter().enumerate().map(agree).collect();

    // The nodes do not run, so nobody can ask them.
    let from = ["--from", "bob"];
    let asked = with(&["shard", "create"], &described, &from);
    assert_eq!(asked.code, 10, "{asked:?}");
    let message = asked.envelope()["errors"][0]["message"].to_string();
    assert!(message.contains("new0 cannot be reached"), "{message}");

    let missing = [std::slice::from_ref(&proposal), &consents[1..]].concat();
    let missing = with(&["shard", "create"], &missing, &from);
    assert_eq!(missing.code, 10, "{missing:?}");
    assert!(
        missing.stdout.contains("new0 has not agreed"),
        "{missing:?}"
    );

    let all = [&[proposal], &consents[..]].concat();
    let founded = with(&["shard", "create"], &all, &from).data(0);
    assert_eq!(founded["founded"], first + 1);
    let shown = NETWORK.json(0, &["shard", "show", &(first + 1).to_string()]);
    assert_eq!(names(&shown), ["new0", "new1", "new2", "new3"]);

    // The number is taken now, and the consents were to that number.
    let again = with(&["shard", "create"], &all, &from);
    assert_eq!(again.code, 10, "{again:?}");
    assert!(
        again.stdout.contains("agreed to something else"),
        "{again:?}"
    );

    let listed = NETWORK.json(0, &["shard", "list"]);
    let numbers = listed["shards"].as_array().expect("shards").iter();
    let numbers: Vec<u64> = numbers
        .filter_map(|shard| shard["shard"].as_u64())
        .collect();
    assert_eq!(numbers, [0, 1, first, first + 1]);
    assert_eq!(listed["next"], first + 2);
    let shown = NETWORK.run(&[
        "tx",
        "show",
        founded["transaction"].as_str().expect("an id"),
    ]);
    assert_eq!(shown.code, 0, "{shown:?}");
}

#[test]
fn the_first_shards_are_shown_with_how_that_was_checked() {
    let ran = NETWORK.run(&["shard", "show", "0"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for words in [
        "seat 0",
        "n0  lcsnode1",
        "in the genesis document, listed alike by",
    ] {
        assert!(ran.stdout.contains(words), "{words}: {ran:?}");
    }
    let ran = NETWORK.run(&["shard", "list"]);
    assert!(ran.stdout.contains("n0 n1 n2 n3"), "{ran:?}");
    refused(&NETWORK.run(&["shard", "show", "99"]), 2, &["no shard 99"]);
}

#[test]
fn descriptors_that_cannot_form_a_shard_are_refused_and_nothing_is_sent() {
    let elsewhere = folder();
    let here = elsewhere.path();
    let configs = new_nodes(here);
    let good = descriptors(here, &configs);
    let create = |files: &[String]| {
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let arguments = [&["shard", "create"], &files[..], &["--from", "carol"]].concat();
        NETWORK.run(&arguments)
    };
    refused(
        &create(&good[..3]),
        2,
        &["4 to 100 nodes", "nothing has been sent"],
    );
    let five = [&good[..], &good[..1]].concat();
    refused(&create(&five), 2, &["twice"]);
    let repeated = [&good[..3], &good[..1]].concat();
    refused(&create(&repeated), 2, &["twice"]);

    let broken = here.join("broken.csd");
    let whole = fs::read_to_string(&good[0]).expect("it is there");
    fs::write(&broken, whole.replacen("csd1", "csd1f", 1)).expect("it can be written");
    let with_broken = [&[text(&broken)], &good[1..]].concat();
    refused(&create(&with_broken), 20, &["broken.csd is damaged"]);
    let no_paper = [&[config("n0")], &good[1..]].concat();
    refused(
        &create(&no_paper),
        2,
        &["config.toml is no descriptor of a node: it is a configuration"],
    );

    // What another node signed.
    let mut forged: model::SignedDescriptor =
        client::paper::read(Path::new(&good[0])).expect("it is whole");
    forged.descriptor.name = "mallory".to_owned();
    fs::write(&broken, client::paper::to_text(&forged)).expect("it can be written");
    refused(
        &create(&with_broken),
        20,
        &["broken.csd: it is not signed by node"],
    );

    // What is meant for another network.
    let mut other = Genesis::from_bytes(&fs::read(genesis()).expect("it is there")).expect("whole");
    other.name.push('x');
    let foreign = here.join("other.bin");
    fs::write(&foreign, other.to_bytes()).expect("it can be written");
    let ran = run(
        here,
        &["node", "init", "other", "--network", &text(&foreign)],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let config = text(&here.join("other/node.toml"));
    let described = paper(
        here,
        "other.csd",
        &["node", "descriptor", "--config", &config],
    );
    let with_foreign = [&[described], &good[1..]].concat();
    refused(&create(&with_foreign), 14, &["it is for network"]);
}

#[test]
fn a_node_of_a_public_network_gives_an_address_that_others_can_reach() {
    let elsewhere = folder();
    let here = elsewhere.path();
    let mut public =
        Genesis::from_bytes(&fs::read(genesis()).expect("it is there")).expect("whole");
    public.name = "testnet-7".to_owned();
    fs::write(here.join("public.bin"), public.to_bytes()).expect("it can be written");
    let init = |folder: &str, flags: &[&str]| {
        let begin = ["node", "init", folder, "--network", "public.bin"];
        run(here, &[&begin, flags].concat())
    };
    let private = ["--external-addr", "/ip4/192.168.1.7/tcp/4700"];
    let hidden = ["nodes elsewhere cannot reach", "a public test network"];
    refused(&init("a", &private), 2, &hidden);
    assert!(!here.join("a").exists(), "nothing is made");
    refused(&init("a", &["--external-addr", "here"]), 2, &["/ip4"]);
    refused(&init("a", &["--name", " "]), 2, &["printable"]);

    assert_eq!(
        init("b", &["--listen", "/ip4/192.168.1.7/tcp/4700"]).code,
        0
    );
    let describe = |folder: &str| {
        let config = format!("{folder}/node.toml");
        run(here, &["node", "descriptor", "--config", &config])
    };
    refused(&describe("b"), 2, &hidden);
    assert_eq!(
        init("c", &["--external-addr", "/dns/c.example.org/tcp/4700"]).code,
        0
    );
    assert_eq!(describe("c").code, 0);
    assert_eq!(init("d", &[]).code, 0);
    let unknown = describe("d");
    refused(
        &unknown,
        0,
        &["nobody is told where the node can be reached"],
    );

    // A node is never made over another one.
    let config = here.join("c/node.toml");
    let (before, keys) = (fs::read(&config), fs::read(here.join("c/member.key")));
    refused(&init("c", &[]), 2, &["there is a node in c already"]);
    assert_eq!(fs::read(&config).expect("there"), before.expect("there"));
    assert_eq!(
        fs::read(here.join("c/member.key")).expect("there"),
        keys.expect("there")
    );
}

#[test]
fn an_account_moves_to_another_shard_and_back() {
    let homes = || -> Vec<u64> {
        let shown = NETWORK.json(0, &["account", "show", "heidi"]);
        let objects = shown["objects"].as_array().expect("objects");
        objects
            .iter()
            .filter_map(|object| object["shard"].as_u64())
            .collect()
    };
    let before = NETWORK.balance("heidi");
    let [home] = homes()[..] else {
        panic!("heidi begins with one account");
    };
    for to in [1 - home, home] {
        let moved = NETWORK.json(0, &["account", "move", "heidi", "--shard", &to.to_string()]);
        assert_eq!(
            (&moved["outcome"], &moved["shard"]),
            (&"committed".into(), &to.into())
        );
        assert_eq!((homes(), NETWORK.balance("heidi")), (vec![to], before));
    }
    let home = home.to_string();
    let nothing = NETWORK.run(&["account", "move", "heidi", "--shard", &home]);
    refused(&nothing, 2, &["there is nothing to move"]);
    let nowhere = NETWORK.run(&["account", "move", "heidi", "--shard", "15"]);
    refused(&nowhere, 2, &["no shard 15"]);
}

#[test]
fn a_shard_goes_on_with_other_terms_and_the_same_command_again_finds_it_done() {
    let network = Network::start_across();
    let update = |nodes: &[&str], rest: &[&str]| {
        let arguments = [&["shard", "update", "1"], nodes, rest, &["--from", "alice"]].concat();
        network.run(&arguments)
    };
    let all = ["n5", "n4", "n6", "n7"];
    let price = ["--price", "0.002CSC"];
    refused(&update(&["n4", "n5", "n6"], &[]), 2, &["4 to 100 nodes"]);
    refused(&update(&["n4", "n5", "n6", "n6"], &[]), 2, &["twice"]);
    refused(
        &update(&["n4", "n5", "n6", "n0"], &[]),
        2,
        &["`n0` is no file", "n4, n5, n6, n7"],
    );
    refused(&update(&all, &["--price", "-1"]), 2, &[]);

    let changed = update(&all, &[&price[..], &["--json"]].concat()).data(0);
    assert_eq!(
        (&changed["epoch"], &changed["changed"]),
        (&1.into(), &true.into())
    );
    let members = changed["members"].as_array().expect("members");
    assert!(
        members.iter().all(|member| member["approves"] == true),
        "{members:?}"
    );
    let again = update(&all, &[&price[..], &["--json"]].concat()).data(0);
    assert_eq!(
        (&again["epoch"], &again["changed"]),
        (&1.into(), &false.into())
    );

    let shown = network.json(0, &["shard", "show", "1"]);
    assert_eq!(names(&shown), all);
    assert_eq!(
        (&shown["epoch"], &shown["price"]),
        (&1.into(), &"2000000".into())
    );
    let paid = network.json(0, &["send", "1", "bob", "--from", "alice", "--shard", "1"]);
    assert_eq!(paid["outcome"], "committed");
}

/// Two heads at one height, signed by a node of shard 1 with its own key.
fn two_heads(node: &str) -> Malpractice {
    let document = Genesis::from_bytes(&fs::read(genesis()).expect("it is there")).expect("whole");
    let path: PathBuf = NETWORK.root().join(format!("nodes/{node}/member.key"));
    let key = MemberKey::load(&path).expect("it is there");
    let scope = Scope {
        network: document.network(),
        shard: ShardId::new(1),
        epoch: Epoch::ZERO,
    };
    let said = |block: u8| {
        let head = Head {
            scope,
            height: Height::new(1_000_000),
            previous: Hash::ZERO,
            block: Hash::from_bytes([block; 32]),
            time: Time::ZERO,
            results: merkle::root(&[]),
            outbox: merkle::root(&[]),
            state: None,
        };
        let statement = head.statement();
        (statement, key.sign(&statement.signing_bytes(&scope)))
    };
    Malpractice {
        node: key.node(),
        lie: Lie::Statements {
            scope,
            first: said(1),
            second: said(2),
        },
    }
}

#[test]
fn a_node_that_lied_loses_its_seat_and_evidence_that_proves_nothing_costs_none() {
    let elsewhere = folder();
    let here = elsewhere.path();
    let file = here.join("lie.bin");
    let path = text(&file);
    let mut evidence = two_heads("n7");
    let bytes = encoding::encode(&evidence);
    fs::write(&file, &bytes).expect("it can be written");
    let shown = run(here, &["evidence", "show", &path]);
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(shown.stdout.contains("at height 1000000"), "{shown:?}");

    let object = |shard: &str| {
        NETWORK.run(&[
            "shard",
            "object",
            shard,
            "--evidence",
            &path,
            "--from",
            "dave",
            "--json",
        ])
    };
    let seats = |shard: &str| -> Vec<bool> {
        let shown = NETWORK.json(0, &["shard", "show", shard]);
        let seats = shown["seats"].as_array().expect("seats");
        seats.iter().map(|seat| seat["vacated"] == true).collect()
    };
    assert_eq!(object("0").code, 2, "it is a member of another shard");

    let mut changed = bytes.clone();
    let last = changed.last_mut().expect("there are bytes");
    *last ^= 1;
    fs::write(&file, &changed).expect("it can be written");
    assert_eq!(object("1").code, 20, "a signature does not verify");
    assert_eq!(run(here, &["evidence", "show", &path]).code, 20);
    if let Lie::Statements { first, second, .. } = &mut evidence.lie {
        *second = *first;
    }
    fs::write(&file, encoding::encode(&evidence)).expect("it can be written");
    let harmless = object("1");
    assert_eq!(harmless.code, 20, "{harmless:?}");
    assert!(
        harmless.stdout.contains("does not conflict"),
        "{harmless:?}"
    );
    fs::write(&file, "a lie").expect("it can be written");
    assert_eq!(object("1").code, 20);
    assert_eq!(seats("1"), [false; 4]);

    fs::write(&file, &bytes).expect("it can be written");
    let objected = object("1").data(0);
    assert_eq!(objected["outcome"], "committed");
    assert_eq!(seats("1"), [false, false, false, true]);
    let again = object("1");
    assert_eq!(again.code, 2, "{again:?}");
    assert!(
        again.stdout.contains("has been excluded already"),
        "{again:?}"
    );
}
