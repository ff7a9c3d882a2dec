//! What goes into a partition's queue, and what comes back.

use bytes::Bytes;
use tokio::sync::oneshot;

use super::AppendFailure;
use crate::types::{NewBatch, Offset, TimestampType};

/// One request to append.
#[derive(Clone, Debug)]
pub struct Append {
    /// The records.
    pub kind: AppendKind,
    /// Append only if the first record gets this offset.
    pub expected_offset: Option<Offset>,
}

/// The records of an append. They are validated: nothing behind this point looks into them.
#[derive(Clone, Debug)]
pub enum AppendKind {
    /// One record, which shares a frame with others that are published at the same time.
    Simple {
        /// The record as an element of a record set (see [`crate::codec::record_set::encode_record`]).
        record: Bytes,
        /// The producer's timestamp, in milliseconds since the Unix epoch; None: the append time.
        timestamp_ms: Option<i64>,
        /// Whose clock the record's time is. Only records that agree in it share a frame.
        timestamp_type: TimestampType,
    },
    /// A batch, which becomes a frame as it is.
    Batch(NewBatch),
}

impl AppendKind {
    /// What it carries, in bytes: what a permit is asked for.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        match self {
            AppendKind::Simple { record, .. } => record.len(),
            AppendKind::Batch(batch) => batch.payload_len(),
        }
    }

    /// How many records it has.
    #[must_use]
    pub const fn record_count(&self) -> u32 {
        match self {
            AppendKind::Simple { .. } => 1,
            AppendKind::Batch(batch) => batch.record_count,
        }
    }
}

/// What has become of an append that succeeded: its records are synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The offset of its first record; the others follow without holes.
    pub base_offset: Offset,
    /// How many records it had.
    pub record_count: u32,
    /// The first offset of the partition that was not yet synced, right after this append was.
    pub durable_offset: Offset,
    /// The append time of the records, in milliseconds since the Unix epoch.
    pub append_time_ms: i64,
}

/// Where the outcome of an append arrives. Dropping it does not take the append back: it may still commit.
///
/// The channel breaks (`RecvError`) only where the commit job died, which leaves the outcome unknown.
pub type AppendReceipt = oneshot::Receiver<Result<Appended, AppendFailure>>;
