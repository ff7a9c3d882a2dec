//! The broker's verbs, free of any transport: what a request means, which topic and partition it is for,
//! what is refused and why. Transports decode requests, call these, and encode what comes back.
//!
//! Invariants:
//! - A name means one topic at a time: topics are created and deleted one by one, durably, and a topic that
//!   cannot be read keeps its name.
//! - Only publishing creates a topic by itself; reading never does.
//! - Damage to one topic never keeps the others from being served.
//! - After [`Broker::begin_stop`] no verb begins; after [`Broker::close`] everything acknowledged is synced
//!   and every partition closed.
//!
//! Nothing here knows gRPC, HTTP or files: storage is behind [`TopicStorage`].

mod admin;
mod append;
mod create;
mod delete;
mod error;
mod lifecycle;
mod offsets;
mod open;
mod partitioner;
mod publish;
mod registry;
mod settings;
mod storage;
mod subscribe;
#[cfg(test)]
pub(crate) mod tests;
mod topic;

use std::sync::Arc;
use std::time::Instant;

pub use admin::{BrokerDescription, PartitionDescription};
pub use append::{BatchAppend, PendingAppend};
pub use create::NewTopic;
pub use error::{
    AppendError, BatchError, CommitError, CreateTopicError, DeleteRecordsError, DeleteTopicError,
    LookupError, PublishError, ReadError, RecordError,
};
pub use offsets::Offsets;
pub use open::OpenError;
pub use partitioner::partition_of_key;
pub use publish::{NewRecord, PendingPublish, Published};
pub use settings::{BadSetting, TopicSettings};
pub use storage::{
    CreateFailure, DirectoryError, FileStorage, FileStorageConfig, FoundTopic, MemoryStorage, Outage,
    StorageFailure, TopicStorage,
};
pub use subscribe::{Delivered, PartitionReader, Selection, Start, Stop};
pub use topic::Topic;

use self::lifecycle::Lifecycle;
use self::registry::Registry;
use crate::partition::PartitionRuntime;
use crate::types::{Clock, TopicConfig};

/// What the broker runs with.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// Whether publishing to a topic that is not there creates it.
    pub auto_create: bool,
    /// How many partitions a topic has whose creator does not say.
    pub default_partitions: u32,
    /// How many topics users may have.
    pub topics_max: usize,
    /// What a topic runs with where its creator does not say.
    pub topic_defaults: TopicConfig,
    /// How far ahead of the broker's clock a record's timestamp may be, in milliseconds.
    pub timestamp_ahead_ms_max: i64,
}

impl Default for BrokerConfig {
    fn default() -> BrokerConfig {
        BrokerConfig {
            auto_create: true,
            default_partitions: 1,
            topics_max: 10_000,
            topic_defaults: TopicConfig::default(),
            timestamp_ahead_ms_max: 3_600_000,
        }
    }
}

/// The broker: all verbs are methods of this, one file a group of them.
pub struct Broker {
    config: BrokerConfig,
    storage: Arc<dyn TopicStorage>,
    runtime: PartitionRuntime,
    clock: Arc<dyn Clock>,
    registry: Registry,
    lifecycle: Lifecycle,
    started: Instant,
}

impl Broker {
    /// What the broker runs with.
    #[must_use]
    pub const fn config(&self) -> &BrokerConfig {
        &self.config
    }

    /// The topic of this name.
    ///
    /// # Errors
    /// See [`LookupError`].
    pub fn topic(&self, name: &str) -> Result<Arc<Topic>, LookupError> {
        self.lifecycle.check_running()?;
        self.registry.serving(name)
    }

    /// The broker's clock, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker").field("config", &self.config).finish_non_exhaustive()
    }
}
