//! Tests of the frame codec.

use proptest::prelude::*;

use super::*;

fn header() -> FrameHeader {
    FrameHeader {
        payload_len: 300,
        payload_crc: 0x1111_2222,
        deltas_crc: 0,
        nonce: 0x0123_4567_89ab_cdef,
        position: FilePosition(1024),
        open_epoch: 3,
        previous_crc: 0x3333_4444,
        offsets: OffsetRange { first: Offset(50), end: Offset(53) },
        record_count: 3,
        has_deltas: false,
        compression: Compression::None,
        timestamp_type: TimestampType::CreateTime,
        append_time_ms: 1_700_000_000_000,
        max_timestamp_ms: 1_700_000_000_001,
        producer: ProducerStamp { id: 9, epoch: 2, first_sequence: 7, last_sequence: 9 },
        uncompressed_len: 300,
        durable_upto: FilePosition(1024),
        leader_epoch: 0,
    }
}

#[test]
fn golden_bytes() {
    let (bytes, crc) = header().encode();
    assert_eq!(crc, 0x3339_1640, "the frame's layout is final");
    assert_eq!(&bytes[..8], b"HWFR\x2c\x01\x00\x00");
    assert_eq!(&bytes[40..48], &50u64.to_le_bytes());
}

#[test]
fn every_flipped_bit_of_a_header_is_noticed() {
    let (sound, _) = header().encode();
    for bit in 0..HEADER_LEN * 8 {
        let mut bytes = sound;
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(FrameHeader::decode(&bytes).is_err(), "bit {bit}");
    }
}

#[test]
fn fields_that_disagree_are_refused_even_with_a_right_crc() {
    let span = |first, end| OffsetRange { first: Offset(first), end: Offset(end) };
    let bad = [
        FrameHeader { offsets: span(50, 49), record_count: 0, ..header() },
        FrameHeader { offsets: span(50, 52), ..header() },
        FrameHeader { offsets: span(50, 54), ..header() },
        FrameHeader { durable_upto: FilePosition(1025), ..header() },
        FrameHeader { payload_len: u32::MAX, ..header() },
        FrameHeader { record_count: u32::MAX, offsets: span(0, u64::from(u32::MAX)), ..header() },
    ];
    for header in bad {
        assert!(FrameHeader::decode(&header.encode().0).is_err(), "{header:?}");
    }
}

#[test]
fn delta_tables_must_rise_and_fit() {
    let header = FrameHeader {
        offsets: OffsetRange { first: Offset(10), end: Offset(20) },
        record_count: 3,
        has_deltas: true,
        ..header()
    };
    let table = |deltas: [u32; 3]| deltas.iter().flat_map(|d| d.to_le_bytes()).collect::<Vec<u8>>();
    assert_eq!(decode_deltas(&header, &table([0, 4, 9])), Ok(vec![0, 4, 9]));
    assert!(decode_deltas(&header, &table([0, 4, 10])).is_err());
    assert!(decode_deltas(&header, &table([0, 4, 4])).is_err());
}

prop_compose! {
    fn any_header()(
        payload_len in 0u32..=60_000_000,
        crcs in any::<[u32; 3]>(),
        nonce in any::<u64>(),
        position in any::<u64>(),
        durable in any::<u64>(),
        epochs in any::<[u32; 5]>(),
        first in 0u64..=u64::MAX - 2_000_000,
        count in 0u32..=1_000_000,
        hole in 0u32..1000,
        times in any::<[i64; 2]>(),
        producer in any::<u64>(),
        codec in 0..3,
        log_append in any::<bool>(),
    ) -> FrameHeader {
        let has_deltas = hole > 0 && count > 0;
        let span = u64::from(count) + u64::from(if has_deltas { hole } else { 0 });
        FrameHeader {
            payload_len,
            payload_crc: crcs[0],
            deltas_crc: crcs[1],
            nonce,
            position: FilePosition(position),
            open_epoch: epochs[0],
            previous_crc: crcs[2],
            offsets: OffsetRange { first: Offset(first), end: Offset(first + span) },
            record_count: count,
            has_deltas,
            compression: [Compression::None, Compression::Lz4, Compression::Zstd][codec as usize],
            timestamp_type: if log_append { TimestampType::LogAppendTime } else { TimestampType::CreateTime },
            append_time_ms: times[0],
            max_timestamp_ms: times[1],
            producer: ProducerStamp {
                id: producer, epoch: epochs[1], first_sequence: epochs[2], last_sequence: epochs[3],
            },
            uncompressed_len: payload_len,
            durable_upto: FilePosition(durable.min(position)),
            leader_epoch: epochs[4],
        }
    }
}

proptest! {
    #[test]
    fn headers_round_trip(header in any_header()) {
        let (bytes, crc) = header.encode();
        prop_assert_eq!(FrameHeader::decode(&bytes), Ok((header, crc)));
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = FrameHeader::decode(&bytes);
        let mut with_magic = MAGIC.to_vec();
        with_magic.extend_from_slice(&bytes);
        prop_assert!(FrameHeader::decode(&with_magic).is_err());
    }
}

/// The worked example of `docs/format.md`: one record, value `hello`, as the second frame of a segment.
fn worked_example() -> Vec<u8> {
    let payload = b"\x0a\x07\x12\x05hello";
    let header = FrameHeader {
        payload_len: 9,
        payload_crc: crc32fast::hash(payload),
        nonce: 0x1122_3344_5566_7788,
        position: FilePosition(1200),
        open_epoch: 1,
        previous_crc: 0xcafe_f00d,
        offsets: OffsetRange { first: Offset(41), end: Offset(42) },
        record_count: 1,
        producer: ProducerStamp::default(),
        max_timestamp_ms: 1_700_000_000_000,
        uncompressed_len: 9,
        durable_upto: FilePosition(1200),
        ..header()
    };
    let mut bytes = header.encode().0.to_vec();
    bytes.extend_from_slice(payload);
    bytes
}

#[test]
fn the_worked_example_of_the_format_document_is_true() {
    let document = include_str!("../../docs/format.md");
    for (index, line) in worked_example().chunks(16).enumerate() {
        let hex: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let line = format!("{:>4}  {}", 1200 + index * 16, hex.join(" "));
        assert!(document.contains(&line), "docs/format.md must show: {line}");
    }
}
