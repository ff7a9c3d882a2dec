//! Cuts stored batches at record borders, for readers that start or stop in the middle of one, or take less
//! than a whole one at a time. A cut batch shares the bytes of the whole: this is slicing, not transcoding.
//!
//! A cut batch keeps the append time and the largest record time of the whole; the latter is a bound then.
//! Compressed batches cannot be cut: they come back whole, whatever is wanted of them.

use std::ops::Range;
use std::sync::Arc;

use super::{Malformation, RecordSetError, Records};
use crate::types::num::u32_to_usize;
use crate::types::{Compression, Offset, OffsetRange, StoredBatch, TimestampType};

/// The records of `batch` whose offsets are `wanted`; None where there are none. A batch that is wanted whole
/// is not looked into.
///
/// # Errors
/// The payload is not a record set of as many records as the batch says.
pub fn trim(batch: &StoredBatch, wanted: OffsetRange) -> Result<Option<StoredBatch>, RecordSetError> {
    let offsets =
        OffsetRange { first: batch.offsets.first.max(wanted.first), end: batch.offsets.end.min(wanted.end) };
    if offsets.first >= offsets.end {
        return Ok(None);
    }
    if offsets == batch.offsets || batch.compression != Compression::None {
        return Ok(Some(batch.clone()));
    }
    let records = index_at_or_after(batch, offsets.first)..index_at_or_after(batch, offsets.end);
    if records.is_empty() {
        return Ok(None);
    }
    let start = position_of(&batch.payload, records.start)?;
    let behind_start = batch.payload.get(start..).unwrap_or_default();
    let end = if u32_to_usize(batch.record_count) == records.end {
        batch.payload.len()
    } else {
        start + position_of(behind_start, records.len())?
    };
    Ok(Some(slice(batch, records, start..end, offsets.end)))
}

/// The first records of `batch`, as many as have at most `bytes_max` bytes together but at least one, and the
/// rest. A batch that fits is not looked into.
///
/// # Errors
/// The payload is not a record set.
pub fn split(
    batch: &StoredBatch,
    bytes_max: usize,
) -> Result<(StoredBatch, Option<StoredBatch>), RecordSetError> {
    if batch.payload.len() <= bytes_max || batch.record_count <= 1 || batch.compression != Compression::None {
        return Ok((batch.clone(), None));
    }
    let (mut count, mut position) = (0_usize, 0_usize);
    for record in Records::new(&batch.payload) {
        let record = record?;
        if count > 0 && record.range.end > bytes_max {
            break;
        }
        count += 1;
        position = record.range.end;
    }
    let all = u32_to_usize(batch.record_count);
    if count >= all {
        return Ok((batch.clone(), None));
    }
    let border = offset_of(batch, count);
    let head = slice(batch, 0..count, 0..position, border);
    let rest = slice(batch, count..all, position..batch.payload.len(), batch.offsets.end);
    Ok((head, Some(rest)))
}

/// The first record of `batch` whose time is not before `timestamp_ms`; None where all are older. The first
/// record of a compressed batch that has one.
///
/// # Errors
/// The payload is not a record set.
pub fn first_at_or_after(batch: &StoredBatch, timestamp_ms: i64) -> Result<Option<Offset>, RecordSetError> {
    if batch.max_timestamp_ms < timestamp_ms {
        return Ok(None);
    }
    if batch.compression != Compression::None || batch.timestamp_type == TimestampType::LogAppendTime {
        return Ok(Some(offset_of(batch, 0)));
    }
    for (index, record) in Records::new(&batch.payload).enumerate() {
        let time_ms = record?.timestamp_ms()?.unwrap_or(batch.append_time_ms);
        if time_ms >= timestamp_ms {
            return Ok(Some(offset_of(batch, index)));
        }
    }
    Ok(None)
}

/// The offset of a record, by its number in the batch.
fn offset_of(batch: &StoredBatch, index: usize) -> Offset {
    let delta = match &batch.offset_deltas {
        None => crate::types::num::to_u64(index),
        Some(deltas) => deltas.get(index).copied().unwrap_or_default().into(),
    };
    batch.base_offset().plus(delta)
}

/// The number in the batch of the first record at or behind an offset.
fn index_at_or_after(batch: &StoredBatch, offset: Offset) -> usize {
    let distance = offset.since(batch.base_offset());
    match &batch.offset_deltas {
        None => crate::types::num::to_usize(distance).min(u32_to_usize(batch.record_count)),
        Some(deltas) => deltas.partition_point(|&delta| u64::from(delta) < distance),
    }
}

/// Where in a set the record with this number begins.
fn position_of(set: &[u8], index: usize) -> Result<usize, RecordSetError> {
    match index.checked_sub(1) {
        None => Ok(0),
        Some(before) => match Records::new(set).nth(before) {
            Some(record) => Ok(record?.range.end),
            None => Err(RecordSetError::Malformed {
                record: index,
                position: set.len(),
                what: Malformation::Truncated,
            }),
        },
    }
}

fn slice(batch: &StoredBatch, records: Range<usize>, bytes: Range<usize>, end: Offset) -> StoredBatch {
    let first = offset_of(batch, records.start);
    let offset_deltas = batch.offset_deltas.as_ref().and_then(|deltas| {
        let kept = deltas.get(records.clone()).unwrap_or_default();
        let base = kept.first().copied().unwrap_or_default();
        let is_dense =
            kept.last().map(|last| u32_to_usize(last.saturating_sub(base)) + 1) == Some(kept.len());
        (!is_dense).then(|| kept.iter().map(|delta| delta.saturating_sub(base)).collect::<Arc<[u32]>>())
    });
    StoredBatch {
        offsets: OffsetRange { first, end },
        offset_deltas,
        record_count: u32::try_from(records.len()).unwrap_or(u32::MAX),
        append_time_ms: batch.append_time_ms,
        max_timestamp_ms: batch.max_timestamp_ms,
        timestamp_type: batch.timestamp_type,
        compression: batch.compression,
        payload: batch.payload.slice(bytes),
    }
}
