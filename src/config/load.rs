//! Puts the configuration together from its four sources, and checks what concerns several keys at once.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Config;
use super::file::{self, unknown, unknown_key};
use super::keys::{self, Key};
use super::value::Scalar;

/// Where the file lies if nobody says otherwise. That it is missing there is no error.
pub const DEFAULT_PATH: &str = "config/highwater.yaml";

const VARIABLE_PREFIX: &str = "HIGHWATER_";

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The file.
    File(PathBuf),
    /// This environment variable.
    Environment(String),
    /// This flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(path) => write!(f, "{}", path.display()),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// A value given by a flag.
#[derive(Clone, Debug)]
pub struct FlagValue {
    /// The flag as it is typed, such as `--data-dir`.
    pub flag: &'static str,
    /// The key that it sets, such as `storage.data_dir`.
    pub key: &'static str,
    /// What was given.
    pub value: String,
}

/// What the configuration is put together from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file, if one was named; otherwise [`DEFAULT_PATH`], which may be missing.
    pub file: Option<PathBuf>,
    /// The environment; variables that do not begin with `HIGHWATER_` are not looked at.
    pub environment: Vec<(String, String)>,
    /// The flags.
    pub flags: Vec<FlagValue>,
}

impl Sources {
    /// The file (None: the one at the default path, if any), this process's environment, and the flags.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>, flags: Vec<FlagValue>) -> Sources {
        let environment = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect();
        Sources { file, environment, flags }
    }
}

/// A configuration, and where each of its values came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// Where each came from, in the order of [`keys::all`].
    pub origins: Vec<Origin>,
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
}

/// Why a configuration was refused.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something in the file is wrong.
    #[error("{}{}: {what}", path.display(), place(*line, *column))]
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1, where it is known.
        line: Option<usize>,
        /// The column, from 1, where it is known.
        column: Option<usize>,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// An environment variable is wrong.
    #[error("environment variable {name}: {what}")]
    Environment {
        /// The variable.
        name: String,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// A flag is wrong.
    #[error("{flag}: {what}")]
    Flag {
        /// The flag.
        flag: &'static str,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// Values that are right by themselves do not go together.
    #[error("{0}")]
    Conflict(String),
}

fn place(line: Option<usize>, column: Option<usize>) -> String {
    [line, column].into_iter().flatten().map(|number| format!(":{number}")).collect()
}

/// Puts the configuration together.
///
/// # Errors
/// Says what is wrong, where, and what would be right.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let keys = keys::all();
    let mut config = Config::default();
    let mut origins = vec![Origin::Default; keys.len()];

    let file = read(sources)?;
    if let Some((path, text)) = &file {
        let seen = file::apply(text, &keys, &mut config).map_err(|error| ConfigError::File {
            path: path.clone(),
            line: error.line,
            column: error.column,
            what: error.what,
        })?;
        mark(&keys, &mut origins, &seen, &Origin::File(path.clone()));
    }
    for (name, value) in &sources.environment {
        if let Some(key) = key_of_variable(&keys, name)? {
            set(key, &mut config, value)
                .map_err(|what| ConfigError::Environment { name: name.clone(), what })?;
            let origin = Origin::Environment(name.clone());
            mark(&keys, &mut origins, &BTreeSet::from([key.path()]), &origin);
        }
    }
    for flag in &sources.flags {
        let key = keys.iter().find(|key| key.path() == flag.key);
        let outcome = match key {
            Some(key) => set(key, &mut config, &flag.value),
            None => Err(format!("there is no key {}", flag.key)),
        };
        outcome.map_err(|what| ConfigError::Flag { flag: flag.flag, what })?;
        mark(&keys, &mut origins, &BTreeSet::from([flag.key.to_owned()]), &Origin::Flag(flag.flag));
    }

    let loaded = Loaded { config, origins, file: file.map(|(path, _)| path) };
    check_together(&keys, &loaded)?;
    Ok(loaded)
}

fn read(sources: &Sources) -> Result<Option<(PathBuf, String)>, ConfigError> {
    let path = sources.file.as_deref().unwrap_or(Path::new(DEFAULT_PATH));
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some((path.to_owned(), text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound && sources.file.is_none() => Ok(None),
        Err(source) => Err(ConfigError::Unreadable { path: path.to_owned(), source }),
    }
}

fn set(key: &Key, config: &mut Config, text: &str) -> Result<(), String> {
    key.set(config, &Scalar::from_text(text, &key.kind))
}

fn mark(keys: &[Key], origins: &mut [Origin], seen: &BTreeSet<String>, origin: &Origin) {
    for (key, slot) in keys.iter().zip(origins) {
        if seen.contains(&key.path()) {
            slot.clone_from(origin);
        }
    }
}

/// The key that a variable sets. None for variables that are not about the configuration; those that look as
/// if they were meant to be are refused.
fn key_of_variable<'k>(keys: &'k [Key], name: &str) -> Result<Option<&'k Key>, ConfigError> {
    let Some(rest) = name.strip_prefix(VARIABLE_PREFIX) else { return Ok(None) };
    if let Some(key) = keys.iter().find(|key| key.variable() == name) {
        return Ok(Some(key));
    }
    let error = |what| Err(ConfigError::Environment { name: name.to_owned(), what });
    let rest = rest.to_ascii_lowercase();
    match rest.split_once("__") {
        Some((section, found)) if keys.iter().any(|key| key.section == section) => {
            error(format!("{} (variables are HIGHWATER_SECTION__KEY)", unknown_key(keys, section, found)))
        }
        Some((section, _)) => error(unknown("section", section, &mut keys.iter().map(|key| key.section))),
        None => match keys.iter().find(|key| rest == format!("{}_{}", key.section, key.name)) {
            Some(key) => error(format!("did you mean {} (two underscores)?", key.variable())),
            None => Ok(None),
        },
    }
}

/// What can only be told from several keys.
fn check_together(keys: &[Key], loaded: &Loaded) -> Result<(), ConfigError> {
    let config = &loaded.config;
    let from = |path: &str| {
        let found = keys.iter().zip(&loaded.origins).find(|(key, _)| key.path() == path);
        found.map_or_else(String::new, |(_, origin)| format!(" ({origin})"))
    };
    let rising = [
        ("limits.max_record_bytes", config.limits.max_record_bytes),
        ("limits.max_batch_bytes", config.limits.max_batch_bytes),
        ("limits.max_partition_inflight_bytes", config.limits.max_partition_inflight_bytes),
        ("limits.max_inflight_bytes", config.limits.max_inflight_bytes),
    ];
    for ((low, low_value), (high, high_value)) in rising.into_iter().zip(rising.into_iter().skip(1)) {
        if low_value > high_value {
            return Err(ConfigError::Conflict(format!(
                "{low} is {low_value}{}, which must not be more than {high}, {high_value}{}",
                from(low),
                from(high)
            )));
        }
    }
    let listens = [
        ("server.grpc_listen", config.server.grpc_listen),
        ("server.http_listen", config.server.http_listen),
    ];
    for (path, address) in listens {
        if !address.ip().is_loopback() && !config.server.unsafe_allow_insecure_listen {
            return Err(ConfigError::Conflict(format!(
                "{path} is {address}{}: others could connect, and there is neither encryption nor \
                 authentication yet; listen on 127.0.0.1 or [::1], or set \
                 server.unsafe_allow_insecure_listen: true",
                from(path)
            )));
        }
    }
    Ok(())
}
