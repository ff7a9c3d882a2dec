//! Deleting topics, and records from the beginning of a partition.

use std::sync::Arc;

use super::registry::Entry;
use super::{Broker, CommitError, DeleteRecordsError, DeleteTopicError, LookupError, StorageFailure};
use crate::partition;
use crate::types::{Offset, PartitionId, TopicName, TopicPartition};

impl Broker {
    /// Deletes a topic, durably: its subscriptions end, its pending appends fail, its space is freed in a
    /// while. A topic that is damaged can be deleted, too.
    ///
    /// Cancellation: once begun, the deletion goes on.
    ///
    /// # Errors
    /// See [`DeleteTopicError`].
    pub async fn delete_topic(self: &Arc<Self>, name: &str) -> Result<(), DeleteTopicError> {
        let name = TopicName::parse(name).map_err(LookupError::from)?;
        if name.is_internal() {
            return Err(LookupError::InternalName.into());
        }
        let broker = Arc::clone(self);
        let topic = name.clone();
        match tokio::spawn(async move { broker.delete_in_turn(name).await }).await {
            Ok(deleted) => deleted,
            Err(_panicked) => Err(DeleteTopicError::StorageFailed { topic }),
        }
    }

    async fn delete_in_turn(&self, name: TopicName) -> Result<(), DeleteTopicError> {
        let turn = self.registry.change().await;
        self.lifecycle.check_running()?;
        match self.registry.entry(&name) {
            None => return Err(LookupError::TopicNotFound { topic: name }.into()),
            Some(Entry::Damaged | Entry::Failed) => {}
            Some(Entry::Serving(topic)) => {
                // The partitions stop before their files move: whoever still wrote by name could meet a topic
                // that was made again under it.
                for partition in topic.open_partitions() {
                    partition.mark_deleted();
                }
                for partition in topic.open_partitions() {
                    if let Err(error) = partition.close().await {
                        tracing::warn!(topic = %name, %error, "a partition that is deleted was not closed cleanly");
                    }
                }
            }
        }
        // Until the storage has answered, the name neither finds the topic nor is free for another.
        turn.set(name.clone(), Entry::Failed);
        let (storage, deleted) = (Arc::clone(&self.storage), name.clone());
        let done = tokio::task::spawn_blocking(move || storage.delete(&deleted)).await;
        match done.unwrap_or(Err(StorageFailure)) {
            Ok(()) => {
                turn.remove(&name);
                tracing::info!(topic = %name, "topic deleted");
                Ok(())
            }
            Err(StorageFailure) => Err(DeleteTopicError::StorageFailed { topic: name }),
        }
    }

    /// Makes the records before `before` unreadable, durably. Returns the log start.
    ///
    /// # Errors
    /// See [`DeleteRecordsError`].
    pub async fn delete_records(
        &self,
        topic: &str,
        partition: PartitionId,
        before: Offset,
    ) -> Result<Offset, DeleteRecordsError> {
        let topic = self.topic(topic)?;
        let at = topic.at(partition);
        if at.topic.is_internal() {
            return Err(LookupError::InternalName.into());
        }
        topic.partition(partition)?.delete_records(before).await.map_err(|error| match error {
            partition::DeleteRecordsError::OutOfRange { available } => {
                DeleteRecordsError::OutOfRange { at, asked: before, available }
            }
            partition::DeleteRecordsError::Store(error) => CommitError::of_store(error, at).into(),
            partition::DeleteRecordsError::Unavailable(error) => {
                CommitError::of_unavailable(error, at).into()
            }
        })
    }
}

impl CommitError {
    pub(super) fn of_append(error: partition::AppendFailure, at: TopicPartition) -> CommitError {
        match error {
            partition::AppendFailure::OffsetMismatch { actual, .. } => {
                CommitError::OffsetMismatch { at, actual }
            }
            partition::AppendFailure::Store(error) => CommitError::of_store(error, at),
            partition::AppendFailure::Unavailable(error) => CommitError::of_unavailable(error, at),
        }
    }

    fn of_store(error: partition::StoreFailure, at: TopicPartition) -> CommitError {
        use partition::StoreFailure;
        match error {
            StoreFailure::DiskFull => CommitError::DiskFull { at },
            StoreFailure::Failed | StoreFailure::Latched | StoreFailure::EndUnknown => {
                CommitError::PartitionFailed { at }
            }
            StoreFailure::OutcomeUnknown => CommitError::OutcomeUnknown { at },
        }
    }

    pub(super) fn of_unavailable(error: partition::Unavailable, at: TopicPartition) -> CommitError {
        match error {
            partition::Unavailable::Closed => CommitError::ShuttingDown,
            partition::Unavailable::Deleted => CommitError::TopicDeleted { topic: at.topic },
        }
    }
}
