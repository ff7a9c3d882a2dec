//! What can go wrong with a verb. Small enums, composed into one per verb; what they have in common is who is
//! to blame: the caller, damage, the disk, or the broker's state. Messages are for clients: they name topics,
//! partitions and offsets, never files. What the disk said was logged where it happened.

use thiserror::Error;

use super::BadSetting;
use crate::types::limits::{RECORD_HEADERS_MAX, TOPIC_PARTITIONS_MAX};
use crate::types::{Offset, OffsetRange, PartitionId, TopicName, TopicNameError, TopicPartition};

/// Why a topic or partition cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LookupError {
    /// The name can be no topic's.
    #[error(transparent)]
    InvalidName(#[from] TopicNameError),
    /// The name is one of the broker's own.
    #[error("topics whose names begin with \"__\" are the broker's own")]
    InternalName,
    /// There is no such topic.
    #[error("there is no topic {topic}")]
    TopicNotFound {
        /// The name that was asked for.
        topic: TopicName,
    },
    /// The topic has no such partition.
    #[error("topic {} has {partitions} partitions, and none of number {}", .at.topic, .at.partition)]
    PartitionNotFound {
        /// What was asked for.
        at: TopicPartition,
        /// How many there are.
        partitions: u32,
    },
    /// The topic's metadata is damaged: it is known, and kept, but cannot be served.
    #[error("the metadata of topic {topic} is damaged: the topic is kept, but cannot be served")]
    TopicDamaged {
        /// The topic.
        topic: TopicName,
    },
    /// The topic could not be opened, or a change to it failed half-way.
    #[error("topic {topic} has failed, and is not served until the broker is started again")]
    TopicFailed {
        /// The topic.
        topic: TopicName,
    },
    /// The partition's files are missing or damaged.
    #[error("partition {} of topic {} is damaged: it cannot be served", .at.partition, .at.topic)]
    PartitionDamaged {
        /// The partition.
        at: TopicPartition,
    },
    /// The partition could not be opened.
    #[error("partition {} of topic {} has failed, and is not served until the broker is started again",
        .at.partition, .at.topic)]
    PartitionFailed {
        /// The partition.
        at: TopicPartition,
    },
    /// The broker is stopping.
    #[error("the broker is stopping")]
    ShuttingDown,
}

/// Why a record or a batch was not appended, once its partition was found.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommitError {
    /// The caller's: the next offset is another one than it expects.
    #[error("the next offset of partition {} of topic {} is {actual}", .at.partition, .at.topic)]
    OffsetMismatch {
        /// The partition.
        at: TopicPartition,
        /// The offset that would have been assigned.
        actual: Offset,
    },
    /// There is no room on the disk. Nothing was appended.
    #[error("the broker's disk is full")]
    DiskFull {
        /// The partition.
        at: TopicPartition,
    },
    /// The partition refuses appends since a write or sync failed, or its end is unknown. Nothing was appended.
    #[error("partition {} of topic {} has failed and takes no records", .at.partition, .at.topic)]
    PartitionFailed {
        /// The partition.
        at: TopicPartition,
    },
    /// The disk failed in the middle: the records may or may not be found when the partition is opened again.
    #[error("partition {} of topic {} has failed: whether the records were appended is unknown",
        .at.partition, .at.topic)]
    OutcomeUnknown {
        /// The partition.
        at: TopicPartition,
    },
    /// The topic was deleted meanwhile.
    #[error("topic {topic} was deleted")]
    TopicDeleted {
        /// The topic.
        topic: TopicName,
    },
    /// The broker is stopping. Nothing was appended.
    #[error("the broker is stopping")]
    ShuttingDown,
}

/// Why a record is refused for what it is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// It is longer than its topic allows.
    #[error("the record has {bytes} bytes encoded, at most {bytes_max} are accepted")]
    TooLarge {
        /// Its length, encoded.
        bytes: usize,
        /// The topic's limit.
        bytes_max: usize,
    },
    /// It has too many headers.
    #[error("a record has at most {RECORD_HEADERS_MAX} headers")]
    TooManyHeaders,
    /// It has a time before the Unix epoch.
    #[error("a record's times must not be negative")]
    NegativeTime,
    /// Its time lies in the future: it would outlive retention by time, and lead readers by time astray.
    #[error("the timestamp {timestamp_ms} is more than {ahead_ms_max} ms ahead of the broker's clock")]
    TimestampTooFarAhead {
        /// The timestamp, in milliseconds since the Unix epoch.
        timestamp_ms: i64,
        /// How far ahead one may be.
        ahead_ms_max: i64,
    },
}

/// Why a batch is refused for what it is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BatchError {
    /// The batch is longer than its topic allows.
    #[error("the batch has {bytes} bytes, at most {bytes_max} are accepted")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The topic's limit.
        bytes_max: usize,
    },
    /// The batch has more records than any may have.
    #[error("a batch has at most {records_max} records")]
    TooManyRecords {
        /// The limit.
        records_max: usize,
    },
    /// A record is to be delivered later, which the broker cannot do yet.
    #[error("deliver_at_ms is not supported by this version of the broker")]
    DelayedRecords,
    /// The bytes are no record set, or one that not every client could decode.
    #[error("the record set is malformed: {what}")]
    Malformed {
        /// What is wrong with it, and where.
        what: String,
    },
    /// One of the records is refused for what it is.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Why a publish failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PublishError {
    /// Its topic or partition cannot be used.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// Its topic did not exist and could not be created.
    #[error(transparent)]
    Create(#[from] CreateTopicError),
    /// The record is refused for what it is.
    #[error("{error}")]
    Record {
        /// Its topic.
        topic: TopicName,
        /// Its partition, where the request says so.
        partition: Option<PartitionId>,
        /// What is wrong with it.
        error: RecordError,
    },
    /// The record was not appended.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Why an append of a batch failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AppendError {
    /// Its topic or partition cannot be used.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// Its topic did not exist and could not be created.
    #[error(transparent)]
    Create(#[from] CreateTopicError),
    /// The batch is refused for what it is.
    #[error("{error}")]
    Batch {
        /// Where it was to go.
        at: TopicPartition,
        /// What is wrong with it.
        error: BatchError,
    },
    /// The batch was not appended.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Why reading failed, at the start or later.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The topic or partition cannot be used.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The start is not in the log, or was overtaken by retention.
    #[error("offset {asked} is outside {available} in partition {} of topic {}", .at.partition, .at.topic)]
    OutOfRange {
        /// The partition.
        at: TopicPartition,
        /// The offset that was asked for.
        asked: Offset,
        /// What can be read.
        available: OffsetRange,
    },
    /// These offsets are damaged. Those around them can be read.
    #[error("offsets {damaged} in partition {} of topic {} are damaged", .at.partition, .at.topic)]
    Corrupt {
        /// The partition.
        at: TopicPartition,
        /// What cannot be read.
        damaged: OffsetRange,
    },
    /// The disk failed.
    #[error("partition {} of topic {} cannot be read at present", .at.partition, .at.topic)]
    PartitionFailed {
        /// The partition.
        at: TopicPartition,
    },
    /// A single record does not fit into a response that the client is known to accept.
    #[error("the record at offset {offset} has {bytes} bytes: ask for them with max_batch_bytes")]
    RecordExceedsResponse {
        /// The partition.
        at: TopicPartition,
        /// The record.
        offset: Offset,
        /// Its length, encoded.
        bytes: usize,
    },
    /// The topic was deleted.
    #[error("topic {topic} was deleted")]
    TopicDeleted {
        /// The topic.
        topic: TopicName,
    },
}

/// Why a topic was not created.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CreateTopicError {
    /// The name can be no topic's, or no user's.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// There is one already.
    #[error("topic {topic} exists")]
    Exists {
        /// Its name.
        topic: TopicName,
    },
    /// The broker has as many topics as it may.
    #[error("the broker has {topics_max} topics, and may have no more")]
    TooManyTopics {
        /// The limit.
        topics_max: usize,
    },
    /// It would have too many partitions.
    #[error("a topic has 1 to {TOPIC_PARTITIONS_MAX} partitions, not {partitions}")]
    PartitionsOutOfBounds {
        /// How many were asked for.
        partitions: u32,
    },
    /// A setting is out of its bounds.
    #[error(transparent)]
    Setting(#[from] BadSetting),
    /// There is no room on the disk.
    #[error("the broker's disk is full")]
    DiskFull,
    /// The disk failed.
    #[error("topic {topic} could not be created: the broker's storage failed")]
    StorageFailed {
        /// Its name.
        topic: TopicName,
    },
}

/// Why a topic was not deleted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeleteTopicError {
    /// The topic cannot be found, or not by users.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The disk failed. The topic is not served any more; a start of the broker will find it or not.
    #[error("topic {topic} could not be deleted: the broker's storage failed")]
    StorageFailed {
        /// Its name.
        topic: TopicName,
    },
}

/// Why records were not deleted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeleteRecordsError {
    /// The topic or partition cannot be used.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The offset lies above what readers see.
    #[error("offset {asked} is outside {available} in partition {} of topic {}", .at.partition, .at.topic)]
    OutOfRange {
        /// The partition.
        at: TopicPartition,
        /// The offset that was asked for.
        asked: Offset,
        /// From the log start to the high watermark.
        available: OffsetRange,
    },
    /// The change was not made, or it is unknown whether it was.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl LookupError {
    /// For a partition that its topic does not have.
    pub(super) fn no_partition(topic: &TopicName, partition: PartitionId, partitions: u32) -> LookupError {
        LookupError::PartitionNotFound { at: TopicPartition { topic: topic.clone(), partition }, partitions }
    }
}
