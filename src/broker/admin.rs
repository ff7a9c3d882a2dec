//! What there is: lists and descriptions for people, and the care that partitions need from time to time.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::{Broker, LookupError, Topic};
use crate::partition::StoreInfo;
use crate::types::{Offset, PartitionId};

/// A partition, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionDescription {
    /// Its number.
    pub partition: PartitionId,
    /// The first offset still readable.
    pub log_start: Offset,
    /// The first offset not yet synced.
    pub durable: Offset,
    /// Readers see below it.
    pub high_watermark: Offset,
    /// The next offset to be assigned.
    pub log_end: Offset,
    /// What its storage says.
    pub store: StoreInfo,
}

/// The broker, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerDescription {
    /// A UUID that is made with the data.
    pub broker_id: String,
    /// How long it has been running.
    pub uptime: Duration,
    /// How many topics users have.
    pub topics: usize,
    /// How many partitions these have.
    pub partitions: u32,
    /// How many subscriptions are open.
    pub subscriptions: u32,
    /// The kind of storage.
    pub storage: &'static str,
}

impl Broker {
    /// The topics that users have and that are served, by name.
    ///
    /// # Errors
    /// The broker is stopping.
    pub fn list_topics(&self) -> Result<Vec<Arc<Topic>>, LookupError> {
        self.lifecycle.check_running()?;
        Ok(self.user_topics())
    }

    /// The partitions of a topic. One that could not be opened has offsets of 0 and is not writable.
    #[must_use]
    pub fn describe_partitions(&self, topic: &Topic) -> Vec<PartitionDescription> {
        let describe = |partition| match topic.partition(partition) {
            Ok(found) => PartitionDescription {
                partition,
                log_start: found.log_start_offset(),
                durable: found.durable_offset(),
                high_watermark: found.high_watermark(),
                log_end: found.log_end_offset(),
                store: found.info(),
            },
            Err(_) => PartitionDescription {
                partition,
                log_start: Offset::ZERO,
                durable: Offset::ZERO,
                high_watermark: Offset::ZERO,
                log_end: Offset::ZERO,
                store: StoreInfo::default(),
            },
        };
        topic.partition_ids().map(describe).collect()
    }

    /// What the kind of storage is called.
    #[must_use]
    pub fn storage_kind(&self) -> &'static str {
        self.storage.kind()
    }

    /// Figures about the broker. Works to the last.
    #[must_use]
    pub fn describe(&self) -> BrokerDescription {
        let topics = self.user_topics();
        BrokerDescription {
            broker_id: Uuid::from_bytes(self.storage.broker_id()).hyphenated().to_string(),
            uptime: self.started.elapsed(),
            topics: self.registry.count(),
            partitions: topics.iter().map(|topic| topic.partition_count()).sum(),
            subscriptions: topics.iter().map(|topic| topic.subscription_count()).sum(),
            storage: self.storage.kind(),
        }
    }

    /// Does what is due by time and size in every partition. To be called every few seconds.
    ///
    /// Cancellation: what has begun goes on.
    pub async fn upkeep(&self) {
        let now_ms = self.now_ms();
        for topic in self.registry.all_serving() {
            for partition in topic.open_partitions() {
                // A partition that has failed says so to its publishers, and said so in the log: upkeep would
                // repeat it every few seconds.
                if let Err(error) = partition.upkeep(now_ms).await {
                    tracing::debug!(topic = %topic.name(), %error, "upkeep failed");
                }
            }
        }
    }

    fn user_topics(&self) -> Vec<Arc<Topic>> {
        let mut topics = self.registry.all_serving();
        topics.retain(|topic| !topic.name().is_internal());
        topics.sort_by(|a, b| a.name().cmp(b.name()));
        topics
    }
}
