//! Batches on their way into and out of a log. Their payload is an encoded `pubsub.RecordSet`, byte for byte
//! as it travels on the wire.

use std::sync::Arc;

use bytes::Bytes;

use super::{Offset, OffsetRange};

/// How a payload is compressed. Batches with a codec are refused until the broker can read them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// The LZ4 frame format.
    Lz4,
    /// Zstandard frames.
    Zstd,
}

/// Whose clock a record's time is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's, where it sent one; otherwise the batch's append time.
    #[default]
    CreateTime,
    /// The broker's: the batch's append time, whatever the producer sent.
    LogAppendTime,
}

/// A validated batch that has no offsets yet. It becomes one frame.
#[derive(Clone, Debug)]
pub struct NewBatch {
    /// The encoded record set, in pieces that are written one behind the other.
    pub payload: Vec<Bytes>,
    /// How many records the payload holds; at least 1.
    pub record_count: u32,
    /// The largest timestamp that a producer set in it, in milliseconds since the Unix epoch.
    pub max_timestamp_ms: Option<i64>,
    /// Whether a record came without a timestamp, and so has the append time.
    pub has_untimed_records: bool,
    /// Whose clock the records' times are.
    pub timestamp_type: TimestampType,
}

impl NewBatch {
    /// The length of the payload, in bytes.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.payload.iter().map(Bytes::len).sum()
    }

    /// The batch as it lies in a log that gave its first record the offset `base_offset`, the others the ones
    /// that follow, and all of them this append time. A payload in one piece is shared, not copied.
    #[must_use]
    pub fn stored_at(&self, base_offset: Offset, append_time_ms: i64) -> StoredBatch {
        let max_timestamp_ms = match (self.timestamp_type, self.max_timestamp_ms) {
            (TimestampType::CreateTime, Some(largest)) if self.has_untimed_records => {
                largest.max(append_time_ms)
            }
            (TimestampType::CreateTime, Some(largest)) => largest,
            (TimestampType::CreateTime, None) | (TimestampType::LogAppendTime, _) => append_time_ms,
        };
        StoredBatch {
            offsets: OffsetRange { first: base_offset, end: base_offset.plus(self.record_count.into()) },
            offset_deltas: None,
            record_count: self.record_count,
            append_time_ms,
            max_timestamp_ms,
            timestamp_type: self.timestamp_type,
            compression: Compression::None,
            payload: match self.payload.as_slice() {
                [whole] => whole.clone(),
                pieces => pieces.concat().into(),
            },
        }
    }
}

/// A batch as it lies in a log: whole and checked against its CRC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBatch {
    /// The offsets that the batch covers; holes included.
    pub offsets: OffsetRange,
    /// Where offsets have holes: each record's distance from the first, rising, one a record.
    pub offset_deltas: Option<Arc<[u32]>>,
    /// How many records the payload holds.
    pub record_count: u32,
    /// When the broker appended it, in milliseconds since the Unix epoch.
    pub append_time_ms: i64,
    /// The largest time of a record in it, in milliseconds since the Unix epoch.
    pub max_timestamp_ms: i64,
    /// Whose clock the records' times are.
    pub timestamp_type: TimestampType,
    /// How the payload is compressed.
    pub compression: Compression,
    /// The encoded record set.
    pub payload: Bytes,
}

impl StoredBatch {
    /// The first offset that the batch covers.
    #[must_use]
    pub const fn base_offset(&self) -> Offset {
        self.offsets.first
    }
}
