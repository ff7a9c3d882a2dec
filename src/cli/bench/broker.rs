//! A broker for a benchmark: a process of its own on ports of its own, with data in a directory that goes with
//! it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::super::serve::parse_ready_line;

/// A directory that is removed in the end.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Below `parent`, which must exist.
    pub(super) fn new(parent: &Path) -> anyhow::Result<Scratch> {
        let path = parent.join(format!("highwater-bench-{}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Scratch { path: std::path::absolute(&path)? })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            eprintln!("could not remove {}: {error}", self.path.display());
        }
    }
}

/// A running broker. Dropping it kills it, which is fine for data that goes with it.
#[derive(Debug)]
pub(super) struct TestBroker {
    process: Child,
    address: String,
}

impl TestBroker {
    /// Starts this program as a broker with defaults, whatever this process's environment says.
    pub(super) async fn start(scratch: &Path) -> anyhow::Result<TestBroker> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["serve", "--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"])
            .args(["--log-level", "warn", "--data-dir"])
            .arg(scratch.join("data"))
            // Away from any configuration at the default path.
            .current_dir(scratch)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HIGHWATER_") {
                command.env_remove(name);
            }
        }
        let mut process = command.spawn().context("cannot start a broker")?;
        let output = process.stdout.take().context("the broker has no output")?;
        let line = BufReader::new(output).lines().next_line().await?.unwrap_or_default();
        let (grpc, _) = parse_ready_line(&line).context("the broker did not start")?;
        Ok(TestBroker { process, address: grpc.to_owned() })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Ends the process, and waits until it is gone.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        Ok(self.process.kill().await?)
    }
}
