//! A topic while it is served: what it is, its partitions, and who reads it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::partitioner::{StickyPartitioner, partition_of_key};
use super::{CommitError, LookupError, Outage};
use crate::codec::topic_meta::TopicMeta;
use crate::partition::{AppendReceipt, Appended, Partition};
use crate::types::num::u32_to_usize;
use crate::types::{PartitionId, TopicConfig, TopicId, TopicName, TopicPartition};

/// A topic. Outlives its deletion for those who still hold it: its partitions then refuse everything.
#[derive(Debug)]
pub struct Topic {
    meta: TopicMeta,
    slots: Vec<Slot>,
    sticky: StickyPartitioner,
    subscriptions: AtomicU32,
}

/// The place of a partition.
#[derive(Debug)]
struct Slot {
    partition: Result<Arc<Partition>, Outage>,
    /// Whether it is known to take no appends until it is opened again. Records that can go elsewhere do.
    refuses_appends: AtomicBool,
}

impl Topic {
    /// A topic, and its partitions as far as they could be opened.
    pub(super) fn new(meta: TopicMeta, partitions: Vec<Result<Arc<Partition>, Outage>>) -> Topic {
        let slot = |partition: Result<Arc<Partition>, Outage>| {
            let is_writable = partition.as_ref().is_ok_and(|partition| partition.info().writable);
            Slot { partition, refuses_appends: AtomicBool::new(!is_writable) }
        };
        let slots = partitions.into_iter().map(slot).collect();
        let sticky = StickyPartitioner::default();
        Topic { meta, slots, sticky, subscriptions: AtomicU32::new(0) }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &TopicName {
        &self.meta.name
    }

    /// Its identity.
    #[must_use]
    pub const fn id(&self) -> TopicId {
        self.meta.id
    }

    /// What it runs with.
    #[must_use]
    pub const fn config(&self) -> &TopicConfig {
        &self.meta.config
    }

    /// How many partitions it has; at least 1.
    #[must_use]
    pub const fn partition_count(&self) -> u32 {
        self.meta.partitions
    }

    /// How many open subscriptions it has.
    #[must_use]
    pub fn subscription_count(&self) -> u32 {
        self.subscriptions.load(Ordering::Relaxed)
    }

    /// One of its partitions.
    ///
    /// # Errors
    /// `PartitionNotFound` where the topic has none of this number, `PartitionDamaged` or `PartitionFailed`
    /// where it could not be opened.
    pub fn partition(&self, partition: PartitionId) -> Result<&Arc<Partition>, LookupError> {
        match self.slot(partition).map(|slot| &slot.partition) {
            Some(Ok(found)) => Ok(found),
            Some(Err(Outage::Damaged)) => Err(LookupError::PartitionDamaged { at: self.at(partition) }),
            Some(Err(Outage::Failed)) => Err(LookupError::PartitionFailed { at: self.at(partition) }),
            None => Err(LookupError::no_partition(self.name(), partition, self.partition_count())),
        }
    }

    /// The numbers of its partitions.
    pub fn partition_ids(&self) -> impl Iterator<Item = PartitionId> + use<> {
        (0..self.partition_count()).map(PartitionId)
    }

    /// The partitions that could be opened.
    pub(super) fn open_partitions(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.slots.iter().filter_map(|slot| slot.partition.as_ref().ok())
    }

    /// One of its partitions, by name.
    #[must_use]
    pub fn at(&self, partition: PartitionId) -> TopicPartition {
        TopicPartition { topic: self.name().clone(), partition }
    }

    /// Where a record goes whose producer does not say: by its key, or wherever it is the turn and appends are
    /// accepted.
    pub(super) fn pick_partition(&self, key: Option<&[u8]>, record_bytes: usize) -> PartitionId {
        let count = self.partition_count();
        if let Some(key) = key {
            return partition_of_key(key, count);
        }
        let turn = self.sticky.next(record_bytes, count);
        let from_turn = (turn.0..count).chain(0..turn.0).map(PartitionId);
        let takes_records = |id: &PartitionId| {
            self.slot(*id).is_some_and(|slot| !slot.refuses_appends.load(Ordering::Relaxed))
        };
        // Where none accepts appends, the one whose turn it is says why.
        from_turn.into_iter().find(takes_records).unwrap_or(turn)
    }

    /// Waits for what becomes of an append to one of its partitions.
    pub(super) async fn outcome(
        &self,
        at: TopicPartition,
        receipt: AppendReceipt,
    ) -> Result<Appended, CommitError> {
        let partition = at.partition;
        let outcome = match receipt.await {
            Ok(Ok(appended)) => return Ok(appended),
            Ok(Err(failure)) => CommitError::of_append(failure, at),
            Err(_commit_job_died) => CommitError::OutcomeUnknown { at },
        };
        if let CommitError::PartitionFailed { .. } | CommitError::OutcomeUnknown { .. } = outcome
            && let Some(slot) = self.slot(partition)
        {
            slot.refuses_appends.store(true, Ordering::Relaxed);
        }
        Err(outcome)
    }

    fn slot(&self, partition: PartitionId) -> Option<&Slot> {
        self.slots.get(u32_to_usize(partition.0))
    }

    /// Counts a subscription for as long as the guard lives.
    pub(super) fn count_subscription(self: &Arc<Topic>) -> SubscriptionGuard {
        self.subscriptions.fetch_add(1, Ordering::Relaxed);
        SubscriptionGuard { topic: Arc::clone(self) }
    }
}

/// A subscription is counted while this lives.
#[derive(Debug)]
pub(super) struct SubscriptionGuard {
    topic: Arc<Topic>,
}

impl Drop for SubscriptionGuard {
    fn drop(&mut self) {
        self.topic.subscriptions.fetch_sub(1, Ordering::Relaxed);
    }
}
