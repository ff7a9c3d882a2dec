//! Appending a batch as it is.

use std::sync::Arc;

use bytes::Bytes;

use super::{AppendError, BatchError, Broker, CommitError, RecordError};
use crate::codec::record_set::{self, RecordLimits, RecordSetError, RecordSetSummary};
use crate::partition::{Append, AppendKind, AppendReceipt, Appended};
use crate::types::limits::BATCH_RECORDS_MAX;
use crate::types::{NewBatch, Offset, PartitionId, TopicConfig, TopicPartition};

/// A batch to be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchAppend {
    /// The name of its topic.
    pub topic: String,
    /// Its partition.
    pub partition: PartitionId,
    /// The encoded record set.
    pub records: Bytes,
    /// Append it only if its first record gets this offset.
    pub expected_offset: Option<Offset>,
}

/// A batch on its way.
#[derive(Debug)]
pub struct PendingAppend {
    topic: Arc<super::Topic>,
    at: TopicPartition,
    receipt: AppendReceipt,
}

impl Broker {
    /// Checks a batch, creates its topic where that is allowed, waits for room and hands the batch to its
    /// partition. Batches that are handed over one behind the other to one partition get rising offsets.
    ///
    /// Cancellation: nothing was appended, though the topic may have been created.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append(self: &Arc<Self>, batch: BatchAppend) -> Result<PendingAppend, AppendError> {
        let (topic, summary) = self
            .topic_to_publish(&batch.topic, Some(batch.partition), |topic, config| {
                self.check_batch(&batch.records, config).map_err(|error| AppendError::Batch {
                    at: TopicPartition { topic: topic.clone(), partition: batch.partition },
                    error,
                })
            })
            .await?;
        let at = topic.at(batch.partition);
        let partition = topic.partition(batch.partition)?;
        let permit = match partition.append_permit(batch.records.len()).await {
            Ok(permit) => permit,
            Err(error) => return Err(CommitError::of_unavailable(error, at).into()),
        };
        let new_batch = NewBatch {
            payload: vec![batch.records],
            record_count: summary.record_count,
            max_timestamp_ms: summary.max_timestamp_ms,
            has_untimed_records: summary.has_untimed_records,
            timestamp_type: topic.config().timestamp_type,
        };
        let append = Append { kind: AppendKind::Batch(new_batch), expected_offset: batch.expected_offset };
        let receipt = partition.submit(append, permit);
        Ok(PendingAppend { topic, at, receipt })
    }

    /// Makes sure that the batch decodes in every client, and that its topic accepts it.
    fn check_batch(&self, records: &[u8], config: &TopicConfig) -> Result<RecordSetSummary, BatchError> {
        let limits = RecordLimits {
            record_bytes_max: config.max_record_bytes,
            records_max: BATCH_RECORDS_MAX,
            payload_bytes_max: config.max_batch_bytes,
        };
        let summary = record_set::validate(&[records], limits)?;
        if summary.has_delayed_records {
            return Err(BatchError::DelayedRecords);
        }
        self.check_timestamp(summary.max_timestamp_ms, config.timestamp_type)?;
        Ok(summary)
    }
}

impl PendingAppend {
    /// Waits until the batch is on disk.
    ///
    /// Cancellation: the batch may still be appended.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub async fn appended(self) -> Result<Appended, CommitError> {
        self.topic.outcome(self.at, self.receipt).await
    }
}

impl From<RecordSetError> for BatchError {
    fn from(error: RecordSetError) -> BatchError {
        match error {
            RecordSetError::PayloadTooLong { len, max } => {
                BatchError::TooLarge { bytes: len, bytes_max: max }
            }
            RecordSetError::TooManyRecords { max } => BatchError::TooManyRecords { records_max: max },
            RecordSetError::RecordTooLong { len, max, .. } => {
                RecordError::TooLarge { bytes: len, bytes_max: max }.into()
            }
            RecordSetError::TooManyHeaders { .. } => RecordError::TooManyHeaders.into(),
            RecordSetError::NegativeTime { .. } => RecordError::NegativeTime.into(),
            RecordSetError::Empty | RecordSetError::Malformed { .. } => {
                BatchError::Malformed { what: error.to_string() }
            }
        }
    }
}
