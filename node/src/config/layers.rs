//! Putting a configuration together from all that may set a key, and remembering what did.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use figment2::error::Kind;
use figment2::util::nest;
use figment2::value::{Dict, Map, Value};
use figment2::{Figment, Metadata, Profile, Provider, Source};
use serde::Serialize;

use super::error::ConfigError;
use super::{Config, Defaults};

/// What the name of a variable that sets a key begins with: `CHAINSPACE__PACE__SKIP_MS` sets
/// `pace.skip_ms`. Its value is written as in the file, and text needs no quotes.
pub const VARIABLE_PREFIX: &str = "CHAINSPACE__";

/// What parts the names of tables and keys in the name of a variable.
const VARIABLE_SEPARATOR: &str = "__";

/// The origin of a value that nobody has set.
const DEFAULT: &str = "default";

/// All that may set a key. Each wins over those before it: the defaults, the file, the variables, the
/// flags.
///
/// Paths are relative to the file if they stand in the file, and to the current directory otherwise.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file.
    pub file: PathBuf,
    /// Variables of the environment whose names begin with [`VARIABLE_PREFIX`], with their values.
    pub variables: Vec<(String, String)>,
    /// Flags of the command line.
    pub flags: Vec<Flag>,
}

/// A flag of the command line that sets a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The flag, as the user knows it: `--http`.
    pub name: String,
    /// The key that it sets: `http`, `pace.skip_ms`.
    pub key: String,
    /// What it sets it to.
    pub value: Given,
}

/// The value of a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// A text.
    Text(String),
    /// A list of texts.
    Texts(Vec<String>),
    /// Anything, written as the value of a variable is.
    Written(String),
}

/// A configuration, and where its values come from.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    figment: Figment,
}

/// A key of a configuration.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// The key: `name`, `pace.skip_ms`.
    pub key: String,
    /// Its value. Paths are absolute or relative to the current directory.
    pub value: toml::Value,
    /// What set it: `default`, a file, a variable, or a flag.
    pub origin: String,
}

impl Sources {
    /// This file, and the variables of this process.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NotText`].
    pub fn of_process(file: &Path) -> Result<Self, ConfigError> {
        Ok(Self {
            file: file.to_owned(),
            variables: variables(env::vars_os())?,
            flags: Vec::new(),
        })
    }

    /// Reads the file and puts everything together.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names what set the key, and what would be right.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        let text = fs::read_to_string(&self.file).map_err(|reason| ConfigError::Read {
            file: self.file.display().to_string(),
            reason,
        })?;
        self.load_text(&text)
    }

    /// Puts everything together, the file being this text.
    pub(super) fn load_text(&self, text: &str) -> Result<Loaded, ConfigError> {
        let file = || self.file.display().to_string();
        let written: Dict = toml::from_str(text).map_err(|reason| ConfigError::Syntax {
            file: file(),
            reason,
        })?;
        let written = Layer {
            metadata: Metadata::from("file", self.file.as_path()),
            values: written,
        };
        let variables = self.variables.iter();
        let variables = variables.map(|(name, value)| Layer::one(name, &key_of(name), read(value)));
        let flags = self.flags.iter();
        let flags = flags.map(|flag| Layer::one(&flag.name, &flag.key, flag.value.read()));
        let layers = [defaults(), written]
            .into_iter()
            .chain(variables)
            .chain(flags);
        let layers: Vec<Layer> = layers.collect();
        // The strongest first: of lists, the library remembers where the first of them came from.
        let figment = layers.into_iter().rev().fold(Figment::new(), Figment::join);
        let config: Config = figment.extract().map_err(|error| self.explain(error))?;
        let loaded = Loaded { config, figment };
        match loaded.config.problem() {
            Some((key, problem)) => Err(loaded.refuse(key, problem)),
            None => Ok(loaded),
        }
    }

    /// What is wrong, in the words of the one who has to change it.
    fn explain(&self, error: figment2::Error) -> ConfigError {
        let file = self.file.display().to_string();
        let origin = error.metadata.as_ref().map_or_else(|| file.clone(), origin);
        let key = error.path.join(".");
        match error.kind {
            Kind::MissingField(name) => ConfigError::Missing {
                file,
                key: error
                    .path
                    .iter()
                    .map(|table| format!("{table}."))
                    .collect::<String>()
                    + &name,
            },
            Kind::UnknownField(_, known) => ConfigError::Unknown { origin, key, known },
            kind => ConfigError::Value {
                origin,
                key,
                problem: format!("cannot be used: {kind}"),
            },
        }
    }
}

impl Given {
    fn read(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Texts(texts) => Value::from(texts.clone()),
            Self::Written(text) => read(text),
        }
    }
}

impl Loaded {
    /// What set a key: `default`, a file, a variable, or a flag.
    #[must_use]
    pub fn origin(&self, key: &str) -> String {
        let metadata = self.figment.find_metadata(key);
        metadata.map_or_else(|| DEFAULT.to_owned(), origin)
    }

    /// All keys that are set, those of tables last.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Unwritable`].
    pub fn entries(&self) -> Result<Vec<Entry>, ConfigError> {
        let values = self.values()?;
        let mut entries = Vec::new();
        flatten("", values, &mut |key, value| {
            let origin = self.origin(&key);
            entries.push(Entry { key, value, origin });
        });
        Ok(entries)
    }

    /// The configuration as a file from which the same follows, whatever the current directory is if the
    /// paths are absolute.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Unwritable`].
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        toml::to_string(&self.values()?).map_err(ConfigError::Unwritable)
    }

    /// The configuration as a file can hold it: a number that no file can is refused here.
    fn values(&self) -> Result<toml::Value, ConfigError> {
        toml::Value::try_from(&self.config).map_err(ConfigError::Unwritable)
    }

    /// The value of a key cannot be used.
    #[must_use]
    pub fn refuse(&self, key: &str, problem: String) -> ConfigError {
        ConfigError::Value {
            origin: self.origin(key),
            key: key.to_owned(),
            problem,
        }
    }
}

/// Some keys, and what sets them.
struct Layer {
    metadata: Metadata,
    values: Dict,
}

impl Layer {
    /// One key.
    fn one(origin: &str, key: &str, value: Value) -> Self {
        let values = nest(key, value).into_dict();
        Self {
            metadata: Metadata::named("one key").source(origin.to_owned()),
            values: values.expect("what is under a key is in a table"),
        }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment2::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

fn defaults() -> Layer {
    let values = Value::serialize(Defaults::default()).map(Value::into_dict);
    Layer {
        metadata: Metadata::named(DEFAULT),
        values: values.ok().flatten().expect("a struct is a table"),
    }
}

fn origin(metadata: &Metadata) -> String {
    match &metadata.source {
        Some(Source::File(file)) => file.display().to_string(),
        Some(Source::Custom(variable_or_flag)) => variable_or_flag.clone(),
        _ => DEFAULT.to_owned(),
    }
}

/// The variables that set keys.
fn variables(
    all: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>, ConfigError> {
    let ours = all.filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        name.starts_with(VARIABLE_PREFIX).then_some((name, value))
    });
    ours.map(|(variable, value)| match value.into_string() {
        Ok(value) => Ok((variable, value)),
        Err(_) => Err(ConfigError::NotText { variable }),
    })
    .collect()
}

/// The key that a variable sets.
fn key_of(variable: &str) -> String {
    let key = variable.strip_prefix(VARIABLE_PREFIX).unwrap_or(variable);
    key.to_lowercase().replace(VARIABLE_SEPARATOR, ".")
}

/// A value as it is written in a file; what cannot be read as one is text.
fn read(text: &str) -> Value {
    text.parse().unwrap_or_else(|never| match never {})
}

/// Calls `visit` with the full name and the value of every key, those of tables last.
fn flatten(prefix: &str, value: toml::Value, visit: &mut impl FnMut(String, toml::Value)) {
    let toml::Value::Table(table) = value else {
        return visit(prefix.to_owned(), value);
    };
    let (tables, keys): (Vec<_>, Vec<_>) =
        table.into_iter().partition(|(_, value)| value.is_table());
    for (name, value) in keys.into_iter().chain(tables) {
        let dot = if prefix.is_empty() { "" } else { "." };
        flatten(&format!("{prefix}{dot}{name}"), value, visit);
    }
}
