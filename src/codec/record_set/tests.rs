//! What passes decodes in a real protobuf decoder, and the encoder writes what a real one does.

mod cut;
mod malformed;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::wire::client::pubsub::{Header, Record, RecordSet};

const LIMITS: RecordLimits =
    RecordLimits { record_bytes_max: 1 << 20, records_max: 1000, payload_bytes_max: 1 << 20 };

fn record(value: &str, timestamp_ms: i64) -> Record {
    Record { value: Some(value.to_owned().into()), timestamp_ms, ..Record::default() }
}

fn encode(records: &[Record]) -> Bytes {
    RecordSet { record: records.to_vec() }.encode_to_vec().into()
}

fn parts(record: &Record) -> RecordParts<'_, impl Iterator<Item = (&str, &[u8])> + Clone> {
    RecordParts {
        key: record.key.as_deref(),
        value: record.value.as_deref(),
        headers: record.headers.iter().map(|header| (header.key.as_str(), &header.value[..])),
        timestamp_ms: record.timestamp_ms,
        message_id: &record.message_id,
        deliver_at_ms: record.deliver_at_ms,
    }
}

fn any_bytes() -> impl Strategy<Value = Bytes> {
    // Around the border at which a length takes a second byte.
    prop_oneof![0..5_usize, 120..140_usize]
        .prop_flat_map(|len| proptest::collection::vec(any::<u8>(), len))
        .prop_map(Bytes::from)
}

fn any_record() -> impl Strategy<Value = Record> {
    let header = ("[a-zäß]{0,3}", any_bytes()).prop_map(|(key, value)| Header { key, value });
    (
        proptest::option::of(any_bytes()),
        proptest::option::of(any_bytes()),
        proptest::collection::vec(header, 0..3),
        prop_oneof![Just(0), 0..=i64::MAX],
        "[a-z€]{0,4}",
        prop_oneof![4 => Just(0), 1 => 0..=i64::MAX],
    )
        .prop_map(|(key, value, headers, timestamp_ms, message_id, deliver_at_ms)| Record {
            key,
            value,
            headers,
            timestamp_ms,
            message_id,
            deliver_at_ms,
        })
}

proptest! {
    #[test]
    fn records_are_encoded_as_the_canonical_encoder_does(records in proptest::collection::vec(any_record(), 0..4)) {
        let mut encoded = BytesMut::new();
        for record in &records {
            prop_assert_eq!(record_len(&parts(record)), record.encoded_len());
            encode_record(&parts(record), &mut encoded);
        }
        prop_assert_eq!(encoded.freeze(), encode(&records));
    }

    #[test]
    fn valid_sets_pass_and_are_summed_up(records in proptest::collection::vec(any_record(), 1..6)) {
        let summary = validate(&[encode(&records)], LIMITS).unwrap();
        let times = records.iter().map(|record| record.timestamp_ms);
        let expected = RecordSetSummary {
            record_count: records.len() as u32,
            max_timestamp_ms: times.clone().filter(|&time| time != 0).max(),
            has_untimed_records: times.clone().any(|time| time == 0),
            has_delayed_records: records.iter().any(|record| record.deliver_at_ms != 0),
            longest_record_bytes: records.iter().map(prost::Message::encoded_len).max().unwrap(),
        };
        prop_assert_eq!(summary, expected);
    }

    #[test]
    fn the_walk_finds_every_record_and_its_time(records in proptest::collection::vec(any_record(), 0..6)) {
        let set = encode(&records);
        let spans: Vec<_> = Records::new(&set).map(Result::unwrap).collect();
        prop_assert_eq!(spans.len(), records.len());
        let mut end = 0;
        for (span, record) in spans.iter().zip(&records) {
            prop_assert_eq!(span.range.start, end);
            end = span.range.end;
            prop_assert_eq!(&set[span.range.clone()], &encode(std::slice::from_ref(record))[..]);
            prop_assert_eq!(&Record::decode(span.body).unwrap(), record);
            let time = Some(record.timestamp_ms).filter(|&time| time != 0);
            prop_assert_eq!(span.timestamp_ms().unwrap(), time);
        }
        prop_assert_eq!(end, set.len());
    }

    #[test]
    fn whatever_passes_decodes_to_the_same_number_of_records(
        records in proptest::collection::vec(any_record(), 1..4),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut set = encode(&records).to_vec();
        for (place, byte) in changes {
            let place = place.index(set.len());
            set[place] = byte;
        }
        if let Some(cut) = cut {
            set.truncate(cut.index(set.len()));
        }
        if let Ok(summary) = validate(&[&set], LIMITS) {
            let decoded = RecordSet::decode(&set[..]).unwrap();
            prop_assert_eq!(decoded.record.len(), summary.record_count as usize);
            prop_assert_eq!(Records::new(&set).filter(Result::is_ok).count(), decoded.record.len());
        }
    }

    #[test]
    fn garbage_makes_nothing_panic(set in proptest::collection::vec(any::<u8>(), 0..64)) {
        let accepted = validate(&[&set], LIMITS).is_ok();
        prop_assert!(!accepted || RecordSet::decode(&set[..]).is_ok());
        for span in Records::new(&set).flatten() {
            let _ = span.timestamp_ms();
        }
    }
}

#[test]
fn pieces_mean_the_same_as_their_concatenation() {
    let (one, two) = (encode(&[record("a", 5), record("b", 0)]), encode(&[record("c", 9)]));
    let whole = validate(&[[&one[..], &two].concat()], LIMITS).unwrap();
    assert_eq!(validate(&[one, Bytes::new(), two], LIMITS), Ok(whole));
    assert_eq!((whole.record_count, whole.max_timestamp_ms), (3, Some(9)));
}

#[test]
fn a_record_may_not_reach_from_one_piece_into_the_next() {
    let set = encode(&[record("abcdef", 0)]);
    let error = validate(&[set.slice(..4), set.slice(4..)], LIMITS).unwrap_err();
    assert!(matches!(error, RecordSetError::Malformed { what: Malformation::Overrun, .. }));
}

#[test]
fn limits_hold_to_the_byte() {
    let set = encode(&[record("abc", 0), record("abcd", 0)]);
    let exact = RecordLimits { record_bytes_max: 6, records_max: 2, payload_bytes_max: set.len() };
    assert!(validate(&[&set], exact).is_ok());

    let limits = RecordLimits { record_bytes_max: 5, ..exact };
    assert_eq!(validate(&[&set], limits), Err(RecordSetError::RecordTooLong { record: 1, len: 6, max: 5 }));
    let limits = RecordLimits { records_max: 1, ..exact };
    assert_eq!(validate(&[&set], limits), Err(RecordSetError::TooManyRecords { max: 1 }));
    let limits = RecordLimits { payload_bytes_max: set.len() - 1, ..exact };
    let (len, max) = (set.len(), set.len() - 1);
    assert_eq!(validate(&[&set], limits), Err(RecordSetError::PayloadTooLong { len, max }));
}

#[test]
fn headers_are_counted() {
    let max = crate::types::limits::RECORD_HEADERS_MAX;
    let mut record = Record { headers: vec![Header::default(); max], ..Record::default() };
    assert!(validate(&[encode(&[record.clone()])], LIMITS).is_ok());
    record.headers.push(Header::default());
    let error = validate(&[encode(&[Record::default(), record])], LIMITS).unwrap_err();
    assert_eq!(error, RecordSetError::TooManyHeaders { record: 1, max });
}

#[test]
fn times_before_the_epoch_are_refused() {
    let set = encode(&[record("a", 1), record("b", -1)]);
    let error = RecordSetError::NegativeTime { record: 1, field: "timestamp_ms" };
    assert_eq!(validate(&[set], LIMITS), Err(error));
    let set = encode(&[Record { deliver_at_ms: i64::MIN, ..Record::default() }]);
    let error = RecordSetError::NegativeTime { record: 0, field: "deliver_at_ms" };
    assert_eq!(validate(&[set], LIMITS), Err(error));
}

#[test]
fn no_records_are_no_set() {
    assert_eq!(validate::<&[u8]>(&[], LIMITS), Err(RecordSetError::Empty));
    assert_eq!(validate(&[b""], LIMITS), Err(RecordSetError::Empty));
    assert!(validate(&[encode(&[Record::default()])], LIMITS).is_ok());
}
