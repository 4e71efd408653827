//! `chainspace doctor`: what keeps a node from running well, and what to do about it.
//!
//! Every check comes to one [`Finding`]. Nothing is changed: a node that runs goes on undisturbed.

mod finding;
mod machine;
mod network;

use std::path::{Path, PathBuf};

use clap::Args;
use node::config::{Loaded, Sources};
use serde_json::{Value, json};

use self::finding::{Finding, Level};
use self::network::Asker;
use crate::Common;
use crate::config::Flags;
use crate::exit::{Exit, Failure};
use crate::output::Done;
use crate::session::{find, runtime};

const EXAMPLES: &str = "Examples:
  chainspace doctor --config node.toml   check one node
  chainspace doctor                      check all nodes of the local network
  chainspace doctor --json";

/// Find out what keeps a node from running well, and what to do about it
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Doctor {
    /// The configuration of the node [default: those of the local network of this directory]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

/// What was found about one node.
struct Examined {
    config: PathBuf,
    findings: Vec<Finding>,
}

pub(crate) fn run(common: &Common, doctor: Doctor) -> Result<Done, Failure> {
    let examined = match doctor.config {
        Some(config) => {
            let mut sources = Sources::of_process(&config)?;
            sources.flags = doctor.flags.into_flags();
            vec![examine(&config, &sources)?]
        }
        None => examine_all(common)?,
    };
    report(&examined)
}

/// Examines the nodes of the local network.
fn examine_all(common: &Common) -> Result<Vec<Examined>, Failure> {
    let layout = find(common).map_err(|failure| {
        failure.hint("name the configuration of a node: chainspace doctor --config node.toml")
    })?;
    let configs = layout.configurations().into_iter();
    let examined = configs.map(|config| {
        // Variables are not for these nodes: they would set the same for all.
        let sources = Sources {
            file: config.clone(),
            ..Sources::default()
        };
        examine(&config, &sources)
    });
    examined.collect()
}

/// Examines one node.
fn examine(config: &Path, sources: &Sources) -> Result<Examined, Failure> {
    let findings = match sources.load() {
        Ok(loaded) => examine_loaded(&loaded)?,
        Err(error) => vec![Finding::problem(
            "configuration",
            error.to_string(),
            "correct it, and see what comes of it with `chainspace config show --origin`",
        )],
    };
    Ok(Examined {
        config: config.to_owned(),
        findings,
    })
}

fn examine_loaded(loaded: &Loaded) -> Result<Vec<Finding>, Failure> {
    let config = &loaded.config;
    let mut findings = vec![Finding::ok("configuration", "can be used")];
    let (member_key, node) = machine::member_key(config);
    let (genesis, network) = machine::genesis(config, node);
    findings.extend([member_key, machine::network_key(config), genesis]);
    findings.extend([machine::open_files(), machine::disk_space(config)]);
    findings.push(machine::disk_sync(config));
    let runtime = runtime()?;
    let asked = runtime.block_on(async {
        let asker = Asker::start(network)?;
        let found = asker.examine(config, node).await;
        asker.stop().await;
        Ok::<_, Failure>(found)
    })?;
    findings.extend(asked);
    Ok(findings)
}

fn report(examined: &[Examined]) -> Result<Done, Failure> {
    let count = |level| {
        let all = examined.iter().flat_map(|node| &node.findings);
        all.filter(|finding| finding.level == level).count()
    };
    let (problems, warnings) = (count(Level::Problem), count(Level::Warning));
    let mut lines = Vec::new();
    for node in examined {
        // Of many nodes, nobody wants to read that all is well with each.
        write(node, examined.len() == 1, &mut lines);
    }
    lines.push(format!(
        "{}, {}",
        many(problems, "problem"),
        many(warnings, "warning")
    ));
    let text = lines.join("\n");
    let data = json!({
        "problems": problems,
        "warnings": warnings,
        "nodes": examined.iter().map(describe).collect::<Vec<_>>(),
    });
    if problems == 0 {
        return Ok(Done { text, data });
    }
    let message = format!("{} to be solved", many(problems, "problem"));
    Err(Failure {
        text,
        data: Box::new(data),
        ..Failure::new(Exit::Failed, message)
    })
}

fn write(node: &Examined, all: bool, lines: &mut Vec<String>) {
    lines.push(node.config.display().to_string());
    for finding in &node.findings {
        if all || finding.level != Level::Ok {
            lines.push(finding.to_string());
        }
    }
}

fn describe(node: &Examined) -> Value {
    let checks = node.findings.iter().map(Finding::describe);
    json!({
        "config": node.config,
        "checks": checks.collect::<Vec<_>>(),
    })
}

fn many(count: usize, of: &str) -> String {
    match count {
        0 => format!("no {of}"),
        1 => format!("1 {of}"),
        _ => format!("{count} {of}s"),
    }
}
