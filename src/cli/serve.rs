//! `highwater serve`: runs the broker until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::exit::{Exit, WrongUsage};
use crate::config::{FlagValue, Loaded, Sources, load};
use crate::telemetry;

/// Run the broker.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  highwater serve
  highwater serve --data-dir /var/lib/highwater --grpc-listen 127.0.0.1:50051
  highwater serve --config /etc/highwater.yaml

Once it serves, it prints one line: highwater ready grpc=ADDR http=ADDR. SIGTERM ends it with 0, after what was
accepted is synced; a second signal ends it at once, which loses nothing that was acknowledged.")]
pub(super) struct ServeArgs {
    /// The configuration; by default config/highwater.yaml, which may be missing.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where everything lies that the broker keeps.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Where gRPC listens; port 0: any free one.
    #[arg(long, value_name = "ADDR")]
    grpc_listen: Option<String>,
    /// Where HTTP listens; port 0: any free one.
    #[arg(long, value_name = "ADDR")]
    http_listen: Option<String>,
    /// How much the broker says: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
}

impl ServeArgs {
    fn load(&self) -> Result<Loaded, WrongUsage> {
        let given = [
            ("--data-dir", "storage.data_dir", &self.data_dir),
            ("--grpc-listen", "server.grpc_listen", &self.grpc_listen),
            ("--http-listen", "server.http_listen", &self.http_listen),
            ("--log-level", "logging.level", &self.log_level),
        ];
        let flags = given
            .into_iter()
            .filter_map(|(flag, key, value)| value.clone().map(|value| FlagValue { flag, key, value }));
        load(&Sources::of_process(self.config.clone(), flags.collect()))
            .map_err(|error| WrongUsage(error.to_string()))
    }
}

/// The line that a broker prints on standard output once it serves.
fn ready_line(grpc: SocketAddr, http: SocketAddr) -> String {
    format!("highwater ready grpc={grpc} http={http}")
}

/// The gRPC and the HTTP address in a [`ready_line`].
pub(super) fn parse_ready_line(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("highwater ready grpc=")?.split_once(" http=")
}

pub(super) fn run(args: &ServeArgs) -> anyhow::Result<Exit> {
    let loaded = args.load()?;
    telemetry::start(&loaded.config.logging);
    anyhow::bail!("not yet")
}
