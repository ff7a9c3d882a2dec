//! `highwater serve`: runs the broker until it is told to stop.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::{Exit, WrongUsage};
use crate::config::{Config, FlagValue, Loaded, Sources, StorageKind, load};
use crate::disk::raise_open_files_limit;
use crate::server::{BrokerConfig, GrpcConfig, Server, ServerConfig, Storage};
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
    if let Err(error) = raise_open_files_limit() {
        tracing::warn!(%error, "the limit on open files stays as it is");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(serve(&loaded.config));
    // Nothing that is still running holds anything that was acknowledged.
    runtime.shutdown_background();
    outcome
}

async fn serve(config: &Config) -> anyhow::Result<Exit> {
    // From the first moment on: a signal during recovery ends the broker as well.
    let mut signals = Signals::new()?;
    let mut server = Server::start(server_config(config)).await?;
    let stopper = server.stopper();
    let watching = tokio::spawn(async move {
        let first = signals.next().await;
        stopper.cancel();
        tokio::spawn(async move {
            // What is acknowledged is synced: ending at once loses none of it.
            let second = signals.next().await;
            std::process::exit(second.code());
        });
        first
    });
    if server.ready().await {
        announce(&server);
    }
    server.ended().await?;
    // It has ended because it was told to.
    Ok(watching.await?)
}

/// Tells whoever started the broker where it is. That nobody listens is no reason not to serve.
fn announce(server: &Server) {
    let mut out = std::io::stdout().lock();
    let line = ready_line(server.grpc_address(), server.http_address());
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// What ends the broker.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// How the process is to end after the next signal.
    async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.terminate.recv() => Exit::Done,
            _ = self.interrupt.recv() => Exit::Interrupted,
        }
    }
}

fn server_config(config: &Config) -> ServerConfig {
    let storage = match config.storage.kind {
        StorageKind::Memory => Storage::Memory,
        StorageKind::File => Storage::Files { data_dir: config.storage.data_dir.clone() },
    };
    let broker = BrokerConfig {
        auto_create: config.topics.auto_create,
        default_partitions: config.topics.default_partitions,
        topics_max: config.topics.max_topics,
        topic_defaults: config.topic_defaults(),
        timestamp_ahead_ms_max: i64::try_from(config.limits.max_timestamp_ahead_ms).unwrap_or(i64::MAX),
    };
    let grpc = GrpcConfig {
        heartbeat: Duration::from_millis(config.limits.heartbeat_ms),
        connections_max: config.limits.max_connections,
        streams_per_connection_max: config.limits.max_streams_per_connection,
        drain_timeout: Duration::from_millis(config.server.drain_timeout_ms),
    };
    ServerConfig {
        grpc_listen: config.server.grpc_listen,
        http_listen: config.server.http_listen,
        unsafe_allow_insecure_listen: config.server.unsafe_allow_insecure_listen,
        storage,
        broker,
        grpc,
        commit_threads: config.storage.commit_threads,
        read_threads: config.storage.read_threads,
        inflight_bytes_max: config.limits.max_inflight_bytes,
        partition_inflight_bytes_max: config.limits.max_partition_inflight_bytes,
        partition_tail_bytes_max: config.limits.max_partition_tail_bytes,
        upkeep_interval: Duration::from_millis(config.retention.check_interval_ms),
    }
}
