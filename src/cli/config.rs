//! `highwater config`: what the broker would run with, without running it.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Subcommand;

use super::exit::{Exit, WrongUsage};
use crate::config::{Loaded, Sources, load, to_yaml};

/// Check a configuration, or print the effective one.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Check the file and the environment as the broker would at its start.
    #[command(after_help = "Example:\n  highwater config check /etc/highwater.yaml")]
    Check {
        /// The file; by default config/highwater.yaml, which may be missing.
        file: Option<PathBuf>,
    },
    /// Print what the broker would run with, and where each value comes from.
    #[command(after_help = "Examples:
  highwater config print
  HIGHWATER_TOPICS__MAX_TOPICS=5 highwater config print /etc/highwater.yaml")]
    Print {
        /// The file; by default config/highwater.yaml, which may be missing.
        file: Option<PathBuf>,
    },
}

pub(super) fn run(command: &ConfigCommand) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    match command {
        ConfigCommand::Check { file } => {
            let loaded = of_process(file.clone())?;
            match loaded.file {
                Some(path) => writeln!(out, "{} is fine", path.display())?,
                None => writeln!(out, "no file; environment and defaults are fine")?,
            }
        }
        ConfigCommand::Print { file } => out.write_all(to_yaml(&of_process(file.clone())?).as_bytes())?,
    }
    Ok(Exit::Done)
}

fn of_process(file: Option<PathBuf>) -> anyhow::Result<Loaded> {
    Ok(load(&Sources::of_process(file, Vec::new())).map_err(|error| WrongUsage(error.to_string()))?)
}
