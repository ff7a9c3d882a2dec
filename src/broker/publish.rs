//! Publishing one record.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::{Broker, CommitError, PublishError, RecordError, Topic};
use crate::codec::record_set::{self, RecordParts};
use crate::partition::{Append, AppendKind, AppendReceipt};
use crate::types::limits::RECORD_HEADERS_MAX;
use crate::types::{Offset, PartitionId, TimestampType, TopicConfig, TopicPartition};

/// A record to be published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRecord {
    /// The name of its topic.
    pub topic: String,
    /// Its partition; None: by its key, or spread.
    pub partition: Option<PartitionId>,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; None: a tombstone.
    pub value: Option<Bytes>,
    /// Its headers.
    pub headers: Vec<(String, Bytes)>,
    /// Its time, in milliseconds since the Unix epoch; None: when it is appended.
    pub timestamp_ms: Option<i64>,
    /// Append it only if it gets this offset.
    pub expected_offset: Option<Offset>,
}

/// What has become of a published record: it is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Where it is.
    pub at: TopicPartition,
    /// Its offset.
    pub offset: Offset,
    /// The partition's durable offset, right after.
    pub durable_offset: Offset,
}

/// A record on its way.
#[derive(Debug)]
pub struct PendingPublish {
    topic: Arc<Topic>,
    at: TopicPartition,
    receipt: AppendReceipt,
}

impl Broker {
    /// Checks a record, creates its topic where that is allowed, waits for room and hands the record to its
    /// partition. Records that are handed over one behind the other to one partition get rising offsets.
    ///
    /// Cancellation: nothing was published, though the topic may have been created.
    ///
    /// # Errors
    /// See [`PublishError`].
    pub async fn publish(self: &Arc<Self>, record: NewRecord) -> Result<PendingPublish, PublishError> {
        let (topic, encoded) = self
            .topic_to_publish(&record.topic, record.partition, |topic, config| {
                self.check_record(&record, config).map_err(|error| PublishError::Record {
                    topic: topic.clone(),
                    partition: record.partition,
                    error,
                })
            })
            .await?;
        let picked = match record.partition {
            Some(partition) => partition,
            None => topic.pick_partition(record.key.as_deref(), encoded.len()),
        };
        let at = topic.at(picked);
        let partition = topic.partition(picked)?;
        let permit = match partition.append_permit(encoded.len()).await {
            Ok(permit) => permit,
            Err(error) => return Err(CommitError::of_unavailable(error, at).into()),
        };
        let kind = AppendKind::Simple {
            record: encoded,
            timestamp_ms: record.timestamp_ms,
            timestamp_type: topic.config().timestamp_type,
        };
        let append = Append { kind, expected_offset: record.expected_offset };
        let receipt = partition.submit(append, permit);
        Ok(PendingPublish { topic, at, receipt })
    }

    /// Encodes a record that its topic accepts.
    fn check_record(&self, record: &NewRecord, config: &TopicConfig) -> Result<Bytes, RecordError> {
        if record.headers.len() > RECORD_HEADERS_MAX {
            return Err(RecordError::TooManyHeaders);
        }
        let parts = RecordParts {
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: record.headers.iter().map(|(key, value)| (key.as_str(), &**value)),
            timestamp_ms: record.timestamp_ms.unwrap_or_default(),
            message_id: "",
            deliver_at_ms: 0,
        };
        let (bytes, bytes_max) = (record_set::record_len(&parts), config.max_record_bytes);
        if bytes > bytes_max {
            return Err(RecordError::TooLarge { bytes, bytes_max });
        }
        self.check_timestamp(record.timestamp_ms, config.timestamp_type)?;
        let mut encoded = BytesMut::new();
        record_set::encode_record(&parts, &mut encoded);
        Ok(encoded.freeze())
    }

    /// Refuses a producer's timestamp that is none, or that lies too far ahead where it would count.
    pub(super) fn check_timestamp(
        &self,
        timestamp_ms: Option<i64>,
        timestamp_type: TimestampType,
    ) -> Result<(), RecordError> {
        let ahead_ms_max = self.config.timestamp_ahead_ms_max;
        let latest_ms = self.now_ms().saturating_add(ahead_ms_max);
        match timestamp_ms {
            Some(..0) => Err(RecordError::NegativeTime),
            Some(timestamp_ms) if timestamp_type == TimestampType::CreateTime && timestamp_ms > latest_ms => {
                Err(RecordError::TimestampTooFarAhead { timestamp_ms, ahead_ms_max })
            }
            _ => Ok(()),
        }
    }
}

impl PendingPublish {
    /// Waits until the record is on disk.
    ///
    /// Cancellation: the record may still be published.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub async fn published(self) -> Result<Published, CommitError> {
        let appended = self.topic.outcome(self.at.clone(), self.receipt).await?;
        let (offset, durable_offset) = (appended.base_offset, appended.durable_offset);
        Ok(Published { at: self.at, offset, durable_offset })
    }
}
