//! What a topic runs with.

use super::TimestampType;

/// A topic's settings, defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicConfig {
    /// What concerns its files.
    pub log: LogConfig,
    /// The longest record accepted, encoded, in bytes.
    pub max_record_bytes: usize,
    /// The longest batch accepted, encoded, in bytes.
    pub max_batch_bytes: usize,
    /// Whose clock the records' times are.
    pub timestamp_type: TimestampType,
}

impl Default for TopicConfig {
    fn default() -> TopicConfig {
        TopicConfig {
            log: LogConfig::default(),
            max_record_bytes: 1024 * 1024,
            max_batch_bytes: 1024 * 1024,
            timestamp_type: TimestampType::CreateTime,
        }
    }
}

/// What concerns the files of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// Records older than this, by append time, are deleted a segment at a time, in milliseconds. None: never.
    pub retention_ms: Option<u64>,
    /// The oldest segments are deleted while the partition is larger than this, in bytes. None: never.
    pub retention_bytes: Option<u64>,
    /// A segment is sealed when the next frame would make it longer than this, in bytes.
    pub segment_bytes: u64,
    /// A segment is sealed when its first frame is older than this, in milliseconds.
    pub segment_ms: u64,
    /// The sparse indexes get an entry each time this many bytes have been appended.
    pub index_interval_bytes: u64,
    /// Zeros are written ahead of the head in growing steps of at most this many bytes. 0: never.
    pub write_ahead_bytes_max: u64,
    /// A checkpoint is written each time this many bytes have been appended, which bounds the work of recovery.
    pub checkpoint_interval_bytes: u64,
}

impl Default for LogConfig {
    fn default() -> LogConfig {
        LogConfig {
            retention_ms: Some(7 * 24 * 3600 * 1000),
            retention_bytes: None,
            segment_bytes: 256 * 1024 * 1024,
            segment_ms: 7 * 24 * 3600 * 1000,
            index_interval_bytes: 16 * 1024,
            write_ahead_bytes_max: 16 * 1024 * 1024,
            checkpoint_interval_bytes: 64 * 1024 * 1024,
        }
    }
}
