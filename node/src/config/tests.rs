use std::path::{Path, PathBuf};

use consensus::bft::Pace;

use super::{Config, ConfigError, DEFAULT_FILTER, Flag, Given, Loaded, LogFormat, Sources};

const GOOD: &str = r#"
name = "alice"
directory = "data"
genesis = "/etc/chainspace/genesis.bin"
member_key = "member.key"
network_key = "network.key"
listen = ["/ip4/127.0.0.1/tcp/4700"]
"#;

const FILE: &str = "/srv/alice/node.toml";

fn sources() -> Sources {
    Sources {
        file: PathBuf::from(FILE),
        ..Sources::default()
    }
}

/// The file, with these variables.
fn with_variables(variables: &[(&str, &str)]) -> Sources {
    let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
    Sources {
        variables: variables.iter().map(owned).collect(),
        ..sources()
    }
}

/// The file, with a flag besides.
fn with_flag(name: &str, key: &str, value: Given) -> Sources {
    let flag = Flag {
        name: name.to_owned(),
        key: key.to_owned(),
        value,
    };
    Sources {
        flags: vec![flag],
        ..sources()
    }
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    sources().load_text(text).map(|loaded| loaded.config)
}

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    refused_by(&sources(), text, FILE, expected);
}

/// A refusal begins with what set the key, and names these.
#[track_caller]
fn refused_by(sources: &Sources, text: &str, origin: &str, expected: &[&str]) {
    let error = sources.load_text(text).expect_err("it makes no sense");
    let error = error.to_string();
    assert!(error.starts_with(&format!("{origin}: ")), "{error}");
    for part in expected {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
}

#[track_caller]
fn origin(loaded: &Loaded, key: &str, expected: &str) {
    assert_eq!(loaded.origin(key), expected, "{key}");
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
    assert_eq!(config.http, None, "no port unless it is asked for");
    assert_eq!(config.log.format, LogFormat::Auto);
    assert_eq!(config.pace, Pace::default());
}

#[test]
fn paths_of_variables_and_flags_are_relative_to_the_current_directory() {
    let variable = with_variables(&[("CHAINSPACE__GENESIS", "here.bin")]);
    let config = variable.load_text(GOOD).unwrap().config;
    assert_eq!(config.genesis, PathBuf::from("here.bin"));
    let flag = with_flag("--set", "directory", Given::Written("there".into()));
    let config = flag.load_text(GOOD).unwrap().config;
    assert_eq!(config.directory, PathBuf::from("there"));
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
fn the_later_of_default_file_variable_and_flag_wins_for_each_kind_of_key() {
    struct Case {
        key: &'static str,
        /// The file without the key, and with it.
        without: String,
        with: String,
        variable: (&'static str, &'static str),
        flag: Given,
        value: fn(&Config) -> String,
        /// What it is by default, in the file, by the variable, and by the flag.
        values: [&'static str; 4],
    }
    let plus = |line: &str| format!("{GOOD}\n{line}\n");
    let text = |text: &str| Given::Text(text.to_owned());
    let written = |text: &str| Given::Written(text.to_owned());
    let cases = [
        Case {
            key: "log.filter",
            without: GOOD.to_owned(),
            with: plus("[log]\nfilter = \"warn\""),
            variable: ("CHAINSPACE__LOG__FILTER", "info,net=debug"),
            flag: text("error"),
            value: |config| config.log.filter.clone(),
            values: [DEFAULT_FILTER, "warn", "info,net=debug", "error"],
        },
        Case {
            key: "block_entries_max",
            without: GOOD.to_owned(),
            with: plus("block_entries_max = 10"),
            variable: ("CHAINSPACE__BLOCK_ENTRIES_MAX", "20"),
            flag: written("30"),
            value: |config| config.block_entries_max.to_string(),
            values: ["1000", "10", "20", "30"],
        },
        Case {
            key: "replayed_blocks_max",
            without: GOOD.to_owned(),
            with: plus("replayed_blocks_max = 0"),
            variable: ("CHAINSPACE__REPLAYED_BLOCKS_MAX", "20"),
            flag: written("18446744073709551615"),
            value: |config| config.replayed_blocks_max.to_string(),
            values: ["10000", "0", "20", "18446744073709551615"],
        },
        Case {
            key: "http_public",
            without: GOOD.to_owned(),
            with: plus("http_public = true"),
            variable: ("CHAINSPACE__HTTP_PUBLIC", "false"),
            flag: written("true"),
            value: |config| config.http_public.to_string(),
            values: ["false", "true", "false", "true"],
        },
        Case {
            key: "exempt_loopback",
            without: GOOD.to_owned(),
            with: plus("exempt_loopback = true"),
            variable: ("CHAINSPACE__EXEMPT_LOOPBACK", "false"),
            flag: written("true"),
            value: |config| config.exempt_loopback.to_string(),
            values: ["false", "true", "false", "true"],
        },
        Case {
            key: "memory_mib",
            without: GOOD.to_owned(),
            with: plus("memory_mib = 256"),
            variable: ("CHAINSPACE__MEMORY_MIB", "512"),
            flag: written("1024"),
            value: |config| format!("{:?}", config.memory_mib),
            values: ["None", "Some(256)", "Some(512)", "Some(1024)"],
        },
        Case {
            key: "bootnodes",
            without: GOOD.to_owned(),
            with: plus("bootnodes = [\"a\", \"b\"]"),
            variable: ("CHAINSPACE__BOOTNODES", "[\"c\"]"),
            flag: Given::Texts(vec!["d".into(), "e".into()]),
            value: |config| config.bootnodes.join(" "),
            values: ["", "a b", "c", "d e"],
        },
        Case {
            key: "announce_private",
            without: GOOD.to_owned(),
            with: plus("announce_private = \"yes\""),
            variable: ("CHAINSPACE__ANNOUNCE_PRIVATE", "no"),
            flag: text("auto"),
            value: |config| format!("{:?}", config.announce_private),
            values: ["Auto", "Yes", "No", "Auto"],
        },
        Case {
            key: "approves",
            without: GOOD.to_owned(),
            with: plus("approves = [\"any\"]"),
            variable: ("CHAINSPACE__APPROVES", "[]"),
            flag: Given::Texts(vec!["any".into()]),
            value: |config| config.approves.join(" "),
            values: ["", "any", "", "any"],
        },
        Case {
            key: "pace.skip_ms",
            without: GOOD.to_owned(),
            with: plus("[pace]\nskip_ms = 1"),
            variable: ("CHAINSPACE__PACE__SKIP_MS", "2"),
            flag: written("3"),
            value: |config| config.pace.skip_ms.to_string(),
            values: ["400", "1", "2", "3"],
        },
        Case {
            key: "log.format",
            without: GOOD.to_owned(),
            with: plus("[log]\nformat = \"pretty\""),
            variable: ("CHAINSPACE__LOG__FORMAT", "json"),
            flag: text("auto"),
            value: |config| format!("{:?}", config.log.format),
            values: ["Auto", "Pretty", "Json", "Auto"],
        },
    ];
    for case in cases {
        let (name, value) = case.variable;
        let variable = vec![(name.to_owned(), value.to_owned())];
        let flag = with_flag("--the-flag", case.key, case.flag).flags;
        let layers = [
            (&case.without, vec![], vec![], "default"),
            (&case.with, vec![], vec![], FILE),
            (&case.with, variable.clone(), vec![], name),
            (&case.with, variable, flag, "--the-flag"),
        ];
        for ((text, variables, flags, from), expected) in layers.into_iter().zip(case.values) {
            let sources = Sources {
                variables,
                flags,
                ..sources()
            };
            let loaded = sources.load_text(text).unwrap();
            assert_eq!(
                (case.value)(&loaded.config),
                expected,
                "{} {from}",
                case.key
            );
            origin(&loaded, case.key, from);
        }
    }
}

#[test]
fn a_variable_changes_one_key_of_a_table_and_no_other() {
    let text = format!("{GOOD}\n[pace]\nskip_ms = 900\n");
    let sources = with_variables(&[("CHAINSPACE__PACE__EMPTY_MS", "77")]);
    let loaded = sources.load_text(&text).unwrap();
    let expected = Pace {
        skip_ms: 900,
        empty_ms: 77,
        ..Pace::default()
    };
    assert_eq!(loaded.config.pace, expected);
    origin(&loaded, "pace.skip_ms", FILE);
    origin(&loaded, "pace.empty_ms", "CHAINSPACE__PACE__EMPTY_MS");
    origin(&loaded, "pace.heartbeat_ms", "default");
}

#[test]
fn what_is_wrong_is_named_with_what_would_be_right() {
    refused(
        &format!("{GOOD}\nlisen = []"),
        &["`lisen`", "expected one of", "listen"],
    );
    refused(
        &GOOD.replace("name = \"alice\"\n", ""),
        &["`name` is missing"],
    );
    refused(&GOOD.replace("\"alice\"", "7"), &["invalid type", "string"]);
    refused(&GOOD.replace("\"alice\"", "\"alice"), &["line 2, column"]);
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
    for key in ["consents", "approves"] {
        refused(
            &format!("{GOOD}\n{key} = [\"all\"]"),
            &[&format!("`{key}`"), "hashes", "any"],
        );
    }
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
        &["`pace.skp_ms`", "expected one of", "skip_ms"],
    );
    refused(
        &format!("{GOOD}\nhttp = \"here\""),
        &["`http`", "socket address"],
    );
    refused(
        &format!("{GOOD}\n[log]\nformat = \"xml\""),
        &["`log.format`", "pretty", "json"],
    );
}

#[test]
fn what_is_wrong_with_a_variable_or_a_flag_names_it() {
    let cases = [
        ("CHAINSPACE__LISEN", "x", "`lisen`"),
        ("CHAINSPACE__PACE__SKP_MS", "1", "`pace.skp_ms`"),
        ("CHAINSPACE__PACE__SKIP_MS", "soon", "`pace.skip_ms`"),
        ("CHAINSPACE__PACE", "1", "`pace`"),
        ("CHAINSPACE__PACE__SKIP_MS", "0", "`pace.skip_ms`"),
        ("CHAINSPACE__NAME", "", "`name`"),
    ];
    for (variable, value, key) in cases {
        let sources = with_variables(&[(variable, value)]);
        refused_by(&sources, GOOD, variable, &[key]);
        let flag = with_flag("--set", key.trim_matches('`'), Given::Written(value.into()));
        refused_by(&flag, GOOD, "--set", &[key]);
    }
}

#[test]
fn health_and_metrics_are_for_this_machine_unless_the_operator_says_otherwise() {
    for loopback in ["127.0.0.1:4780", "[::1]:4780"] {
        let config = parse(&format!("{GOOD}\nhttp = \"{loopback}\"")).unwrap();
        assert_eq!(
            config.http.map(|at| at.to_string()).as_deref(),
            Some(loopback)
        );
    }
    let open = format!("{GOOD}\nhttp = \"0.0.0.0:4780\"");
    refused(&open, &["`http`", "127.0.0.1:4780", "http_public"]);
    assert!(parse(&format!("{open}\nhttp_public = true")).is_ok());
}

#[test]
fn what_is_shown_is_a_file_from_which_the_same_follows() {
    let text = format!("{GOOD}\nhttp = \"127.0.0.1:1\"\nweather = \"w\"\n[pace]\nskip_ms = 9\n");
    let shown = sources().load_text(&text).unwrap();
    let again = Sources {
        file: PathBuf::from("/elsewhere/node.toml"),
        ..sources()
    };
    let again = again.load_text(&shown.to_toml().unwrap()).unwrap();
    assert_eq!(again.config, shown.config);
}

#[test]
fn what_toml_cannot_write_is_an_error_and_no_panic() {
    let sources = with_variables(&[("CHAINSPACE__PACE__SKIP_MAX_MS", &u64::MAX.to_string())]);
    let loaded = sources.load_text(GOOD).unwrap();
    assert!(matches!(loaded.to_toml(), Err(ConfigError::Unwritable(_))));
    assert!(matches!(loaded.entries(), Err(ConfigError::Unwritable(_))));
}

#[test]
fn every_key_is_listed_once_with_its_origin() {
    let sources = with_variables(&[("CHAINSPACE__HTTP", "127.0.0.1:1")]);
    let entries = sources.load_text(GOOD).unwrap().entries().unwrap();
    let listed: Vec<(&str, &str)> = entries
        .iter()
        .map(|entry| (entry.key.as_str(), entry.origin.as_str()))
        .collect();
    let expected = [
        ("name", FILE),
        ("directory", FILE),
        ("genesis", FILE),
        ("member_key", FILE),
        ("network_key", FILE),
        ("listen", FILE),
        ("bootnodes", "default"),
        ("external_addresses", "default"),
        ("announce_private", "default"),
        ("consents", "default"),
        ("approves", "default"),
        ("block_entries_max", "default"),
        ("replayed_blocks_max", "default"),
        ("exempt_loopback", "default"),
        ("http", "CHAINSPACE__HTTP"),
        ("http_public", "default"),
        ("log.filter", "default"),
        ("log.format", "default"),
        ("pace.skip_ms", "default"),
        ("pace.skip_max_ms", "default"),
        ("pace.empty_ms", "default"),
        ("pace.standstill_ms", "default"),
        ("pace.heartbeat_ms", "default"),
    ];
    assert_eq!(listed, expected);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/nowhere/node.toml")).expect_err("it is not there");
    assert!(error.to_string().contains("/nowhere/node.toml"));
}
