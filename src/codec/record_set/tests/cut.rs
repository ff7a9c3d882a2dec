//! Cuts fall between records, lose none, and share the bytes.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::*;
use super::{encode, record};
use crate::types::{Compression, Offset, OffsetRange, StoredBatch, TimestampType};

/// Records `r0`, `r1` ... with the times 100, 101 ...; the batch begins at offset 10.
fn batch(count: u32, offset_deltas: Option<&[u32]>) -> StoredBatch {
    let records: Vec<_> =
        (0..count).map(|index| record(&format!("r{index}"), 100 + i64::from(index))).collect();
    let last = offset_deltas.map_or(count - 1, |deltas| *deltas.last().unwrap());
    StoredBatch {
        offsets: OffsetRange { first: Offset(10), end: Offset(11 + u64::from(last)) },
        offset_deltas: offset_deltas.map(Arc::from),
        record_count: count,
        append_time_ms: 500,
        max_timestamp_ms: 99 + i64::from(count),
        timestamp_type: TimestampType::CreateTime,
        compression: Compression::None,
        payload: encode(&records),
    }
}

fn wanted(first: u64, end: u64) -> OffsetRange {
    OffsetRange { first: Offset(first), end: Offset(end) }
}

/// The records of a batch by offset and value.
fn contents(batch: &StoredBatch) -> Vec<(u64, String)> {
    let records: Vec<_> = Records::new(&batch.payload).map(Result::unwrap).collect();
    assert_eq!(records.len(), batch.record_count as usize);
    let offset = |index| match &batch.offset_deltas {
        None => batch.offsets.first.0 + index as u64,
        Some(deltas) => batch.offsets.first.0 + u64::from(deltas[index]),
    };
    let value = |body| {
        let record: crate::wire::client::pubsub::Record = prost::Message::decode(body).unwrap();
        String::from_utf8(record.value.unwrap().to_vec()).unwrap()
    };
    records.iter().enumerate().map(|(index, span)| (offset(index), value(span.body))).collect()
}

proptest! {
    #[test]
    fn a_trimmed_batch_has_the_wanted_records_and_no_others(
        gaps in proptest::collection::vec(1..3_u32, 0..6),
        has_deltas: bool,
        first in 8..25_u64,
        len in 0..15_u64,
    ) {
        let deltas: Vec<u32> = std::iter::once(0)
            .chain(gaps.iter().scan(0, |sum, gap| { *sum += if has_deltas { *gap } else { 1 }; Some(*sum) }))
            .collect();
        let whole = batch(deltas.len() as u32, has_deltas.then_some(&deltas));
        let range = wanted(first, first + len);
        let expected: Vec<_> =
            contents(&whole).into_iter().filter(|(offset, _)| range.contains(Offset(*offset))).collect();
        match trim(&whole, range).unwrap() {
            None => prop_assert!(expected.is_empty()),
            Some(cut) => {
                prop_assert_eq!(contents(&cut), expected);
                prop_assert!(cut.offsets.end <= range.end.min(whole.offsets.end));
            }
        }
    }

    #[test]
    fn splitting_again_and_again_loses_nothing(count in 1..12_u32, bytes_max in 0..60_usize, has_holes: bool) {
        let deltas: Vec<u32> = (0..count).map(|index| index * 3).collect();
        let whole = batch(count, has_holes.then_some(&deltas));
        let mut rest = Some(whole.clone());
        let (mut found, mut next) = (Vec::new(), whole.offsets.first);
        while let Some(batch) = rest {
            let (head, tail) = split(&batch, bytes_max).unwrap();
            prop_assert!(head.payload.len() <= bytes_max || head.record_count == 1);
            prop_assert_eq!(head.offsets.first, next);
            next = head.offsets.end;
            found.extend(contents(&head));
            rest = tail;
        }
        prop_assert_eq!(next, whole.offsets.end);
        prop_assert_eq!(found, contents(&whole));
    }
}

#[test]
fn a_batch_that_is_wanted_whole_is_not_looked_into() {
    let garbage = StoredBatch { payload: "garbage".into(), ..batch(3, None) };
    assert_eq!(trim(&garbage, wanted(0, 99)).unwrap().unwrap(), garbage);
    assert_eq!(split(&garbage, 7).unwrap(), (garbage.clone(), None));
    assert!(trim(&garbage, wanted(11, 99)).is_err());
    assert!(split(&garbage, 6).is_err());
}

#[test]
fn a_cut_shares_the_bytes_of_the_whole() {
    let whole = batch(4, None);
    let cut = trim(&whole, wanted(11, 13)).unwrap().unwrap();
    let bytes = whole.payload.as_ptr_range();
    assert!(bytes.contains(&cut.payload.as_ptr()));
}

#[test]
fn deltas_vanish_from_a_cut_without_holes() {
    let whole = batch(4, Some(&[0, 1, 5, 6]));
    let cut = trim(&whole, wanted(12, 99)).unwrap().unwrap();
    assert_eq!((cut.offsets, cut.offset_deltas), (wanted(15, 17), None));
    let cut = trim(&whole, wanted(11, 16)).unwrap().unwrap();
    assert_eq!((cut.offsets, cut.offset_deltas.as_deref()), (wanted(11, 16), Some(&[0, 4][..])));
}

#[test]
fn a_payload_with_fewer_records_than_said_is_an_error() {
    let short = StoredBatch { offsets: wanted(10, 20), record_count: 10, ..batch(3, None) };
    assert!(trim(&short, wanted(15, 99)).is_err());
}

#[test]
fn compressed_batches_stay_whole() {
    let compressed = StoredBatch { compression: Compression::Zstd, ..batch(4, None) };
    assert_eq!(trim(&compressed, wanted(12, 13)).unwrap().unwrap(), compressed);
    assert_eq!(split(&compressed, 1).unwrap(), (compressed.clone(), None));
    assert_eq!(first_at_or_after(&compressed, 102).unwrap(), Some(Offset(10)));
}

#[test]
fn the_first_record_at_or_after_a_time_is_exact() {
    let whole = batch(4, Some(&[0, 1, 5, 6]));
    assert_eq!(first_at_or_after(&whole, 0).unwrap(), Some(Offset(10)));
    assert_eq!(first_at_or_after(&whole, 102).unwrap(), Some(Offset(15)));
    assert_eq!(first_at_or_after(&whole, 104).unwrap(), None);
}

#[test]
fn a_record_without_a_time_has_the_append_time() {
    let payload = encode(&[record("a", 100), record("b", 0), record("c", 900)]);
    let batch = StoredBatch { payload, max_timestamp_ms: 900, ..batch(3, None) };
    assert_eq!(first_at_or_after(&batch, 101).unwrap(), Some(Offset(11)));
    assert_eq!(first_at_or_after(&batch, 501).unwrap(), Some(Offset(12)));
    let by_append_time =
        StoredBatch { timestamp_type: TimestampType::LogAppendTime, max_timestamp_ms: 500, ..batch };
    assert_eq!(first_at_or_after(&by_append_time, 500).unwrap(), Some(Offset(10)));
    assert_eq!(first_at_or_after(&by_append_time, 501).unwrap(), None);
}
