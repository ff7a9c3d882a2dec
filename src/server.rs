//! The broker as a process has it: storage, listeners, upkeep, and a stop in the right order.
//!
//! Start: bind both listeners (a port in use is known at once), answer HTTP, open the storage, answer gRPC.
//! Stop: accept nothing new, tell streams to go, let calls end, commit and close every partition, stop HTTP.

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use crate::broker::BrokerConfig;
pub use crate::grpc::GrpcConfig;

use crate::broker::{
    Broker, DirectoryError, FileStorage, FileStorageConfig, MemoryStorage, OpenError, TopicStorage,
};
use crate::disk::RealDisk;
use crate::grpc::{self, ServeError};
use crate::http::{self, Phase};
use crate::partition::{AppendBudget, PartitionRuntime, Pool};
use crate::types::{Clock, SystemClock};
/// An idle partition's last group is vouched for after this long: see `docs/design.md`.
const IDLE_VOUCH: Duration = Duration::from_millis(100);

/// HTTP's last answers, on the way out.
const HTTP_END_TIMEOUT: Duration = Duration::from_secs(1);

/// How many topics are opened at a time: enough to keep a disk busy.
const OPEN_THREADS: usize = 8;

/// Where topics are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In memory.
    Memory,
    /// In files.
    Files {
        /// The data directory.
        data_dir: PathBuf,
    },
}

/// What a server runs with.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where gRPC listens. Port 0: any that is free.
    pub grpc_listen: SocketAddr,
    /// Where HTTP listens. Port 0: any that is free.
    pub http_listen: SocketAddr,
    /// Allows listeners that others can reach, though there is neither encryption nor authentication.
    pub unsafe_allow_insecure_listen: bool,
    /// Where topics are kept.
    pub storage: Storage,
    /// What the broker runs with.
    pub broker: BrokerConfig,
    /// What the gRPC server runs with.
    pub grpc: GrpcConfig,
    /// Threads that write and sync.
    pub commit_threads: usize,
    /// Threads that read what is not in memory.
    pub read_threads: usize,
    /// How much may be under way to all partitions together, in bytes.
    pub inflight_bytes_max: usize,
    /// How much may be under way to one partition, in bytes.
    pub partition_inflight_bytes_max: usize,
    /// How much of its newest batches a partition keeps in memory for readers at its tail, in bytes.
    pub partition_tail_bytes_max: usize,
    /// How often partitions are looked after.
    pub upkeep_interval: Duration,
}

/// Why a server does not start, or ended before it was told to.
#[derive(Debug, Error)]
pub enum ServerError {
    /// A listener that others can reach was not allowed.
    #[error(
        "{address} can be reached from other machines, and there is neither encryption nor authentication \
        yet: listen on a loopback address, or set unsafe_allow_insecure_listen"
    )]
    InsecureListen {
        /// The address.
        address: SocketAddr,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address} for {protocol}: {source}")]
    Listen {
        /// What was to listen.
        protocol: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Threads(#[source] io::Error),
    /// The data directory cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The topics cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The gRPC server failed.
    #[error(transparent)]
    Grpc(#[from] ServeError),
    /// The server ended unexpectedly.
    #[error("the server ended unexpectedly")]
    Aborted,
}

/// A server that listens. Dropping it stops nothing: see [`Server::stop`].
#[derive(Debug)]
pub struct Server {
    grpc_address: SocketAddr,
    http_address: SocketAddr,
    stop: CancellationToken,
    phase: watch::Receiver<Phase>,
    task: JoinHandle<Result<(), ServerError>>,
}

impl Server {
    /// Binds the listeners, and starts opening the storage and serving.
    ///
    /// # Errors
    /// Of [`ServerError`], what is known at once: addresses. [`Server::ended`] tells the rest.
    pub async fn start(config: ServerConfig) -> Result<Server, ServerError> {
        let grpc_listener = bind(&config, "gRPC", config.grpc_listen).await?;
        let http_listener = bind(&config, "HTTP", config.http_listen).await?;
        let (grpc_address, http_address) =
            (local_address(&grpc_listener, &config)?, local_address(&http_listener, &config)?);
        let stop = CancellationToken::new();
        let (phase_sender, phase) = watch::channel(Phase::Starting { topics_begun: 0, topics_total: 0 });
        let task = tokio::spawn(run(config, grpc_listener, http_listener, phase_sender, stop.clone()));
        Ok(Server { grpc_address, http_address, stop, phase, task })
    }

    /// Where gRPC listens.
    #[must_use]
    pub const fn grpc_address(&self) -> SocketAddr {
        self.grpc_address
    }

    /// Where HTTP listens.
    #[must_use]
    pub const fn http_address(&self) -> SocketAddr {
        self.http_address
    }

    /// Waits until the server serves. False if it has ended without: [`Server::ended`] then says why.
    pub async fn ready(&mut self) -> bool {
        // The channel closes when the server has ended.
        let phase = self.phase.wait_for(|phase| !matches!(phase, Phase::Starting { .. })).await;
        phase.is_ok_and(|phase| matches!(*phase, Phase::Ready(_)))
    }

    /// Begins a graceful stop; stopping twice does no harm.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// A handle that begins a graceful stop.
    #[must_use]
    pub fn stopper(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Waits until the server has ended: everything acknowledged is synced, every partition closed.
    ///
    /// # Errors
    /// Why it ended before it was told to.
    pub async fn ended(self) -> Result<(), ServerError> {
        self.task.await.unwrap_or(Err(ServerError::Aborted))
    }
}

async fn bind(
    config: &ServerConfig,
    protocol: &'static str,
    address: SocketAddr,
) -> Result<TcpListener, ServerError> {
    if !address.ip().is_loopback() && !config.unsafe_allow_insecure_listen {
        return Err(ServerError::InsecureListen { address });
    }
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| ServerError::Listen { protocol, address, source })
}

fn local_address(listener: &TcpListener, config: &ServerConfig) -> Result<SocketAddr, ServerError> {
    let address = config.grpc_listen;
    listener.local_addr().map_err(|source| ServerError::Listen { protocol: "its own port", address, source })
}

/// The life of a server, with HTTP around it from the first moment to the last.
async fn run(
    config: ServerConfig,
    grpc_listener: TcpListener,
    http_listener: TcpListener,
    phase: watch::Sender<Phase>,
    stop: CancellationToken,
) -> Result<(), ServerError> {
    let http_end = CancellationToken::new();
    let http = tokio::spawn(http::serve(http_listener, phase.subscribe(), http_end.clone()));
    let phase = Arc::new(phase);
    let served = tokio::select! {
        opened = open(&config, Arc::clone(&phase)) => match opened {
            Ok(broker) => serve(config, broker, grpc_listener, &phase, stop).await,
            Err(error) => Err(error),
        },
        // Whatever is half open is left as it is: the next start opens it again.
        () = stop.cancelled() => Ok(()),
    };
    phase.send_replace(Phase::Stopping);
    http_end.cancel();
    match tokio::time::timeout(HTTP_END_TIMEOUT, http).await {
        Ok(Ok(Ok(()))) => {}
        failed => tracing::warn!(?failed, "HTTP did not end as it should"),
    }
    served
}

async fn open(config: &ServerConfig, phase: Arc<watch::Sender<Phase>>) -> Result<Arc<Broker>, ServerError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let pool = |name, threads| Pool::new(name, threads).map(Arc::new).map_err(ServerError::Threads);
    let runtime = PartitionRuntime {
        commit_pool: pool("commit", config.commit_threads)?,
        read_pool: pool("read", config.read_threads)?,
        budget: AppendBudget::new(config.inflight_bytes_max, config.partition_inflight_bytes_max),
        clock: Arc::clone(&clock),
        idle_vouch: IDLE_VOUCH,
        tail_bytes_max: config.partition_tail_bytes_max,
    };
    let storage: Arc<dyn TopicStorage> = match config.storage.clone() {
        Storage::Memory => Arc::new(MemoryStorage::new()),
        Storage::Files { data_dir } => {
            let log = config.broker.topic_defaults.log.clone();
            let storage_config = FileStorageConfig { log, open_threads: OPEN_THREADS };
            let open = move || FileStorage::open(Arc::new(RealDisk), &data_dir, storage_config, clock);
            Arc::new(tokio::task::spawn_blocking(open).await.map_err(|_panicked| ServerError::Aborted)??)
        }
    };
    let progress = move |topics_begun, topics_total| {
        phase.send_replace(Phase::Starting { topics_begun, topics_total });
    };
    Ok(Broker::open(config.broker.clone(), storage, runtime, progress).await?)
}

/// From ready to closed.
async fn serve(
    config: ServerConfig,
    broker: Arc<Broker>,
    listener: TcpListener,
    phase: &watch::Sender<Phase>,
    stop: CancellationToken,
) -> Result<(), ServerError> {
    phase.send_replace(Phase::Ready(Arc::clone(&broker)));
    let upkeep = tokio::spawn(look_after(Arc::clone(&broker), config.upkeep_interval));
    let serving = grpc::serve(listener, Arc::clone(&broker), config.grpc);
    tokio::pin!(serving);
    let served = tokio::select! {
        failed = &mut serving => failed,
        () = stop.cancelled() => {
            tracing::info!("stopping: no new requests are taken");
            phase.send_replace(Phase::Stopping);
            broker.begin_stop();
            serving.await
        }
    };
    broker.close().await;
    upkeep.abort();
    tracing::info!("stopped: everything acknowledged is on disk");
    Ok(served?)
}

async fn look_after(broker: Arc<Broker>, interval: Duration) {
    let stopping = broker.stopping();
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        broker.upkeep().await;
    }
}
