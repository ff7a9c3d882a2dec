//! The broker's configuration: what can be set, where each value came from, and what is wrong with it.
//!
//! A value comes from the first of: a flag, an environment variable (`HIGHWATER_SECTION__KEY`), the YAML file,
//! the default. Nothing unknown or out of bounds is accepted from any of them; the error says where it stands
//! and what would be right. No key exists before it does something.
//!
//! [`keys`] is the one list of what there is; parsing, printing, the environment and the tests of
//! `config/highwater.yaml` all go by it.

mod file;
pub mod keys;
mod load;
mod print;
mod value;

#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::types::{LogConfig, TopicConfig};

pub use load::{ConfigError, DEFAULT_PATH, FlagValue, Loaded, Origin, Sources, load};
pub use print::to_yaml;
pub use value::Scalar;

/// Everything that can be configured, defaults filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Where the broker listens.
    pub server: Server,
    /// Where and how logs are kept.
    pub storage: Storage,
    /// How topics come to be.
    pub topics: Topics,
    /// What is deleted, and when.
    pub retention: Retention,
    /// What is refused.
    pub limits: Limits,
    /// What the broker says about itself, on standard error.
    pub logging: Logging,
}

/// Where the broker listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// gRPC. Port 0: any free one.
    pub grpc_listen: SocketAddr,
    /// HTTP. Port 0: any free one.
    pub http_listen: SocketAddr,
    /// Whether addresses beyond the loopback are allowed although nothing is encrypted or authenticated.
    pub unsafe_allow_insecure_listen: bool,
    /// How long calls may take to end when the broker stops, in milliseconds.
    pub drain_timeout_ms: u64,
}

impl Default for Server {
    fn default() -> Server {
        Server {
            grpc_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 50051)),
            http_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            unsafe_allow_insecure_listen: false,
            drain_timeout_ms: 10_000,
        }
    }
}

/// Where logs are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StorageKind {
    /// Files under the data directory.
    #[default]
    File,
    /// Memory: gone when the broker stops.
    Memory,
}

/// Where and how logs are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// What kind of storage.
    pub kind: StorageKind,
    /// The directory of everything that the broker keeps.
    pub data_dir: PathBuf,
    /// A segment is sealed at this size, in bytes.
    pub segment_bytes: u64,
    /// A segment is sealed at this age, in milliseconds.
    pub segment_ms: u64,
    /// Distance of index entries, in bytes.
    pub index_interval_bytes: u64,
    /// Zeros written ahead of a log's head at most, in bytes. 0: none.
    pub write_ahead_bytes_max: u64,
    /// Distance of checkpoints, in bytes.
    pub checkpoint_interval_bytes: u64,
    /// Threads that write and sync.
    pub commit_threads: usize,
    /// Threads that read what is not in the page cache.
    pub read_threads: usize,
}

impl Default for Storage {
    fn default() -> Storage {
        let log = LogConfig::default();
        Storage {
            kind: StorageKind::File,
            data_dir: PathBuf::from("./data"),
            segment_bytes: log.segment_bytes,
            segment_ms: log.segment_ms,
            index_interval_bytes: log.index_interval_bytes,
            write_ahead_bytes_max: log.write_ahead_bytes_max,
            checkpoint_interval_bytes: log.checkpoint_interval_bytes,
            commit_threads: 8,
            read_threads: 8,
        }
    }
}

/// How topics come to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// Whether publishing to a topic that is not there creates it.
    pub auto_create: bool,
    /// Partitions of a topic whose creator does not say.
    pub default_partitions: u32,
    /// Topics at most.
    pub max_topics: usize,
}

impl Default for Topics {
    fn default() -> Topics {
        Topics { auto_create: true, default_partitions: 1, max_topics: 10_000 }
    }
}

/// What is deleted, and when, in topics that do not say otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Age of records, in milliseconds. None: for ever.
    pub default_ms: Option<u64>,
    /// Size of a partition, in bytes. None: without bound.
    pub default_bytes: Option<u64>,
    /// How often the broker looks, in milliseconds.
    pub check_interval_ms: u64,
}

impl Default for Retention {
    fn default() -> Retention {
        let log = LogConfig::default();
        Retention {
            default_ms: log.retention_ms,
            default_bytes: log.retention_bytes,
            check_interval_ms: 5_000,
        }
    }
}

/// What is refused, or held up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest record, encoded, in bytes.
    pub max_record_bytes: usize,
    /// The longest batch, encoded, in bytes.
    pub max_batch_bytes: usize,
    /// Bytes of records that wait to be written, in all; publishers beyond wait.
    pub max_inflight_bytes: usize,
    /// The same for one partition.
    pub max_partition_inflight_bytes: usize,
    /// The newest batches of a partition that are kept in memory for readers at its tail, in bytes.
    pub max_partition_tail_bytes: usize,
    /// How far ahead of the broker's clock a record's timestamp may be, in milliseconds.
    pub max_timestamp_ahead_ms: u64,
    /// gRPC connections at a time.
    pub max_connections: usize,
    /// Streams and calls at a time on one connection.
    pub max_streams_per_connection: u32,
    /// A silent subscription gets a heartbeat this often, in milliseconds.
    pub heartbeat_ms: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        let topic = TopicConfig::default();
        Limits {
            max_record_bytes: topic.max_record_bytes,
            max_batch_bytes: topic.max_batch_bytes,
            max_inflight_bytes: 256 * 1024 * 1024,
            max_partition_inflight_bytes: 32 * 1024 * 1024,
            max_partition_tail_bytes: 4 * 1024 * 1024,
            max_timestamp_ahead_ms: 3_600_000,
            max_connections: 4096,
            max_streams_per_connection: 1024,
            heartbeat_ms: 10_000,
        }
    }
}

/// How much the broker says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// What needs somebody's attention.
    Error,
    /// And what may soon.
    Warn,
    /// And what happens seldom.
    #[default]
    Info,
    /// And what happens often.
    Debug,
    /// And each step.
    Trace,
}

/// How the broker says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// What the broker says about itself, on standard error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logging {
    /// How much.
    pub level: LogLevel,
    /// In what form.
    pub format: LogFormat,
}

impl Config {
    /// What topics run with that do not say otherwise.
    #[must_use]
    pub fn topic_defaults(&self) -> TopicConfig {
        TopicConfig {
            log: LogConfig {
                retention_ms: self.retention.default_ms,
                retention_bytes: self.retention.default_bytes,
                segment_bytes: self.storage.segment_bytes,
                segment_ms: self.storage.segment_ms,
                index_interval_bytes: self.storage.index_interval_bytes,
                write_ahead_bytes_max: self.storage.write_ahead_bytes_max,
                checkpoint_interval_bytes: self.storage.checkpoint_interval_bytes,
            },
            max_record_bytes: self.limits.max_record_bytes,
            max_batch_bytes: self.limits.max_batch_bytes,
            ..TopicConfig::default()
        }
    }
}
