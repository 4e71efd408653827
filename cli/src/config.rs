//! `chainspace config`: what a node would be started with, and what says so.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use node::Fatal;
use node::config::{ConfigError, Flag, Given, Loaded, Sources};
use serde_json::json;

use crate::exit::Failure;
use crate::output::Done;
use crate::table;

const EXAMPLES: &str = "Examples:
  chainspace config show --config node.toml
  chainspace config show --config node.toml --origin";

#[derive(Debug, Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Command {
    /// Show the configuration that a node would be started with, as a file
    #[command(before_help = EXAMPLES)]
    Show {
        #[command(flatten)]
        configuration: Configuration,
        /// Show where each value comes from: default, file, variable or flag
        #[arg(long)]
        origin: bool,
    },
}

/// The configuration of a node. Flags win over variables, variables over the file.
#[derive(Debug, Args)]
pub(crate) struct Configuration {
    /// The configuration of the node, a TOML file; variables such as CHAINSPACE__PACE__SKIP_MS win over it
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    flags: Flags,
}

/// The flags that set keys of the configuration.
#[derive(Debug, Default, Args)]
pub(crate) struct Flags {
    /// Listen here, once for each address
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,
    /// Keep connected with this node, once for each
    #[arg(long, value_name = "ADDR")]
    bootnode: Vec<String>,
    /// Serve health and metrics here
    #[arg(long, value_name = "IP:PORT")]
    http: Option<String>,
    /// Log this, such as info,net=debug
    #[arg(long, value_name = "FILTER")]
    log_filter: Option<String>,
    /// Log like this: auto, pretty or json
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Set any other key, with its value written as in the file; text needs no quotes
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    set: Vec<(String, String)>,
}

pub(crate) fn run(command: Command) -> Result<Done, Failure> {
    let Command::Show {
        configuration,
        origin,
    } = command;
    let loaded = configuration.load()?;
    let entries = loaded.entries()?;
    let text = if origin {
        let mut table = table::new(["KEY", "VALUE", "ORIGIN"], &[]);
        for entry in &entries {
            table.add_row([&entry.key, &entry.value.to_string(), &entry.origin]);
        }
        table.trim_fmt()
    } else {
        loaded.to_toml()?.trim_end().to_owned()
    };
    Ok(Done {
        text,
        data: json!({ "values": entries }),
    })
}

impl Configuration {
    /// Puts the configuration together.
    pub(crate) fn load(self) -> Result<Loaded, Failure> {
        let load = || {
            let mut sources = Sources::of_process(&self.config)?;
            sources.flags = self.flags.into_flags();
            sources.load()
        };
        load().map_err(Failure::from)
    }
}

impl Flags {
    /// Them, as the configuration takes them.
    pub(crate) fn into_flags(self) -> Vec<Flag> {
        let flag = |name: &str, key: &str, value| Flag {
            name: name.to_owned(),
            key: key.to_owned(),
            value,
        };
        let list = |name, key, values: Vec<String>| {
            (!values.is_empty()).then(|| flag(name, key, Given::Texts(values)))
        };
        let text = |name, key, value: Option<String>| Some(flag(name, key, Given::Text(value?)));
        let named = [
            list("--listen", "listen", self.listen),
            list("--bootnode", "bootnodes", self.bootnode),
            text("--http", "http", self.http),
            text("--log-filter", "log.filter", self.log_filter),
            text("--log-format", "log.format", self.log_format),
        ];
        let set = self.set.into_iter();
        let set = set.map(|(key, value)| flag("--set", &key, Given::Written(value)));
        named.into_iter().flatten().chain(set).collect()
    }
}

/// The parts of `KEY=VALUE`.
fn key_and_value(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(key, _)| !key.is_empty());
    let (key, value) = parts.ok_or("write KEY=VALUE, such as pace.skip_ms=900")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Fatal::from(error).into()
    }
}
