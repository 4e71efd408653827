use std::path::{Path, PathBuf};

use consensus::bft::Pace;

use super::{Config, ConfigError};

const GOOD: &str = r#"
name = "alice"
directory = "data"
genesis = "/etc/chainspace/genesis.bin"
member_key = "member.key"
network_key = "network.key"
listen = ["/ip4/127.0.0.1/tcp/4700"]
"#;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/srv/alice/node.toml"))
}

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let error = parse(text).expect_err("it makes no sense").to_string();
    assert!(error.starts_with("/srv/alice/node.toml: "), "{error}");
    for part in expected {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
}

#[test]
fn paths_are_relative_to_the_file() {
    let config = parse(GOOD).unwrap();
    assert_eq!(config.directory, PathBuf::from("/srv/alice/data"));
    assert_eq!(config.genesis, PathBuf::from("/etc/chainspace/genesis.bin"));
    assert_eq!(config.member_key, PathBuf::from("/srv/alice/member.key"));
    assert_eq!(config.bootnodes, Vec::<String>::new());
    assert_eq!(config.block_entries_max, 1_000);
    assert_eq!(config.weather, None, "no faults unless they are asked for");
    assert_eq!(config.pace, Pace::default());
}

#[test]
fn faults_on_purpose_are_a_file_beside_the_configuration() {
    let config = parse(&format!("{GOOD}\nweather = \"weather.toml\"\n")).unwrap();
    let expected = PathBuf::from("/srv/alice/weather.toml");
    assert_eq!(config.weather, Some(expected));
}

#[test]
fn time_outs_can_be_changed_one_by_one() {
    let config = parse(&format!("{GOOD}\n[pace]\nskip_ms = 900\n")).unwrap();
    let expected = Pace {
        skip_ms: 900,
        ..Pace::default()
    };
    assert_eq!(config.pace, expected);
}

#[test]
fn what_is_wrong_is_named_with_what_would_be_right() {
    refused(
        &format!("{GOOD}\nlisen = []"),
        &["lisen", "expected one of", "listen"],
    );
    refused(
        &GOOD.replace("name = \"alice\"\n", ""),
        &["missing field `name`"],
    );
    refused(&GOOD.replace("\"alice\"", "7"), &["invalid type", "string"]);
    refused(&GOOD.replace("alice", ""), &["`name`", "1 to 64"]);
    refused(
        &GOOD.replace("alice", &"a".repeat(65)),
        &["`name`", "1 to 64"],
    );
    for entries in [0, 1_001] {
        refused(
            &format!("{GOOD}\nblock_entries_max = {entries}"),
            &["`block_entries_max`", "1 to 1000"],
        );
    }
    refused(
        &format!("{GOOD}\nconsents = [\"all\"]"),
        &["`consents`", "hashes", "any"],
    );
    refused(
        &format!("{GOOD}\nexternal_addresses = [\"here\"]"),
        &["`external_addresses`", "/ip4"],
    );
    refused(
        &format!("{GOOD}\n[pace]\nskip_ms = 0"),
        &["`pace.skip_ms`", "more than 0"],
    );
    refused(
        &format!("{GOOD}\n[pace]\nskip_max_ms = 1"),
        &["`pace.skip_max_ms`", "at least"],
    );
    refused(
        &format!("{GOOD}\n[pace]\nskp_ms = 1"),
        &["skp_ms", "expected one of"],
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/nowhere/node.toml")).expect_err("it is not there");
    assert!(error.to_string().contains("/nowhere/node.toml"));
}
