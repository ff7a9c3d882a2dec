//! Offsets by time, exact to the record.

use super::{ReadError, Residency, StoreReader};
use crate::codec::record_set::{self, RecordSetError};
use crate::log::{self, ReadCursor};
use crate::types::{Offset, OffsetRange, StoredBatch};

/// How much is read at a time behind the place that the index gives, in bytes.
const READ_BYTES: usize = 256 * 1024;

/// The first record whose time is not before `timestamp_ms`; the durable offset where all are older. Waits for
/// the disk.
pub(super) fn first_at_or_after(reader: &dyn StoreReader, timestamp_ms: i64) -> Result<Offset, ReadError> {
    let mut cursor = reader.seek_time(timestamp_ms).or_else(|error| match error {
        log::ReadError::OutOfRange { available } => Ok(ReadCursor::at(available.first)),
        other => Err(carry_over(other)),
    })?;
    loop {
        let batches = match reader.read(&mut cursor, READ_BYTES, Residency::MayBlock) {
            Ok(batches) => batches,
            // Retention was faster: what it took is not in the log any more.
            Err(log::ReadError::OutOfRange { available }) if cursor.next < available.first => {
                cursor = ReadCursor::at(available.first);
                continue;
            }
            Err(error) => return Err(carry_over(error)),
        };
        if batches.is_empty() {
            return Ok(cursor.next);
        }
        for batch in batches.iter().filter(|batch| batch.max_timestamp_ms >= timestamp_ms) {
            if let Some(offset) = first_in(batch, reader.log_start_offset(), timestamp_ms)
                .map_err(|_| ReadError::Malformed { offsets: batch.offsets })?
            {
                return Ok(offset);
            }
        }
    }
}

/// The log may start in the middle of a batch: what lies before is not looked at.
fn first_in(
    batch: &StoredBatch,
    log_start: Offset,
    timestamp_ms: i64,
) -> Result<Option<Offset>, RecordSetError> {
    let readable = OffsetRange { first: log_start, end: Offset(u64::MAX) };
    match record_set::trim(batch, readable)? {
        Some(batch) => record_set::first_at_or_after(&batch, timestamp_ms),
        None => Ok(None),
    }
}

fn carry_over(error: log::ReadError) -> ReadError {
    ReadError::from_store(error).unwrap_or(ReadError::Unavailable(super::Unavailable::Closed))
}
