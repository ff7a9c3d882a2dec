//! Bytes that look like what they are not.

use super::*;
use crate::codec::frame::{FrameHeader, HEADER_LEN};
use crate::codec::segment_header::FRAMES_START;
use crate::log::layout::segment_path;
use crate::log::{ReadCursor, ReadError, Residency};
use crate::types::num::to_usize;
use crate::types::planted::{Bug, with_planted};
use crate::types::{FilePosition, NewBatch, Offset};

const START: usize = 1024;

fn path() -> std::path::PathBuf {
    segment_path(&directory(), Offset(0))
}

fn append_bytes(log: &mut Log, bytes: &[u8]) {
    log.append(&[NewBatch { payload: vec![bytes.to_vec().into()], ..batch(0, 1, 8) }], 1_000).unwrap();
    log.sync().unwrap();
}

fn frame(disk: &SimulatedDisk, at: usize) -> Vec<u8> {
    let bytes = disk.read_all(&path());
    let (header, _) = FrameHeader::decode(&bytes[at..]).unwrap();
    bytes[at..at + to_usize(header.frame_len())].to_vec()
}

/// A log of a sound frame, one whose value is made of `forged`, and a sound one; then the header of the middle
/// one rots, so that recovery and readers search its value for the next frame.
fn with_value(disk: &SimulatedDisk, forge: impl Fn(&[u8], usize) -> Vec<u8>) {
    let mut log = open(disk);
    append(&mut log, 7, 1, 100);
    let value_at = START + 228 + HEADER_LEN;
    append_bytes(&mut log, &forge(&frame(disk, START), value_at));
    append(&mut log, 8, 1, 100);
    log.vouch().unwrap();
    let before = read_all(&log);
    assert_eq!(before.len(), 3, "a value is only a value");
    drop(log);
    let unhurt = disk.after_power_cut(0);
    assert_eq!(read_all(&open(&unhurt)), before);

    disk.flip_bit(&path(), (START + 228 + 20) * 8);
    let opened = open_with(disk, small_config()).unwrap();
    assert_eq!(opened.report.damaged.len(), 1);
    for log in [opened.log, open(disk)] {
        let read =
            |offset: u64| log.reader().read(&mut ReadCursor::at(Offset(offset)), 1, Residency::MayBlock);
        assert_eq!(read(0).unwrap()[0], before[0]);
        assert!(matches!(read(1), Err(ReadError::Corrupt(range)) if range.offsets.end == Offset(2)));
        assert_eq!(read(2).unwrap()[0], before[2]);
    }
}

#[test]
fn s9_a_record_value_that_is_a_frame_of_this_segment_byte_for_byte() {
    with_value(&disk_with_log(), |frame, _| frame.to_vec());
}

#[test]
fn s9_a_record_value_that_is_a_frame_for_its_very_place_but_for_the_nonce() {
    with_value(&disk_with_log(), |frame, value_at| {
        let (header, _) = FrameHeader::decode(frame).unwrap();
        let forged = FrameHeader {
            nonce: 0x1234_5678_9abc_def0,
            position: FilePosition(value_at as u64),
            offsets: crate::types::OffsetRange { first: Offset(1), end: Offset(2) },
            durable_upto: FilePosition(value_at as u64),
            ..header
        };
        [&forged.encode().0[..], &frame[HEADER_LEN..]].concat()
    });
}

#[test]
fn s9_a_record_value_full_of_magics_and_footers() {
    with_value(&disk_with_log(), |frame, _| [&b"HWFRHWFRHWFOOTER"[..], frame, b"HWFR"].concat().repeat(3));
}

/// Puts a frame, in every other way right, behind two sound ones of a log that was closed.
fn with_frame(change: impl Fn(FrameHeader) -> FrameHeader) -> (SimulatedDisk, Log) {
    let disk = disk_with_log();
    let mut log = open(&disk);
    append_numbered(&mut log, 2, 100);
    drop(log);
    let second = START + 228;
    let (header, crc) = FrameHeader::decode(&frame(&disk, second)).unwrap();
    let forged = change(FrameHeader {
        position: header.end_position(),
        previous_crc: crc,
        offsets: crate::types::OffsetRange { first: Offset(2), end: Offset(3) },
        ..header
    });
    let bytes = [&forged.encode().0[..], &frame(&disk, second)[HEADER_LEN..]].concat();
    disk.overwrite(&path(), to_usize(header.end_position().0), &bytes);
    let log = open(&disk);
    (disk, log)
}

#[test]
fn s9_batches_that_overlap_or_go_back_are_not_taken() {
    assert_eq!(read_all(&with_frame(|header| header).1).len(), 3, "the frame itself would do");
    let unchained = |header: FrameHeader| FrameHeader { previous_crc: !header.previous_crc, ..header };
    let taken = with_planted(Some(Bug::SkipChain), || read_all(&with_frame(unchained).1).len());
    assert_eq!(taken, 3, "a log that does not look at the chain would take what is refused below");
    type Change = fn(&mut FrameHeader);
    let changes: [Change; 7] = [
        |header| header.offsets.first = Offset(1),
        |header| header.offsets = crate::types::OffsetRange { first: Offset(0), end: Offset(1) },
        |header| header.position = FRAMES_START,
        |header| header.previous_crc ^= 1,
        |header| header.nonce ^= 1,
        |header| header.open_epoch = 0,
        |header| header.payload_crc ^= 1,
    ];
    for (index, change) in changes.iter().enumerate() {
        let (disk, mut log) = with_frame(|mut header| {
            change(&mut header);
            if index == 0 {
                (header.record_count, header.offsets.end) = (2, Offset(3));
            }
            header
        });
        assert_eq!(numbered(&log), [0, 1], "change {index}");
        append_numbered(&mut log, 2, 100);
        assert_eq!(numbered(&log), [0, 1, 2, 3]);
        drop(log);
        assert_eq!(numbered(&open(&disk)), [0, 1, 2, 3]);
    }
}

#[test]
fn s9_two_segments_that_claim_the_same_offsets_are_both_not_believed() {
    let disk = disk_with_log();
    let mut log = open(&disk);
    append_numbered(&mut log, 9 * 3, 200);
    drop(log);
    // The second segment of a log that had rolled earlier.
    let other = disk_with_log();
    let mut log = open(&other);
    append_numbered(&mut log, 5, 200);
    log.seal().unwrap();
    append_numbered(&mut log, 9, 200);
    drop(log);
    let stray = segment_path(&directory(), Offset(5));
    disk.put_raw(&stray, &other.read_all(&stray));
    let opened = open_with(&disk, small_config()).unwrap();
    let damaged: Vec<_> = opened.report.damaged.iter().map(|range| range.offsets.first.0).collect();
    assert!(damaged.contains(&5), "{damaged:?}");
    let read = |offset| opened.log.reader().read(&mut ReadCursor::at(offset), 1, Residency::MayBlock);
    assert!(read(Offset(2)).is_ok() && read(Offset(20)).is_ok());
    assert!(matches!(read(Offset(6)), Err(ReadError::Corrupt(_))));
}
